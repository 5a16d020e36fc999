//! The storage of one log in a folder.
//!
//! ```text
//! DIR/
//!   hold         taken (flock) while the log is open
//!   lock         the checkpoint that counts: never restore it from a backup older than what anyone has seen
//!   journal      batches whose tiles may not be synced yet
//!   tiles/       what the log publishes, as any web server may serve it: checkpoint, tile/…
//!   temporary/   files on their way; emptied at every opening
//! ```

mod file;

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use signhere_log::sequencer::Storage;
use signhere_log::storage::{Objects, StorageError};

use file::{FileJournal, FileLock, FileObjects, io, make_dir, open_private};

/// Bytes of a lock: a checkpoint with many signatures.
const MAX_LOCK: u64 = 1 << 20;

/// The storage in `folder`, made if there is none, held by this process until journal and lock are dropped.
///
/// # Errors
/// [`StorageError::InUse`] if another process, or this one, has it open already; or the file system refuses.
pub(crate) fn open(folder: &Path) -> Result<Storage, StorageError> {
    make_dir(folder)?;
    let hold = Arc::new(hold(&folder.join("hold"))?);
    let temporary = folder.join("temporary");
    match fs::remove_dir_all(&temporary) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(io("empty", &temporary, &error));
        }
        _ => make_dir(&temporary)?,
    }
    let tiles = folder.join("tiles");
    make_dir(&tiles)?;
    let journal = FileJournal::open(&folder.join("journal"), Arc::clone(&hold))?;
    file::sync_dir(folder)?;
    Ok(Storage {
        objects: Arc::new(FileObjects::new(&tiles, &temporary)),
        journal: Box::new(journal),
        lock: Box::new(FileLock::new(&folder.join("lock"), &temporary, hold)),
        high_water: None,
    })
}

/// The tiles and the published checkpoint in `folder`, for reading while another process may write.
pub(crate) fn objects(folder: &Path) -> Arc<dyn Objects> {
    Arc::new(FileObjects::new(
        &folder.join("tiles"),
        &folder.join("temporary"),
    ))
}

/// The value of the lock in `folder`; none if there is no lock.
///
/// # Errors
/// The file system refuses.
pub(crate) fn lock(folder: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    file::read(&folder.join("lock"), MAX_LOCK)
}

fn hold(path: &Path) -> Result<File, StorageError> {
    let file = open_private(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse {
            path: path.display().to_string(),
        }),
        Err(TryLockError::Error(error)) => Err(io("lock", path, &error)),
    }
}

#[cfg(test)]
mod tests;
