//! `signhere serve backup`: a copy of an instance, made while it runs.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use signhere_serve::backup;

use crate::clock::SystemClock;
use crate::commands::Context;
use crate::error::CliError;
use crate::output::style::{BOLD, DIM, paint, tick};
use crate::output::text::{bytes, safe};

/// Copy an instance, running or not, to another folder
///
/// Run again, it copies only what is new. The copy holds the keys, sealed as they are. It leaves
/// out how far the logs had got: docs/operate/restore.md says how a copy is put back.
#[derive(Args, Debug)]
pub(super) struct BackupArgs {
    /// The folder of the instance
    #[arg(value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// The folder of the copy; made if absent
    #[arg(value_hint = ValueHint::DirPath)]
    to: PathBuf,
}

pub(super) fn run(context: &Context, args: &BackupArgs) -> Result<(), CliError> {
    let output = context.output;
    let bar = output.shows_progress().then(|| {
        let bar = indicatif::ProgressBar::new(0);
        bar.set_style(indicatif::ProgressStyle::default_bar());
        bar
    });
    let mut progress = |at: backup::Progress| {
        if let Some(bar) = &bar {
            bar.set_length(at.of);
            bar.set_position(at.done);
        }
    };
    let made = backup::run(&args.dir, &args.to, &SystemClock, &mut progress);
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    let made = made?;
    if output.is_json() {
        return output.document(&made);
    }
    let to = safe(&args.to.display().to_string()).into_owned();
    output.line(format_args!(
        "{} {}",
        tick(),
        paint(BOLD, format!("copied to {to}"))
    ))?;
    for log in &made.logs {
        let (name, size) = (safe(&log.name), log.size);
        let root = paint(DIM, safe(&log.root));
        output.line(format_args!("  {name}  {size} entries  {root}"))?;
    }
    output.line(format_args!(
        "  {} files written ({}), {} were there",
        made.written,
        bytes(made.bytes),
        made.kept
    ))
}
