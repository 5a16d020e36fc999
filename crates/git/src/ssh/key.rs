//! Public keys as SSH writes them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use signhere_pki::digest::{HashAlgorithm, sha256};
use signhere_pki::key::{KeyError, KeyKind, PublicKey, Scheme};

use super::SshError;
use super::wire::Reader;

/// What a name of an algorithm stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Ed25519,
    Ecdsa(KeyKind, &'static str),
    Rsa,
}

/// The algorithms by name (RFC 8709, RFC 5656, RFC 4253), and whether a security key holds the key (PROTOCOL.u2f).
const ALGORITHMS: [(&str, Family, bool); 7] = [
    ("ssh-ed25519", Family::Ed25519, false),
    (
        "ecdsa-sha2-nistp256",
        Family::Ecdsa(KeyKind::P256, "nistp256"),
        false,
    ),
    (
        "ecdsa-sha2-nistp384",
        Family::Ecdsa(KeyKind::P384, "nistp384"),
        false,
    ),
    (
        "ecdsa-sha2-nistp521",
        Family::Ecdsa(KeyKind::P521, "nistp521"),
        false,
    ),
    ("ssh-rsa", Family::Rsa, false),
    ("sk-ssh-ed25519@openssh.com", Family::Ed25519, true),
    (
        "sk-ecdsa-sha2-nistp256@openssh.com",
        Family::Ecdsa(KeyKind::P256, "nistp256"),
        true,
    ),
];

/// A public key of SSH. Two are equal when their bytes are.
#[derive(Clone)]
pub struct SshKey {
    algorithm: &'static str,
    family: Family,
    blob: Vec<u8>,
    public: PublicKey,
    application: Option<Vec<u8>>,
}

impl SshKey {
    /// Reads a key's bytes, which begin with the name of its algorithm.
    ///
    /// # Errors
    /// [`SshError::Certificate`] for certified keys, [`SshError::Algorithm`] for others that are not supported,
    /// [`SshError::Malformed`] and [`SshError::Key`].
    pub fn from_blob(blob: &[u8]) -> Result<Self, SshError> {
        const WHAT: &str = "key";
        let mut reader = Reader::new(blob);
        let name = reader.text(WHAT)?;
        if name.ends_with("-cert-v01@openssh.com") {
            return Err(SshError::Certificate);
        }
        let (algorithm, family, has_device) = ALGORITHMS
            .into_iter()
            .find(|(known, ..)| *known == name)
            .ok_or_else(|| SshError::Algorithm {
                found: name.to_owned(),
            })?;
        let public = match family {
            Family::Ed25519 => PublicKey::from_ed25519_bytes(reader.string(WHAT)?),
            Family::Ecdsa(kind, curve) => {
                if reader.text(WHAT)? != curve {
                    return Err(SshError::Malformed { what: WHAT });
                }
                PublicKey::from_ec_point(kind, reader.string(WHAT)?)
            }
            Family::Rsa => {
                let exponent = reader.positive(WHAT)?;
                PublicKey::from_rsa_components(reader.positive(WHAT)?, exponent)
            }
        };
        let application = match has_device {
            true => Some(reader.string(WHAT)?.to_vec()),
            false => None,
        };
        reader.finish(WHAT)?;
        Ok(Self {
            algorithm,
            family,
            blob: blob.to_vec(),
            public: public.map_err(SshError::Key)?,
            application,
        })
    }

    /// Returns the algorithm's name.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// Returns the key's fingerprint as OpenSSH shows it: `SHA256:` and base64 without padding.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(sha256(&self.blob)))
    }

    /// Returns the key that verifies.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// What a security key's signatures are bound to; `None` for keys in files.
    pub(super) fn application(&self) -> Option<&[u8]> {
        self.application.as_deref()
    }

    /// How a signature of the algorithm `name` by this key is verified; `None` where the two do not go together. RSA
    /// with SHA-1, which is called as the key is, is not verified (RFC 8332).
    pub(super) fn scheme(&self, name: &str) -> Option<Scheme> {
        match self.family {
            Family::Rsa => match name {
                "rsa-sha2-256" => Some(Scheme::rsa_pkcs1(HashAlgorithm::Sha256)),
                "rsa-sha2-512" => Some(Scheme::rsa_pkcs1(HashAlgorithm::Sha512)),
                _ => None,
            },
            _ if name != self.algorithm => None,
            Family::Ed25519 => Some(Scheme::Ed25519),
            // RFC 5656 section 6.2.1.
            Family::Ecdsa(kind, _) => {
                let hash = match kind {
                    KeyKind::P384 => HashAlgorithm::Sha384,
                    KeyKind::P521 => HashAlgorithm::Sha512,
                    _ => HashAlgorithm::Sha256,
                };
                Scheme::ecdsa(kind, hash)
            }
        }
    }

    /// An RSA signature in its full length: OpenSSH leaves out leading zeros that others write.
    pub(super) fn padded(&self, signature: &[u8]) -> Result<Vec<u8>, SshError> {
        let (modulus, _) = self
            .public
            .rsa_components()
            .ok_or(SshError::Key(KeyError::Rejected))?;
        let missing = modulus
            .len()
            .checked_sub(signature.len())
            .ok_or(SshError::BadSignature)?;
        let mut padded = vec![0; missing];
        padded.extend_from_slice(signature);
        Ok(padded)
    }
}

impl PartialEq for SshKey {
    fn eq(&self, other: &Self) -> bool {
        self.blob == other.blob
    }
}

impl Eq for SshKey {}

impl fmt::Debug for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SshKey({} {})", self.algorithm, self.fingerprint())
    }
}
