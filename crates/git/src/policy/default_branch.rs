//! The branch whose trust file judges what is new, and whose revocations count everywhere.

use std::sync::Arc;

use super::History;
use super::force::{InForce, Policy, PolicyError};
use crate::object::ObjectId;
use crate::repository::{Repository, RepositoryError};

/// The remote whose default branch counts in a clone.
const ORIGIN: &str = "origin";

/// A repository's default branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultBranch {
    /// The ref's full name.
    pub name: String,
    /// The commit that it is at.
    pub tip: ObjectId,
}

impl DefaultBranch {
    /// That of a repository that is pushed to: the branch that its `HEAD` names. `None` where there is none, or it is yet
    /// to be born.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn of_server(repository: &Repository) -> Result<Option<Self>, RepositoryError> {
        match repository.current_branch()? {
            Some(name) => Self::at(repository, &name),
            None => Ok(None),
        }
    }

    /// That of a remote, as far as it was fetched: the branch that the remote's `HEAD` names, `main` or `master`.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn of_remote(
        repository: &Repository,
        remote: &str,
    ) -> Result<Option<Self>, RepositoryError> {
        for name in ["HEAD", "main", "master"] {
            let found = Self::at(repository, &format!("refs/remotes/{remote}/{name}"))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The trust file at its tip.
    ///
    /// # Errors
    /// [`PolicyError`] when it cannot be used or the repository cannot be read.
    pub fn in_force(&self, repository: &Repository) -> Result<InForce, PolicyError> {
        let commit = History::object(repository, &self.tip)?;
        let commit = commit.map_err(|error| RepositoryError::Damaged {
            id: self.tip,
            cause: error.to_string(),
        })?;
        InForce::at(repository, &commit)
    }

    fn at(repository: &Repository, name: &str) -> Result<Option<Self>, RepositoryError> {
        let tip = repository.reference(name)?;
        Ok(tip.map(|tip| Self {
            name: name.to_owned(),
            tip,
        }))
    }
}

/// The policy whose revocations count for whatever is judged in a clone: that of the default branch of `origin`, or of the
/// branch that is checked out where nothing was fetched from there. `None` where it has no trust file.
///
/// # Errors
/// [`PolicyError`] when its trust file cannot be used or the repository cannot be read.
pub fn revoking(repository: &Repository) -> Result<Option<Arc<Policy>>, PolicyError> {
    let branch = match DefaultBranch::of_remote(repository, ORIGIN)? {
        None => DefaultBranch::of_server(repository)?,
        found => found,
    };
    match branch {
        Some(branch) => Ok(branch.in_force(repository)?.policy().cloned()),
        None => Ok(None),
    }
}
