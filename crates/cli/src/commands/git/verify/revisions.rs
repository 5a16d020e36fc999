//! From what was written on the command line to objects.

use std::collections::HashSet;

use signhere_git::object::{Object, ObjectId, ObjectKind};
use signhere_git::repository::{Repository, RepositoryError};

use super::args::GitVerifyArgs;
use crate::error::CliError;

/// Refs whose commits nobody signs: they are git's own, or notes.
const SKIPPED: [&str; 6] = [
    "refs/notes/",
    "refs/replace/",
    "refs/stash",
    "refs/bisect/",
    "refs/original/",
    "refs/attestations/",
];

/// Of so many objects each is shown with all its checks; of more, only what becomes of them.
const FEW: usize = 4;

/// What is to be verified.
#[derive(Debug)]
pub(super) struct Asked {
    /// The objects, each once.
    pub(super) objects: Vec<ObjectId>,
    /// The same by history: where it ends, and before it begins.
    pub(super) lines: Vec<Line>,
    /// The ref that they are for.
    pub(super) reference: Option<String>,
    /// How it was asked for, as another command takes it.
    pub(super) words: String,
    /// Whether more was asked for than a few single objects.
    pub(super) is_range: bool,
}

/// A part of history.
#[derive(Debug)]
pub(super) struct Line {
    /// The commit that it ends with.
    pub(super) tip: ObjectId,
    /// The commits that it begins after.
    pub(super) bases: Vec<ObjectId>,
}

impl Asked {
    /// What the command line asks for.
    pub(super) fn resolve(repository: &Repository, args: &GitVerifyArgs) -> Result<Self, CliError> {
        let mut this = Self::of(repository, &args.revisions, args.all, args.targets)?;
        this.reference = args.reference.as_deref().map(full_name);
        Ok(this)
    }

    /// What `revisions` name, or all there is; with `targets`, also the commits that tags lead to.
    pub(super) fn of(
        repository: &Repository,
        revisions: &[String],
        all: bool,
        targets: bool,
    ) -> Result<Self, CliError> {
        let mut this = Self {
            objects: Vec::new(),
            lines: Vec::new(),
            reference: None,
            words: revisions.join(" "),
            is_range: all,
        };
        let mut seen = HashSet::new();
        if all {
            this.words = "--all".to_owned();
            let (tips, objects) = everything(repository)?;
            let commits = tips.iter().filter_map(|tip| repository.commit_of(tip).ok());
            // What leads to no commit has no history.
            this.lines.extend(commits.map(|tip| Line {
                tip,
                bases: Vec::new(),
            }));
            this.add(&mut seen, objects);
            return Ok(this);
        }
        let default = ["HEAD".to_owned()];
        let revisions = match revisions {
            [] => {
                this.words = "HEAD".to_owned();
                &default[..]
            }
            given => given,
        };
        for revision in revisions {
            let found = match range_of(revision) {
                Some((from, to)) => {
                    this.is_range = true;
                    let base = repository.commit_of(&repository.resolve(from)?)?;
                    let tip = repository.resolve(to)?;
                    let mut found = tags_to(repository, &tip)?;
                    this.lines.push(Line {
                        tip: repository.commit_of(&tip)?,
                        bases: vec![base],
                    });
                    found.extend(repository.history(&[tip], &[base])?);
                    found
                }
                None => {
                    let id = repository.resolve(revision)?;
                    let mut found = vec![id];
                    if targets {
                        found.push(repository.commit_of(&id)?);
                    }
                    let last = found.last().copied();
                    this.lines.extend(one_commit(repository, last));
                    found
                }
            };
            this.add(&mut seen, found);
        }
        this.is_range |= this.objects.len() > FEW;
        Ok(this)
    }

    fn add(&mut self, seen: &mut HashSet<ObjectId>, ids: Vec<ObjectId>) {
        self.objects
            .extend(ids.into_iter().filter(|id| seen.insert(*id)));
    }
}

