//! The TUF repository: how clients learn whom to trust from one pinned root.
//!
//! | file | what it is |
//! |---|---|
//! | `N.root.json` | whose keys the roles are of; each signed by its own root keys and by those before |
//! | `timestamp.json` | which snapshot is the latest; putting it in place publishes everything it leads to |
//! | `N.snapshot.json`, `N.targets.json` | which files there are; a version never changes |
//! | `targets/HASH.NAME` | the files |
//!
//! Nothing that no timestamp has led to is served, so that a crash leaves no version that somebody saw and
//! that later has another content.

mod admin;
mod error;
mod online;
mod own;
mod published;
mod roots;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::Router;
use axum::extract::{Path as Segment, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use signhere_pki::digest::sha256;
use signhere_pki::key::Signer;
use signhere_pki::time::Time;
use signhere_verify::tuf::{
    Header, Key, Keys, MetaFile, Metadata, Role, RoleKeys, Root, Snapshot, TargetFile, Targets,
    Timestamp, TopRole,
};

pub use self::admin::{NewRootKey, NextRoot, RootAdmin};
pub use self::error::RepositoryError;
pub use self::online::NewOnlineKeys;
use self::online::OnlineSigners;
pub(crate) use self::own::Tuf;
use self::published::{Published, target_path};
use self::roots::root_name;
pub use self::roots::{ReadFile, Roots};
use self::view::TIMESTAMP;
pub use self::view::View;
use crate::error::ServeError;
use crate::http::problem::Problem;
use crate::state::files::{PUBLIC, ensure_private_dir, sync_dir, write_durably};

const DAY: i64 = 24 * 3600;
/// Seconds that a root is valid: it is renewed by hand.
pub const ROOT_LIFE: i64 = 365 * DAY;
/// Seconds that snapshot and targets are valid, and how many have to be left before they are signed anew.
const SLOW: Life = Life {
    life: 90 * DAY,
    left: 60 * DAY,
};
/// The same of the timestamp.
const FAST: Life = Life {
    life: 7 * DAY,
    left: 6 * DAY,
};

/// Where the repository lies in an instance's folder.
pub(crate) const FOLDER: &str = "tuf/repository";
/// The folder of the files in it.
const TARGETS: &str = "targets";

/// A repository in a folder, and what of it is served.
pub(crate) struct Repository {
    dir: PathBuf,
    /// Held by whoever changes the repository: whether the change before has failed, so that the folder may be ahead of
    /// what is served.
    changing: Mutex<bool>,
    published: RwLock<Arc<Published>>,
}

/// The keys that sign without anybody's help.
#[derive(Clone, Copy)]
pub(crate) struct OnlineKeys<'a> {
    pub(crate) targets: &'a dyn Signer,
    /// Signs timestamp and snapshot.
    pub(crate) timestamp: &'a dyn Signer,
}

/// A file to be published: its name and its content.
pub(crate) type Target<'a> = (&'a str, &'a [u8]);

#[derive(Clone, Copy)]
struct Life {
    life: i64,
    left: i64,
}

impl Repository {
    /// Makes a repository in the folder `dir`, which must not exist, with its first root; after a crash it is there
    /// whole or not at all.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub(crate) fn create(
        dir: &Path,
        root: &dyn Signer,
        keys: OnlineKeys<'_>,
        targets: &[Target<'_>],
        now: Time,
    ) -> Result<Self, RepositoryError> {
        let root = first_root(root, keys, now)?;
        let in_making = dir.with_extension("new");
        if in_making.exists() {
            let removed = fs::remove_dir_all(&in_making);
            removed.map_err(|e| ServeError::file("remove", &in_making, &e))?;
        }
        ensure_private_dir(&in_making)?;
        put(&in_making.join(root_name(1)), root.bytes())?;
        let change = Change {
            dir: &in_making,
            root: root.signed(),
            before: None,
            keys,
            is_anew: false,
            now,
        };
        change.make(Some(targets))?;
        let renamed = fs::rename(&in_making, dir);
        renamed.map_err(|e| ServeError::file("put in place", dir, &e))?;
        sync_dir(dir.parent().unwrap_or(dir))?;
        Self::open(dir)
    }

    /// Opens the repository in the folder `dir`, and checks that what it serves holds together.
    ///
    /// # Errors
    /// [`RepositoryError`] for the first document that is missing or does not hold.
    pub(crate) fn open(dir: &Path) -> Result<Self, RepositoryError> {
        Ok(Self {
            dir: dir.to_path_buf(),
            changing: Mutex::new(false),
            published: RwLock::new(Arc::new(Published::load(dir)?)),
        })
    }

