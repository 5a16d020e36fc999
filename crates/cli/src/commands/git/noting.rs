//! What the commands share that write notes: whose repository, who signs, and where the notes go.

use std::borrow::Borrow;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_git::notes::{Added, Author, Notes};
use signhere_git::object::{Object, ObjectId, ObjectKind};
use signhere_git::repository::Repository;
use signhere_git::statement::attested;
use signhere_git::verifier::GitVerifier;
use signhere_pki::time::Clock as _;
use signhere_verify::bundle::Bundle;
use signhere_verify::verdict::{Step, StepName, Verdict};

use super::{configured, open, sharing};
use crate::clock::SystemClock;
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::login::LoginArgs;
use crate::output::text::safe;
use crate::signing::{self, Signing};
use crate::trust::TrustArgs;

/// Whose repository it is, and where its notes go.
#[derive(Args, Clone, Debug)]
pub(super) struct NotingArgs {
    /// The repository's folder [default: the one here]
    #[arg(long, short = 'C', value_name = "DIR", value_hint = ValueHint::DirPath)]
    repository: Option<PathBuf>,
    /// Push the notes to this remote afterwards
    #[arg(long, value_name = "REMOTE")]
    push: Option<String>,
}

/// Who signs, and where.
#[derive(Args, Clone, Debug)]
pub(super) struct SignerArgs {
    /// Where to sign (signing_config.v0.2.json)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "trust_config", help_heading = "Trust")]
    signing_config: Option<PathBuf>,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
    #[command(flatten)]
    login: LoginArgs,
}

/// Somebody, in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Who {
    /// The identity.
    pub(super) identity: String,
    /// Who vouches for it.
    pub(super) issuer: String,
}

impl NotingArgs {
    /// Opens the repository.
    pub(super) fn open(&self) -> Result<Repository, CliError> {
        open::repository(self.repository.as_deref())
    }

    /// Notes bundles beside objects.
    pub(super) fn add(
        &self,
        repository: &Repository,
        additions: &[(ObjectId, Vec<Bundle>)],
    ) -> Result<Added, CliError> {
        Ok(Notes::add(repository, additions, &author())?)
    }

    /// Notes what was signed, shares it where that is asked for, and tells: `lines` and, behind `word`, who signed.
    pub(super) fn keep(
        &self,
        context: &Context,
        repository: &Repository,
        signed: Signed,
        stated: impl Serialize,
        lines: &[String],
        word: &str,
    ) -> Result<(), CliError> {
        self.add(repository, &signed.additions)?;
        let pushed = self.share(context, repository)?;
        let by = signed.by;
        if context.output.is_json() {
            return context.output.document(&Report {
                version: 1,
                stated,
                by,
                pushed,
            });
        }
        for line in lines {
            context.output.line(safe(line))?;
        }
        match by {
            Some(who) => context
                .output
                .line(safe(&format!("{word} {}", who.identity))),
            None => Ok(()),
        }
    }

    /// Pushes the notes where that is asked for; the remote's name if so.
    pub(super) fn share(
        &self,
        context: &Context,
        repository: &Repository,
    ) -> Result<Option<&str>, CliError> {
        if let Some(remote) = &self.push {
            sharing::push(context, repository, remote)?;
        }
        Ok(self.push.as_deref())
    }
}

/// Statements that were signed and proven, and whom their evidence names.
pub(super) struct Signed {
    pub(super) additions: Vec<(ObjectId, Vec<Bundle>)>,
    pub(super) by: Option<Who>,
}

/// What a command has stated about commits, as JSON.
#[derive(Serialize)]
struct Report<'a, T> {
    version: u32,
    #[serde(flatten)]
    stated: T,
    by: Option<Who>,
    pushed: Option<&'a str>,
}

impl SignerArgs {
    /// Signs statements, each about one commit or tag, by one login: here where a token is at hand, and else by the agent. They
    /// are proven before they are returned, with whom they name.
    pub(super) fn sign(
        &self,
        context: &Context,
        verifier: &GitVerifier,
        statements: &[(impl Borrow<Object>, Vec<u8>)],
    ) -> Result<Signed, CliError> {
        let how = Signing {
            trust: self.trust.clone(),
            signing_config: self.signing_config.clone(),
            login: self.login.clone(),
            no_agent: configured::settings()?.agent == Some(false),
            ..Signing::default()
        };
        let texts: Vec<&[u8]> = statements.iter().map(|(_, text)| text.as_slice()).collect();
        let bundles = signing::sign_statements(context, &texts, &how)?;
        let mut additions = Vec::with_capacity(bundles.len());
        let mut by = None;
        for ((object, _), bundle) in statements.iter().zip(bundles) {
            // As it will be read from the note.
            let bundle = Bundle::parse(&bundle.to_json())?;
            let object = object.borrow();
            let id = object.id();
            let attested = attested(verifier, (object.kind(), &id), &bundle);
            let attested = attested.map_err(|error| {
                let message = format!("what was signed does not verify: {error}");
                CliError::new(Exit::Failed, "SH-GIT-STATEMENT", message)
            })?;
            by = Who::of(&attested.proven.verdict);
            additions.push((id, vec![bundle]));
        }
        Ok(Signed { additions, by })
    }
}

impl Who {
    /// Whom the evidence names.
    pub(super) fn of(verdict: &Verdict) -> Option<Self> {
        match verdict.step(StepName::Identity) {
            Some(Step::Identity(evidence)) => Some(Self {
                identity: evidence.identity.clone(),
                issuer: evidence.issuer.clone(),
            }),
            _ => None,
        }
    }
}

/// Who stands in the commits of notes. They say nothing of who signed what is noted, and nobody is to be known by them.
pub(super) fn author() -> Author {
    Author {
        name: "signhere".to_owned(),
        email: "signhere@localhost".to_owned(),
        at: SystemClock.now(),
    }
}

/// The commit that `revision` names or leads to.
pub(super) fn commit(repository: &Repository, revision: &str) -> Result<Object, CliError> {
    let id = repository.commit_of(&repository.resolve(revision)?)?;
    object(repository, &id)
}

/// A commit or a tag.
pub(super) fn object(repository: &Repository, id: &ObjectId) -> Result<Object, CliError> {
    let raw = repository.object(id)?;
    if !matches!(raw.kind, ObjectKind::Commit | ObjectKind::Tag) {
        let message = format!("{id} is a {}: neither a commit nor a tag", raw.kind);
        return Err(CliError::new(Exit::Failed, "SH-GIT-KIND", message));
    }
    Object::parse(raw.kind, raw.bytes).map_err(|error| {
        CliError::new(
            Exit::NoMatchingSignature,
            "SH-GIT-OBJECT",
            error.to_string(),
        )
    })
}

/// The first line of a message, as a person may see it.
pub(super) fn subject(object: &Object) -> String {
    let message = String::from_utf8_lossy(object.message());
    let line = message.lines().next().unwrap_or_default();
    safe(&line.chars().take(72).collect::<String>()).to_string()
}
