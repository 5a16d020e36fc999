//! What is wrong with repositories, for people.

use signhere_git::cache::CacheError;
use signhere_git::repository::{Gap, RepositoryError, RevisionFault};
use signhere_git::ssh::AllowedSignersError;

use super::{CliError, shell_word};
use crate::exit::Exit;

/// Of more that a name could mean nobody is told.
const MAX_CANDIDATES: usize = 8;

impl From<RepositoryError> for CliError {
    fn from(error: RepositoryError) -> Self {
        let message = error.to_string();
        let failed = |code| Self::new(Exit::Failed, code, message.as_str());
        match &error {
            RepositoryError::Program { .. } => {
                failed("SH-GIT-MISSING").mend("install git 2.34 or later")
            }
            RepositoryError::NotFound { .. } => failed("SH-GIT-REPOSITORY"),
            RepositoryError::Foreign { path } => {
                let path = shell_word(&path.display().to_string());
                let mend = format!("git config --global --add safe.directory {path}");
                failed("SH-GIT-OWNER").mend(mend)
            }
            RepositoryError::Form { .. } => failed("SH-GIT-REPOSITORY"),
            RepositoryError::UnknownRevision { gap, .. } => {
                let error = Self::new(Exit::NoArtifact, "SH-GIT-REVISION", message);
                match fetch(*gap) {
                    Some(fetch) => error.mend(fetch),
                    None => error.mend("git fetch --tags"),
                }
            }
            RepositoryError::Unborn { .. } => {
                Self::new(Exit::NoArtifact, "SH-GIT-REVISION", message)
                    .mend("git commit, or name another branch")
            }
            RepositoryError::Ambiguous { found, .. } => {
                let error = Self::new(Exit::NoArtifact, "SH-GIT-REVISION", message);
                let shown = found.iter().take(MAX_CANDIDATES).map(String::as_str);
                error
                    .expected("one commit or tag")
                    .found(shown.collect::<Vec<_>>().join(", "))
            }
            RepositoryError::Revision { fault, .. } => {
                Self::new(Exit::Usage, "SH-GIT-REVISION", message).expected(match fault {
                    RevisionFault::Symmetric | RevisionFault::Excluded => "A..B",
                    _ => "the name or id of a commit or tag",
                })
            }
            RepositoryError::Missing { gap, .. } | RepositoryError::Incomplete { gap } => {
                failed("SH-GIT-INCOMPLETE").mend(fetch(*gap).unwrap_or("git fsck"))
            }
            RepositoryError::Damaged { .. } | RepositoryError::BrokenRef { .. } => {
                failed("SH-GIT-DAMAGED")
            }
            RepositoryError::WrongId { id, found } => {
                let error = failed("SH-GIT-DAMAGED");
                error.expected(id.to_string()).found(found.to_string())
            }
            RepositoryError::WrongKind {
                expected, found, ..
            } => failed("SH-GIT-KIND")
                .expected(expected.name())
                .found(found.name()),
            RepositoryError::TooLarge { .. } | RepositoryError::TooMany { .. } => {
                failed("SH-GIT-TOO-LARGE")
            }
            RepositoryError::Tree { .. } | RepositoryError::Tag { .. } => {
                Self::new(Exit::NoMatchingSignature, "SH-GIT-OBJECT", message)
            }
            _ => failed("SH-GIT-FAILED"),
        }
    }
}

/// What brings the objects that a clone left out.
fn fetch(gap: Gap) -> Option<&'static str> {
    match gap {
        Gap::Shallow => Some("git fetch --unshallow"),
        Gap::Partial => Some("git fetch --refetch --no-filter"),
        _ => None,
    }
}

impl From<AllowedSignersError> for CliError {
    fn from(error: AllowedSignersError) -> Self {
        Self::new(Exit::Trust, "SH-GIT-ALLOWED-SIGNERS", error.to_string())
    }
}

/// Why verdicts are not kept, as a remark.
pub(crate) fn not_kept(error: &CacheError) -> String {
    format!("note: nothing is looked up or kept of earlier verdicts: {error}")
}
