//! `signhere serve`: a private Sigstore, made, run and looked after.

mod backup;
mod control;
mod events;
mod init;
mod notify;
mod rotate;
mod run;
mod status;
mod trust;
pub(crate) mod unlock;

use clap::{Args, Subcommand};

use self::backup::BackupArgs;
use self::init::InitArgs;
use self::rotate::RotateArgs;
use self::run::RunArgs;
use self::status::StatusArgs;
use self::trust::ServeTrustArgs;
use super::Context;
use crate::error::CliError;

pub(crate) use self::run::{bind, keep_out_of_git, open};

/// Where the instance is when no folder is named.
const DEFAULT_DIR: &str = ".signhere/instance";

/// Run a private Sigstore until it is stopped
///
/// A certificate authority with its CT log, a transparency log, a timestamp authority and a TUF
/// repository, in one process behind one address. `serve init` makes one first.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ServeArgs {
    #[command(subcommand)]
    command: Option<ServeCommand>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum ServeCommand {
    Init(InitArgs),
    Rotate(RotateArgs),
    Trust(ServeTrustArgs),
    Status(StatusArgs),
    Backup(BackupArgs),
}

pub(crate) fn run(context: &Context, args: &ServeArgs) -> Result<(), CliError> {
    match &args.command {
        None => run::run(context, &args.run),
        Some(ServeCommand::Init(args)) => init::run(context, args),
        Some(ServeCommand::Rotate(args)) => rotate::run(context, args),
        Some(ServeCommand::Trust(args)) => trust::run(context, args),
        Some(ServeCommand::Status(args)) => status::run(context, args),
        Some(ServeCommand::Backup(args)) => backup::run(context, args),
    }
}
