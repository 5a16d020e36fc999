//! git's configuration, as `git config -z --list --show-scope --show-origin` tells it, and what of it, of
//! gitsign's keys and of the environment means something here.
//!
//! Values may hold line feeds: the list is read by its NULs, never by lines.

mod settings;
#[cfg(test)]
mod tests;

use std::fmt;

pub use settings::{Settings, Source, Unused};

/// The longest list that is read, in bytes.
pub const MAX_LIST_LEN: usize = 4 * 1024 * 1024;
/// The most entries that are read.
pub const MAX_ENTRIES: usize = 65_536;

/// git's configuration, in the order in which git reads it: what comes later counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitConfig {
    entries: Vec<Entry>,
}

/// A line of a configuration file, or what stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose configuration it is.
    pub scope: Scope,
    /// Where it stands, as git says it: `file:/home/ada/.gitconfig`.
    pub origin: String,
    /// Section, perhaps subsection, and name; all but the subsection in lower case.
    pub key: String,
    /// The value; `None` for a name alone, which is true where a truth value is asked for.
    pub value: Option<String>,
}

/// Whose configuration it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scope {
    /// The machine's.
    System,
    /// The user's.
    Global,
    /// The repository's.
    Local,
    /// The work tree's.
    Worktree,
    /// Given with `-c` or in the environment.
    Command,
    /// Something that git did not have when this was written.
    Unknown,
}

impl Scope {
    /// Returns its name, as git writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Global => "global",
            Self::Local => "local",
            Self::Worktree => "worktree",
            Self::Command => "command",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a list is not git's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// More bytes than [`MAX_LIST_LEN`].
    #[error("git's configuration has {found} bytes, at most {MAX_LIST_LEN} are read")]
    TooLong {
        /// The length found.
        found: usize,
    },
    /// More entries than [`MAX_ENTRIES`].
    #[error("git's configuration has more than {MAX_ENTRIES} entries")]
    TooMany,
    /// The list ends in the middle of an entry.
    #[error("git's configuration ends in the middle of an entry")]
    Truncated,
}

impl GitConfig {
    /// Reads the output of `git config -z --list --show-scope --show-origin`. What is no UTF-8 is replaced.
    ///
    /// # Errors
    /// [`ConfigError`] when it is none, or too large.
    pub fn parse(list: &[u8]) -> Result<Self, ConfigError> {
        if list.len() > MAX_LIST_LEN {
            return Err(ConfigError::TooLong { found: list.len() });
        }
        if list.is_empty() {
            return Ok(Self::default());
        }
        let list = list.strip_suffix(b"\0").ok_or(ConfigError::Truncated)?;
        let mut fields = list
            .split(|byte| *byte == 0)
            .map(|field| String::from_utf8_lossy(field).into_owned());
        let mut entries = Vec::new();
        while let Some(scope) = fields.next() {
            if entries.len() == MAX_ENTRIES {
                return Err(ConfigError::TooMany);
            }
            let (Some(origin), Some(entry)) = (fields.next(), fields.next()) else {
                return Err(ConfigError::Truncated);
            };
            let (key, value) = match entry.split_once('\n') {
                Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
                None => (entry, None),
            };
            entries.push(Entry {
                scope: match scope.as_str() {
                    "system" => Scope::System,
                    "global" => Scope::Global,
                    "local" => Scope::Local,
                    "worktree" => Scope::Worktree,
                    "command" => Scope::Command,
                    _ => Scope::Unknown,
                },
                origin,
                key,
                value,
            });
        }
        Ok(Self { entries })
    }

    /// Returns the entry that counts. `key` is written as git writes it: `gpg.x509.program`.
    pub fn find(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.key == key)
    }

    /// Returns all entries of a key, the one that counts last.
    pub fn all<'a>(&'a self, key: &'a str) -> impl DoubleEndedIterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.key == key)
    }

    /// Returns the value that counts, `None` when there is none.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.find(key)?.value.as_deref()
    }

    /// Returns the truth value that counts; `None` when there is none, or what stands there is no truth value.
    pub fn truth(&self, key: &str) -> Option<bool> {
        self.find(key)?.truth()
    }

    /// Returns the entries whose keys begin so.
    pub fn section<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Entry> {
        let entries = self.entries.iter();
        entries.filter(move |entry| entry.key.starts_with(prefix))
    }
}

impl Entry {
    /// Returns the truth value, by git's rules; `None` when it is none.
    pub fn truth(&self) -> Option<bool> {
        let Some(value) = &self.value else {
            return Some(true);
        };
        match value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" | "" => Some(false),
            _ => None,
        }
    }
}
