//! The root of trust, continued beside an instance that runs or not: by the key that it holds, or by keys that it
//! never sees.
//!
//! A new root is put into the repository's folder whole and under a name that nobody had before; the instance takes
//! it up at its next look. Nothing else of the repository is touched here.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use signhere_pki::key::{KeyKind, PrivateKey, PublicKey};
use signhere_pki::time::Time;
use signhere_verify::tuf::{Header, Key, Metadata, RoleKeys, Root, TopRole};

use super::online::{self, NewOnlineKeys};
use super::published::reader;
use super::{FOLDER, RepositoryError, Roots, View, root_name};
use crate::error::ServeError;
use crate::state::StateFolder;
use crate::state::files::{PUBLIC, sync_dir, write_durably};
use crate::state::keyring::{Keyring, TUF_ROOT};
use crate::state::seal::Unlock;

/// A root key that was made and whose root may not be there yet.
pub(super) const TUF_ROOT_NEXT: &str = "tuf-root-next";

/// The root of trust of the instance in a folder.
#[derive(Clone, Debug)]
pub struct RootAdmin {
    instance: PathBuf,
    repository: PathBuf,
}

/// What the next root is to say.
#[derive(Clone, Debug)]
pub struct NextRoot {
    /// The keys that sign roots from then on, and how many of them have to; as they are, if not given.
    pub keys: Option<(Vec<PublicKey>, u32)>,
    /// The keys that the instance signs with from then on; as they are, if not given.
    pub online: Option<NewOnlineKeys>,
    /// When it expires.
    pub expires: Time,
}

/// The key that signs roots after a rotation.
#[derive(Clone, Debug)]
pub enum NewRootKey {
    /// The one that signs them now.
    Same,
    /// A new one, sealed among the instance's keys.
    Made,
    /// This one, which the instance does not keep.
    Given(PrivateKey),
}

impl RootAdmin {
    /// The root of trust of the instance in the folder `dir`.
    pub fn new(dir: &Path) -> Self {
        Self {
            instance: dir.to_path_buf(),
            repository: dir.join(FOLDER),
        }
    }

    /// What the repository holds, verified from its first root on.
    ///
    /// # Errors
    /// [`RepositoryError`] for the first document that is missing or does not hold.
    pub fn view(&self) -> Result<View, RepositoryError> {
        self.view_from(None)
    }

    /// The same, verified from the root `first` on.
    ///
    /// # Errors
    /// As [`Self::view`].
    pub fn view_from(&self, first: Option<&[u8]>) -> Result<View, RepositoryError> {
        View::read(first, &mut reader(&self.repository))
    }

    /// Whether the key that signs roots is on this machine.
    pub fn has_root_key(&self) -> bool {
        let keys = StateFolder::find_keys(&self.instance);
        keys.is_ok_and(|keys| Keyring::holds(&keys, TUF_ROOT))
    }

    /// The next root, without any signature.
    ///
    /// # Errors
    /// [`RepositoryError::Unreachable`] when there are fewer keys than have to sign.
    pub fn draft(&self, next: &NextRoot) -> Result<Metadata<Root>, RepositoryError> {
        let roots = Roots::read(None, &mut reader(&self.repository))?;
        draft(&roots, next)
    }

    /// Makes the root in `bytes` the next one, as it stands.
    ///
    /// # Errors
    /// [`RepositoryError::Document`] when it does not continue the current one or has expired at `now`,
    /// [`RepositoryError::NotItsKey`] when what the instance signs would not hold under it,
    /// [`RepositoryError::RootExists`].
    pub fn import(&self, bytes: &[u8], now: Time) -> Result<Metadata<Root>, RepositoryError> {
        StateFolder::refuse_others(&self.instance)?;
        let keys = StateFolder::find_keys(&self.instance)?;
        let roots = Roots::read(None, &mut reader(&self.repository))?;
        let name = roots.next_name();
        let next = roots.continued_by(bytes);
        let next = next.map_err(RepositoryError::document(&name))?;
        let lives = next.check_expiry(now);
        lives.map_err(RepositoryError::document(&name))?;
        if !next.signed().consistent_snapshot {
            return Err(RepositoryError::NotConsistent { name });
        }
        online::refuse_others(&keys, next.signed())?;
        self.put(&next)?;
        Ok(next)
    }

