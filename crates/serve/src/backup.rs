//! Copies of an instance's folder, made while it runs.
//!
//! A log is copied at one size: the published checkpoint is read first, then the lock, then exactly the tiles of
//! the lock's size. Everything in that order is either immutable or newer than what was read before it, so nothing
//! has to stand still. Tiles are checked on their way: entries against the hashes, the hashes against the lock.
//! What is there already is not copied again; a copy that broke off is gone on with.
//!
//! The high-water marks are left out: a copy that is put back is older than what clients have seen, and the
//! log must not open as if it were not.

mod files;
mod logs;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use signhere_log::checkpoint::CheckpointError;
use signhere_log::layout::Layout;
use signhere_log::reader::ReadError;
use signhere_log::storage::StorageError;
use signhere_pki::time::{Clock, Time};
use thiserror::Error;

use crate::error::ServeError;
use crate::state::files::{
    ensure_private_dir, read_bounded, remove_if_there, sync_dir, write_durably,
};
use crate::state::manifest::{Manifest, Role};
use files::Copier;

/// What a whole copy has, and one that broke off has not.
const SUMMARY: &str = "backup.json";
const SUMMARY_LIMIT: u64 = 1 << 20;
/// Held while a copy is being made.
const HOLD: &str = "backup.lock";
const PRIVATE: u32 = 0o600;

/// What a copy holds: `backup.json` in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Of this form: 1.
    pub version: u32,
    /// The instance's id.
    pub id: String,
    /// When the copy was begun.
    pub begun: Time,
    /// The logs, as they are in the copy.
    pub logs: Vec<LogSummary>,
    /// Files that were written.
    pub written: u64,
    /// Files that were there already.
    pub kept: u64,
    /// Bytes that were written.
    pub bytes: u64,
}

/// A log in a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogSummary {
    /// The shard's name: `log-1`.
    pub name: String,
    /// The name it signs under.
    pub origin: String,
    /// Its entries.
    pub size: u64,
    /// Its root hash, lower-case hexadecimal.
    pub root: String,
}

/// How far a copy has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The log that is being copied.
    pub log: String,
    /// Entries done.
    pub done: u64,
    /// Entries to do.
    pub of: u64,
}

/// Why there is no whole copy.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file operation failed, or the folder is no instance's.
    #[error(transparent)]
    Folder(#[from] ServeError),
    /// A file operation failed.
    #[error("cannot {action} {path}: {kind}", path = path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        kind: ErrorKind,
    },
    /// The folder for the copy lies in the instance's, or the other way round.
    #[error("{path} and the instance lie in one another", path = path.display())]
    Inside {
        /// The folder for the copy.
        path: PathBuf,
    },
    /// The folder for the copy holds something else.
    #[error("{path} holds {found}, and is no copy of this instance", path = path.display())]
    Other {
        /// The folder for the copy.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// Another copy is being made there.
    #[error("another copy is being made in {path}", path = path.display())]
    InUse {
        /// The folder for the copy.
        path: PathBuf,
    },
    /// Something that is neither a file nor a folder: it is not followed.
    #[error("{path} is neither a file nor a folder", path = path.display())]
    Strange {
        /// Where.
        path: PathBuf,
    },
    /// A log's storage fails.
    #[error("{log}: {error}")]
    Storage {
        /// The log.
        log: String,
        /// Why.
        error: StorageError,
    },
    /// A log's tiles cannot be read.
    #[error("{log}: {error}")]
    Read {
        /// The log.
        log: String,
        /// Why.
        error: ReadError,
    },
    /// A log's checkpoint cannot be read.
    #[error("{log}: {error}")]
    Checkpoint {
        /// The log.
        log: String,
        /// Why.
        error: CheckpointError,
    },
    /// A log's stored tiles are not those of its checkpoint.
    #[error("{log} is damaged: entry {index} does not have the hash that the log has for it")]
    Entry {
        /// The log.
        log: String,
        /// The entry.
        index: u64,
    },
    /// A log's stored hashes are not those of its checkpoint.
    #[error("{log} is damaged: its hashes do not lead to its root")]
    Root {
        /// The log.
        log: String,
    },
}

