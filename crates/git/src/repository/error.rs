//! Why something could not be read from a repository.

use std::path::PathBuf;
use std::time::Duration;

use crate::object::{ObjectId, ObjectKind};

/// Why something could not be read from a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// The git program cannot be run.
    #[error("{} cannot be run: {cause}", program.display())]
    Program {
        /// What was to be run.
        program: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// There is no repository at the path or above it.
    #[error("{} is in no git repository", path.display())]
    NotFound {
        /// Where one was looked for.
        path: PathBuf,
    },
    /// The repository belongs to another user, and git's `safe.directory` does not name it.
    #[error("the repository of {} belongs to another user", path.display())]
    Foreign {
        /// Where the repository was looked for.
        path: PathBuf,
    },
    /// The repository uses something that this git or this program does not know.
    #[error("the repository is of a form that is not known: {cause}")]
    Form {
        /// What git says.
        cause: String,
    },
    /// The text names no object.
    #[error("there is no commit or tag called {revision:?}{}", gap.words())]
    UnknownRevision {
        /// The text.
        revision: String,
        /// Why it may be missing.
        gap: Gap,
    },
    /// Nothing was committed to the branch that is checked out.
    #[error("there is no commit on {branch} yet")]
    Unborn {
        /// The branch's full name.
        branch: String,
    },
    /// The text could mean several objects.
    #[error("{revision:?} is ambiguous")]
    Ambiguous {
        /// The text.
        revision: String,
        /// The refs or ids that it could mean.
        found: Vec<String>,
    },
    /// A ref does not say what it points at.
    #[error("the ref {name} is damaged")]
    BrokenRef {
        /// Its full name.
        name: String,
    },
    /// The text is nothing that git would take for a revision.
    #[error("{revision:?} is no revision: {fault}")]
    Revision {
        /// The text, cut off where it is long.
        revision: String,
        /// What is wrong with it.
        fault: RevisionFault,
    },
    /// The repository does not hold the object.
    #[error("the object {id} is missing{}", gap.words())]
    Missing {
        /// The object's id.
        id: ObjectId,
        /// Why it may be missing.
        gap: Gap,
    },
    /// The history ends before it is complete.
    #[error("the history is not complete: a parent is missing{}", gap.words())]
    Incomplete {
        /// Why it may be missing.
        gap: Gap,
    },
    /// The object is there, and git cannot read it.
    #[error("the object {id} is damaged: {cause}")]
    Damaged {
        /// The object's id.
        id: ObjectId,
        /// What git says.
        cause: String,
    },
    /// What was read is not what the id stands for.
    #[error("the object {id} has the content of {found}")]
    WrongId {
        /// The id that was asked for.
        id: ObjectId,
        /// The id of what was read.
        found: ObjectId,
    },
    /// The object is of another kind than is needed.
    #[error("the object {id} is a {found}, not a {expected}")]
    WrongKind {
        /// The object's id.
        id: ObjectId,
        /// The kind that is needed.
        expected: ObjectKind,
        /// Its kind.
        found: ObjectKind,
    },
    /// The object is larger than is read.
    #[error("the object {id} has {size} bytes, and at most {limit} are read")]
    TooLarge {
        /// The object's id.
        id: ObjectId,
        /// Its size in bytes.
        size: u64,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// There is more of something than is read.
    #[error("there are more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The most that is read.
        limit: usize,
    },
    /// A tree is not what a tree must be.
    #[error("the tree {id} is malformed: {fault}")]
    Tree {
        /// The tree's id.
        id: ObjectId,
        /// What is wrong with it.
        fault: TreeFault,
    },
    /// A tag leads to no commit.
    #[error("the tag {id} is malformed, or one of a chain that is too long")]
    Tag {
        /// The tag's id.
        id: ObjectId,
    },
    /// Nothing came from git for too long.
    #[error("git said nothing for {} seconds", patience.as_secs())]
    Silent {
        /// How long was waited.
        patience: Duration,
    },
    /// Git failed.
    #[error("git failed: {cause}")]
    Failed {
        /// What git says.
        cause: String,
    },
    /// Git answered with something else than it must.
    #[error("git gave an answer that is not understood: {answer:?}")]
    Answer {
        /// The beginning of the answer.
        answer: String,
    },
}

/// What is wrong with the text of a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevisionFault {
    /// There is none.
    #[error("it is empty")]
    Empty,
    /// It would be taken for an option.
    #[error("it begins with a dash")]
    Option,
    /// It says what is to be left out.
    #[error("it begins with a caret, which leaves out what follows")]
    Excluded,
    /// It holds a control character.
    #[error("it holds a control character")]
    Control,
    /// It is longer than any.
    #[error("it is too long")]
    Long,
    /// It is one of git's forms that stands for no single end of a range.
    #[error("three dots are a symmetric difference; a range has two")]
    Symmetric,
}

/// What is wrong with a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeFault {
    /// It ends in the middle of an entry.
    #[error("it is truncated")]
    Truncated,
    /// A mode is no mode.
    #[error("an entry's mode is none")]
    Mode,
    /// A name is empty, `.`, `..` or `.git`, or has a slash.
    #[error("an entry's name is none")]
    Name,
    /// Two entries have the same name.
    #[error("two entries have the same name")]
    Duplicate,
}

/// Why a repository may lack an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gap {
    /// The repository holds everything, by its own account.
    None,
    /// It was cloned with a limited depth.
    Shallow,
    /// It was cloned with a filter.
    Partial,
}

impl Gap {
    fn words(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Shallow => ", and the clone is shallow",
            Self::Partial => ", and the clone is partial",
        }
    }
}
