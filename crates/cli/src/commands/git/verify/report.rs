//! What is shown of the objects, one by one and all together.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::args::GitVerifyArgs;
use super::record::{Carried, CheckRecord, Record, Signer};
use super::revisions::Asked;
use crate::commands::Context;
use crate::error::git::rescue;
use crate::error::{CliError, ErrorRecord};
use crate::exit::Exit;
use crate::files;
use crate::output::explain::{self, Explained};
use crate::output::sarif;
use crate::output::style::{DIM, WARN, cross, paint, tick};
use crate::output::text::safe;

/// How many signers the table names.
const SIGNERS: usize = 20;

/// The outcomes, in the order of the table, and what they are called there.
const OUTCOMES: [(&str, &str); 9] = [
    ("verified", "verified"),
    ("exempt", "let through by the trust file, not judged"),
    ("unproven", "good, not proven when"),
    ("notAllowed", "not allowed"),
    ("refused", "refused"),
    ("platform", "by a platform"),
    ("foreign", "another kind of signature"),
    ("unsigned", "unsigned"),
    ("unreadable", "not readable"),
];

/// What is known of all objects.
pub(super) struct Report<'a> {
    context: &'a Context,
    asked: &'a Asked,
    has_documents: bool,
    /// Whole records, where a document is made of them.
    records: Vec<Record>,
    counts: BTreeMap<String, usize>,
    signers: BTreeMap<Signer, usize>,
    failed: Option<ErrorRecord>,
    exits: Vec<u8>,
    total: usize,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    verified: bool,
    reference: Option<&'a str>,
    results: Vec<Result<'a>>,
    summary: Summary<'a>,
}

/// One object in it. The error is as in every document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Result<'a> {
    object: &'a str,
    kind: Option<&'a str>,
    subject: Option<&'a str>,
    committer: Option<&'a super::record::Committer>,
    verified: bool,
    outcome: &'a str,
    signature: Option<&'a str>,
    signer: Option<&'a Signer>,
    signed_at: Option<signhere_pki::time::Time>,
    instance: Option<&'a str>,
    missing: &'a [String],
    checks: &'a [CheckRecord],
    carried: Option<&'a Carried>,
    error: Option<crate::error::ErrorFields>,
    mergetags: Vec<Self>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a [explain::Node]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    total: usize,
    verified: usize,
    exempt: usize,
    unproven: usize,
    not_allowed: usize,
    refused: usize,
    platform: usize,
    foreign: usize,
    unsigned: usize,
    unreadable: usize,
    signers: Vec<Signed<'a>>,
}

#[derive(Serialize)]
struct Signed<'a> {
    #[serde(flatten)]
    signer: &'a Signer,
    verified: usize,
}

/// The context in which each object is shown: silent where standard output carries something else.
pub(super) fn context(
    context: &Context,
    args: &GitVerifyArgs,
) -> std::result::Result<Context, CliError> {
    let sarif_on_output = args.sarif.as_deref() == Some(Path::new("-"));
    if sarif_on_output && context.output.is_json() {
        return Err(CliError::usage("--json and --sarif - ask for two forms"));
    }
    Ok(Context {
        global: context.global.clone(),
        output: match sarif_on_output {
            true => context.output.silent(),
            false => context.output,
        },
    })
}

impl<'a> Report<'a> {
    pub(super) fn new(context: &'a Context, args: &GitVerifyArgs, asked: &'a Asked) -> Self {
        Self {
            context,
            asked,
            has_documents: context.output.is_json() || args.sarif.is_some(),
            records: Vec::new(),
            counts: BTreeMap::new(),
            signers: BTreeMap::new(),
            failed: None,
            exits: Vec::new(),
            total: 0,
        }
    }

