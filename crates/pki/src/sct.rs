//! Signed certificate timestamps embedded in certificates (RFC 6962 section 3).

use der::{
    Decode, Tag,
    asn1::{ObjectIdentifier, OctetStringRef},
};

use crate::{
    asn1,
    cert::{Certificate, Layout},
    digest::sha256,
    key::{KeyError, KeyKind, PublicKey, Scheme, Signer},
    oid,
};

/// The extension that holds the list in a certificate.
pub const LIST_EXTENSION: ObjectIdentifier = oid::SCT_LIST;
/// The critical extension that makes a certificate a precertificate.
pub const POISON_EXTENSION: ObjectIdentifier = oid::CT_POISON;

/// The most timestamps that a list may have.
pub const MAX_SCTS: usize = 32;

/// A log's promise, at a time, to hold a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sct {
    /// SHA-256 over the log's SubjectPublicKeyInfo.
    pub log_id: [u8; 32],
    /// Milliseconds since the epoch.
    pub timestamp_ms: u64,
    /// Extensions as the log wrote them: static CT logs state the leaf's index here.
    pub extensions: Vec<u8>,
    algorithm: [u8; 2],
    signature: Vec<u8>,
}

impl Sct {
    /// Checks the log's signature over this certificate as a precertificate of `issuer`.
    ///
    /// # Errors
    /// [`SctError`]; the log is not looked up: `log_key` must be that of [`Self::log_id`].
    pub fn verify(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        log_key: &PublicKey,
    ) -> Result<(), SctError> {
        let entry = SignedEntry::Precertificate {
            tbs: &precert_tbs(certificate)?,
            issuer_key_hash: &sha256(issuer.spki_der()),
        };
        self.verify_entry(entry, log_key)
    }

    /// Checks the log's signature over what it was given to log.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_entry(
        &self,
        entry: SignedEntry<'_>,
        log_key: &PublicKey,
    ) -> Result<(), SctError> {
        if log_key.key_id() != self.log_id {
            return Err(SctError::OtherLog {
                expected: log_key.key_id(),
                found: self.log_id,
            });
        }
        let scheme = scheme(log_key.kind())?;
        if self.algorithm != algorithm_bytes(scheme) {
            return Err(SctError::Algorithm {
                found: self.algorithm,
            });
        }
        let message = signed_bytes(entry, self.timestamp_ms, &self.extensions)?;
        log_key
            .verify(scheme, &message, &self.signature)
            .map_err(|_| SctError::SignatureInvalid)
    }

    /// Returns the timestamp that the log with the key of `signer` gives to a precertificate.
    ///
    /// `precert_tbs` is the TBSCertificate without poison and timestamps, `issuer_key_hash` the
    /// SHA-256 over its issuer's SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`SctError`] when the key is of a kind that RFC 6962 has no logs for, or something is too long.
    pub fn sign(
        signer: &dyn Signer,
        precert_tbs: &[u8],
        issuer_key_hash: &[u8; 32],
        timestamp_ms: u64,
        extensions: Vec<u8>,
    ) -> Result<Self, SctError> {
        let entry = SignedEntry::Precertificate {
            tbs: precert_tbs,
            issuer_key_hash,
        };
        Self::sign_entry(signer, entry, timestamp_ms, extensions)
    }

    /// Returns the timestamp that the log with the key of `signer` gives to an entry.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn sign_entry(
        signer: &dyn Signer,
        entry: SignedEntry<'_>,
        timestamp_ms: u64,
        extensions: Vec<u8>,
    ) -> Result<Self, SctError> {
        let scheme = scheme(signer.public_key().kind())?;
        if signer.scheme() != scheme {
            return Err(SctError::LogKey);
        }
        let message = signed_bytes(entry, timestamp_ms, &extensions)?;
        Ok(Self {
            log_id: signer.public_key().key_id(),
            timestamp_ms,
            extensions,
            algorithm: algorithm_bytes(scheme),
            signature: signer.sign(&message)?,
        })
    }

    /// Returns the timestamp of these parts, as a log answers with them (RFC 6962 section 4.1);
    /// `digitally_signed` is the TLS encoding of the signature.
    ///
    /// # Errors
    /// [`SctError::Malformed`] when `digitally_signed` is no such encoding.
    pub fn from_parts(
        log_id: [u8; 32],
        timestamp_ms: u64,
        extensions: Vec<u8>,
        digitally_signed: &[u8],
    ) -> Result<Self, SctError> {
        let mut input = Input(digitally_signed);
        let sct = Self {
            log_id,
            timestamp_ms,
            extensions,
            algorithm: input.take_array()?,
            signature: input.take_vector16()?.to_vec(),
        };
        input.finish()?;
        Ok(sct)
    }

    /// Returns the TLS encoding of the signature with its algorithm (RFC 5246 section 4.7).
    ///
    /// # Errors
    /// [`SctError::TooLong`] when the signature passes 65,535 bytes.
    pub fn digitally_signed(&self) -> Result<Vec<u8>, SctError> {
        let mut out = self.algorithm.to_vec();
        push_vector16(&mut out, &self.signature)?;
        Ok(out)
    }

    /// Returns the TLS encoding (RFC 6962 section 3.2).
    ///
    /// # Errors
    /// [`SctError::TooLong`] when extensions or signature pass 65,535 bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SctError> {
        let mut out = vec![VERSION_1];
        out.extend_from_slice(&self.log_id);
        out.extend_from_slice(&self.timestamp_ms.to_be_bytes());
        push_vector16(&mut out, &self.extensions)?;
        out.extend_from_slice(&self.digitally_signed()?);
        Ok(out)
    }

    fn read(input: &mut Input<'_>) -> Result<Self, SctError> {
        let version = input.take_array::<1>()?;
        if version != [VERSION_1] {
            return Err(SctError::Version);
        }
        let sct = Self {
            log_id: input.take_array()?,
            timestamp_ms: u64::from_be_bytes(input.take_array()?),
            extensions: input.take_vector16()?.to_vec(),
            algorithm: input.take_array()?,
            signature: input.take_vector16()?.to_vec(),
        };
        input.finish()?;
        Ok(sct)
    }
}

