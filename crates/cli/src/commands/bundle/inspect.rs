//! `signhere bundle inspect`: what does it claim, and what of that can be proven?

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_verify::bundle::Claims;
use signhere_verify::verdict::{Reason, Verdict};

use super::super::Context;
use crate::error::CliError;
use crate::output::explain::{self, Evidence, Node};
use crate::output::style::{BOLD, WARN, paint};
use crate::output::text::safe;
use crate::trust::{self, TrustArgs};

/// Show what a bundle claims, and what of that can be proven
///
/// Needs no artifact and no expected signer, and therefore verifies nothing: whoever made the bundle
/// chose what it claims. What can be proven against the trusted root is marked.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    signhere bundle inspect app.tar.gz.sigstore.json\n  \
    signhere bundle inspect attestations.jsonl --json\n  \
    signhere bundle inspect unknown.bundle --claims-only")]
pub(super) struct InspectArgs {
    /// The bundle, or a file with one in each line
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Prove nothing: only say what the bundle claims
    #[arg(long)]
    claims_only: bool,
    #[command(flatten)]
    trust: TrustArgs,
}

pub(super) fn run(context: &Context, args: &InspectArgs) -> Result<(), CliError> {
    let output = context.output;
    let bundles = super::read(&args.file)?;
    let known = match args.claims_only {
        true => None,
        false => Some(trust::known(context, &args.trust)?),
    };
    let shown = args.file.display().to_string();
    let mut reports = Vec::new();
    for (number, found) in bundles.iter().enumerate() {
        let claims = Claims::of(&found.bundle);
        // Of an instance that is not known nothing can be proven: its claims can still be read.
        let chosen = known
            .as_ref()
            .and_then(|known| known.choose(&found.bundle).ok());
        let verdict = chosen
            .as_ref()
            .map(|chosen| super::prove(&chosen.verifier, &found.bundle, &claims));
        let against = match (&known, &chosen) {
            (None, _) => None,
            (Some(_), Some(chosen)) => Some(chosen.shown()),
            (Some(_), None) => Some("nothing: it is of no instance that is known here".to_owned()),
        };
        let explanation = Evidence {
            claims: Some(&claims),
            verdict: verdict.as_ref(),
            error: None,
            against: against.as_deref(),
        }
        .explain();
        if bundles.len() > 1 {
            let place = format!("bundle {}", number.saturating_add(1));
            output.line(paint(BOLD, place))?;
        } else {
            output.line(paint(BOLD, safe(&shown)))?;
        }
        output.line(explain::tree(&explanation).trim_end())?;
        output.line(conclusion(verdict.as_ref()))?;
        reports.push(Report {
            claims,
            proven: verdict,
            explanation,
        });
    }
    if !output.is_json() {
        return Ok(());
    }
    output.document(&Document {
        version: 1,
        file: &shown,
        verified: false,
        bundles: reports,
    })
}

fn conclusion(verdict: Option<&Verdict>) -> String {
    let text = match verdict.and_then(|verdict| verdict.failure.as_ref()) {
        None => "Nothing of this is verified: it is what the bundle claims.",
        Some(failure) if failure.reason == Reason::SignerUnchecked => {
            "All of this is proven, for the artifact that the bundle names. No file was compared with it, and nobody was expected to have signed: signhere verify FILE"
        }
        Some(_) => "What is marked as claimed is not verified: it is what the bundle says.",
    };
    paint(WARN, text)
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    file: &'a str,
    /// Looking at a bundle never verifies it.
    verified: bool,
    bundles: Vec<Report>,
}

#[derive(Serialize)]
struct Report {
    claims: Claims,
    proven: Option<Verdict>,
    explanation: Vec<Node>,
}
