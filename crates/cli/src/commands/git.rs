//! `signhere git`: commits and tags.

mod configured;
mod doctor;
mod instance;
mod objects;
pub(crate) mod open;
pub(crate) mod program;
mod setup;
mod status;
mod unset;
mod verify;

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
    Setup(setup::SetupArgs),
    Status(status::StatusArgs),
    Doctor(doctor::DoctorArgs),
    Unset(unset::UnsetArgs),
    Verify(verify::GitVerifyArgs),
    #[command(hide = true)]
    Objects(objects::ObjectsArgs),
}

pub(crate) fn run(context: &Context, args: &GitArgs) -> Result<(), CliError> {
    match &args.command {
        GitCommand::Setup(args) => setup::run(context, args),
        GitCommand::Status(args) => status::run(context, args),
        GitCommand::Doctor(args) => doctor::run(context, args),
        GitCommand::Unset(args) => unset::run(context, args),
        GitCommand::Verify(args) => verify::run(context, args),
        GitCommand::Objects(args) => objects::run(context, args),
    }
}
