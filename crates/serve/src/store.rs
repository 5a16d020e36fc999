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
//!
//! The high-water mark is a file elsewhere, in the form of `lock`: the last checkpoint that may have been seen.
//! Who restores a log and knows that nobody has seen a newer checkpoint makes it by copying `tiles/checkpoint`.

mod file;
mod journal;
mod slots;
mod sweep;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signhere_log::sequencer::Storage;
use signhere_log::storage::{Objects, StorageError};
use signhere_log::tile::CHECKPOINT_PATH;

use file::{FileObjects, io, make_dir, open_private};
use journal::FileJournal;
use slots::FileLock;

pub(crate) use sweep::Sweeper;

/// Where a log is kept.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// All of it but its high-water mark.
    pub(crate) folder: PathBuf,
    /// The file of its high-water mark.
    pub(crate) high_water: PathBuf,
}

impl Place {
    /// The file of the published checkpoint.
    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.folder.join("tiles").join(CHECKPOINT_PATH)
    }
}

/// The storage at `place`, made if there is none, held by this process until journal and lock are dropped.
///
/// # Errors
/// [`StorageError::InUse`] if another process, or this one, has it open already; or the file system refuses.
pub(crate) fn open(place: &Place) -> Result<Storage, StorageError> {
    let Place { folder, high_water } = place;
    make_dir(folder)?;
    let hold = Arc::new(hold(&folder.join("hold"))?);
    let temporary = folder.join("temporary");
    // The folder stays: on a full disk it could not be made again.
    make_dir(&temporary)?;
    empty(&temporary).map_err(|error| io("empty", &temporary, &error))?;
    let tiles = folder.join("tiles");
    make_dir(&tiles)?;
    if let Some(parent) = high_water.parent() {
        make_dir(parent)?;
    }
    let journal = FileJournal::open(&folder.join("journal"), Arc::clone(&hold))?;
    file::sync_dir(folder)?;
    Ok(Storage {
        objects: Arc::new(FileObjects::new(&tiles, &temporary)),
        journal: Box::new(journal),
        lock: Box::new(FileLock::new(
            &folder.join("lock"),
            &temporary.join("lock"),
            Arc::clone(&hold),
        )),
        high_water: Some(Box::new(FileLock::high_water(
            high_water,
            &high_water.with_extension("new"),
            hold,
        ))),
    })
}

/// The tiles and the published checkpoint in `folder`, for reading while another process may write.
pub fn objects(folder: &Path) -> Arc<dyn Objects> {
    Arc::new(FileObjects::new(
        &folder.join("tiles"),
        &folder.join("temporary"),
    ))
}

/// The value of the lock in `folder`; none if there is no lock.
///
/// # Errors
/// The file system refuses, or the file is damaged.
pub fn lock(folder: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    slots::read(&folder.join("lock"))
}

fn empty(dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
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
