//! What is shown of each artifact, and of all.

use std::path::{Path, PathBuf};

use serde::Serialize;
use signhere_verify::formats::checksums::{Checksums, ChecksumsError};
use signhere_verify::verdict::Verdict;

use crate::commands::Context;
use crate::error::{CliError, ErrorFields};
use crate::output::explain::{self, Explained, Node};
use crate::output::style::{DIM, cross, paint, tick};
use crate::output::text::safe;
use crate::output::verdict;
use crate::trust::Chosen;

/// What became of one artifact.
#[derive(Clone)]
pub(super) struct Checked {
    /// The artifact, as it was named.
    pub(super) subject: String,
    /// The file that its bundle was read from.
    pub(super) bundle: Option<PathBuf>,
    /// What kind of document that file is.
    pub(super) form: Option<&'static str>,
    /// Where in the document the bundle is that was decided by, where there are several.
    pub(super) place: Option<String>,
    /// The instance by whose trust it was judged.
    pub(super) instance: Option<Chosen>,
    /// What was proven, where a bundle was judged.
    pub(super) verdict: Option<Verdict>,
    /// Why it is not verified, if it is not.
    pub(super) error: Option<CliError>,
    /// What became of the document's other bundles.
    pub(super) others: Vec<Other>,
    /// The signed list of checksums that vouches for it, where no bundle of its own does.
    pub(super) checksums: Option<String>,
    /// What it says of other files, if it is a list of checksums by its name.
    pub(super) list: Option<Result<Checksums, ChecksumsError>>,
}

/// A bundle that was not decided by.
#[derive(Clone)]
pub(super) struct Other {
    place: Option<String>,
    verified: bool,
    failure: Option<(&'static str, String)>,
}

impl Checked {
    /// An artifact of which nothing is known yet.
    pub(super) fn of(artifact: &Path) -> Self {
        Self {
            subject: artifact.display().to_string(),
            bundle: None,
            form: None,
            place: None,
            instance: None,
            verdict: None,
            error: None,
            others: Vec::new(),
            checksums: None,
            list: None,
        }
    }

    /// An artifact that is refused before anything of it is judged.
    pub(super) fn refused(artifact: &Path, error: CliError) -> Self {
        Self {
            error: Some(error),
            ..Self::of(artifact)
        }
    }

    /// Takes the verdict that decides.
    pub(super) fn take(&mut self, verdict: Verdict) {
        let failure = verdict.failure.as_ref();
        self.error = failure.map(|failure| CliError::from(failure).about(&self.subject));
        self.verdict = Some(verdict);
    }

    /// Shows this to people.
    pub(super) fn show(&self, context: &Context, tree: Option<&[Node]>) -> Result<(), CliError> {
        let output = context.output;
        if output.is_json() {
            return Ok(());
        }
        match (&self.verdict, &self.checksums, &self.error) {
            (Some(verdict), _, None) => output.line(verdict::summary(&self.subject, verdict))?,
            (None, Some(list), None) => output.line(format_args!(
                "{} {}  as {} says",
                tick(),
                safe(&self.subject),
                safe(list)
            ))?,
            _ => {}
        }
        if let Some(nodes) = tree {
            if self.error.is_some() {
                let subject = safe(&self.subject);
                output.line(format_args!("{} {subject}  not verified", cross()))?;
            }
            return output.line(explain::tree(nodes).trim_end());
        }
        if let (Some(verdict), true) = (&self.verdict, output.is_verbose()) {
            if let Some(place) = &self.place {
                output.line(format_args!("   {} {place}", paint(DIM, "in")))?;
            }
            output.line(verdict::steps(verdict, true))?;
            if let Some(instance) = self.instance.as_ref().and_then(InstanceReport::of) {
                output.line(format_args!(
                    "   {} {instance}",
                    paint(DIM, "by the trust of")
                ))?;
            }
            for other in &self.others {
                output.line(other)?;
            }
        }
        if let Some(error) = &self.error {
            output.error(error);
        }
        Ok(())
    }

    /// This for the document.
    pub(super) fn report(&self, explanation: Option<Vec<Node>>) -> Outcome<'_> {
        Outcome {
            artifact: &self.subject,
            bundle: self.bundle.as_ref().map(|path| path.display().to_string()),
            form: self.form,
            place: self.place.as_deref(),
            checksums: self.checksums.as_deref(),
            verified: self.error.is_none(),
            instance: self.instance.as_ref().and_then(InstanceReport::of),
            verdict: self.verdict.as_ref(),
            error: self.error.as_ref().map(CliError::fields),
            others: self.others.iter().map(Other::report).collect(),
            explanation,
        }
    }

    /// This for the page and for SARIF.
    pub(super) fn explained(&self, nodes: Vec<Node>) -> Explained {
        Explained {
            subject: self.subject.clone(),
            bundle: self.bundle.as_ref().map(|path| path.display().to_string()),
            verified: self.error.is_none(),
            error: self.error.as_ref().map(CliError::fields),
            nodes,
        }
    }
}

impl Other {
    /// The attestation there, and what became of it.
    pub(super) fn new(place: Option<String>, verdict: &Verdict) -> Self {
        let failure = verdict.failure.as_ref();
        Self {
            place,
            verified: verdict.is_verified(),
            failure: failure.map(|failure| (failure.reason.code(), failure.to_string())),
        }
    }

    fn report(&self) -> OtherOutcome<'_> {
        OtherOutcome {
            place: self.place.as_deref(),
            verified: self.verified,
            code: self.failure.as_ref().map(|(code, _)| *code),
        }
    }
}

impl std::fmt::Display for Other {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = self.place.as_deref().unwrap_or("bundle");
        match &self.failure {
            None => write!(f, "   {} {place}: verified as well", tick()),
            Some((_, failure)) => write!(f, "   {} {place}: {}", cross(), safe(failure)),
        }
    }
}

/// The document of all artifacts.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    pub(super) version: u32,
    pub(super) verified: bool,
    pub(super) results: Vec<Outcome<'a>>,
    /// Files of a folder that nothing vouches for.
    pub(super) unsigned: &'a [String],
    /// Files that a list names and that are not there.
    pub(super) missing: &'a [String],
    /// What of a folder was not looked at.
    pub(super) skipped: &'a [String],
    /// Why the whole is not verified, where no result says so.
    pub(super) error: Option<ErrorFields>,
}

/// One artifact in the document.
#[derive(Serialize)]
pub(super) struct Outcome<'a> {
    artifact: &'a str,
    bundle: Option<String>,
    form: Option<&'static str>,
    place: Option<&'a str>,
    checksums: Option<&'a str>,
    verified: bool,
    instance: Option<InstanceReport<'a>>,
    verdict: Option<&'a Verdict>,
    error: Option<ErrorFields>,
    others: Vec<OtherOutcome<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Vec<Node>>,
}

#[derive(Serialize)]
struct OtherOutcome<'a> {
    place: Option<&'a str>,
    verified: bool,
    code: Option<&'static str>,
}

/// The instance that an artifact was judged by, if it has a name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstanceReport<'a> {
    name: &'a str,
    as_of: Option<&'a str>,
}

impl<'a> InstanceReport<'a> {
    fn of(chosen: &'a Chosen) -> Option<Self> {
        Some(Self {
            name: chosen.instance.as_deref()?,
            as_of: chosen.as_of.as_deref(),
        })
    }
}

impl std::fmt::Display for InstanceReport<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&safe(self.name))?;
        match self.as_of {
            Some(as_of) => write!(f, ", as of {as_of}"),
            None => Ok(()),
        }
    }
}
