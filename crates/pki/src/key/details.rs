//! Protobuf's `PublicKeyDetails` (sigstore_common.proto): a scheme, an encoding and often a size in one name.

use std::fmt;

use super::{KeyError, KeyKind, PublicKey, Scheme};

/// What a `PublicKeyDetails` says of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeyDetails(&'static Row);

impl KeyDetails {
    /// The details called `name` (`PKIX_ECDSA_P256_SHA_256`).
    ///
    /// # Errors
    /// [`KeyError::UnsupportedDetails`] when no supported details are called so.
    pub fn from_name(name: &str) -> Result<Self, KeyError> {
        find(|row| row.name == name).ok_or_else(|| KeyError::UnsupportedDetails {
            found: name.chars().take(64).collect(),
        })
    }

    /// The details with this number in the protobuf enum.
    ///
    /// # Errors
    /// [`KeyError::UnsupportedDetails`] when no supported details have it.
    pub fn from_number(number: i64) -> Result<Self, KeyError> {
        find(|row| i64::from(row.number) == number).ok_or_else(|| KeyError::UnsupportedDetails {
            found: number.to_string(),
        })
    }

    /// The details of a key of `kind` that signs with `scheme`; none where protobuf has no name for it.
    pub fn of(scheme: Scheme, kind: KeyKind) -> Option<Self> {
        find(|row| row.scheme == scheme && row.kind == Some(kind))
    }

    /// The name in the protobuf enum.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// The number in the protobuf enum.
    pub const fn number(self) -> u8 {
        self.0.number
    }

    /// How such keys sign.
    pub const fn scheme(self) -> Scheme {
        self.0.scheme
    }

    /// Whether a key of `kind` is what the details say.
    pub fn admits(self, kind: KeyKind) -> bool {
        self.0
            .kind
            .map_or_else(|| self.0.scheme.fits(kind), |k| k == kind)
    }

    /// The public key in `bytes`, which are a SubjectPublicKeyInfo or, for the `PKCS1_` details, an RSAPublicKey.
    ///
    /// # Errors
    /// [`KeyError`] when they are not, or when the key is not what the details say.
    pub fn read_key(self, bytes: &[u8]) -> Result<PublicKey, KeyError> {
        let key = match self.0.encoding {
            Encoding::Pkix => PublicKey::from_spki_der(bytes)?,
            Encoding::Pkcs1 => PublicKey::from_pkcs1_der(bytes)?,
        };
        if !self.admits(key.kind()) {
            return Err(KeyError::KindMismatch {
                expected: self,
                found: key.kind(),
            });
        }
        Ok(key)
    }
}

impl fmt::Display for KeyDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(PartialEq, Eq, Hash, Debug)]
struct Row {
    name: &'static str,
    number: u8,
    scheme: Scheme,
    kind: Option<KeyKind>, // none: any that the scheme fits
    encoding: Encoding,
}

#[derive(PartialEq, Eq, Hash, Debug)]
enum Encoding {
    Pkix,
    Pkcs1,
}

fn find(is_it: impl Fn(&Row) -> bool) -> Option<KeyDetails> {
    ROWS.iter().find(|row| is_it(row)).map(KeyDetails)
}

const fn row(number: u8, name: &'static str, scheme: Scheme, kind: KeyKind) -> Row {
    Row {
        name,
        number,
        scheme,
        kind: Some(kind),
        encoding: Encoding::Pkix,
    }
}

const fn any_size(number: u8, name: &'static str, scheme: Scheme, encoding: Encoding) -> Row {
    Row {
        name,
        number,
        scheme,
        kind: None,
        encoding,
    }
}

/// The deprecated names come last, so that [`KeyDetails::of`] finds the current ones.
static ROWS: [Row; 18] = [
    row(
        5,
        "PKIX_ECDSA_P256_SHA_256",
        Scheme::EcdsaP256Sha256,
        KeyKind::P256,
    ),
    row(
        12,
        "PKIX_ECDSA_P384_SHA_384",
        Scheme::EcdsaP384Sha384,
        KeyKind::P384,
    ),
    row(
        13,
        "PKIX_ECDSA_P521_SHA_512",
        Scheme::EcdsaP521Sha512,
        KeyKind::P521,
    ),
    row(7, "PKIX_ED25519", Scheme::Ed25519, KeyKind::Ed25519),
    row(8, "PKIX_ED25519_PH", Scheme::Ed25519ph, KeyKind::Ed25519),
    row(
        9,
        "PKIX_RSA_PKCS1V15_2048_SHA256",
        Scheme::RsaPkcs1Sha256,
        KeyKind::Rsa2048,
    ),
    row(
        10,
        "PKIX_RSA_PKCS1V15_3072_SHA256",
        Scheme::RsaPkcs1Sha256,
        KeyKind::Rsa3072,
    ),
    row(
        11,
        "PKIX_RSA_PKCS1V15_4096_SHA256",
        Scheme::RsaPkcs1Sha256,
        KeyKind::Rsa4096,
    ),
    row(
        16,
        "PKIX_RSA_PSS_2048_SHA256",
        Scheme::RsaPssSha256,
        KeyKind::Rsa2048,
    ),
    row(
        17,
        "PKIX_RSA_PSS_3072_SHA256",
        Scheme::RsaPssSha256,
        KeyKind::Rsa3072,
    ),
    row(
        18,
        "PKIX_RSA_PSS_4096_SHA256",
        Scheme::RsaPssSha256,
        KeyKind::Rsa4096,
    ),
    row(
        19,
        "PKIX_ECDSA_P384_SHA_256",
        Scheme::EcdsaP384Sha256,
        KeyKind::P384,
    ),
    row(
        20,
        "PKIX_ECDSA_P521_SHA_256",
        Scheme::EcdsaP521Sha256,
        KeyKind::P521,
    ),
    // RFC 6979 nonces: the signatures look as any other.
    row(
        6,
        "PKIX_ECDSA_P256_HMAC_SHA_256",
        Scheme::EcdsaP256Sha256,
        KeyKind::P256,
    ),
    any_size(
        3,
        "PKIX_RSA_PKCS1V5",
        Scheme::RsaPkcs1Sha256,
        Encoding::Pkix,
    ),
    any_size(4, "PKIX_RSA_PSS", Scheme::RsaPssSha256, Encoding::Pkix),
    any_size(
        1,
        "PKCS1_RSA_PKCS1V5",
        Scheme::RsaPkcs1Sha256,
        Encoding::Pkcs1,
    ),
    any_size(2, "PKCS1_RSA_PSS", Scheme::RsaPssSha256, Encoding::Pkcs1),
];
