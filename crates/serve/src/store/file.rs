//! A log's objects as files, and what journal and lock share with them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use signhere_log::storage::{Objects, Part, StorageError};

/// The mode of files that only the log reads.
pub(super) const PRIVATE: u32 = 0o600;
/// The mode of files that the log publishes.
const PUBLIC: u32 = 0o644;
/// The largest object: a full tile of the largest entries, with room to spare.
const MAX_OBJECT: u64 = 64 << 20;

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

    fn part(&self, path: &str, offset: u64, length: usize) -> Result<Option<Part>, StorageError> {
        let place = self.place(path)?;
        let fail = |error| io("read", &place, &error);
        let mut file = match File::open(&place) {
            Ok(file) => file,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::NotFound) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(fail(error)),
        };
        let metadata = file.metadata().map_err(fail)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let total = metadata.len();
        file.seek(SeekFrom::Start(offset.min(total)))
            .map_err(fail)?;
        let mut bytes = Vec::new();
        let limit = u64::try_from(length).unwrap_or(u64::MAX);
        file.take(limit).read_to_end(&mut bytes).map_err(fail)?;
        Ok(Some(Part { bytes, total }))
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
pub(super) fn create(path: &Path, mode: u32) -> Result<File, StorageError> {
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

pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
