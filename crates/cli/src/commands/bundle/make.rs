//! Bundles that are made here: read again, proven where that can be, written once.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_verify::bundle::{Bundle, Claims, Parts, PartsError, TlogEntry};
use signhere_verify::verdict::{Failure, Reason};

use super::super::Context;
use crate::error::{CliError, shell_word};
use crate::exit::Exit;
use crate::files;
use crate::output::style::tick;
use crate::output::text::safe;
use crate::trust::{self, TrustArgs};

/// No part of a bundle is larger.
pub(super) const PART_LIMIT: u64 = 16 * 1024 * 1024;

/// Where the new bundle goes, and what it is held against.
#[derive(Args, Debug)]
pub(super) struct MakeArgs {
    /// The log's entry with its inclusion proof, as the log's API answers
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) log_entry: Vec<PathBuf>,
    /// An RFC 3161 timestamp response over the signature (DER)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) timestamp: Vec<PathBuf>,
    /// The new bundle; it must not be there yet
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) output: PathBuf,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

/// Adds the signer's certificate or key, if one is named, and what the other flags name.
pub(super) fn add(
    parts: &mut Parts,
    signer: Option<&PathBuf>,
    args: &MakeArgs,
) -> Result<(), CliError> {
    if let Some(path) = signer {
        let file = files::read(path, PART_LIMIT)?;
        parts
            .set_signer(&file)
            .map_err(|error| part(path, &error))?;
    }
    for path in &args.log_entry {
        let json = files::read(path, PART_LIMIT)?;
        parts
            .add_log_entry(&json)
            .map_err(|error| part(path, &error))?;
    }
    for path in &args.timestamp {
        parts.timestamps.push(files::read(path, PART_LIMIT)?);
    }
    Ok(())
}

/// Puts the bundle together, proves it, and writes it.
pub(super) fn write(context: &Context, parts: Parts, args: &MakeArgs) -> Result<(), CliError> {
    let entries = parts.tlog_entries.clone();
    let bundle = parts
        .into_bundle()
        .map_err(|error| refused(&error, &entries, &args.output))?;
    let proven = prove(context, &bundle, &args.trust)?;
    files::create_new(&args.output, &bundle.to_json(), false)?;
    let shown = args.output.display().to_string();
    context.output.line(format_args!(
        "{} wrote {}{}",
        tick(),
        safe(&shown),
        if proven {
            "  proven, but for who may sign"
        } else {
            ""
        }
    ))?;
    if !proven {
        context.output.note(
            "note: it is of an instance that the trusted root does not know: only its form was checked",
        );
    }
    if context.output.is_json() {
        return context.output.document(&Document {
            version: 1,
            bundle: shown,
            proven,
        });
    }
    Ok(())
}

/// Whether the bundle was proven; false only where it is another instance's.
fn prove(context: &Context, bundle: &Bundle, trust: &TrustArgs) -> Result<bool, CliError> {
    let named_trust = trust.trusted_root.is_some()
        || trust.trust_config.is_some()
        || context.global.instance.is_some();
    let chosen = match trust::known(context, trust)?.choose(bundle) {
        Ok(chosen) => chosen,
        Err(_) if !named_trust => return Ok(false),
        Err(error) => return Err(error),
    };
    let verdict = super::prove(&chosen.verifier, bundle, &Claims::of(bundle));
    match &verdict.failure {
        None => Ok(true),
        Some(failure) if failure.reason == Reason::SignerUnchecked => Ok(true),
        Some(failure) if !named_trust && is_of_another_instance(failure) => Ok(false),
        Some(failure) => {
            let mut error = CliError::from(failure);
            error = error.about("the new bundle does not hold, and is not written");
            Err(error)
        }
    }
}

fn is_of_another_instance(failure: &Failure) -> bool {
    matches!(
        failure.reason,
        Reason::LogUnknown
            | Reason::CertificateUntrusted
            | Reason::TimestampUntrusted
            | Reason::SctUnknownLog
            | Reason::LogEntryMissing
    )
}

/// A part that cannot be used, as an error for people.
pub(super) fn part(path: &Path, error: &PartsError) -> CliError {
    CliError::new(
        Exit::Failed,
        "SH-BUNDLE-PART",
        format!("{}: {error}", path.display()),
    )
}

/// Why the parts make no bundle, and what would fetch what is missing.
fn refused(error: &PartsError, entries: &[TlogEntry], output: &Path) -> CliError {
    let PartsError::ProofMissing { log_index } = error else {
        return CliError::new(Exit::Failed, "SH-BUNDLE-PART", error.to_string());
    };
    let error = CliError::new(Exit::Failed, "SH-BUNDLE-PROOF", error.to_string())
        .expected("an inclusion proof and a checkpoint, which v0.3 requires");
    let entry = entries.iter().find(|entry| entry.log_index == *log_index);
    let is_public = entry.is_some_and(|entry| hex::encode(&entry.log_id) == PUBLIC_REKOR);
    let log = if is_public {
        "https://rekor.sigstore.dev"
    } else {
        "https://LOG"
    };
    error.mend(format!(
        "curl '{log}/api/v1/log/entries?logIndex={log_index}' -o entry.json; then again with --log-entry entry.json --output {}",
        shell_word(&output.display().to_string())
    ))
}

/// The id of the public-good instance's log of the first generation.
const PUBLIC_REKOR: &str = "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d";

#[derive(Serialize)]
struct Document {
    version: u32,
    bundle: String,
    proven: bool,
}
