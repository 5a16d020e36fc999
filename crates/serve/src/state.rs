//! The state folder: who holds it, what lies in it, and that it is whole.
//!
//! ```text
//! DIR/                          0700
//!   lock                        held while an instance is open
//!   keys/                       keys and certificates; appears whole or not at all
//!   ct-1/  log-1/               the logs, one folder a shard
//!   trusted_root.json  signing_config.v0.2.json  trust_config.json
//! ```

pub(crate) mod files;
pub(crate) mod keyring;
pub(crate) mod manifest;
pub(crate) mod seal;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::ServeError;
use crate::store::Place;
use files::{SECRET, ensure_private_dir, sync_dir};

const LOCK: &str = "lock";
const KEYS: &str = "keys";
const KEYS_IN_MAKING: &str = "keys.new";
/// What may be written before the keys are put in place, and what may be left of the writing.
const MADE_BEFORE_KEYS: [&str; 11] = [
    "instance.toml",
    "instance.new",
    "root.json",
    "root.new",
    "trusted_root.json",
    "trusted_root.new",
    "signing_config.v0.2.json",
    "signing_config.v0.2.new",
    "trust_config.json",
    "trust_config.new",
    "tuf",
];
/// Where version 1 had its keys.
const KEYS_OF_VERSION_1: &str = "identity";

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
        Self::refuse_others(root)?;
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

    /// The folder of keys and certificates; `None` when they have not been made.
    ///
    /// # Errors
    /// [`ServeError::StateVersion`] for the folder of an earlier version, [`ServeError::Exposed`].
    pub(crate) fn keys(&self) -> Result<Option<PathBuf>, ServeError> {
        Self::look_for_keys(&self.root)
    }

    /// The folder of keys and certificates of the instance in `root`, whoever holds it.
    pub(crate) fn find_keys(root: &Path) -> Result<PathBuf, ServeError> {
        Self::look_for_keys(root)?.ok_or_else(|| ServeError::NoInstance {
            path: root.to_path_buf(),
        })
    }

    /// Refuses the folder of another user: above all, that an administrator leaves keys there which the service cannot
    /// read.
    pub(crate) fn refuse_others(root: &Path) -> Result<(), ServeError> {
        files::refuse_other_owner(root, rustix::process::geteuid().as_raw())
    }

    fn look_for_keys(root: &Path) -> Result<Option<PathBuf>, ServeError> {
        let keys = root.join(KEYS);
        if exists(&keys)? {
            files::refuse_exposed(&keys)?;
            return Ok(Some(keys));
        }
        let earlier = root.join(KEYS_OF_VERSION_1);
        if exists(&earlier)? {
            return Err(ServeError::StateVersion {
                path: earlier,
                found: 1,
                expected: manifest::VERSION,
            });
        }
        Ok(None)
    }

    /// Lets `make` fill the folder of keys and certificates, which there must not be yet.
    ///
    /// `make` fills a folder beside it, which a rename then puts in place, and with it the instance. It may put
    /// other files of an instance into the state folder. A crash before the rename leaves what nothing was ever
    /// signed with; the next attempt throws it away.
    pub(crate) fn make_keys<T>(
        &self,
        make: impl FnOnce(&Path) -> Result<T, ServeError>,
    ) -> Result<(PathBuf, T), ServeError> {
        if self.keys()?.is_some() {
            return Err(ServeError::AlreadyMade {
                path: self.root.clone(),
            });
        }
        self.remove_half_made()?;
        self.refuse_strangers()?;
        let (keys, in_making) = (self.root.join(KEYS), self.root.join(KEYS_IN_MAKING));
        ensure_private_dir(&in_making)?;
        sync_dir(&self.root)?;
        let made = make(&in_making)?;
        sync_dir(&in_making)?;
        fs::rename(&in_making, &keys).map_err(|e| ServeError::file("put in place", &keys, &e))?;
        sync_dir(&self.root)?;
        Ok((keys, made))
    }

    /// A sub-folder for one service's data.
    pub(crate) fn service(&self, name: &str) -> Result<PathBuf, ServeError> {
        let path = self.root.join(name);
        ensure_private_dir(&path)?;
        sync_dir(&self.root)?;
        Ok(path)
    }

    /// Where the log of this name is kept. Its high-water mark is in the folder `marks`, not in its own, which
    /// may be restored from an older copy.
    pub(crate) fn log_place(&self, name: &str, marks: &Path) -> Result<Place, ServeError> {
        Ok(Place {
            folder: self.service(name)?,
            high_water: marks.join(name),
        })
    }

    /// The folder of the high-water marks: `elsewhere`, or one of its own.
    pub(crate) fn marks(&self, elsewhere: Option<&Path>) -> Result<PathBuf, ServeError> {
        let Some(marks) = elsewhere else {
            return self.service("high-water");
        };
        ensure_private_dir(marks)?;
        Ok(marks.to_path_buf())
    }

    /// Removes what an attempt has left that did not come to its end. The unfinished keys go last: they are
    /// how such an attempt is known.
    fn remove_half_made(&self) -> Result<(), ServeError> {
        if !exists(&self.root.join(KEYS_IN_MAKING))? {
            return Ok(());
        }
        self.refuse_logs()?;
        for name in MADE_BEFORE_KEYS.iter().chain([&KEYS_IN_MAKING]) {
            let path = self.root.join(name);
            let removed = match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(&path),
                Ok(_) => fs::remove_file(&path),
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
                Err(e) => Err(e),
            };
            removed.map_err(|e| ServeError::file("remove", &path, &e))?;
        }
        sync_dir(&self.root)
    }

    /// New keys go only into a folder that is empty: not among a stranger's files.
    fn refuse_strangers(&self) -> Result<(), ServeError> {
        self.refuse_logs()?;
        let stranger = self.names()?.into_iter().find(|name| name != LOCK);
        match stranger {
            Some(found) => Err(ServeError::NotAnInstance {
                path: self.root.clone(),
                found,
            }),
            None => Ok(()),
        }
    }

    /// New keys under the name of a log that lost keys have signed would be a fork.
    fn refuse_logs(&self) -> Result<(), ServeError> {
        let is_log = |name: &String| name.starts_with("ct-") || name.starts_with("log-");
        match self.names()?.into_iter().find(is_log) {
            Some(found) => Err(ServeError::KeysMissing {
                path: self.root.clone(),
                found,
            }),
            None => Ok(()),
        }
    }

    fn names(&self) -> Result<Vec<String>, ServeError> {
        let fail = |e: std::io::Error| ServeError::file("list", &self.root, &e);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(fail)? {
            let name = entry.map_err(fail)?.file_name();
            names.push(name.to_string_lossy().into_owned());
        }
        Ok(names)
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
