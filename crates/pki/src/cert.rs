//! X.509 certificates (RFC 5280): strict DER in, typed fields and the original bytes out.

mod parse;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use der::{
    Decode,
    asn1::{ObjectIdentifier, OctetStringRef},
};
use x509_cert::{name::Name, spki::AlgorithmIdentifierOwned};

use crate::{
    algorithm, digest,
    key::{KeyError, PublicKey},
    oid, pem,
    time::{Time, Validity},
};

/// The largest certificate that is read, in bytes.
pub const MAX_CERTIFICATE_LEN: usize = 64 * 1024;

/// The most extensions that a certificate may have.
pub const MAX_EXTENSIONS: usize = 64;

/// An X.509 version 3 certificate, with the bytes it was read from.
///
/// Parsing proves nothing about who signed it: see [`crate::chain`]. Cloning is cheap.
#[derive(Clone)]
pub struct Certificate(Arc<Parsed>);

/// The bytes, where the parts are in them, and what is made of them once, when it is first asked for.
struct Parsed {
    der: Vec<u8>,
    layout: Layout,
    signature_algorithm: AlgorithmIdentifierOwned,
    not_before: Time,
    not_after: Time,
    extensions: Vec<Extension>,
    known: KnownExtensions,
    key: OnceLock<Result<PublicKey, KeyError>>,
    subject: OnceLock<String>,
}

