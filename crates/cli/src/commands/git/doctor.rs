//! `signhere git doctor`: why git does not sign, or not as it should.

mod checks;

use clap::Args;
use serde::Serialize;
use signhere_git::config::{GitConfig, Scope, Settings};

use super::{configured, kept};
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::style::{DIM, WARN, cross, paint, tick};
use crate::output::text::safe;

/// Find what keeps git from signing here, and mend it
#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    /// Mend what can be mended in git's configuration
    #[arg(long)]
    fix: bool,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Severity {
    /// Nothing is signed, or nothing is verified.
    Error,
    /// It works, and not as one would think.
    Warning,
    /// Good to know.
    Note,
}

/// Something that was found.
#[derive(Debug, Serialize)]
struct Finding {
    /// What it is, as a name that stays.
    code: &'static str,
    severity: Severity,
    text: String,
    mend: Option<String>,
    /// Whether `--fix` has mended it.
    fixed: bool,
    #[serde(skip)]
    fix: Option<Fix>,
}

/// How git's configuration is mended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fix {
    scope: Scope,
    key: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Report {
    version: u32,
    findings: Vec<Finding>,
}

pub(crate) fn run(context: &Context, args: &DoctorArgs) -> Result<(), CliError> {
    let mut findings = checks::all(context)?;
    if args.fix {
        findings.iter_mut().try_for_each(mend)?;
    }
    let is_open = |one: &&Finding| !one.fixed && one.severity != Severity::Note;
    let open = findings.iter().filter(is_open).count();
    let fixable = findings
        .iter()
        .filter(|one| !one.fixed && one.fix.is_some());
    let fixable = fixable.count();
    if context.output.is_json() {
        let report = Report {
            version: 1,
            findings,
        };
        context.output.document(&report)?;
    } else {
        for finding in &findings {
            tell(context, finding)?;
        }
        if findings.is_empty() {
            let line = format!("{} git signs here, and nothing is odd", tick());
            context.output.line(line)?;
        }
        if fixable > 0 {
            context
                .output
                .note("\nsignhere git doctor --fix mends what has a ⚒");
        }
    }
    match open {
        0 => Ok(()),
        _ => Err(CliError::reported(Exit::Findings)),
    }
}

fn mend(finding: &mut Finding) -> Result<(), CliError> {
    if let Some(Fix { scope, key, value }) = finding.fix.take() {
        kept::apply(scope, &[(key, value.clone())])?;
        let config = configured::config()?;
        let counts = config.find(&key.to_ascii_lowercase());
        finding.fixed = counts.and_then(|entry| entry.value.as_ref()) == Some(&value);
        if let (false, Some(entry)) = (finding.fixed, counts) {
            // What the file includes, or what is read after it.
            finding.mend = Some(format!("take {key} out of {}", entry.origin));
        }
    }
    Ok(())
}

fn tell(context: &Context, finding: &Finding) -> Result<(), CliError> {
    let mark = match (finding.fixed, finding.severity) {
        (true, _) => tick(),
        (_, Severity::Error) => cross(),
        (_, Severity::Warning) => paint(WARN, "!"),
        (_, Severity::Note) => paint(DIM, "-"),
    };
    let (code, text) = (paint(DIM, finding.code), safe(&finding.text));
    let mended = if finding.fixed { " (mended)" } else { "" };
    context
        .output
        .line(format_args!("{mark} {text} [{code}]{mended}"))?;
    if let (Some(mend), false) = (&finding.mend, finding.fixed) {
        let tool = if finding.fix.is_some() { "⚒ " } else { "" };
        context
            .output
            .line(format_args!("    {}{}", tool, safe(mend)))?;
    }
    Ok(())
}

impl Finding {
    fn new(code: &'static str, severity: Severity, text: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            text: text.into(),
            mend: None,
            fixed: false,
            fix: None,
        }
    }

    fn error(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, text)
    }

    fn warning(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, text)
    }

    fn note(code: &'static str, text: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, text)
    }

    fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    /// The command that mends it, and that `--fix` stands for.
    fn set(mut self, scope: Scope, key: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        let word = crate::error::shell_word(&value);
        self.mend = Some(format!("git config --{scope} {key} {word}"));
        self.fix = Some(Fix { scope, key, value });
        self
    }
}

/// What the checks look at.
struct Facts<'a> {
    context: &'a Context,
    config: GitConfig,
    settings: Settings,
}