    /// Shows one object to people.
    pub(super) fn show(&self, record: &Record) -> std::result::Result<(), CliError> {
        let output = self.context.output;
        if output.is_json() {
            return Ok(());
        }
        output.line(line(record, ""))?;
        if let Some(nodes) = &record.explanation {
            output.line(explain::tree(nodes).trim_end())?;
        } else if output.is_verbose() || !self.asked.is_range {
            for check in &record.checks {
                output.line(check_line(check))?;
            }
        }
        if let Some(carried) = &record.carried {
            let by = safe(&carried.by);
            output.line(paint(DIM, format_args!("   carried over by {by}")))?;
            for source in &carried.sources {
                let who = source.signer.as_ref().map(|who| who.identity.as_str());
                let text = format!("   from {} by {}", source.object, who.unwrap_or_default());
                output.line(paint(DIM, safe(&text)))?;
            }
        }
        for tag in &record.mergetags {
            output.line(line(tag, "   merged "))?;
        }
        // In a range each line says enough, and the table at the end what is to be done.
        if let Some(error) = record.error.as_ref().and_then(ErrorRecord::error)
            && (!self.asked.is_range || output.is_verbose())
        {
            output.error(&error);
        }
        Ok(())
    }

    /// Counts one object.
    pub(super) fn add(&mut self, record: Record) {
        self.total = self.total.saturating_add(1);
        let count = self.counts.entry(record.outcome.clone()).or_default();
        *count = count.saturating_add(1);
        if let (true, Some(signer)) = (record.verified, &record.signer) {
            let count = self.signers.entry(signer.clone()).or_default();
            *count = count.saturating_add(1);
        }
        if let Some(error) = &record.error {
            if !self.exits.contains(&error.exit_code) {
                self.exits.push(error.exit_code);
            }
            self.failed.get_or_insert_with(|| error.clone());
        }
        if self.has_documents {
            self.records.push(record);
        }
    }

    /// Shows all together, and says how it ends.
    pub(super) fn conclude(
        self,
        context: &Context,
        args: &GitVerifyArgs,
    ) -> std::result::Result<(), CliError> {
        let exit = self.exit();
        let output = self.context.output;
        if output.is_json() {
            output.document(&self.document())?;
        } else if self.asked.is_range {
            self.table()?;
        }
        if let Some(path) = &args.sarif {
            let explained: Vec<Explained> = self.records.iter().map(explained).collect();
            let status = exit.map_or(0, Exit::status);
            let mut text = serde_json::to_string_pretty(&sarif::log(&explained, status))
                .map_err(|error| CliError::internal(&error))?;
            text.push('\n');
            match path == Path::new("-") {
                true => context.output.exactly(&text)?,
                false => files::write_atomically(path, text.as_bytes())?,
            }
        }
        match exit {
            None => Ok(()),
            Some(exit) => Err(CliError::reported(exit)),
        }
    }

    /// How it ends: as the one object did, or all that are not verified; 50 where they differ.
    fn exit(&self) -> Option<Exit> {
        match self.exits.as_slice() {
            [] => None,
            [one] => Some(Exit::of_status(*one).unwrap_or(Exit::Failed)),
            _ => Some(Exit::Findings),
        }
    }

    fn table(&self) -> std::result::Result<(), CliError> {
        let output = self.context.output;
        output.line("")?;
        let width = self.total.to_string().len();
        for (outcome, words) in OUTCOMES {
            if let Some(count) = self.counts.get(outcome) {
                let mark = match outcome {
                    "verified" => tick(),
                    "refused" | "notAllowed" | "unreadable" => cross(),
                    _ => paint(WARN, "!"),
                };
                output.line(format_args!("{mark} {count:>width$}  {words}"))?;
            }
        }
        if self.total == 0 {
            output.line("nothing to verify: the range is empty")?;
            let mut lines = self.asked.lines.iter();
            // Its end can be reached from its beginning, or it would not be empty.
            if lines.any(|line| !line.bases.is_empty() && !line.bases.contains(&line.tip)) {
                output.note("note: it ends before it begins; A..B is what B has and A has not");
            }
        }
        for (signer, count) in self.signers.iter().take(SIGNERS) {
            output.line(format_args!(
                "  {count:>width$}  {} {}",
                safe(&signer.identity),
                paint(DIM, format_args!("({})", safe(&signer.issuer)))
            ))?;
        }
        let more = self.signers.len().saturating_sub(SIGNERS);
        if more > 0 {
            output.line(format_args!("  and {more} more who signed"))?;
        }
        if let Some(error) = self.failed.as_ref().and_then(ErrorRecord::error)
            && !output.is_verbose()
        {
            output.error(&error);
            if let Some(count) = self.counts.get("unproven")
                && error.exit() != Exit::Unproven
            {
                let rescue = rescue(&self.asked.words);
                output.note(format_args!(
                    "for the {count} that are not proven: {}",
                    safe(&rescue)
                ));
            }
        }
        Ok(())
    }

