use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::{KeyError, KeyKind, Scheme};
use signhere_pki::time::Time;

use crate::proto_json::JsonError;

/// Why TUF metadata, or a file that it describes, is not to be believed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TufError {
    /// Not acceptable as JSON or as the document it should be.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The document is of another role.
    #[error("the document is of type `{found}`, not `{expected}`")]
    Type {
        /// The type asked for.
        expected: &'static str,
        /// The type found.
        found: String,
    },
    /// The document follows a version of the specification other than 1.
    #[error("the document follows version `{found}` of the TUF specification, not 1")]
    SpecVersion {
        /// The version found.
        found: String,
    },
    /// A number is not an integer, which canonical JSON cannot write.
    #[error("the signed part has a number that is not a 64-bit integer")]
    NotInteger,
    /// A role lists a key twice.
    #[error("`{path}` lists the key {id} twice")]
    DuplicateKey {
        /// The role's place.
        path: String,
        /// The key's id.
        id: String,
    },
    /// Two signatures name the same key.
    #[error("the document has two signatures of the key {id}")]
    DuplicateSignature {
        /// The key's id.
        id: String,
    },
    /// Two delegated roles have the same name, or one has the name of a top-level role.
    #[error("the delegated role `{name}` is given twice or is a top-level role")]
    DuplicateRole {
        /// The role's name.
        name: String,
    },
    /// A threshold of zero, which anybody would reach.
    #[error("`{path}` has a threshold of zero")]
    NoThreshold {
        /// The role's place.
        path: String,
    },
    /// Fewer distinct keys than the threshold signed the document.
    #[error("{found} of the role's keys signed the {role} metadata, {expected} are needed")]
    Threshold {
        /// The role that the document is of.
        role: String,
        /// The keys needed.
        expected: u32,
        /// The distinct keys of the role whose signatures verify.
        found: usize,
    },
    /// The version is not the one asked for.
    #[error("the {role} metadata has version {found}, not {expected}")]
    Version {
        /// The role that the document is of.
        role: String,
        /// The version asked for.
        expected: u64,
        /// The version found.
        found: u64,
    },
    /// The document is past its expiry.
    #[error("the {role} metadata expired at {expires}")]
    Expired {
        /// The role that the document is of.
        role: String,
        /// When it expired.
        expires: Time,
    },
    /// A file is not as long as its metadata says.
    #[error("{file} has {found} bytes where {expected} were signed for")]
    Length {
        /// The file.
        file: String,
        /// The length signed for, in bytes.
        expected: u64,
        /// Its length in bytes.
        found: u64,
    },
    /// A file is not the one that its metadata describes.
    #[error("the {algorithm} of {file} is not the one signed for")]
    Hash {
        /// The file.
        file: String,
        /// The hash function.
        algorithm: HashAlgorithm,
    },
    /// The metadata describes a file by no hash function that is known here.
    #[error("{file} is described by no known hash function")]
    NoHash {
        /// The file.
        file: String,
    },
    /// TUF has no name for such a key.
    #[error("TUF has no name for {kind} keys that sign with {scheme}")]
    UnsupportedKey {
        /// The key's kind.
        kind: KeyKind,
        /// How it signs.
        scheme: Scheme,
    },
    /// A signature could not be made.
    #[error("cannot sign: {0}")]
    Sign(KeyError),
}
