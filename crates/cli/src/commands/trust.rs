//! `signhere trust`: who may sign what, and whose instances prove it.

mod add;
mod add_instance;
mod import;
mod init;
mod instances;
mod learn;
mod lint;
mod show;
mod update;
mod who;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::Context;
use crate::error::CliError;

/// Say who may sign: `verify` needs no flags then
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct TrustCommandArgs {
    #[command(subcommand)]
    command: TrustCommand,
}

/// The trust file to use.
#[derive(Args, Debug)]
struct FileArgs {
    /// The trust file [default: .signhere/trust.toml of the repository, else your own]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    trust: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum TrustCommand {
    Init(init::InitArgs),
    Add(Box<add::AddArgs>),
    Remove(add::RemoveArgs),
    Revoke(add::RevokeArgs),
    Learn(learn::LearnArgs),
    Import(import::ImportArgs),
    Lint(lint::LintArgs),
    Show(show::ShowArgs),
    Instances(instances::InstancesArgs),
    AddInstance(add_instance::AddInstanceArgs),
    Update(update::UpdateArgs),
}

pub(crate) fn run(context: &Context, args: &TrustCommandArgs) -> Result<(), CliError> {
    match &args.command {
        TrustCommand::Init(args) => init::run(context, args),
        TrustCommand::Add(args) => add::run(context, args),
        TrustCommand::Remove(args) => add::remove(context, args),
        TrustCommand::Revoke(args) => add::revoke(context, args),
        TrustCommand::Import(args) => import::run(context, args),
        TrustCommand::Learn(args) => learn::run(context, args),
        TrustCommand::Lint(args) => lint::run(context, args),
        TrustCommand::Show(args) => show::run(context, args),
        TrustCommand::Instances(_) => instances::run(context),
        TrustCommand::AddInstance(args) => add_instance::run(context, args),
        TrustCommand::Update(args) => update::run(context, args),
    }
}
