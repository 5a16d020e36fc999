//! `signhere log stat`: how large, since when, under which root.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::Serialize;
use signhere_log::note::Note;
use signhere_log::tile::WIDTH;
use signhere_pki::time::Time;

use super::source::{Source, SourceArgs, broken};
use crate::commands::Context;
use crate::error::CliError;
use crate::output::text::safe;

pub(super) fn run(context: &Context, args: &SourceArgs) -> Result<(), CliError> {
    let source = Source::open(context, args)?;
    let note =
        Note::parse(source.note.as_bytes()).map_err(|error| broken(&source.shown, &error))?;
    let signed = source
        .verifier
        .signed_at(&note)
        .map_err(|error| broken(&source.shown, &error))?;
    // Only the signature of a certificate log states its time, in milliseconds.
    let signed = signed
        .and_then(|milliseconds| i64::try_from(milliseconds / 1000).ok())
        .map(Time::from_unix);
    let written = source.folder.as_deref().and_then(|folder| {
        let metadata = fs::metadata(folder.join("tiles/checkpoint")).ok()?;
        let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Time::from_unix(i64::try_from(since.as_secs()).ok()?))
    });
    let stat = Stat {
        version: 1,
        log: &source.shown,
        origin: source.origin(),
        size: source.checkpoint.size,
        root_hash: hex::encode(source.checkpoint.root),
        signatures: note.signatures().len(),
        checkpoint_time: signed.or(written).map(|time| time.to_string()),
        bytes: source.folder.as_deref().map(bytes_below),
        tile_width: WIDTH,
    };
    if context.output.is_json() {
        return context.output.document(&stat);
    }
    let output = context.output;
    output.line(format_args!("log         {}", safe(stat.origin)))?;
    output.line(format_args!("entries     {}", stat.size))?;
    output.line(format_args!("root        {}", stat.root_hash))?;
    output.line(format_args!("signatures  {}", stat.signatures))?;
    if let Some(time) = &stat.checkpoint_time {
        output.line(format_args!("checkpoint  {time}"))?;
    }
    if let Some(bytes) = stat.bytes {
        let each = bytes.checked_div(stat.size).unwrap_or(0);
        output.line(format_args!("on disk     {bytes} bytes, {each} an entry"))?;
    }
    Ok(())
}

/// The bytes of all files below a folder, as long as they are. What cannot be read is left out.
fn bytes_below(folder: &Path) -> u64 {
    let mut sum = 0_u64;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => sum = sum.saturating_add(metadata.len()),
                Err(_) => {}
            }
        }
    }
    sum
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stat<'a> {
    version: u32,
    log: &'a str,
    origin: &'a str,
    size: u64,
    root_hash: String,
    signatures: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    tile_width: u16,
}
