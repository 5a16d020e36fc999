use signhere_pki::cert::CertificateError;
use signhere_pki::digest::DigestError;
use signhere_pki::key::KeyError;
use signhere_pki::pem::PemError;

use crate::proto_json::JsonError;

/// Why the body of a log entry could not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Not acceptable as JSON or as the kind's message.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The kind and version are not supported.
    #[error("unsupported entry kind {kind} {version}")]
    Unsupported {
        /// The kind.
        kind: String,
        /// Its version.
        version: String,
    },
    /// The body is of another kind or version than the entry declares.
    #[error("declared as {expected}, the body is {found}")]
    KindMismatch {
        /// What the entry declares.
        expected: String,
        /// What the body says.
        found: String,
    },
    /// A digest's algorithm is not supported.
    #[error("unsupported digest algorithm `{found}`")]
    DigestAlgorithm {
        /// The algorithm found.
        found: String,
    },
    /// A digest is malformed.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A key is malformed, not supported, or not what its details say.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A PEM block is malformed.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A certificate is malformed.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The key signs the message itself, so that no digest can be logged for it.
    #[error("{details} signatures have no digest to log")]
    NoDigest {
        /// How the key signs.
        details: &'static str,
    },
    /// A request has fields that are not known.
    #[error("unknown field `{path}`")]
    UnknownField {
        /// The field.
        path: String,
    },
}
