//! `signhere man`: the manual pages.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, ValueHint};

use super::Context;
use crate::args::Cli;
use crate::error::CliError;

/// Print the manual page, or write the pages of all commands
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Write one page for each command into this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

pub(crate) fn run(context: &Context, args: &ManArgs) -> Result<(), CliError> {
    if let Some(dir) = &args.dir {
        let failed = |error: std::io::Error| CliError::file("write to", dir, &error);
        fs::create_dir_all(dir).map_err(failed)?;
        clap_mangen::generate_to(Cli::command(), dir).map_err(failed)?;
        return context
            .output
            .line(format_args!("wrote the pages to {}", dir.display()));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|error| CliError::internal(&error))?;
    context
        .output
        .raw(String::from_utf8_lossy(&page).trim_end())
}
