//! What was decided, in words and as a document.

use serde::Serialize;
use signhere_git::gate::Decision;
use signhere_git::object::ObjectId;
use signhere_git::policy::{Judgement, Outcome, PolicySource, StandsBy, TRUST_FILE};

use crate::error::{CliError, ErrorFields};
use crate::exit::Exit;
use crate::output::style::{BOLD, DIM, WARN, cross, paint, tick};
use crate::output::text::safe;

/// No more commits are shown to a person; the document has all.
const MAX_SHOWN: usize = 20;
/// No more characters of a message or address.
const MAX_TEXT: usize = 80;

/// What was decided of a ref, with the errors that a person is told.
pub(in super::super) struct Report<'a> {
    decision: &'a Decision,
    errors: Vec<CliError>,
    commits: Vec<Judged<'a>>,
}

struct Judged<'a> {
    judgement: &'a Judgement,
    errors: Vec<CliError>,
    findings: Vec<CliError>,
}

impl<'a> Report<'a> {
    pub(in super::super) fn of(decision: &'a Decision) -> Self {
        let judged = |judgement: &'a Judgement| Judged {
            judgement,
            errors: judgement.refusals().iter().map(CliError::from).collect(),
            findings: judgement.findings.iter().map(CliError::from).collect(),
        };
        Self {
            decision,
            errors: decision.refusals.iter().map(CliError::from).collect(),
            commits: decision.judgements.iter().map(judged).collect(),
        }
    }

    /// How a process ends that found this: for each thing that is wrong.
    pub(in super::super) fn exits(&self) -> Vec<Exit> {
        let commits = self.commits.iter();
        let of_commits = commits.flat_map(|one| one.errors.iter().chain(&one.findings));
        let all = self.errors.iter().chain(of_commits);
        all.map(CliError::exit).collect()
    }

    /// Each commit and what is wrong with it: its id, its error, and the changed path that it is about.
    pub(in super::super) fn wrong(&self) -> Vec<(String, &CliError, Option<String>)> {
        let of_ref = self
            .errors
            .iter()
            .map(|error| (self.decision.update.reference.clone(), error, None));
        let commits = self.commits.iter().flat_map(|one| {
            let id = one.judgement.id.to_string();
            let paths = one.judgement.refusals().iter().map(path_of);
            let refused = one.errors.iter().zip(paths);
            let found = one.findings.iter().map(|finding| (finding, None));
            refused
                .chain(found)
                .map(move |(error, path)| (id.clone(), error, path))
        });
        of_ref.chain(commits).collect()
    }

    /// For a person: what is refused, and how it is mended; what is odd; how much was judged.
    pub(in super::super) fn lines(&self) -> Vec<String> {
        let reference = cut(&self.decision.update.reference);
        let count = self.commits.len();
        let what = match count {
            0 => "nothing to judge".to_owned(),
            1 => "1 commit or tag judged".to_owned(),
            count => format!("{count} commits and tags judged"),
        };
        let by = match &self.decision.policy {
            Some(PolicySource::Commit { id }) => {
                format!(" by {}:{TRUST_FILE}", short(id))
            }
            Some(PolicySource::Named { path }) => format!(" by {}", safe(path)),
            None => String::new(),
        };
        let is_allowed = self.decision.is_allowed();
        let (mark, word) = match is_allowed {
            true => (tick(), "let through"),
            false => (cross(), "refused"),
        };
        let mut lines = vec![format!(
            "{mark} {} is {word}: {what}{}",
            paint(BOLD, &reference),
            paint(DIM, by)
        )];
        for error in &self.errors {
            lines.extend(facts(error, "   "));
        }
        let wrong = self
            .commits
            .iter()
            .filter(|one| !one.errors.is_empty() || !one.findings.is_empty());
        for one in wrong.clone().take(MAX_SHOWN) {
            lines.push(one.head());
            for error in one.errors.iter().chain(&one.findings) {
                lines.extend(facts(error, "     "));
            }
        }
        let left = wrong.count().saturating_sub(MAX_SHOWN);
        if left > 0 {
            lines.push(format!("   and {left} more"));
        }
        lines
    }

    /// The document.
    pub(in super::super) fn document(&self) -> Document<'_> {
        let update = &self.decision.update;
        Document {
            reference: &update.reference,
            old: update.old.map(|id| id.to_string()),
            new: update.new.map(|id| id.to_string()),
            allowed: self.decision.is_allowed(),
            policy: self.decision.policy.as_ref().map(source),
            errors: self.errors.iter().map(CliError::fields).collect(),
            commits: self.commits.iter().map(Judged::document).collect(),
        }
    }
}

