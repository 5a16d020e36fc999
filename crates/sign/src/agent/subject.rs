//! What a request wants a signature over, as far as the agent can see.

use std::fmt;

use signhere_pki::cms::{DATA, SignedAttributes};
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_verify::intoto::Statement;

use super::protocol::{Refusal, SignRequest, quoted};
use crate::session::Payload;

/// The digests of in-toto that name a commit or a tag.
const COMMITS_AND_TAGS: [&str; 2] = ["gitCommit", "gitTag"];

/// What a request wants a signature over. The digest that it states is the one that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject<'a> {
    /// The SHA-256 that the request states.
    pub digest: Digest,
    /// What has it.
    pub kind: SubjectKind<'a>,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectKind<'a> {
    /// Anything: nothing but the digest is known.
    Artifact,
    /// The signed attributes of a CMS message about this content, which the agent wrote itself: no file that means
    /// anything else has their digest.
    Git {
        /// The SHA-256 of what git asked for.
        content: Digest,
    },
    /// An in-toto statement.
    Statement {
        /// Its JSON.
        json: &'a str,
        /// What it says, as a type URI.
        predicate_type: String,
        /// Whether all that it is about are commits and tags.
        is_of_git: bool,
    },
}

impl<'a> Subject<'a> {
    /// What `request` wants a signature over.
    ///
    /// # Errors
    /// [`Refusal::Unreadable`] when the digest is none, or not that of what the request shows.
    pub fn of(request: &'a SignRequest) -> Result<Self, Refusal> {
        let digest = sha256(&request.sha256)?;
        let (kind, found) = match (&request.statement, &request.git) {
            (None, None) => (SubjectKind::Artifact, digest),
            (Some(json), None) => {
                let statement = Statement::parse(json.as_bytes())
                    .map_err(|error| unreadable(format!("statement: {}", quoted(error))))?;
                let is_of_git = statement.subjects.iter().all(|subject| {
                    let mut names = subject.digests.iter().map(|(name, _)| name.as_str());
                    !subject.digests.is_empty()
                        && names.all(|name| COMMITS_AND_TAGS.contains(&name))
                });
                let kind = SubjectKind::Statement {
                    json,
                    predicate_type: statement.predicate_type,
                    is_of_git,
                };
                (kind, HashAlgorithm::Sha256.digest(json.as_bytes()))
            }
            (None, Some(git)) => {
                let content = sha256(&git.sha256)?;
                let set = SignedAttributes::with_signing_time(DATA, &content, git.signed_at)
                    .and_then(|attributes| attributes.to_set())
                    .map_err(|error| unreadable(format!("git: {}", quoted(error))))?;
                let kind = SubjectKind::Git { content };
                (kind, HashAlgorithm::Sha256.digest(&set))
            }
            (Some(_), Some(_)) => {
                return Err(unreadable("both a statement and something of git's"));
            }
        };
        if found != digest {
            return Err(unreadable(
                "sha256: it is of something else than what is shown",
            ));
        }
        Ok(Self { digest, kind })
    }

    /// Whether nothing but commits and tags can be meant.
    pub fn is_of_git(&self) -> bool {
        match self.kind {
            SubjectKind::Artifact => false,
            SubjectKind::Git { .. } => true,
            SubjectKind::Statement { is_of_git, .. } => is_of_git,
        }
    }

    pub(super) fn payload(&self) -> Payload<'a> {
        match self.kind {
            SubjectKind::Statement { json, .. } => Payload::Statement(json.as_bytes()),
            _ => Payload::Artifact(self.digest),
        }
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = self.digest.hex();
        match &self.kind {
            SubjectKind::Artifact => f.write_str(&digest),
            SubjectKind::Git { content } => write!(f, "{digest}, git's {}", content.hex()),
            SubjectKind::Statement { predicate_type, .. } => {
                write!(f, "{digest}, a statement: {}", quoted(predicate_type))
            }
        }
    }
}

fn sha256(text: &str) -> Result<Digest, Refusal> {
    Digest::from_hex(HashAlgorithm::Sha256, text)
        .map_err(|error| unreadable(format!("sha256: {error}")))
}

fn unreadable(message: impl Into<String>) -> Refusal {
    Refusal::Unreadable {
        message: message.into(),
    }
}
