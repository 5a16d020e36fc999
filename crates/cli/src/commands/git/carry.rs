//! `signhere git carry`: say which signed commits a squash or a rebase has made new ones of.

use clap::Args;
use serde::Serialize;
use signhere_git::carry::{Method, Source, carry_over, find};
use signhere_git::notes::Notes;
use signhere_git::verdict::Outcome;

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
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    version: u32,
    carried: Vec<Carried>,
    by: Option<Who>,
    pushed: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Carried {
    commit: String,
    method: Method,
    sources: Vec<Signed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
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
    let found = find(&repository, &head, &merged, base.as_ref())?;
    let notes = Notes::open(&repository)?;

    let mut carried = Vec::with_capacity(found.len());
    let mut statements = Vec::with_capacity(found.len());
    for (id, method, sources) in &found {
        let mut commits = Vec::with_capacity(sources.len());
        let mut signers = Vec::with_capacity(sources.len());
        for id in sources {
            let object = noting::object(&repository, id)?;
            let bundles = notes.of(id).bundles;
            let verdict = verifier.verify_with(&object, &bundles, None);
            if verdict.outcome != Outcome::Proven
                && let Some(error) = of_verdict(&verdict, &id.to_string())
            {
                return Err(error.about(&format!("{id} cannot be carried over")));
            }
            let evidence = verdict.evidence.as_deref();
            let proof = evidence.map(|evidence| evidence.examination.verdict());
            signers.push(Signed {
                commit: id.to_string(),
                signer: proof.as_ref().and_then(Who::of),
            });
            let needed = evidence.is_some_and(|evidence| evidence.from_note);
            let bundles = match needed {
                true => bundles
                    .into_iter()
                    .filter(|bundle| {
                        let alone = std::slice::from_ref(bundle);
                        verifier.verify_with(&object, alone, None).outcome == Outcome::Proven
                    })
                    .take(1)
                    .collect(),
                false => Vec::new(),
            };
            commits.push(Source { object, bundles });
        }
        let commit = noting::object(&repository, id)?;
        statements.push((*id, carry_over(&commit, *method, &commits)?));
        carried.push(Carried {
            commit: id.to_string(),
            method: *method,
            sources: signers,
        });
    }
    let (additions, by) = args.signer.sign(context, &verifier, &statements)?;
    args.noting.add(&repository, &additions)?;
    let pushed = args.noting.share(context, &repository)?;
    if context.output.is_json() {
        return context.output.document(&Report {
            version: 1,
            carried,
            by,
            pushed,
        });
    }
    for one in &carried {
        let how = match one.method {
            Method::Tree => "the same tree",
            Method::Patch => "the same changes",
        };
        context.output.line(format_args!("{}: {how}", one.commit))?;
        for source in &one.sources {
            let signer = source.signer.as_ref().map(|who| who.identity.as_str());
            let signer = signer.unwrap_or("nobody by name");
            context
                .output
                .line(format_args!("  from {} by {signer}", source.commit))?;
        }
    }
    if let Some(who) = by {
        context
            .output
            .line(format_args!("carried over by {}", who.identity))?;
    }
    Ok(())
}
