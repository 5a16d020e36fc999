//! The keys that sign without anybody's help, and how they are replaced.
//!
//! New ones are sealed beside the old ones before a root lists them, and take their place once it does: whenever the
//! process ends, the keys of the newest root are there.

use std::path::Path;

use signhere_pki::key::{KeyKind, PrivateKey, PublicKey};
use signhere_verify::tuf::{RoleKeys, Root};

use super::published::reader;
use super::{OnlineKeys, RepositoryError, Roots};
use crate::error::ServeError;
use crate::state::keyring::{Keyring, TUF_TARGETS, TUF_TIMESTAMP};

/// Keys that were made and whose root may not be there yet.
pub(super) const TUF_TARGETS_NEXT: &str = "tuf-targets-next";
pub(super) const TUF_TIMESTAMP_NEXT: &str = "tuf-timestamp-next";

/// The keys of an instance's repository.
pub(crate) struct OnlineSigners {
    targets: PrivateKey,
    timestamp: PrivateKey,
}

/// The public halves of keys that take the place of the instance's own.
#[derive(Clone, Debug)]
pub struct NewOnlineKeys {
    pub(super) targets: PublicKey,
    pub(super) timestamp: PublicKey,
}

impl OnlineSigners {
    /// The keys that `root` lists, as far as the instance has them. New ones that it lists take the place of the old.
    ///
    /// # Errors
    /// [`ServeError::KeyAbsent`] and others: a key cannot be opened.
    pub(super) fn load(keyring: &Keyring, root: &Root) -> Result<Self, ServeError> {
        Ok(Self {
            targets: load(keyring, TUF_TARGETS, TUF_TARGETS_NEXT, root, &root.targets)?,
            timestamp: load(
                keyring,
                TUF_TIMESTAMP,
                TUF_TIMESTAMP_NEXT,
                root,
                &root.timestamp,
            )?,
        })
    }

    /// The same for the newest root in the repository's folder `dir`, whether it has been taken up or not.
    pub(super) fn newest(keyring: &Keyring, dir: &Path) -> Result<Self, ServeError> {
        let roots = Roots::read(None, &mut reader(dir)).map_err(ServeError::Tuf)?;
        Self::load(keyring, roots.current().signed())
    }

    /// The keys of a repository that is yet to be made.
    pub(super) fn founding(keyring: &Keyring) -> Result<Self, ServeError> {
        Ok(Self {
            targets: keyring.key(TUF_TARGETS)?,
            timestamp: keyring.key(TUF_TIMESTAMP)?,
        })
    }

    pub(super) fn keys(&self) -> OnlineKeys<'_> {
        OnlineKeys {
            targets: &self.targets,
            timestamp: &self.timestamp,
        }
    }
}

/// Makes and seals new keys. They sign once a root lists them.
pub(super) fn make(keyring: &Keyring) -> Result<NewOnlineKeys, ServeError> {
    let make = |name| {
        let key = PrivateKey::generate(KeyKind::P256);
        let key = key.map_err(|e| ServeError::make("a key", &e))?;
        keyring.put(name, &key)?;
        Ok::<_, ServeError>(key.public_key().clone())
    };
    Ok(NewOnlineKeys {
        targets: make(TUF_TARGETS_NEXT)?,
        timestamp: make(TUF_TIMESTAMP_NEXT)?,
    })
}

/// Refuses a root under which the instance in whose folder `keys` lies could not sign: neither with its keys nor with those
/// that were made to follow them.
pub(super) fn refuse_others(keys: &Path, root: &Root) -> Result<(), RepositoryError> {
    let roles = [
        (
            "timestamp",
            &root.timestamp,
            [TUF_TIMESTAMP, TUF_TIMESTAMP_NEXT],
        ),
        (
            "snapshot",
            &root.snapshot,
            [TUF_TIMESTAMP, TUF_TIMESTAMP_NEXT],
        ),
        ("targets", &root.targets, [TUF_TARGETS, TUF_TARGETS_NEXT]),
    ];
    for (role, listed, names) in roles {
        let is_own = |name: &&str| {
            let key = Keyring::public_half(keys, name);
            key.is_ok_and(|key| lists(root, listed, &key))
        };
        if listed.threshold() != 1 || !names.iter().any(is_own) {
            return Err(RepositoryError::NotItsKey { role });
        }
    }
    Ok(())
}

fn load(
    keyring: &Keyring,
    name: &str,
    next_name: &str,
    root: &Root,
    listed: &RoleKeys,
) -> Result<PrivateKey, ServeError> {
    if keyring.has(next_name) {
        // One that was half written when the process ended is listed nowhere.
        let next = keyring.key(next_name).ok();
        let listed = |key: &PrivateKey| lists(root, listed, key.public_key());
        if let Some(next) = next.filter(listed) {
            keyring.put(name, &next)?;
            keyring.remove(next_name)?;
            return Ok(next);
        }
    }
    keyring.key(name)
}

fn lists(root: &Root, role: &RoleKeys, key: &PublicKey) -> bool {
    let id = root.keys.id_of(key);
    id.is_some_and(|id| role.key_ids().contains(id))
}
