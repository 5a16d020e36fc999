//! What is wrong with commits and tags and their signatures, for people.

use signhere_git::cms::{BuildError, EmbeddedError, SignatureError};
use signhere_git::verdict::{Evidence, GitFailure, GitVerdict, Missing, Outcome, SignatureVerdict};
use signhere_pki::cms::CmsError;

use super::{CliError, shell_word};
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
        let refused = |message: &str| {
            Self::new(
                Exit::NoMatchingSignature,
                failure.code(),
                message.to_owned(),
            )
        };
        match failure {
            GitFailure::Check(failure) => failure.as_ref().into(),
            GitFailure::SigningTime { claimed, validity } => {
                refused("the signer claims a time at which the certificate was not valid")
                    .expected(validity.to_string())
                    .found(claimed.to_string())
            }
            GitFailure::Signature(SignatureError::Cms(CmsError::MessageDigest {
                expected,
                found,
            })) => refused("the signature is over something else")
                .expected(expected)
                .found(found.to_string()),
            other => refused(&other.to_string()),
        }
    }
}

/// Why an object is not verified; `None` where it is. `range` is what to name to a command that would mend it.
pub(crate) fn of_verdict(verdict: &GitVerdict, range: &str) -> Option<CliError> {
    of_outcome(
        &verdict.outcome,
        verdict.kind.name(),
        verdict.evidence.as_deref(),
        Some(range),
    )
}

/// Why a signature over something that is not at hand is not verified; `None` where it is.
pub(crate) fn of_signature(verdict: &SignatureVerdict) -> Option<CliError> {
    let evidence = verdict.evidence.as_deref();
    of_outcome(&verdict.outcome, "object", evidence, None)
}

fn of_outcome(
    outcome: &Outcome,
    kind: &str,
    evidence: Option<&Evidence>,
    range: Option<&str>,
) -> Option<CliError> {
    let no_match = |code, message| CliError::new(Exit::NoMatchingSignature, code, message);
    Some(match outcome {
        Outcome::Verified(_) => return None,
        Outcome::Proven => CliError::new(
            Exit::Unlisted,
            "SH-SIGNER-UNCHECKED",
            format!("the {kind}'s signature is proven, and nobody said who may sign"),
        ),
        Outcome::NotAllowed(failure) => failure.as_ref().into(),
        Outcome::Unproven(missing) => unproven(evidence, missing, range),
        Outcome::Refused(failure) => failure.as_ref().into(),
        Outcome::Unsigned => CliError::new(
            Exit::NoSignature,
            "SH-GIT-UNSIGNED",
            format!("the {kind} has no signature"),
        ),
        Outcome::Foreign(of) => no_match(
            "SH-GIT-FOREIGN",
            format!(
                "the {kind} has a signature of another kind, which is not verified: {}",
                of.as_str()
            ),
        ),
        Outcome::Platform { platform } => no_match(
            "SH-GIT-PLATFORM",
            format!(
                "the {kind} says that it was signed by {platform} itself, and by nobody who wrote it"
            ),
        ),
        Outcome::Unreadable(error) => no_match("SH-GIT-OBJECT", error.to_string()),
        _ => CliError::internal(&outcome.as_str()),
    })
}

fn unproven(evidence: Option<&Evidence>, missing: &[Missing], range: Option<&str>) -> CliError {
    let names = evidence.map(|evidence| evidence.certificate.subject_alternative_names());
    let who = names.iter().flatten().next();
    let who = who.map_or_else(String::new, |who| format!(" by {who}"));
    let lacks = |one| missing.contains(&one);
    let what = match (lacks(Missing::Log), lacks(Missing::Time)) {
        (true, _) => "its log entry was never embedded: nothing proves when it was made",
        (false, true) => "nothing proves when it was made",
        (false, false) => "nothing proves that its certificate is in a certificate log",
    };
    let message = format!("the signature{who} is good, and {what}");
    let error = CliError::new(Exit::Unproven, "SH-GIT-UNPROVEN", message);
    match range.filter(|_| lacks(Missing::Log)) {
        Some(range) => error.mend(rescue(range)),
        None => error,
    }
}

/// The command that fetches log entries for what is named so.
pub(crate) fn rescue(range: &str) -> String {
    let words: Vec<String> = range.split(' ').map(shell_word).collect();
    format!("signhere git rescue {}", words.join(" "))
}
