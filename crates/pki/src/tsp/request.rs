//! TimeStampReq (RFC 3161 section 2.4.1).

use der::{
    Decode, Encode, Reader, SliceReader, Tag,
    asn1::{ObjectIdentifier, OctetStringRef},
};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::FailureInfo;
use crate::{
    algorithm, asn1,
    digest::Digest,
    random::{Random, RandomError},
};

/// The largest request that is read, in bytes.
pub const MAX_REQUEST_LEN: usize = 4096;
/// The longest nonce that is read, in bytes.
const MAX_NONCE_LEN: usize = 64;
const VERSION_1: [u8; 1] = [1];

/// What a client asks a time stamping authority for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampRequest {
    /// The digest to put under a time.
    pub imprint: Digest,
    /// The policy to do it under, `None` for any.
    pub policy: Option<ObjectIdentifier>,
    /// The content octets of an INTEGER that the reply must repeat.
    pub nonce: Option<Vec<u8>>,
    /// Whether the reply is to embed the authority's certificate.
    pub certificate_requested: bool,
}

impl TimestampRequest {
    /// Returns a request for `imprint` with a random nonce of 64 bits, which asks for the certificate.
    ///
    /// # Errors
    /// [`RandomError`] when there is no randomness.
    pub fn new(imprint: Digest, random: &dyn Random) -> Result<Self, RandomError> {
        let mut nonce = [0; 8];
        random.fill(&mut nonce)?;
        Ok(Self {
            imprint,
            policy: None,
            nonce: Some(asn1::positive_integer(nonce).to_vec()),
            certificate_requested: true,
        })
    }

    /// Returns the request in `der`.
    ///
    /// # Errors
    /// [`RequestError`], which knows the failure to answer with.
    pub fn parse(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > MAX_REQUEST_LEN {
            return Err(RequestError::TooLong {
                found: der.len(),
                max: MAX_REQUEST_LEN,
            });
        }
        let mut reader = SliceReader::new(der)?;
        let request = reader.sequence(read_request)?;
        reader.finish()?;
        Ok(request)
    }

    /// Returns the DER encoding.
    ///
    /// # Errors
    /// [`der::Error`] when a part is too long to encode, which no digest and nonce are.
    pub fn to_der(&self) -> der::Result<Vec<u8>> {
        let policy = self.policy.map(|policy| policy.to_der()).transpose()?;
        let nonce = self
            .nonce
            .as_ref()
            .map(|nonce| asn1::tlv(Tag::Integer, &[nonce]))
            .transpose()?;
        let certificate_requested = match self.certificate_requested {
            true => true.to_der()?,
            false => Vec::new(), // the default is not encoded
        };
        asn1::sequence(&[
            &asn1::tlv(Tag::Integer, &[&VERSION_1])?,
            &encode_imprint(&self.imprint)?,
            policy.as_deref().unwrap_or_default(),
            nonce.as_deref().unwrap_or_default(),
            &certificate_requested,
        ])
    }
}

/// Why a request was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// More bytes than [`MAX_REQUEST_LEN`].
    #[error("request of {found} bytes, at most {max} are read")]
    TooLong {
        /// The length found.
        found: usize,
        /// The largest length.
        max: usize,
    },
    /// Not a request.
    #[error("malformed request: {0}")]
    Malformed(#[from] der::Error),
    /// Not version 1.
    #[error("request of a version other than 1")]
    Version,
    /// A digest algorithm that is unknown or weak.
    #[error("digest algorithm {found} is not supported")]
    DigestAlgorithm {
        /// The algorithm.
        found: ObjectIdentifier,
    },
    /// A digest that is not as long as its algorithm's.
    #[error("digest is not as long as its algorithm makes it")]
    DigestLength,
    /// A nonce of more bytes than any client needs.
    #[error("nonce is longer than {MAX_NONCE_LEN} bytes")]
    NonceLength,
    /// Extensions; none are defined that a request could need.
    #[error("request has extensions")]
    Extensions,
}

impl RequestError {
    /// Returns the failure to answer such a request with.
    pub fn failure(&self) -> FailureInfo {
        match self {
            Self::DigestAlgorithm { .. } => FailureInfo::BadAlgorithm,
            Self::Extensions => FailureInfo::UnacceptedExtension,
            Self::Version => FailureInfo::BadRequest,
            _ => FailureInfo::BadDataFormat,
        }
    }
}

/// MessageImprint, the same in requests and tokens.
pub(super) fn read_imprint(reader: &mut SliceReader<'_>) -> Result<Digest, RequestError> {
    reader.sequence(|reader| {
        let algorithm = AlgorithmIdentifierOwned::decode(reader)?;
        let value = <&OctetStringRef>::decode(reader)?;
        let hash = algorithm::hash_algorithm(&algorithm).ok_or(RequestError::DigestAlgorithm {
            found: algorithm.oid,
        })?;
        Digest::new(hash, value.as_bytes()).map_err(|_| RequestError::DigestLength)
    })
}

pub(super) fn encode_imprint(imprint: &Digest) -> der::Result<Vec<u8>> {
    asn1::sequence(&[
        &algorithm::hash_identifier(imprint.algorithm()).to_der()?,
        &asn1::octets(imprint.as_bytes())?,
    ])
}

fn read_request(reader: &mut SliceReader<'_>) -> Result<TimestampRequest, RequestError> {
    if asn1::integer(reader)? != VERSION_1 {
        return Err(RequestError::Version);
    }
    let imprint = read_imprint(reader)?;
    let policy = asn1::optional(reader, Tag::ObjectIdentifier, ObjectIdentifier::decode)?;
    let nonce = asn1::optional(reader, Tag::Integer, asn1::integer)?;
    if nonce.is_some_and(|nonce| nonce.len() > MAX_NONCE_LEN) {
        return Err(RequestError::NonceLength);
    }
    // Some clients encode the default FALSE.
    let certificate_requested =
        asn1::optional(reader, Tag::Boolean, bool::decode)?.unwrap_or(false);
    if !reader.is_finished() {
        return Err(RequestError::Extensions);
    }
    Ok(TimestampRequest {
        imprint,
        policy,
        nonce: nonce.map(<[u8]>::to_vec),
        certificate_requested,
    })
}
