//! The repository of an instance, and the keys that it signs with.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use signhere_pki::key::PrivateKey;
use signhere_pki::time::Time;

use super::{FOLDER, OnlineKeys, Repository, Target};
use crate::error::ServeError;
use crate::state::files::{self, PUBLIC, ensure_private_dir, write_durably};
use crate::state::keyring::{Keyring, TUF_ROOT, TUF_TARGETS, TUF_TIMESTAMP};

/// The first root in the instance's folder, for clients to pin.
const ROOT: &str = "root.json";
const ROOT_LIMIT: u64 = 1 << 20;

/// The repository of an instance, and the keys that it signs with.
pub(crate) struct Tuf {
    repository: Arc<Repository>,
    targets: PrivateKey,
    timestamp: PrivateKey,
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
        let (targets, timestamp) = (keyring.key(TUF_TARGETS)?, keyring.key(TUF_TIMESTAMP)?);
        let keys = OnlineKeys {
            targets: &targets,
            timestamp: &timestamp,
        };
        let repository = match dir.exists() {
            true => Repository::open(&dir),
            false => {
                ensure_private_dir(dir.parent().unwrap_or(instance))?;
                let root = keyring.key(TUF_ROOT)?;
                Repository::create(&dir, &root, keys, files, now)
            }
        };
        let this = Self {
            repository: Arc::new(repository.map_err(ServeError::Tuf)?),
            targets,
            timestamp,
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
        let published = self.repository.publish(files, self.keys(), now);
        published.map_err(ServeError::Tuf)
    }

    /// Takes up new roots and signs anew what expires before long; to be called each second. Tells whether anything was
    /// published.
    pub(crate) fn refresh(&self, now: Time) -> Result<bool, ServeError> {
        let refreshed = self.repository.refresh(self.keys(), now);
        refreshed.map_err(ServeError::Tuf)
    }

    /// The SHA-256 of `root.json`, in hexadecimal.
    pub(crate) fn fingerprint(&self) -> String {
        self.repository.fingerprint()
    }

    /// The routes under `/tuf`.
    pub(crate) fn router(&self) -> Router {
        Arc::clone(&self.repository).router()
    }

    fn keys(&self) -> OnlineKeys<'_> {
        OnlineKeys {
            targets: &self.targets,
            timestamp: &self.timestamp,
        }
    }
}
