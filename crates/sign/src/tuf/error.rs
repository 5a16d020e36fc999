use std::io;
use std::path::{Path, PathBuf};

use signhere_verify::tuf::client::UpdateError;

use crate::service::ServiceError;

/// Why a TUF repository could not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// What the repository or the cache says cannot be believed.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// The repository gives no answer, or one that is not of use.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The cache cannot be used.
    #[error("cannot {doing} {}: {detail}", path.display())]
    File {
        /// What was tried: `write`.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says, as a kind.
        kind: io::ErrorKind,
        /// What the system says, as text.
        detail: String,
    },
    /// A target is larger than any that is fetched.
    #[error("the target {path} has {length} bytes, more than {limit}")]
    TooLarge {
        /// The target's path.
        path: String,
        /// Its length in bytes, as signed for.
        length: u64,
        /// The limit.
        limit: u64,
    },
}

impl ClientError {
    pub(super) fn file(doing: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::File {
            doing,
            path: path.to_owned(),
            kind: error.kind(),
            detail: error.to_string(),
        }
    }

    /// Whether trying again later may help: the repository was not reached, or failed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Service(error) if error.is_transient())
    }
}
