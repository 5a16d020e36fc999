//! Public keys: read strictly, parsed once, verifying.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use aws_lc_rs::signature::ParsedPublicKey;
use der::{
    Decode, Encode, Sequence,
    asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef},
};
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use super::{
    KeyError, KeyKind, Scheme, ed25519ph,
    parsed::{Parsed, slots},
};
use crate::{
    digest::{Digest, HashAlgorithm},
    pem,
};

/// A public key. Cloning is cheap; two are equal when their SubjectPublicKeyInfo is.
#[derive(Clone)]
pub struct PublicKey(Arc<Parsed>);

impl PublicKey {
    /// The key in a DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    ///
    /// # Errors
    /// [`KeyError`] unless it is one of the [`KeyKind`]s in its one DER encoding: named curves with
    /// uncompressed points, RSA with the exponent 65537.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, KeyError> {
        if spki.len() > MAX_SPKI_LEN {
            return Err(KeyError::TooLong {
                limit: MAX_SPKI_LEN,
                found: spki.len(),
            });
        }
        let info = SubjectPublicKeyInfoRef::from_der(spki)
            .map_err(|_| malformed("SubjectPublicKeyInfo"))?;
        let bits = info
            .subject_public_key
            .as_bytes()
            .ok_or_else(|| malformed("SubjectPublicKeyInfo"))?;
        let kind = match family(&info.algorithm)? {
            Family::Ec(kind) => kind,
            Family::Ed25519 => KeyKind::Ed25519,
            Family::Rsa => kind_of_rsa(bits)?,
        };
        Parsed::new(kind, spki, bits).map(|parsed| Self(Arc::new(parsed)))
    }

    /// The key in a DER RSAPublicKey (RFC 8017 section A.1.1).
    ///
    /// # Errors
    /// As [`Self::from_spki_der`].
    pub fn from_pkcs1_der(key: &[u8]) -> Result<Self, KeyError> {
        kind_of_rsa(key)?;
        Self::from_parts(RSA_ENCRYPTION, Some(AnyRef::NULL), key)
    }

    /// The RSA key with this modulus and public exponent, both big-endian without leading zeros.
    ///
    /// # Errors
    /// As [`Self::from_spki_der`].
    pub fn from_rsa_components(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        if [modulus, exponent]
            .iter()
            .any(|integer| integer.first().is_none_or(|byte| *byte == 0))
        {
            return Err(malformed("RSA integer"));
        }
        let integer = |bytes| UintRef::new(bytes).map_err(|_| malformed("RSA integer"));
        let key = RsaPublicKey {
            modulus: integer(modulus)?,
            exponent: integer(exponent)?,
        };
        Self::from_pkcs1_der(&key.to_der().map_err(|_| malformed("RSA integer"))?)
    }

    /// The key that is this uncompressed point (SEC 1 section 2.3.3) on the curve of `kind`.
    ///
    /// # Errors
    /// [`KeyError`] when `kind` has no curve or the point is not on it.
    pub fn from_ec_point(kind: KeyKind, point: &[u8]) -> Result<Self, KeyError> {
        let (_, curve) = CURVES
            .into_iter()
            .find(|(k, _)| *k == kind)
            .ok_or_else(|| malformed("kind of EC key"))?;
        Self::from_parts(ID_EC_PUBLIC_KEY, Some(AnyRef::from(&curve)), point)
    }

    /// The Ed25519 key with these 32 bytes (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`KeyError`] when they are not 32 bytes, no point of the curve, or one of small order.
    pub fn from_ed25519_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_parts(ID_ED25519, None, bytes)
    }

    /// The key in a PEM text with one block, `PUBLIC KEY` or `RSA PUBLIC KEY`.
    ///
    /// # Errors
    /// [`KeyError`] on another block, or as [`Self::from_spki_der`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::only_block(text)?;
        match block.label {
            "PUBLIC KEY" => Self::from_spki_der(&block.contents),
            "RSA PUBLIC KEY" => Self::from_pkcs1_der(&block.contents),
            label => Err(pem::PemError::Label {
                expected: "PUBLIC KEY".to_owned(),
                found: label.to_owned(),
            }
            .into()),
        }
    }

    /// The key as a `PUBLIC KEY` PEM text.
    pub fn to_pem(&self) -> String {
        pem::encode("PUBLIC KEY", self.spki_der())
    }

    /// The DER SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// The bytes inside the SubjectPublicKeyInfo's bit string: the EC point, the 32 bytes of an
    /// Ed25519 key, or the DER RSAPublicKey.
    pub fn key_bytes(&self) -> &[u8] {
        &self.0.bits
    }

    /// The modulus and the public exponent of an RSA key, big-endian without leading zeros; none for others.
    pub fn rsa_components(&self) -> Option<(&[u8], &[u8])> {
        if !self.kind().is_rsa() {
            return None;
        }
        let key = RsaPublicKey::from_der(self.key_bytes()).ok()?;
        Some((key.modulus.as_bytes(), key.exponent.as_bytes()))
    }

    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.0.kind
    }

    /// The SHA-256 of the SubjectPublicKeyInfo, Sigstore's and RFC 6962's name for a key.
    pub fn key_id(&self) -> [u8; 32] {
        self.0.key_id
    }

    /// The scheme that Sigstore clients use with such a key unless told otherwise.
    pub fn default_scheme(&self) -> Scheme {
        self.kind().default_scheme()
    }

    /// Checks that `signature` over `message` was made with this key by `scheme`.
    ///
    /// # Errors
    /// [`KeyError::SchemeMismatch`] when keys of this kind do not sign so, [`KeyError::BadSignature`]
    /// when it was not.
    pub fn verify(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        self.check_fits(scheme)?;
        if scheme == Scheme::Ed25519ph {
            return self.verify_digest(scheme, &HashAlgorithm::Sha512.digest(message), signature);
        }
        self.any_algorithm(scheme, |key| key.verify_sig(message, signature).is_ok())
    }

    /// Checks that `signature` over the message with this digest was made with this key by `scheme`.
    ///
    /// # Errors
    /// As [`Self::verify`]; [`KeyError::NeedsMessage`] for pure Ed25519, [`KeyError::HashMismatch`] when
    /// the scheme signs another hash.
    pub fn verify_digest(
        &self,
        scheme: Scheme,
        digest: &Digest,
        signature: &[u8],
    ) -> Result<(), KeyError> {
        self.check_fits(scheme)?;
        check_hash(scheme, digest)?;
        if scheme == Scheme::Ed25519ph {
            return ed25519ph::verify(self.key_bytes(), digest, signature);
        }
        let digest = digest.to_aws().ok_or(KeyError::Rejected)?;
        self.any_algorithm(scheme, |key| {
            key.verify_digest_sig(&digest, signature).is_ok()
        })
    }

    fn from_parts(
        oid: ObjectIdentifier,
        parameters: Option<AnyRef<'_>>,
        bits: &[u8],
    ) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoRef {
            algorithm: AlgorithmIdentifierRef { oid, parameters },
            subject_public_key: BitStringRef::from_bytes(bits)
                .map_err(|_| malformed("SubjectPublicKeyInfo"))?,
        };
        Self::from_spki_der(
            &info
                .to_der()
                .map_err(|_| malformed("SubjectPublicKeyInfo"))?,
        )
    }

    fn check_fits(&self, scheme: Scheme) -> Result<(), KeyError> {
        if scheme.fits(self.kind()) {
            return Ok(());
        }
        Err(KeyError::SchemeMismatch {
            scheme,
            kind: self.kind(),
        })
    }

    /// Whether one of the scheme's algorithms accepts.
    fn any_algorithm(
        &self,
        scheme: Scheme,
        accepts: impl Fn(&ParsedPublicKey) -> bool,
    ) -> Result<(), KeyError> {
        for slot in slots(scheme) {
            if accepts(self.0.parsed(*slot)?) {
                return Ok(());
            }
        }
        Err(KeyError::BadSignature)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.spki == other.0.spki
    }
}