    /// Makes `targets` the files of the repository, unless they are already. Either all of it is published or nothing,
    /// whenever the process ends. Tells whether anything was published.
    ///
    /// # Errors
    /// [`RepositoryError`]; what was published before is then still served.
    pub(crate) fn publish(
        &self,
        targets: &[Target<'_>],
        keys: OnlineKeys<'_>,
        now: Time,
    ) -> Result<bool, RepositoryError> {
        self.change(Some(targets), keys, now)
    }

    /// Takes up roots that were put into the folder meanwhile, and signs anew what expires before long: the timestamp
    /// every day, snapshot and targets every thirty days. Under a root that lists other keys than before, and `keys`
    /// are these, all of it is signed anew. Tells whether anything was published. Cheap when nothing is due.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub(crate) fn refresh(&self, keys: OnlineKeys<'_>, now: Time) -> Result<bool, RepositoryError> {
        self.change(None, keys, now)
    }

    /// When each role's document expires, under names such as `TUF root`.
    pub(crate) fn expiries(&self) -> Vec<(String, Time)> {
        let expiries = self.published().view.expiries();
        let named = expiries.into_iter();
        named
            .map(|(role, at)| (format!("TUF {}", role.name()), at))
            .collect()
    }

    /// The first root, which clients pin.
    pub(crate) fn root_json(&self) -> Vec<u8> {
        self.published().view.roots.first().bytes().to_vec()
    }

    /// The SHA-256 of the first root, in hexadecimal.
    pub(crate) fn fingerprint(&self) -> String {
        hex::encode(sha256(self.published().view.roots.first().bytes()))
    }

    /// The routes under `/tuf`.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        async fn metadata(
            State(repository): State<Arc<Repository>>,
            Segment(name): Segment<String>,
        ) -> Result<Response, Problem> {
            repository.answer(&name)
        }
        async fn target(
            State(repository): State<Arc<Repository>>,
            Segment(name): Segment<String>,
        ) -> Result<Response, Problem> {
            repository.answer(&format!("{TARGETS}/{name}"))
        }
        Router::new()
            .route("/tuf/{name}", get(metadata))
            .route("/tuf/targets/{name}", get(target))
            .with_state(self)
    }

    fn answer(&self, name: &str) -> Result<Response, Problem> {
        let published = self.published();
        let bytes = published.files.get(name).ok_or_else(Problem::not_found)?;
        let content_type = match name.ends_with(".json") {
            true => HeaderValue::from_static("application/json"),
            false => HeaderValue::from_static("application/octet-stream"),
        };
        let lifetime = match name == TIMESTAMP {
            true => HeaderValue::from_static("no-cache"),
            false => HeaderValue::from_static("public, max-age=31536000, immutable"),
        };
        let headers = [
            (header::CONTENT_TYPE, content_type),
            (header::CACHE_CONTROL, lifetime),
        ];
        Ok((headers, bytes.clone()).into_response())
    }

    fn change(
        &self,
        targets: Option<&[Target<'_>]>,
        keys: OnlineKeys<'_>,
        now: Time,
    ) -> Result<bool, RepositoryError> {
        let mut has_failed = self
            .changing
            .lock()
            .map_err(|_| RepositoryError::Interrupted)?;
        // Under another root, what is there is looked at with that.
        if *has_failed && !self.has_next_root() {
            self.catch_up()?;
        }
        // A root that cannot be followed is reported, and what is there goes on being signed.
        let followed = self.follow_roots(keys, now);
        let before = self.published();
        let change = Change {
            dir: &self.dir,
            root: before.view.roots.current().signed(),
            before: Some(&before.view),
            keys,
            is_anew: false,
            now,
        };
        *has_failed = true;
        let changed = change.make(targets)?;
        if changed {
            let published = Published::load_under(before.view.roots.clone(), &self.dir)?;
            published.remove_others(&self.dir);
            self.put_forward(published);
        }
        *has_failed = false;
        followed.map(|signed| signed || changed)
    }

    /// Takes up what a change that failed has left. Its timestamp may be in place and yet not on the disk, so that it is
    /// written again before anybody sees it: a version that was seen never has another content.
    fn catch_up(&self) -> Result<(), RepositoryError> {
        let known = self.published();
        let found = Published::load_under(known.view.roots.clone(), &self.dir)?;
        put(&self.dir.join(TIMESTAMP), found.view.timestamp.bytes())?;
        self.put_forward(found);
        Ok(())
    }

    /// Where the repository lies.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether somebody has put the next root into the folder.
    pub(crate) fn has_next_root(&self) -> bool {
        let next = self.published().view.roots.next_name();
        self.dir.join(next).exists()
    }

    /// Takes up roots that somebody else has put into the folder. Tells whether that made it necessary to sign.
    fn follow_roots(&self, keys: OnlineKeys<'_>, now: Time) -> Result<bool, RepositoryError> {
        if !self.has_next_root() {
            return Ok(false);
        }
        let known = self.published();
        let mut roots = known.view.roots.clone();
        roots.follow(&mut published::reader(&self.dir))?;
        let unsigned = match Published::load_under(roots.clone(), &self.dir) {
            Ok(published) => {
                // Signed under this root by an attempt that failed at its end: as in `catch_up`.
                let timestamp = published.view.timestamp.bytes();
                if timestamp != known.view.timestamp.bytes() {
                    put(&self.dir.join(TIMESTAMP), timestamp)?;
                }
                self.put_forward(published);
                return Ok(false);
            }
            Err(error) if error.is_unsigned() => error,
            Err(error) => return Err(error),
        };
        let change = Change {
            dir: &self.dir,
            root: roots.current().signed(),
            before: Some(&known.view),
            keys,
            is_anew: true,
            now,
        };
        match change.make(None) {
            Ok(_) => {}
            Err(RepositoryError::NotItsKey { .. }) => return Err(unsigned),
            Err(error) => return Err(error),
        }
        // The root and what is signed by its keys are served from the same moment on.
        self.put_forward(Published::load_under(roots, &self.dir)?);
        Ok(true)
    }

    fn published(&self) -> Arc<Published> {
        // Whoever panicked while holding it has only swapped one pointer.
        let published = self.published.read();
        Arc::clone(&published.unwrap_or_else(PoisonError::into_inner))
    }

    fn put_forward(&self, published: Published) {
        let mut current = self
            .published
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(published);
    }
}

