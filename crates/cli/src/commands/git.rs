//! `signhere git`: commits and tags.

mod check;
mod ci;
mod configured;
mod doctor;
mod gate;
mod hook;
mod instance;
mod objects;
pub(crate) mod open;
pub(crate) mod program;
mod receive;
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
    Check(Box<check::CheckArgs>),
    Hook(hook::HookArgs),
    Ci(ci::CiArgs),
    #[command(hide = true)]
    Receive(Box<receive::ReceiveArgs>),
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
        GitCommand::Check(args) => check::run(context, args),
        GitCommand::Hook(args) => hook::run(context, args),
        GitCommand::Ci(args) => ci::run(context, args),
        GitCommand::Receive(args) => receive::run(context, args),
        GitCommand::Objects(args) => objects::run(context, args),
    }
}
