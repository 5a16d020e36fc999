//! Revisions, refs, and which commits belong to a range.

use super::error::{RepositoryError, RevisionFault};
use super::process::{Process, in_one_line, not_understood};
use super::{Gap, Repository};
use crate::object::{Object, ObjectId, ObjectKind};

/// No history is longer, in commits.
pub const MAX_HISTORY: usize = 8_000_000;
/// No repository has more refs.
pub const MAX_REFS: usize = 1_000_000;

/// No revision is longer, in bytes.
const MAX_REVISION: usize = 4096;
/// No line about a ref is longer, in bytes.
const MAX_LINE: usize = 8192;
/// No chain of tags is longer.
const MAX_TAGS: usize = 8;

/// A ref and what it points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its full name, such as `refs/heads/main`. Where it is not UTF-8, the rest is replaced.
    pub name: String,
    /// Its object: a tag's own, where it is an annotated one.
    pub id: ObjectId,
}

impl Repository {
    /// The object that `revision` names: an id or the beginning of one, a ref, or any other form of gitrevisions(7) for
    /// one object. A tag is not followed. A name that begins with `refs/` is that ref and no other.
    ///
    /// # Errors
    /// [`RepositoryError::Revision`] where it is none, [`RepositoryError::UnknownRevision`] where it names nothing,
    /// [`RepositoryError::Unborn`] for a `HEAD` without a commit, and [`RepositoryError::Ambiguous`] where git would choose
    /// between several; the others when git fails.
    pub fn resolve(&self, revision: &str) -> Result<ObjectId, RepositoryError> {
        let fault = match revision {
            "" => Some(RevisionFault::Empty),
            long if long.len() > MAX_REVISION => Some(RevisionFault::Long),
            option if option.starts_with('-') => Some(RevisionFault::Option),
            excluded if excluded.starts_with('^') => Some(RevisionFault::Excluded),
            control if control.chars().any(char::is_control) => Some(RevisionFault::Control),
            range if range.contains("...") => Some(RevisionFault::Symmetric),
            _ => None,
        };
        if let Some(fault) = fault {
            let revision = revision.chars().take(100).collect();
            return Err(RepositoryError::Revision { revision, fault });
        }
        if is_ref(revision) {
            let mut references = self.references(&[revision])?.into_iter();
            let found = references.find(|reference| reference.name == revision);
            return found
                .map(|reference| reference.id)
                .ok_or_else(|| self.unknown(revision));
        }
        let mut command = self.source.git();
        command.args(["-c", "core.warnAmbiguousRefs=true"]);
        command.args(["rev-parse", "--verify", "--end-of-options", revision]);
        let mut process = Process::spawn(&self.source.git, command, false)?;
        let answer = process.rest(MAX_LINE)?;
        let ended = process.end()?;
        if let Some(found) = self.candidates(&ended.complaints)? {
            let revision = revision.to_owned();
            return Err(RepositoryError::Ambiguous { revision, found });
        }
        if !ended.status.success() {
            if matches!(revision, "HEAD" | "@")
                && let Some(branch) = self.current_branch()?
            {
                return Err(RepositoryError::Unborn { branch });
            }
            return Err(self.unknown(revision));
        }
        let text = std::str::from_utf8(&answer).ok().map(str::trim_end);
        let id = text.and_then(|text| text.parse().ok());
        let id = id
            .filter(|id: &ObjectId| id.format() == self.format)
            .ok_or_else(|| not_understood(&answer))?;
        // A whole id is what git answers with, whether it knows the object or not.
        let is_whole = text == Some(revision);
        match is_whole.then(|| self.object(&id)) {
            Some(Err(RepositoryError::Missing { .. })) => Err(self.unknown(revision)),
            _ => Ok(id),
        }
    }

    /// The commit that an object is or, through tags, leads to.
    ///
    /// # Errors
    /// When an object cannot be read, leads to something else, or through too many tags.
    pub fn commit_of(&self, id: &ObjectId) -> Result<ObjectId, RepositoryError> {
        let mut current = *id;
        for _ in 0..=MAX_TAGS {
            let raw = self.object(&current)?;
            match raw.kind {
                ObjectKind::Commit => return Ok(current),
                ObjectKind::Tag => {
                    let tag = Object::parse(ObjectKind::Tag, raw.bytes);
                    let target = tag.ok().and_then(|tag| Some(*tag.target()?.1));
                    current = target.ok_or(RepositoryError::Tag { id: current })?;
                }
                found => {
                    return Err(RepositoryError::WrongKind {
                        id: current,
                        expected: ObjectKind::Commit,
                        found,
                    });
                }
            }
        }
        Err(RepositoryError::Tag { id: *id })
    }