impl Certificate {
    /// Returns the certificate in `der`: strict DER, nothing after it, at most [`MAX_CERTIFICATE_LEN`] bytes.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        parse::certificate(der)
    }

    /// Returns the one certificate in the PEM block `CERTIFICATE` of `text`.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let der = pem::decode_one(text, PEM_LABEL).map_err(|_| CertificateError::Pem)?;
        Self::from_der(&der)
    }

    /// Returns the certificates in a text of PEM blocks `CERTIFICATE`, in order; at least one.
    pub fn list_from_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        let blocks = pem::decode_all(text).map_err(|_| CertificateError::Pem)?;
        if blocks.is_empty() || blocks.iter().any(|block| block.label != PEM_LABEL) {
            return Err(CertificateError::Pem);
        }
        blocks
            .iter()
            .map(|block| Self::from_der(&block.contents))
            .collect()
    }

    /// Returns the DER encoding, byte for byte as it was read.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Returns the certificate as a PEM block with lines of 64 characters.
    pub fn to_pem(&self) -> String {
        pem::encode(PEM_LABEL, &self.0.der)
    }

    /// Returns SHA-256 over the DER encoding.
    pub fn fingerprint(&self) -> [u8; 32] {
        digest::sha256(&self.0.der)
    }

    /// Returns the subject's public key.
    ///
    /// # Errors
    /// [`KeyError`] when the key is of a kind or size that is not supported.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        let read = || PublicKey::from_spki_der(self.spki_der());
        self.0.key.get_or_init(read).clone()
    }

    /// Returns the DER encoding of the SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        self.bytes(&self.0.layout.spki)
    }

    /// Returns the DER encoding of the issuer's name.
    pub fn issuer_name_der(&self) -> &[u8] {
        self.bytes(&self.0.layout.issuer)
    }

    /// Tells whether issuer and subject are one: a root, or something that passes for one.
    pub fn is_self_issued(&self) -> bool {
        self.issuer_name_der() == self.subject_name_der()
    }

    /// Returns the DER encoding of the subject's name.
    pub fn subject_name_der(&self) -> &[u8] {
        self.bytes(&self.0.layout.subject)
    }

    /// Returns the issuer's name as a string (RFC 4514), to show.
    pub fn issuer(&self) -> String {
        display_name(self.issuer_name_der())
    }

    /// Returns the subject's name as a string (RFC 4514), to show; empty for Fulcio's leaves.
    pub fn subject(&self) -> &str {
        let shown = || display_name(self.subject_name_der());
        self.0.subject.get_or_init(shown)
    }

    /// Returns the first organizationName in the subject's name.
    pub fn subject_organization(&self) -> Option<String> {
        let name = Name::from_der(self.subject_name_der()).ok()?;
        Some(name.organization().ok()??.value().into_owned())
    }

    /// Returns the first commonName in the subject's name.
    pub fn subject_common_name(&self) -> Option<String> {
        let name = Name::from_der(self.subject_name_der()).ok()?;
        Some(name.common_name().ok()??.value().into_owned())
    }

    /// Returns the serial number's content octets: big-endian two's complement, as encoded.
    pub fn serial(&self) -> &[u8] {
        self.bytes(&self.0.layout.serial)
    }

    /// Returns the serial number's content octets in lower-case hexadecimal.
    pub fn serial_hex(&self) -> String {
        hex::encode(self.serial())
    }

    /// Returns the first second at which the certificate is valid.
    pub fn not_before(&self) -> Time {
        self.0.not_before
    }

    /// Returns the last second at which the certificate is valid.
    pub fn not_after(&self) -> Time {
        self.0.not_after
    }

    /// Returns the validity period, closed at both ends.
    pub fn validity(&self) -> Validity {
        Validity {
            start: self.0.not_before,
            end: Some(self.0.not_after),
        }
    }

    /// Returns the subject alternative names of the kinds that [`San`] has, in order.
    pub fn subject_alternative_names(&self) -> Vec<San> {
        self.0.known.names.iter().flatten().cloned().collect()
    }

    /// Returns the subject alternative name if there is exactly one, of any kind, and [`San`] has its kind.
    pub fn san(&self) -> Option<San> {
        match self.0.known.names.as_slice() {
            [name] => name.clone(),
            _ => None,
        }
    }

    /// Returns whether basic constraints say that the subject is a CA.
    pub fn is_ca(&self) -> bool {
        self.0.known.ca
    }

    /// Returns the path length constraint: how many intermediates may follow.
    pub fn path_length(&self) -> Option<u8> {
        self.0.known.path_length
    }

    /// Returns the purposes in the extended key usage extension, `None` when there is no such extension.
    pub fn extended_key_usages(&self) -> Option<&[ObjectIdentifier]> {
        self.0.known.purposes.as_deref()
    }

    /// Returns the key identifier in the subject key identifier extension.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.extension(&oid::SUBJECT_KEY_IDENTIFIER)
            .and_then(|value| <&OctetStringRef>::from_der(value).ok())
            .map(OctetStringRef::as_bytes)
    }

    /// The key identifier in the authority key identifier (RFC 5280, section 4.2.1.1): the subject key identifier of
    /// the certificate that this one was issued under.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        match self.extension(&oid::AUTHORITY_KEY_IDENTIFIER)? {
            // SEQUENCE { [0] IMPLICIT OCTET STRING, .. }, of lengths below 128.
            [0x30, _, 0x80, length @ ..0x80, rest @ ..] => rest.get(..usize::from(*length)),
            _ => None,
        }
    }

    /// Returns the value of an extension: the content of its `extnValue`.
    pub fn extension(&self, id: &ObjectIdentifier) -> Option<&[u8]> {
        self.find(id).map(|extension| self.bytes(&extension.value))
    }

    /// Returns the extensions in order: identifier, critical flag and value.
    pub fn extensions(&self) -> impl Iterator<Item = (ObjectIdentifier, bool, &[u8])> {
        self.0.extensions.iter().map(|extension| {
            (
                extension.id,
                extension.critical,
                self.bytes(&extension.value),
            )
        })
    }

    /// Checks this certificate's signature with the issuer's key, over the TBS bytes as they were read.
    ///
    /// # Errors
    /// [`CertificateError::SignatureAlgorithm`] when the algorithm is unknown or does not fit the key,
    /// [`CertificateError::Signature`] when the signature does not verify.
    pub fn verify_signature(&self, issuer_key: &PublicKey) -> Result<(), CertificateError> {
        let scheme =
            algorithm::signature_scheme(&self.0.signature_algorithm, None, issuer_key.kind())
                .ok_or(CertificateError::SignatureAlgorithm {
                    found: self.0.signature_algorithm.oid,
                })?;
        issuer_key
            .verify(scheme, self.tbs_der(), self.bytes(&self.0.layout.signature))
            .map_err(|_| CertificateError::Signature)
    }

    /// The signed part, as it was read.
    pub(crate) fn tbs_der(&self) -> &[u8] {
        self.bytes(&self.0.layout.tbs)
    }

    pub(crate) fn extension_list(&self) -> &[Extension] {
        &self.0.extensions
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.0.layout
    }

    pub(crate) fn find(&self, id: &ObjectIdentifier) -> Option<&Extension> {
        self.0
            .extensions
            .iter()
            .find(|extension| extension.id == *id)
    }

    pub(crate) fn key_usage(&self) -> Option<x509_cert::ext::pkix::KeyUsage> {
        self.0.known.key_usage
    }

    pub(crate) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        // The ranges were measured on these very bytes; an empty slice fails every check.
        self.0.der.get(range.clone()).unwrap_or_default()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject())
            .field("issuer", &self.issuer())
            .field("serial", &self.serial_hex())
            .field("names", &self.0.known.names)
            .finish_non_exhaustive()
    }
}

