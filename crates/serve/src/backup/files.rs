//! The files of a copy: each is written beside its place and put there whole.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::{BackupError, fail};
use crate::state::files::{remove_if_there, write_durably};

/// What is no part of a copy: what belongs to the process that runs, and what must not be put back.
const LEFT_OUT: [&str; 6] = [
    "lock",
    "control.sock",
    "high-water",
    "keys.new",
    "backup.json",
    "backup.lock",
];
/// What is put in place last of its folder, because it leads to the rest.
const LAST: [&str; 3] = ["keys", "keys.json", "timestamp.json"];
/// Folders within folders.
const DEPTH: usize = 8;

/// Copies files and counts them.
#[derive(Debug, Default)]
pub(super) struct Copier {
    pub(super) written: u64,
    pub(super) kept: u64,
    pub(super) bytes: u64,
}

impl Copier {
    /// Copies everything in `dir` but its logs.
    pub(super) fn folder_but_logs(&mut self, dir: &Path, to: &Path) -> Result<(), BackupError> {
        self.folder(dir, to, 0)
    }

    fn folder(&mut self, dir: &Path, to: &Path, depth: usize) -> Result<(), BackupError> {
        if depth > DEPTH {
            return Err(BackupError::Strange {
                path: dir.to_path_buf(),
            });
        }
        let leaders = read_leaders(dir)?;
        self.rest(dir, to, depth, leaders)
    }

    pub(super) fn rest(
        &mut self,
        dir: &Path,
        to: &Path,
        depth: usize,
        held: Vec<(PathBuf, Vec<u8>)>,
    ) -> Result<(), BackupError> {
        for name in list(dir)? {
            let (from, place) = (dir.join(&name), to.join(&name));
            let is_left_out = depth == 0 && LEFT_OUT.iter().any(|left_out| name == *left_out);
            if is_left_out || held.iter().any(|(held, _)| *held == from) {
                continue;
            }
            let kind = match fs::symlink_metadata(&from) {
                Ok(metadata) => metadata.file_type(),
                // A temporary file that has been put in its place meanwhile.
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(fail("look at", &from, &e)),
            };
            if kind.is_dir() {
                // A log has a folder of tiles.
                if depth == 0 && from.join("tiles").is_dir() {
                    continue;
                }
                make_dir(&place)?;
                self.folder(&from, &place, depth.saturating_add(1))?;
            } else if kind.is_file() {
                self.file(&from, &place)?;
            } else {
                return Err(BackupError::Strange { path: from });
            }
        }
        for (from, content) in held {
            let name = from.file_name().unwrap_or_default();
            self.put(&to.join(name), &content, mode(&from)?)?;
        }
        Ok(())
    }

    fn file(&mut self, from: &Path, place: &Path) -> Result<(), BackupError> {
        let content = match fs::read(from) {
            Ok(content) => content,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(fail("read", from, &e)),
        };
        let mode = mode(from).unwrap_or(0o600);
        self.put(place, &content, mode)
    }

    /// Puts a file in place, unless it is there already.
    pub(super) fn put(
        &mut self,
        place: &Path,
        content: &[u8],
        mode: u32,
    ) -> Result<(), BackupError> {
        if fs::read(place).is_ok_and(|there| there == content) {
            self.kept = self.kept.saturating_add(1);
            return Ok(());
        }
        if let Some(parent) = place.parent() {
            make_dir(parent)?;
        }
        remove_if_there(&place.with_extension("new"))?;
        write_durably(place, content, mode)?;
        self.written = self.written.saturating_add(1);
        let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }
}

/// What leads to the rest of a folder. It is read before the rest is even listed, so that all it leads to is found,
/// and put in place after it.
pub(super) fn read_leaders(dir: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, BackupError> {
    let mut leaders = Vec::new();
    for path in LAST.iter().map(|name| dir.join(name)) {
        if path.is_file() {
            let content = fs::read(&path).map_err(|e| fail("read", &path, &e))?;
            leaders.push((path, content));
        }
    }
    Ok(leaders)
}

fn list(dir: &Path) -> Result<Vec<OsString>, BackupError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| fail("list", dir, &e))? {
        names.push(entry.map_err(|e| fail("list", dir, &e))?.file_name());
    }
    names.sort_by_key(|name| LAST.iter().any(|last| name == last));
    Ok(names)
}

fn mode(path: &Path) -> Result<u32, BackupError> {
    let metadata = fs::metadata(path).map_err(|e| fail("look at", path, &e))?;
    Ok(metadata.permissions().mode() & 0o700 | 0o600)
}

/// Folders of a copy are for its owner alone.
pub(super) fn make_dir(path: &Path) -> Result<(), BackupError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|e| fail("make", path, &e))
}
