//! TimeStampResp (RFC 3161 section 2.4.2).

use der::{
    Decode, Encode, Reader, SliceReader, Tag,
    asn1::{AnyRef, BitStringRef, Utf8StringRef},
};

use super::{TimestampToken, TspError};
use crate::asn1;

/// The largest reply that is read, in bytes.
pub const MAX_RESPONSE_LEN: usize = 256 * 1024;

/// A reply of a time stamping authority that grants what was asked.
#[derive(Clone, Debug)]
pub struct TimestampResponse {
    token: TimestampToken,
}

impl TimestampResponse {
    /// Returns the reply in `der`, with status granted or granted with modifications.
    ///
    /// # Errors
    /// [`TspError::Status`] with any other status, else what is wrong with the encoding or the token.
    pub fn from_der(der: &[u8]) -> Result<Self, TspError> {
        Ok(Self {
            token: TimestampToken::from_der(Self::token_der(der)?)?,
        })
    }

    /// Returns the token's own encoding in the reply `der`, which grants it. The token is not read.
    ///
    /// # Errors
    /// [`TspError::Status`] with any other status, else what is wrong with the encoding of the reply.
    pub fn token_der(der: &[u8]) -> Result<&[u8], TspError> {
        if der.len() > MAX_RESPONSE_LEN {
            return Err(TspError::TooLong {
                found: der.len(),
                max: MAX_RESPONSE_LEN,
            });
        }
        let mut reader = SliceReader::new(der)?;
        let token = reader.sequence(|reader| {
            let status = reader.sequence(read_status)?;
            if !matches!(status.status, GRANTED | GRANTED_WITH_MODS) {
                return Err(TspError::Status {
                    found: status.status,
                    failure: status.failure,
                    text: status.text,
                });
            }
            if reader.is_finished() {
                return Err(TspError::NoToken);
            }
            Ok(reader.tlv_bytes()?)
        })?;
        reader.finish()?;
        Ok(token)
    }

    /// Returns the encoding of the reply that grants the token with this encoding.
    ///
    /// # Errors
    /// [`TspError::TooLong`] when no reply of this length is read.
    pub fn granting(token: &[u8]) -> Result<Vec<u8>, TspError> {
        let der = encode_granted(token)?;
        if der.len() > MAX_RESPONSE_LEN {
            return Err(TspError::TooLong {
                found: der.len(),
                max: MAX_RESPONSE_LEN,
            });
        }
        Ok(der)
    }

    /// Returns the token.
    pub fn token(&self) -> &TimestampToken {
        &self.token
    }

    /// Returns the token, and gives up the reply.
    pub fn into_token(self) -> TimestampToken {
        self.token
    }
}

/// Why an authority refuses: PKIFailureInfo, by the number of its bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureInfo {
    /// Unknown or unsupported algorithm.
    BadAlgorithm,
    /// Transaction not permitted or supported.
    BadRequest,
    /// Data in the wrong format.
    BadDataFormat,
    /// The time source is not available.
    TimeNotAvailable,
    /// The policy is not supported.
    UnacceptedPolicy,
    /// An extension is not supported.
    UnacceptedExtension,
    /// Additional information is not available.
    AdditionalInfoNotAvailable,
    /// The system failed.
    SystemFailure,
}

impl FailureInfo {
    const ALL: [Self; 8] = [
        Self::BadAlgorithm,
        Self::BadRequest,
        Self::BadDataFormat,
        Self::TimeNotAvailable,
        Self::UnacceptedPolicy,
        Self::UnacceptedExtension,
        Self::AdditionalInfoNotAvailable,
        Self::SystemFailure,
    ];

    fn bit(self) -> usize {
        match self {
            Self::BadAlgorithm => 0,
            Self::BadRequest => 2,
            Self::BadDataFormat => 5,
            Self::TimeNotAvailable => 14,
            Self::UnacceptedPolicy => 15,
            Self::UnacceptedExtension => 16,
            Self::AdditionalInfoNotAvailable => 17,
            Self::SystemFailure => 25,
        }
    }
}

pub(super) const GRANTED: u8 = 0;
const GRANTED_WITH_MODS: u8 = 1;
const REJECTION: u8 = 2;
const MAX_TEXT_LEN: usize = 1024;

/// The reply that holds `token`.
pub(super) fn encode_granted(token: &[u8]) -> der::Result<Vec<u8>> {
    asn1::sequence(&[&asn1::sequence(&[&GRANTED.to_der()?])?, token])
}

/// The reply that refuses; `text` is cut to what a client will read.
pub(super) fn encode_rejection(failure: FailureInfo, text: &str) -> der::Result<Vec<u8>> {
    let text: String = text.chars().take(MAX_TEXT_LEN / 4).collect();
    // A named bit list ends with its last one bit (X.690 section 11.2.2).
    let bit = failure.bit();
    let mut bits = vec![0; bit / 8];
    bits.push(0x80 >> (bit % 8));
    let unused = u8::try_from(7 - bit % 8).unwrap_or(0);
    let status = asn1::sequence(&[
        &REJECTION.to_der()?,
        &asn1::sequence(&[&Utf8StringRef::new(&text)?.to_der()?])?,
        &BitStringRef::new(unused, &bits)?.to_der()?,
    ])?;
    asn1::sequence(&[&status])
}

struct Status {
    status: u8,
    text: Option<String>,
    failure: Option<FailureInfo>,
}

fn read_status(reader: &mut SliceReader<'_>) -> Result<Status, TspError> {
    let status = u8::decode(reader)?;
    let text = asn1::optional(reader, Tag::Sequence, read_text)?;
    let failure = asn1::optional(reader, Tag::BitString, |reader| {
        let bits = BitStringRef::decode(reader)?;
        Ok(FailureInfo::ALL
            .into_iter()
            .find(|failure| bits.get(failure.bit()) == Some(true)))
    })?;
    Ok(Status {
        status,
        text: text.flatten(),
        failure: failure.flatten(),
    })
}

/// The first string of a PKIFreeText, if it is not too long to show.
fn read_text(reader: &mut SliceReader<'_>) -> der::Result<Option<String>> {
    let strings = AnyRef::decode(reader)?;
    let mut strings = SliceReader::new(strings.value())?;
    let text = Utf8StringRef::decode(&mut strings)?;
    Ok((text.as_str().len() <= MAX_TEXT_LEN).then(|| text.as_str().to_owned()))
}
