//! Trees, as they are stored: what is at a path, and what changed between two.

use std::collections::BTreeMap;

use super::Repository;
use super::error::{RepositoryError, TreeFault};
use crate::object::{Object, ObjectFormat, ObjectId, ObjectKind};

/// Deeper than this no path is followed.
const MAX_DEPTH: usize = 256;
/// More trees are not compared.
const MAX_TREES: usize = 200_000;
/// More changed paths are not listed.
const MAX_PATHS: usize = 200_000;

/// An entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// What kind of thing it is.
    pub mode: Mode,
    /// Its object.
    pub id: ObjectId,
}

/// What an entry of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Another tree.
    Tree,
    /// A file, which may be run or not.
    File {
        /// Whether it may be run.
        executable: bool,
    },
    /// A symbolic link; its blob is where it leads.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

/// A tree's entries by name.
type Entries = BTreeMap<Vec<u8>, TreeEntry>;

impl Repository {
    /// What is at `path` in the tree of `commit`: names with slashes between them. `None` where there is nothing.
    ///
    /// # Errors
    /// When an object cannot be read or is malformed.
    pub fn tree_entry(
        &self,
        commit: &ObjectId,
        path: &[u8],
    ) -> Result<Option<TreeEntry>, RepositoryError> {
        let raw = self.expect(commit, ObjectKind::Commit)?;
        let root = tree_of(commit, &raw.bytes)?;
        self.entry_below(&root, path)
    }

    /// What is at `path` in `tree`. `None` where there is nothing.
    ///
    /// # Errors
    /// When an object cannot be read or is malformed.
    pub fn entry_below(
        &self,
        tree: &ObjectId,
        path: &[u8],
    ) -> Result<Option<TreeEntry>, RepositoryError> {
        let mut found = TreeEntry {
            mode: Mode::Tree,
            id: *tree,
        };
        for (depth, name) in path.split(|byte| *byte == b'/').enumerate() {
            if depth >= MAX_DEPTH {
                return Err(too_many("levels of folders", MAX_DEPTH));
            }
            if found.mode != Mode::Tree {
                return Ok(None);
            }
            match self.tree(&found.id)?.remove(name) {
                Some(entry) => found = entry,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// The content of the file at `path` in the tree of `commit`, of at most `limit` bytes. `None` where there is no file:
    /// neither a folder nor a symbolic link nor another repository is one.
    ///
    /// # Errors
    /// When an object cannot be read, is malformed, or is larger.
    pub fn file(
        &self,
        commit: &ObjectId,
        path: &[u8],
        limit: u64,
    ) -> Result<Option<Vec<u8>>, RepositoryError> {
        let Some(entry) = self.tree_entry(commit, path)? else {
            return Ok(None);
        };
        if !matches!(entry.mode, Mode::File { .. }) {
            return Ok(None);
        }
        let raw = self.expect(&entry.id, ObjectKind::Blob)?;
        let size = u64::try_from(raw.bytes.len()).unwrap_or(u64::MAX);
        if size > limit {
            return Err(RepositoryError::TooLarge {
                id: entry.id,
                size,
                limit,
            });
        }
        Ok(Some(raw.bytes))
    }

    /// The paths at which two trees differ, in byte order: what was added, removed, or has another content or mode. A
    /// folder that is only in one of them counts by its files; without `old`, everything was added.
    ///
    /// # Errors
    /// When an object cannot be read or is malformed, or too much changed.
    pub fn changed_paths(
        &self,
        old: Option<&ObjectId>,
        new: &ObjectId,
    ) -> Result<Vec<Vec<u8>>, RepositoryError> {
        let root = |id: &ObjectId| TreeEntry {
            mode: Mode::Tree,
            id: *id,
        };
        let mut comparison = Comparison {
            repository: self,
            trees: 0,
            paths: Vec::new(),
        };
        comparison.compare(&[], old.map(root), Some(root(new)), 0)?;
        let mut paths = comparison.paths;
        paths.sort_unstable();
        paths.dedup();
        Ok(paths)
    }

    fn tree(&self, id: &ObjectId) -> Result<Entries, RepositoryError> {
        let raw = self.expect(id, ObjectKind::Tree)?;
        parse(id.format(), &raw.bytes).map_err(|fault| RepositoryError::Tree { id: *id, fault })
    }
}

/// Two trees on their way to what differs.
struct Comparison<'a> {
    repository: &'a Repository,
    trees: usize,
    paths: Vec<Vec<u8>>,
}

impl Comparison<'_> {
    fn compare(
        &mut self,
        path: &[u8],
        old: Option<TreeEntry>,
        new: Option<TreeEntry>,
        depth: usize,
    ) -> Result<(), RepositoryError> {
        if old == new {
            return Ok(());
        }
        let is_leaf = |entry: &TreeEntry| entry.mode != Mode::Tree;
        if old.iter().chain(&new).any(is_leaf) {
            if self.paths.len() >= MAX_PATHS {
                return Err(too_many("changed paths", MAX_PATHS));
            }
            self.paths.push(path.to_vec());
        }
        let old = self.below(old, depth)?;
        let mut new = self.below(new, depth)?;
        for (name, entry) in old {
            let other = new.remove(&name);
            self.compare(&joined(path, &name), Some(entry), other, depth + 1)?;
        }
        for (name, entry) in new {
            self.compare(&joined(path, &name), None, Some(entry), depth + 1)?;
        }
        Ok(())
    }

    /// What is in a folder; nothing is in what is none.
    fn below(
        &mut self,
        entry: Option<TreeEntry>,
        depth: usize,
    ) -> Result<Entries, RepositoryError> {
        let Some(entry) = entry.filter(|entry| entry.mode == Mode::Tree) else {
            return Ok(Entries::new());
        };
        if depth >= MAX_DEPTH {
            return Err(too_many("levels of folders", MAX_DEPTH));
        }
        self.trees = self.trees.saturating_add(1);
        if self.trees > MAX_TREES {
            return Err(too_many("changed folders", MAX_TREES));
        }
        self.repository.tree(&entry.id)
    }
}

/// The tree that a commit names.
pub(super) fn tree_of(id: &ObjectId, commit: &[u8]) -> Result<ObjectId, RepositoryError> {
    let malformed = |cause: String| RepositoryError::Damaged { id: *id, cause };
    let object =
        Object::parse(ObjectKind::Commit, commit).map_err(|error| malformed(error.to_string()))?;
    object
        .tree()
        .copied()
        .filter(|tree| tree.format() == id.format())
        .ok_or_else(|| malformed("it names no tree".to_owned()))
}

/// The entries of a tree: a mode in octal digits, a space, a name, a zero byte and the raw id, each.
fn parse(format: ObjectFormat, bytes: &[u8]) -> Result<Entries, TreeFault> {
    let mut entries = Entries::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (mode, after) = split(rest, b' ').ok_or(TreeFault::Truncated)?;
        let (name, after) = split(after, 0).ok_or(TreeFault::Truncated)?;
        let (id, after) = raw_id(format, after).ok_or(TreeFault::Truncated)?;
        let mode = Mode::parse(mode).ok_or(TreeFault::Mode)?;
        let is_none = name.is_empty() || name.contains(&b'/');
        if is_none || [&b"."[..], b"..", b".git"].contains(&name) {
            return Err(TreeFault::Name);
        }
        if entries
            .insert(name.to_vec(), TreeEntry { mode, id })
            .is_some()
        {
            return Err(TreeFault::Duplicate);
        }
        rest = after;
    }
    Ok(entries)
}

