//! `signhere bundle split`: into parts, as files.

use std::fs;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_verify::bundle::{Bundle, Content};

use super::super::Context;
use crate::error::CliError;
use crate::files;
use crate::output::text::safe;

/// Take a bundle apart into files
///
/// Each bundle of a file with one in each line gets a folder of its own. Nothing is overwritten, and
/// nothing is verified.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  signhere bundle split attestations.jsonl --dir parts")]
pub(super) struct SplitArgs {
    /// The bundle, or a file with one in each line
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Where the parts go
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: PathBuf,
}

pub(super) fn run(context: &Context, args: &SplitArgs) -> Result<(), CliError> {
    let bundles = super::read(&args.file)?;
    let mut written = Vec::new();
    for (number, found) in bundles.iter().enumerate() {
        let dir = match bundles.len() {
            1 => args.dir.clone(),
            _ => args.dir.join(number.saturating_add(1).to_string()),
        };
        fs::create_dir_all(&dir).map_err(|error| CliError::file("make", &dir, &error))?;
        for (name, bytes) in parts(&found.json, &found.bundle) {
            let path = dir.join(name);
            files::create_new(&path, &bytes, false)?;
            context.output.line(safe(&path.display().to_string()))?;
            written.push(path);
        }
    }
    if !context.output.is_json() {
        return Ok(());
    }
    let shown = |path: &PathBuf| Path::new(path).display().to_string();
    context.output.document(&Document {
        version: 1,
        files: written.iter().map(shown).collect(),
    })
}

/// What the bundle consists of: names and contents.
fn parts(json: &[u8], bundle: &Bundle) -> Vec<(String, Vec<u8>)> {
    let mut parts = vec![("bundle.sigstore.json".to_owned(), json.to_vec())];
    match &bundle.content {
        Content::MessageSignature { signature, .. } => {
            let text = format!("{}\n", BASE64_STANDARD.encode(signature));
            parts.push(("signature.sig".to_owned(), text.into_bytes()));
        }
        Content::Dsse(envelope) => {
            parts.push(("envelope.json".to_owned(), envelope.to_json().into_bytes()));
            parts.push(("payload.json".to_owned(), envelope.payload.clone()));
        }
    }
    if let Some(leaf) = bundle.certificate() {
        parts.push(("certificate.pem".to_owned(), leaf.to_pem().into_bytes()));
    }
    for (number, entry) in bundle.material.tlog_entries.iter().enumerate() {
        parts.push((format!("log-entry-{number}.json"), entry.to_json()));
    }
    for (number, der) in bundle.material.timestamps.iter().enumerate() {
        parts.push((format!("timestamp-{number}.tsr"), der.clone()));
    }
    parts
}

#[derive(Serialize)]
struct Document {
    version: u32,
    files: Vec<String>,
}
