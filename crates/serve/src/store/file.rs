//! A log's objects, journal and lock as files. What each promises is said at the traits.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use signhere_log::storage::{Journal, Lock, Objects, StorageError};
use signhere_pki::digest::sha256;

/// The mode of files that only the log reads.
const PRIVATE: u32 = 0o600;
/// The mode of files that the log publishes.
const PUBLIC: u32 = 0o644;
/// The largest object: a full tile of the largest entries, with room to spare.
const MAX_OBJECT: u64 = 64 << 20;
/// The largest journal: far more than the sequencer lets one grow to.
const MAX_JOURNAL: u64 = 512 << 20;

/// Published objects below one folder. Each is written beside it and renamed into place.
#[derive(Debug)]
pub(super) struct FileObjects {
    root: PathBuf,
    temporary: PathBuf,
    written: AtomicU64,
}

impl FileObjects {
    pub(super) fn new(root: &Path, temporary: &Path) -> Self {
        Self {
            root: root.to_owned(),
            temporary: temporary.to_owned(),
            written: AtomicU64::new(0),
        }
    }

    /// Where the object is, if every part of its path is a plain name: never outside of the root.
    fn place(&self, path: &str) -> Result<PathBuf, StorageError> {
        let plain = |name: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
            !name.is_empty() && !name.starts_with('.') && name.bytes().all(allowed)
        };
        if path.len() > 255 || !path.split('/').all(plain) {
            return Err(StorageError::Path {
                path: path.to_owned(),
            });
        }
        Ok(self.root.join(path))
    }
}

impl Objects for FileObjects {
    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let place = self.place(path)?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let temporary = self.temporary.join(number.to_string());
        let mut file = create(&temporary, PUBLIC)?;
        file.write_all(bytes)
            .map_err(|error| io("write", &temporary, &error))?;
        let parent = place.parent().unwrap_or(&self.root);
        match fs::rename(&temporary, &place) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_dir(parent)?;
                fs::rename(&temporary, &place)
                    .map_err(|error| io("put in place", &place, &error))?;
            }
            renamed => renamed.map_err(|error| io("put in place", &place, &error))?,
        }
        // Where the whole file system cannot be synced at once, `sync` relies on this.
        if cfg!(not(target_os = "linux")) {
            file.sync_all()
                .map_err(|error| io("sync", &place, &error))?;
            parent
                .ancestors()
                .take_while(|dir| dir.starts_with(&self.root))
                .try_for_each(sync_dir)?;
        }
        Ok(())
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StorageError> {
        let place = self.place(path)?;
        match fs::metadata(&place) {
            Ok(metadata) if metadata.is_file() => read(&place, MAX_OBJECT),
            Ok(_) => Ok(None),
            // A file where a folder would have to be: the object is not there either.
            Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("read", &place, &error)),
        }
    }

    /// One call for hundreds of files: the alternative, an fsync for each, stalls the log.
    #[cfg(target_os = "linux")]
    fn sync(&self) -> Result<(), StorageError> {
        let root = File::open(&self.root).map_err(|error| io("open", &self.root, &error))?;
        rustix::fs::syncfs(&root).map_err(|error| io("sync", &self.root, &error.into()))
    }

    #[cfg(not(target_os = "linux"))]
    fn sync(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

/// Records in one file, each behind its length (4 bytes, big-endian) and its SHA-256.
#[derive(Debug)]
pub(super) struct FileJournal {
    path: PathBuf,
    file: File,
    /// Where the last whole record ends; unknown before the first read, and after a failure.
    end: Option<u64>,
    _hold: Arc<File>,
}

impl FileJournal {
    pub(super) fn open(path: &Path, hold: Arc<File>) -> Result<Self, StorageError> {
        Ok(Self {
            path: path.to_owned(),
            file: open_private(path)?,
            end: None,
            _hold: hold,
        })
    }

    /// All bytes of the file.
    fn bytes(&mut self) -> Result<Vec<u8>, StorageError> {
        let fail = |error| io("read", &self.path, &error);
        let length = self.file.metadata().map_err(fail)?.len();
        if length > MAX_JOURNAL {
            let path = self.path.display().to_string();
            return Err(StorageError::TooLarge {
                path,
                limit: MAX_JOURNAL,
                found: length,
            });
        }
        self.file.seek(SeekFrom::Start(0)).map_err(fail)?;
        let mut bytes = Vec::new();
        (&self.file)
            .take(MAX_JOURNAL)
            .read_to_end(&mut bytes)
            .map_err(fail)?;
        Ok(bytes)
    }

    fn write(&mut self, end: u64, frame: &[u8]) -> io::Result<()> {
        // Cuts off what a torn write may have left behind the last whole record.
        if self.file.metadata()?.len() != end {
            self.file.set_len(end)?;
        }
        self.file.seek(SeekFrom::Start(end))?;
        self.file.write_all(frame)?;
        self.file.sync_data()
    }
}

impl Journal for FileJournal {
    fn append(&mut self, record: &[u8]) -> Result<(), StorageError> {
        if self.end.is_none() {
            self.read()?;
        }
        // Taken until the write has succeeded: after a failure, what is there has to be read again.
        let end = self.end.take().unwrap_or(0);
        let frame = frame(record).filter(|frame| {
            end.checked_add(length(frame))
                .is_some_and(|after| after <= MAX_JOURNAL)
        });
        let Some(frame) = frame else {
            let found = end.saturating_add(length(record));
            let path = self.path.display().to_string();
            return Err(StorageError::TooLarge {
                path,
                limit: MAX_JOURNAL,
                found,
            });
        };
        self.write(end, &frame)
            .map_err(|error| io("append to", &self.path, &error))?;
        self.end = Some(end.saturating_add(length(&frame)));
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<Vec<u8>>, StorageError> {
        let bytes = self.bytes()?;
        let mut records = Vec::new();
        let mut rest = bytes.as_slice();
        loop {
            match unframe(rest) {
                Frame::Record(record, after) => {
                    records.push(record.to_vec());
                    rest = after;
                }
                Frame::Torn => break,
                Frame::Damaged => {
                    let path = self.path.display().to_string();
                    let offset = length(&bytes).saturating_sub(length(rest));
                    return Err(StorageError::Damaged { path, offset });
                }
            }
        }
        self.end = Some(length(&bytes).saturating_sub(length(rest)));
        Ok(records)
    }

    fn clear(&mut self) -> Result<(), StorageError> {
        self.end = None;
        let cleared = self.file.set_len(0).and_then(|()| self.file.sync_all());
        cleared.map_err(|error| io("clear", &self.path, &error))?;
        self.end = Some(0);
        Ok(())
    }
}

/// One value in one file, replaced by renaming a synced one over it.
#[derive(Debug)]
pub(super) struct FileLock {
    path: PathBuf,
    temporary: PathBuf,
    _hold: Arc<File>,
}

impl FileLock {
    pub(super) fn new(path: &Path, temporary: &Path, hold: Arc<File>) -> Self {
        Self {
            path: path.to_owned(),
            temporary: temporary.join("lock"),
            _hold: hold,
        }
    }
}

impl Lock for FileLock {
    fn load(&mut self) -> Result<Option<Vec<u8>>, StorageError> {
        read(&self.path, MAX_OBJECT)
    }

    /// One step, because the hold keeps every other process out and `&mut` every other thread.
    fn replace(&mut self, old: Option<&[u8]>, new: &[u8]) -> Result<(), StorageError> {
        if self.load()?.as_deref() != old {
            return Err(StorageError::LockMoved);
        }
        let mut file = create(&self.temporary, PRIVATE)?;
        let written = file.write_all(new).and_then(|()| file.sync_all());
        written.map_err(|error| io("write", &self.temporary, &error))?;
        fs::rename(&self.temporary, &self.path)
            .map_err(|error| io("put in place", &self.path, &error))?;
        self.path.parent().map_or(Ok(()), sync_dir)
    }
}

/// Makes a folder that others may look into, and those above it.
pub(super) fn make_dir(path: &Path) -> Result<(), StorageError> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.map_err(|error| io("make", path, &error))
}

/// Makes the names in a folder durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), StorageError> {
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    synced.map_err(|error| io("sync", path, &error))
}

