//! The state folder: who holds it, what lies in it, and that it is whole.
//!
//! ```text
//! DIR/                          0700
//!   lock                        held while an instance is open
//!   identity/                   keys and certificates; appears whole or not at all
//!   ct/  log/                   the two logs
//!   trusted_root.json  signing_config.v0.2.json  trust_config.json
//! ```

pub(crate) mod files;
pub(crate) mod keyring;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::ServeError;
use files::{SECRET, ensure_private_dir, sync_dir};

const LOCK: &str = "lock";
const IDENTITY: &str = "identity";
const IDENTITY_IN_MAKING: &str = "identity.new";

/// A state folder held by this instance alone, until it is dropped.
#[derive(Debug)]
pub(crate) struct StateFolder {
    root: PathBuf,
    _lock: File,
}

impl StateFolder {
    /// Makes the folder if there is none, and takes it for this instance.
    pub(crate) fn take(root: &Path) -> Result<Self, ServeError> {
        ensure_private_dir(root)?;
        let path = root.join(LOCK);
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(SECRET)
            .open(&path);
        let lock = opened.map_err(|e| ServeError::file("open", &path, &e))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                root: root.to_path_buf(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(ServeError::InUse {
                path: root.to_path_buf(),
            }),
            Err(TryLockError::Error(e)) => Err(ServeError::file("lock", &path, &e)),
        }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of keys and certificates, made by `make` if this is the first start.
    ///
    /// `make` fills a folder beside it, which a rename then puts in place: a crash before that leaves keys
    /// that nothing was ever signed with, and the next start throws them away.
    pub(crate) fn identity(
        &self,
        make: impl FnOnce(&Path) -> Result<(), ServeError>,
    ) -> Result<PathBuf, ServeError> {
        let identity = self.root.join(IDENTITY);
        if exists(&identity)? {
            files::refuse_exposed(&identity)?;
            return Ok(identity);
        }
        self.refuse_strangers()?;

        let in_making = self.root.join(IDENTITY_IN_MAKING);
        if exists(&in_making)? {
            fs::remove_dir_all(&in_making)
                .map_err(|e| ServeError::file("remove", &in_making, &e))?;
        }
        ensure_private_dir(&in_making)?;
        make(&in_making)?;
        sync_dir(&in_making)?;
        fs::rename(&in_making, &identity)
            .map_err(|e| ServeError::file("put in place", &identity, &e))?;
        sync_dir(&self.root)?;
        Ok(identity)
    }

    /// A sub-folder for one service's data.
    pub(crate) fn service(&self, name: &str) -> Result<PathBuf, ServeError> {
        let path = self.root.join(name);
        ensure_private_dir(&path)?;
        sync_dir(&self.root)?;
        Ok(path)
    }

    /// New keys go only into a folder that is empty: not among a stranger's files, nor beside logs and
    /// documents that lost keys have signed.
    fn refuse_strangers(&self) -> Result<(), ServeError> {
        let fail = |e: std::io::Error| ServeError::file("list", &self.root, &e);
        let mut stranger = None;
        for entry in fs::read_dir(&self.root).map_err(fail)? {
            let name = entry
                .map_err(fail)?
                .file_name()
                .to_string_lossy()
                .into_owned();
            match name.as_str() {
                LOCK | IDENTITY_IN_MAKING => {}
                "ct" | "log" => {
                    return Err(ServeError::KeysMissing {
                        path: self.root.clone(),
                        found: name,
                    });
                }
                _ => stranger = Some(name),
            }
        }
        match stranger {
            Some(found) => Err(ServeError::NotAnInstance {
                path: self.root.clone(),
                found,
            }),
            None => Ok(()),
        }
    }
}

fn exists(path: &Path) -> Result<bool, ServeError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(ServeError::file("look at", path, &e)),
    }
}

#[cfg(test)]
mod tests;
