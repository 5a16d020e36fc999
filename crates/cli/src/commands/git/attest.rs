//! `signhere git attest`: SLSA source provenance and a verification summary, made and read back.

mod read;

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_git::approve::approval_in;
use signhere_git::attest::{Actor, Facts, PolicyFacts};
use signhere_git::carry::follow;
use signhere_git::notes::Notes;
use signhere_git::object::{Object, ObjectId};
use signhere_git::policy::{
    InForce, Judge, Judgement, Limits, Outcome, PolicySource, Proofs, TRUST_FILE, revoking,
};
use signhere_git::proof::Proven;
use signhere_git::repository::Repository;
use signhere_git::verdict::Outcome as Proof;
use signhere_git::verifier::GitVerifier;
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::time::{Clock as _, Time};
use signhere_verify::bundle::Bundle;
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
use crate::policy::AtHand;

/// Attest how a commit came to be
///
/// Verifies the commit by the trust file of its parent, as a push gate does, and signs two statements about it: SLSA source
/// provenance, and a summary of the verification. They are kept in the commit's note. With --verify they are read back.
#[derive(Args, Debug)]
pub(crate) struct AttestArgs {
    /// The commit
    #[arg(value_name = "COMMIT", default_value = "HEAD")]
    revision: String,
    /// Read and prove what is attested of the commit, and attest nothing. With --repository-uri, --ref and --level a summary
    /// counts only if it is for these
    #[arg(long)]
    verify: bool,
    /// Where the repository is, such as git+https://forge.example/ada/hello
    #[arg(long, value_name = "URI", required_unless_present = "verify", value_parser = uri)]
    repository_uri: Option<String>,
    /// The ref that the commit is for, such as refs/heads/main or main
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// A level or property that must be verified, such as ORG_SOURCE_SIGNED_BY_LISTED
    #[arg(long = "level", value_name = "LEVEL", requires = "verify")]
    levels: Vec<String>,
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
struct Report {
    commit: String,
    verified_levels: Vec<&'static str>,
    policy: Option<String>,
}

pub(crate) fn run(context: &Context, args: &AttestArgs) -> Result<(), CliError> {
    let repository = args.noting.open()?;
    let (verifier, _) = open::verifier(context, &args.signer.trust)?;
    let commit = noting::commit(&repository, &args.revision)?;
    match &args.repository_uri {
        Some(uri) if !args.verify => make(context, args, &repository, &verifier, &commit, uri),
        _ => read::run(context, args, &repository, &verifier, &commit),
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
    let (base, policy) = base(args, repository, commit)?;
    let revoking = match base.policy().map(|policy| policy.source()) {
        Some(PolicySource::Commit { .. }) => revoking(repository).map_err(undecided)?,
        _ => None,
    };
    let proofs = Proofs::new(verifier, Some(&notes));
    let judge = Judge {
        history: repository,
        evidence: &proofs,
        reference: reference.as_deref(),
        base: &base,
        revoking: revoking.as_deref(),
        now: SystemClock.now(),
        limits: Limits {
            commits: 1,
            is_over: &|| false,
        },
    };
    let judgement = judge_one(&judge, commit)?;
    if judgement.outcome != Outcome::Allowed {
        return Err(not_allowed(&judgement));
    }
    let bundles = notes.of(&id).bundles;
    let stand = Standing::of(verifier, &judge, commit, &bundles);
    let facts = Facts {
        commit,
        repository: uri,
        refs: reference.as_slice(),
        signers: &stand.signers,
        approvers: &stand.approvers,
        people: judgement.people,
        signed_at: stand.signed_at,
        policy: &policy,
        at: SystemClock.now(),
    };
    let provenance = [(commit, facts.source_provenance())];
    let mut signed = args.signer.sign(context, verifier, &provenance)?;
    let provenance = signed.additions.iter().flat_map(|(_, made)| made);
    let mut inputs: Vec<Digest> = provenance.chain(stand.statements).map(digest).collect();
    inputs.sort_unstable_by_key(Digest::hex);
    let summary = [(commit, facts.verification_summary(&inputs))];
    let summary = args.signer.sign(context, verifier, &summary)?;
    signed.additions.extend(summary.additions);
    let verified_levels = facts.verified_levels();
    let lines = [format!("attested {id}: {}", verified_levels.join(", "))];
    let report = Report {
        commit: id.to_string(),
        verified_levels,
        policy: policy.digest.map(|digest| digest.to_string()),
    };
    args.noting
        .keep(context, repository, signed, report, &lines, "by")
}

/// Who stands for a commit, as the policy sees it.
#[derive(Default)]
struct Standing<'a> {
    signers: Vec<Actor>,
    signed_at: Option<Time>,
    approvers: Vec<Actor>,
    /// The statements that say so.
    statements: Vec<&'a Bundle>,
}

impl<'a> Standing<'a> {
    /// By the commit's own signature, or else by a carry-over that counts; and the approvals of people who are listed.
    fn of(
        verifier: &GitVerifier,
        judge: &Judge<'_>,
        commit: &Object,
        bundles: &'a [Bundle],
    ) -> Self {
        let mut this = Self::default();
        let Some(policy) = judge.base.policy() else {
            return this;
        };
        let question = policy.question(None);
        let own = verifier.verify_with(commit, bundles, None);
        if own.outcome == Proof::Proven {
            let proof = own.evidence.map(|one| one.examination.verdict());
            this.signers.extend(proof.iter().filter_map(actor));
            this.signed_at = proof.as_ref().and_then(signed_at);
        } else {
            let by = |bundle: &'a Bundle| {
                let alone = std::slice::from_ref(bundle);
                Some((bundle, follow(verifier, &question, commit, alone)?))
            };
            if let Some((bundle, followed)) = bundles.iter().find_map(by) {
                let evidence = followed.sources.into_iter().filter_map(|one| one.evidence);
                let proofs = evidence.map(|one| one.examination.verdict());
                this.signers = proofs.filter_map(|proof| actor(&proof)).collect();
                this.statements.push(bundle);
            }
        }
        for bundle in bundles {
            let Ok(approval) = approval_in(verifier, (commit.kind(), &commit.id()), bundle) else {
                continue;
            };
            if policy.names_of(&approval.proven, judge.revoking).is_ok() {
                this.approvers.extend(actor(&approval.proven.verdict));
                this.statements.push(bundle);
            }
        }
        this
    }
}