/// Copies the instance in `dir` to `to`, which is made if there is none and may hold an earlier copy of it.
/// Works beside the process that runs the instance. Blocks.
///
/// # Errors
/// [`BackupError`]. What was copied stays, without its `backup.json`; the next run goes on with it.
pub fn run(
    dir: &Path,
    to: &Path,
    clock: &dyn Clock,
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, BackupError> {
    let begun = clock.now();
    let source = Manifest::load(&dir.join("keys"))?;
    refuse_inside(dir, to)?;
    ensure_private_dir(to)?;
    // A name through what was not there may lead elsewhere than it looked.
    refuse_inside(dir, to)?;
    let _hold = hold(to)?;
    refuse_others(to, &source.id)?;
    remove_if_there(&to.join(SUMMARY))?;

    let mut copier = Copier::default();
    // Documents before keys: a key that was not published yet is published at the start, a published one
    // without its key would be a promise that nobody can keep.
    copier.folder_but_logs(dir, to)?;
    let manifest = Manifest::load(&to.join("keys"))?;
    let mut logs = Vec::new();
    for (role, layout) in [(Role::Ct, Layout::StaticCt), (Role::Log, Layout::Entries)] {
        for shard in manifest.shards(role) {
            if dir.join(&shard.name).is_dir() {
                logs.push(copier.log(dir, to, shard, layout, progress)?);
            }
        }
    }
    let summary = Summary {
        version: 1,
        id: manifest.id,
        begun,
        logs,
        written: copier.written,
        kept: copier.kept,
        bytes: copier.bytes,
    };
    let json =
        serde_json::to_vec_pretty(&summary).map_err(|error| ServeError::make(SUMMARY, &error))?;
    write_durably(&to.join(SUMMARY), &json, PRIVATE)?;
    sync_dir(to)?;
    Ok(summary)
}

/// What the copy in `dir` says of itself; none if it is not whole, or no copy.
///
/// # Errors
/// The file cannot be read.
pub fn summary(dir: &Path) -> Result<Option<Summary>, BackupError> {
    let json = read_bounded(&dir.join(SUMMARY), SUMMARY_LIMIT)?;
    Ok(json.and_then(|json| serde_json::from_slice(&json).ok()))
}

fn refuse_inside(dir: &Path, to: &Path) -> Result<(), BackupError> {
    let real = |path: &Path| fs::canonicalize(path).map_err(|e| fail("find", path, &e));
    // Of the folder for the copy, only the beginning may be there.
    let absolute = std::path::absolute(to).map_err(|e| fail("find", to, &e))?;
    let there = absolute.ancestors().find(|path| path.exists());
    let there = there.unwrap_or(&absolute);
    let rest = absolute
        .strip_prefix(there)
        .unwrap_or_else(|_| Path::new(""));
    let (dir, real_to) = (real(dir)?, real(there)?.join(rest));
    if real_to.starts_with(&dir) || dir.starts_with(&real_to) {
        return Err(BackupError::Inside {
            path: to.to_path_buf(),
        });
    }
    Ok(())
}

/// Nothing else is written over: not another instance, nor its copy.
fn refuse_others(to: &Path, id: &str) -> Result<(), BackupError> {
    let other = |found: String| BackupError::Other {
        path: to.to_path_buf(),
        found,
    };
    let mut first = None;
    for entry in fs::read_dir(to).map_err(|e| fail("list", to, &e))? {
        let name = entry.map_err(|e| fail("list", to, &e))?.file_name();
        if name != HOLD {
            first = Some(name.to_string_lossy().into_owned());
        }
    }
    let Some(first) = first else { return Ok(()) };
    // An instance that is running, or has run, there is no copy any more.
    if to.join("lock").exists() {
        return Err(other("a folder in use, or once in use".to_owned()));
    }
    match Manifest::load(&to.join("keys")) {
        Ok(manifest) if manifest.id == id => Ok(()),
        Ok(manifest) => Err(other(format!("the instance {}", manifest.id))),
        Err(_) => Err(other(first)),
    }
}

fn hold(to: &Path) -> Result<File, BackupError> {
    let path = to.join(HOLD);
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(PRIVATE);
    let file = options.open(&path).map_err(|e| fail("open", &path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BackupError::InUse {
            path: to.to_path_buf(),
        }),
        Err(TryLockError::Error(e)) => Err(fail("lock", &path, &e)),
    }
}

fn fail(action: &'static str, path: &Path, error: &std::io::Error) -> BackupError {
    BackupError::File {
        action,
        path: path.to_path_buf(),
        kind: error.kind(),
    }
}

#[cfg(test)]
mod tests;
