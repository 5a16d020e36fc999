//! Algorithm identifiers of X.509 and CMS, and the signature schemes that they name.

use der::{Any, Sequence};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::{
    digest::HashAlgorithm,
    key::{KeyKind, Scheme},
    oid,
};

/// Returns the scheme that an algorithm identifier names for a key of the given kind, `None` when
/// it is unknown, weak or made for another kind of key.
///
/// `digest` is the digest algorithm beside it in a CMS signer info: some signers name their key's
/// algorithm alone and leave the hash to that field (RFC 5754 section 3.2).
pub(crate) fn signature_scheme(
    algorithm: &AlgorithmIdentifierOwned,
    digest: Option<HashAlgorithm>,
    key: KeyKind,
) -> Option<Scheme> {
    let ecdsa = |hash| Scheme::ecdsa(key, hash);
    let scheme = match algorithm.oid {
        oid::ECDSA_SHA256 => ecdsa(HashAlgorithm::Sha256)?,
        oid::ECDSA_SHA384 => ecdsa(HashAlgorithm::Sha384)?,
        oid::ECDSA_SHA512 => ecdsa(HashAlgorithm::Sha512)?,
        oid::EC_PUBLIC_KEY => ecdsa(digest?)?,
        oid::RSA_SHA256 => Scheme::RsaPkcs1Sha256,
        oid::RSA_SHA384 => Scheme::RsaPkcs1Sha384,
        oid::RSA_SHA512 => Scheme::RsaPkcs1Sha512,
        oid::RSA_ENCRYPTION => Scheme::rsa_pkcs1(digest?),
        oid::RSA_PSS => Scheme::rsa_pss(pss_hash(algorithm.parameters.as_ref()?)?),
        oid::ED25519 => Scheme::Ed25519,
        _ => return None,
    };
    scheme.fits(key).then_some(scheme)
}

/// Returns the identifier of a scheme, `None` for those that X.509 and CMS have no simple one for.
pub(crate) fn identifier(scheme: Scheme) -> Option<AlgorithmIdentifierOwned> {
    let (oid, parameters) = match scheme {
        Scheme::EcdsaP256Sha256 | Scheme::EcdsaP384Sha256 | Scheme::EcdsaP521Sha256 => {
            (oid::ECDSA_SHA256, None)
        }
        Scheme::EcdsaP256Sha384 | Scheme::EcdsaP384Sha384 | Scheme::EcdsaP521Sha384 => {
            (oid::ECDSA_SHA384, None)
        }
        Scheme::EcdsaP256Sha512 | Scheme::EcdsaP384Sha512 | Scheme::EcdsaP521Sha512 => {
            (oid::ECDSA_SHA512, None)
        }
        // RFC 8017 appendix A.2.4: the parameters are NULL.
        Scheme::RsaPkcs1Sha256 => (oid::RSA_SHA256, Some(Any::null())),
        Scheme::RsaPkcs1Sha384 => (oid::RSA_SHA384, Some(Any::null())),
        Scheme::RsaPkcs1Sha512 => (oid::RSA_SHA512, Some(Any::null())),
        Scheme::Ed25519 => (oid::ED25519, None),
        _ => return None,
    };
    Some(AlgorithmIdentifierOwned { oid, parameters })
}

/// Returns the hash function that an identifier names; SHA-1 is none of them.
pub(crate) fn hash_algorithm(algorithm: &AlgorithmIdentifierOwned) -> Option<HashAlgorithm> {
    // RFC 5754 section 2: absent, or NULL.
    let plain = algorithm.parameters.as_ref().is_none_or(Any::is_null);
    HashAlgorithm::from_oid(&algorithm.oid).filter(|_| plain)
}

/// Returns the identifier of a hash function, without parameters (RFC 5754 section 2).
pub(crate) fn hash_identifier(hash: HashAlgorithm) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: hash.oid(),
        parameters: None,
    }
}

/// RSASSA-PSS-params of RFC 8017 appendix A.2.3; what is absent stands for SHA-1.
#[derive(Sequence)]
struct PssParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt_length: Option<u16>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

/// The hash function of PSS parameters whose mask uses the same one. The salt's length is left to
/// the signature check.
fn pss_hash(parameters: &Any) -> Option<HashAlgorithm> {
    let parameters: PssParameters = parameters.decode_as().ok()?;
    let hash = hash_algorithm(&parameters.hash?)?;
    let mask = parameters.mask.filter(|mask| mask.oid == oid::MGF1)?;
    let mask_hash = mask
        .parameters?
        .decode_as::<AlgorithmIdentifierOwned>()
        .ok()?;
    let same = hash_algorithm(&mask_hash) == Some(hash);
    (same
        && parameters.salt_length.is_some()
        && parameters.trailer.is_none_or(|trailer| trailer == 1))
    .then_some(hash)
}
