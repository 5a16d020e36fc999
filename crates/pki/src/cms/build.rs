//! Making signed messages.

use der::{Encode, Tag, asn1::ObjectIdentifier};

use super::CmsError;
use crate::{algorithm, asn1, cert::Certificate, digest::HashAlgorithm, key::Signer, oid};

/// What a signed message is made of.
pub struct SigningParts<'a> {
    /// What the content is.
    pub content_type: ObjectIdentifier,
    /// The content, which the message will hold.
    pub content: &'a [u8],
    /// The signer's certificate.
    pub certificate: &'a Certificate,
    /// The certificates to embed.
    pub embedded: &'a [Certificate],
    /// Signed attributes beside content-type and message-digest: identifier and the value's DER encoding.
    pub attributes: &'a [(ObjectIdentifier, Vec<u8>)],
}

/// Returns the DER encoding of the ContentInfo with the SignedData that `signer` signs.
///
/// # Errors
/// [`CmsError::Scheme`] when the signer's scheme has no place in CMS, else what its key says.
pub fn sign(parts: &SigningParts<'_>, signer: &dyn Signer) -> Result<Vec<u8>, CmsError> {
    let scheme = signer.scheme();
    let signature_algorithm = algorithm::identifier(scheme)
        .ok_or(CmsError::Scheme)?
        .to_der()?;
    // RFC 8419 section 3.1: beside pure Ed25519 the digest is SHA-512.
    let hash = scheme.hash().unwrap_or(HashAlgorithm::Sha512);
    let digest_algorithm = algorithm::hash_identifier(hash).to_der()?;
    let content_type = parts.content_type.to_der()?;
    let content = asn1::octets(parts.content)?;

    let digest = asn1::octets(hash.digest(parts.content).as_bytes())?;
    let mut attributes = vec![
        attribute(&oid::CONTENT_TYPE, &content_type)?,
        attribute(&oid::MESSAGE_DIGEST, &digest)?,
    ];
    for (id, value) in parts.attributes {
        attributes.push(attribute(id, value)?);
    }
    let attributes = set_content(attributes);
    let signature = signer.sign(&asn1::tlv(Tag::Set, &[&attributes])?)?;

    let certificate = parts.certificate;
    let signer_id = asn1::sequence(&[
        certificate.issuer_name_der(),
        &asn1::tlv(Tag::Integer, &[certificate.serial()])?,
    ])?;
    let signer_info = asn1::sequence(&[
        &1u8.to_der()?, // version 1: identified by issuer and serial number
        &signer_id,
        &digest_algorithm,
        &asn1::field(0, &[&attributes])?,
        &signature_algorithm,
        &asn1::octets(&signature)?,
    ])?;

    let embedded = set_content(
        parts
            .embedded
            .iter()
            .map(|certificate| certificate.der().to_vec())
            .collect(),
    );
    let certificates = if embedded.is_empty() {
        Vec::new()
    } else {
        asn1::field(0, &[&embedded])?
    };
    let signed_data = asn1::sequence(&[
        &3u8.to_der()?, // version 3: the content is not plain data
        &asn1::tlv(Tag::Set, &[&digest_algorithm])?,
        &asn1::sequence(&[&content_type, &asn1::field(0, &[&content])?])?,
        &certificates,
        &asn1::tlv(Tag::Set, &[&signer_info])?,
    ])?;
    Ok(asn1::sequence(&[
        &oid::SIGNED_DATA.to_der()?,
        &asn1::field(0, &[&signed_data])?,
    ])?)
}

fn attribute(id: &ObjectIdentifier, value: &[u8]) -> der::Result<Vec<u8>> {
    asn1::sequence(&[&id.to_der()?, &asn1::tlv(Tag::Set, &[value])?])
}

/// The content of a SET OF in DER: ascending order (X.690 section 11.6).
fn set_content(mut members: Vec<Vec<u8>>) -> Vec<u8> {
    members.sort();
    members.concat()
}
