use signhere_pki::cert::Certificate;
use signhere_pki::digest::Digest;

use super::{Bundle, BundleVersion, Content, KeyMaterial, Material, TlogEntry};
use crate::dsse::Envelope;

/// Puts a v0.3 bundle together.
#[derive(Clone, Debug)]
pub struct BundleBuilder {
    material: Material,
}

impl BundleBuilder {
    /// Starts a bundle whose key is in a certificate.
    pub fn certificate(leaf: Certificate) -> Self {
        Self::new(KeyMaterial::Certificate(vec![leaf]))
    }

    /// Starts a bundle whose key the verifier brings; the hint only helps to find it.
    pub fn public_key(hint: impl Into<String>) -> Self {
        Self::new(KeyMaterial::PublicKeyHint(hint.into()))
    }

    /// Adds a log entry.
    #[must_use]
    pub fn log_entry(mut self, entry: TlogEntry) -> Self {
        self.material.tlog_entries.push(entry);
        self
    }

    /// Adds an RFC 3161 timestamp response (DER).
    #[must_use]
    pub fn timestamp(mut self, response: Vec<u8>) -> Self {
        self.material.timestamps.push(response);
        self
    }

    /// Ends with a signature over an artifact.
    pub fn message_signature(self, digest: Digest, signature: Vec<u8>) -> Bundle {
        self.content(Content::MessageSignature {
            digest: Some(digest),
            signature,
        })
    }

    /// Ends with a DSSE envelope.
    pub fn envelope(self, envelope: Envelope) -> Bundle {
        self.content(Content::Dsse(envelope))
    }

    fn new(key: KeyMaterial) -> Self {
        Self {
            material: Material {
                key,
                tlog_entries: Vec::new(),
                timestamps: Vec::new(),
            },
        }
    }

    fn content(self, content: Content) -> Bundle {
        Bundle {
            version: BundleVersion::V0_3,
            material: self.material,
            content,
            unknown_fields: Vec::new(),
        }
    }
}
