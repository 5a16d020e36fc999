//! `signhere log export`: the entries, one line of JSON each.

use std::io::{self, BufWriter, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde::Serialize;
use signhere_log::tile::{TileId, TileKind, WIDTH};

use super::get::read;
use super::source::{Source, SourceArgs, broken};
use crate::commands::Context;
use crate::error::CliError;
use crate::output::progress;

/// Print the entries, one line of JSON each: {"index":N,"entry":"BASE64"}
///
/// Each entry is compared with the tile of its hash; that the tiles lead to the checkpoint is what
/// `log fsck` checks. To go on after an interruption, give --from the last index plus one.
#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// The first index
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    from: u64,
}

pub(super) fn run(context: &Context, args: &ExportArgs) -> Result<(), CliError> {
    let source = Source::open(context, &args.source)?;
    let (reader, size) = (source.reader(), source.checkpoint.size);
    let width = u64::from(WIDTH);
    let first_tile = args.from / width;
    let tiles = first_tile..size.div_ceil(width);
    let count = usize::try_from(tiles.end.saturating_sub(tiles.start)).unwrap_or(usize::MAX);
    let bar = progress::files(context.output, "exporting", count);
    let mut out = BufWriter::new(io::stdout().lock());
    for tile in tiles {
        let entries = reader
            .entries(tile, size)
            .map_err(|error| read(&source, error))?;
        let hashes = match TileId::of_log(TileKind::Hashes { level: 0 }, tile, size) {
            Some(id) => reader.hashes(id).map_err(|error| read(&source, error))?,
            None => Vec::new(),
        };
        if hashes.len() != entries.len() {
            return Err(broken(&source.shown, &format!("tile {tile} is cut short")));
        }
        let first = tile.saturating_mul(width);
        for ((index, entry), hash) in (first..).zip(entries).zip(hashes) {
            let found = source.layout.leaf_hash(&entry);
            if found != Ok(hash) {
                let message = format!("entry {index} is not what its hash says");
                return Err(broken(&source.shown, &message));
            }
            if index < args.from {
                continue;
            }
            let line = Line {
                index,
                entry: STANDARD.encode(&entry),
            };
            let json = serde_json::to_string(&line).map_err(|e| CliError::internal(&e))?;
            writeln!(out, "{json}").map_err(|error| CliError::output(&error))?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    out.flush().map_err(|error| CliError::output(&error))
}

#[derive(Serialize)]
struct Line {
    index: u64,
    entry: String,
}
