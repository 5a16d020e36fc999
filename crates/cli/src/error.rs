//! What a person is told when something fails.
//!
//! Here, and only here, errors of the libraries become errors for people: a
//! code to search for, what happened, what was expected and found, and the
//! command that mends it. The libraries' own errors are facts; see `convert.rs`.

mod agent;
mod backup;
pub(crate) mod catalogue;
mod convert;
mod gate;
pub(crate) mod git;
mod notes;
mod record;
pub(crate) mod repository;
#[cfg(test)]
mod tests;
mod tuf;

use std::fmt::{Display, Write as _};
use std::io;
use std::path::Path;

use serde::Serialize;
use signhere_verify::verdict::StepName;

use crate::exit::Exit;
use crate::output::style::{BAD, BOLD, DIM};
use crate::output::text::safe;

pub(crate) use record::ErrorRecord;

/// Where exactly it is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Detail {
    /// In the line of a file: the line, and one with carets.
    Excerpt([String; 2]),
    /// In what was found.
    Mark(Mark),
}

/// Carets under a part of what was found, and what they are about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    span: [usize; 2],
    text: String,
}

/// An error as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CliError {
    exit: Exit,
    code: &'static str,
    message: Box<str>,
    check: Option<StepName>,
    detail: Option<Box<Detail>>,
    expected: Option<String>,
    found: Option<String>,
    mend: Option<String>,
    silent: bool,
}

