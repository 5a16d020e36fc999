//! TimeStampToken: what a time stamping authority signed, and whether it counts.

use der::{
    Decode, Reader, SliceReader, Tag,
    asn1::{AnyRef, ObjectIdentifier, OctetStringRef},
};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{FailureInfo, RequestError, TimestampRequest, TimestampResponse, info::TstInfo};
use crate::{
    algorithm, asn1,
    cert::Certificate,
    chain::{Chain, ChainError, Purpose},
    cms::{CmsError, SignedData},
    digest::{Digest, HashAlgorithm},
    oid,
    time::Time,
};

/// A signed timestamp, parsed and not verified.
#[derive(Clone, Debug)]
pub struct TimestampToken {
    signed: SignedData,
    info: TstInfo,
}

impl TimestampToken {
    /// Returns the token in the ContentInfo `der`.
    ///
    /// # Errors
    /// [`TspError`] when it is malformed or no timestamp.
    pub fn from_der(der: &[u8]) -> Result<Self, TspError> {
        let signed = SignedData::from_der(der)?;
        if signed.content_type() != oid::TST_INFO {
            return Err(TspError::ContentType {
                found: signed.content_type(),
            });
        }
        let info = TstInfo::from_der(signed.content().ok_or(TspError::NoToken)?)?;
        Ok(Self { signed, info })
    }

    /// Returns the token in a reply, which is how Sigstore bundles hold timestamps.
    ///
    /// # Errors
    /// [`TspError`] when the reply refuses or is malformed.
    pub fn from_response(der: &[u8]) -> Result<Self, TspError> {
        TimestampResponse::from_der(der).map(TimestampResponse::into_token)
    }

    /// Returns the time that the authority states, fractions of a second cut off.
    pub fn gen_time(&self) -> Time {
        self.info.gen_time
    }

    /// Returns the digest that was put under the time.
    pub fn imprint(&self) -> &Digest {
        &self.info.imprint
    }

    /// Returns the policy that the authority worked under.
    pub fn policy(&self) -> ObjectIdentifier {
        self.info.policy
    }

    /// Returns the token's serial number in lower-case hexadecimal.
    pub fn serial_hex(&self) -> String {
        hex::encode(&self.info.serial)
    }

    /// Checks that the token answers `request`: the same digest and nonce, and the policy if one was asked for.
    ///
    /// # Errors
    /// [`TspError::ImprintMismatch`], [`TspError::NonceMismatch`] and [`TspError::PolicyMismatch`].
    pub fn check_answers(&self, request: &TimestampRequest) -> Result<(), TspError> {
        self.check_imprint(request.imprint)?;
        if self.info.nonce != request.nonce {
            return Err(TspError::NonceMismatch);
        }
        match request.policy {
            Some(expected) if expected != self.info.policy => Err(TspError::PolicyMismatch {
                expected,
                found: self.info.policy,
            }),
            _ => Ok(()),
        }
    }

    /// Checks that an authority under `chain` put `message` under the stated time.
    ///
    /// The signer's certificate may be embedded or listed by the chain; trust comes from the chain alone,
    /// all of which must be valid at the stated time.
    ///
    /// # Errors
    /// [`TspError`] with the first thing that does not hold.
    pub fn verify(&self, message: &[u8], chain: &Chain) -> Result<VerifiedTimestamp, TspError> {
        self.check_imprint(self.info.imprint.algorithm().digest(message))?;

        let signer = chain
            .listed_leaf()
            .into_iter()
            .chain(self.signed.certificates())
            .find(|certificate| self.signed.signer().is(certificate))
            .ok_or(TspError::SignerNotFound)?;
        self.check_signing_certificate(signer)?;
        chain.verify_leaf(signer, self.info.gen_time, Purpose::TimeStamping)?;
        let content = self.signed.content().ok_or(TspError::NoToken)?;
        let key = chain.leaf_key(signer).map_err(CmsError::from)?;
        self.signed.verify_with_key(content, signer, &key)?;

        Ok(VerifiedTimestamp {
            time: self.info.gen_time,
            authority: signer.clone(),
            serial: self.serial_hex(),
        })
    }

    fn check_imprint(&self, digest: Digest) -> Result<(), TspError> {
        if self.info.imprint != digest {
            return Err(TspError::ImprintMismatch {
                expected: Box::new(digest),
                found: Box::new(self.info.imprint),
            });
        }
        Ok(())
    }

    /// The signed attributes that say which certificate the signer means (RFC 5035): one must be there
    /// (RFC 3161 section 2.4.2, RFC 5816 section 2.2.1), and all must mean it.
    fn check_signing_certificate(&self, signer: &Certificate) -> Result<(), TspError> {
        let info = self.signed.signer();
        let mut ids = Vec::new();
        if let Some(value) = info.attribute(&oid::SIGNING_CERTIFICATE) {
            ids.push(first_cert_id(value, |reader| {
                let found = <&OctetStringRef>::decode(reader)?;
                Ok(found.as_bytes() == sha1(signer.der()).as_ref())
            })?);
        }
        if let Some(value) = info.attribute(&oid::SIGNING_CERTIFICATE_V2) {
            ids.push(first_cert_id(value, |reader| {
                let hash = asn1::optional(reader, Tag::Sequence, AlgorithmIdentifierOwned::decode)?
                    .map_or(Some(HashAlgorithm::Sha256), |found| {
                        algorithm::hash_algorithm(&found)
                    });
                let found = <&OctetStringRef>::decode(reader)?;
                Ok(hash
                    .is_some_and(|hash| hash.digest(signer.der()).as_bytes() == found.as_bytes()))
            })?);
        }
        if ids.is_empty() {
            let oid = oid::SIGNING_CERTIFICATE_V2;
            return Err(CmsError::MissingAttribute { oid }.into());
        }
        let expected_issuer = asn1::sequence(&[&asn1::field(4, &[signer.issuer_name_der()])?])?;
        for id in ids {
            let same_issuer = id.issuer_serial.as_ref().is_none_or(|(issuer, serial)| {
                *issuer == expected_issuer && serial == signer.serial()
            });
            if !id.same_hash || !same_issuer {
                return Err(TspError::SigningCertificate);
            }
        }
        Ok(())
    }
}

