//! Signed messages (RFC 5652 SignedData) with one signer: timestamps, and what gitsign writes.
//!
//! The signature is over bytes, and the sets of real messages are not always in DER's order: this
//! keeps what it reads as it came, where the types of the `cms` crate would sort it.

mod build;

pub use crate::oid::DATA;
pub use build::{DetachedParts, SignedAttributes, SigningParts, detached, sign};

use der::{
    Decode, Header, Reader, SliceReader, Tag, TagNumber,
    asn1::{AnyRef, ObjectIdentifier, OctetStringRef},
};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::{
    algorithm, asn1,
    cert::{Certificate, CertificateError},
    digest::{Digest, HashAlgorithm},
    key::{KeyError, PublicKey, Scheme},
    oid,
    time::Time,
};

/// The largest message that is read, in bytes.
pub const MAX_MESSAGE_LEN: usize = 256 * 1024;
/// The most certificates that a message may embed.
pub const MAX_CERTIFICATES: usize = 16;
/// The most signed attributes that a signer may have.
pub const MAX_ATTRIBUTES: usize = 32;

/// A SignedData with exactly one signer, parsed and not verified.
#[derive(Clone, Debug)]
pub struct SignedData {
    version: u8,
    /// The content octets of the set.
    digest_algorithms: Vec<u8>,
    has_revocation_lists: bool,
    content_type: ObjectIdentifier,
    content: Option<Vec<u8>>,
    certificates: Vec<Certificate>,
    signer: SignerInfo,
}

impl SignedData {
    /// Returns the SignedData in the ContentInfo `der`.
    ///
    /// # Errors
    /// [`CmsError`] when it is malformed, too large, or has no signer or several.
    pub fn from_der(der: &[u8]) -> Result<Self, CmsError> {
        if der.len() > MAX_MESSAGE_LEN {
            return Err(CmsError::TooLong {
                found: der.len(),
                max: MAX_MESSAGE_LEN,
            });
        }
        let mut reader = SliceReader::new(der)?;
        let message = reader.sequence(|reader| {
            let content_type = ObjectIdentifier::decode(reader)?;
            if content_type != oid::SIGNED_DATA {
                return Err(CmsError::NotSignedData {
                    found: content_type,
                });
            }
            explicit(reader, 0, |reader| reader.sequence(read_signed_data))
        })?;
        reader.finish()?;
        Ok(message)
    }

    /// Returns what the signed content is.
    pub fn content_type(&self) -> ObjectIdentifier {
        self.content_type
    }

    /// Returns the signed content, `None` when the signature is detached.
    pub fn content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// Returns the embedded certificates. Nobody vouches for them.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Returns the signer.
    pub fn signer(&self) -> &SignerInfo {
        &self.signer
    }

    /// Checks that the key of `certificate` signed `content`: the signed attributes content-type and
    /// message-digest, and the signature over the signed attributes (RFC 5652 sections 5.4 and 11).
    ///
    /// Whether the certificate is to be trusted is the caller's to check.
    ///
    /// # Errors
    /// [`CmsError`] with the first thing that does not hold.
    pub fn verify(&self, content: &[u8], certificate: &Certificate) -> Result<(), CmsError> {
        self.verify_with_key(content, certificate, &certificate.public_key()?)
    }

    /// The same with the key of `certificate`, for who has it parsed.
    pub(crate) fn verify_with_key(
        &self,
        content: &[u8],
        certificate: &Certificate,
        key: &PublicKey,
    ) -> Result<(), CmsError> {
        let (scheme, signed) = self.to_verify(content, certificate, key)?;
        key.verify(scheme, &signed, &self.signer.signature)
            .map_err(|_| CmsError::SignatureInvalid)
    }