impl Mode {
    fn parse(digits: &[u8]) -> Option<Self> {
        match digits {
            // Old programs wrote a zero in front.
            b"40000" | b"040000" => Some(Self::Tree),
            b"120000" => Some(Self::Symlink),
            b"160000" => Some(Self::Submodule),
            [b'1', b'0', b'0', permissions @ ..] if permissions.len() == 3 => {
                let is_octal = permissions
                    .iter()
                    .all(|digit| (b'0'..=b'7').contains(digit));
                let executable = permissions
                    .first()
                    .is_some_and(|owner| owner.wrapping_sub(b'0') & 1 == 1);
                is_octal.then_some(Self::File { executable })
            }
            _ => None,
        }
    }
}

/// The id that is first, and what follows it.
fn raw_id(format: ObjectFormat, bytes: &[u8]) -> Option<(ObjectId, &[u8])> {
    match format {
        ObjectFormat::Sha1 => bytes
            .split_first_chunk()
            .map(|(id, rest)| (ObjectId::Sha1(*id), rest)),
        ObjectFormat::Sha256 => bytes
            .split_first_chunk()
            .map(|(id, rest)| (ObjectId::Sha256(*id), rest)),
    }
}

fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = bytes.iter().position(|byte| *byte == at)?;
    let (before, after) = bytes.split_at_checked(position)?;
    Some((before, after.get(1..)?))
}

fn joined(path: &[u8], name: &[u8]) -> Vec<u8> {
    let mut joined = path.to_vec();
    if !joined.is_empty() {
        joined.push(b'/');
    }
    joined.extend_from_slice(name);
    joined
}

fn too_many(what: &'static str, limit: usize) -> RepositoryError {
    RepositoryError::TooMany { what, limit }
}