    /// The commits that can be reached from `tips` and not from `bases`, each before its parents. What is no commit leads
    /// to one or is left out.
    ///
    /// # Errors
    /// [`RepositoryError::Incomplete`] when a commit is missing on the way; the others when git fails or there are too
    /// many.
    pub fn history(
        &self,
        tips: &[ObjectId],
        bases: &[ObjectId],
    ) -> Result<Vec<ObjectId>, RepositoryError> {
        if tips.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = self.source.git();
        command.args(["rev-list", "--topo-order", "--stdin"]);
        let mut process = Process::spawn(&self.source.git, command, true)?;
        let tips = tips.iter().map(|id| format!("{id}\n"));
        let bases = bases.iter().map(|id| format!("^{id}\n"));
        let questions: String = tips.chain(bases).collect();
        // If git has ended already, its status says why.
        let _ = process.send(questions.as_bytes());
        process.close_input();
        let mut commits = Vec::new();
        while let Some(line) = process.until(b'\n', MAX_LINE)? {
            if commits.len() == MAX_HISTORY {
                return Err(RepositoryError::TooMany {
                    what: "commits",
                    limit: MAX_HISTORY,
                });
            }
            commits.push(self.id(&line)?);
        }
        let ended = process.end()?;
        if ended.status.success() {
            return Ok(commits);
        }
        let complaints = &ended.complaints;
        let says = |words: &[&str]| words.iter().any(|words| complaints.contains(words));
        if says(&["corrupt", "is empty"]) {
            let mut words = complaints.split_whitespace();
            return Err(match words.find_map(|word| word.parse().ok()) {
                Some(id) => RepositoryError::Damaged {
                    id,
                    cause: in_one_line(complaints),
                },
                None => ended.failure(),
            });
        }
        if says(&["Could not read", "bad object", "Failed to traverse parents"]) {
            let gap = self.gap();
            return Err(RepositoryError::Incomplete { gap });
        }
        Err(ended.failure())
    }