    /// Checks all that [`Self::verify`] does but the signature, and returns how and over which bytes `key`,
    /// the certificate's, must have made it.
    ///
    /// # Errors
    /// [`CmsError`] with the first thing that does not hold.
    pub fn to_verify(
        &self,
        content: &[u8],
        certificate: &Certificate,
        key: &PublicKey,
    ) -> Result<(Scheme, Vec<u8>), CmsError> {
        let signer = &self.signer;
        if !signer.is(certificate) {
            return Err(CmsError::OtherSigner);
        }
        let found = ObjectIdentifier::from_der(signer.required_attribute(&oid::CONTENT_TYPE)?)?;
        if found != self.content_type {
            return Err(CmsError::ContentType {
                expected: self.content_type,
                found,
            });
        }

        let hash = algorithm::hash_algorithm(&signer.digest_algorithm).ok_or(
            CmsError::DigestAlgorithm {
                found: signer.digest_algorithm.oid,
            },
        )?;
        let expected =
            <&OctetStringRef>::from_der(signer.required_attribute(&oid::MESSAGE_DIGEST)?)?;
        let found = hash.digest(content);
        if found.as_bytes() != expected.as_bytes() {
            return Err(CmsError::MessageDigest {
                expected: shown(hash, expected.as_bytes()),
                found,
            });
        }

        let scheme =
            algorithm::signature_scheme(&signer.signature_algorithm, Some(hash), key.kind())
                .ok_or(CmsError::SignatureAlgorithm {
                    found: signer.signature_algorithm.oid,
                })?;
        Ok((scheme, signer.signed_attributes_set()?))
    }

    /// Checks the parts that follow from the others and that no signature covers: versions, the list of digest
    /// algorithms, and that there are no revocation lists (RFC 5652 sections 5.1 and 5.3).
    ///
    /// # Errors
    /// [`CmsError::Version`], [`CmsError::DigestAlgorithms`] and [`CmsError::RevocationLists`].
    pub fn check_form(&self) -> Result<(), CmsError> {
        let signer = match self.signer.id {
            SignerId::IssuerAndSerial { .. } => 1,
            SignerId::SubjectKeyId(_) => 3,
        };
        let message = match self.content_type {
            oid::DATA => signer,
            _ => 3,
        };
        for (expected, found) in [(signer, self.signer.version), (message, self.version)] {
            if expected != found {
                return Err(CmsError::Version { expected, found });
            }
        }
        // The parameters may be absent in one of them and NULL in the other (RFC 5754 section 2).
        let listed = AlgorithmIdentifierOwned::from_der(&self.digest_algorithms).ok();
        let listed = listed.and_then(|listed| algorithm::hash_algorithm(&listed));
        if listed.is_none() || listed != self.signer.hash() {
            return Err(CmsError::DigestAlgorithms);
        }
        match self.has_revocation_lists {
            true => Err(CmsError::RevocationLists),
            false => Ok(()),
        }
    }
}

/// Who signed, what beside the content, and how.
#[derive(Clone, Debug)]
pub struct SignerInfo {
    version: u8,
    id: SignerId,
    digest_algorithm: AlgorithmIdentifierOwned,
    /// The content octets of the set, as they were read.
    signed_attributes: Vec<u8>,
    attributes: Vec<Attribute>,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: Vec<u8>,
    /// The content octets of the set, as they were read.
    unsigned_attributes: Vec<u8>,
}

impl SignerInfo {
    /// Returns whether the signer is identified as the subject of `certificate`.
    pub fn is(&self, certificate: &Certificate) -> bool {
        match &self.id {
            SignerId::IssuerAndSerial { issuer, serial } => {
                certificate.issuer_name_der() == issuer && certificate.serial() == serial
            }
            SignerId::SubjectKeyId(id) => certificate.subject_key_id() == Some(id),
        }
    }

    /// Returns the DER encoding of a signed attribute's only value, `None` when there is no such attribute.
    pub fn attribute(&self, id: &ObjectIdentifier) -> Option<&[u8]> {
        self.attributes
            .iter()
            .find(|attribute| attribute.id == *id)
            .map(|attribute| attribute.value.as_slice())
    }

    /// Returns the signed attributes as they are signed: as a SET, not under their implicit tag (RFC 5652 section 5.4).
    ///
    /// # Errors
    /// [`CmsError::MissingAttribute`] when there are none: then the content itself is signed.
    pub fn signed_attributes_set(&self) -> Result<Vec<u8>, CmsError> {
        if self.signed_attributes.is_empty() {
            return Err(CmsError::MissingAttribute {
                oid: oid::CONTENT_TYPE,
            });
        }
        Ok(asn1::tlv(Tag::Set, &[&self.signed_attributes])?)
    }

