//! The signature algorithms of tokens.

use der::{Decode, Encode, Sequence, asn1::UintRef};
use jsonwebtoken::{DecodingKey, crypto::aws_lc};

use super::{JwtError, excerpt};
use crate::key::{KeyError, KeyKind, PublicKey, Scheme};

/// An algorithm of RFC 7518 section 3 or RFC 8037.
pub(super) struct Algorithm {
    /// How the library calls it, when it offers it.
    jose: Option<jsonwebtoken::Algorithm>,
    name: &'static str,
    scheme: Scheme,
}

impl Algorithm {
    /// The algorithm called `name`, unless it is `none`, an HMAC or unknown.
    pub(super) fn from_name(name: &str) -> Result<&'static Self, JwtError> {
        let found = ALGORITHMS.iter().find(|algorithm| algorithm.name == name);
        found.ok_or_else(|| JwtError::UnsupportedAlgorithm {
            found: excerpt(name),
        })
    }

    /// The algorithm that a key of `kind` signs tokens with.
    pub(super) fn of(kind: KeyKind) -> Option<&'static Self> {
        ALGORITHMS
            .iter()
            .find(|algorithm| algorithm.scheme == kind.default_scheme())
    }

    /// Its `alg`.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn fits(&self, kind: KeyKind) -> bool {
        self.scheme.fits(kind)
    }

    /// Whether `key`, which must fit, made the signature. The library's provider is named outright: its
    /// default panics in a build where another crate switches a second one on.
    pub(super) fn verifies(&self, key: &PublicKey, signed: &[u8], signature: &Vec<u8>) -> bool {
        let Some(jose) = &self.jose else {
            return der_signature(signature, P521_INTEGER_LEN)
                .is_some_and(|der| key.verify(self.scheme, signed, &der).is_ok());
        };
        let decoding_key = match key.kind() {
            KeyKind::Ed25519 => DecodingKey::from_ed_der(key.key_bytes()),
            kind if kind.is_rsa() => DecodingKey::from_rsa_der(key.key_bytes()),
            _ => DecodingKey::from_ec_der(key.key_bytes()),
        };
        (aws_lc::DEFAULT_PROVIDER.verifier_factory)(jose, &decoding_key)
            .is_ok_and(|verifier| verifier.verify(signed, signature).is_ok())
    }

    /// The signature in the form of RFC 7518: that of ECDSA is two integers of the curve's length, without ASN.1.
    pub(super) fn jose_signature(&self, signature: Vec<u8>) -> Result<Vec<u8>, KeyError> {
        let integer_len = match self.scheme {
            Scheme::EcdsaP256Sha256 => 32,
            Scheme::EcdsaP384Sha384 => 48,
            Scheme::EcdsaP521Sha512 => P521_INTEGER_LEN,
            _ => return Ok(signature),
        };
        let pair = EcdsaSignature::from_der(&signature).map_err(|_| KeyError::SigningFailed)?;
        let mut jose = vec![0; 2 * integer_len];
        let (r, s) = jose.split_at_mut(integer_len);
        for (to, integer) in [(r, pair.r), (s, pair.s)] {
            let integer = integer.as_bytes();
            let start = integer_len
                .checked_sub(integer.len())
                .ok_or(KeyError::SigningFailed)?;
            let (_, to) = to.split_at_mut(start);
            to.copy_from_slice(integer);
        }
        Ok(jose)
    }
}

const P521_INTEGER_LEN: usize = 66;

/// An ECDSA signature of RFC 7518 section 3.4 in ASN.1; `None` when it has another length.
fn der_signature(jose: &[u8], integer_len: usize) -> Option<Vec<u8>> {
    let (r, s) = jose.split_at_checked(integer_len)?;
    if s.len() != integer_len {
        return None;
    }
    let (r, s) = (UintRef::new(r).ok()?, UintRef::new(s).ok()?);
    EcdsaSignature { r, s }.to_der().ok()
}

#[derive(Sequence)]
struct EcdsaSignature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// One algorithm of each default scheme stands first. ES512 is ours: the library does not offer it.
static ALGORITHMS: [Algorithm; 10] = [
    algorithm(
        "ES256",
        jsonwebtoken::Algorithm::ES256,
        Scheme::EcdsaP256Sha256,
    ),
    algorithm(
        "ES384",
        jsonwebtoken::Algorithm::ES384,
        Scheme::EcdsaP384Sha384,
    ),
    Algorithm {
        jose: None,
        name: "ES512",
        scheme: Scheme::EcdsaP521Sha512,
    },
    algorithm("EdDSA", jsonwebtoken::Algorithm::EdDSA, Scheme::Ed25519),
    algorithm(
        "RS256",
        jsonwebtoken::Algorithm::RS256,
        Scheme::RsaPkcs1Sha256,
    ),
    algorithm(
        "RS384",
        jsonwebtoken::Algorithm::RS384,
        Scheme::RsaPkcs1Sha384,
    ),
    algorithm(
        "RS512",
        jsonwebtoken::Algorithm::RS512,
        Scheme::RsaPkcs1Sha512,
    ),
    algorithm(
        "PS256",
        jsonwebtoken::Algorithm::PS256,
        Scheme::RsaPssSha256,
    ),
    algorithm(
        "PS384",
        jsonwebtoken::Algorithm::PS384,
        Scheme::RsaPssSha384,
    ),
    algorithm(
        "PS512",
        jsonwebtoken::Algorithm::PS512,
        Scheme::RsaPssSha512,
    ),
];

const fn algorithm(name: &'static str, jose: jsonwebtoken::Algorithm, scheme: Scheme) -> Algorithm {
    Algorithm {
        jose: Some(jose),
        name,
        scheme,
    }
}