/// The error of an operation on a file.
pub(super) fn io(operation: &'static str, path: &Path, error: &io::Error) -> StorageError {
    StorageError::Io {
        operation,
        path: path.display().to_string(),
        kind: error.kind(),
        message: error.to_string(),
    }
}

/// The file at `path` as it is, made if there is none, for its owner alone.
pub(super) fn open_private(path: &Path) -> Result<File, StorageError> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(PRIVATE);
    options.open(path).map_err(|error| io("open", path, &error))
}

/// A new, empty file for writing.
fn create(path: &Path, mode: u32) -> Result<File, StorageError> {
    let mut options = OpenOptions::new();
    let opened = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path);
    opened.map_err(|error| io("create", path, &error))
}

/// The file's bytes, if there is one, up to a limit.
pub(super) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, StorageError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("open", path, &error)),
    };
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| io("read", path, &error))?;
    if length(&bytes) > limit {
        let path = path.display().to_string();
        return Err(StorageError::TooLarge {
            path,
            limit,
            found: length(&bytes),
        });
    }
    Ok(Some(bytes))
}

/// What stands at some place of a journal.
enum Frame<'a> {
    /// A record, and what follows it.
    Record(&'a [u8], &'a [u8]),
    /// The end: nothing, or an append that never returned. (Should it be the damaged last record of a batch
    /// that was committed, then the lock tells, and the log does not open.)
    Torn,
    /// A record that had been added, for a whole one follows it.
    Damaged,
}

/// A record as it stands in the journal; none if it is empty or its length does not fit.
fn frame(record: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(record.len())
        .ok()
        .filter(|length| *length > 0)?;
    Some([&length.to_be_bytes()[..], &sha256(record), record].concat())
}

fn unframe(bytes: &[u8]) -> Frame<'_> {
    let Some((length, checksum, rest)) = header(bytes) else {
        return Frame::Torn;
    };
    let Some((record, after)) = rest.split_at_checked(length) else {
        return Frame::Torn;
    };
    if is_whole(record, checksum) {
        return Frame::Record(record, after);
    }
    let next =
        header(after).and_then(|(length, checksum, rest)| Some((rest.get(..length)?, checksum)));
    match next {
        Some((record, checksum)) if is_whole(record, checksum) => Frame::Damaged,
        _ => Frame::Torn,
    }
}

fn header(bytes: &[u8]) -> Option<(usize, &[u8; 32], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<32>()?;
    Some((
        usize::try_from(u32::from_be_bytes(*length)).ok()?,
        checksum,
        rest,
    ))
}

fn is_whole(record: &[u8], checksum: &[u8; 32]) -> bool {
    !record.is_empty() && sha256(record) == *checksum
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