    /// Returns the time at which the signer claims to have signed (RFC 5652 section 11.3), `None` when nothing is claimed.
    ///
    /// # Errors
    /// [`CmsError::Malformed`] when the attribute is no time.
    pub fn signing_time(&self) -> Result<Option<Time>, CmsError> {
        let Some(value) = self.attribute(&oid::SIGNING_TIME) else {
            return Ok(None);
        };
        let time = x509_cert::time::Time::from_der(value)?;
        let seconds = time.to_unix_duration().as_secs();
        Ok(Some(Time::from_unix(
            i64::try_from(seconds).unwrap_or(i64::MAX),
        )))
    }

    /// Returns the attributes that no signature covers: each kind with the DER encodings of its values, in order.
    ///
    /// # Errors
    /// [`CmsError`] when they are malformed, or more than [`MAX_ATTRIBUTES`] values.
    pub fn unsigned_attributes(&self) -> Result<Vec<(ObjectIdentifier, Vec<u8>)>, CmsError> {
        let mut reader = SliceReader::new(&self.unsigned_attributes)?;
        let mut found = Vec::new();
        while !reader.is_finished() {
            reader.sequence(|reader| -> Result<(), CmsError> {
                let id = ObjectIdentifier::decode(reader)?;
                constructed(reader, Tag::Set, |values| {
                    while !values.is_finished() {
                        if found.len() == MAX_ATTRIBUTES {
                            return Err(CmsError::TooManyAttributes);
                        }
                        found.push((id, values.tlv_bytes()?.to_vec()));
                    }
                    Ok(())
                })
            })?;
        }
        Ok(found)
    }

    /// Returns the hash function of message-digest and signature, `None` when it is unknown or weak.
    pub fn hash(&self) -> Option<HashAlgorithm> {
        algorithm::hash_algorithm(&self.digest_algorithm)
    }

    /// Returns the signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    fn required_attribute(&self, id: &ObjectIdentifier) -> Result<&[u8], CmsError> {
        self.attribute(id)
            .ok_or(CmsError::MissingAttribute { oid: *id })
    }
}

/// A digest of any length, which somebody else chose.
fn shown(hash: HashAlgorithm, digest: &[u8]) -> String {
    const MAX: usize = 64;
    let start = digest.get(..MAX.min(digest.len())).unwrap_or_default();
    let more = if digest.len() > MAX { "..." } else { "" };
    format!("{hash}:{}{more}", hex::encode(start))
}

