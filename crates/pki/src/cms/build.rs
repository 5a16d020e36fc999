//! Making signed messages.

use der::{Encode, Tag, asn1::ObjectIdentifier};

use super::CmsError;
use crate::{
    algorithm, asn1,
    cert::Certificate,
    digest::{Digest, HashAlgorithm},
    key::{Scheme, Signer},
    oid,
    time::Time,
};

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

/// What a message is made of whose content lies elsewhere, and whose signature is made already.
pub struct DetachedParts<'a> {
    /// What was signed.
    pub attributes: &'a SignedAttributes,
    /// How it was signed; the attributes' digest is of the same hash.
    pub scheme: Scheme,
    /// The signature over [`SignedAttributes::to_set`].
    pub signature: &'a [u8],
    /// The signer's certificate, which alone is embedded.
    pub certificate: &'a Certificate,
    /// Unsigned attributes: identifier and the values' DER encodings. Those without a value are left out.
    pub unsigned: &'a [(ObjectIdentifier, Vec<Vec<u8>>)],
}

/// The signed attributes of a message (RFC 5652 section 5.3): content-type, message-digest, and perhaps others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedAttributes {
    content_type: ObjectIdentifier,
    /// The content octets of the set, in DER's order.
    content: Vec<u8>,
}

impl SignedAttributes {
    /// Returns the attributes of a content of this type and digest, and `others`: identifier and the value's DER
    /// encoding.
    ///
    /// # Errors
    /// [`CmsError::Malformed`] when an attribute is too long to be written.
    pub fn new(
        content_type: ObjectIdentifier,
        digest: &Digest,
        others: &[(ObjectIdentifier, Vec<u8>)],
    ) -> Result<Self, CmsError> {
        let mut attributes = vec![
            attribute(&oid::CONTENT_TYPE, &[content_type.to_der()?])?,
            attribute(&oid::MESSAGE_DIGEST, &[asn1::octets(digest.as_bytes())?])?,
        ];
        for (id, value) in others {
            attributes.push(attribute(id, std::slice::from_ref(value))?);
        }
        Ok(Self {
            content_type,
            content: set_content(attributes),
        })
    }

    /// Returns the same with the time that the signer claims (RFC 5652 section 11.3).
    ///
    /// # Errors
    /// [`CmsError::Malformed`] when X.509 cannot write the time.
    pub fn with_signing_time(
        content_type: ObjectIdentifier,
        digest: &Digest,
        at: Time,
    ) -> Result<Self, CmsError> {
        let value = asn1::time(at)?;
        Self::new(content_type, digest, &[(oid::SIGNING_TIME, value)])
    }

    /// Returns the DER encoding that the signature is over: a SET, not the implicit tag that stands in the message
    /// (RFC 5652 section 5.4).
    ///
    /// # Errors
    /// [`CmsError::Malformed`] when it is too long to be written.
    pub fn to_set(&self) -> Result<Vec<u8>, CmsError> {
        Ok(asn1::tlv(Tag::Set, &[&self.content])?)
    }
}

/// Returns the DER encoding of the ContentInfo with the SignedData that `signer` signs.
///
/// # Errors
/// [`CmsError::Scheme`] when the signer's scheme has no place in CMS, else what its key says.
pub fn sign(parts: &SigningParts<'_>, signer: &dyn Signer) -> Result<Vec<u8>, CmsError> {
    let scheme = signer.scheme();
    let attributes = SignedAttributes::new(
        parts.content_type,
        &hash_of(scheme).digest(parts.content),
        parts.attributes,
    )?;
    let signature = signer.sign(&attributes.to_set()?)?;
    let signer_info = signer_info(&DetachedParts {
        attributes: &attributes,
        scheme,
        signature: &signature,
        certificate: parts.certificate,
        unsigned: &[],
    })?;
    let content = asn1::octets(parts.content)?;
    let content = asn1::sequence(&[&parts.content_type.to_der()?, &asn1::field(0, &[&content])?])?;
    // Version 3: the content is not plain data.
    signed_data(3, scheme, &content, parts.embedded, &signer_info)
}

/// Returns the DER encoding of the ContentInfo with a SignedData whose content is detached.
///
/// # Errors
/// [`CmsError::Scheme`] when the scheme has no place in CMS, [`CmsError::Malformed`] when a part is too long.
pub fn detached(parts: &DetachedParts<'_>) -> Result<Vec<u8>, CmsError> {
    let content = asn1::sequence(&[&parts.attributes.content_type.to_der()?])?;
    let embedded = std::slice::from_ref(parts.certificate);
    let signer_info = signer_info(parts)?;
    // Version 1: plain data, and nothing but a certificate beside it (RFC 5652 section 5.1).
    signed_data(1, parts.scheme, &content, embedded, &signer_info)
}

