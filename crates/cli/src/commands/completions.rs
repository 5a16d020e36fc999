//! `signhere completions`: what a shell completes.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Context;
use crate::args::Cli;
use crate::error::CliError;

/// Print completions for a shell
///
/// For bash: signhere completions bash > ~/.local/share/bash-completion/completions/signhere
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(context: &Context, args: &CompletionsArgs) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "signhere", &mut script);
    context
        .output
        .raw(String::from_utf8_lossy(&script).trim_end())
}
