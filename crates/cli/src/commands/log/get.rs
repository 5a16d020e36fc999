//! `signhere log get`: one entry, and the proof that the log holds it.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use signhere_log::merkle::verify_inclusion;
use signhere_log::reader::ReadError;
use signhere_log::tile::WIDTH;

use super::source::{Source, SourceArgs, broken, storage};
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::text::safe;

/// Get an entry by its index or by the digest of what was signed; its proof is verified
#[derive(Args, Debug)]
pub(super) struct GetArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// The entry's index, or `sha256:HEX` of the signed artifact: every entry is looked at then
    #[arg(value_name = "INDEX|DIGEST")]
    entry: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Index(u64),
    Digest(Vec<u8>),
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(digest) = text.strip_prefix("sha256:") {
            let digest = hex::decode(digest).ok().filter(|digest| digest.len() == 32);
            let digest = digest.ok_or("the digest is not 64 hexadecimal digits")?;
            return Ok(Self::Digest(digest));
        }
        let index = text
            .parse()
            .map_err(|_| "neither an index nor sha256:HEX")?;
        Ok(Self::Index(index))
    }
}

pub(super) fn run(context: &Context, args: &GetArgs) -> Result<(), CliError> {
    let source = Source::open(context, &args.source)?;
    let index = match &args.entry {
        Wanted::Index(index) => *index,
        Wanted::Digest(digest) => find(&source, digest)?,
    };
    let size = source.checkpoint.size;
    let reader = source.reader();
    let entry = reader
        .entry(index, size)
        .map_err(|error| read(&source, error))?;
    let proof = reader
        .inclusion(index, size)
        .map_err(|error| read(&source, error))?;
    let wrong = |error: &dyn std::fmt::Display| broken(&source.shown, error);
    let leaf = source.layout.leaf_hash(&entry).map_err(|e| wrong(&e))?;
    verify_inclusion(index, size, &leaf, &proof, &source.checkpoint.root)
        .map_err(|error| wrong(&format!("entry {index}: {error}")))?;

    let body = serde_json::from_slice(&entry).ok();
    if !context.output.is_json() {
        return match body {
            Some(body) => pretty(&body)
                .lines()
                .try_for_each(|line| context.output.raw(safe(line))),
            None => context.output.raw(STANDARD.encode(&entry)),
        };
    }
    context.output.document(&Entry {
        version: 1,
        origin: source.origin(),
        index,
        tree_size: size,
        root_hash: hex::encode(source.checkpoint.root),
        leaf_hash: hex::encode(leaf),
        proof: proof.iter().map(hex::encode).collect(),
        checkpoint: &source.note,
        entry: STANDARD.encode(&entry),
        body,
    })
}

pub(super) fn read(source: &Source, error: ReadError) -> CliError {
    match error {
        ReadError::Beyond { index, size } => CliError::new(
            Exit::Failed,
            "SH-LOG-NO-ENTRY",
            format!("{} has no entry {index}", source.shown),
        )
        .found(format!("{size} entries")),
        ReadError::Storage(error) => storage(&error),
        error => broken(&source.shown, &error),
    }
}

/// The first entry that has the digest in it.
fn find(source: &Source, digest: &[u8]) -> Result<u64, CliError> {
    let digest = STANDARD.encode(digest).into_bytes();
    let (reader, size) = (source.reader(), source.checkpoint.size);
    for tile in 0..size.div_ceil(u64::from(WIDTH)) {
        let first = tile.saturating_mul(u64::from(WIDTH));
        let entries = reader
            .entries(tile, size)
            .map_err(|error| read(source, error))?;
        for (index, entry) in (first..).zip(entries) {
            if entry.windows(digest.len()).any(|part| part == digest) {
                return Ok(index);
            }
        }
    }
    let message = format!("{} has no entry with this digest", source.shown);
    Err(CliError::new(Exit::Failed, "SH-LOG-NO-ENTRY", message).found(format!("{size} entries")))
}

fn pretty(body: &Value) -> String {
    serde_json::to_string_pretty(body).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    version: u32,
    origin: &'a str,
    index: u64,
    tree_size: u64,
    root_hash: String,
    leaf_hash: String,
    proof: Vec<String>,
    checkpoint: &'a str,
    entry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
}
