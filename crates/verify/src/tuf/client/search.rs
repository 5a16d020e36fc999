//! Which role describes a target: section 5.6.7, a depth-first search in pre-order.

use std::collections::HashSet;

use super::UpdateError;
use super::names::url_paths;
use crate::excerpt::excerpt;
use crate::tuf::{Delegations, TargetFile, TufError};

/// A file that a repository offers, and what it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The path that the metadata knows it by.
    pub path: String,
    /// Its length and hashes.
    pub file: TargetFile,
    /// The role that describes it.
    pub role: String,
    pub(super) consistent_snapshot: bool,
}

/// Who delegates to a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Delegator {
    /// The root, to `targets`.
    Root,
    /// The role of this name.
    Role(String),
}

/// A search under way.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub(super) path: String,
    /// The roles yet to be asked, the next one last.
    waiting: Vec<(String, Delegator)>,
    visited: HashSet<String>,
}

impl Target {
    /// Where the target may lie under the URL of targets, percent-encoded, likeliest first. With consistent
    /// snapshots the last segment begins with one of its hashes.
    ///
    /// # Errors
    /// [`UpdateError::UnsafePath`]; [`UpdateError::Document`] when no hash of it is known here.
    pub fn locations(&self) -> Result<Vec<String>, UpdateError> {
        if self.file.hashes.is_empty() {
            return Err(UpdateError::Document {
                file: excerpt(&self.path),
                error: TufError::NoHash {
                    file: excerpt(&self.path),
                },
            });
        }
        let unsafe_path = || UpdateError::UnsafePath {
            path: excerpt(&self.path),
        };
        let paths = url_paths(&self.path).ok_or_else(unsafe_path)?;
        if !self.consistent_snapshot {
            return Ok(paths);
        }
        let with_hash = |path: &String, hash: String| match path.rsplit_once('/') {
            Some((folder, name)) => format!("{folder}/{hash}.{name}"),
            None => format!("{hash}.{path}"),
        };
        let hashes = self.file.hashes.iter();
        Ok(hashes
            .flat_map(|digest| paths.iter().map(|path| with_hash(path, digest.hex())))
            .collect())
    }

    /// Checks that `bytes` is the target.
    ///
    /// # Errors
    /// [`UpdateError::Document`].
    pub fn check(&self, bytes: &[u8]) -> Result<(), UpdateError> {
        let checked = self.file.check(&self.path, bytes);
        checked.map_err(|error| UpdateError::Document {
            file: excerpt(&self.path),
            error,
        })
    }
}

impl Search {
    pub(super) fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            waiting: vec![("targets".to_owned(), Delegator::Root)],
            visited: HashSet::new(),
        }
    }

    /// The next role to ask; none when all were asked or `limit` of them.
    pub(super) fn next(&mut self, limit: usize) -> Option<(String, Delegator)> {
        while let Some((role, delegator)) = self.waiting.pop() {
            if self.visited.contains(&role) {
                continue;
            }
            if self.visited.len() >= limit {
                return None;
            }
            self.visited.insert(role.clone());
            return Some((role, delegator));
        }
        None
    }

    /// Notes whom a role that does not describe the target delegates it to.
    pub(super) fn delegated(&mut self, role: &str, delegations: &Delegations) {
        let roles = delegations.roles_for(&self.path);
        // The roles asked for end with the first that nobody else is asked after.
        if roles
            .last()
            .is_some_and(|last| delegations.is_terminating(last))
        {
            self.waiting.clear();
        }
        for name in roles.into_iter().rev() {
            self.waiting.push((name, Delegator::Role(role.to_owned())));
        }
    }
}