/// What a timestamp is signed over (RFC 6962 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedEntry<'a> {
    /// A final certificate, in DER.
    Certificate(&'a [u8]),
    /// A precertificate.
    Precertificate {
        /// The TBSCertificate without poison and timestamps, in DER.
        tbs: &'a [u8],
        /// SHA-256 over the issuer's SubjectPublicKeyInfo.
        issuer_key_hash: &'a [u8; 32],
    },
}

/// The timestamps embedded in a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SctList(Vec<Sct>);

impl SctList {
    /// Returns the timestamps embedded in `certificate`; none when it has no such extension.
    ///
    /// # Errors
    /// [`SctError`] when the extension is malformed, empty or has more than [`MAX_SCTS`].
    pub fn from_certificate(certificate: &Certificate) -> Result<Self, SctError> {
        match certificate.extension(&oid::SCT_LIST) {
            Some(value) => Self::from_extension(value),
            None => Ok(Self::default()),
        }
    }

    /// Returns the list in the value of a certificate's extension.
    ///
    /// # Errors
    /// [`SctError`] when the value is malformed, empty or has more than [`MAX_SCTS`].
    pub fn from_extension(value: &[u8]) -> Result<Self, SctError> {
        let bytes = <&OctetStringRef>::from_der(value).map_err(|_| SctError::Malformed)?;
        let mut input = Input(bytes.as_bytes());
        let mut list = Input(input.take_vector16()?);
        input.finish()?;

        let mut scts = Vec::new();
        while !list.0.is_empty() {
            if scts.len() == MAX_SCTS {
                return Err(SctError::TooMany);
            }
            scts.push(Sct::read(&mut Input(list.take_vector16()?))?);
        }
        if scts.is_empty() {
            return Err(SctError::Malformed);
        }
        Ok(Self(scts))
    }

    /// Returns the timestamps in order.
    pub fn as_slice(&self) -> &[Sct] {
        &self.0
    }

    /// Returns the value of the extension that embeds `scts`.
    ///
    /// # Errors
    /// [`SctError::TooLong`] when the list passes 65,535 bytes.
    pub fn to_list_extension(scts: &[Sct]) -> Result<Vec<u8>, SctError> {
        let mut list = Vec::new();
        for sct in scts {
            push_vector16(&mut list, &sct.to_bytes()?)?;
        }
        let mut bytes = Vec::new();
        push_vector16(&mut bytes, &list)?;
        asn1::octets(&bytes).map_err(|_| SctError::TooLong)
    }
}

/// Returns the TBSCertificate that a log signed for: that of `certificate` without the timestamp
/// list and the poison, every other byte unchanged (RFC 6962 section 3.2).
///
/// # Errors
/// [`SctError::TooLong`] when the lengths cannot be encoded, which no certificate that was read reaches.
pub fn precert_tbs(certificate: &Certificate) -> Result<Vec<u8>, SctError> {
    tbs_with(certificate, None)
}

