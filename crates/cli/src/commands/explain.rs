//! `signhere explain`: what does this code mean?

use clap::Args;
use serde::Serialize;

use super::Context;
use crate::error::CliError;
use crate::error::catalogue::{self, Entry, Mend};
use crate::output::Output;
use crate::output::style::{BOLD, DIM, paint};

/// Say what an error code means, why it is checked, and what to do
///
/// Every error of signhere ends with its code in brackets, such as [SH-IDENTITY]. Without a code all
/// of them are listed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    signhere explain\n  \
    signhere explain SH-LOG-PROOF\n  \
    signhere explain cert-expired --json")]
pub(crate) struct ExplainArgs {
    /// The code, or the beginning of several
    #[arg(value_name = "CODE")]
    code: Option<String>,
    /// Print the reference page
    #[arg(long, hide = true, conflicts_with = "code")]
    markdown: bool,
}

pub(crate) fn run(context: &Context, args: &ExplainArgs) -> Result<(), CliError> {
    let output = context.output;
    if args.markdown {
        return output.raw(catalogue::markdown().trim_end());
    }
    let Some(text) = &args.code else {
        if output.is_json() {
            return document(output, catalogue::all());
        }
        return list(output);
    };
    let code = catalogue::normal(text);
    if let Some(entry) = catalogue::find(&code) {
        if output.is_json() {
            return document(output, [entry]);
        }
        return output.raw(page(entry).trim_end());
    }
    let mut beginning: Vec<_> = catalogue::all().collect();
    beginning.retain(|entry| entry.code.starts_with(&code));
    if beginning.is_empty() {
        return Err(unknown(text, &code));
    }
    if output.is_json() {
        return document(output, beginning);
    }
    beginning
        .into_iter()
        .try_for_each(|entry| output.raw(line(entry)))
}

fn unknown(text: &str, code: &str) -> CliError {
    let error = CliError::usage(format!("there is no code {text}"));
    match catalogue::nearest(code) {
        Some(entry) => error.mend(format!("signhere explain {}", entry.code)),
        None => error.mend("signhere explain"),
    }
}

fn list(output: Output) -> Result<(), CliError> {
    for (number, (heading, entries)) in catalogue::families().enumerate() {
        if number > 0 {
            output.raw("")?;
        }
        output.raw(paint(BOLD, heading))?;
        entries
            .iter()
            .try_for_each(|entry| output.raw(line(entry)))?;
    }
    Ok(())
}

fn line(entry: &Entry) -> String {
    format!("  {:<29} {}", entry.code, paint(DIM, entry.what))
}

fn page(entry: &Entry) -> String {
    let mut page = format!("{}\n{}\n\n", paint(BOLD, entry.code), entry.what);
    let mut section = |name: &str, text: &str| {
        page.push_str(&paint(DIM, format_args!("{name:>11}")));
        page.push_str(&format!("  {text}\n"));
    };
    section("why", entry.why);
    for (number, cause) in entry.causes.iter().enumerate() {
        section(if number == 0 { "usually" } else { "" }, cause);
    }
    section("what to do", &entry.mend.as_sentence());
    section("exit code", &entry.exit_codes());
    page
}

fn document(
    output: Output,
    entries: impl IntoIterator<Item = &'static Entry>,
) -> Result<(), CliError> {
    output.document(&Document {
        version: 1,
        codes: entries.into_iter().map(Code::from).collect(),
    })
}

#[derive(Serialize)]
struct Document {
    version: u32,
    codes: Vec<Code>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Code {
    code: &'static str,
    exit_codes: Vec<u8>,
    what: &'static str,
    why: &'static str,
    causes: &'static [&'static str],
    mend: Option<&'static str>,
    no_mend: Option<&'static str>,
}

impl From<&'static Entry> for Code {
    fn from(entry: &'static Entry) -> Self {
        Self {
            code: entry.code,
            exit_codes: entry.exits.iter().map(|exit| exit.status()).collect(),
            what: entry.what,
            why: entry.why,
            causes: entry.causes,
            mend: entry.mend.act(),
            no_mend: match entry.mend {
                Mend::Do(_) => None,
                Mend::Nothing(why) => Some(why),
            },
        }
    }
}
