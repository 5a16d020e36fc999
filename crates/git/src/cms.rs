//! A signature as git keeps it is a Sigstore bundle in another form.
//!
//! | CMS | bundle |
//! |---|---|
//! | the signed attributes, as a SET OF | the artifact |
//! | the signature over them | the message signature |
//! | the embedded certificate of the signer | the certificate |
//! | unsigned attribute 1.3.6.1.4.1.57264.3.1 | the log entry |
//! | unsigned attribute 1.2.840.113549.1.9.16.2.14 | the timestamp |
//!
//! One of the signed attributes is the digest of the commit or tag. [`GitSignature::check`] sees to that; the rest is a
//! matter for [`signhere_verify::verifier`].

mod build; // making signatures
pub mod entry; // log entries as attributes: today's form, ours, and the one of 2023
mod protobuf;

pub use build::{BuildError, SignedAttributes, embed};

use der::asn1::ObjectIdentifier;
use signhere_pki::cert::Certificate;
use signhere_pki::cms::{CmsError, DATA, SignedData};
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::key::{KeyError, PublicKey, Scheme};
use signhere_pki::time::Time;
use signhere_pki::tsp::{TimestampResponse, TspError};
use signhere_verify::bundle::{Bundle, BundleBuilder};

use crate::armor::{Armor, ArmorError};
use entry::{EntryError, Signed};

/// The attribute of timestamps (RFC 3161 appendix A).
pub const TIMESTAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");
/// The attribute of log entries, and the arc of those that came before it.
pub const LOG_ENTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.3.1");

/// The most log entries that a signature may carry.
pub const MAX_ENTRIES: usize = 8;
/// The most timestamps that a signature may carry.
pub const MAX_TIMESTAMPS: usize = 8;

/// A signature over a commit or a tag, parsed and not verified.
#[derive(Clone, Debug)]
pub struct GitSignature {
    message: SignedData,
    certificate: Certificate,
    key: PublicKey,
    attributes: Vec<u8>,
    signing_time: Option<Time>,
}

impl GitSignature {
    /// Reads the signature of an object.
    ///
    /// # Errors
    /// [`SignatureError`] when it is not a detached CMS message of one signer who has put a certificate beside it.
    pub fn from_armor(armor: &[u8]) -> Result<Self, SignatureError> {
        Self::from_der(&Armor::decode(armor)?)
    }

    /// Reads the CMS message.
    ///
    /// # Errors
    /// As [`Self::from_armor`].
    pub fn from_der(der: &[u8]) -> Result<Self, SignatureError> {
        let message = SignedData::from_der(der)?;
        if message.content().is_some() {
            return Err(SignatureError::Content);
        }
        if message.content_type() != DATA {
            return Err(SignatureError::ContentType {
                found: message.content_type(),
            });
        }
        message.check_form()?;
        let mut certificates = message.certificates().iter();
        let certificate = certificates
            .find(|certificate| message.signer().is(certificate))
            .ok_or(SignatureError::NoCertificate)?
            .clone();
        Ok(Self {
            key: certificate.public_key()?,
            attributes: message.signer().signed_attributes_set()?,
            signing_time: message.signer().signing_time()?,
            certificate,
            message,
        })
    }

    /// Checks that it is about these bytes: the signed digest is theirs, and the signed attributes are such as belong
    /// to a signature over data. The signature itself is not verified.
    ///
    /// # Errors
    /// [`SignatureError::Cms`] with the first thing that does not hold.
    pub fn check(&self, payload: &[u8]) -> Result<(), SignatureError> {
        self.scheme_over(payload).map(|_| ())
    }

    /// Verifies it by the certificate that it carries, which may be anybody's.
    ///
    /// # Errors
    /// [`SignatureError::Cms`] with the first thing that does not hold.
    pub fn verify(&self, payload: &[u8]) -> Result<(), SignatureError> {
        let scheme = self.scheme_over(payload)?;
        let signature = self.message.signer().signature();
        self.key
            .verify(scheme, &self.attributes, signature)
            .map_err(|_| SignatureError::Cms(CmsError::SignatureInvalid))
    }

    /// Returns the bundle that it is, with everything that it embeds; the artifact is [`Self::attributes_set`].
    ///
    /// # Errors
    /// [`EmbeddedError`] when a log entry or timestamp cannot be read.
    pub fn bundle(&self) -> Result<Bundle, EmbeddedError> {
        let mut builder = BundleBuilder::certificate(self.certificate.clone());
        for entry in self.log_entries()? {
            builder = builder.log_entry(entry);
        }
        for timestamp in self.timestamps()? {
            builder = builder.timestamp(timestamp);
        }
        Ok(self.finish(builder))
    }

