//! The chain of evidence as a tree: what `--explain` and `bundle inspect` show,
//! in every form.

mod build;
#[cfg(test)]
mod tests;
mod tree;
mod words;

use serde::Serialize;
use signhere_verify::bundle::Claims;
use signhere_verify::verdict::Verdict;

use crate::error::{CliError, ErrorFields};

pub(crate) use self::tree::tree;

/// One thing that is known, claimed or refused, and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Node {
    /// Whether it holds.
    pub(crate) state: State,
    /// The question that it answers, in a word or two.
    pub(crate) label: &'static str,
    /// The answer.
    pub(crate) text: String,
    /// Particulars: a name and a value each.
    pub(crate) facts: Vec<Fact>,
    /// What it rests on.
    pub(crate) children: Vec<Self>,
}

/// A particular of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fact {
    /// What it is.
    pub(crate) name: &'static str,
    /// Its value, as it stands in the bundle: not neutralised.
    pub(crate) value: String,
}

/// Whether a node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum State {
    /// Proven.
    Proven,
    /// The bundle says so, and nothing was proven.
    Claimed,
    /// Refused: here the verification ended.
    Failed,
    /// Not looked at, because something before it failed.
    NotReached,
    /// There is nothing to prove: nobody asks for it.
    NotAsked,
}

impl State {
    /// The state's class in the HTML form.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Claimed => "claimed",
            Self::Failed => "failed",
            Self::NotReached | Self::NotAsked => "none",
        }
    }

    /// The state in a word, which stands beside every mark.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Claimed => "claimed, not verified",
            Self::Failed => "refused",
            Self::NotReached => "not reached",
            Self::NotAsked => "nothing asked",
        }
    }
}

/// What is explained.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evidence<'a> {
    /// What the bundle says.
    pub(crate) claims: Option<&'a Claims>,
    /// What was proven.
    pub(crate) verdict: Option<&'a Verdict>,
    /// Why it was refused.
    pub(crate) error: Option<&'a CliError>,
    /// The trust material that it was held against, in words.
    pub(crate) against: Option<&'a str>,
}

impl Evidence<'_> {
    /// The tree's branches, one a question.
    pub(crate) fn explain(self) -> Vec<Node> {
        build::nodes(self)
    }
}

/// One subject with its tree, as reports show it.
#[derive(Debug)]
pub(crate) struct Explained {
    /// The file or digest, as it was named.
    pub(crate) subject: String,
    /// Where the bundle was read from.
    pub(crate) bundle: Option<String>,
    /// Whether it is verified.
    pub(crate) verified: bool,
    /// Why it is not.
    pub(crate) error: Option<ErrorFields>,
    /// The tree.
    pub(crate) nodes: Vec<Node>,
}

impl Node {
    /// A file that a signed list of checksums vouches for.
    pub(crate) fn vouched_for_by(list: &str) -> Self {
        Self::new(State::Proven, "artifact", "its digest is in a signed list").fact("list", list)
    }

    fn new(state: State, label: &'static str, text: impl Into<String>) -> Self {
        Self {
            state,
            label,
            text: text.into(),
            facts: Vec::new(),
            children: Vec::new(),
        }
    }

    fn fact(mut self, name: &'static str, value: impl ToString) -> Self {
        self.facts.push(Fact {
            name,
            value: value.to_string(),
        });
        self
    }

    fn maybe(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.fact(name, value),
            None => self,
        }
    }

    fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }
}