/// The two ends of a range; what is left out is `HEAD`.
fn range_of(revision: &str) -> Option<(&str, &str)> {
    if revision.contains("...") {
        return None;
    }
    let (from, to) = revision.split_once("..")?;
    let or_head = |text| if str::is_empty(text) { "HEAD" } else { text };
    Some((or_head(from), or_head(to)))
}

/// A ref's full name: a branch's where only the last part was written.
fn full_name(reference: &str) -> String {
    match reference.starts_with("refs/") {
        true => reference.to_owned(),
        false => format!("refs/heads/{reference}"),
    }
}

/// The tags that lead from `id` to a commit; none where it is one.
fn tags_to(repository: &Repository, id: &ObjectId) -> Result<Vec<ObjectId>, RepositoryError> {
    let mut tags = Vec::new();
    let commit = repository.commit_of(id)?;
    let mut current = *id;
    while current != commit {
        tags.push(current);
        let raw = repository.expect(&current, ObjectKind::Tag)?;
        let tag = Object::parse(raw.kind, raw.bytes);
        let target = tag.ok().and_then(|tag| Some(*tag.target()?.1));
        current = target.ok_or(RepositoryError::Tag { id: current })?;
    }
    Ok(tags)
}

/// A commit alone; `None` of something else.
fn one_commit(repository: &Repository, id: Option<ObjectId>) -> Option<Line> {
    let tip = id?;
    // What is wrong with it is said where it is verified.
    let raw = repository.expect(&tip, ObjectKind::Commit).ok()?;
    let commit = Object::parse(raw.kind, raw.bytes).ok()?;
    let bases = commit.parents().to_vec();
    Some(Line { tip, bases })
}

/// Where refs point at, and all annotated tags and commits that can be reached from there.
fn everything(repository: &Repository) -> Result<(Vec<ObjectId>, Vec<ObjectId>), RepositoryError> {
    let references = repository.references(&[])?;
    let is_asked = |name: &str| !SKIPPED.iter().any(|skipped| name.starts_with(skipped));
    let references = references.into_iter().filter(|one| is_asked(&one.name));
    let mut tips: Vec<ObjectId> = references.map(|one| one.id).collect();
    // Nothing has to be checked out.
    match repository.resolve("HEAD") {
        Ok(head) => tips.push(head),
        Err(RepositoryError::Unborn { .. } | RepositoryError::UnknownRevision { .. }) => {}
        Err(error) => return Err(error),
    }
    tips.sort_unstable();
    tips.dedup();
    let mut objects = Vec::new();
    let mut failed = None;
    let mut seen = HashSet::new();
    let mut at = tips.clone();
    // Tags may be of tags; what is neither tag nor commit is nothing that is signed.
    while !at.is_empty() {
        let mut next = Vec::new();
        repository.objects(&at, &mut |id, raw| match raw {
            Ok(raw) if raw.kind == ObjectKind::Tag && seen.insert(*id) => {
                objects.push(*id);
                let tag = Object::parse(ObjectKind::Tag, raw.bytes).ok();
                next.extend(tag.and_then(|tag| Some(*tag.target()?.1)));
            }
            Ok(_) => {}
            Err(error) => failed = Some(error),
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        at = next;
    }
    objects.extend(repository.history(&tips, &[])?);
    Ok((tips, objects))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_two_dots() {
        assert_eq!(range_of("a..b"), Some(("a", "b")));
        assert_eq!(range_of("v1.0..main"), Some(("v1.0", "main")));
        assert_eq!(range_of("a.."), Some(("a", "HEAD")));
        assert_eq!(range_of("..b"), Some(("HEAD", "b")));
        assert_eq!(range_of("a...b"), None);
        assert_eq!(range_of("v1.0"), None);
    }

    #[test]
    fn a_ref_is_a_branch_unless_it_says_more() {
        assert_eq!(full_name("main"), "refs/heads/main");
        assert_eq!(full_name("refs/tags/v1"), "refs/tags/v1");
    }
}