impl Eq for PublicKey {}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.spki.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "PublicKey({}, {})",
            self.kind(),
            hex::encode(self.key_id())
        )
    }
}

/// What an AlgorithmIdentifier says of a key; the size of an RSA key stands in the key itself.
pub(super) enum Family {
    Ec(KeyKind),
    Ed25519,
    Rsa,
}

/// The family that an AlgorithmIdentifier of a public or private key names (RFC 3279, RFC 5480, RFC 8410).
pub(super) fn family(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Family, KeyError> {
    match (algorithm.oid, algorithm.parameters) {
        (ID_EC_PUBLIC_KEY, _) => kind_of_curve(algorithm).map(Family::Ec),
        (ID_ED25519, None) => Ok(Family::Ed25519),
        (ID_ED25519, Some(_)) => Err(malformed("parameters of Ed25519")),
        (RSA_ENCRYPTION, Some(parameters)) if parameters.is_null() => Ok(Family::Rsa),
        (RSA_ENCRYPTION, _) => Err(malformed("parameters of rsaEncryption")),
        (oid, _) => Err(KeyError::UnsupportedAlgorithm {
            oid: oid.to_string(),
        }),
    }
}

pub(super) fn check_hash(scheme: Scheme, digest: &Digest) -> Result<(), KeyError> {
    let expected = scheme.hash().ok_or(KeyError::NeedsMessage { scheme })?;
    if digest.algorithm() != expected {
        return Err(KeyError::HashMismatch {
            expected,
            found: digest.algorithm(),
        });
    }
    Ok(())
}

/// An RSA key of 4096 bits needs 550.
const MAX_SPKI_LEN: usize = 1024;

const ID_EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const CURVES: [(KeyKind, ObjectIdentifier); 3] = [
    (
        KeyKind::P256,
        ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
    ),
    (KeyKind::P384, ObjectIdentifier::new_unwrap("1.3.132.0.34")),
    (KeyKind::P521, ObjectIdentifier::new_unwrap("1.3.132.0.35")),
];
const RSA_EXPONENT: &[u8] = &[1, 0, 1];

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

fn kind_of_curve(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<KeyKind, KeyError> {
    let curve = algorithm
        .parameters
        .and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok())
        .ok_or_else(|| malformed("named curve"))?;
    CURVES
        .into_iter()
        .find(|(_, oid)| *oid == curve)
        .map(|(kind, _)| kind)
        .ok_or_else(|| KeyError::UnsupportedCurve {
            oid: curve.to_string(),
        })
}

fn kind_of_rsa(key: &[u8]) -> Result<KeyKind, KeyError> {
    let key = RsaPublicKey::from_der(key).map_err(|_| malformed("RSAPublicKey"))?;
    if key.exponent.as_bytes() != RSA_EXPONENT {
        return Err(KeyError::UnsupportedRsaExponent);
    }
    let modulus = key.modulus.as_bytes();
    let unused_bits = modulus.first().map_or(0, |byte| byte.leading_zeros());
    match modulus
        .len()
        .saturating_mul(8)
        .saturating_sub(usize::try_from(unused_bits).unwrap_or(0))
    {
        2048 => Ok(KeyKind::Rsa2048),
        3072 => Ok(KeyKind::Rsa3072),
        4096 => Ok(KeyKind::Rsa4096),
        bits => Err(KeyError::UnsupportedRsaSize { bits }),
    }
}

pub(super) fn malformed(what: &'static str) -> KeyError {
    KeyError::Malformed { what }
}
