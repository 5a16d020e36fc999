//! What is wrong with a configuration file, and where.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use signhere_verify::toml::{Place, TomlProblem};

/// What is wrong with a configuration file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// Where in the file; `None` when it could not be read at all.
    pub place: Option<Box<Place>>,
    /// What is wrong there.
    pub problem: Box<ConfigProblem>,
}

/// What is wrong with a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// The file is not there.
    #[error("there is no such file")]
    Absent,
    /// The file cannot be read.
    #[error("it cannot be read: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
    /// A value, a key or the whole is not what TOML or the file's form asks for.
    #[error(transparent)]
    Toml(TomlProblem),
    /// A file that is named here is not what it should be.
    #[error("{path} cannot be used", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What it is instead.
        found: String,
    },
    /// The development issuer believes everybody, and others than this machine could reach it.
    #[error("the development issuer is for this machine alone: it believes whatever is typed")]
    DevelopmentInPublic {
        /// From where else the instance can be reached.
        found: String,
    },
    /// Plain HTTP where others than this machine could read and change it.
    #[error("plain HTTP is for this machine alone")]
    PlainInPublic {
        /// The address of the listener.
        address: SocketAddr,
    },
    /// A listener that no client can be sent to.
    #[error("clients cannot be told where to find {address}")]
    UrlNeeded {
        /// The address of the listener.
        address: SocketAddr,
    },
    /// The instance's own CA without a CT log.
    #[error("the CA needs a CT log: clients refuse certificates that no log has")]
    CaWithoutCt,
    /// A service that is both the instance's own and somebody else's.
    #[error("[{service}] is switched on and external at once")]
    OwnAndExternal {
        /// `ca`, `ct`, `log`, `tsa`.
        service: &'static str,
    },
}

impl ConfigError {
    /// An error about bytes `span` of `text`.
    pub(super) fn at(path: &Path, text: &str, span: Range<usize>, problem: ConfigProblem) -> Self {
        Self {
            path: path.to_path_buf(),
            place: Some(Box::new(Place::of(text, span))),
            problem: Box::new(problem),
        }
    }

    /// An error about the whole file.
    pub(super) fn of_file(path: &Path, problem: ConfigProblem) -> Self {
        Self {
            path: path.to_path_buf(),
            place: None,
            problem: Box::new(problem),
        }
    }
}

impl ConfigProblem {
    /// What should have been there.
    pub fn expected(&self) -> Option<String> {
        match self {
            Self::Toml(problem) => problem.expected(),
            Self::File { expected, .. } => Some((*expected).to_owned()),
            Self::DevelopmentInPublic { .. } => {
                Some("a loopback address to listen on, and no other url".to_owned())
            }
            Self::PlainInPublic { .. } => {
                Some("[tls], or a url with https:// that a proxy in front answers".to_owned())
            }
            Self::UrlNeeded { .. } => Some("a url that clients can reach".to_owned()),
            _ => None,
        }
    }

    /// What was there instead.
    pub fn found(&self) -> Option<String> {
        match self {
            Self::Toml(problem) => problem.found(),
            Self::File { found, .. } | Self::DevelopmentInPublic { found } => Some(found.clone()),
            Self::PlainInPublic { address } | Self::UrlNeeded { address } => {
                Some(address.to_string())
            }
            _ => None,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(place) = &self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for ConfigError {}