/// The policy by which the commit is judged, and what is said of it: both of the same bytes.
fn base(
    args: &AttestArgs,
    repository: &Repository,
    commit: &Object,
) -> Result<(InForce, PolicyFacts), CliError> {
    if let Some(path) = &args.trust_file {
        let found = AtHand::load(path)?;
        let facts = PolicyFacts {
            digest: Some(HashAlgorithm::Sha256.digest(found.text.as_bytes())),
            uri: written(&found.file.label),
        };
        let policy = open::policy_of(found)?;
        return Ok((InForce::Policy(Arc::new(policy)), facts));
    }
    let base = match commit.parents().first() {
        Some(parent) => {
            InForce::at(repository, &noting::object(repository, parent)?).map_err(undecided)?
        }
        None => InForce::Absent { at: None },
    };
    let mut facts = PolicyFacts {
        digest: None,
        uri: TRUST_FILE.to_owned(),
    };
    if let Some(PolicySource::Commit { id }) = base.policy().map(|policy| policy.source()) {
        let limit = u64::try_from(MAX_TRUST_FILE_BYTES).unwrap_or(u64::MAX);
        let text = repository.file(id, TRUST_FILE.as_bytes(), limit)?;
        facts.digest = text.map(|text| HashAlgorithm::Sha256.digest(&text));
        facts.uri = format!("{TRUST_FILE}?commit={id}");
    }
    Ok((base, facts))
}

/// Judges the one commit as a push of it would be.
fn judge_one(judge: &Judge<'_>, commit: &Object) -> Result<Judgement, CliError> {
    let mut found = None;
    judge
        .range(&commit.id(), commit.parents(), &mut |judgement| {
            found = Some(judgement)
        })
        .map_err(undecided)?;
    found.ok_or_else(|| CliError::internal(&"the commit was not judged"))
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

/// The digest of a bundle as it is in a note.
fn digest(bundle: &Bundle) -> Digest {
    HashAlgorithm::Sha256.digest(&bundle.to_json())
}

/// A path as a URI: without white space and control characters.
fn written(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for c in path.chars() {
        if !c.is_whitespace() && !c.is_control() {
            uri.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// Parses the repository's URI, and leaves it as it is written.
fn uri(text: &str) -> Result<String, String> {
    url::Url::parse(text).map_err(|error| error.to_string())?;
    match text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        true => Err("a URI has no white space".to_owned()),
        false => Ok(text.to_owned()),
    }
}

/// Whose word something is, as a person reads it.
fn whose(proven: &Proven) -> String {
    Who::of(&proven.verdict).map_or_else(|| "nobody by name".to_owned(), |who| who.identity)
}