/// The same with one more extension at the end, in DER.
pub(crate) fn tbs_with(
    certificate: &Certificate,
    extension: Option<&[u8]>,
) -> Result<Vec<u8>, SctError> {
    let layout: &Layout = certificate.layout();
    let kept: Vec<&[u8]> = certificate
        .extension_list()
        .iter()
        .filter(|extension| ![oid::SCT_LIST, oid::CT_POISON].contains(&extension.id))
        .map(|extension| certificate.bytes(&extension.tlv))
        .chain(extension)
        .collect();
    let before = certificate.bytes(&(layout.tbs_content.start..layout.extensions.start));
    let encode = || {
        if kept.is_empty() {
            return asn1::sequence(&[before]);
        }
        let extensions = asn1::field(3, &[&asn1::sequence(&kept)?])?;
        asn1::tlv(Tag::Sequence, &[before, &extensions])
    };
    encode().map_err(|_| SctError::TooLong)
}

/// Why a timestamp does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SctError {
    /// Not a list of timestamps.
    #[error("malformed list of signed certificate timestamps")]
    Malformed,
    /// More than [`MAX_SCTS`].
    #[error("more than {MAX_SCTS} signed certificate timestamps")]
    TooMany,
    /// Not version 1.
    #[error("signed certificate timestamp of a version other than 1")]
    Version,
    /// A part is too long for its length field.
    #[error("too long for a signed certificate timestamp")]
    TooLong,
    /// The timestamp is by another log than the key's.
    #[error(
        "timestamp is by the log {}, not {}",
        hex::encode(found),
        hex::encode(expected)
    )]
    OtherLog {
        /// The id of the key's log.
        expected: [u8; 32],
        /// The log that the timestamp names.
        found: [u8; 32],
    },
    /// The hash and signature algorithm numbers (RFC 5246 section 7.4.1.4.1) do not fit the log's key.
    #[error("signature algorithm {found:?} does not fit the log's key")]
    Algorithm {
        /// The two numbers.
        found: [u8; 2],
    },
    /// RFC 6962 section 2.1.4 has logs with P-256 and RSA keys alone.
    #[error("the log's key is neither P-256 nor RSA")]
    LogKey,
    /// The log's signature does not verify.
    #[error("the log's signature on the certificate does not verify")]
    SignatureInvalid,
    /// The log's key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

const VERSION_1: u8 = 0;
const CERTIFICATE_TIMESTAMP: u8 = 0;
const X509_ENTRY: [u8; 2] = [0, 0];
const PRECERT_ENTRY: [u8; 2] = [0, 1];
const HASH_SHA256: u8 = 4;
const SIGNATURE_RSA: u8 = 1;
const SIGNATURE_ECDSA: u8 = 3;

/// The `digitally-signed` struct of RFC 6962 section 3.2.
fn signed_bytes(
    entry: SignedEntry<'_>,
    timestamp_ms: u64,
    extensions: &[u8],
) -> Result<Vec<u8>, SctError> {
    let (kind, issuer_key_hash, signed): (_, &[u8], _) = match entry {
        SignedEntry::Certificate(der) => (X509_ENTRY, &[], der),
        SignedEntry::Precertificate {
            tbs,
            issuer_key_hash,
        } => (PRECERT_ENTRY, issuer_key_hash, tbs),
    };
    let length = u32::try_from(signed.len()).map_err(|_| SctError::TooLong)?;
    let [0, length @ ..] = length.to_be_bytes() else {
        return Err(SctError::TooLong);
    };
    let mut out = Vec::with_capacity(signed.len().saturating_add(64));
    out.extend_from_slice(&[VERSION_1, CERTIFICATE_TIMESTAMP]);
    out.extend_from_slice(&timestamp_ms.to_be_bytes());
    out.extend_from_slice(&kind);
    out.extend_from_slice(issuer_key_hash);
    out.extend_from_slice(&length);
    out.extend_from_slice(signed);
    push_vector16(&mut out, extensions)?;
    Ok(out)
}

fn scheme(log_key: KeyKind) -> Result<Scheme, SctError> {
    match log_key {
        KeyKind::P256 => Ok(Scheme::EcdsaP256Sha256),
        KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096 => Ok(Scheme::RsaPkcs1Sha256),
        _ => Err(SctError::LogKey),
    }
}

fn algorithm_bytes(scheme: Scheme) -> [u8; 2] {
    match scheme {
        Scheme::EcdsaP256Sha256 => [HASH_SHA256, SIGNATURE_ECDSA],
        _ => [HASH_SHA256, SIGNATURE_RSA],
    }
}

/// Writes a variable-length vector of TLS (RFC 5246 section 4.3) with a length of two bytes.
fn push_vector16(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), SctError> {
    let length = u16::try_from(bytes.len()).map_err(|_| SctError::TooLong)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// What is left to read of a TLS structure.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], SctError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SctError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], SctError> {
        self.take(N)?.try_into().map_err(|_| SctError::Malformed)
    }

    fn take_vector16(&mut self) -> Result<&'a [u8], SctError> {
        let length = u16::from_be_bytes(self.take_array()?);
        self.take(usize::from(length))
    }

    fn finish(&self) -> Result<(), SctError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(SctError::Malformed)
        }
    }
}
