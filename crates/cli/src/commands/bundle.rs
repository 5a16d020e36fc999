//! `signhere bundle`: look into bundles, and make them.

mod create;
mod inspect;
mod make;
mod split;
mod upgrade;

use std::path::Path;

use clap::{Args, Subcommand};
use signhere_pki::digest::Digest;
use signhere_verify::bundle::{Bundle, BundleError, Claims};
use signhere_verify::verdict::Verdict;
use signhere_verify::verifier::{Artifact, Verifier};

use super::Context;
use super::verify::BUNDLE_LIMIT;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;

/// No file holds more bundles.
const MANY: usize = 1024;

/// Look into bundles, bring old ones up to date, make them and take them apart
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct BundleArgs {
    #[command(subcommand)]
    command: BundleCommand,
}

#[derive(Debug, Subcommand)]
enum BundleCommand {
    Inspect(inspect::InspectArgs),
    Upgrade(upgrade::UpgradeArgs),
    Create(create::CreateArgs),
    Split(split::SplitArgs),
}

pub(crate) fn run(context: &Context, args: &BundleArgs) -> Result<(), CliError> {
    match &args.command {
        BundleCommand::Inspect(args) => inspect::run(context, args),
        BundleCommand::Upgrade(args) => upgrade::run(context, args),
        BundleCommand::Create(args) => create::run(context, args),
        BundleCommand::Split(args) => split::run(context, args),
    }
}

/// Proves what can be without artifact and policy: the signature is over what the bundle itself names.
fn prove(verifier: &Verifier, bundle: &Bundle, claims: &Claims) -> Verdict {
    let named = claims.subjects.iter().flat_map(|subject| &subject.digests);
    let digests: Vec<Digest> = claims
        .digest
        .iter()
        .chain(named)
        .filter_map(|text| text.parse().ok())
        .collect();
    verifier.prove(bundle, &Artifact::Digests(&digests), None)
}

/// A bundle and its bytes as they stand in the file.
struct Found {
    json: Vec<u8>,
    bundle: Bundle,
}

/// The bundles in a file: one, or one a line (JSON Lines).
fn read(path: &Path) -> Result<Vec<Found>, CliError> {
    let bytes = files::read(path, BUNDLE_LIMIT)?;
    let shown = path.display().to_string();
    let about = |error: BundleError| CliError::from(error).about(&shown);
    let whole = match Bundle::parse(&bytes) {
        Ok(bundle) => {
            return Ok(vec![Found {
                json: bytes,
                bundle,
            }]);
        }
        Err(error) => error,
    };
    let lines: Vec<&[u8]> = bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .take(MANY.saturating_add(1))
        .collect();
    let is_object = |line: &&[u8]| line.starts_with(b"{") && line.ends_with(b"}");
    if lines.len() < 2 || !lines.iter().all(is_object) {
        return Err(about(whole));
    }
    if lines.len() > MANY {
        return Err(not_one(&shown, "too many bundles").expected(format!("at most {MANY}")));
    }
    lines
        .iter()
        .enumerate()
        .map(|(number, line)| {
            let place = format!("{shown}, bundle {}", number.saturating_add(1));
            let bundle =
                Bundle::parse(line).map_err(|error| CliError::from(error).about(&place))?;
            Ok(Found {
                json: line.to_vec(),
                bundle,
            })
        })
        .collect()
}

fn not_one(shown: &str, what: &str) -> CliError {
    CliError::new(
        Exit::Failed,
        "SH-BUNDLE-NOT-ONE",
        format!("{shown}: {what}"),
    )
}
