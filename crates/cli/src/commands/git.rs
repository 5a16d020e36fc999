//! `signhere git`: commits and tags.

mod objects;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::CliError;

/// Commits and tags: who signed them, and what of it is proven
#[derive(Args, Debug)]
pub(crate) struct GitArgs {
    #[command(subcommand)]
    command: GitCommand,
}

/// What to do with commits and tags.
#[derive(Debug, Subcommand)]
enum GitCommand {
    #[command(hide = true)]
    Objects(objects::ObjectsArgs),
}

pub(crate) fn run(context: &Context, args: &GitArgs) -> Result<(), CliError> {
    match &args.command {
        GitCommand::Objects(args) => objects::run(context, args),
    }
}
