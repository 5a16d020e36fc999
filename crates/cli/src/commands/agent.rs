//! `signhere agent`: one login for a working day.

mod journal;
mod login;
mod logout;
mod sign;
mod start;
mod status;
mod stop;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::CliError;

/// Log in once for a working day
///
/// The agent keeps what came of a login in memory, gets certificates for keys that never leave it, and signs for this
/// user's commits and tags until the day is over. It starts with the first commit that is signed.
#[derive(Args, Debug)]
pub(crate) struct AgentArgs {
    #[command(subcommand)]
    command: AgentCommand,
}

/// What to do with the agent.
#[derive(Debug, Subcommand)]
enum AgentCommand {
    Start(start::StartArgs),
    Status(status::StatusArgs),
    Login(login::KeepArgs),
    Logout(logout::LogoutArgs),
    Stop(stop::StopArgs),
    #[command(hide = true)]
    Sign(sign::SignArgs),
}

pub(crate) fn run(context: &Context, args: &AgentArgs) -> Result<(), CliError> {
    match &args.command {
        AgentCommand::Start(args) => start::run(context, args),
        AgentCommand::Status(_) => status::run(context),
        AgentCommand::Login(args) => login::run(context, args),
        AgentCommand::Logout(args) => logout::run(context, args),
        AgentCommand::Stop(_) => stop::run(context),
        AgentCommand::Sign(args) => sign::run(context, args),
    }
}
