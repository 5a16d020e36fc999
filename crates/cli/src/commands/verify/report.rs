//! What is shown of each artifact, and of all.

use std::path::PathBuf;

use serde::Serialize;
use signhere_verify::verdict::Verdict;

use crate::commands::Context;
use crate::error::{CliError, ErrorFields};
use crate::output::verdict;

/// What became of one artifact.
pub(super) struct Checked {
    /// The artifact, as it was named.
    pub(super) subject: String,
    /// The file that its bundle was read from.
    pub(super) bundle: Option<PathBuf>,
    /// What was proven, where a bundle was judged.
    pub(super) verdict: Option<Verdict>,
    /// Why it is not verified, if it is not.
    pub(super) error: Option<CliError>,
}

impl Checked {
    /// Shows this to people.
    pub(super) fn show(&self, context: &Context) -> Result<(), CliError> {
        let output = context.output;
        if output.is_json() {
            return Ok(());
        }
        if let (Some(verdict), None) = (&self.verdict, &self.error) {
            output.line(verdict::summary(&self.subject, verdict))?;
        }
        if let (Some(verdict), true) = (&self.verdict, output.is_verbose()) {
            output.line(verdict::steps(verdict, true))?;
        }
        if let Some(error) = &self.error {
            output.error(error);
        }
        Ok(())
    }

    /// This for the document.
    pub(super) fn report(&self) -> Outcome<'_> {
        Outcome {
            artifact: &self.subject,
            bundle: self.bundle.as_ref().map(|path| path.display().to_string()),
            verified: self.error.is_none(),
            verdict: self.verdict.as_ref(),
            error: self.error.as_ref().map(CliError::fields),
        }
    }
}

/// The document of all artifacts.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    pub(super) version: u32,
    pub(super) verified: bool,
    pub(super) results: Vec<Outcome<'a>>,
}

/// One artifact in the document.
#[derive(Serialize)]
pub(super) struct Outcome<'a> {
    artifact: &'a str,
    bundle: Option<String>,
    verified: bool,
    verdict: Option<&'a Verdict>,
    error: Option<ErrorFields>,
}