    /// Returns the bundle without a log entry and timestamps.
    pub fn bare_bundle(&self) -> Bundle {
        self.finish(BundleBuilder::certificate(self.certificate.clone()))
    }

    /// Returns the log entries that it embeds.
    ///
    /// # Errors
    /// [`EmbeddedError`] when one cannot be read.
    pub fn log_entries(&self) -> Result<Vec<signhere_verify::bundle::TlogEntry>, EmbeddedError> {
        let attributes = self.message.signer().unsigned_attributes()?;
        let signed = Signed {
            digest: self.digest(),
            signature: self.message.signer().signature(),
            certificate: &self.certificate,
            key: &self.key,
        };
        Ok(entry::read(&attributes, &signed)?)
    }

    /// Returns the timestamps that it embeds, as the replies that bundles hold: bare tokens are put into one.
    ///
    /// # Errors
    /// [`EmbeddedError`] when one cannot be read.
    pub fn timestamps(&self) -> Result<Vec<Vec<u8>>, EmbeddedError> {
        let attributes = self.message.signer().unsigned_attributes()?;
        let mut found = Vec::new();
        for (_, value) in attributes.iter().filter(|(id, _)| *id == TIMESTAMP) {
            if found.len() == MAX_TIMESTAMPS {
                return Err(EmbeddedError::TooManyTimestamps);
            }
            found.push(match TimestampResponse::token_der(value) {
                Ok(_) => value.clone(),
                Err(_) => TimestampResponse::granting(value)?,
            });
        }
        Ok(found)
    }

    /// Returns what the signature is over: the signed attributes as a SET OF.
    pub fn attributes_set(&self) -> &[u8] {
        &self.attributes
    }

    /// Returns when the signer claims to have signed.
    pub fn signing_time(&self) -> Option<Time> {
        self.signing_time
    }

    /// Returns the signer's certificate. Nobody vouches for it yet.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Returns the signature's bytes.
    pub fn signature(&self) -> &[u8] {
        self.message.signer().signature()
    }

    /// Returns the digest that is logged: of the signed attributes, by the signer's hash function.
    pub fn digest(&self) -> Digest {
        let scheme = self.key.default_scheme();
        let hash = scheme.hash().unwrap_or(HashAlgorithm::Sha512);
        self.message
            .signer()
            .hash()
            .unwrap_or(hash)
            .digest(&self.attributes)
    }

    fn scheme_over(&self, payload: &[u8]) -> Result<Scheme, SignatureError> {
        let (scheme, _) = self
            .message
            .to_verify(payload, &self.certificate, &self.key)?;
        // A verifier of bundles takes the hash of the message digest for the one that was signed with.
        match scheme
            .hash()
            .is_none_or(|hash| Some(hash) == self.message.signer().hash())
        {
            true => Ok(scheme),
            false => Err(SignatureError::Scheme),
        }
    }

    fn finish(&self, builder: BundleBuilder) -> Bundle {
        builder.message_signature(self.digest(), self.signature().to_vec())
    }
}

/// Why a signature was not read, or is not about the object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The armor cannot be read.
    #[error(transparent)]
    Armor(#[from] ArmorError),
    /// The message cannot be read, or says something else than it must.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// The message holds a content of its own.
    #[error("the signature holds a content of its own, where git's is detached")]
    Content,
    /// The message is about something else than bytes.
    #[error("the signature is over content of the type {found}, not over data")]
    ContentType {
        /// The type.
        found: ObjectIdentifier,
    },
    /// The signer's certificate is not in the message.
    #[error("the signature does not carry its signer's certificate")]
    NoCertificate,
    /// Digest and signature are by different hash functions.
    #[error("the signature is by another hash function than the digest in it")]
    Scheme,
    /// The signer's key cannot be used.
    #[error("the signer's key: {0}")]
    Key(#[from] KeyError),
}

/// Why what a signature embeds was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// The unsigned attributes cannot be read.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// A log entry cannot be read.
    #[error("embedded log entry: {0}")]
    Entry(#[from] EntryError),
    /// A timestamp cannot be read.
    #[error("embedded timestamp: {0}")]
    Timestamp(#[from] TspError),
    /// More timestamps than [`MAX_TIMESTAMPS`].
    #[error("more than {MAX_TIMESTAMPS} timestamps")]
    TooManyTimestamps,
}