    /// Whether `ancestor` can be reached from `descendant`, or is the same.
    ///
    /// # Errors
    /// As [`Self::history`].
    pub fn is_ancestor(
        &self,
        ancestor: &ObjectId,
        descendant: &ObjectId,
    ) -> Result<bool, RepositoryError> {
        let mut command = self.source.git();
        command.args(["merge-base", "--is-ancestor"]);
        command.args([ancestor.to_string(), descendant.to_string()]);
        let mut process = Process::spawn(&self.source.git, command, false)?;
        process.rest(MAX_LINE)?;
        let ended = process.end()?;
        match ended.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ if self.gap() != Gap::None => Err(RepositoryError::Incomplete { gap: self.gap() }),
            _ => Err(ended.failure()),
        }
    }

    /// The best common ancestors of two commits: none where they share no history.
    ///
    /// # Errors
    /// As [`Self::history`].
    pub fn merge_bases(
        &self,
        one: &ObjectId,
        other: &ObjectId,
    ) -> Result<Vec<ObjectId>, RepositoryError> {
        let mut command = self.source.git();
        command.args(["merge-base", "--all"]);
        command.args([one.to_string(), other.to_string()]);
        let mut process = Process::spawn(&self.source.git, command, false)?;
        let mut bases = Vec::new();
        while let Some(line) = process.until(b'\n', MAX_LINE)? {
            bases.push(self.id(&line)?);
        }
        let ended = process.end()?;
        match ended.status.code() {
            Some(0 | 1) => Ok(bases),
            _ if self.gap() != Gap::None => Err(RepositoryError::Incomplete { gap: self.gap() }),
            _ => Err(ended.failure()),
        }
    }

    /// The refs whose names begin with one of `prefixes` (whole parts of a name, such as `refs/heads`), or all, by name.
    ///
    /// # Errors
    /// When git fails or there are too many.
    pub fn references(&self, prefixes: &[&str]) -> Result<Vec<Reference>, RepositoryError> {
        let mut command = self.source.git();
        command.args(["for-each-ref", "--format=%(objectname) %(refname)", "--"]);
        command.args(prefixes);
        let mut process = Process::spawn(&self.source.git, command, false)?;
        let mut references = Vec::new();
        while let Some(line) = process.until(b'\n', MAX_LINE)? {
            if references.len() == MAX_REFS {
                return Err(RepositoryError::TooMany {
                    what: "refs",
                    limit: MAX_REFS,
                });
            }
            let space = line.iter().position(|byte| *byte == b' ');
            let (id, name) = line.split_at(space.unwrap_or(line.len()));
            let name = name.get(1..).unwrap_or_default();
            references.push(Reference {
                name: String::from_utf8_lossy(name).into_owned(),
                id: self.id(id)?,
            });
        }
        let ended = process.end()?;
        // Git passes it over, and says so.
        let mut lines = ended.complaints.lines();
        if let Some(broken) = lines.find_map(|line| line.split_once("ignoring broken ref ")) {
            return Err(RepositoryError::BrokenRef {
                name: broken.1.to_owned(),
            });
        }
        ended.success()?;
        Ok(references)
    }

    /// The object that the ref of exactly this name points at; `None` where there is no such ref. Unlike
    /// [`Self::resolve`], no other ref is meant whose name begins or ends like it.
    ///
    /// # Errors
    /// When git fails.
    pub fn reference(&self, name: &str) -> Result<Option<ObjectId>, RepositoryError> {
        let found = self.references(&[name])?.into_iter();
        let mut found = found.filter(|reference| reference.name == name);
        Ok(found.next().map(|reference| reference.id))
    }

    /// The full name of the ref that `name` is another name of; `None` where it stands for itself, or is not there.
    ///
    /// # Errors
    /// When git fails.
    pub fn symbolic(&self, name: &str) -> Result<Option<String>, RepositoryError> {
        let mut command = self.source.git();
        command.args(["symbolic-ref", "--quiet", name]);
        let mut process = Process::spawn(&self.source.git, command, false)?;
        let answer = process.rest(MAX_LINE)?;
        let ended = process.end()?;
        match ended.status.code() {
            Some(1) => Ok(None),
            _ => ended
                .success()
                .map(|()| Some(String::from_utf8_lossy(&answer).trim_end().to_owned())),
        }
    }

    /// The full name of the branch that is checked out, born or not; `None` where none is.
    ///
    /// # Errors
    /// When git fails.
    pub fn current_branch(&self) -> Result<Option<String>, RepositoryError> {
        self.symbolic("HEAD")
    }

    fn unknown(&self, revision: &str) -> RepositoryError {
        RepositoryError::UnknownRevision {
            revision: revision.to_owned(),
            gap: self.gap(),
        }
    }

    /// What git chose from, by its complaints, where it did; whole names of refs and `HEAD` mean what they say.
    fn candidates(&self, complaints: &str) -> Result<Option<Vec<String>>, RepositoryError> {
        let between = |before: &str, after: &str| {
            let lines = complaints.lines();
            let mut names = lines.filter_map(|line| {
                let (_, rest) = line.split_once(before)?;
                Some(rest.rsplit_once(after)?.0.to_owned())
            });
            names.find(|name| name != "HEAD" && !name.starts_with("refs/"))
        };
        if let Some(name) = between("refname '", "' is ambiguous") {
            // gitrevisions(7), "<refname>".
            let mut places = ["refs", "refs/tags", "refs/heads", "refs/remotes"]
                .map(|place| format!("{place}/{name}"))
                .to_vec();
            places.push(format!("refs/remotes/{name}/HEAD"));
            let prefixes: Vec<&str> = places.iter().map(String::as_str).collect();
            let references = self.references(&prefixes)?;
            let names = references.into_iter().map(|reference| reference.name);
            return Ok(Some(names.filter(|name| places.contains(name)).collect()));
        }
        if let Some(start) = between("short object ID ", " is ambiguous") {
            let disambiguate = format!("--disambiguate={start}");
            let ids = self.ask(&["rev-parse", &disambiguate])?;
            let ids = String::from_utf8_lossy(&ids);
            return Ok(Some(ids.lines().map(ToOwned::to_owned).collect()));
        }
        Ok(None)
    }

    /// An id of this repository's form.
    pub(super) fn id(&self, text: &[u8]) -> Result<ObjectId, RepositoryError> {
        let id = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
        id.filter(|id: &ObjectId| id.format() == self.format)
            .ok_or_else(|| not_understood(text))
    }
}

/// Whether a revision is the whole name of a ref, and nothing else.
fn is_ref(revision: &str) -> bool {
    let marks = ['^', '~', ':', '?', '*', '[', '\\', ' '];
    revision.starts_with("refs/") && !revision.contains(marks) && !revision.contains("@{")
}
