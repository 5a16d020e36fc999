//! What a commit changes by itself: of a merge, what neither side brought.

use std::collections::BTreeSet;

use super::force::FOLDER;
use super::history::History;
use crate::object::{Object, ObjectId};
use crate::repository::RepositoryError;

/// Paths in a tree, in order.
pub(super) type Paths = BTreeSet<Vec<u8>>;

/// The paths that a commit changes, in order.
///
/// What a merge of two takes over as one side changed it, and the other did not, is the work of that side's commits. All
/// else is the merge's own: what is as in neither, and what one side changed and the merge took from the other; unless
/// merging the two again gives exactly its tree.
pub(super) fn own_changes(
    history: &dyn History,
    commit: &Object,
) -> Result<Paths, RepositoryError> {
    let Some(tree) = commit.tree() else {
        return Ok(Paths::new());
    };
    let changed = |old: Option<&ObjectId>, new: &ObjectId| -> Result<Paths, RepositoryError> {
        Ok(history.changed(old, new)?.into_iter().collect())
    };
    let mut trees = Vec::new();
    for parent in commit.parents() {
        trees.push(tree_of(history, parent)?);
    }
    let ([one, other], [first, second]) = (commit.parents(), trees.as_slice()) else {
        // Without a parent everything is new; of three or more, what is not as in each of them counts.
        let mut paths = Paths::new();
        for old in &trees {
            paths.append(&mut changed(Some(old), tree)?);
        }
        if trees.is_empty() {
            paths = changed(None, tree)?;
        }
        return Ok(paths);
    };
    let (to_first, to_second) = (changed(Some(first), tree)?, changed(Some(second), tree)?);
    let bases = history.merge_bases(one, other)?;
    // What either side changed, as seen from any of the common ancestors.
    let (mut by_first, mut by_second) = (Paths::new(), Paths::new());
    for base in &bases {
        let base = tree_of(history, base)?;
        by_first.append(&mut changed(Some(&base), first)?);
        by_second.append(&mut changed(Some(&base), second)?);
    }
    if bases.is_empty() {
        (by_first, by_second) = (changed(None, first)?, changed(None, second)?);
    }
    let is_own = |path: &&Vec<u8>| match (to_first.contains(*path), to_second.contains(*path)) {
        (true, true) => true,
        // As in the second: the first must not have changed it.
        (true, false) => by_first.contains(*path),
        (false, _) => by_second.contains(*path),
    };
    let own: Paths = to_first.union(&to_second).filter(is_own).cloned().collect();
    let ([base], false, false) = (
        bases.as_slice(),
        own.is_empty(),
        own.iter().any(|path| is_policy(path)),
    ) else {
        return Ok(own);
    };
    let base = tree_of(history, base)?;
    match history.merged(&base, [one, other], &own)? {
        Some(merged) if merged == *tree => Ok(Paths::new()),
        _ => Ok(own),
    }
}

/// Whether a path is beside the trust file: who may commit is not put together from two texts that nobody has read as one.
fn is_policy(path: &[u8]) -> bool {
    let mut parts = path.split(|byte| *byte == b'/');
    let first = parts.next();
    first.is_some_and(|part| part.eq_ignore_ascii_case(FOLDER.as_bytes()))
}

pub(super) fn tree_of(
    history: &dyn History,
    commit: &ObjectId,
) -> Result<ObjectId, RepositoryError> {
    let object = history.object(commit)?.ok();
    let tree = object.as_ref().and_then(Object::tree).copied();
    tree.ok_or_else(|| RepositoryError::Damaged {
        id: *commit,
        cause: "it is no commit that can be read".to_owned(),
    })
}
