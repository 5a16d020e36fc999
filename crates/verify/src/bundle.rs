//! Sigstore bundles: a signature with everything needed to verify it offline.

mod builder;
mod claims;
mod error;
mod parts;
mod read;
mod rekor_v1;
#[cfg(test)]
mod tests;
mod tlog_entry;
mod write;

use signhere_pki::cert::Certificate;
use signhere_pki::digest::{Digest, HashAlgorithm};

use crate::dsse::Envelope;
use crate::proto_json::Message;

pub use builder::BundleBuilder;
pub use claims::{
    CertificateClaim, Claims, LogEntryClaim, ProofClaim, SctClaim, SubjectClaim, TimestampClaim,
};
pub use error::BundleError;
pub use parts::{Parts, PartsError};
pub use tlog_entry::{InclusionProof, TlogEntry};

/// The largest bundle that is read, in bytes.
pub const MAX_BUNDLE_BYTES: usize = 16 << 20;
/// The most log entries that a bundle may carry.
pub const MAX_LOG_ENTRIES: usize = 32;
/// The most signed timestamps that a bundle may carry.
pub const MAX_TIMESTAMPS: usize = 32;
/// The most hashes in one inclusion proof.
pub const MAX_PROOF_HASHES: usize = 64;
/// The most certificates in a bundle's chain.
pub const MAX_CHAIN: usize = 16;

/// A parsed bundle: well formed, nothing in it verified.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The version its media type declares.
    pub version: BundleVersion,
    /// Key, log entries and timestamps.
    pub material: Material,
    /// What is signed, and the signature.
    pub content: Content,
    /// Paths of fields that this program does not know and ignored.
    pub unknown_fields: Vec<String>,
}

/// The version of the bundle format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BundleVersion {
    /// v0.1: a log entry may rest on its signed promise alone.
    V0_1,
    /// v0.2: inclusion proofs are required.
    V0_2,
    /// v0.3: one certificate instead of a chain.
    V0_3,
}

/// What a verifier needs beside the signature.
#[derive(Clone, Debug)]
pub struct Material {
    /// Whose key made the signature.
    pub key: KeyMaterial,
    /// Entries of transparency logs.
    pub tlog_entries: Vec<TlogEntry>,
    /// RFC 3161 timestamp responses, DER.
    pub timestamps: Vec<Vec<u8>>,
}

/// The signer's key, as the bundle names it.
#[derive(Clone, Debug)]
pub enum KeyMaterial {
    /// The signing certificate first, then perhaps intermediates (which are not used).
    Certificate(Vec<Certificate>),
    /// A free-form hint for a key that the verifier has to bring.
    PublicKeyHint(String),
}

/// What was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A signature over an artifact's bytes.
    MessageSignature {
        /// The artifact's digest as claimed: a hint that proves nothing.
        digest: Option<Digest>,
        /// The signature.
        signature: Vec<u8>,
    },
    /// A DSSE envelope.
    Dsse(Envelope),
}

impl Bundle {
    /// Reads a bundle of any supported version from its JSON.
    ///
    /// # Errors
    /// [`BundleError`] for the first rule that the document breaks.
    pub fn parse(json: &[u8]) -> Result<Self, BundleError> {
        read::bundle(json)
    }

    /// Reads a bundle that is part of a document.
    pub(crate) fn read(message: Message<'_>) -> Result<Self, BundleError> {
        read::message(message)
    }

    /// Reads an envelope that nothing stands beside: its key is a hint, and nothing proves when it was signed.
    pub(crate) fn read_bare_envelope(mut message: Message<'_>) -> Result<Self, BundleError> {
        let envelope = read::envelope_fields(&mut message)?;
        Ok(Self {
            version: BundleVersion::V0_3,
            material: Material {
                key: KeyMaterial::PublicKeyHint(envelope.key_id.clone()),
                tlog_entries: Vec::new(),
                timestamps: Vec::new(),
            },
            content: Content::Dsse(envelope),
            unknown_fields: message.finish_document(),
        })
    }

    /// Reads an attestation of PEP 740.
    pub(crate) fn read_pep_740(message: Message<'_>) -> Result<Self, BundleError> {
        read::pep_740(message)
    }

    /// Returns the bundle as v0.3 JSON.
    pub fn to_json(&self) -> Vec<u8> {
        write::bundle(self)
    }

    /// Returns the signing certificate, if the bundle has one.
    pub fn certificate(&self) -> Option<&Certificate> {
        match &self.material.key {
            KeyMaterial::Certificate(chain) => chain.first(),
            KeyMaterial::PublicKeyHint(_) => None,
        }
    }

    /// Returns the bytes of the signature.
    pub fn signature(&self) -> &[u8] {
        match &self.content {
            Content::MessageSignature { signature, .. } => signature,
            Content::Dsse(envelope) => envelope.signature(),
        }
    }

    /// Returns the digests of the artifact that a caller who streams has to bring.
    ///
    /// Empty when no digest can do: the signature was made by pure Ed25519, which needs the
    /// artifact's bytes.
    pub fn required_hashes(&self) -> Vec<HashAlgorithm> {
        match &self.content {
            Content::Dsse(envelope) => envelope.subject_hashes(),
            Content::MessageSignature { digest, .. } => {
                crate::verifier::likely_hashes(self, digest.as_ref())
            }
        }
    }
}

impl BundleVersion {
    /// Returns the version's number, such as `0.3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_1 => "0.1",
            Self::V0_2 => "0.2",
            Self::V0_3 => "0.3",
        }
    }
}
