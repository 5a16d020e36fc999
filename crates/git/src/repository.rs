//! Repositories, read by the git program: objects, refs and history, as they are stored.
//!
//! Nothing in the repository but its objects and refs decides what is read: no replaced objects, grafts, commit graphs,
//! hooks, filters, aliases or other configuration, and nothing is fetched. Each object is checked against its id. Several
//! threads may read at once, each with a git process of its own; those end with the [`Repository`].

mod error;
mod history;
mod merge;
mod process;
mod program;
mod reader;
mod run;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub use error::{Gap, RepositoryError, RevisionFault, TreeFault};
pub use history::{MAX_HISTORY, MAX_REFS, Reference};
pub use program::{Git, Quarantine};
pub use reader::{Limits, RawObject};
pub use tree::{Mode, TreeEntry};

use process::{Process, in_one_line, not_understood};
use reader::{AT_ONCE, Reader};

use crate::object::{ObjectFormat, ObjectId, ObjectKind};

/// The most that git says of a repository, in bytes.
const ANSWER: usize = 64 * 1024;

/// A repository that is read.
#[derive(Debug)]
pub struct Repository {
    source: Source,
    format: ObjectFormat,
    is_shallow: bool,
    is_partial: bool,
    idle: Mutex<Vec<Reader>>,
}

/// Where objects come from.
#[derive(Debug)]
struct Source {
    git: Git,
    git_dir: PathBuf,
    quarantine: Option<Quarantine>,
    limits: Limits,
}

impl Source {
    fn git(&self) -> std::process::Command {
        self.git.at(&self.git_dir, self.quarantine.as_ref())
    }
}

impl Repository {
    /// Opens the repository that `folder` is in: a work tree, a linked one, or a bare repository.
    ///
    /// # Errors
    /// [`RepositoryError::Program`], [`RepositoryError::NotFound`], [`RepositoryError::Foreign`] and
    /// [`RepositoryError::Form`]; the others when git fails or stays silent.
    pub fn open(git: Git, folder: &Path) -> Result<Self, RepositoryError> {
        if !folder.is_dir() {
            return Err(RepositoryError::NotFound {
                path: folder.to_owned(),
            });
        }
        let mut command = git.discover(folder);
        command.args(["rev-parse", "--absolute-git-dir"]);
        let mut process = Process::spawn(&git, command, false)?;
        let mut path = process.rest(ANSWER)?;
        let ended = process.end()?;
        if !ended.status.success() {
            return Err(refusal(folder, &ended.complaints).unwrap_or_else(|| ended.failure()));
        }
        if path.pop() != Some(b'\n') || path.is_empty() {
            return Err(not_understood(&path));
        }
        let git_dir = path_of(path)?;
        Self::at(git, git_dir, None)
    }

