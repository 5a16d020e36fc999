use crate::tuf::TufError;

/// Why an update, or the search for a target, ends without success.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// A document cannot be believed.
    #[error("{file}: {error}")]
    Document {
        /// The document's name in the repository.
        file: String,
        /// What is wrong with it.
        error: TufError,
    },
    /// A document that must be there is not.
    #[error("{file} is not in the repository")]
    Missing {
        /// The document's name in the repository.
        file: String,
    },
    /// Without asking the repository: a document is not in the cache, or not as it should be.
    #[error("{file} is not in the cache")]
    NotCached {
        /// The document's name in the cache.
        file: String,
    },
    /// A document is older than one that was believed before (a rollback).
    #[error("{file} says version {found} of {role}, version {trusted} was believed before")]
    Rollback {
        /// The document's name in the repository.
        file: String,
        /// The role whose version went back.
        role: String,
        /// The version believed before.
        trusted: u64,
        /// The version found.
        found: u64,
    },
    /// A snapshot no longer lists a role that the one before listed.
    #[error("{file} no longer lists {role}, which it did before")]
    Unlisted {
        /// The snapshot's name in the repository.
        file: String,
        /// The role.
        role: String,
    },
    /// A role is delegated to, but the snapshot knows no document of it.
    #[error("the snapshot does not list the role {role}")]
    NotInSnapshot {
        /// The role.
        role: String,
    },
    /// No role that is trusted with the target describes it.
    #[error("there is no target {path}")]
    NoTarget {
        /// The target's path.
        path: String,
    },
    /// A target's path leads out of the folder of targets.
    #[error("the target {path} cannot be fetched: its path has a segment `.` or `..`")]
    UnsafePath {
        /// The target's path.
        path: String,
    },
    /// The updater was asked for something out of turn.
    #[error("the updater was not asked in its order")]
    OutOfTurn,
}
