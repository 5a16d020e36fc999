//! Signatures by SSH keys (OpenSSH's PROTOCOL.sshsig), and the files that say whose keys those are.
//!
//! Such a signature has no certificate, no log entry and no proven time: a key made it, and a file says whose key that is.

mod allowed;
mod key;
mod wire;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::{KeyError, Scheme};

pub use allowed::{AllowedSigner, AllowedSigners, AllowedSignersError, LineFault, Validity};
pub use key::SshKey;
use wire::{Reader, string};

/// The namespace that git signs in.
pub const NAMESPACE: &str = "git";

/// What begins both the signature and what is signed.
const MAGIC: &[u8] = b"SSHSIG";
/// The only version.
const VERSION: u32 = 1;
/// No armor is longer, in bytes.
const MAX_ARMOR: usize = 64 * 1024;
const BEGIN: &[u8] = b"-----BEGIN SSH SIGNATURE-----\n";
const END: &[u8] = b"\n-----END SSH SIGNATURE-----";
/// The flag of a security key that was touched (FIDO2's "user present").
const TOUCHED: u8 = 1;

/// A signature by an SSH key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshSignature {
    key: SshKey,
    namespace: String,
    /// Part of what is signed, and nothing else.
    reserved: Vec<u8>,
    hash: HashAlgorithm,
    made: Made,
}

/// The signature itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    scheme: Scheme,
    /// As `PublicKey::verify` takes it.
    bytes: Vec<u8>,
    /// The flags and the counter of a security key.
    device: Option<(u8, u32)>,
}

/// Why an SSH signature is not good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SshError {
    /// The armor is not an SSH signature's.
    #[error("the armor is malformed")]
    Armor,
    /// The signature is longer than any.
    #[error("the armor has {found} bytes, more than {limit}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The most that is read.
        limit: usize,
    },
    /// A part is truncated, too long, or not what it must be.
    #[error("malformed: {what}")]
    Malformed {
        /// The part.
        what: &'static str,
    },
    /// Another version.
    #[error("version {found} of SSH signatures is not known")]
    Version {
        /// The version.
        found: u32,
    },
    /// The signature was made for something else.
    #[error("the signature is for {found:?}, not for {expected:?}")]
    Namespace {
        /// What it must be for.
        expected: &'static str,
        /// What it is for.
        found: String,
    },
    /// A hash or signature algorithm that is not supported, or that does not go with the key.
    #[error("{found:?} is not supported")]
    Algorithm {
        /// Its name.
        found: String,
    },
    /// The signature is by a certified key, and certificates of SSH are not supported.
    #[error("the signature is by an SSH certificate, and those are not supported")]
    Certificate,
    /// The key cannot be used.
    #[error("the key cannot be used: {0}")]
    Key(KeyError),
    /// The security key was not touched.
    #[error("the security key signed without being touched")]
    NotTouched,
    /// The signature is not one of these bytes by this key.
    #[error("the signature does not match")]
    BadSignature,
}

impl SshSignature {
    /// Reads an armored signature (PROTOCOL.sshsig section 1).
    ///
    /// # Errors
    /// When it is malformed or of an algorithm that is not supported.
    pub fn from_armor(armor: &[u8]) -> Result<Self, SshError> {
        if armor.len() > MAX_ARMOR {
            return Err(SshError::TooLong {
                found: armor.len(),
                limit: MAX_ARMOR,
            });
        }
        let unix: Vec<u8> = armor.iter().filter(|b| **b != b'\r').copied().collect();
        let inner = unix.trim_ascii_end().strip_prefix(BEGIN);
        let inner = inner.and_then(|inner| inner.strip_suffix(END));
        let text: Vec<u8> = inner
            .ok_or(SshError::Armor)?
            .iter()
            .filter(|byte| **byte != b'\n')
            .copied()
            .collect();
        Self::from_blob(&STANDARD.decode(text).map_err(|_| SshError::Armor)?)
    }

    /// Returns the key that signed, by the signature's own account.
    #[must_use]
    pub fn key(&self) -> &SshKey {
        &self.key
    }