    /// Makes and seals keys for the instance to sign with, once a root that [`Self::draft`] has written for them is in
    /// force.
    ///
    /// # Errors
    /// [`RepositoryError::Folder`].
    pub fn make_online_keys(&self, unlock: &Unlock) -> Result<NewOnlineKeys, RepositoryError> {
        Ok(online::make(&self.keyring(unlock)?)?)
    }

    /// Replaces the keys that the instance signs with, lost ones too, by a root until `expires`, which is signed by the
    /// root key that the instance holds or, when it was taken away, by `current`.
    ///
    /// # Errors
    /// As [`Self::rotate`].
    pub fn rotate_online(
        &self,
        unlock: &Unlock,
        current: Option<&PrivateKey>,
        expires: Time,
        now: Time,
    ) -> Result<Metadata<Root>, RepositoryError> {
        let roots = Roots::read(None, &mut reader(&self.repository))?;
        let keyring = self.keyring(unlock)?;
        let current = current_key(current, &keyring, &roots)?;
        let next = NextRoot {
            keys: None,
            online: Some(online::make(&keyring)?),
            expires,
        };
        let mut next = draft(&roots, &next)?;
        let known = next.signed().keys.clone();
        let signed = next.sign(&current, &known);
        signed.map_err(RepositoryError::make(&root_name(next.version())))?;
        self.import(next.bytes(), now)
    }

    /// Continues the root until `expires`, with another key or the same, signed by the key that the instance holds or, when
    /// it was taken away, by `current`.
    ///
    /// After a crash the old root key or the new one is in force, and is there.
    ///
    /// # Errors
    /// [`RepositoryError::NoRootKey`] when there is no key to sign with, and those of [`Self::import`]: several people
    /// whose keys are needed sign what [`Self::draft`] gives.
    pub fn rotate(
        &self,
        unlock: &Unlock,
        current: Option<&PrivateKey>,
        new: NewRootKey,
        expires: Time,
        now: Time,
    ) -> Result<Metadata<Root>, RepositoryError> {
        let roots = Roots::read(None, &mut reader(&self.repository))?;
        let keyring = self.keyring(unlock)?;
        let current = current_key(current, &keyring, &roots)?;
        let new_key = match &new {
            NewRootKey::Same => None,
            NewRootKey::Given(key) => Some(key.clone()),
            NewRootKey::Made => {
                let made = PrivateKey::generate(KeyKind::P256);
                let made = made.map_err(|e| ServeError::make("a key", &e))?;
                keyring.put(TUF_ROOT_NEXT, &made)?;
                Some(made)
            }
        };
        let keys = new_key.as_ref();
        let mut next = draft(
            &roots,
            &NextRoot {
                keys: keys.map(|key| (vec![key.public_key().clone()], 1)),
                online: None,
                expires,
            },
        )?;
        let known = next.signed().keys.clone();
        for key in std::iter::once(&current).chain(&new_key) {
            let signed = next.sign(key, &known);
            signed.map_err(RepositoryError::make(&root_name(next.version())))?;
        }
        let next = self.import(next.bytes(), now)?;
        match (new, new_key) {
            (NewRootKey::Made, Some(key)) => keep(&keyring, &key)?,
            (NewRootKey::Given(_), _) => keyring.remove(TUF_ROOT)?,
            _ => {}
        }
        Ok(next)
    }

    /// The key that signs roots, to be kept elsewhere.
    ///
    /// # Errors
    /// [`RepositoryError::NoRootKey`].
    pub fn root_key(&self, unlock: &Unlock) -> Result<PrivateKey, RepositoryError> {
        let roots = Roots::read(None, &mut reader(&self.repository))?;
        held_root_key(&self.keyring(unlock)?, roots.current().signed())
    }

    /// Removes the key that signs roots from the instance, durably.
    ///
    /// # Errors
    /// [`RepositoryError::Folder`].
    pub fn remove_root_key(&self, unlock: &Unlock) -> Result<(), RepositoryError> {
        let keyring = self.keyring(unlock)?;
        keyring.remove(TUF_ROOT_NEXT)?;
        Ok(keyring.remove(TUF_ROOT)?)
    }

