//! `signhere git approve`: agree to a commit, for everybody to see.

use clap::Args;
use serde::Serialize;
use signhere_git::approve::approval;
use signhere_git::object::Object;

use super::noting::{self, NotingArgs, SignerArgs, Who};
use super::open;
use crate::commands::Context;
use crate::error::CliError;

/// Approve commits
///
/// Signs a statement that you agree to the commit, and keeps it in the commit's note. Trust files that ask for several
/// people count it.
#[derive(Args, Debug)]
pub(crate) struct ApproveArgs {
    /// The commits
    #[arg(required = true, value_name = "COMMIT")]
    commits: Vec<String>,
    #[command(flatten)]
    noting: NotingArgs,
    #[command(flatten)]
    signer: SignerArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    version: u32,
    approved: Vec<String>,
    by: Option<Who>,
    pushed: Option<&'a str>,
}

pub(crate) fn run(context: &Context, args: &ApproveArgs) -> Result<(), CliError> {
    let repository = args.noting.open()?;
    let commits: Vec<_> = args
        .commits
        .iter()
        .map(|revision| noting::commit(&repository, revision))
        .collect::<Result<_, _>>()?;
    let statement = |commit: &Object| (commit.id(), approval(&commit.id()));
    let statements: Vec<_> = commits.iter().map(statement).collect();
    let (verifier, _) = open::verifier(context, &args.signer.trust)?;
    let (additions, by) = args.signer.sign(context, &verifier, &statements)?;
    args.noting.add(&repository, &additions)?;
    let pushed = args.noting.share(context, &repository)?;
    if context.output.is_json() {
        return context.output.document(&Report {
            version: 1,
            approved: commits
                .iter()
                .map(|commit| commit.id().to_string())
                .collect(),
            by,
            pushed,
        });
    }
    for commit in &commits {
        let (id, subject) = (commit.id(), noting::subject(commit));
        context
            .output
            .line(format_args!("approved {id} {subject}"))?;
    }
    if let Some(who) = by {
        context.output.line(format_args!("as {}", who.identity))?;
    }
    Ok(())
}
