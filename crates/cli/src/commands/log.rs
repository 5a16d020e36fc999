//! `signhere log`: look into a transparency log, in a folder or at a URL.

mod export;
mod fsck;
mod get;
mod source;
mod stat;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::CliError;

use self::source::SourceArgs;

/// Check a log from its entries up, look at it, get entries out of it
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Recompute every hash from the entries up, and check every tile and the checkpoint's signature
    ///
    /// A log in a folder may be in use meanwhile: what is checked is what its checkpoint covers.
    /// Exit code 1 means that the log is not what its checkpoint says.
    Fsck(SourceArgs),
    /// Show a log's size, root and checkpoint
    Stat(SourceArgs),
    Get(get::GetArgs),
    Export(export::ExportArgs),
}

pub(crate) fn run(context: &Context, args: &LogArgs) -> Result<(), CliError> {
    match &args.command {
        LogCommand::Fsck(args) => fsck::run(context, args),
        LogCommand::Stat(args) => stat::run(context, args),
        LogCommand::Get(args) => get::run(context, args),
        LogCommand::Export(args) => export::run(context, args),
    }
}