impl Judged<'_> {
    fn head(&self) -> String {
        let judgement = self.judgement;
        let mark = match self.errors.is_empty() {
            true => paint(WARN, "!"),
            false => cross(),
        };
        let id = short(&judgement.id);
        let committer = judgement
            .committer
            .as_deref()
            .map_or_else(String::new, |address| {
                format!(", committer {}", cut(address))
            });
        let subject = cut(&judgement.subject);
        format!(
            "   {mark} {} {id}{committer}: {}",
            judgement.kind,
            paint(DIM, format_args!("\"{subject}\""))
        )
    }

    fn document(&self) -> Commit<'_> {
        let judgement = self.judgement;
        let outcome = match &judgement.outcome {
            Outcome::Allowed => "allowed",
            Outcome::BeforeCutOver => "beforeCutOver",
            Outcome::Grandfathered => "grandfathered",
            Outcome::Refused(_) => "refused",
        };
        let stands = judgement.stands.iter().map(|stand| Stands {
            names: &stand.names,
            by: match &stand.by {
                StandsBy::Signature => "signature",
                StandsBy::Ssh => "ssh",
                StandsBy::Merge { .. } => "merge",
                StandsBy::Carried => "carried",
                StandsBy::Approval => "approval",
            },
        });
        Commit {
            id: judgement.id.to_string(),
            kind: judgement.kind.name(),
            committer: judgement.committer.as_deref(),
            subject: &judgement.subject,
            outcome,
            policy: judgement.policy.as_ref().map(source),
            stands: stands.collect(),
            errors: self.errors.iter().map(CliError::fields).collect(),
            findings: self.findings.iter().map(CliError::fields).collect(),
        }
    }
}

/// What was decided of a ref, for programs.
#[derive(Serialize)]
pub(in super::super) struct Document<'a> {
    reference: &'a str,
    old: Option<String>,
    new: Option<String>,
    allowed: bool,
    policy: Option<String>,
    errors: Vec<ErrorFields>,
    commits: Vec<Commit<'a>>,
}

#[derive(Serialize)]
struct Commit<'a> {
    id: String,
    kind: &'static str,
    committer: Option<&'a str>,
    subject: &'a str,
    outcome: &'static str,
    policy: Option<String>,
    stands: Vec<Stands<'a>>,
    errors: Vec<ErrorFields>,
    findings: Vec<ErrorFields>,
}

#[derive(Serialize)]
struct Stands<'a> {
    names: &'a [String],
    by: &'static str,
}

fn source(source: &PolicySource) -> String {
    match source {
        PolicySource::Commit { id } => format!("{id}:{TRUST_FILE}"),
        PolicySource::Named { path } => path.clone(),
    }
}

fn path_of(refusal: &signhere_git::policy::Refusal) -> Option<String> {
    match refusal {
        signhere_git::policy::Refusal::Rule {
            path: Some(path), ..
        } => Some(String::from_utf8_lossy(path).into_owned()),
        signhere_git::policy::Refusal::BreaksPolicy { .. } => Some(TRUST_FILE.to_owned()),
        _ => None,
    }
}

/// An error in lines of their own.
fn facts(error: &CliError, indent: &str) -> Vec<String> {
    let head = format!(
        "{indent}{} {}",
        safe(error.message()),
        paint(DIM, format_args!("[{}]", error.code()))
    );
    let facts = [
        ("expected", error.expected_text()),
        ("found", error.found_text()),
        ("mend", error.mend_or_usual()),
    ];
    let facts = facts.into_iter().filter_map(|(name, text)| {
        let name = paint(DIM, format_args!("{name:>8}"));
        Some(format!("{indent}{name}  {}", safe(text?)))
    });
    std::iter::once(head).chain(facts).collect()
}

fn short(id: &ObjectId) -> String {
    id.to_string().chars().take(12).collect()
}

/// Text of a stranger: short, in one line, and nothing that a terminal obeys.
fn cut(text: &str) -> String {
    let short: String = text.chars().take(MAX_TEXT).collect();
    safe(&short).into_owned()
}
