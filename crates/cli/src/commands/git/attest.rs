//! `signhere git attest`: SLSA source provenance and a verification summary, made and read back.

mod read;

use clap::{ArgGroup, Args, ValueHint};
use serde::Serialize;
use signhere_git::approve::approvals;
use signhere_git::attest::{Actor, Facts, PolicyFacts};
use signhere_git::carry::carried;
use signhere_git::notes::Notes;
use signhere_git::object::{Object, ObjectId};
use signhere_git::policy::{
    InForce, Judge, Judgement, Limits, Outcome, PolicySource, Proofs, TRUST_FILE,
};
use signhere_git::proof::Proven;
use signhere_git::repository::Repository;
use signhere_git::verifier::GitVerifier;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::time::{Clock as _, Time};
use signhere_verify::policy::MAX_TRUST_FILE_BYTES;
use signhere_verify::verdict::{Step, StepName, Verdict};
use std::path::PathBuf;
use std::sync::Arc;

use super::noting::{self, NotingArgs, SignerArgs, Who};
use super::open;
use crate::clock::SystemClock;
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;

/// Attest how a commit came to be
///
/// Verifies the commit by the trust file of its parent, as a push gate does, and signs two statements about it: SLSA source
/// provenance, and a summary of the verification. They are kept in the commit's note. With --verify they are read back.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("what").args(["verify", "repository_uri"]).required(true))]
pub(crate) struct AttestArgs {
    /// The commit
    #[arg(value_name = "COMMIT", default_value = "HEAD")]
    revision: String,
    /// Read and prove what is attested of the commit, and attest nothing
    #[arg(long)]
    verify: bool,
    /// Where the repository is, such as git+https://forge.example/ada/hello
    #[arg(long, value_name = "URI")]
    repository_uri: Option<String>,
    /// The ref that the commit is for, such as refs/heads/main or main
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// Who may sign [default: .signhere/trust.toml as of the commit's parent]
    #[arg(long = "trust", value_name = "FILE", value_hint = ValueHint::FilePath)]
    trust_file: Option<PathBuf>,
    #[command(flatten)]
    noting: NotingArgs,
    #[command(flatten)]
    signer: SignerArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    version: u32,
    commit: String,
    verified_levels: Vec<String>,
    policy: Option<String>,
    by: Option<Who>,
    pushed: Option<&'a str>,
}

pub(crate) fn run(context: &Context, args: &AttestArgs) -> Result<(), CliError> {
    let repository = args.noting.open()?;
    let (verifier, _) = open::verifier(context, &args.signer.trust)?;
    let commit = noting::commit(&repository, &args.revision)?;
    match &args.repository_uri {
        Some(uri) => make(context, args, &repository, &verifier, &commit, uri),
        None => read::run(context, args, &repository, &verifier, &commit),
    }
}

fn make(
    context: &Context,
    args: &AttestArgs,
    repository: &Repository,
    verifier: &GitVerifier,
    commit: &Object,
    uri: &str,
) -> Result<(), CliError> {
    let id = commit.id();
    let notes = Notes::open(repository)?;
    let reference = args.reference.as_deref().map(full_name);
    let judgement = judge(
        args,
        repository,
        verifier,
        &notes,
        commit,
        reference.as_deref(),
    )?;
    if judgement.outcome != Outcome::Allowed {
        return Err(not_allowed(&judgement));
    }
    let facts_of_policy = policy_facts(repository, judgement.policy.as_ref())?;

    let bundles = notes.of(&id).bundles;
    let verdict = verifier.verify_with(commit, &bundles, None);
    let own = verdict
        .evidence
        .map(|evidence| evidence.examination.verdict());
    let mut signers: Vec<Actor> = own.iter().filter_map(actor).collect();
    if signers.is_empty() {
        let sources = carried(verifier, commit, &bundles).into_iter();
        let sources = sources.flat_map(|carried| carried.sources);
        let verdicts = sources.filter_map(|source| {
            let verdict = verifier.verify_with(&source.object, &source.bundles, None);
            Some(verdict.evidence?.examination.verdict())
        });
        signers = verdicts.filter_map(|verdict| actor(&verdict)).collect();
    }
    let approvals = approvals(verifier, &id, &bundles);
    let approvers: Vec<Actor> = approvals
        .iter()
        .filter_map(|approval| actor(&approval.proven.verdict))
        .collect();
    let facts = Facts {
        commit,
        repository: uri,
        refs: reference.as_slice(),
        signers: &signers,
        approvers: &approvers,
        people: judgement.people,
        signed_at: own.as_ref().and_then(signed_at),
        policy: &facts_of_policy,
        at: SystemClock.now(),
    };
    let statements = [(id, facts.source_provenance())];
    let (mut made, _) = args.signer.sign(context, verifier, &statements)?;
    let provenance = made.iter().flat_map(|(_, bundles)| bundles).next();
    let provenance = provenance.ok_or_else(|| CliError::internal(&"nothing was signed"))?;
    let digest = HashAlgorithm::Sha256.digest(&provenance.to_json());
    let statements = [(id, facts.verification_summary(&digest))];
    let (summary, by) = args.signer.sign(context, verifier, &statements)?;
    made.extend(summary);
    args.noting.add(repository, &made)?;
    let pushed = args.noting.share(context, repository)?;
    let levels = facts.verified_levels();
    if context.output.is_json() {
        return context.output.document(&Report {
            version: 1,
            commit: id.to_string(),
            verified_levels: levels.into_iter().map(str::to_owned).collect(),
            policy: facts_of_policy.digest.map(|digest| digest.to_string()),
            by,
            pushed,
        });
    }
    let levels = levels.join(", ");
    context
        .output
        .line(format_args!("attested {id}: {levels}"))?;
    if let Some(who) = by {
        context.output.line(format_args!("by {}", who.identity))?;
    }
    Ok(())
}

