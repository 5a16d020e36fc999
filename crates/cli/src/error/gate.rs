//! Why a commit, a tag or a move of a ref is refused, for people.

use signhere_git::gate::{RefRefusal, UpdateError};
use signhere_git::policy::{Finding, JudgeError, MergeFault, PolicyError, Refusal};
use signhere_git::verdict::GitFailure;
use signhere_verify::policy::NotAllowed;

use super::CliError;
use crate::exit::Exit;

/// How a person signs anew what was refused.
const SIGN: &str =
    "signhere git setup, then: git commit --amend --no-edit (for more commits: git rebase --exec)";

impl From<&Refusal> for CliError {
    fn from(refusal: &Refusal) -> Self {
        let message = refusal.to_string();
        let new = |exit, code| Self::new(exit, code, message.as_str());
        let policy = |code| new(Exit::NotAllowed, code);
        match refusal {
            Refusal::Unreadable { .. } => new(Exit::NoMatchingSignature, "SH-GIT-OBJECT"),
            Refusal::Unsigned => new(Exit::NoSignature, "SH-GIT-UNSIGNED").mend(SIGN),
            Refusal::Foreign { .. } => new(Exit::NoCertificate, "SH-GIT-FOREIGN").mend(SIGN),
            Refusal::Unproven(_) => new(Exit::Unproven, "SH-GIT-UNPROVEN")
                .mend("signhere git rescue COMMIT, then push refs/notes/signhere first"),
            Refusal::Forged(failure) => match &**failure {
                GitFailure::Check(failure) => Self::from(&**failure),
                other => new(Exit::NoMatchingSignature, other.code()),
            },
            Refusal::BadSignature { .. } => new(Exit::NoMatchingSignature, "SH-GIT-SIGNATURE"),
            Refusal::Signer(failure) => Self::from(&**failure),
            Refusal::SshUnlisted { .. } => new(Exit::Unlisted, "SH-GIT-SSH-SIGNER"),
            Refusal::SshSigner { why, .. } => match why {
                NotAllowed::Time => new(Exit::Unproven, "SH-GIT-SSH-SIGNER"),
                _ => policy("SH-GIT-SSH-SIGNER"),
            },
            Refusal::Limited { .. } => policy("SH-GIT-LIMITED"),
            Refusal::Platform { fault, .. } => {
                let error = policy("SH-GIT-PLATFORM-MERGE");
                match fault {
                    MergeFault::NotPlain { path } => error
                        .expected("a merge that takes over what the two sides changed, and no more")
                        .found(String::from_utf8_lossy(path)),
                    MergeFault::NoMerge => error.expected("a merge of two commits"),
                    _ => error,
                }
            }
            Refusal::Rule {
                threshold,
                of,
                have,
                path,
                ..
            } => {
                let error =
                    policy("SH-GIT-RULE").expected(format!("{threshold} of {}", of.join(", ")));
                let who = match have.is_empty() {
                    true => "none of them".to_owned(),
                    false => have.join(", "),
                };
                let path = path.as_deref().map(String::from_utf8_lossy);
                error.found(match path {
                    Some(path) => format!("{who}, for a change of {path}"),
                    None => who,
                })
            }
            Refusal::Impersonation {
                address, signer, ..
            } => policy("SH-GIT-IMPERSONATION")
                .expected(format!("an address of {signer}"))
                .found(address),
            Refusal::Committer {
                address, signer, ..
            } => policy("SH-GIT-COMMITTER")
                .expected(format!("an address of {signer}"))
                .found(address),
            Refusal::BreaksPolicy { error } => Self::from(&**error),
            Refusal::NoPolicy => no_policy(message),
            _ => Self::internal(&message),
        }
    }
}

impl From<&Finding> for CliError {
    fn from(finding: &Finding) -> Self {
        let message = finding.to_string();
        match finding {
            Finding::Committer { address, signer } => {
                Self::new(Exit::Findings, "SH-GIT-COMMITTER", message)
                    .expected(format!("an address of {signer}"))
                    .found(address)
            }
            _ => Self::internal(&message),
        }
    }
}

impl From<&RefRefusal> for CliError {
    fn from(refusal: &RefRefusal) -> Self {
        let message = refusal.to_string();
        let policy = |code| Self::new(Exit::NotAllowed, code, message.as_str());
        match refusal {
            RefRefusal::NoPolicy => no_policy(message),
            RefRefusal::Policy(error) | RefRefusal::TipPolicy(error) => Self::from(error),
            RefRefusal::Undecided(error) => Self::from(error),
            RefRefusal::Rewrite { .. } => policy("SH-GIT-REWRITE"),
            RefRefusal::TagMoved { .. } => policy("SH-GIT-REWRITE").mend("make a new tag"),
            RefRefusal::Delete { .. } | RefRefusal::DefaultBranch => policy("SH-GIT-DELETE"),
            RefRefusal::Moved { .. } => {
                Self::new(Exit::Failed, "SH-GIT-MOVED", message).mend("fetch, then push again")
            }
            RefRefusal::Symbolic { target } => policy("SH-GIT-REF")
                .expected("a push to the ref itself")
                .found(target),
            RefRefusal::Replacement => policy("SH-GIT-REF"),
            RefRefusal::OtherPolicy => policy("SH-GIT-OTHER-POLICY").mend(
                "bring the file along: git checkout DEFAULT-BRANCH -- .signhere, and commit that",
            ),
            RefRefusal::TagName { expected, found } => {
                policy("SH-GIT-TAG").expected(expected).found(found)
            }
            RefRefusal::Lightweight { .. } => policy("SH-GIT-TAG").mend("git tag -s NAME COMMIT"),
            RefRefusal::NoCommit { .. } => policy("SH-GIT-TAG"),
            RefRefusal::Unreadable { .. } => {
                Self::new(Exit::NoMatchingSignature, "SH-GIT-OBJECT", message)
            }
            _ => Self::internal(&message),
        }
    }
}

impl From<&JudgeError> for CliError {
    fn from(error: &JudgeError) -> Self {
        let message = error.to_string();
        match error {
            JudgeError::Repository(error) => Self::from(error.clone()),
            JudgeError::Policy(error) => Self::from(error),
            JudgeError::TooMany { .. } | JudgeError::TooLong { .. } => {
                Self::new(Exit::Failed, "SH-GIT-TOO-MUCH", message)
            }
            _ => Self::internal(&message),
        }
    }
}

impl From<&PolicyError> for CliError {
    fn from(error: &PolicyError) -> Self {
        match error {
            PolicyError::File(error) => Self::from(error.clone()),
            PolicyError::Repository(error) => Self::from(error.clone()),
            PolicyError::NoAllowedSigners { .. } | PolicyError::AllowedSigners { .. } => {
                Self::new(Exit::Trust, "SH-GIT-ALLOWED-SIGNERS", error.to_string())
            }
            error => Self::new(Exit::Trust, "SH-TRUST-FILE", error.to_string()),
        }
    }
}

impl From<UpdateError> for CliError {
    fn from(error: UpdateError) -> Self {
        Self::new(Exit::Usage, "SH-GIT-PUSH", error.to_string())
    }
}

fn no_policy(message: String) -> CliError {
    CliError::new(Exit::Trust, "SH-GIT-NO-POLICY", message)
        .mend("put .signhere/trust.toml on the default branch first, or name one: --trust FILE")
}