/// A timestamp that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedTimestamp {
    /// The proven time, fractions of a second cut off.
    pub time: Time,
    /// The authority's certificate.
    pub authority: Certificate,
    /// The token's serial number in lower-case hexadecimal.
    pub serial: String,
}

/// Why a reply or a token was not read or does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TspError {
    /// More bytes than [`super::MAX_RESPONSE_LEN`].
    #[error("timestamp of {found} bytes, at most {max} are read")]
    TooLong {
        /// The length found.
        found: usize,
        /// The largest length.
        max: usize,
    },
    /// Not a reply, or not a token.
    #[error("malformed timestamp: {0}")]
    Malformed(#[from] der::Error),
    /// The authority refused.
    #[error("refused with status {found}: {}", text.as_deref().map_or_else(|| "no reason given".to_owned(), |text| format!("{text:?}")))]
    Status {
        /// PKIStatus; 2 is a rejection.
        found: u8,
        /// The failure, where it is one that RFC 3161 lists.
        failure: Option<FailureInfo>,
        /// The authority's own words.
        text: Option<String>,
    },
    /// A reply without a token, or a token without content.
    #[error("no timestamp in the reply")]
    NoToken,
    /// The signed message is something else.
    #[error("signed content of the kind {found}, not a timestamp")]
    ContentType {
        /// What it is.
        found: ObjectIdentifier,
    },
    /// The signed message cannot be read or its signature does not verify.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// Not version 1.
    #[error("timestamp of a version other than 1")]
    Version,
    /// The imprint cannot be used.
    #[error("imprint: {0}")]
    Imprint(#[source] RequestError),
    /// A critical extension; none are understood.
    #[error("unknown critical extension {oid}")]
    CriticalExtension {
        /// The extension.
        oid: ObjectIdentifier,
    },
    /// The timestamp is over something else.
    #[error("timestamp is over {found}, not {expected}")]
    ImprintMismatch {
        /// The message's digest.
        expected: Box<Digest>,
        /// The token's.
        found: Box<Digest>,
    },
    /// The nonce is not the request's.
    #[error("nonce is not that of the request")]
    NonceMismatch,
    /// The policy is not the one asked for.
    #[error("policy is {found}, not {expected}")]
    PolicyMismatch {
        /// The policy asked for.
        expected: ObjectIdentifier,
        /// The token's.
        found: ObjectIdentifier,
    },
    /// The signer's certificate is neither listed by the trusted chain nor embedded.
    #[error("the authority's certificate is neither trusted nor embedded")]
    SignerNotFound,
    /// The signed attribute signing-certificate means another certificate.
    #[error("the timestamp was signed for another certificate")]
    SigningCertificate,
    /// The signer's certificate is not under the trusted chain, or not at that time.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl From<RequestError> for TspError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Malformed(error) => Self::Malformed(error),
            error => Self::Imprint(error),
        }
    }
}

/// ESSCertID and ESSCertIDv2, as far as they are compared.
struct CertId {
    same_hash: bool,
    /// The issuer's GeneralNames, and the content octets of the serial number.
    issuer_serial: Option<(Vec<u8>, Vec<u8>)>,
}

/// The first certificate of a signing-certificate attribute: the signer's (RFC 5035 section 3).
fn first_cert_id(
    attribute: &[u8],
    compare_hash: impl FnOnce(&mut SliceReader<'_>) -> der::Result<bool>,
) -> Result<CertId, TspError> {
    let mut reader = SliceReader::new(attribute)?;
    let ids = reader.sequence(|reader| -> der::Result<AnyRef<'_>> {
        let ids = AnyRef::decode(reader)?;
        asn1::optional(reader, Tag::Sequence, AnyRef::decode)?; // policies
        Ok(ids)
    })?;
    reader.finish()?;
    der::Tagged::tag(&ids).assert_eq(Tag::Sequence)?;

    let mut ids = SliceReader::new(ids.value())?;
    let id = ids.sequence(|reader| -> der::Result<CertId> {
        let same_hash = compare_hash(reader)?;
        let issuer_serial = asn1::optional(reader, Tag::Sequence, |reader| {
            reader.sequence(|reader| {
                Ok((
                    reader.tlv_bytes()?.to_vec(),
                    asn1::integer(reader)?.to_vec(),
                ))
            })
        })?;
        Ok(CertId {
            same_hash,
            issuer_serial,
        })
    })?;
    Ok(id)
}

/// The hash that ESSCertID is bound to; the signature does not rest on it.
fn sha1(message: &[u8]) -> aws_lc_rs::digest::Digest {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, message)
}