/// One change: whatever has to be signed for it, and what that makes necessary.
struct Change<'a> {
    dir: &'a Path,
    root: &'a Root,
    before: Option<&'a View>,
    keys: OnlineKeys<'a>,
    /// Whether all is signed, due or not: because of a root under which what is there does not hold.
    is_anew: bool,
    now: Time,
}

impl Change<'_> {
    /// Signs and writes, the timestamp last: putting it in place is what publishes. Tells whether anything was written.
    fn make(&self, files: Option<&[Target<'_>]>) -> Result<bool, RepositoryError> {
        let described = files.map(describe).transpose()?;
        let targets = self.targets(described)?;
        let snapshot = self.snapshot(targets.as_ref())?;
        let Some(timestamp) = self.timestamp(snapshot.as_ref())? else {
            return Ok(false);
        };

        if let (Some(targets), Some(files)) = (&targets, files) {
            let folder = self.dir.join(TARGETS);
            ensure_private_dir(&folder)?;
            for (name, content) in files {
                if let Some(file) = targets.signed().targets.get(*name) {
                    put(&self.dir.join(target_path(name, file)), content)?;
                }
            }
        }
        if let Some(targets) = &targets {
            self.put(targets)?;
        }
        if let Some(snapshot) = &snapshot {
            self.put(snapshot)?;
        }
        put(&self.dir.join(TIMESTAMP), timestamp.bytes())?;
        Ok(true)
    }

    fn targets(
        &self,
        wanted: Option<BTreeMap<String, TargetFile>>,
    ) -> Result<Option<Metadata<Targets>>, RepositoryError> {
        let before = self.before.map(|view| &view.targets);
        let (wanted, is_new) = match (wanted, before) {
            (Some(wanted), Some(before)) if wanted == before.signed().targets => (wanted, false),
            (Some(wanted), _) => (wanted, true),
            (None, Some(before)) => (before.signed().targets.clone(), false),
            (None, None) => (BTreeMap::new(), true),
        };
        if !is_new && !self.is_due(before, SLOW) {
            return Ok(None);
        }
        let targets = Targets {
            header: self.header(before, SLOW),
            targets: wanted,
            delegations: None,
        };
        self.sign(targets, TopRole::Targets, self.keys.targets)
            .map(Some)
    }

    fn snapshot(
        &self,
        targets: Option<&Metadata<Targets>>,
    ) -> Result<Option<Metadata<Snapshot>>, RepositoryError> {
        let before = self.before.map(|view| &view.snapshot);
        let meta = match (targets, before) {
            (None, Some(before)) if self.is_due(Some(before), SLOW) => before.signed().meta.clone(),
            (None, _) => return Ok(None),
            (Some(targets), _) => {
                let file = MetaFile::of(targets.version(), targets.bytes());
                BTreeMap::from([("targets.json".to_owned(), file)])
            }
        };
        let snapshot = Snapshot {
            header: self.header(before, SLOW),
            meta,
        };
        self.sign(snapshot, TopRole::Snapshot, self.keys.timestamp)
            .map(Some)
    }

    fn timestamp(
        &self,
        snapshot: Option<&Metadata<Snapshot>>,
    ) -> Result<Option<Metadata<Timestamp>>, RepositoryError> {
        let before = self.before.map(|view| &view.timestamp);
        let snapshot = match (snapshot, before) {
            (None, Some(before)) if self.is_due(Some(before), FAST) => {
                before.signed().snapshot.clone()
            }
            (None, _) => return Ok(None),
            (Some(snapshot), _) => MetaFile::of(snapshot.version(), snapshot.bytes()),
        };
        let timestamp = Timestamp {
            header: self.header(before, FAST),
            snapshot,
        };
        self.sign(timestamp, TopRole::Timestamp, self.keys.timestamp)
            .map(Some)
    }

    fn is_due<T: Role>(&self, document: Option<&Metadata<T>>, life: Life) -> bool {
        let is_due =
            |document: &Metadata<T>| document.expires() <= self.now.plus_seconds(life.left);
        self.is_anew || document.is_none_or(is_due)
    }

    fn header<T: Role>(&self, before: Option<&Metadata<T>>, life: Life) -> Header {
        Header {
            version: before.map_or(0, Metadata::version).saturating_add(1),
            expires: self.now.plus_seconds(life.life),
        }
    }

    fn sign<T: Role>(
        &self,
        document: T,
        role: TopRole,
        signer: &dyn Signer,
    ) -> Result<Metadata<T>, RepositoryError> {
        let fail = || RepositoryError::make(role.name());
        let mut document = Metadata::unsigned(document).map_err(fail())?;
        document.sign(signer, &self.root.keys).map_err(fail())?;
        let signed = document.verify(&self.root.authority(role));
        signed.map_err(|_| RepositoryError::NotItsKey { role: role.name() })?;
        Ok(document)
    }

    fn put<T: Role>(&self, document: &Metadata<T>) -> Result<(), RepositoryError> {
        let name = format!("{}.{}.json", document.version(), T::TYPE);
        Ok(put(&self.dir.join(name), document.bytes())?)
    }
}