    /// Returns what the signature is for.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Checks that this is a signature over `payload` for git. It says nothing of whose key made it.
    ///
    /// # Errors
    /// [`SshError::Namespace`], [`SshError::NotTouched`], [`SshError::BadSignature`].
    pub fn verify(&self, payload: &[u8]) -> Result<(), SshError> {
        if self.namespace != NAMESPACE {
            return Err(SshError::Namespace {
                expected: NAMESPACE,
                found: self.namespace.clone(),
            });
        }
        let mut signed = MAGIC.to_vec();
        string(&mut signed, self.namespace.as_bytes());
        string(&mut signed, &self.reserved);
        string(&mut signed, self.hash.name().as_bytes());
        string(&mut signed, self.hash.digest(payload).as_bytes());
        if let (Some(application), Some((flags, counter))) =
            (self.key.application(), self.made.device)
        {
            // PROTOCOL.u2f, "SSH U2F Signatures".
            let sha256 = |bytes| HashAlgorithm::Sha256.digest(bytes);
            let mut by_device = sha256(application).as_bytes().to_vec();
            by_device.push(flags);
            by_device.extend_from_slice(&counter.to_be_bytes());
            by_device.extend_from_slice(sha256(&signed).as_bytes());
            signed = by_device;
        }
        let public = self.key.public();
        match public.verify(self.made.scheme, &signed, &self.made.bytes) {
            Ok(()) => {}
            Err(KeyError::BadSignature) => return Err(SshError::BadSignature),
            Err(error) => return Err(SshError::Key(error)),
        }
        match self.made.device {
            Some((flags, _)) if flags & TOUCHED == 0 => Err(SshError::NotTouched),
            _ => Ok(()),
        }
    }

    fn from_blob(blob: &[u8]) -> Result<Self, SshError> {
        let mut reader = Reader::new(blob);
        if reader.take(MAGIC.len(), "magic")? != MAGIC {
            return Err(SshError::Malformed { what: "magic" });
        }
        let version = reader.number("version")?;
        if version != VERSION {
            return Err(SshError::Version { found: version });
        }
        let key = SshKey::from_blob(reader.string("key")?)?;
        let namespace = reader.text("namespace")?.to_owned();
        let reserved = reader.string("reserved part")?.to_vec();
        let hash = match reader.text("hash algorithm")? {
            "sha256" => HashAlgorithm::Sha256,
            "sha512" => HashAlgorithm::Sha512,
            other => {
                return Err(SshError::Algorithm {
                    found: other.to_owned(),
                });
            }
        };
        let made = Made::read(&key, reader.string("signature")?)?;
        reader.finish("signature")?;
        Ok(Self {
            key,
            namespace,
            reserved,
            hash,
            made,
        })
    }
}

impl Made {
    /// Reads the signature by `key` (RFC 4253 section 6.6, RFC 5656 section 3.1.2, RFC 8332 section 3, RFC 8709
    /// section 6; PROTOCOL.u2f).
    fn read(key: &SshKey, blob: &[u8]) -> Result<Self, SshError> {
        const WHAT: &str = "signature";
        let mut reader = Reader::new(blob);
        let name = reader.text(WHAT)?;
        let scheme = key.scheme(name).ok_or_else(|| SshError::Algorithm {
            found: name.to_owned(),
        })?;
        let raw = reader.string(WHAT)?;
        let device = match key.application() {
            Some(_) => {
                let flags = reader.take(1, WHAT)?.first().copied();
                Some((flags.unwrap_or_default(), reader.number(WHAT)?))
            }
            None => None,
        };
        reader.finish(WHAT)?;
        let bytes = match scheme {
            Scheme::Ed25519 => raw.to_vec(),
            _ if key.public().kind().is_rsa() => key.padded(raw)?,
            _ => wire::ecdsa_der(raw)?,
        };
        Ok(Self {
            scheme,
            bytes,
            device,
        })
    }
}

#[cfg(test)]
mod tests;
