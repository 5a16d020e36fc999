//! `signhere git notes`: notes on their way to and from other repositories.
//!
//! This is done by the user's own git with all its configuration, for that knows how to log in elsewhere. What comes is
//! merged line by line, and believed as little as what was there.

use std::process::{Command, Stdio};

use clap::{Args, Subcommand};
use serde::Serialize;
use signhere_git::notes::{Added, NOTES_REF, Notes};
use signhere_git::repository::Repository;

use super::{noting, open};
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;

/// Where another repository's notes are while they are merged.
const THEIRS: &str = "refs/signhere/notes";
/// How often a push is tried when others push meanwhile.
const ATTEMPTS: usize = 4;

/// Share what is noted beside commits and tags
#[derive(Args, Debug)]
pub(crate) struct NotesArgs {
    #[command(subcommand)]
    command: NotesCommand,
    /// The repository's folder [default: the one here]
    #[arg(long, short = 'C', value_name = "DIR", global = true, value_hint = clap::ValueHint::DirPath)]
    repository: Option<std::path::PathBuf>,
}

#[derive(Debug, Subcommand)]
enum NotesCommand {
    /// Push the notes, after merging what others have pushed
    Push {
        /// The remote
        #[arg(default_value = "origin")]
        remote: String,
    },
    /// Fetch the notes of a remote, and merge them with those that are here
    Fetch {
        /// The remote
        #[arg(default_value = "origin")]
        remote: String,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    version: u32,
    remote: &'a str,
    pushed: bool,
    /// How many objects' notes have become longer here.
    merged: usize,
    refused: usize,
}

pub(crate) fn run(context: &Context, args: &NotesArgs) -> Result<(), CliError> {
    let repository = open::repository(args.repository.as_deref())?;
    let (remote, added, pushed) = match &args.command {
        NotesCommand::Push { remote } => (remote, push(context, &repository, remote)?, true),
        NotesCommand::Fetch { remote } => (remote, fetch(context, &repository, remote)?, false),
    };
    if context.output.is_json() {
        return context.output.document(&Report {
            version: 1,
            remote,
            pushed,
            merged: added.notes,
            refused: added.refused,
        });
    }
    if pushed {
        context.output.line(format_args!("pushed {NOTES_REF}"))?;
    }
    let (notes, refused) = (added.notes, added.refused);
    context
        .output
        .line(format_args!("merged the notes of {notes} objects"))?;
    if refused > 0 {
        let line = format_args!(
            "note: those of {refused} objects were left out: too long, or not to be read"
        );
        context.output.note(line);
    }
    Ok(())
}

/// Pushes the notes; what others have pushed meanwhile is merged first.
pub(super) fn push(
    context: &Context,
    repository: &Repository,
    remote: &str,
) -> Result<Added, CliError> {
    context.need_network("pushing notes")?;
    let mut all = Added::NOTHING;
    for _ in 0..ATTEMPTS {
        let refs = format!("{NOTES_REF}:{NOTES_REF}");
        if git(context, repository, remote, &["push", "--quiet"], &[&refs])? == Some(0) {
            return Ok(all);
        }
        let added = fetch(context, repository, remote)?;
        all.notes = all.notes.saturating_add(added.notes);
        all.refused = all.refused.saturating_add(added.refused);
    }
    let message = format!("{remote} does not take {NOTES_REF}");
    Err(CliError::new(Exit::Retry, "SH-GIT-NOTES-PUSH", message))
}

/// Fetches the notes of a remote and merges them; it may have none.
pub(super) fn fetch(
    context: &Context,
    repository: &Repository,
    remote: &str,
) -> Result<Added, CliError> {
    context.need_network("fetching notes")?;
    let failed = || {
        let message = format!("the notes of {remote} cannot be fetched");
        CliError::new(Exit::Retry, "SH-GIT-NOTES-FETCH", message)
    };
    // 2: it has none of that name (git-ls-remote(1), --exit-code).
    let listed = git(
        context,
        repository,
        remote,
        &["ls-remote", "--exit-code"],
        &[NOTES_REF],
    )?;
    match listed {
        Some(0) => {}
        Some(2) => return Ok(Added::NOTHING),
        _ => return Err(failed()),
    }
    let refs = format!("+{NOTES_REF}:{THEIRS}");
    // A partial clone has to have the notes themselves, or they would be lost in what is written on top.
    let flags = [
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-filter",
    ];
    if git(context, repository, remote, &flags, &[&refs])? != Some(0) {
        return Err(failed());
    }
    Ok(Notes::merge(repository, THEIRS, &noting::author())?)
}

/// Runs the user's git; its exit code. What it says goes to standard error, for people.
fn git(
    context: &Context,
    repository: &Repository,
    remote: &str,
    flags: &[&str],
    refs: &[&str],
) -> Result<Option<i32>, CliError> {
    if remote.starts_with('-') {
        return Err(CliError::usage(format!("{remote:?} is no remote")));
    }
    let git = open::git();
    let mut command = Command::new(git.program());
    command
        .args(flags)
        .args(["--", remote])
        .args(refs)
        .env("GIT_DIR", repository.git_dir())
        .stdout(Stdio::null());
    if context.output.is_json() {
        command.stderr(Stdio::null());
    }
    if !context.may_ask() {
        command.env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
    }
    let status = command.status().map_err(|error| {
        let message = format!("{} cannot be run: {error}", git.program().display());
        CliError::new(Exit::Failed, "SH-GIT-MISSING", message).mend("install git 2.34 or later")
    })?;
    Ok(status.code())
}
