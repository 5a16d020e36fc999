use signhere_verify::tuf::TufError;

use crate::error::ServeError;

/// Why a TUF repository cannot be read or changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// A file or folder of the repository cannot be read or written.
    #[error(transparent)]
    Folder(Box<ServeError>),
    /// A document that others name is not there.
    #[error("the repository has no {name}")]
    Missing {
        /// The document.
        name: String,
    },
    /// A document is not what those that name it say.
    #[error("{name}: {error}")]
    Document {
        /// The document.
        name: String,
        /// What is wrong with it.
        error: TufError,
    },
    /// A document could not be made.
    #[error("cannot make {name}: {error}")]
    Make {
        /// The document.
        name: String,
        /// Why.
        error: TufError,
    },
    /// The root has been continued more often than clients follow.
    #[error("the repository has more than {limit} roots")]
    TooManyRoots {
        /// The most roots that are read.
        limit: usize,
    },
    /// A file's name cannot be part of a URL and of a path here.
    #[error("{name:?} is no name for a target")]
    TargetName {
        /// The name.
        name: String,
    },
    /// A role's key that the instance holds is not one that the root lists for the role, or more keys have to sign.
    #[error("the root does not let the instance's key sign {role} alone")]
    NotItsKey {
        /// The role.
        role: &'static str,
    },
    /// More keys have to sign than there are.
    #[error("{threshold} signatures are asked for, and there are {keys} keys")]
    Unreachable {
        /// How many have to sign.
        threshold: u32,
        /// How many there are.
        keys: usize,
    },
    /// A root without consistent snapshots, by whose rules the repository's files have other names.
    #[error("{name} does not have consistent snapshots")]
    NotConsistent {
        /// The root.
        name: String,
    },
    /// The key that signs roots is not on this machine.
    #[error("the key that signs roots is not among the instance's keys")]
    NoRootKey,
    /// Somebody else has continued the root meanwhile.
    #[error("there is a root {version} already")]
    RootExists {
        /// The version that was to be made.
        version: u64,
    },
    /// A thread that changed the repository has ended in the middle; it is opened anew at the next start.
    #[error("the repository was left in the middle of a change")]
    Interrupted,
}

impl RepositoryError {
    /// Whether a document lacks signatures of the keys that its root lists.
    pub(super) fn is_unsigned(&self) -> bool {
        let Self::Document { error, .. } = self else {
            return false;
        };
        matches!(error, TufError::Threshold { .. })
    }

    pub(super) fn missing(name: &str) -> Self {
        Self::Missing {
            name: name.to_owned(),
        }
    }

    pub(super) fn document(name: &str) -> impl FnOnce(TufError) -> Self {
        let name = name.to_owned();
        move |error| Self::Document { name, error }
    }

    pub(super) fn make(name: &str) -> impl FnOnce(TufError) -> Self {
        let name = name.to_owned();
        move |error| Self::Make { name, error }
    }
}

impl From<ServeError> for RepositoryError {
    fn from(error: ServeError) -> Self {
        Self::Folder(Box::new(error))
    }
}