/// Why a message was not read, not made, or its signature not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CmsError {
    /// More bytes than [`MAX_MESSAGE_LEN`].
    #[error("signed message of {found} bytes, at most {max} are read")]
    TooLong {
        /// The length found.
        found: usize,
        /// The largest length.
        max: usize,
    },
    /// Not a CMS message.
    #[error("malformed signed message: {0}")]
    Malformed(#[from] der::Error),
    /// A CMS message of another kind.
    #[error("message of the kind {found}, not signed data")]
    NotSignedData {
        /// The kind.
        found: ObjectIdentifier,
    },
    /// More certificates than [`MAX_CERTIFICATES`].
    #[error("more than {MAX_CERTIFICATES} certificates")]
    TooManyCertificates,
    /// An embedded certificate cannot be read.
    #[error("embedded certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// No signer, or several.
    #[error("not exactly one signer")]
    Signers,
    /// Attributes of a form that RFC 5652 section 11 does not allow: twice the same, or not one value.
    #[error("signed attribute {oid} occurs twice or has not one value")]
    Attribute {
        /// The attribute.
        oid: ObjectIdentifier,
    },
    /// More signed attributes than [`MAX_ATTRIBUTES`].
    #[error("more than {MAX_ATTRIBUTES} signed attributes")]
    TooManyAttributes,
    /// A signed attribute that must be there is not.
    #[error("no signed attribute {oid}")]
    MissingAttribute {
        /// The attribute.
        oid: ObjectIdentifier,
    },
    /// The signer is not the certificate's subject.
    #[error("signer is not the subject of the certificate")]
    OtherSigner,
    /// The signed content type is not the message's.
    #[error("content is signed as {found}, and is {expected}")]
    ContentType {
        /// The message's content type.
        expected: ObjectIdentifier,
        /// The signed one.
        found: ObjectIdentifier,
    },
    /// A digest algorithm that is unknown or weak.
    #[error("digest algorithm {found} is not supported")]
    DigestAlgorithm {
        /// The algorithm.
        found: ObjectIdentifier,
    },
    /// The content is not what was signed.
    #[error("content has the digest {found}, signed is {expected}")]
    MessageDigest {
        /// The signed digest, written as a [`Digest`] is; cut off where it is longer than any.
        expected: String,
        /// The content's.
        found: Digest,
    },
    /// A signature algorithm that is unknown, weak, or does not fit the signer's key.
    #[error("signature algorithm {found} is not supported with the signer's key")]
    SignatureAlgorithm {
        /// The algorithm.
        found: ObjectIdentifier,
    },
    /// A version that does not follow from what the message holds.
    #[error("version {found} where {expected} follows from the content")]
    Version {
        /// The right one.
        expected: u8,
        /// The one found.
        found: u8,
    },
    /// The list of digest algorithms is not the signer's one.
    #[error("the list of digest algorithms is not the one of the signer")]
    DigestAlgorithms,
    /// Revocation lists, which have no use here.
    #[error("the message carries revocation lists")]
    RevocationLists,
    /// The scheme of the signer at hand has no place in CMS.
    #[error("the signer's scheme cannot sign a message")]
    Scheme,
    /// The signature does not verify.
    #[error("signature on the message does not verify")]
    SignatureInvalid,
    /// The signer's key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[derive(Clone, Debug)]
enum SignerId {
    /// The name's DER encoding, and the number's content octets.
    IssuerAndSerial {
        issuer: Vec<u8>,
        serial: Vec<u8>,
    },
    SubjectKeyId(Vec<u8>),
}

#[derive(Clone, Debug)]
struct Attribute {
    id: ObjectIdentifier,
    /// The DER encoding of the only value.
    value: Vec<u8>,
}

fn read_signed_data(reader: &mut SliceReader<'_>) -> Result<SignedData, CmsError> {
    let version = u8::decode(reader)?;
    let digest_algorithms = constructed(reader, Tag::Set, |reader| {
        Ok(reader.read_slice(reader.remaining_len())?.to_vec())
    })?;
    let (content_type, content) = reader.sequence(read_content)?;
    let certificates = if next_is_field(reader, 0)? {
        constructed(reader, asn1::context(0), read_certificates)?
    } else {
        Vec::new()
    };
    let has_revocation_lists = next_is_field(reader, 1)?;
    if has_revocation_lists {
        skip(reader, asn1::context(1))?;
    }
    let signer = constructed(reader, Tag::Set, |reader| {
        if reader.is_finished() {
            return Err(CmsError::Signers);
        }
        let signer = reader.sequence(read_signer)?;
        if !reader.is_finished() {
            return Err(CmsError::Signers);
        }
        Ok(signer)
    })?;
    Ok(SignedData {
        version,
        digest_algorithms,
        has_revocation_lists,
        content_type,
        content,
        certificates,
        signer,
    })
}

fn read_content(
    reader: &mut SliceReader<'_>,
) -> Result<(ObjectIdentifier, Option<Vec<u8>>), CmsError> {
    let content_type = ObjectIdentifier::decode(reader)?;
    if reader.is_finished() {
        return Ok((content_type, None));
    }
    let content = explicit(reader, 0, |reader| {
        Ok(<&OctetStringRef>::decode(reader)?.as_bytes().to_vec())
    })?;
    Ok((content_type, Some(content)))
}

fn read_certificates(reader: &mut SliceReader<'_>) -> Result<Vec<Certificate>, CmsError> {
    let mut certificates = Vec::new();
    while !reader.is_finished() {
        if certificates.len() == MAX_CERTIFICATES {
            return Err(CmsError::TooManyCertificates);
        }
        certificates.push(Certificate::from_der(reader.tlv_bytes()?)?);
    }
    Ok(certificates)
}

fn read_signer(reader: &mut SliceReader<'_>) -> Result<SignerInfo, CmsError> {
    let version = u8::decode(reader)?;
    let id = read_signer_id(reader)?;
    let digest_algorithm = AlgorithmIdentifierOwned::decode(reader)?;
    let (signed_attributes, attributes) = if next_is_field(reader, 0)? {
        let content = AnyRef::decode(reader)?.value();
        (
            content.to_vec(),
            read_attributes(&mut SliceReader::new(content)?)?,
        )
    } else {
        (Vec::new(), Vec::new())
    };
    let signature_algorithm = AlgorithmIdentifierOwned::decode(reader)?;
    let signature = <&OctetStringRef>::decode(reader)?.as_bytes().to_vec();
    let mut unsigned_attributes = Vec::new();
    if next_is_field(reader, 1)? {
        // Read when they are asked for: nothing that is signed rests on them.
        unsigned_attributes.extend_from_slice(AnyRef::decode(reader)?.value());
    }
    Ok(SignerInfo {
        version,
        id,
        digest_algorithm,
        signed_attributes,
        attributes,
        signature_algorithm,
        signature,
        unsigned_attributes,
    })
}

fn read_signer_id(reader: &mut SliceReader<'_>) -> Result<SignerId, CmsError> {
    let key_id_tag = Tag::ContextSpecific {
        constructed: false,
        number: TagNumber(0),
    };
    if Tag::peek(reader)? == key_id_tag {
        return Ok(SignerId::SubjectKeyId(
            AnyRef::decode(reader)?.value().to_vec(),
        ));
    }
    reader.sequence(|reader| {
        Ok(SignerId::IssuerAndSerial {
            issuer: reader.tlv_bytes()?.to_vec(),
            serial: asn1::integer(reader)?.to_vec(),
        })
    })
}

fn read_attributes(reader: &mut SliceReader<'_>) -> Result<Vec<Attribute>, CmsError> {
    let mut attributes: Vec<Attribute> = Vec::new();
    while !reader.is_finished() {
        if attributes.len() == MAX_ATTRIBUTES {
            return Err(CmsError::TooManyAttributes);
        }
        let attribute = reader.sequence(|reader| {
            let id = ObjectIdentifier::decode(reader)?;
            let values = AnyRef::decode(reader)?;
            der::Tagged::tag(&values).assert_eq(Tag::Set)?;
            let mut values = SliceReader::new(values.value())?;
            let malformed = CmsError::Attribute { oid: id };
            if values.is_finished() {
                return Err(malformed);
            }
            let value = values.tlv_bytes()?.to_vec();
            values.finish().map_err(|_| malformed)?;
            Ok(Attribute { id, value })
        })?;
        if attributes.iter().any(|earlier| earlier.id == attribute.id) {
            return Err(CmsError::Attribute { oid: attribute.id });
        }
        attributes.push(attribute);
    }
    Ok(attributes)
}

fn next_is_field(reader: &SliceReader<'_>, number: u32) -> Result<bool, CmsError> {
    Ok(!reader.is_finished() && Tag::peek(reader)? == asn1::context(number))
}

fn skip(reader: &mut SliceReader<'_>, tag: Tag) -> Result<(), CmsError> {
    Tag::peek(reader)?.assert_eq(tag)?;
    reader.tlv_bytes()?;
    Ok(())
}

fn explicit<'a, T>(
    reader: &mut SliceReader<'a>,
    number: u32,
    read: impl FnOnce(&mut SliceReader<'a>) -> Result<T, CmsError>,
) -> Result<T, CmsError> {
    constructed(reader, asn1::context(number), read)
}

fn constructed<'a, T>(
    reader: &mut SliceReader<'a>,
    tag: Tag,
    read: impl FnOnce(&mut SliceReader<'a>) -> Result<T, CmsError>,
) -> Result<T, CmsError> {
    let header = Header::decode(reader)?;
    header.tag().assert_eq(tag)?;
    reader.read_nested(header.length(), read)
}
