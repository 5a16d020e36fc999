//! `signhere git approve`: agree to a commit, for everybody to see.

use clap::Args;
use serde::Serialize;
use signhere_git::approve::approval;
use signhere_git::object::Object;

use super::noting::{self, NotingArgs, SignerArgs};
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
struct Approved {
    approved: Vec<String>,
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
    let signed = args.signer.sign(context, &verifier, &statements)?;
    let approved: Vec<String> = commits.iter().map(|one| one.id().to_string()).collect();
    let line = |commit: &Object| format!("approved {} {}", commit.id(), noting::subject(commit));
    let lines: Vec<String> = commits.iter().map(line).collect();
    let stated = Approved { approved };
    args.noting
        .keep(context, &repository, signed, stated, &lines, "as")
}
