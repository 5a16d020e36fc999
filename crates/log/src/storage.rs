//! What a log asks of its storage, in promises.
//!
//! Three small traits, because three things differ in what they must survive: the tiles may be lost up
//! to the last [`Objects::sync`] (the journal has them), the journal's records must survive at once,
//! and the lock decides which of two histories is the log's.

use std::io;

/// The tiles and the published checkpoint, by relative paths of `/`-separated names.
///
/// Not trusted to be honest: what is read is checked against a checkpoint.
pub trait Objects: Send + Sync {
    /// Puts `bytes` at `path`, replacing what is there.
    ///
    /// When it returns, every reader sees either the old object or the whole new one. Until [`Self::sync`],
    /// a crash may lose the object or leave anything in its place.
    ///
    /// # Errors
    /// The object may or may not have been put.
    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError>;

    /// The object at `path`, whole; none if there is none.
    ///
    /// # Errors
    /// The storage failed, or the path leads out of it.
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StorageError>;

    /// At most `length` bytes of the object at `path`, from `offset` on; none if there is no such object.
    ///
    /// # Errors
    /// As [`Self::get`].
    fn part(&self, path: &str, offset: u64, length: usize) -> Result<Option<Part>, StorageError> {
        let Some(mut bytes) = self.get(path)? else {
            return Ok(None);
        };
        let total = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        bytes.drain(..start.min(bytes.len()));
        bytes.truncate(length);
        Ok(Some(Part { bytes, total }))
    }

    /// When it returns, every object put before it was called survives a crash.
    ///
    /// # Errors
    /// Any of those objects may be lost in a crash.
    fn sync(&self) -> Result<(), StorageError>;
}

/// A part of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The part's bytes: none beyond the object's end.
    pub bytes: Vec<u8>,
    /// The bytes of the whole object.
    pub total: u64,
}

/// The write-ahead records of batches whose tiles may not be synced yet.
pub trait Journal: Send {
    /// Adds `record` after the others. When it returns, the record survives a crash.
    ///
    /// # Errors
    /// The record may or may not have been added; if it was, then whole.
    fn append(&mut self, record: &[u8]) -> Result<(), StorageError>;

    /// The records in their order. A record whose `append` never returned is here whole or not at all.
    ///
    /// # Errors
    /// The storage failed, or a record that had been added is damaged.
    fn read(&mut self) -> Result<Vec<Vec<u8>>, StorageError>;

    /// Removes all records. When it returns, their removal survives a crash.
    ///
    /// # Errors
    /// Either all records are still there, or none.
    fn clear(&mut self) -> Result<(), StorageError>;
}

/// One value that decides what the log is. Whoever can replace it is the log's one sequencer.
///
/// The only storage that is trusted: never restore it from a backup older than what anyone has seen.
pub trait Lock: Send {
    /// The value; none before the first [`Self::replace`].
    ///
    /// # Errors
    /// The storage failed.
    fn load(&mut self) -> Result<Option<Vec<u8>>, StorageError>;

    /// Sets `new` if the value is `old`, as one step. When it returns, `new` survives a crash.
    ///
    /// # Errors
    /// [`StorageError::LockMoved`] if the value is another than `old`; nothing is changed then. After any
    /// other error the value is either `old` or `new`, whole.
    fn replace(&mut self, old: Option<&[u8]>, new: &[u8]) -> Result<(), StorageError>;
}

/// Why storage failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The operating system, or the service behind the storage, refused.
    #[error("cannot {operation} {path}: {message}")]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On what.
        path: String,
        /// The kind of refusal.
        kind: io::ErrorKind,
        /// The refusal in its own words.
        message: String,
    },
    /// The path has an empty name, `.`, `..`, or a character that is not allowed.
    #[error("{path:?} is not the path of an object")]
    Path {
        /// The path.
        path: String,
    },
    /// Another sequencer moved the lock.
    #[error("another sequencer has moved the log")]
    LockMoved,
    /// Another process has the storage open.
    #[error("{path} is in use by another process")]
    InUse {
        /// The storage.
        path: String,
    },
    /// A stored record is not what was written.
    #[error("{path} is damaged at byte {offset}")]
    Damaged {
        /// The file.
        path: String,
        /// Where the damage begins.
        offset: u64,
    },
    /// The object is larger than anything that a log stores.
    #[error("{path} has {found} bytes, the limit is {limit}")]
    TooLarge {
        /// The object.
        path: String,
        /// The limit in bytes.
        limit: u64,
        /// The bytes found.
        found: u64,
    },
    /// A fault that a test asked for.
    #[error("operation {operation} fails as scripted")]
    Scripted {
        /// The number of the operation.
        operation: u64,
    },
}
