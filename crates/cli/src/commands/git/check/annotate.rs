//! What was decided, in the forms that forges show beside the changed lines.

use std::fmt::Write as _;

use serde_json::json;
use signhere_pki::digest::sha256;

use super::super::gate::Report;
use crate::error::CliError;
use crate::output::explain::Explained;
use crate::output::sarif;
use crate::output::text::safe;

/// GitHub shows no more of them, of one step and kind.
const MAX_SHOWN: usize = 10;
/// Where something is shown that is about no changed file.
const NOWHERE: &str = ".signhere/trust.toml";

/// Workflow commands of GitHub Actions.
pub(super) fn github(report: &Report<'_>) -> Vec<String> {
    let wrong = report.wrong();
    let line = |(id, error, path): &(String, &CliError, Option<String>)| {
        let title = format!("{} {}", error.code(), subject(id));
        let mut line = format!("::error title={}", property(&title));
        if let Some(path) = path {
            let _ = write!(line, ",file={},line=1", property(path));
        }
        format!("{line}::{}", data(&text(id, error)))
    };
    wrong.iter().take(MAX_SHOWN).map(line).collect()
}

/// GitLab's code quality report.
pub(super) fn code_quality(report: &Report<'_>) -> String {
    let wrong = report.wrong();
    let issues = wrong.iter().map(|(id, error, path)| {
        let fingerprint = format!("{id}\n{}\n{}", error.code(), path.as_deref().unwrap_or_default());
        json!({
            "description": text(id, error),
            "check_name": error.code(),
            "fingerprint": hex::encode(sha256(fingerprint.as_bytes())),
            "severity": if error.exit() == crate::exit::Exit::Findings { "minor" } else { "blocker" },
            "location": {
                "path": path.as_deref().unwrap_or(NOWHERE),
                "lines": { "begin": 1 },
            },
        })
    });
    let mut text = serde_json::Value::Array(issues.collect()).to_string();
    text.push('\n');
    text
}

/// A SARIF log.
pub(super) fn sarif(report: &Report<'_>, exit: u8) -> Result<String, CliError> {
    let wrong = report.wrong();
    let explained = wrong.iter().map(|(id, error, path)| Explained {
        subject: path.clone().unwrap_or_else(|| subject(id)),
        bundle: None,
        verified: false,
        error: Some(error.fields()),
        nodes: Vec::new(),
    });
    let explained: Vec<Explained> = explained.collect();
    let log = sarif::log(&explained, exit);
    serde_json::to_string_pretty(&log).map_err(|error| CliError::internal(&error))
}

/// A line of ours in a log of GitHub Actions, where older commands stand anywhere in a line.
pub(super) fn tame(line: &str) -> String {
    line.replace("##[", "## [")
}

fn subject(id: &str) -> String {
    match id.starts_with("refs/") {
        true => id.to_owned(),
        false => format!("commit {}", id.get(..12).unwrap_or(id)),
    }
}

fn text(id: &str, error: &CliError) -> String {
    let mut text = format!("{}: {}", subject(id), safe(error.message()));
    for (name, fact) in [
        ("expected", error.expected_text()),
        ("found", error.found_text()),
        ("mend", error.mend_or_usual()),
    ] {
        if let Some(fact) = fact {
            let _ = write!(text, "\n{name}: {}", safe(fact));
        }
    }
    text
}

/// The message of a workflow command: what ends a line would end the command.
fn data(text: &str) -> String {
    tame(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a workflow command: what ends a property would end it too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_a_workflow_command() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(data("a ##[set-env name=x]y"), "a ## [set-env name=x]y");
        assert_eq!(property("a:b,c::d\n"), "a%3Ab%2Cc%3A%3Ad%0A");
    }
}
