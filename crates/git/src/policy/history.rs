//! What judging needs to know of a repository.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::object::{Object, ObjectError, ObjectId, ObjectKind};
use crate::repository::{Mode, Repository, RepositoryError};

/// The most files that a merge is made again for, how large they may be together, in bytes, and how long it may take.
const MERGED_FILES: usize = 64;
const MERGED_BYTES: u64 = 16 << 20;
const MERGED_WITHIN: Duration = Duration::from_secs(10);

/// A repository's commits and what is in them.
pub trait History: Sync {
    /// A commit or a tag.
    ///
    /// # Errors
    /// When it is missing, damaged, something else, or malformed: then the inner error says how.
    fn object(&self, id: &ObjectId) -> Result<Result<Object, ObjectError>, RepositoryError>;

    /// Whether an object of this id is there.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn has(&self, id: &ObjectId) -> Result<bool, RepositoryError>;

    /// The commits that can be reached from `tips` and not from `bases`, each before its parents.
    ///
    /// # Errors
    /// When a commit is missing on the way, or there are too many.
    fn history(
        &self,
        tips: &[ObjectId],
        bases: &[ObjectId],
    ) -> Result<Vec<ObjectId>, RepositoryError>;

    /// The best common ancestors of two commits.
    ///
    /// # Errors
    /// As [`Self::history`].
    fn merge_bases(
        &self,
        one: &ObjectId,
        other: &ObjectId,
    ) -> Result<Vec<ObjectId>, RepositoryError>;

    /// The tree that merging two commits gives where both changed the files at `paths` since `base` (a tree), and no more;
    /// `None` where that gives a conflict, is too much, or cannot be done here.
    ///
    /// # Errors
    /// When an object cannot be read.
    fn merged(
        &self,
        base: &ObjectId,
        commits: [&ObjectId; 2],
        paths: &BTreeSet<Vec<u8>>,
    ) -> Result<Option<ObjectId>, RepositoryError>;

    /// The paths at which two trees differ; without `old`, everything.
    ///
    /// # Errors
    /// When an object cannot be read, or too much changed.
    fn changed(
        &self,
        old: Option<&ObjectId>,
        new: &ObjectId,
    ) -> Result<Vec<Vec<u8>>, RepositoryError>;

    /// The id of the file at `path` in `tree`; `None` where there is no plain file.
    ///
    /// # Errors
    /// When an object cannot be read.
    fn file_id(&self, tree: &ObjectId, path: &[u8]) -> Result<Option<ObjectId>, RepositoryError>;

    /// A file's content, at most `limit` bytes.
    ///
    /// # Errors
    /// When it cannot be read or is larger.
    fn content(&self, file: &ObjectId, limit: u64) -> Result<Vec<u8>, RepositoryError>;
}

impl History for Repository {
    fn object(&self, id: &ObjectId) -> Result<Result<Object, ObjectError>, RepositoryError> {
        let raw = Self::object(self, id)?;
        Ok(Object::parse(raw.kind, raw.bytes))
    }

    fn has(&self, id: &ObjectId) -> Result<bool, RepositoryError> {
        match Self::object(self, id) {
            Ok(_) => Ok(true),
            Err(RepositoryError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn history(
        &self,
        tips: &[ObjectId],
        bases: &[ObjectId],
    ) -> Result<Vec<ObjectId>, RepositoryError> {
        Self::history(self, tips, bases)
    }

    fn merge_bases(
        &self,
        one: &ObjectId,
        other: &ObjectId,
    ) -> Result<Vec<ObjectId>, RepositoryError> {
        Self::merge_bases(self, one, other)
    }

    fn merged(
        &self,
        base: &ObjectId,
        commits: [&ObjectId; 2],
        paths: &BTreeSet<Vec<u8>>,
    ) -> Result<Option<ObjectId>, RepositoryError> {
        if paths.len() > MERGED_FILES {
            return Ok(None);
        }
        let [one, other] = commits;
        let trees = [
            *base,
            super::merge::tree_of(self, one)?,
            super::merge::tree_of(self, other)?,
        ];
        let mut files = Vec::new();
        for path in paths {
            for tree in &trees {
                match self.entry_below(tree, path)? {
                    Some(entry) if matches!(entry.mode, Mode::File { .. }) => files.push(entry.id),
                    // What is added, removed, a link or a folder is no text that is put together.
                    _ => return Ok(None),
                }
            }
        }
        match self.size_of(&files)? {
            Some(size) if size <= MERGED_BYTES => self.merged_tree(one, other, MERGED_WITHIN),
            _ => Ok(None),
        }
    }

    fn changed(
        &self,
        old: Option<&ObjectId>,
        new: &ObjectId,
    ) -> Result<Vec<Vec<u8>>, RepositoryError> {
        self.changed_paths(old, new)
    }

    fn file_id(&self, tree: &ObjectId, path: &[u8]) -> Result<Option<ObjectId>, RepositoryError> {
        let entry = self.entry_below(tree, path)?;
        let file = entry.filter(|entry| matches!(entry.mode, Mode::File { .. }));
        Ok(file.map(|entry| entry.id))
    }

    fn content(&self, file: &ObjectId, limit: u64) -> Result<Vec<u8>, RepositoryError> {
        let raw = self.expect(file, ObjectKind::Blob)?;
        let size = u64::try_from(raw.bytes.len()).unwrap_or(u64::MAX);
        match size > limit {
            true => Err(RepositoryError::TooLarge {
                id: *file,
                size,
                limit,
            }),
            false => Ok(raw.bytes),
        }
    }
}
