//! `signhere trust lint`: what is too wide, or does nothing.

use clap::Args;
use serde::Serialize;
use signhere_pki::time::Clock as _;
use signhere_verify::policy::{Finding, Severity, lint};

use super::FileArgs;
use crate::clock::SystemClock;
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::style::{BOLD, DIM, WARN, cross, paint, tick};
use crate::output::text::safe;
use crate::policy;

/// Find what is too wide in the trust files
///
/// Exit code 50 means that others could sign than those who are meant.
#[derive(Args, Debug)]
pub(super) struct LintArgs {
    #[command(flatten)]
    file: FileArgs,
}

pub(super) fn run(context: &Context, args: &LintArgs) -> Result<(), CliError> {
    let files = policy::at_hand(args.file.trust.as_deref())?;
    let now = SystemClock.now();
    let found: Vec<Found> = files
        .iter()
        .flat_map(|file| {
            let label = &file.file.label;
            lint(&file.file, now).into_iter().map(move |finding| Found {
                file: label,
                finding,
            })
        })
        .collect();
    let has_faults = found
        .iter()
        .any(|found| found.finding.severity == Severity::Fault);
    if context.output.is_json() {
        context.output.document(&Report {
            version: 1,
            files: files.iter().map(|file| file.file.label.as_str()).collect(),
            findings: &found,
        })?;
    } else {
        for one in &found {
            context.output.line(one.text())?;
        }
        if found.is_empty() {
            let count = files
                .iter()
                .map(|file| file.file.signers.len())
                .sum::<usize>();
            let line = format!("{} nothing is too wide ({count} signers)", tick());
            context.output.line(line)?;
        }
    }
    match has_faults {
        true => Err(CliError::reported(Exit::Findings)),
        false => Ok(()),
    }
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    files: Vec<&'a str>,
    findings: &'a [Found<'a>],
}

#[derive(Serialize)]
struct Found<'a> {
    file: &'a str,
    #[serde(flatten)]
    finding: Finding,
}

impl Found<'_> {
    fn text(&self) -> String {
        let finding = &self.finding;
        let mark = match finding.severity {
            Severity::Fault => cross(),
            _ => paint(WARN, "!"),
        };
        format!(
            "{mark} {} {}\n   {}\n   {}",
            paint(BOLD, &finding.signer),
            paint(DIM, format_args!("{} [{}]", safe(self.file), finding.code)),
            finding.message,
            paint(DIM, format_args!("mend  {}", finding.mend)),
        )
    }
}