/// Judges the one commit as a push of it to `reference` would be.
fn judge(
    args: &AttestArgs,
    repository: &Repository,
    verifier: &GitVerifier,
    notes: &Notes<'_>,
    commit: &Object,
    reference: Option<&str>,
) -> Result<Judgement, CliError> {
    let base = match (&args.trust_file, commit.parents().first()) {
        (Some(path), _) => InForce::Policy(Arc::new(open::policy(path)?)),
        (None, Some(parent)) => {
            InForce::at(repository, &noting::object(repository, parent)?).map_err(undecided)?
        }
        (None, None) => InForce::Absent { at: None },
    };
    let proofs = Proofs::new(verifier, Some(notes));
    let judge = Judge {
        history: repository,
        evidence: &proofs,
        reference,
        base: &base,
        revoking: None,
        now: SystemClock.now(),
        limits: Limits {
            commits: 1,
            is_over: &|| false,
        },
    };
    let mut found = None;
    judge
        .range(&commit.id(), commit.parents(), &mut |judgement| {
            found = Some(judgement)
        })
        .map_err(undecided)?;
    found.ok_or_else(|| CliError::internal(&"the commit was not judged"))
}

/// The trust file that was used: its digest, and where it is.
fn policy_facts(
    repository: &Repository,
    source: Option<&PolicySource>,
) -> Result<PolicyFacts, CliError> {
    let limit = u64::try_from(MAX_TRUST_FILE_BYTES).unwrap_or(u64::MAX);
    let (text, uri) = match source {
        Some(PolicySource::Named { path }) => (files::read(path.as_ref(), limit)?, path.clone()),
        Some(PolicySource::Commit { id }) => {
            let found = repository.file(id, TRUST_FILE.as_bytes(), limit)?;
            (
                found.unwrap_or_default(),
                format!("{TRUST_FILE}?commit={id}"),
            )
        }
        None => {
            return Ok(PolicyFacts {
                digest: None,
                uri: TRUST_FILE.to_owned(),
            });
        }
    };
    Ok(PolicyFacts {
        digest: Some(HashAlgorithm::Sha256.digest(&text)),
        uri,
    })
}

/// Nothing could be decided by the policy.
fn undecided(error: impl std::fmt::Display) -> CliError {
    CliError::new(Exit::NotAllowed, "SH-GIT-ATTEST", error.to_string())
}

/// Why the commit is not attested: nobody wants a summary of that.
fn not_allowed(judgement: &Judgement) -> CliError {
    let id: &ObjectId = &judgement.id;
    let why = match judgement.refusals().first() {
        Some(refusal) => refusal.to_string(),
        None => "the policy does not judge it".to_owned(),
    };
    CliError::new(
        Exit::NotAllowed,
        "SH-GIT-ATTEST",
        format!("{id} is not attested: {why}"),
    )
}

fn actor(verdict: &Verdict) -> Option<Actor> {
    let who = Who::of(verdict)?;
    Some(Actor {
        identity: who.identity,
        issuer: who.issuer,
    })
}

fn signed_at(verdict: &Verdict) -> Option<Time> {
    match verdict.step(StepName::Time) {
        Some(Step::Time(evidence)) => evidence.times.first().map(|source| source.time),
        _ => None,
    }
}

/// A ref's full name: a branch's where only the last part was written.
fn full_name(reference: &str) -> String {
    match reference.starts_with("refs/") {
        true => reference.to_owned(),
        false => format!("refs/heads/{reference}"),
    }
}

/// Whose word something is, as a person reads it.
fn whose(proven: &Proven) -> String {
    Who::of(&proven.verdict).map_or_else(|| "nobody by name".to_owned(), |who| who.identity)
}
