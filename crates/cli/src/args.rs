//! The command line: what may be written, and the help that explains it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

use crate::commands::{
    agent::AgentArgs, bundle::BundleArgs, completions::CompletionsArgs, explain::ExplainArgs,
    git::GitArgs, key::KeyArgs, log::LogArgs, man::ManArgs, quickstart::QuickstartArgs,
    serve::ServeArgs, sign::SignArgs, token::TokenArgs, trust::TrustCommandArgs, tuf::TufArgs,
    verify::VerifyArgs,
};

/// Where do I sign? Signs files with the identity you already have, and
/// verifies who signed what.
#[derive(Debug, Parser)]
#[command(
    name = "signhere",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Start with: signhere quickstart",
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command understands.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Print one JSON document on standard output instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print errors only
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print all the evidence
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// Use no network
    #[arg(long, global = true, env = "SIGNHERE_OFFLINE", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) offline: bool,
    /// Configuration file [default: ~/.config/signhere/config.toml]
    #[arg(long, global = true, value_name = "FILE", env = "SIGNHERE_CONFIG", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// Ask nothing: fail where a question would be needed
    #[arg(long, global = true, env = "SIGNHERE_NO_INPUT", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) no_input: bool,
    /// The Sigstore instance: one that `signhere trust instances` lists, a name from the configuration
    /// file, a URL, or the folder of an instance
    #[arg(
        long,
        global = true,
        value_name = "NAME|URL|DIR",
        env = "SIGNHERE_INSTANCE"
    )]
    pub(crate) instance: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Agent(AgentArgs),
    Quickstart(QuickstartArgs),
    Sign(SignArgs),
    Verify(VerifyArgs),
    Explain(ExplainArgs),
    Bundle(BundleArgs),
    Git(GitArgs),
    Key(KeyArgs),
    Serve(ServeArgs),
    Trust(TrustCommandArgs),
    Log(LogArgs),
    Token(TokenArgs),
    #[command(hide = true)]
    Tuf(TufArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

impl Command {
    /// Whether the command's own flags ask for the document of `--json`.
    pub(crate) fn wants_json(&self) -> bool {
        matches!(self, Self::Verify(args) if args.wants_json())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