impl CliError {
    /// An error with its stable code and what happened, in lower case and
    /// without a full stop.
    pub(crate) fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit,
            code,
            message: message.into().into_boxed_str(),
            check: None,
            detail: None,
            expected: None,
            found: None,
            mend: None,
            silent: false,
        }
    }

    /// The command line asks for something that cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "SH-USAGE", message)
    }

    /// A file could not be read, written or made. `doing` is a verb: "read".
    pub(crate) fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        let shown = path.display();
        match error.kind() {
            io::ErrorKind::NotFound => Self::new(
                Exit::Failed,
                "SH-FILE-MISSING",
                format!("cannot {doing} {shown}: there is no such file"),
            ),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::new(
                Exit::Failed,
                "SH-FILE-DENIED",
                format!("cannot {doing} {shown}: permission denied"),
            )
            .mend(format!("ls -ld {}", shell_word(&shown.to_string()))),
            _ => Self::new(
                Exit::Failed,
                "SH-FILE",
                format!("cannot {doing} {shown}: {error}"),
            ),
        }
    }

    /// A file that would have been made is there already.
    pub(crate) fn exists(path: &Path) -> Self {
        Self::new(
            Exit::Failed,
            "SH-FILE-EXISTS",
            format!("{} exists already, and is not overwritten", path.display()),
        )
        .mend("choose another name, or move the file away")
    }

    /// A file is larger than anything of its kind can be.
    pub(crate) fn too_large(path: &Path, limit: u64) -> Self {
        Self::new(
            Exit::Failed,
            "SH-FILE-TOO-LARGE",
            format!("{} is too large", path.display()),
        )
        .expected(format!("at most {limit} bytes"))
    }

    /// Standard output is gone. A closed pipe is no news to anybody.
    pub(crate) fn output(error: &io::Error) -> Self {
        let mut this = Self::new(
            Exit::Failed,
            "SH-OUTPUT",
            format!("cannot write to standard output: {error}"),
        );
        this.silent = error.kind() == io::ErrorKind::BrokenPipe;
        this
    }

    /// Something that cannot happen did.
    pub(crate) fn internal(error: &dyn Display) -> Self {
        Self::new(
            Exit::Failed,
            "SH-INTERNAL",
            format!("internal error: {error}"),
        )
    }

    /// The process has already said what failed, and ends with `exit`.
    pub(crate) fn reported(exit: Exit) -> Self {
        let mut this = Self::new(exit, "", "");
        this.silent = true;
        this
    }

    /// Adds what should have been there.
    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Adds what was there instead.
    pub(crate) fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    /// Adds the command, or the act, that mends it.
    pub(crate) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    /// Ends the process with another code.
    pub(crate) fn exits(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Says first which file it is about.
    pub(crate) fn about(mut self, subject: &str) -> Self {
        self.message = format!("{subject}: {}", self.message).into();
        self
    }

    /// The code, as it stands in the catalogue.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// What should have been there.
    pub(crate) fn expected_text(&self) -> Option<&str> {
        self.expected.as_deref()
    }

    /// What was there instead.
    pub(crate) fn found_text(&self) -> Option<&str> {
        self.found.as_deref()
    }

    /// What mends it: what somebody said who knew the particulars, or what the
    /// catalogue says of the code.
    pub(crate) fn mend_or_usual(&self) -> Option<&str> {
        let usual = || catalogue::find(self.code)?.mend.act();
        self.mend.as_deref().or_else(usual)
    }

    /// The line of a file that is wrong, and one with carets.
    fn excerpt(&self) -> Option<&[String; 2]> {
        match self.detail.as_deref() {
            Some(Detail::Excerpt(lines)) => Some(lines),
            _ => None,
        }
    }

    /// What happened, alone.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether nothing is left to be said.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    /// The lines for a terminal, styled, each ended by a line feed.
    pub(crate) fn render(&self) -> String {
        let mut out = format!(
            "{BAD}error{BAD:#}: {BOLD}{}{BOLD:#} {DIM}[{}]{DIM:#}\n",
            safe(&self.message),
            self.code
        );
        for line in self.excerpt().into_iter().flatten() {
            let _ = writeln!(out, "  {}", safe(line).replace("\\u{9}", "\t"));
        }
        let facts = [
            ("check", self.check.map(what_is_checked)),
            ("expected", self.expected.as_deref()),
            ("found", self.found.as_deref()),
            ("mend", self.mend_or_usual()),
        ];
        for (name, fact) in facts {
            if let Some(fact) = fact {
                let _ = writeln!(out, "  {DIM}{name:>8}{DIM:#}  {}", safe(fact));
            }
            if let (Some(Detail::Mark(mark)), "found") = (self.detail.as_deref(), name) {
                let [start, end] = mark.span;
                let (pad, carets) = (" ".repeat(start), "^".repeat(end.saturating_sub(start)));
                let _ = writeln!(
                    out,
                    "            {pad}{BAD}{carets}{BAD:#} {}",
                    safe(&mark.text)
                );
            }
        }
        out
    }

    /// What happened, expected and found, aligned under a step of quickstart.
    pub(crate) fn brief(&self) -> String {
        let mut out = safe(&self.message).into_owned();
        for (name, fact) in [("expected", &self.expected), ("found", &self.found)] {
            if let Some(fact) = fact {
                let _ = write!(out, "\n     {DIM}{name:<9}{DIM:#} {}", safe(fact));
            }
        }
        out
    }

    /// The document of `--json`.
    pub(crate) fn document(&self) -> impl Serialize + use<> {
        ErrorDocument {
            version: 1,
            error: self.fields(),
        }
    }

    /// The fields of the error in any `--json` document.
    pub(crate) fn fields(&self) -> ErrorFields {
        ErrorFields {
            code: self.code,
            message: self.message.to_string(),
            check: self.check,
            excerpt: self.excerpt().cloned().map(Box::new),
            expected: self.expected.clone(),
            found: self.found.clone(),
            mend: self.mend_or_usual().map(str::to_owned),
            exit_code: self.exit.status(),
        }
    }
}

#[derive(Serialize)]
struct ErrorDocument {
    version: u32,
    error: ErrorFields,
}

/// An error within a document.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorFields {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    check: Option<StepName>,
    excerpt: Option<Box<[String; 2]>>,
    pub(crate) expected: Option<String>,
    pub(crate) found: Option<String>,
    pub(crate) mend: Option<String>,
    exit_code: u8,
}

/// What a step of a verification looks at, in words.
pub(crate) fn what_is_checked(step: StepName) -> &'static str {
    match step {
        StepName::Bundle => "bundle: it is well formed and of the sort asked for",
        StepName::Artifact => "artifact: it is what the bundle is about",
        StepName::Signature => "signature: the signer's key made it",
        StepName::Log => "log: a transparency log holds the signature",
        StepName::Time => "time: when it was signed is proven",
        StepName::Certificate => {
            "certificate: a trusted authority issued it, and it was valid then"
        }
        StepName::Sct => "sct: a certificate log holds the certificate",
        StepName::Identity => "identity: the expected signer signed",
        StepName::Key => "key: it is the expected one",
        StepName::Policy => "policy: a trust file lists the signer for this",
        other => other.as_str(),
    }
}

/// `word` as a POSIX shell takes it for one word.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