    fn keyring(&self, unlock: &Unlock) -> Result<Keyring, ServeError> {
        let keys = StateFolder::find_keys(&self.instance)?;
        StateFolder::refuse_others(&self.instance)?;
        Keyring::open(&keys, unlock)
    }

    /// Whole, durable, and only if nobody else was first.
    fn put(&self, next: &Metadata<Root>) -> Result<(), RepositoryError> {
        let path = self.repository.join(root_name(next.version()));
        // A name of its own: two processes that write one file could link half of it.
        let written = format!("{}.root.{}.json", next.version(), std::process::id());
        let written = self.repository.join(written);
        write_durably(&written, next.bytes(), PUBLIC)?;
        let linked = fs::hard_link(&written, &path);
        let removed = fs::remove_file(&written);
        linked.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => RepositoryError::RootExists {
                version: next.version(),
            },
            _ => ServeError::file("write", &path, &error).into(),
        })?;
        removed.map_err(|e| ServeError::file("remove", &written, &e))?;
        Ok(sync_dir(&self.repository)?)
    }
}

fn draft(roots: &Roots, next: &NextRoot) -> Result<Metadata<Root>, RepositoryError> {
    let mut root = roots.current().signed().clone();
    root.header = Header {
        version: root.header.version.saturating_add(1),
        expires: next.expires,
    };
    let name = root_name(root.header.version);
    let fail = || RepositoryError::make(&name);
    let mut enter = |key: &PublicKey| {
        let key = Key::new(key, key.default_scheme()).map_err(fail())?;
        root.keys.insert(key).map_err(fail())
    };
    if let Some((keys, threshold)) = &next.keys {
        let ids: Vec<_> = keys.iter().map(&mut enter).collect::<Result<_, _>>()?;
        if usize::try_from(*threshold).is_ok_and(|threshold| threshold > ids.len()) {
            return Err(RepositoryError::Unreachable {
                threshold: *threshold,
                keys: ids.len(),
            });
        }
        root.root = RoleKeys::new(ids, *threshold).map_err(fail())?;
    }
    if let Some(online) = &next.online {
        let (targets, timestamp) = (enter(&online.targets)?, enter(&online.timestamp)?);
        root.targets = RoleKeys::new(vec![targets], 1).map_err(fail())?;
        root.timestamp = RoleKeys::new(vec![timestamp], 1).map_err(fail())?;
        root.snapshot = root.timestamp.clone();
    }
    let used: Vec<_> = TopRole::ALL
        .into_iter()
        .flat_map(|role| root.role(role).key_ids().to_vec())
        .collect();
    root.keys.retain(|id| used.contains(id));
    Metadata::unsigned(root).map_err(fail())
}

/// The key that signs the next root: the one that is given, or else the one that the instance holds.
fn current_key(
    given: Option<&PrivateKey>,
    keyring: &Keyring,
    roots: &Roots,
) -> Result<PrivateKey, RepositoryError> {
    match given {
        Some(key) => Ok(key.clone()),
        None => held_root_key(keyring, roots.current().signed()),
    }
}

/// The key that signs roots, wherever a crash has left it.
fn held_root_key(keyring: &Keyring, root: &Root) -> Result<PrivateKey, RepositoryError> {
    let is_in_force = |key: &PrivateKey| {
        let id = root.keys.id_of(key.public_key());
        id.is_some_and(|id| root.root.key_ids().contains(id))
    };
    if keyring.has(TUF_ROOT_NEXT) {
        let next = keyring.key(TUF_ROOT_NEXT).ok();
        if let Some(next) = next.filter(is_in_force) {
            keep(keyring, &next)?;
            return Ok(next);
        }
    }
    if !keyring.has(TUF_ROOT) {
        return Err(RepositoryError::NoRootKey);
    }
    let held = keyring.key(TUF_ROOT)?;
    match is_in_force(&held) {
        true => Ok(held),
        false => Err(RepositoryError::NoRootKey),
    }
}

/// Makes a key whose root is published the instance's own.
fn keep(keyring: &Keyring, key: &PrivateKey) -> Result<(), ServeError> {
    keyring.put(TUF_ROOT, key)?;
    keyring.remove(TUF_ROOT_NEXT)
}
