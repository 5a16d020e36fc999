//! What is wrong with a trust file, and where.

use std::fmt;

use super::file::{MAX_SIGNERS, MAX_TRUST_FILE_BYTES};
use super::{FilePatternError, GitPatternError, IdentityProblem, IssuerError};
use crate::toml::{Place, TomlProblem};

/// What is wrong with a trust file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustFileError {
    /// The file.
    pub label: String,
    /// Where in the file; `None` when it is about the whole.
    pub place: Option<Box<Place>>,
    /// What is wrong there.
    pub problem: Box<TrustFileProblem>,
}

/// What is wrong with a trust file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustFileProblem {
    /// More than [`MAX_TRUST_FILE_BYTES`].
    #[error("it has more than {MAX_TRUST_FILE_BYTES} bytes")]
    Size,
    /// More than [`MAX_SIGNERS`].
    #[error("it lists more than {MAX_SIGNERS} signers")]
    Signers,
    /// Too many values in an array.
    #[error("`{key}` has more than {most} values")]
    Many {
        /// The key.
        key: &'static str,
        /// The largest number.
        most: usize,
    },
    /// A value, a key or the whole is not what TOML or the file's form asks for.
    #[error(transparent)]
    Toml(TomlProblem),
    /// A name of a signer or an instance that cannot be one.
    #[error("a name has 1 to 64 letters, digits, - and _")]
    Name {
        /// The name.
        found: String,
    },
    /// An identity that is none, or a pattern that is too wide.
    #[error(transparent)]
    Identity(IdentityProblem),
    /// An issuer that is none.
    #[error(transparent)]
    Issuer(IssuerError),
    /// A pattern of files that is none.
    #[error(transparent)]
    File(FilePatternError),
    /// A key that cannot be read.
    #[error("the key cannot be used: {reason}")]
    Key {
        /// Why.
        reason: String,
    },
    /// Not exactly one of `identity`, `key` and `key_file`.
    #[error("[signers.{signer}] does not say who it is, or says it twice")]
    Who {
        /// The signer's name.
        signer: String,
    },
    /// A pattern of refs or paths that is none.
    #[error(transparent)]
    GitPattern(GitPatternError),
    /// More rules or teams than are read.
    #[error("there are more than {most} of them in [git.{part}]")]
    GitMany {
        /// `rules`, `teams` or `platforms`.
        part: &'static str,
        /// The largest number.
        most: usize,
    },
    /// A team or a rule names somebody who is not listed.
    #[error(
        "{place} names {name}, which is not listed: a team has signers, a rule signers and teams"
    )]
    GitUnknown {
        /// Which one: `rule main`, `team release`.
        place: String,
        /// The name.
        name: String,
    },
    /// A team that is called as a signer is.
    #[error("{name} is a signer as well as a team: a rule that names it could mean either")]
    GitTeamName {
        /// The name.
        name: String,
    },
    /// A rule that asks for more people than it names, or for none.
    #[error("[git.rules.{rule}] asks for {threshold} people of {people}")]
    GitThreshold {
        /// The rule.
        rule: String,
        /// How many people it asks for.
        threshold: i64,
        /// How many different people it names.
        people: usize,
    },
    /// `until` is before `from`.
    #[error("`until` is before `from`: no time lies between them")]
    Window,
}

impl TrustFileProblem {
    /// What should have been there.
    pub fn expected(&self) -> Option<String> {
        match self {
            Self::Toml(problem) => problem.expected(),
            Self::GitThreshold { people, .. } => Some(format!("from 1 to {people}")),
            Self::Who { .. } => Some("exactly one of identity, key and key_file".to_owned()),
            _ => None,
        }
    }

    /// What was there instead.
    pub fn found(&self) -> Option<String> {
        match self {
            Self::Toml(problem) => problem.found(),
            Self::Name { found } => Some(found.clone()),
            Self::GitThreshold { threshold, .. } => Some(threshold.to_string()),
            Self::GitUnknown { name, .. } | Self::GitTeamName { name } => Some(name.clone()),
            _ => None,
        }
    }
}

impl fmt::Display for TrustFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.label)?;
        if let Some(place) = &self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for TrustFileError {}

impl From<TomlProblem> for TrustFileProblem {
    fn from(problem: TomlProblem) -> Self {
        Self::Toml(problem)
    }
}
