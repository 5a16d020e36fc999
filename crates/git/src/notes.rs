//! What is kept beside commits and tags: Sigstore bundles in the notes of `refs/notes/signhere`, a line of JSON each.
//!
//! Whoever may push may write any note, and what is in it is believed by nobody: a bundle is about an object because
//! it says so under a signature that is proven, and never because it was found in that object's note. A note can
//! therefore take nothing away from an object; all that it can do is be of no use.

mod layout;
mod store;

use std::collections::BTreeSet;

use signhere_verify::bundle::{Bundle, BundleError};

use crate::repository::RepositoryError;

pub use store::{Added, Author, Notes, NotesError};

/// The ref under which the notes are.
pub const NOTES_REF: &str = "refs/notes/signhere";
/// The longest note that is read or written, in bytes.
pub const MAX_NOTE_LEN: usize = 8 << 20;
/// The most lines of a note that are read, and that it may be given.
pub const MAX_LINES: usize = 256;

/// What is noted beside one object. Nothing of it is verified.
#[derive(Clone, Debug, Default)]
pub struct Note {
    /// The bundles, each once, in the order of their lines.
    pub bundles: Vec<Bundle>,
    /// What could not be used.
    pub faults: Vec<NoteFault>,
}

/// Why a note, or a line of one, is of no use.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteFault {
    /// The note is longer than is read.
    #[error("the note has {found} bytes, and at most {max} are read")]
    TooLong {
        /// Its length in bytes.
        found: u64,
        /// The longest that is read.
        max: usize,
    },
    /// The note has more lines than are read; the first ones are.
    #[error("the note has {found} lines, and the first {max} are read")]
    TooManyLines {
        /// How many there are.
        found: usize,
        /// How many are read.
        max: usize,
    },
    /// A line is no bundle.
    #[error("line {number} of the note is no bundle: {error}")]
    NotABundle {
        /// The line, counted from one.
        number: usize,
        /// What is wrong with it.
        error: BundleError,
    },
    /// The note cannot be read from the repository.
    #[error("the note cannot be read: {0}")]
    Unreadable(RepositoryError),
}

impl Note {
    /// Reads a note's text.
    pub fn parse(text: &[u8]) -> Self {
        let mut note = Self::default();
        if text.len() > MAX_NOTE_LEN {
            note.faults.push(NoteFault::TooLong {
                found: u64::try_from(text.len()).unwrap_or(u64::MAX),
                max: MAX_NOTE_LEN,
            });
            return note;
        }
        let count = lines(text).count();
        if count > MAX_LINES {
            note.faults.push(NoteFault::TooManyLines {
                found: count,
                max: MAX_LINES,
            });
        }
        let mut seen = BTreeSet::new();
        for (number, line) in (1..).zip(lines(text).take(MAX_LINES)) {
            if !seen.insert(line) {
                continue;
            }
            match Bundle::parse(line) {
                Ok(bundle) => note.bundles.push(bundle),
                Err(error) => note.faults.push(NoteFault::NotABundle { number, error }),
            }
        }
        note
    }
}

/// The lines that hold something.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty())
}

/// All lines of both, sorted and each once: what git's merge strategy `cat_sort_uniq` makes of two notes, so that it
/// does not matter who merges or in which order.
fn union<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let lines: BTreeSet<&[u8]> = texts.into_iter().flat_map(lines).collect();
    let mut union = Vec::new();
    for line in lines {
        union.extend_from_slice(line);
        union.push(b'\n');
    }
    union
}