    fn document(&self) -> Document<'_> {
        let count = |outcome| self.counts.get(outcome).copied().unwrap_or_default();
        Document {
            version: 1,
            verified: self.exits.is_empty(),
            reference: self.asked.reference.as_deref(),
            results: self.records.iter().map(Result::of).collect(),
            summary: Summary {
                total: self.total,
                verified: count("verified"),
                exempt: count("exempt"),
                unproven: count("unproven"),
                not_allowed: count("notAllowed"),
                refused: count("refused"),
                platform: count("platform"),
                foreign: count("foreign"),
                unsigned: count("unsigned"),
                unreadable: count("unreadable"),
                signers: self
                    .signers
                    .iter()
                    .map(|(signer, verified)| Signed {
                        signer,
                        verified: *verified,
                    })
                    .collect(),
            },
        }
    }
}

impl<'a> Result<'a> {
    fn of(record: &'a Record) -> Self {
        Self {
            object: &record.object,
            kind: record.kind.as_deref(),
            subject: record.subject.as_deref(),
            committer: record.committer.as_ref(),
            verified: record.verified,
            outcome: &record.outcome,
            signature: record.signature.as_deref(),
            signer: record.signer.as_ref(),
            signed_at: record.signed_at,
            instance: record.instance.as_deref(),
            missing: &record.missing,
            checks: &record.checks,
            carried: record.carried.as_ref(),
            error: record.error.as_ref().and_then(ErrorRecord::fields),
            mergetags: record.mergetags.iter().map(Self::of).collect(),
            explanation: record.explanation.as_deref(),
        }
    }
}

/// An object in one line: whether it is verified, who signed, what it says of itself.
fn line(record: &Record, before: &str) -> String {
    let mark = match (record.verified, record.outcome.as_str()) {
        (true, _) => tick(),
        (false, "unproven" | "exempt" | "platform" | "foreign" | "unsigned") => paint(WARN, "!"),
        _ => cross(),
    };
    let short: String = record.object.chars().take(12).collect();
    let kind = match record.kind.as_deref() {
        Some("tag") => "tag ",
        _ => "",
    };
    let mut line = format!("{before}{mark} {kind}{short}");
    let signer = record.signer.as_ref();
    let said = match (record.outcome.as_str(), signer) {
        ("verified", Some(signer)) => signed_by(record, signer),
        ("unproven", Some(signer)) => {
            format!("good by {}, not proven when", safe(&signer.identity))
        }
        ("notAllowed", Some(signer)) => {
            format!("signed by {}, who may not", safe(&signer.identity))
        }
        (outcome, _) => {
            let words = OUTCOMES.iter().find(|(name, _)| *name == outcome);
            let words = words.map_or(outcome, |(_, words)| words);
            match &record.error {
                Some(error) => format!("{words} {}", paint(DIM, format_args!("[{}]", error.code))),
                None => words.to_owned(),
            }
        }
    };
    line.push_str("  ");
    line.push_str(&said);
    if let Some(subject) = &record.subject {
        line.push_str("  ");
        line.push_str(&paint(DIM, safe(subject)));
    }
    line
}

fn signed_by(record: &Record, signer: &Signer) -> String {
    let mut said = format!(
        "signed by {} {}",
        safe(&signer.identity),
        paint(DIM, format_args!("({})", safe(&signer.issuer)))
    );
    if let Some(time) = record.signed_at {
        said.push_str(&format!(" at {time}"));
    }
    said
}

fn check_line(check: &CheckRecord) -> String {
    let mark = match check.status.as_str() {
        "proven" | "plausible" => tick(),
        "failed" => cross(),
        _ => paint(DIM, "-"),
    };
    let name = paint(DIM, format_args!("{:<11}", safe(&check.check)));
    let said = check.message.as_deref().unwrap_or(&check.status);
    format!("   {mark} {name} {}", safe(said))
}

/// An object for the SARIF log.
fn explained(record: &Record) -> Explained {
    Explained {
        subject: format!("git/{}", record.object),
        bundle: None,
        verified: record.verified,
        error: record.error.as_ref().and_then(ErrorRecord::fields),
        nodes: record.explanation.clone().unwrap_or_default(),
    }
}
