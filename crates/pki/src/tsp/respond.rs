//! A time stamping authority's answers.

use der::{
    DateTime, Encode, Tag,
    asn1::{GeneralizedTime, ObjectIdentifier},
};

use super::{
    FailureInfo, TimestampRequest,
    request::encode_imprint,
    response::{encode_granted, encode_rejection},
};
use crate::{
    asn1,
    cert::Certificate,
    cms::{self, CmsError, SigningParts},
    digest::sha256,
    key::Signer,
    oid,
    random::{Random, RandomError},
    time::Time,
};

/// The policy of Sigstore's time stamping authorities.
pub const DEFAULT_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2");

/// What a time stamping authority signs with.
pub struct TsaSigner {
    /// The authority's certificate.
    pub certificate: Certificate,
    /// Its key.
    pub signer: Box<dyn Signer>,
    /// The policy that it works under.
    pub policy: ObjectIdentifier,
}

/// Returns the DER reply to `request`: a token over its imprint at `time`, accurate to a second.
///
/// The certificate is embedded if the request asks for it, the nonce repeated, and the serial number
/// random. A request for another policy is answered with a rejection.
///
/// # Errors
/// [`RespondError`] when there is no randomness, the key fails, or the time cannot be written.
pub fn respond(
    request: &TimestampRequest,
    authority: &TsaSigner,
    time: Time,
    random: &dyn Random,
) -> Result<Vec<u8>, RespondError> {
    if request
        .policy
        .is_some_and(|policy| policy != authority.policy)
    {
        return Ok(reject(
            FailureInfo::UnacceptedPolicy,
            "policy is not supported",
        )?);
    }
    let mut serial = [0; 16];
    random.fill(&mut serial)?;
    let info = encode_info(
        request,
        authority.policy,
        &asn1::positive_integer(serial),
        time,
    )?;

    let certificate = &authority.certificate;
    let embedded = match request.certificate_requested {
        true => std::slice::from_ref(certificate),
        false => &[],
    };
    let token = cms::sign(
        &SigningParts {
            content_type: oid::TST_INFO,
            content: &info,
            certificate,
            embedded,
            attributes: &[(
                oid::SIGNING_CERTIFICATE_V2,
                signing_certificate(certificate)?,
            )],
        },
        authority.signer.as_ref(),
    )?;
    Ok(encode_granted(&token)?)
}

/// Returns the DER reply that refuses a request, with the reason as data and in words.
///
/// # Errors
/// [`der::Error`], which no such reply reaches.
pub fn reject(failure: FailureInfo, text: &str) -> der::Result<Vec<u8>> {
    encode_rejection(failure, text)
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RespondError {
    /// No randomness for the serial number.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The token cannot be signed.
    #[error(transparent)]
    Sign(#[from] CmsError),
    /// A time before 1970 or after 9999.
    #[error("{time} cannot be written in a timestamp")]
    Time {
        /// The time.
        time: Time,
    },
    /// A part is too long to encode.
    #[error("cannot be encoded: {0}")]
    Encode(#[from] der::Error),
}

const ACCURACY_SECONDS: u8 = 1;

fn encode_info(
    request: &TimestampRequest,
    policy: ObjectIdentifier,
    serial: &[u8],
    time: Time,
) -> Result<Vec<u8>, RespondError> {
    let nonce = request
        .nonce
        .as_ref()
        .map(|nonce| asn1::tlv(Tag::Integer, &[nonce]))
        .transpose()?;
    Ok(asn1::sequence(&[
        &1u8.to_der()?,
        &policy.to_der()?,
        &encode_imprint(&request.imprint)?,
        &asn1::tlv(Tag::Integer, &[serial])?,
        &generalized_time(time)?.to_der()?,
        &asn1::sequence(&[&ACCURACY_SECONDS.to_der()?])?,
        nonce.as_deref().unwrap_or_default(),
    ])?)
}

fn generalized_time(time: Time) -> Result<GeneralizedTime, RespondError> {
    u64::try_from(time.unix())
        .ok()
        .and_then(|seconds| {
            DateTime::from_unix_duration(std::time::Duration::from_secs(seconds)).ok()
        })
        .map(GeneralizedTime::from_date_time)
        .ok_or(RespondError::Time { time })
}

/// SigningCertificateV2 with one ESSCertIDv2 over SHA-256, its default (RFC 5035 section 4).
fn signing_certificate(certificate: &Certificate) -> der::Result<Vec<u8>> {
    let issuer_serial = asn1::sequence(&[
        &asn1::sequence(&[&asn1::field(4, &[certificate.issuer_name_der()])?])?,
        &asn1::tlv(Tag::Integer, &[certificate.serial()])?,
    ])?;
    let id = asn1::sequence(&[&asn1::octets(&sha256(certificate.der()))?, &issuer_serial])?;
    asn1::sequence(&[&asn1::sequence(&[&id])?])
}
