//! Which signed commits a merged one came from, found by what they change.

use std::collections::HashMap;

use signhere_pki::digest::{Digest, HashAlgorithm};

use super::{MAX_SOURCES, Method};
use crate::object::{Object, ObjectId, ObjectKind};
use crate::repository::{Repository, RepositoryError};

/// The longest patch that is compared, in bytes.
const MAX_PATCH: usize = 64 << 20;

/// How git is asked for a patch: everything that its configuration or attributes could decide is said, so that a patch
/// depends on two trees and nothing else. Every file is text, for what is called binary is not shown.
const DIFF: [&str; 20] = [
    "diff-tree",
    "-r",
    "-p",
    "--no-commit-id",
    "--full-index",
    "--text",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
    "--no-function-context",
    "--no-indent-heuristic",
    "--diff-algorithm=myers",
    "--unified=3",
    "--inter-hunk-context=0",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--submodule=short",
    "--ignore-submodules=none",
];

/// Why it is not known what a commit came from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// The repository cannot be read.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// An object is no commit.
    #[error("the commit {id} cannot be read: {cause}")]
    Commit {
        /// The object.
        id: ObjectId,
        /// What is wrong with it.
        cause: String,
    },
    /// There is nothing that it could have come from.
    #[error("{head} has no commits that {merged} could have come from")]
    Nothing {
        /// The last commit that was merged.
        head: ObjectId,
        /// What it was merged as.
        merged: ObjectId,
    },
    /// There are too many.
    #[error("{found} commits were merged, and at most {MAX_SOURCES} are carried over")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// The merged commit changes something else.
    #[error("{merged} is neither the tree of {head} nor the same changes")]
    Different {
        /// The last commit that was merged.
        head: ObjectId,
        /// What it was merged as.
        merged: ObjectId,
    },
    /// The merged commit has no parent, or several: nothing was squashed or rebased.
    #[error("{merged} has {parents} parents, and a squash or rebase makes commits with one")]
    Parents {
        /// The merged commit.
        merged: ObjectId,
        /// How many.
        parents: usize,
    },
}

/// One merged commit, and the commits that it came from, the last one first.
pub type Found = (ObjectId, Method, Vec<ObjectId>);

/// Finds what `merged` and, after a rebase, its ancestors came from: the commits that lead to `head` and not to `base`,
/// or else to where `merged` was put on top.
///
/// # Errors
/// [`PatchError`] when that is none, or cannot be told.
pub fn find(
    repository: &Repository,
    head: &ObjectId,
    merged: &ObjectId,
    base: Option<&ObjectId>,
) -> Result<Vec<Found>, PatchError> {
    let tip = commit(repository, merged)?;
    let parent = only_parent(merged, &tip)?;
    let bottom = base.copied().unwrap_or(parent);
    let sources: Vec<ObjectId> = repository.history(&[*head], &[bottom])?;
    if sources.len() > MAX_SOURCES {
        let found = sources.len();
        return Err(PatchError::TooMany { found });
    }
    let [_, ..] = sources.as_slice() else {
        return Err(PatchError::Nothing {
            head: *head,
            merged: *merged,
        });
    };
    if sources.contains(merged) {
        return Err(PatchError::Nothing {
            head: *head,
            merged: *merged,
        });
    }
    if let Some(rebased) = rebased(repository, merged, &sources)? {
        return Ok(rebased);
    }
    let last = commit(repository, head)?;
    // The tree of the last one says nothing of commits that are in neither: they would come in unsigned.
    if last.tree() == tip.tree() && (bottom == parent || repository.is_ancestor(&bottom, merged)?) {
        return Ok(vec![(*merged, Method::Tree, sources)]);
    }
    let forks = repository.merge_bases(head, &bottom)?;
    if let [fork] = forks.as_slice()
        && patch_digest(repository, fork, head)? == patch_digest(repository, &parent, merged)?
    {
        return Ok(vec![(*merged, Method::Patch, sources)]);
    }
    Err(PatchError::Different {
        head: *head,
        merged: *merged,
    })
}

/// The commits of a rebase: as many as there were, each with the changes of one.
fn rebased(
    repository: &Repository,
    merged: &ObjectId,
    sources: &[ObjectId],
) -> Result<Option<Vec<Found>>, PatchError> {
    // Several may make the same changes; the newest is the last of them.
    let mut by_patch: HashMap<Digest, Vec<(ObjectId, Object)>> = HashMap::new();
    for id in sources.iter().rev() {
        let source = commit(repository, id)?;
        let [parent] = source.parents() else {
            return Ok(None);
        };
        let digest = patch_digest(repository, parent, id)?;
        by_patch.entry(digest).or_default().push((*id, source));
    }
    let mut found = Vec::new();
    let mut id = *merged;
    while found.len() < sources.len() {
        let copy = commit(repository, &id)?;
        let [parent] = copy.parents() else {
            return Ok(None);
        };
        let digest = patch_digest(repository, parent, &id)?;
        let Some((source, original)) = by_patch.get_mut(&digest).and_then(Vec::pop) else {
            return Ok(None);
        };
        let method = match original.tree() == copy.tree() {
            true => Method::Tree,
            false => Method::Patch,
        };
        found.push((id, method, vec![source]));
        id = *parent;
    }
    Ok(Some(found))
}

/// Returns the SHA-256 of the patch from one commit or tree to another: its text without the places in files and the
/// ids of blobs, as `git patch-id` leaves them out, but with all white space, which means something in many languages.
///
/// # Errors
/// When git fails, or the patch is longer than is compared.
pub fn patch_digest(
    repository: &Repository,
    old: &ObjectId,
    new: &ObjectId,
) -> Result<Digest, RepositoryError> {
    let (old, new) = (old.to_string(), new.to_string());
    let mut arguments = DIFF.to_vec();
    arguments.extend([old.as_str(), new.as_str()]);
    let patch = repository.run(&arguments, &[], b"", MAX_PATCH)?;
    Ok(digest_of(&patch))
}

fn digest_of(patch: &[u8]) -> Digest {
    let mut hasher = HashAlgorithm::Sha256.hasher();
    for line in patch.split_inclusive(|byte| *byte == b'\n') {
        // A line of a file's content begins with a space, a plus or a minus.
        if line.starts_with(b"@@ ") {
            hasher.update(b"@@\n");
        } else if !line.starts_with(b"index ") {
            hasher.update(line);
        }
    }
    hasher.finish()
}

fn commit(repository: &Repository, id: &ObjectId) -> Result<Object, PatchError> {
    let raw = repository.expect(id, ObjectKind::Commit)?;
    Object::parse(ObjectKind::Commit, raw.bytes).map_err(|error| PatchError::Commit {
        id: *id,
        cause: error.to_string(),
    })
}

fn only_parent(id: &ObjectId, commit: &Object) -> Result<ObjectId, PatchError> {
    match commit.parents() {
        [parent] => Ok(*parent),
        parents => Err(PatchError::Parents {
            merged: *id,
            parents: parents.len(),
        }),
    }
}