/// A subject alternative name (RFC 5280 section 4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum San {
    /// An rfc822Name.
    Email(String),
    /// A uniformResourceIdentifier.
    Uri(String),
    /// An otherName whose value is a UTF8String: Fulcio's user names.
    OtherName {
        /// What kind of name it is.
        oid: ObjectIdentifier,
        /// The name.
        value: String,
    },
    /// A dNSName.
    Dns(String),
}

impl San {
    /// Returns the name as text, without its kind.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(value)
            | Self::Uri(value)
            | Self::Dns(value)
            | Self::OtherName { value, .. } => value,
        }
    }
}

impl std::fmt::Display for San {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a certificate was not read, or its signature not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// More bytes than [`MAX_CERTIFICATE_LEN`].
    #[error("certificate of {found} bytes, at most {max} are read")]
    TooLong {
        /// The length found.
        found: usize,
        /// The largest length.
        max: usize,
    },
    /// Not a certificate in strict DER.
    #[error("malformed certificate: {0}")]
    Malformed(#[from] der::Error),
    /// Not an X.509 version 3 certificate.
    #[error("X.509 version is not 3")]
    Version,
    /// The algorithm inside the signed part differs from the one outside (RFC 5280 section 4.1.1.2).
    #[error("signature algorithm differs inside and outside the signed part")]
    AlgorithmMismatch,
    /// More extensions than [`MAX_EXTENSIONS`].
    #[error("more than {MAX_EXTENSIONS} extensions")]
    TooManyExtensions,
    /// The same extension twice (RFC 5280 section 4.2).
    #[error("extension {oid} occurs twice")]
    DuplicateExtension {
        /// The extension.
        oid: ObjectIdentifier,
    },
    /// No PEM block `CERTIFICATE`, several, or text that is no PEM.
    #[error("not one PEM block CERTIFICATE")]
    Pem,
    /// A signature algorithm that is unknown or does not fit the issuer's key.
    #[error("signature algorithm {found} is not supported with the issuer's key")]
    SignatureAlgorithm {
        /// The algorithm.
        found: ObjectIdentifier,
    },
    /// The signature does not verify with the issuer's key.
    #[error("certificate signature does not verify")]
    Signature,
}

pub(crate) const PEM_LABEL: &str = "CERTIFICATE";

/// Where the parts are in the DER encoding; each range is a whole TLV unless it says otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) tbs: Range<usize>,
    /// The content octets of the TBSCertificate, without its tag and length.
    pub(crate) tbs_content: Range<usize>,
    /// The content octets alone.
    pub(crate) serial: Range<usize>,
    pub(crate) issuer: Range<usize>,
    pub(crate) subject: Range<usize>,
    pub(crate) spki: Range<usize>,
    /// The explicitly tagged `[3]` field of the TBSCertificate, which comes last in it.
    pub(crate) extensions: Range<usize>,
    /// The bits of the signature.
    pub(crate) signature: Range<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Extension {
    pub(crate) id: ObjectIdentifier,
    pub(crate) critical: bool,
    /// The whole extension.
    pub(crate) tlv: Range<usize>,
    /// The content of `extnValue`.
    pub(crate) value: Range<usize>,
}

/// The extensions that path validation and identities need, decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownExtensions {
    ca: bool,
    path_length: Option<u8>,
    key_usage: Option<x509_cert::ext::pkix::KeyUsage>,
    purposes: Option<Vec<ObjectIdentifier>>,
    /// `None` stands for a name of another kind.
    names: Vec<Option<San>>,
}

fn display_name(der: &[u8]) -> String {
    Name::from_der(der)
        .map(|name| name.to_string())
        .unwrap_or_default()
}
