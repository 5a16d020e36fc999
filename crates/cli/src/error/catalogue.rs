//! What each code means: the one source of `signhere explain`, of the help in
//! SARIF, of mends that need no particulars, and of `docs/reference/errors.md`.

mod agent;
mod artifact;
mod bundle;
mod certificate;
mod files;
mod gate;
mod git;
mod instance;
mod log;
mod notes;
mod policy;
mod repository;
mod service;
#[cfg(test)]
mod tests;
mod time;
mod trust;

use std::fmt::Write as _;

use crate::exit::Exit;

/// A code and what there is to know of it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The code, which stays: `SH-` and what it is about.
    pub(crate) code: &'static str,
    /// How the process ends with it; the most usual one first.
    pub(crate) exits: &'static [Exit],
    /// What happened, as one or two sentences.
    pub(crate) what: &'static str,
    /// Why it is checked, with the standard that says so.
    pub(crate) why: &'static str,
    /// What usually causes it, the most usual first.
    pub(crate) causes: &'static [&'static str],
    /// What to do.
    pub(crate) mend: Mend,
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mend {
    /// A command or an act that fits whenever the error itself names no better one.
    Do(&'static str),
    /// Why none fits always.
    Nothing(&'static str),
}

/// The families, in the order of the reference: a heading and its entries.
const FAMILIES: [(&str, &[Entry]); 15] = [
    ("The bundle", bundle::ENTRIES),
    ("The artifact and the signature", artifact::ENTRIES),
    ("The log entry", log::ENTRIES),
    ("The time", time::ENTRIES),
    ("The certificate and who signed", certificate::ENTRIES),
    ("Who may sign", policy::ENTRIES),
    ("Commits and tags", git::ENTRIES),
    ("Who may commit where", gate::ENTRIES),
    (
        "Repositories, and signatures by SSH keys",
        repository::ENTRIES,
    ),
    ("Notes, approvals and attestations", notes::ENTRIES),
    ("Trust material", trust::ENTRIES),
    ("Files, keys, the command line", files::ENTRIES),
    ("Services and logins", service::ENTRIES),
    ("The agent", agent::ENTRIES),
    ("Private instances", instance::ENTRIES),
];

/// All entries, in the order of the reference.
pub(crate) fn all() -> impl Iterator<Item = &'static Entry> {
    FAMILIES.iter().flat_map(|(_, entries)| entries.iter())
}

/// The families' headings and entries.
pub(crate) fn families() -> impl Iterator<Item = (&'static str, &'static [Entry])> {
    FAMILIES.into_iter()
}

/// The entry of a code.
pub(crate) fn find(code: &str) -> Option<&'static Entry> {
    all().find(|entry| entry.code == code)
}

/// The code that `text` may have been meant to be.
pub(crate) fn nearest(text: &str) -> Option<&'static Entry> {
    // Further away it is another word.
    let limit = text.len().min(64) / 3;
    all()
        .map(|entry| (distance(entry.code, text), entry))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, entry)| entry)
}

/// A code as it may be written by hand: any case, with or without `SH-`.
pub(crate) fn normal(text: &str) -> String {
    let text = text.trim().to_ascii_uppercase().replace('_', "-");
    if text.starts_with("SH-") {
        return text;
    }
    format!("SH-{text}")
}

/// The page `docs/reference/errors.md`.
pub(crate) fn markdown() -> String {
    let mut page = String::from(
        "# Error codes\n\n\
         Every error has a code that stays. `signhere explain CODE` says more of each: why it is checked, with the standard that\n\
         says so, and what usually causes it. The number is the [exit code](../guide/sign-and-verify.md#exit-codes). This page\n\
         is made by `signhere explain --markdown`.\n",
    );
    for (heading, entries) in families() {
        let _ = write!(
            page,
            "\n## {heading}\n\n| code | exit | what happened | what to do |\n|---|---|---|---|\n"
        );
        for entry in entries {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                entry.code,
                entry.exit_codes(),
                entry.what,
                entry.mend.as_sentence(),
            );
        }
    }
    page
}

impl Entry {
    /// The exit codes, as a list.
    pub(crate) fn exit_codes(&self) -> String {
        let codes: Vec<_> = self.exits.iter().map(|e| e.status().to_string()).collect();
        codes.join(", ")
    }
}

impl Mend {
    /// The command or act, where one fits always.
    pub(crate) fn act(self) -> Option<&'static str> {
        match self {
            Self::Do(act) => Some(act),
            Self::Nothing(_) => None,
        }
    }

    /// What to do, or why there is nothing, with a capital at its start unless
    /// it is a command.
    pub(crate) fn as_sentence(self) -> String {
        let (Self::Do(text) | Self::Nothing(text)) = self;
        let is_command = ["signhere ", "chmod ", "--"]
            .iter()
            .any(|start| text.starts_with(start));
        let mut chars = text.chars();
        match chars.next() {
            Some(first) if !is_command => format!("{}{}", first.to_uppercase(), chars.as_str()),
            _ => text.to_owned(),
        }
    }
}

/// How many letters have to be changed, added or left out (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            let change = diagonal.saturating_add(usize::from(x != *y));
            left = change
                .min(above.saturating_add(1))
                .min(left.saturating_add(1));
            diagonal = above;
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}
