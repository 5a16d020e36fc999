//! Files that survive a crash whole, and secrets that only their owner can read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::ServeError;

/// Permission bits of a file that everyone may read.
pub(crate) const PUBLIC: u32 = 0o644;
/// Permission bits of a secret.
pub(crate) const SECRET: u32 = 0o600;

/// Makes a folder that only its owner can enter; one that exists must be closed already.
pub(crate) fn ensure_private_dir(path: &Path) -> Result<(), ServeError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|e| ServeError::file("make the folder", path, &e))?;
    refuse_exposed(path)
}

/// Writes a file so that after a crash either the old or the whole new content is there.
pub(crate) fn write_durably(path: &Path, content: &[u8], mode: u32) -> Result<(), ServeError> {
    let temporary = path.with_extension("new");
    remove_if_there(&temporary)?;
    let fail = |e: std::io::Error| ServeError::file("write", path, &e);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)
        .map_err(fail)?;
    file.write_all(content).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    fs::rename(&temporary, path).map_err(fail)?;
    match path.parent() {
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// Reads a whole file of at most `limit` bytes; `None` if there is none.
pub(crate) fn read_bounded(
    path: &Path,
    limit: u64,
) -> Result<Option<Zeroizing<Vec<u8>>>, ServeError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(ServeError::file("read", path, &e)),
    };
    let mut content = Zeroizing::new(Vec::new());
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut content);
    read.map_err(|e| ServeError::file("read", path, &e))?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > limit {
        return Err(ServeError::File {
            action: "read",
            path: path.to_path_buf(),
            kind: ErrorKind::FileTooLarge,
        });
    }
    Ok(Some(content))
}

/// Refuses a file or folder that anyone but its owner can read.
pub(crate) fn refuse_exposed(path: &Path) -> Result<(), ServeError> {
    let metadata = fs::metadata(path).map_err(|e| ServeError::file("look at", path, &e))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(ServeError::Exposed {
            path: path.to_path_buf(),
            mode,
        });
    }
    Ok(())
}

/// Refuses a file or folder that is not of the user `user`.
pub(crate) fn refuse_other_owner(path: &Path, user: u32) -> Result<(), ServeError> {
    let metadata = fs::metadata(path).map_err(|e| ServeError::file("look at", path, &e))?;
    match metadata.uid() {
        owner if owner == user => Ok(()),
        owner => Err(ServeError::Owner {
            path: path.to_path_buf(),
            owner,
            user,
        }),
    }
}

/// Makes renames and new names in a folder durable.
pub(crate) fn sync_dir(path: &Path) -> Result<(), ServeError> {
    let synced = File::open(path).and_then(|dir| dir.sync_all());
    synced.map_err(|e| ServeError::file("sync", path, &e))
}

/// Removes a file that may be absent.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), ServeError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(ServeError::file("remove", path, &e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn a_secret_is_written_closed_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        write_durably(&path, b"one", SECRET).unwrap();
        write_durably(&path, b"two", SECRET).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(read_bounded(&path, 3).unwrap().unwrap().as_slice(), b"two");
    }

    #[test]
    fn what_is_somebody_elses_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (path, owner) = (
            dir.path().to_path_buf(),
            rustix::process::geteuid().as_raw(),
        );
        assert_eq!(refuse_other_owner(&path, owner), Ok(()));
        let user = owner + 1;
        assert_eq!(
            refuse_other_owner(&path, user),
            Err(ServeError::Owner { path, owner, user })
        );
    }

    #[test]
    fn too_large_missing_and_open_files_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert_eq!(read_bounded(&path, 3), Ok(None));
        write_durably(&path, b"four", PUBLIC).unwrap();
        let large = ServeError::File {
            action: "read",
            path: path.clone(),
            kind: ErrorKind::FileTooLarge,
        };
        assert_eq!(read_bounded(&path, 3), Err(large));
        assert_eq!(
            refuse_exposed(&path),
            Err(ServeError::Exposed { path, mode: 0o644 })
        );
    }
}
