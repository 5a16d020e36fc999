//! Commits and tags.

use signhere_git::cms::{BuildError, EmbeddedError, SignatureError};
use signhere_git::verdict::{GitFailure, Missing, Outcome};

use super::CliError;
use crate::exit::Exit;

impl From<SignatureError> for CliError {
    fn from(error: SignatureError) -> Self {
        (&GitFailure::Signature(error)).into()
    }
}

impl From<EmbeddedError> for CliError {
    fn from(error: EmbeddedError) -> Self {
        (&GitFailure::Embedded(error)).into()
    }
}

impl From<BuildError> for CliError {
    fn from(error: BuildError) -> Self {
        let message = format!("the signature cannot be written: {error}");
        Self::new(Exit::Failed, "SH-GIT-BUILD", message)
    }
}

impl From<&GitFailure> for CliError {
    fn from(failure: &GitFailure) -> Self {
        match failure {
            GitFailure::Check(failure) => failure.as_ref().into(),
            failure => Self::new(
                Exit::NoMatchingSignature,
                failure.code(),
                failure.to_string(),
            ),
        }
    }
}

impl From<&Outcome> for CliError {
    /// What is wrong or missing; of an outcome that says that all is well, that it was not to be an error.
    fn from(outcome: &Outcome) -> Self {
        let (exit, message) = match outcome {
            Outcome::Refused(failure) => return failure.as_ref().into(),
            Outcome::NotAllowed(failure) => return failure.as_ref().into(),
            Outcome::Unproven(missing) => {
                let names: Vec<_> = missing.iter().copied().map(never_there).collect();
                let names = names.join(", ");
                let message = format!("the signature is good, but it does not carry {names}");
                (Exit::Unproven, message)
            }
            Outcome::Unsigned => (Exit::NoSignature, "not signed".to_owned()),
            Outcome::Foreign(_) => (
                Exit::NoMatchingSignature,
                "a signature of another kind".to_owned(),
            ),
            Outcome::Platform { platform } => (
                Exit::NoMatchingSignature,
                format!("{platform} signed it with its own key, which is no developer's"),
            ),
            Outcome::Unreadable(error) => (Exit::NoArtifact, error.to_string()),
            _ => return Self::internal(&"an outcome that is no error"),
        };
        Self::new(exit, outcome.code().unwrap_or("SH-INTERNAL"), message)
    }
}

fn never_there(missing: Missing) -> &'static str {
    match missing {
        Missing::Log => "its log entry",
        Missing::Time => "a proven time",
        Missing::Sct => "the certificate log's timestamp",
    }
}
