//! A public key as the cryptographic library holds it.

use std::sync::OnceLock;

use aws_lc_rs::signature::{self as aws, ParsedPublicKey, RsaPssSaltLength, VerificationAlgorithm};

use super::{KeyError, KeyKind, Scheme, ed25519ph, public::malformed};
use crate::digest::sha256;

/// The key's bytes, and what the library made of them, once for each of its algorithms that was asked for.
pub(super) struct Parsed {
    pub(super) kind: KeyKind,
    pub(super) spki: Box<[u8]>,
    pub(super) bits: Box<[u8]>,
    pub(super) key_id: [u8; 32],
    by_slot: [OnceLock<ParsedPublicKey>; MAX_SLOTS],
}

impl Parsed {
    pub(super) fn new(kind: KeyKind, spki: &[u8], bits: &[u8]) -> Result<Self, KeyError> {
        let point_len = match kind {
            KeyKind::P256 => Some(65),
            KeyKind::P384 => Some(97),
            KeyKind::P521 => Some(133),
            _ => None,
        };
        // An uncompressed point is the one form in use; the library would read others too.
        if point_len.is_some_and(|len| bits.len() != len || bits.first() != Some(&4)) {
            return Err(malformed("EC point"));
        }
        let parsed = Self {
            kind,
            spki: spki.into(),
            bits: bits.into(),
            key_id: sha256(spki),
            by_slot: Default::default(),
        };
        if kind == KeyKind::Ed25519 {
            ed25519ph::check(bits)?;
        }
        for slot in slots(kind.default_scheme()) {
            parsed.parsed(*slot)?;
        }
        Ok(parsed)
    }

    /// The key as the slot's algorithm wants it.
    pub(super) fn parsed(&self, (slot, algorithm): Slot) -> Result<&ParsedPublicKey, KeyError> {
        let cell = self.by_slot.get(slot).ok_or(KeyError::Rejected)?;
        if let Some(parsed) = cell.get() {
            return Ok(parsed);
        }
        let parsed = ParsedPublicKey::new(algorithm, &self.bits).map_err(|_| KeyError::Rejected)?;
        Ok(cell.get_or_init(|| parsed))
    }
}

/// An algorithm of the library, and where in [`Parsed`] the key parsed for it is kept.
pub(super) type Slot = (usize, &'static dyn VerificationAlgorithm);

const MAX_SLOTS: usize = 9;

/// The library's algorithms that verify signatures of `scheme`; a signature is good when one accepts.
pub(super) fn slots(scheme: Scheme) -> &'static [Slot] {
    // The salt of PSS is as long as the hash (RFC 4055 section 3.1, RFC 7518 section 3.5) or, where Go's
    // default was left, as long as the modulus allows. Go's verifiers accept both.
    match scheme {
        Scheme::EcdsaP256Sha256 => &[(0, &aws::ECDSA_P256_SHA256_ASN1)],
        Scheme::EcdsaP256Sha384 => &[(1, &aws::ECDSA_P256_SHA384_ASN1)],
        Scheme::EcdsaP256Sha512 => &[(2, &aws::ECDSA_P256_SHA512_ASN1)],
        Scheme::EcdsaP384Sha256 => &[(1, &aws::ECDSA_P384_SHA256_ASN1)],
        Scheme::EcdsaP384Sha384 => &[(0, &aws::ECDSA_P384_SHA384_ASN1)],
        Scheme::EcdsaP384Sha512 => &[(2, &aws::ECDSA_P384_SHA512_ASN1)],
        Scheme::EcdsaP521Sha256 => &[(1, &aws::ECDSA_P521_SHA256_ASN1)],
        Scheme::EcdsaP521Sha384 => &[(2, &aws::ECDSA_P521_SHA384_ASN1)],
        Scheme::EcdsaP521Sha512 => &[(0, &aws::ECDSA_P521_SHA512_ASN1)],
        Scheme::RsaPkcs1Sha256 => &[(0, &aws::RSA_PKCS1_2048_8192_SHA256)],
        Scheme::RsaPkcs1Sha384 => &[(1, &aws::RSA_PKCS1_2048_8192_SHA384)],
        Scheme::RsaPkcs1Sha512 => &[(2, &aws::RSA_PKCS1_2048_8192_SHA512)],
        Scheme::RsaPssSha256 => &[
            (3, &aws::RSA_PSS_2048_8192_SHA256),
            (
                6,
                &const { aws::RSA_PSS_2048_8192_SHA256.with_pss_salt_length(RsaPssSaltLength::Max) },
            ),
        ],
        Scheme::RsaPssSha384 => &[
            (4, &aws::RSA_PSS_2048_8192_SHA384),
            (
                7,
                &const { aws::RSA_PSS_2048_8192_SHA384.with_pss_salt_length(RsaPssSaltLength::Max) },
            ),
        ],
        Scheme::RsaPssSha512 => &[
            (5, &aws::RSA_PSS_2048_8192_SHA512),
            (
                8,
                &const { aws::RSA_PSS_2048_8192_SHA512.with_pss_salt_length(RsaPssSaltLength::Max) },
            ),
        ],
        // Ed25519ph never comes here: the library does not offer it.
        Scheme::Ed25519 | Scheme::Ed25519ph => &[(0, &aws::ED25519)],
    }
}