fn signer_info(parts: &DetachedParts<'_>) -> Result<Vec<u8>, CmsError> {
    let certificate = parts.certificate;
    let signer_id = asn1::sequence(&[
        certificate.issuer_name_der(),
        &asn1::tlv(Tag::Integer, &[certificate.serial()])?,
    ])?;
    let signature_algorithm = algorithm::identifier(parts.scheme)
        .ok_or(CmsError::Scheme)?
        .to_der()?;
    let mut unsigned = Vec::new();
    for (id, values) in parts.unsigned {
        if !values.is_empty() {
            unsigned.push(attribute(id, values)?);
        }
    }
    let unsigned = match unsigned.is_empty() {
        true => Vec::new(),
        false => asn1::field(1, &[&set_content(unsigned)])?,
    };
    Ok(asn1::sequence(&[
        &1u8.to_der()?, // version 1: identified by issuer and serial number
        &signer_id,
        &algorithm::hash_identifier(hash_of(parts.scheme)).to_der()?,
        &asn1::field(0, &[&parts.attributes.content])?,
        &signature_algorithm,
        &asn1::octets(parts.signature)?,
        &unsigned,
    ])?)
}

fn signed_data(
    version: u8,
    scheme: Scheme,
    content: &[u8],
    embedded: &[Certificate],
    signer_info: &[u8],
) -> Result<Vec<u8>, CmsError> {
    let digest_algorithm = algorithm::hash_identifier(hash_of(scheme)).to_der()?;
    let embedded: Vec<_> = embedded.iter().map(|one| one.der().to_vec()).collect();
    let certificates = match embedded.is_empty() {
        true => Vec::new(),
        false => asn1::field(0, &[&set_content(embedded)])?,
    };
    let signed_data = asn1::sequence(&[
        &version.to_der()?,
        &asn1::tlv(Tag::Set, &[&digest_algorithm])?,
        content,
        &certificates,
        &asn1::tlv(Tag::Set, &[signer_info])?,
    ])?;
    Ok(asn1::sequence(&[
        &oid::SIGNED_DATA.to_der()?,
        &asn1::field(0, &[&signed_data])?,
    ])?)
}

/// RFC 8419 section 3.1: beside pure Ed25519 the digest is SHA-512.
fn hash_of(scheme: Scheme) -> HashAlgorithm {
    scheme.hash().unwrap_or(HashAlgorithm::Sha512)
}

fn attribute(id: &ObjectIdentifier, values: &[Vec<u8>]) -> der::Result<Vec<u8>> {
    let values = set_content(values.to_vec());
    asn1::sequence(&[&id.to_der()?, &asn1::tlv(Tag::Set, &[&values])?])
}

/// The content of a SET OF in DER: ascending order (X.690 section 11.6).
fn set_content(mut members: Vec<Vec<u8>>) -> Vec<u8> {
    members.sort();
    members.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        build::{CertificateAuthority, Subject},
        cms::SignedData,
        digest::sha256,
        key::{KeyKind, PrivateKey},
        random::SystemRandom,
        time::Validity,
    };

    const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");

    #[test]
    fn a_detached_message_is_read_back_and_signed_over_its_attributes() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let digest = HashAlgorithm::Sha256.digest(b"content");
        let at = Time::from_unix(1_700_000_000);
        let attributes = SignedAttributes::with_signing_time(DATA, &digest, at).unwrap();
        // Content type, time, digest: in the order of their encodings, which is that of their lengths.
        let set = attributes.to_set().unwrap();
        assert_eq!(
            hex::encode(&set),
            format!(
                "3169301806092a864886f70d010903310b06092a864886f70d010701\
                 301c06092a864886f70d010905310f170d3233313131343232313332305a\
                 302f06092a864886f70d01090431220420{}",
                hex::encode(sha256(b"content"))
            )
        );

        let signature = key.sign(&set).unwrap();
        let subject = Subject {
            common_name: "signer",
            organization: "test",
        };
        let validity = Validity {
            start: at,
            end: Some(at.plus_seconds(600)),
        };
        let signer = Box::new(key.clone());
        let authority =
            CertificateAuthority::create_root(subject, signer, validity, &SystemRandom).unwrap();
        let certificate = authority.certificate().clone();
        let parts = DetachedParts {
            attributes: &attributes,
            scheme: key.scheme(),
            signature: &signature,
            certificate: &certificate,
            unsigned: &[
                (DATA, vec![asn1::octets(b"beside").unwrap()]),
                (DATA, vec![]),
            ],
        };
        let message = SignedData::from_der(&detached(&parts).unwrap()).unwrap();
        assert_eq!(message.content(), None);
        assert_eq!(message.certificates(), std::slice::from_ref(&certificate));
        assert_eq!(message.verify(b"content", &certificate), Ok(()));
        assert!(message.verify(b"Content", &certificate).is_err());
    }

    #[test]
    fn a_time_before_the_epoch_is_not_claimed() {
        let digest = HashAlgorithm::Sha256.digest(b"");
        let before = Time::from_unix(-1);
        assert!(SignedAttributes::with_signing_time(DATA, &digest, before).is_err());
    }
}
