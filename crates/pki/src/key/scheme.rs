//! Kinds of keys and the ways they sign.

use std::fmt;

use crate::digest::HashAlgorithm;

/// What a key is: its algorithm with its curve or size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum KeyKind {
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// ECDSA on NIST P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// RSA, 2048 bits.
    Rsa2048,
    /// RSA, 3072 bits.
    Rsa3072,
    /// RSA, 4096 bits.
    Rsa4096,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Ed25519,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
    ];

    /// The scheme that Sigstore clients use with such a key unless told otherwise.
    pub const fn default_scheme(self) -> Scheme {
        match self {
            Self::P256 => Scheme::EcdsaP256Sha256,
            Self::P384 => Scheme::EcdsaP384Sha384,
            Self::P521 => Scheme::EcdsaP521Sha512,
            Self::Ed25519 => Scheme::Ed25519,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => Scheme::RsaPkcs1Sha256,
        }
    }

    /// Whether it is an RSA key.
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "ECDSA P-256",
            Self::P384 => "ECDSA P-384",
            Self::P521 => "ECDSA P-521",
            Self::Ed25519 => "Ed25519",
            Self::Rsa2048 => "RSA 2048",
            Self::Rsa3072 => "RSA 3072",
            Self::Rsa4096 => "RSA 4096",
        })
    }
}

