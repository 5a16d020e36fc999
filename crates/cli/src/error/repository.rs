//! What is wrong with repositories, commits and tags, for people.

use signhere_git::cache::CacheError;
use signhere_git::repository::{Gap, RepositoryError, RevisionFault};
use signhere_git::ssh::AllowedSignersError;
use signhere_git::verdict::{GitFailure, GitVerdict, Missing, Outcome};

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

/// Why an object is not verified; `None` where it is. `range` is what to name to a command that would mend it.
pub(crate) fn of_verdict(verdict: &GitVerdict, range: &str) -> Option<CliError> {
    let kind = verdict.kind;
    let error = match &verdict.outcome {
        Outcome::Verified(_) => return None,
        Outcome::Proven => CliError::new(
            Exit::Unlisted,
            "SH-SIGNER-UNCHECKED",
            format!("the {kind}'s signature is proven, and nobody said who may sign"),
        ),
        Outcome::NotAllowed(failure) => CliError::from(&**failure),
        Outcome::Unproven(missing) => unproven(verdict, missing, range),
        Outcome::Refused(failure) => refused(failure),
        Outcome::Unsigned => CliError::new(
            Exit::NoSignature,
            "SH-GIT-UNSIGNED",
            format!("the {kind} has no signature"),
        ),
        Outcome::Foreign(of) => CliError::new(
            Exit::NoMatchingSignature,
            "SH-GIT-FOREIGN",
            format!(
                "the {kind} has a signature of another kind, which is not verified: {}",
                of.as_str()
            ),
        ),
        Outcome::Platform { platform } => CliError::new(
            Exit::NoMatchingSignature,
            "SH-GIT-PLATFORM",
            format!(
                "the {kind} says that it was signed by {platform} itself, and by nobody who wrote it"
            ),
        ),
        Outcome::Unreadable(error) => CliError::new(
            Exit::NoMatchingSignature,
            "SH-GIT-OBJECT",
            error.to_string(),
        ),
        _ => CliError::internal(&verdict.outcome.as_str()),
    };
    Some(error)
}

fn unproven(verdict: &GitVerdict, missing: &[Missing], range: &str) -> CliError {
    let evidence = verdict.evidence.as_deref();
    let names = evidence.map(|e| e.certificate.names.as_slice());
    let who = names.and_then(<[_]>::first).map(ToString::to_string);
    let who = who.map_or_else(String::new, |who| format!(" by {who}"));
    let lacks = |one| missing.contains(&one);
    if lacks(Missing::Log) {
        let message = format!(
            "the signature{who} is good, and its log entry was never embedded: nothing proves when it was made"
        );
        let words: Vec<String> = range.split(' ').map(shell_word).collect();
        let range = words.join(" ");
        return CliError::new(Exit::Unproven, "SH-GIT-UNPROVEN", message)
            .mend(format!("signhere git rescue {range}"));
    }
    let what = match lacks(Missing::Time) {
        true => "nothing proves when it was made",
        false => "nothing proves that its certificate is in a certificate log",
    };
    let message = format!("the signature{who} is good, and {what}");
    CliError::new(Exit::Unproven, "SH-GIT-UNPROVEN", message)
}

fn refused(failure: &GitFailure) -> CliError {
    match failure {
        GitFailure::Check(failure) => CliError::from(&**failure),
        GitFailure::SigningTime { claimed, validity } => CliError::new(
            Exit::NoMatchingSignature,
            failure.code(),
            "the signer claims a time at which the certificate was not valid",
        )
        .expected(validity.to_string())
        .found(claimed.to_string()),
        other => CliError::new(Exit::NoMatchingSignature, other.code(), other.to_string()),
    }
}
