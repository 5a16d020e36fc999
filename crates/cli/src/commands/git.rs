//! `signhere git`: commits and tags.

mod approve;
mod attest;
mod carry;
mod check;
mod ci;
mod configured;
mod doctor;
mod failure;
mod gate;
mod hook;
mod instance;
mod kept;
mod noting;
mod objects;
pub(crate) mod open;
pub(crate) mod program;
mod receive;
mod rescue;
mod setup;
mod sharing;
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
    Rescue(rescue::RescueArgs),
    Approve(approve::ApproveArgs),
    Carry(carry::CarryArgs),
    Attest(attest::AttestArgs),
    Notes(sharing::NotesArgs),
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
        GitCommand::Rescue(args) => rescue::run(context, args),
        GitCommand::Approve(args) => approve::run(context, args),
        GitCommand::Carry(args) => carry::run(context, args),
        GitCommand::Attest(args) => attest::run(context, args),
        GitCommand::Notes(args) => sharing::run(context, args),
        GitCommand::Objects(args) => objects::run(context, args),
    }
}
