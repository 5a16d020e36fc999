//! What is wrong with a trust file, and where.

use std::fmt;

use super::file::{MAX_SIGNERS, MAX_TRUST_FILE_BYTES};
use super::{FilePatternError, IdentityProblem, IssuerError};
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
    /// `until` is before `from`.
    #[error("`until` is before `from`: no time lies between them")]
    Window,
}

impl TrustFileProblem {
    /// What should have been there.
    pub fn expected(&self) -> Option<String> {
        match self {
            Self::Toml(problem) => problem.expected(),
            Self::Who { .. } => Some("exactly one of identity, key and key_file".to_owned()),
            _ => None,
        }
    }

    /// What was there instead.
    pub fn found(&self) -> Option<String> {
        match self {
            Self::Toml(problem) => problem.found(),
            Self::Name { found } => Some(found.clone()),
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
