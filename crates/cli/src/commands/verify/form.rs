//! The result in the form that was asked for, and where it goes.

use super::args::{Format, VerifyArgs};
use super::report::Checked;
use crate::commands::Context;
use crate::error::CliError;
use crate::files;
use crate::output::explain::{Evidence, Explained, Node};
use crate::output::{html, sarif};
use crate::trust::Chosen;

/// The context in which each result is shown: silent where standard output
/// carries something else than text for people.
pub(super) fn context(context: &Context, args: &VerifyArgs) -> Result<Context, CliError> {
    let is_text = args.format == Format::Text && !context.output.is_json();
    if is_text && args.output.is_some() {
        return Err(CliError::usage(
            "--output goes with --format json, sarif or html",
        ));
    }
    if context.output.is_json() && matches!(args.format, Format::Sarif | Format::Html) {
        return Err(CliError::usage("--json and --format ask for two forms"));
    }
    let is_silent = !is_text && args.output.is_none();
    Ok(Context {
        global: context.global.clone(),
        output: match is_silent {
            true => context.output.silent(),
            false => context.output,
        },
    })
}

/// The tree of one result.
pub(super) fn nodes(checked: &Checked) -> Vec<Node> {
    if let (Some(list), None) = (&checked.checksums, &checked.error) {
        return vec![Node::vouched_for_by(list)];
    }
    let against = checked.instance.as_ref().map(Chosen::shown);
    Evidence {
        claims: None,
        verdict: checked.verdict.as_ref(),
        error: checked.error.as_ref(),
        against: against.as_deref(),
    }
    .explain()
}

/// Writes the SARIF log or the page; text is there already. `whole` is why all
/// of it is not verified, where no result says so.
pub(super) fn write(
    context: &Context,
    args: &VerifyArgs,
    results: &[Checked],
    whole: Option<&CliError>,
) -> Result<(), CliError> {
    if args.format == Format::Text {
        return Ok(());
    }
    let mut explained: Vec<Explained> = results
        .iter()
        .map(|checked| checked.explained(nodes(checked)))
        .collect();
    explained.extend(whole.map(|error| {
        Explained {
            subject: args
                .artifacts
                .first()
                .map_or_else(String::new, |path| path.display().to_string()),
            bundle: None,
            verified: false,
            error: Some(error.fields()),
            nodes: Vec::new(),
        }
    }));
    let failed = results
        .iter()
        .find_map(|result| result.error.as_ref())
        .or(whole);
    let exit = failed.map_or(0, |error| error.exit().status());
    let text = match args.format {
        Format::Sarif => json(&sarif::log(&explained, exit))?,
        _ => html::page(&explained)?,
    };
    emit(context, args, &text)
}

/// Puts the document where it was asked for.
pub(super) fn emit(context: &Context, args: &VerifyArgs, text: &str) -> Result<(), CliError> {
    match &args.output {
        Some(path) => files::write_atomically(path, text.as_bytes()),
        None => context.output.exactly(text),
    }
}

/// A document as it is printed.
pub(super) fn json(document: &impl serde::Serialize) -> Result<String, CliError> {
    let mut text =
        serde_json::to_string_pretty(document).map_err(|error| CliError::internal(&error))?;
    text.push('\n');
    Ok(text)
}
