//! Objects out of one `git cat-file --batch`, each checked against its id.

use super::error::{Gap, RepositoryError};
use super::process::{Process, in_one_line, not_understood};
use super::{Repository, Source};
use crate::object::{ObjectId, ObjectKind};

/// How many objects are asked for before an answer is read: so few that the questions fit into any pipe.
pub(super) const AT_ONCE: usize = 60;
/// The longest first line of an answer.
const HEADER: usize = 256;

/// An object as it is stored, of the id that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Its content, without git's header.
    pub bytes: Vec<u8>,
}

/// The most that is read of an object, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of a commit or a tag.
    pub message: u64,
    /// Of a tree.
    pub tree: u64,
    /// Of a file.
    pub blob: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 8 << 20,
            tree: 32 << 20,
            blob: 32 << 20,
        }
    }
}

impl Limits {
    fn of(&self, kind: ObjectKind) -> u64 {
        match kind {
            ObjectKind::Commit | ObjectKind::Tag => self.message,
            ObjectKind::Tree => self.tree,
            ObjectKind::Blob => self.blob,
        }
    }
}

/// What became of one question.
type Answer = Result<RawObject, RepositoryError>;

/// One `git cat-file --batch`.
#[derive(Debug)]
pub(super) struct Reader {
    process: Process,
    has_ended: bool,
}

/// The header of an answer.
enum Header {
    Found { kind: ObjectKind, size: u64 },
    Missing,
    Ended,
}

impl Reader {
    pub(super) fn spawn(source: &Source) -> Result<Self, RepositoryError> {
        let mut command = source.git();
        command.args(["cat-file", "--batch"]);
        let process = Process::spawn(&source.git, command, true)?;
        Ok(Self {
            process,
            has_ended: false,
        })
    }

    /// Reads objects in their order. The number of answers that were given, which is smaller than that of `ids` when
    /// git is of no use any more: after an object that git cannot read, and after one that is not read to its end.
    pub(super) fn read(
        &mut self,
        repository: &Repository,
        ids: &[ObjectId],
        each: &mut dyn FnMut(&ObjectId, Answer),
    ) -> Result<Progress, RepositoryError> {
        let questions: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let mut done = 0_usize;
        // A git that has ended says so by its answers.
        let _ = self.process.send(questions.as_bytes());
        for id in ids {
            let answer = self.answer(repository, id);
            done = done.saturating_add(1);
            let is_over = self.has_ended || matches!(answer, Err(RepositoryError::TooLarge { .. }));
            match answer {
                Err(
                    error @ (RepositoryError::Silent { .. }
                    | RepositoryError::Answer { .. }
                    | RepositoryError::Failed { .. }),
                ) => return Err(error),
                answer => each(id, answer),
            }
            if is_over {
                return Ok(Progress { done, is_over });
            }
        }
        Ok(Progress {
            done,
            is_over: false,
        })
    }

    fn answer(&mut self, repository: &Repository, id: &ObjectId) -> Answer {
        let (kind, size) = match self.header(id)? {
            Header::Found { kind, size } => (kind, size),
            Header::Missing => {
                return Err(RepositoryError::Missing {
                    id: *id,
                    gap: repository.gap(),
                });
            }
            Header::Ended => return Err(self.damaged(repository, id)),
        };
        let limit = repository.source.limits.of(kind);
        let length = usize::try_from(size).ok().filter(|_| size <= limit);
        let Some(length) = length else {
            return Err(RepositoryError::TooLarge {
                id: *id,
                size,
                limit,
            });
        };
        let bytes = self.process.exactly(length)?;
        let end = self.process.exactly(1)?;
        let (Some(bytes), Some(end)) = (bytes, end) else {
            return Err(self.damaged(repository, id));
        };
        if end != b"\n" {
            return Err(not_understood(&end));
        }
        let found = ObjectId::of(id.format(), kind, &bytes);
        if found != *id {
            return Err(RepositoryError::WrongId { id: *id, found });
        }
        Ok(RawObject { kind, bytes })
    }

    /// The answer's first line (git-cat-file(1), "BATCH OUTPUT").
    fn header(&mut self, id: &ObjectId) -> Result<Header, RepositoryError> {
        let Some(line) = self.process.until(b'\n', HEADER)? else {
            return Ok(Header::Ended);
        };
        let text = String::from_utf8_lossy(&line);
        let mut words = text.split(' ');
        if words.next() != Some(id.to_string().as_str()) {
            return Err(not_understood(&line));
        }
        match (words.next(), words.next(), words.next()) {
            (Some("missing"), None, None) => Ok(Header::Missing),
            (Some(kind), Some(size), None) => {
                let kind = ObjectKind::from_name(kind);
                match (kind, size.parse()) {
                    (Some(kind), Ok(size)) => Ok(Header::Found { kind, size }),
                    _ => Err(not_understood(&line)),
                }
            }
            _ => Err(not_understood(&line)),
        }
    }

    /// Git ended where this object should have been.
    fn damaged(&mut self, repository: &Repository, id: &ObjectId) -> RepositoryError {
        self.has_ended = true;
        let ended = match self.process.end() {
            Ok(ended) => ended,
            Err(error) => return error,
        };
        let gap = repository.gap();
        // Others hold it, by the repository's own account, and they are not asked.
        if gap == Gap::Partial && ended.complaints.contains("could not fetch") {
            return RepositoryError::Missing { id: *id, gap };
        }
        let cause = match ended.complaints.is_empty() {
            true => ended.status.to_string(),
            false => in_one_line(&ended.complaints),
        };
        RepositoryError::Damaged { id: *id, cause }
    }
}

/// How far a reader came.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) done: usize,
    /// Whether another reader is needed for the rest.
    pub(super) is_over: bool,
}
