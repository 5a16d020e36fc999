//! Certification requests (PKCS #10, RFC 2986), of which only the key and its own signature count.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use der::{Decode, Encode, Sequence};
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::{PublicKey, Scheme};
use x509_cert::request::CertReqInfo;
use x509_cert::spki::AlgorithmIdentifierRef;

use super::refusal::Refusal;

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const RSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The key that the request is for, and which has signed it.
pub(super) fn proven_key(request: &[u8]) -> Result<PublicKey, Refusal> {
    let decoded;
    let der = match std::str::from_utf8(request) {
        Ok(text) if text.trim_start().starts_with("-----BEGIN") => {
            decoded = signhere_pki::pem::decode_one(text, "CERTIFICATE REQUEST")
                .map_err(|_| Refusal::Csr)?;
            decoded.as_slice()
        }
        _ => request,
    };
    let outer = CertificationRequest::from_der(der).map_err(|_| Refusal::Csr)?;
    let signed = outer.info.to_der().map_err(|_| Refusal::Csr)?;
    let info = CertReqInfo::from_der(&signed).map_err(|_| Refusal::Csr)?;
    let spki = info.public_key.to_der().map_err(|_| Refusal::Csr)?;
    let key = PublicKey::from_spki_der(&spki).map_err(Refusal::Key)?;

    let scheme = scheme(&outer.algorithm.oid, &key).ok_or(Refusal::CsrAlgorithm)?;
    let signature = outer.signature.as_bytes().ok_or(Refusal::Csr)?;
    key.verify(scheme, &signed, signature)
        .map_err(|_| Refusal::CsrSignature)?;
    Ok(key)
}

/// RFC 2986 section 4.2; the info is kept as the bytes that were signed.
#[derive(Sequence)]
struct CertificationRequest<'a> {
    info: AnyRef<'a>,
    algorithm: AlgorithmIdentifierRef<'a>,
    signature: BitStringRef<'a>,
}

fn scheme(oid: &ObjectIdentifier, key: &PublicKey) -> Option<Scheme> {
    let kind = key.kind();
    let scheme = match *oid {
        ECDSA_WITH_SHA256 => Scheme::ecdsa(kind, HashAlgorithm::Sha256)?,
        ECDSA_WITH_SHA384 => Scheme::ecdsa(kind, HashAlgorithm::Sha384)?,
        ECDSA_WITH_SHA512 => Scheme::ecdsa(kind, HashAlgorithm::Sha512)?,
        RSA_WITH_SHA256 => Scheme::rsa_pkcs1(HashAlgorithm::Sha256),
        RSA_WITH_SHA384 => Scheme::rsa_pkcs1(HashAlgorithm::Sha384),
        RSA_WITH_SHA512 => Scheme::rsa_pkcs1(HashAlgorithm::Sha512),
        ED25519 => Scheme::Ed25519,
        _ => return None,
    };
    scheme.fits(kind).then_some(scheme)
}
