//! The repository of an instance, and the keys that it signs with.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use signhere_pki::time::Time;

use super::{FOLDER, OnlineSigners, Repository, Target};
use crate::error::ServeError;
use crate::state::files::{self, PUBLIC, ensure_private_dir, write_durably};
use crate::state::keyring::{Keyring, TUF_ROOT};

/// The first root in the instance's folder, for clients to pin.
const ROOT: &str = "root.json";
const ROOT_LIMIT: u64 = 1 << 20;

/// The repository of an instance, and the keys that it signs with.
pub(crate) struct Tuf {
    repository: Arc<Repository>,
    signers: Mutex<Arc<OnlineSigners>>,
}

impl Tuf {
    /// What is served.
    pub(crate) fn repository(&self) -> Arc<Repository> {
        Arc::clone(&self.repository)
    }

    /// The repository in the folder of an instance, made if there is none, with `files` as its targets; its first root is
    /// written to `root.json`. What has changed since is published by [`Self::publish`].
    ///
    /// # Errors
    /// [`ServeError::Tuf`] when the repository does not hold together, [`ServeError::KeyAbsent`] when it has to be
    /// made and the root key is not there.
    pub(crate) fn open(
        instance: &Path,
        keyring: &Keyring,
        files: &[Target<'_>],
        now: Time,
    ) -> Result<Self, ServeError> {
        let dir = instance.join(FOLDER);
        let (repository, signers) = match dir.exists() {
            true => (
                Repository::open(&dir),
                OnlineSigners::newest(keyring, &dir)?,
            ),
            false => {
                ensure_private_dir(dir.parent().unwrap_or(instance))?;
                let (root, signers) = (keyring.key(TUF_ROOT)?, OnlineSigners::founding(keyring)?);
                let made = Repository::create(&dir, &root, signers.keys(), files, now);
                (made, signers)
            }
        };
        let this = Self {
            repository: Arc::new(repository.map_err(ServeError::Tuf)?),
            signers: Mutex::new(Arc::new(signers)),
        };
        let (path, root) = (instance.join(ROOT), this.repository.root_json());
        let written = files::read_bounded(&path, ROOT_LIMIT)?;
        if written.is_none_or(|written| *written != root) {
            write_durably(&path, &root, PUBLIC)?;
        }
        Ok(this)
    }

    /// Publishes `files` unless they are already, all of it or nothing. Tells whether anything was published.
    pub(crate) fn publish(&self, files: &[Target<'_>], now: Time) -> Result<bool, ServeError> {
        let published = self.repository.publish(files, self.signers().keys(), now);
        published.map_err(ServeError::Tuf)
    }

    /// Takes up new roots, and the keys in `keyring` that they list, and signs anew what expires before long; to be
    /// called each second. Tells whether anything was published.
    pub(crate) fn refresh(&self, keyring: &Keyring, now: Time) -> Result<bool, ServeError> {
        let loaded = match self.repository.has_next_root() {
            true => OnlineSigners::newest(keyring, self.repository.dir()).map(|newest| {
                let mut signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
                *signers = Arc::new(newest);
            }),
            false => Ok(()),
        };
        // What cannot be opened is reported, and what is there goes on being signed.
        let refreshed = self.repository.refresh(self.signers().keys(), now);
        let refreshed = refreshed.map_err(ServeError::Tuf);
        loaded?;
        refreshed
    }

    /// The SHA-256 of `root.json`, in hexadecimal.
    pub(crate) fn fingerprint(&self) -> String {
        self.repository.fingerprint()
    }

    /// The routes under `/tuf`.
    pub(crate) fn router(&self) -> Router {
        Arc::clone(&self.repository).router()
    }

    fn signers(&self) -> Arc<OnlineSigners> {
        // Whoever panicked while holding it has only swapped one pointer.
        let signers = self.signers.lock();
        Arc::clone(&signers.unwrap_or_else(PoisonError::into_inner))
    }
}
