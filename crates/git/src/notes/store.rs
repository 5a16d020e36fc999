//! Notes in a repository, read and written by git's own plumbing.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use signhere_pki::time::Time;
use signhere_verify::bundle::Bundle;

use super::layout::Listing;
use super::{MAX_LINES, MAX_NOTE_LEN, NOTES_REF, Note, NoteFault, lines, union};
use crate::object::{ObjectId, ObjectKind};
use crate::repository::{Repository, RepositoryError};

/// The longest listing of notes that is read, in bytes: some half a million notes.
const LISTING: usize = 64 << 20;
/// The longest answer of the other programs.
const ANSWER: usize = 4 << 10;
/// How often a change is made anew because another writer was quicker.
const ATTEMPTS: usize = 32;

/// The notes of a repository, as they were when they were opened.
#[derive(Debug)]
pub struct Notes<'r> {
    repository: &'r Repository,
    tip: Option<ObjectId>,
    listing: Listing,
    blobs: HashMap<ObjectId, Vec<ObjectId>>,
}

/// Who writes a note, as its commit says. A claim like any other in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// When.
    pub at: Time,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// How many objects' notes are longer now.
    pub notes: usize,
    /// How many objects' notes from elsewhere were left out: too long, with too many lines, or not to be read.
    pub refused: usize,
}

/// Why notes cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotesError {
    /// The repository cannot be read or written.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The listing is not what git prints.
    #[error("the tree of {NOTES_REF} is not understood")]
    Listing,
    /// The note would get longer than is read.
    #[error(
        "the note of {object} would have {bytes} bytes and {lines} lines, and at most {MAX_NOTE_LEN} and {MAX_LINES} are read"
    )]
    Full {
        /// The object.
        object: ObjectId,
        /// The length in bytes.
        bytes: usize,
        /// The number of lines.
        lines: usize,
    },
    /// Others changed the notes again and again.
    #[error("{NOTES_REF} was changed by others {ATTEMPTS} times in a row")]
    Busy,
    /// No temporary file can be made.
    #[error("no temporary folder for the new notes: {0}")]
    Temporary(#[source] std::io::Error),
}

impl<'r> Notes<'r> {
    /// Opens the notes under [`NOTES_REF`]; there may be none.
    ///
    /// # Errors
    /// [`NotesError::Repository`] and [`NotesError::Listing`].
    pub fn open(repository: &'r Repository) -> Result<Self, NotesError> {
        Self::open_ref(repository, NOTES_REF)
    }

