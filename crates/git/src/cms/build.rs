//! Making signatures: the signed attributes first, and the message when a bundle over them is at hand.

use signhere_pki::cms::{self, CmsError, DATA, DetachedParts};
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::key::KeyError;
use signhere_pki::time::Time;
use signhere_pki::tsp::{TimestampResponse, TspError};
use signhere_verify::bundle::{Bundle, Content};

use super::entry::{self, EntryError};
use super::{LOG_ENTRY, TIMESTAMP};
use crate::armor::Armor;

/// What is signed in the place of a commit or tag: the type of content, its digest, and the time that the signer
/// claims; these and no others, as gitsign has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedAttributes {
    content: Digest,
    at: Time,
    attributes: cms::SignedAttributes,
    set: Vec<u8>,
    digest: Digest,
}

impl SignedAttributes {
    /// Returns the attributes for the content `payload`, said to be signed at `at`.
    ///
    /// # Errors
    /// [`BuildError::Cms`] when X.509 cannot write the time.
    pub fn new(payload: &[u8], at: Time) -> Result<Self, BuildError> {
        let content = HashAlgorithm::Sha256.digest(payload);
        let attributes = cms::SignedAttributes::with_signing_time(DATA, &content, at)?;
        let set = attributes.to_set()?;
        Ok(Self {
            content,
            at,
            digest: HashAlgorithm::Sha256.digest(&set),
            attributes,
            set,
        })
    }

    /// Returns the SHA-256 digest of the content.
    pub fn content(&self) -> Digest {
        self.content
    }

    /// Returns when it is said to be signed.
    pub fn at(&self) -> Time {
        self.at
    }

    /// Returns the artifact that is signed: the attributes as a SET OF (RFC 5652 section 5.4).
    pub fn set(&self) -> &[u8] {
        &self.set
    }

    /// Returns the SHA-256 digest of that artifact.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Returns the armored signature that `bundle`, which is over `attributes`, stands for: its certificate, its log
/// entries with their bodies, and its timestamps.
///
/// # Errors
/// [`BuildError`] when the bundle is about something else, or has a part that has no place in such a signature.
pub fn embed(attributes: &SignedAttributes, bundle: &Bundle) -> Result<String, BuildError> {
    let Content::MessageSignature { digest, signature } = &bundle.content else {
        return Err(BuildError::Content);
    };
    if *digest != Some(attributes.digest) {
        return Err(BuildError::OtherContent);
    }
    let certificate = bundle.certificate().ok_or(BuildError::NoCertificate)?;
    let entries = bundle.material.tlog_entries.iter();
    let entries = entries.map(entry::to_attribute);
    // A token alone (RFC 3161 appendix A), not the reply that a bundle holds.
    let tokens = bundle.material.timestamps.iter();
    let tokens = tokens.map(|reply| TimestampResponse::token_der(reply).map(<[u8]>::to_vec));
    let unsigned = [
        (LOG_ENTRY, entries.collect::<Result<_, _>>()?),
        (TIMESTAMP, tokens.collect::<Result<_, _>>()?),
    ];
    let message = cms::detached(&DetachedParts {
        attributes: &attributes.attributes,
        scheme: certificate.public_key()?.default_scheme(),
        signature,
        certificate,
        unsigned: &unsigned,
    })?;
    Ok(Armor::encode(&message))
}

/// Why no signature was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The bundle holds an envelope.
    #[error("the bundle holds an envelope, not a signature over the attributes")]
    Content,
    /// The bundle is about other attributes.
    #[error("the bundle is about something else than the attributes")]
    OtherContent,
    /// The bundle names a key and no certificate.
    #[error("the bundle has no certificate")]
    NoCertificate,
    /// The certificate's key cannot be used.
    #[error("the signer's key: {0}")]
    Key(#[from] KeyError),
    /// A log entry cannot be written.
    #[error("log entry: {0}")]
    Entry(#[from] EntryError),
    /// A timestamp cannot be read.
    #[error("timestamp: {0}")]
    Timestamp(#[from] TspError),
    /// The message cannot be written.
    #[error(transparent)]
    Cms(#[from] CmsError),
}

#[cfg(test)]
mod tests;