fn first_root(
    root: &dyn Signer,
    online: OnlineKeys<'_>,
    now: Time,
) -> Result<Metadata<Root>, RepositoryError> {
    let fail = || RepositoryError::make("1.root.json");
    let mut keys = Keys::default();
    let mut role = |signer: &dyn Signer| -> Result<RoleKeys, RepositoryError> {
        let key = Key::new(signer.public_key(), signer.scheme());
        let id = keys.insert(key.map_err(fail())?).map_err(fail())?;
        RoleKeys::new(vec![id], 1).map_err(fail())
    };
    let document = Root {
        header: Header {
            version: 1,
            expires: now.plus_seconds(ROOT_LIFE),
        },
        consistent_snapshot: true,
        root: role(root)?,
        timestamp: role(online.timestamp)?,
        snapshot: role(online.timestamp)?,
        targets: role(online.targets)?,
        keys,
    };
    let keys = document.keys.clone();
    let mut document = Metadata::unsigned(document).map_err(fail())?;
    document.sign(root, &keys).map_err(fail())?;
    Ok(document)
}

fn describe(files: &[Target<'_>]) -> Result<BTreeMap<String, TargetFile>, RepositoryError> {
    let is_name = |name: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !name.is_empty() && name.len() <= 128 && name.bytes().all(allowed)
    };
    let files = files.iter().map(|(name, content)| {
        if !is_name(name) {
            return Err(RepositoryError::TargetName {
                name: (*name).to_owned(),
            });
        }
        Ok(((*name).to_owned(), TargetFile::of(content)))
    });
    files.collect()
}

fn put(path: &Path, content: &[u8]) -> Result<(), ServeError> {
    write_durably(path, content, PUBLIC)
}