    /// Opens the notes under another ref, such as one that was fetched.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_ref(repository: &'r Repository, name: &str) -> Result<Self, NotesError> {
        let tip = match repository.resolve(name) {
            Ok(tip) => Some(tip),
            Err(RepositoryError::UnknownRevision { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let listing = match &tip {
            None => Listing::default(),
            Some(tip) => {
                // What names no commit is refused before it is listed.
                repository.expect(tip, ObjectKind::Commit)?;
                let arguments = ["ls-tree", "-r", "-z", "--full-tree", &tip.to_string()];
                let output = repository.run(&arguments, &[], b"", LISTING)?;
                Listing::parse(&output, repository.format()).ok_or(NotesError::Listing)?
            }
        };
        let mut blobs: HashMap<ObjectId, Vec<ObjectId>> = HashMap::new();
        for (object, blob) in listing.notes(repository.format()) {
            blobs.entry(object).or_default().push(blob);
        }
        Ok(Self {
            repository,
            tip,
            listing,
            blobs,
        })
    }

    /// The commit that the notes are of; `None` where there are none.
    pub fn tip(&self) -> Option<&ObjectId> {
        self.tip.as_ref()
    }

    /// Tells whether anything is noted beside an object.
    pub fn has(&self, object: &ObjectId) -> bool {
        self.blobs.contains_key(object)
    }

    /// The note of an object. What cannot be read is a fault of the note and fails nothing else.
    pub fn of(&self, object: &ObjectId) -> Note {
        match self.text(object) {
            Ok(text) => Note::parse(&text),
            Err(fault) => Note {
                bundles: Vec::new(),
                faults: vec![fault],
            },
        }
    }

    /// Adds bundles to the notes of objects, in one commit on top of whatever others have written meanwhile.
    ///
    /// # Errors
    /// [`NotesError`]; nothing is changed then.
    pub fn add(
        repository: &Repository,
        additions: &[(ObjectId, Vec<Bundle>)],
        author: &Author,
    ) -> Result<Added, NotesError> {
        let mut texts: BTreeMap<ObjectId, Vec<u8>> = BTreeMap::new();
        for (object, bundles) in additions {
            let text = texts.entry(*object).or_default();
            for bundle in bundles {
                text.extend_from_slice(&bundle.to_json());
                text.push(b'\n');
            }
        }
        for _ in 0..ATTEMPTS {
            let mut notes = Notes::open(repository)?;
            let mut added = Added::NOTHING;
            for (object, text) in &texts {
                notes
                    .extend(object, text, None)?
                    .count(object, &mut added, false)?;
            }
            if added.notes == 0 || notes.write(None, author)? {
                return Ok(added);
            }
        }
        Err(NotesError::Busy)
    }

    /// Takes over what is noted under another ref: afterwards each object's note has the lines of both.
    ///
    /// # Errors
    /// [`NotesError`]; nothing is changed then.
    pub fn merge(
        repository: &Repository,
        other: &str,
        author: &Author,
    ) -> Result<Added, NotesError> {
        let theirs = Notes::open_ref(repository, other)?;
        let Some(their_tip) = theirs.tip else {
            return Ok(Added::NOTHING);
        };
        for _ in 0..ATTEMPTS {
            let mut ours = Notes::open(repository)?;
            let mut added = Added::NOTHING;
            // One note at a time: there may be any number of long ones.
            for (object, blobs) in &theirs.blobs {
                if ours.blobs.get(object) == Some(blobs) {
                    continue;
                }
                let change = match theirs.text(object) {
                    Ok(text) => {
                        let only = blobs.first().filter(|_| blobs.len() == 1);
                        ours.extend(object, &text, only)?
                    }
                    Err(_) => Change::Refused { bytes: 0, lines: 0 },
                };
                change.count(object, &mut added, true)?;
            }
            let has_theirs = match &ours.tip {
                Some(tip) => repository.is_ancestor(&their_tip, tip)?,
                None => false,
            };
            let parent = (!has_theirs).then_some(their_tip);
            if (added.notes == 0 && parent.is_none()) || ours.write(parent, author)? {
                return Ok(added);
            }
        }
        Err(NotesError::Busy)
    }

    /// The text of a note, from wherever in the tree it is.
    fn text(&self, object: &ObjectId) -> Result<Vec<u8>, NoteFault> {
        let mut text = Vec::new();
        for blob in self.blobs.get(object).into_iter().flatten() {
            let raw = self.repository.expect(blob, ObjectKind::Blob);
            let raw = raw.map_err(|error| match error {
                RepositoryError::TooLarge { size, .. } => NoteFault::TooLong {
                    found: size,
                    max: MAX_NOTE_LEN,
                },
                error => NoteFault::Unreadable(error),
            })?;
            text.extend_from_slice(&raw.bytes);
            text.push(b'\n');
            if text.len() > MAX_NOTE_LEN {
                return Err(NoteFault::TooLong {
                    found: u64::try_from(text.len()).unwrap_or(u64::MAX),
                    max: MAX_NOTE_LEN,
                });
            }
        }
        Ok(text)
    }

    /// Adds lines to the note of an object, in what is to be written; `blob` is where they are from, if it is one.
    fn extend(
        &mut self,
        object: &ObjectId,
        text: &[u8],
        blob: Option<&ObjectId>,
    ) -> Result<Change, NotesError> {
        let old = match self.text(object) {
            Ok(old) => old,
            Err(NoteFault::Unreadable(error)) if !is_useless(&error) => return Err(error.into()),
            // It is one that no reader uses.
            Err(_) => Vec::new(),
        };
        let new = union([old.as_slice(), text]);
        if new == union([old.as_slice()]) {
            return Ok(Change::None);
        }
        let (bytes, lines) = (new.len(), lines(&new).count());
        if bytes > MAX_NOTE_LEN || lines > MAX_LINES {
            return Ok(Change::Refused { bytes, lines });
        }
        let blob = match blob.filter(|_| text.strip_suffix(b"\n") == Some(&new)) {
            Some(blob) => *blob,
            None => self.id_from(&["hash-object", "-w", "--stdin"], &[], &new)?,
        };
        self.listing.put(object, blob);
        Ok(Change::Longer)
    }

    /// Makes a commit of the notes and moves the ref to it; `false` where another writer was quicker.
    fn write(&self, other_parent: Option<ObjectId>, author: &Author) -> Result<bool, NotesError> {
        let tree = self.write_tree()?;
        let commit = self.commit(&tree, other_parent, author)?;
        let old = self.tip.unwrap_or_else(|| ObjectId::zero(commit.format()));
        let (new, old) = (commit.to_string(), old.to_string());
        // Were it a symbolic ref, the branch behind it is no place for notes.
        let arguments = [
            "update-ref",
            "--no-deref",
            "-m",
            "signhere git",
            NOTES_REF,
            &new,
            &old,
        ];
        match self.repository.run(&arguments, &[], b"", ANSWER) {
            Ok(_) => Ok(true),
            // Either the ref has moved on, or somebody holds its lock.
            Err(RepositoryError::Failed { cause }) if is_race(&cause) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn write_tree(&self) -> Result<ObjectId, NotesError> {
        let folder = tempfile::tempdir().map_err(NotesError::Temporary)?;
        let index = folder.path().join("index");
        let variables: [(&str, &Path); 1] = [("GIT_INDEX_FILE", &index)];
        let info = self.listing.to_index_info();
        let arguments = ["update-index", "-z", "--index-info"];
        let variables = variables.map(|(name, path)| (name, path.as_os_str()));
        self.repository.run(&arguments, &variables, &info, ANSWER)?;
        self.id_from(&["write-tree", "--missing-ok"], &variables, b"")
    }

    fn commit(
        &self,
        tree: &ObjectId,
        other_parent: Option<ObjectId>,
        author: &Author,
    ) -> Result<ObjectId, NotesError> {
        let date = format!("{} +0000", author.at.unix());
        let variables = [
            ("GIT_AUTHOR_NAME", author.name.as_ref()),
            ("GIT_AUTHOR_EMAIL", author.email.as_ref()),
            ("GIT_AUTHOR_DATE", date.as_ref()),
            ("GIT_COMMITTER_NAME", author.name.as_ref()),
            ("GIT_COMMITTER_EMAIL", author.email.as_ref()),
            ("GIT_COMMITTER_DATE", date.as_ref()),
        ];
        let tree = tree.to_string();
        let parents: Vec<String> = self
            .tip
            .iter()
            .chain(&other_parent)
            .map(ToString::to_string)
            .collect();
        let mut arguments = vec!["commit-tree", &tree, "-m", "Notes added by 'signhere git'"];
        for parent in &parents {
            arguments.extend(["-p", parent.as_str()]);
        }
        self.id_from(&arguments, &variables, b"")
    }

    /// The id that git prints.
    fn id_from(
        &self,
        arguments: &[&str],
        variables: &[(&str, &std::ffi::OsStr)],
        input: &[u8],
    ) -> Result<ObjectId, NotesError> {
        let output = self.repository.run(arguments, variables, input, ANSWER)?;
        let text = String::from_utf8_lossy(&output);
        let id = text.trim().parse();
        id.map_err(|_| {
            let answer = text.chars().take(100).collect();
            RepositoryError::Answer { answer }.into()
        })
    }
}

impl Added {
    /// Nothing.
    pub const NOTHING: Self = Self {
        notes: 0,
        refused: 0,
    };
}

/// What becomes of one note.
enum Change {
    None,
    Longer,
    Refused { bytes: usize, lines: usize },
}

impl Change {
    /// Counts it; what comes from others and does not fit is `lenient`ly left out.
    fn count(self, object: &ObjectId, added: &mut Added, lenient: bool) -> Result<(), NotesError> {
        match self {
            Self::None => {}
            Self::Longer => added.notes = added.notes.saturating_add(1),
            Self::Refused { .. } if lenient => added.refused = added.refused.saturating_add(1),
            Self::Refused { bytes, lines } => {
                return Err(NotesError::Full {
                    object: *object,
                    bytes,
                    lines,
                });
            }
        }
        Ok(())
    }
}

/// Whether an object will never be a note, whoever reads it and wherever: what is only missing here is another matter.
fn is_useless(error: &RepositoryError) -> bool {
    matches!(error, RepositoryError::WrongKind { .. })
}

/// Whether git says that a ref is not where it was, or is being moved.
fn is_race(cause: &str) -> bool {
    cause.contains("cannot lock ref")
        || cause.contains("is at ")
        || cause.contains("reference already exists")
}
