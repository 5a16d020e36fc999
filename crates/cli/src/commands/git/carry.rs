//! `signhere git carry`: say which signed commits a squash or a rebase has made new ones of.

use clap::Args;
use serde::Serialize;
use signhere_git::carry::{self, Method, carry_over, find};
use signhere_git::notes::Notes;
use signhere_git::object::Object;
use signhere_git::verdict::Outcome;
use signhere_git::verifier::GitVerifier;
use signhere_verify::bundle::Bundle;

use super::noting::{self, NotingArgs, SignerArgs, Who};
use super::open;
use crate::commands::Context;
use crate::error::CliError;
use crate::error::git::of_verdict;

/// Carry signatures over a squash or a rebase
///
/// Finds out which signed commits the merged one came from, verifies them, and signs a statement that says so and holds
/// them: it is kept in the merged commit's note. Run it where you merge, with the identity that the trust file lists as a
/// carrier.
#[derive(Args, Debug)]
pub(crate) struct CarryArgs {
    /// The last commit of what was merged
    #[arg(long, value_name = "COMMIT")]
    from: String,
    /// The commit that it was merged as; after a rebase the last one
    #[arg(long, value_name = "COMMIT")]
    to: String,
    /// What was merged begins after this commit [default: the merged commit's parent]
    #[arg(long, value_name = "COMMIT")]
    base: Option<String>,
    #[command(flatten)]
    noting: NotingArgs,
    #[command(flatten)]
    signer: SignerArgs,
}

#[derive(Serialize)]
struct Report {
    carried: Vec<Carried>,
}

#[derive(Serialize)]
struct Carried {
    commit: String,
    method: Method,
    sources: Vec<Source>,
}

#[derive(Serialize)]
struct Source {
    commit: String,
    signer: Option<Who>,
}

pub(crate) fn run(context: &Context, args: &CarryArgs) -> Result<(), CliError> {
    let repository = args.noting.open()?;
    let (verifier, _) = open::verifier(context, &args.signer.trust)?;
    let head = noting::commit(&repository, &args.from)?.id();
    let merged = noting::commit(&repository, &args.to)?.id();
    let base = match &args.base {
        Some(base) => Some(noting::commit(&repository, base)?.id()),
        None => None,
    };
    let notes = Notes::open(&repository)?;
    let mut carried = Vec::new();
    let mut statements = Vec::new();
    for (id, method, ids) in find(&repository, &head, &merged, base.as_ref())? {
        let mut proofs = Vec::with_capacity(ids.len());
        let mut sources = Vec::with_capacity(ids.len());
        for id in ids {
            let object = noting::object(&repository, &id)?;
            let (proof, signer) = prove(&verifier, object, &notes)?;
            let commit = id.to_string();
            sources.push(Source { commit, signer });
            proofs.push(proof);
        }
        let commit = noting::object(&repository, &id)?;
        let statement = carry_over(&commit, method, &proofs)?;
        statements.push((commit, statement));
        carried.push(Carried {
            commit: id.to_string(),
            method,
            sources,
        });
    }
    let signed = args.signer.sign(context, &verifier, &statements)?;
    let lines: Vec<String> = carried.iter().flat_map(Carried::lines).collect();
    let report = Report { carried };
    args.noting.keep(
        context,
        &repository,
        signed,
        report,
        &lines,
        "carried over by",
    )
}

/// A signed commit with the bundle in its note that it needs to be proven, if it needs one, and its signer.
fn prove(
    verifier: &GitVerifier,
    object: Object,
    notes: &Notes<'_>,
) -> Result<(carry::Source, Option<Who>), CliError> {
    let id = object.id();
    let mut bundles = notes.of(&id).bundles;
    let verdict = verifier.verify_with(&object, &bundles, None);
    if verdict.outcome != Outcome::Proven {
        let error = of_verdict(&verdict, &id.to_string());
        let error = error.unwrap_or_else(|| CliError::internal(&"nothing is wrong with it"));
        return Err(error.about(&format!("{id} cannot be carried over")));
    }
    let evidence = verdict.evidence;
    let is_needed = |bundle: &Bundle| {
        let alone = std::slice::from_ref(bundle);
        verifier.verify_with(&object, alone, None).outcome == Outcome::Proven
    };
    match evidence.as_deref() {
        Some(evidence) if evidence.from_note => {
            bundles.retain(is_needed);
            bundles.truncate(1);
        }
        _ => bundles.clear(),
    }
    let signer = evidence.and_then(|evidence| Who::of(&evidence.examination.verdict()));
    Ok((carry::Source { object, bundles }, signer))
}

impl Carried {
    fn lines(&self) -> Vec<String> {
        let how = match self.method {
            Method::Tree => "the same tree",
            Method::Patch => "the same changes",
        };
        let mut lines = vec![format!("{}: {how}", self.commit)];
        for source in &self.sources {
            let signer = source.signer.as_ref().map(|who| who.identity.as_str());
            let signer = signer.unwrap_or("nobody by name");
            lines.push(format!("  from {} by {signer}", source.commit));
        }
        lines
    }
}
