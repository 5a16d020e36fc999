//! Why git was not given a signature the last time. Before 2.40 git keeps to itself what its program says, and where there
//! is no terminal nobody else hears it: this is what `git status` and `git doctor` know it from.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use signhere_pki::time::{Clock as _, Time};

use crate::clock::SystemClock;
use crate::env;
use crate::error::{CliError, ErrorRecord};
use crate::files;

/// The largest file, in bytes. A longer story is not kept.
const MAX_LEN: usize = 16 * 1024;

/// A signature that was not made.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Failure {
    /// When that was.
    pub(super) at: Time,
    /// Where git ran.
    pub(super) folder: PathBuf,
    /// Why.
    pub(super) error: ErrorRecord,
}

/// Keeps the reason. Where it cannot be kept, nobody is left to tell.
pub(super) fn keep(error: &CliError) {
    let failure = Failure {
        at: SystemClock.now(),
        folder: std::env::current_dir().unwrap_or_default(),
        error: ErrorRecord::of(error),
    };
    if let (Some(path), Ok(text)) = (path(), serde_json::to_vec(&failure))
        && text.len() <= MAX_LEN
    {
        let _ = write(&path, &text);
    }
}

/// Forgets it: a signature was made.
pub(super) fn forget() {
    if let Some(path) = path() {
        let _ = fs::remove_file(path);
    }
}

/// Why the last signature was not made; `None` where it was, or where what is kept cannot be read.
pub(super) fn last() -> Option<Failure> {
    let path = path()?;
    // A link would lead to what was never written here.
    if !fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    let text = files::read(&path, u64::try_from(MAX_LEN).ok()?).ok()?;
    let failure: Failure = serde_json::from_slice(&text).ok()?;
    failure.error.error().is_some().then_some(failure)
}

fn path() -> Option<PathBuf> {
    Some(env::state_dir()?.join("git-failure.json"))
}

/// Writes the file whole, in a folder of the user's own; temporary files are readable by their owner alone.
fn write(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    files::make_private_folder(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text)?;
    file.persist(path)?;
    Ok(())
}