    /// Opens the repository that is pushed to, for a hook that judges the push: objects in quarantine are found too.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn receiving(git: Git, quarantine: Quarantine) -> Result<Self, RepositoryError> {
        let git_dir = quarantine.git_dir.clone();
        Self::at(git, git_dir, Some(quarantine))
    }

    /// The same, but with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.source.limits = limits;
        self
    }

    /// The repository's own directory: `.git`, or that of a linked work tree, or the bare repository.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.source.git_dir
    }

    /// How its objects are named.
    #[must_use]
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// Why it may lack objects.
    #[must_use]
    pub fn gap(&self) -> Gap {
        match (self.is_shallow, self.is_partial) {
            (true, _) => Gap::Shallow,
            (false, true) => Gap::Partial,
            (false, false) => Gap::None,
        }
    }

    /// Returns git in this repository, with nothing else deciding what it does, and nothing to do yet: its standard
    /// input is empty, what it prints is captured.
    #[must_use]
    pub fn command(&self) -> std::process::Command {
        self.source.git()
    }

    /// Reads an object.
    ///
    /// # Errors
    /// When it is missing, damaged or too large, is not what its id stands for, or git fails.
    pub fn object(&self, id: &ObjectId) -> Result<RawObject, RepositoryError> {
        let mut found = None;
        self.objects(std::slice::from_ref(id), &mut |_, answer| {
            found = Some(answer);
        })?;
        found.unwrap_or_else(|| Err(not_understood(&[])))
    }

    /// Reads objects and hands each to `each`, in their order: many at once are read much faster than one by one.
    ///
    /// # Errors
    /// When git fails or stays silent. What is wrong with one object is handed to `each`.
    pub fn objects(
        &self,
        ids: &[ObjectId],
        each: &mut dyn FnMut(&ObjectId, Result<RawObject, RepositoryError>),
    ) -> Result<(), RepositoryError> {
        let mut rest = ids;
        while !rest.is_empty() {
            let mut reader = match self.idle().pop() {
                Some(reader) => reader,
                None => Reader::spawn(&self.source)?,
            };
            let (now, _) = rest.split_at(rest.len().min(AT_ONCE));
            let progress = reader.read(self, now, each)?;
            if !progress.is_over {
                self.idle().push(reader);
            }
            rest = rest.get(progress.done..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads an object that has to be of a kind.
    ///
    /// # Errors
    /// As [`Self::object`], and [`RepositoryError::WrongKind`].
    pub fn expect(&self, id: &ObjectId, kind: ObjectKind) -> Result<RawObject, RepositoryError> {
        let raw = self.object(id)?;
        if raw.kind != kind {
            return Err(RepositoryError::WrongKind {
                id: *id,
                expected: kind,
                found: raw.kind,
            });
        }
        Ok(raw)
    }

    fn at(
        git: Git,
        git_dir: PathBuf,
        quarantine: Option<Quarantine>,
    ) -> Result<Self, RepositoryError> {
        let mut this = Self {
            source: Source {
                git,
                git_dir,
                quarantine,
                limits: Limits::default(),
            },
            format: ObjectFormat::Sha1,
            is_shallow: false,
            is_partial: false,
            idle: Mutex::default(),
        };
        // A work tree's own directory names the one that it shares with the others.
        let answer = this.ask(&["rev-parse", "--show-object-format", "--git-common-dir"])?;
        let end = answer.iter().position(|byte| *byte == b'\n');
        let (format, rest) = answer.split_at(end.unwrap_or(answer.len()));
        this.format = match format {
            b"sha1" => ObjectFormat::Sha1,
            b"sha256" => ObjectFormat::Sha256,
            _ => return Err(not_understood(format)),
        };
        let common = rest.strip_prefix(b"\n").and_then(|r| r.strip_suffix(b"\n"));
        let common = path_of(common.unwrap_or_default().to_vec())?;
        let common = this.source.git_dir.join(common);
        let shallow = std::fs::metadata(common.join("shallow"));
        this.is_shallow = shallow.is_ok_and(|file| file.len() > 0);
        this.is_partial = this.has_promisor()?;
        Ok(this)
    }

    /// Whether the repository's configuration says that others hold what it lacks.
    fn has_promisor(&self) -> Result<bool, RepositoryError> {
        let mut command = self.source.git();
        command.args(["config", "--local", "--get-regexp"]);
        command.arg(r"^(extensions\.partialclone|remote\..*\.promisor)$");
        let mut process = Process::spawn(&self.source.git, command, false)?;
        let answer = process.rest(ANSWER)?;
        let ended = process.end()?;
        match ended.status.code() {
            // There is no such setting.
            Some(1) => Ok(false),
            _ => ended.success().map(|()| !answer.is_empty()),
        }
    }

    /// What git prints.
    fn ask(&self, arguments: &[&str]) -> Result<Vec<u8>, RepositoryError> {
        let mut command = self.source.git();
        command.args(arguments);
        let mut process = Process::spawn(&self.source.git, command, false)?;
        let answer = process.rest(ANSWER)?;
        let ended = process.end()?;
        if ended.status.success() {
            return Ok(answer);
        }
        let refusal = refusal(&self.source.git_dir, &ended.complaints);
        Err(refusal.unwrap_or_else(|| ended.failure()))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why git opens no repository, where that is known.
fn refusal(path: &Path, complaints: &str) -> Option<RepositoryError> {
    let path = path.to_owned();
    if complaints.contains("not a git repository") {
        return Some(RepositoryError::NotFound { path });
    }
    if complaints.contains("dubious ownership") || complaints.contains("unsafe repository") {
        return Some(RepositoryError::Foreign { path });
    }
    let forms = [
        "unknown repository extension",
        "Expected git repo version",
        "unsupported repository",
        "bad config",
    ];
    forms
        .iter()
        .any(|form| complaints.contains(form))
        .then(|| RepositoryError::Form {
            cause: in_one_line(complaints),
        })
}

#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> Result<PathBuf, RepositoryError> {
    use std::os::unix::ffi::OsStringExt as _;
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>) -> Result<PathBuf, RepositoryError> {
    match String::from_utf8(bytes) {
        Ok(path) => Ok(path.into()),
        Err(error) => Err(not_understood(error.as_bytes())),
    }
}
