//! `signhere trust init`: a trust file to begin with.

use std::fs;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::commands::Context;
use crate::error::CliError;
use crate::output::style::tick;
use crate::output::text::safe;
use crate::{files, policy};

/// What is written: nobody is trusted by it.
const TEMPLATE: &str = "\
# Who may sign what here. Nobody else may. See docs/reference/trust.toml.md
#
# [signers.release]
# identity = \"https://github.com/OWNER/NAME/.github/workflows/release.yml@refs/tags/*\"
# issuer = \"https://token.actions.githubusercontent.com\"
#
# signhere trust learn FILE   shows who signed a file, and the command that would add them
# signhere trust lint         finds what is too wide
";

/// Make a trust file for this repository
///
/// It lies in `.signhere/trust.toml`, in the repository's root, and lists nobody yet.
#[derive(Args, Debug)]
pub(super) struct InitArgs {
    /// Your own, for everything that you verify, instead of the repository's
    #[arg(long)]
    user: bool,
}

pub(super) fn run(context: &Context, args: &InitArgs) -> Result<(), CliError> {
    let path = match args.user {
        true => policy::users().ok_or_else(|| CliError::usage("there is no home folder"))?,
        false => policy::place_here(),
    };
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        fs::create_dir_all(folder).map_err(|error| CliError::file("make", folder, &error))?;
    }
    files::create_new(&path, TEMPLATE.as_bytes(), false)?;
    let file = path.display().to_string();
    if context.output.is_json() {
        return context.output.document(&Made { version: 1, file });
    }
    context.output.line(format!("{} {}", tick(), safe(&file)))?;
    context
        .output
        .line("   who signed a file, and how to add them: signhere trust learn FILE")
}

#[derive(Serialize)]
struct Made {
    version: u32,
    file: String,
}