/// How a signature is made. ECDSA signatures are ASN.1 DER (RFC 3279 section 2.2.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Scheme {
    /// ECDSA on P-256 over SHA-256.
    EcdsaP256Sha256,
    /// ECDSA on P-256 over SHA-384: for certificates and CMS, verified only.
    EcdsaP256Sha384,
    /// ECDSA on P-256 over SHA-512: for certificates and CMS, verified only.
    EcdsaP256Sha512,
    /// ECDSA on P-384 over SHA-256: deprecated by Sigstore, verified only.
    EcdsaP384Sha256,
    /// ECDSA on P-384 over SHA-384.
    EcdsaP384Sha384,
    /// ECDSA on P-384 over SHA-512: for certificates and CMS, verified only.
    EcdsaP384Sha512,
    /// ECDSA on P-521 over SHA-256: deprecated by Sigstore, verified only.
    EcdsaP521Sha256,
    /// ECDSA on P-521 over SHA-384: for certificates and CMS, verified only.
    EcdsaP521Sha384,
    /// ECDSA on P-521 over SHA-512.
    EcdsaP521Sha512,
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2) over SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 over SHA-384.
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 over SHA-512.
    RsaPkcs1Sha512,
    /// RSASSA-PSS (RFC 8017 section 8.1) over SHA-256, MGF1 with the same.
    RsaPssSha256,
    /// RSASSA-PSS over SHA-384, MGF1 with the same.
    RsaPssSha384,
    /// RSASSA-PSS over SHA-512, MGF1 with the same.
    RsaPssSha512,
    /// Ed25519 over the message itself (RFC 8032 section 5.1).
    Ed25519,
    /// Ed25519ph, over the message's SHA-512 with an empty context (RFC 8032 section 5.1).
    Ed25519ph,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 17] = [
        Self::EcdsaP256Sha256,
        Self::EcdsaP256Sha384,
        Self::EcdsaP256Sha512,
        Self::EcdsaP384Sha256,
        Self::EcdsaP384Sha384,
        Self::EcdsaP384Sha512,
        Self::EcdsaP521Sha256,
        Self::EcdsaP521Sha384,
        Self::EcdsaP521Sha512,
        Self::RsaPkcs1Sha256,
        Self::RsaPkcs1Sha384,
        Self::RsaPkcs1Sha512,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::Ed25519,
        Self::Ed25519ph,
    ];

    /// The ECDSA scheme of a key on a curve over `hash`, as an X.509 `ecdsa-with-SHA…` names it; none for other keys.
    pub const fn ecdsa(kind: KeyKind, hash: HashAlgorithm) -> Option<Self> {
        use HashAlgorithm::{Sha256, Sha384, Sha512};
        Some(match (kind, hash) {
            (KeyKind::P256, Sha256) => Self::EcdsaP256Sha256,
            (KeyKind::P256, Sha384) => Self::EcdsaP256Sha384,
            (KeyKind::P256, Sha512) => Self::EcdsaP256Sha512,
            (KeyKind::P384, Sha256) => Self::EcdsaP384Sha256,
            (KeyKind::P384, Sha384) => Self::EcdsaP384Sha384,
            (KeyKind::P384, Sha512) => Self::EcdsaP384Sha512,
            (KeyKind::P521, Sha256) => Self::EcdsaP521Sha256,
            (KeyKind::P521, Sha384) => Self::EcdsaP521Sha384,
            (KeyKind::P521, Sha512) => Self::EcdsaP521Sha512,
            _ => return None,
        })
    }

    /// The RSASSA-PKCS1-v1_5 scheme over `hash`.
    pub const fn rsa_pkcs1(hash: HashAlgorithm) -> Self {
        match hash {
            HashAlgorithm::Sha256 => Self::RsaPkcs1Sha256,
            HashAlgorithm::Sha384 => Self::RsaPkcs1Sha384,
            HashAlgorithm::Sha512 => Self::RsaPkcs1Sha512,
        }
    }

    /// The RSASSA-PSS scheme over `hash`.
    pub const fn rsa_pss(hash: HashAlgorithm) -> Self {
        match hash {
            HashAlgorithm::Sha256 => Self::RsaPssSha256,
            HashAlgorithm::Sha384 => Self::RsaPssSha384,
            HashAlgorithm::Sha512 => Self::RsaPssSha512,
        }
    }

    /// The hash of the message that is signed; none for pure Ed25519, which needs the message itself.
    pub const fn hash(self) -> Option<HashAlgorithm> {
        match self {
            Self::EcdsaP256Sha256
            | Self::EcdsaP384Sha256
            | Self::EcdsaP521Sha256
            | Self::RsaPkcs1Sha256
            | Self::RsaPssSha256 => Some(HashAlgorithm::Sha256),
            Self::EcdsaP256Sha384
            | Self::EcdsaP384Sha384
            | Self::EcdsaP521Sha384
            | Self::RsaPkcs1Sha384
            | Self::RsaPssSha384 => Some(HashAlgorithm::Sha384),
            Self::EcdsaP256Sha512
            | Self::EcdsaP384Sha512
            | Self::EcdsaP521Sha512
            | Self::RsaPkcs1Sha512
            | Self::RsaPssSha512
            | Self::Ed25519ph => Some(HashAlgorithm::Sha512),
            Self::Ed25519 => None,
        }
    }

    /// Whether a key of `kind` can make such signatures.
    pub const fn fits(self, kind: KeyKind) -> bool {
        match self {
            Self::EcdsaP256Sha256 | Self::EcdsaP256Sha384 | Self::EcdsaP256Sha512 => {
                matches!(kind, KeyKind::P256)
            }
            Self::EcdsaP384Sha256 | Self::EcdsaP384Sha384 | Self::EcdsaP384Sha512 => {
                matches!(kind, KeyKind::P384)
            }
            Self::EcdsaP521Sha256 | Self::EcdsaP521Sha384 | Self::EcdsaP521Sha512 => {
                matches!(kind, KeyKind::P521)
            }
            Self::RsaPkcs1Sha256
            | Self::RsaPkcs1Sha384
            | Self::RsaPkcs1Sha512
            | Self::RsaPssSha256
            | Self::RsaPssSha384
            | Self::RsaPssSha512 => kind.is_rsa(),
            Self::Ed25519 | Self::Ed25519ph => matches!(kind, KeyKind::Ed25519),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256Sha256 => "ECDSA P-256 with SHA-256",
            Self::EcdsaP256Sha384 => "ECDSA P-256 with SHA-384",
            Self::EcdsaP256Sha512 => "ECDSA P-256 with SHA-512",
            Self::EcdsaP384Sha256 => "ECDSA P-384 with SHA-256",
            Self::EcdsaP384Sha384 => "ECDSA P-384 with SHA-384",
            Self::EcdsaP384Sha512 => "ECDSA P-384 with SHA-512",
            Self::EcdsaP521Sha256 => "ECDSA P-521 with SHA-256",
            Self::EcdsaP521Sha384 => "ECDSA P-521 with SHA-384",
            Self::EcdsaP521Sha512 => "ECDSA P-521 with SHA-512",
            Self::RsaPkcs1Sha256 => "RSA PKCS#1 v1.5 with SHA-256",
            Self::RsaPkcs1Sha384 => "RSA PKCS#1 v1.5 with SHA-384",
            Self::RsaPkcs1Sha512 => "RSA PKCS#1 v1.5 with SHA-512",
            Self::RsaPssSha256 => "RSA PSS with SHA-256",
            Self::RsaPssSha384 => "RSA PSS with SHA-384",
            Self::RsaPssSha512 => "RSA PSS with SHA-512",
            Self::Ed25519 => "Ed25519",
            Self::Ed25519ph => "Ed25519ph",
        })
    }
}
