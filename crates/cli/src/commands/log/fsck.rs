//! `signhere log fsck`: is the log what its checkpoint says?

use serde::Serialize;
use signhere_log::checkpoint::SignedCheckpoint;
use signhere_log::fsck::{FsckError, fsck_with};

use super::source::{Source, SourceArgs, broken, storage};
use crate::commands::Context;
use crate::error::CliError;
use crate::output::progress;
use crate::output::style::tick;
use crate::output::text::safe;

pub(super) fn run(context: &Context, args: &SourceArgs) -> Result<(), CliError> {
    let source = Source::open(context, args)?;
    // Read before the check: it may be ahead of what is published, never behind.
    let lock = lock(&source)?;
    let tiles = usize::try_from(source.checkpoint.size.div_ceil(256)).unwrap_or(usize::MAX);
    let bar = progress::files(context.output, "checking", tiles);
    let checked = fsck_with(
        &source.objects,
        source.layout,
        source.origin(),
        &source.verifier,
        source.jobs,
        &|done, _| bar.set_position(done),
    );
    bar.finish_and_clear();
    let report = checked.map_err(|error| match error {
        FsckError::Storage(error) => storage(&error),
        error => broken(&source.shown, &error),
    })?;
    let checkpoint = &report.checkpoint;
    if context.output.is_json() {
        return context.output.document(&Checked {
            version: 1,
            log: &source.shown,
            origin: &checkpoint.origin,
            size: checkpoint.size,
            root_hash: hex::encode(checkpoint.root),
            tiles: report.tiles,
            lock_size: lock,
        });
    }
    context.output.line(format_args!(
        "{} {} is in order: {} entries in {} tiles, root {}",
        tick(),
        safe(&checkpoint.origin),
        checkpoint.size,
        report.tiles,
        hex::encode(checkpoint.root)
    ))
}

/// How many entries the lock of a log in a folder stands at, if it agrees with what is published.
fn lock(source: &Source) -> Result<Option<u64>, CliError> {
    let Some(folder) = &source.folder else {
        return Ok(None);
    };
    let value = signhere_serve::log_lock(folder).map_err(|error| storage(&error))?;
    let value = value.ok_or_else(|| broken(&source.shown, &"the lock is missing"))?;
    let lock = SignedCheckpoint::parse(&value)
        .and_then(|signed| signed.verify(source.origin(), &source.verifier).cloned())
        .map_err(|error| broken(&source.shown, &format!("the lock: {error}")))?;
    let published = &source.checkpoint;
    let agrees = match lock.size.cmp(&published.size) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => lock.root == published.root,
        // Not published yet: the journal has it, or the process is about to.
        std::cmp::Ordering::Greater => true,
    };
    if !agrees {
        return Err(broken(
            &source.shown,
            &"the lock contradicts the published checkpoint",
        )
        .expected(format!("{} entries", published.size))
        .found(format!("{} entries", lock.size)));
    }
    Ok(Some(lock.size))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked<'a> {
    version: u32,
    log: &'a str,
    origin: &'a str,
    size: u64,
    root_hash: String,
    tiles: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock_size: Option<u64>,
}
