//! `signhere agent`: one login for a working day.

mod sign;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::CliError;

/// Log in once for a working day
#[derive(Args, Debug)]
pub(crate) struct AgentArgs {
    #[command(subcommand)]
    command: AgentCommand,
}

#[derive(Debug, Subcommand)]
enum AgentCommand {
    #[command(hide = true)]
    Sign(sign::SignArgs),
}

pub(crate) fn run(context: &Context, args: &AgentArgs) -> Result<(), CliError> {
    match &args.command {
        AgentCommand::Sign(args) => sign::run(context, args),
    }
}
