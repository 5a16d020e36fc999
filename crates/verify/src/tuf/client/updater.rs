//! The order of an update, and what each document is checked against.

use std::collections::{HashMap, VecDeque};
use std::mem;

use signhere_pki::time::Time;

use super::UpdateError;
use super::names::{document_name, remote_name};
use super::search::{Delegator, Search, Target};
use crate::excerpt::excerpt;
use crate::tuf::{
    Authority, MetaFile, Metadata, Role, Root, Snapshot, Targets, Timestamp, TopRole, TufError,
};

/// What the caller has to do next. `Load` and `Fetch` are answered, see [`Updater::answer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read a document that was stored before; no answer is as good as a wrong one. Roots are asked for by
    /// their version (`7.root.json`), for a caller that keeps them all.
    Load {
        /// The document's name in the cache.
        file: String,
        /// The most bytes that are of use.
        limit: usize,
    },
    /// Fetch a document from the repository.
    Fetch {
        /// The document's place under the repository's URL, percent-encoded.
        file: String,
        /// The most bytes that are of use.
        limit: usize,
    },
    /// Store a document that was verified, in place of what is there.
    Store {
        /// The document's name in the cache.
        file: String,
        /// The document's version.
        version: u64,
        /// The document, byte for byte.
        bytes: Vec<u8>,
    },
    /// Remove a document from the cache.
    Remove {
        /// The document's name in the cache.
        file: String,
    },
}

/// How far a client goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most roots fetched in one update.
    pub roots: usize,
    /// The most roles asked for one target.
    pub roles: usize,
}

/// An update of one repository's metadata, and searches in what it brought.
#[derive(Clone, Debug)]
pub struct Updater {
    now: Time,
    limits: Limits,
    /// Nothing is fetched, and what expired is still believed.
    cached_only: bool,
    root: Metadata<Root>,
    timestamp: Option<Metadata<Timestamp>>,
    /// The one before the update, which the new one is held against.
    old_snapshot: Option<Metadata<Snapshot>>,
    snapshot: Option<Metadata<Snapshot>>,
    targets: HashMap<String, Metadata<Targets>>,
    /// What the caller is to do before anything else.
    effects: VecDeque<Action>,
    state: State,
    search: Option<Search>,
    found: Option<Target>,
}

/// Which answer is awaited.
#[derive(Clone, Debug)]
enum State {
    LocalRoot,
    RemoteRoot { fetched: usize },
    LocalTimestamp,
    RemoteTimestamp,
    LocalSnapshot,
    RemoteSnapshot,
    LocalTargets { role: String, delegator: Delegator },
    RemoteTargets { role: String, delegator: Delegator },
    Idle,
    Failed,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            roots: 1024,
            roles: 128,
        }
    }
}

impl Updater {
    /// An update that begins with a root that is trusted already, at a time that stands still for all of it.
    ///
    /// # Errors
    /// [`UpdateError::Document`] for a root that is malformed or not signed by its own keys.
    pub fn new(root: &[u8], now: Time, limits: Limits) -> Result<Self, UpdateError> {
        let root = Metadata::<Root>::parse(root).and_then(|root| {
            root.verify_self()?;
            Ok(root)
        });
        Ok(Self {
            now,
            limits,
            cached_only: false,
            root: root.map_err(document("root.json"))?,
            timestamp: None,
            old_snapshot: None,
            snapshot: None,
            targets: HashMap::new(),
            effects: VecDeque::new(),
            state: State::LocalRoot,
            search: None,
            found: None,
        })
    }

    /// The same without a repository: what was stored is verified again, and believed although it may have
    /// expired, or be of an update that ended early.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn cached(root: &[u8], now: Time, limits: Limits) -> Result<Self, UpdateError> {
        let mut updater = Self::new(root, now, limits)?;
        updater.cached_only = true;
        Ok(updater)
    }

    /// What to do next; none when the update is complete or the search ended.
    pub fn next_action(&mut self) -> Option<Action> {
        if let Some(effect) = self.effects.pop_front() {
            return Some(effect);
        }
        let load = |role: &str, limit| Action::Load {
            file: document_name(role),
            limit,
        };
        Some(match &self.state {
            State::LocalRoot => Action::Load {
                file: self.next_root(),
                limit: Root::MAX_BYTES,
            },
            State::RemoteRoot { .. } => Action::Fetch {
                file: self.next_root(),
                limit: Root::MAX_BYTES,
            },
            State::LocalTimestamp => load("timestamp", Timestamp::MAX_BYTES),
            State::RemoteTimestamp => Action::Fetch {
                file: document_name("timestamp"),
                limit: Timestamp::MAX_BYTES,
            },
            State::LocalSnapshot => load("snapshot", Snapshot::MAX_BYTES),
            State::RemoteSnapshot => {
                let described = &self.timestamp.as_ref()?.signed().snapshot;
                self.fetch::<Snapshot>("snapshot", described)
            }
            State::LocalTargets { role, .. } => load(role, Targets::MAX_BYTES),
            State::RemoteTargets { role, .. } => {
                let described = self.described(role).ok()?;
                self.fetch::<Targets>(role, described)
            }
            State::Idle | State::Failed => return None,
        })
    }

    /// Takes what the last `Load` or `Fetch` brought; none for a document that is not there. A repository that
    /// cannot be reached is no answer: the update is then dropped.
    ///
    /// # Errors
    /// [`UpdateError`], which ends the update or the search. What was stored stays good.
    pub fn answer(&mut self, found: Option<Vec<u8>>) -> Result<(), UpdateError> {
        let bytes = found.as_deref();
        let state = mem::replace(&mut self.state, State::Failed);
        self.state = match state {
            State::LocalRoot => self.take_local_root(bytes)?,
            State::RemoteRoot { fetched } => self.take_root(bytes, fetched)?,
            State::LocalTimestamp => self.take_local_timestamp(bytes)?,
            State::RemoteTimestamp => self.take_timestamp(bytes)?,
            State::LocalSnapshot => self.take_local_snapshot(bytes)?,
            State::RemoteSnapshot => self.take_snapshot(bytes)?,
            State::LocalTargets { role, delegator } => {
                self.take_local_targets(bytes, role, delegator)?
            }
            State::RemoteTargets { role, delegator } => {
                self.take_targets(bytes, role, delegator)?
            }
            State::Idle | State::Failed => return Err(UpdateError::OutOfTurn),
        };
        Ok(())
    }

    /// Begins the search for a target, once the update, or the search before, is complete.
    ///
    /// # Errors
    /// [`UpdateError::OutOfTurn`].
    pub fn find(&mut self, path: &str) -> Result<(), UpdateError> {
        let is_ready = matches!(self.state, State::Idle) || self.search.is_some();
        if !is_ready || !self.targets.contains_key("targets") {
            return Err(UpdateError::OutOfTurn);
        }
        self.found = None;
        self.search = Some(Search::new(path));
        self.state = State::Failed;
        self.state = self.continue_search()?;
        Ok(())
    }

    /// What the search that ended found.
    ///
    /// # Errors
    /// [`UpdateError::NoTarget`], or [`UpdateError::OutOfTurn`] before it ended.
    pub fn found(&self) -> Result<&Target, UpdateError> {
        match (&self.found, &self.search, &self.state) {
            (Some(target), ..) => Ok(target),
            (None, Some(search), State::Idle) => Err(UpdateError::NoTarget {
                path: excerpt(&search.path),
            }),
            _ => Err(UpdateError::OutOfTurn),
        }
    }

    /// The root that is trusted now.
    pub fn root(&self) -> &Metadata<Root> {
        &self.root
    }

    /// The timestamp that is trusted now.
    pub fn timestamp(&self) -> Option<&Metadata<Timestamp>> {
        self.timestamp.as_ref()
    }

    /// The snapshot that is trusted now.
    pub fn snapshot(&self) -> Option<&Metadata<Snapshot>> {
        self.snapshot.as_ref()
    }

    /// The targets metadata of a role, if it was needed so far.
    pub fn targets(&self, role: &str) -> Option<&Metadata<Targets>> {
        self.targets.get(role)
    }
}

/// Root: section 5.3.
impl Updater {
    fn next_root(&self) -> String {
        remote_name("root", Some(self.root.version().saturating_add(1)))
    }

    /// A root that was stored under its version is one that the chain led to before.
    fn take_local_root(&mut self, bytes: Option<&[u8]>) -> Result<State, UpdateError> {
        let next = bytes.and_then(|bytes| Metadata::<Root>::parse(bytes).ok());
        match next.filter(|next| self.root.verify_next(next).is_ok()) {
            Some(next) => {
                self.root = next;
                Ok(State::LocalRoot)
            }
            None if self.cached_only => Ok(State::LocalTimestamp),
            None => Ok(State::RemoteRoot { fetched: 0 }),
        }
    }

    fn take_root(&mut self, bytes: Option<&[u8]>, fetched: usize) -> Result<State, UpdateError> {
        let Some(bytes) = bytes else {
            return self.end_of_roots();
        };
        let file = self.next_root();
        let next = Metadata::<Root>::parse(bytes).map_err(document(&file))?;
        self.root.verify_next(&next).map_err(document(&file))?;
        // Before the root is stored: a process that ends between the two must not keep what the rotation is to
        // recover from (5.3.11).
        if is_rotated(&self.root, &next, TopRole::Timestamp)
            || is_rotated(&self.root, &next, TopRole::Snapshot)
        {
            for role in ["timestamp", "snapshot"] {
                let file = document_name(role);
                self.effects.push_back(Action::Remove { file });
            }
        }
        self.store("root", &next);
        self.root = next;
        match fetched + 1 < self.limits.roots {
            true => Ok(State::RemoteRoot {
                fetched: fetched + 1,
            }),
            false => self.end_of_roots(),
        }
    }

    fn end_of_roots(&self) -> Result<State, UpdateError> {
        let checked = self.root.check_expiry(self.now);
        checked.map_err(document("root.json"))?;
        Ok(State::LocalTimestamp)
    }
}

/// Timestamp: section 5.4.
impl Updater {
    fn take_local_timestamp(&mut self, bytes: Option<&[u8]>) -> Result<State, UpdateError> {
        let authority = self.root.signed().authority(TopRole::Timestamp);
        self.timestamp = bytes.and_then(|bytes| verified(bytes, &authority).ok());
        match (self.cached_only, &self.timestamp) {
            (false, _) => Ok(State::RemoteTimestamp),
            (true, Some(_)) => Ok(State::LocalSnapshot),
            (true, None) => Err(not_cached("timestamp")),
        }
    }

    fn take_timestamp(&mut self, bytes: Option<&[u8]>) -> Result<State, UpdateError> {
        let file = document_name("timestamp");
        let bytes = bytes.ok_or_else(|| missing(&file))?;
        let authority = self.root.signed().authority(TopRole::Timestamp);
        let new: Metadata<Timestamp> = verified(bytes, &authority).map_err(document(&file))?;
        if let Some(trusted) = &self.timestamp {
            let rollback = |role: &str, trusted, found| UpdateError::Rollback {
                file: file.clone(),
                role: role.to_owned(),
                trusted,
                found,
            };
            if new.version() < trusted.version() {
                return Err(rollback("timestamp", trusted.version(), new.version()));
            }
            if new.version() == trusted.version() {
                // Nothing new; but what is trusted may have expired by now, or its snapshot be missing.
                trusted.check_expiry(self.now).map_err(document(&file))?;
                return Ok(State::LocalSnapshot);
            }
            let (before, now) = (&trusted.signed().snapshot, &new.signed().snapshot);
            if now.version < before.version {
                return Err(rollback("snapshot", before.version, now.version));
            }
        }
        new.check_expiry(self.now).map_err(document(&file))?;
        self.store("timestamp", &new);
        self.timestamp = Some(new);
        Ok(State::LocalSnapshot)
    }
}

/// Snapshot: section 5.5.
impl Updater {
    fn take_local_snapshot(&mut self, bytes: Option<&[u8]>) -> Result<State, UpdateError> {
        let timestamp = self.timestamp.as_ref().ok_or(UpdateError::OutOfTurn)?;
        let authority = self.root.signed().authority(TopRole::Snapshot);
        let local: Option<Metadata<Snapshot>> =
            bytes.and_then(|bytes| verified(bytes, &authority).ok());
        match local {
            Some(local) if self.is_usable(&local, &timestamp.signed().snapshot) => {
                self.snapshot = Some(local);
                self.begin_targets()
            }
            _ if self.cached_only => Err(not_cached("snapshot")),
            old => {
                self.old_snapshot = old;
                Ok(State::RemoteSnapshot)
            }
        }
    }

    fn take_snapshot(&mut self, bytes: Option<&[u8]>) -> Result<State, UpdateError> {
        let timestamp = self.timestamp.as_ref().ok_or(UpdateError::OutOfTurn)?;
        let described = &timestamp.signed().snapshot;
        let authority = self.root.signed().authority(TopRole::Snapshot);
        let file = self.remote("snapshot", described);
        let new: Metadata<Snapshot> = self.checked(bytes, &file, described, &authority)?;
        if let Some(old) = self.old_snapshot.take() {
            check_snapshots(&old, &new, &file)?;
        }
        new.check_expiry(self.now).map_err(document(&file))?;
        self.store("snapshot", &new);
        self.snapshot = Some(new);
        self.begin_targets()
    }

    fn begin_targets(&self) -> Result<State, UpdateError> {
        self.described("targets")?;
        Ok(State::LocalTargets {
            role: "targets".to_owned(),
            delegator: Delegator::Root,
        })
    }
}

/// Targets and the roles they delegate to: section 5.6.
impl Updater {
    fn take_local_targets(
        &mut self,
        bytes: Option<&[u8]>,
        role: String,
        delegator: Delegator,
    ) -> Result<State, UpdateError> {
        let described = self.described(&role)?;
        // Who delegates to the role may have replaced its keys since, or be somebody else.
        let authority = self.authority(&role, &delegator)?;
        let local: Option<Metadata<Targets>> =
            bytes.and_then(|bytes| verified(bytes, &authority).ok());
        match local {
            Some(local) if self.is_usable(&local, described) => self.take_role(role, local),
            _ if self.cached_only => Err(not_cached(&role)),
            _ => Ok(State::RemoteTargets { role, delegator }),
        }
    }

    fn take_targets(
        &mut self,
        bytes: Option<&[u8]>,
        role: String,
        delegator: Delegator,
    ) -> Result<State, UpdateError> {
        let described = self.described(&role)?;
        let authority = self.authority(&role, &delegator)?;
        let file = self.remote(&role, described);
        let new: Metadata<Targets> = self.checked(bytes, &file, described, &authority)?;
        new.check_expiry(self.now).map_err(document(&file))?;
        self.store(&role, &new);
        self.take_role(role, new)
    }

    fn take_role(&mut self, role: String, new: Metadata<Targets>) -> Result<State, UpdateError> {
        self.targets.insert(role.clone(), new);
        match self.search {
            None => Ok(State::Idle),
            Some(_) => {
                if self.ask(&role)? {
                    return Ok(State::Idle);
                }
                self.continue_search()
            }
        }
    }

    /// Goes on to the first role that has to be loaded, or to the end.
    fn continue_search(&mut self) -> Result<State, UpdateError> {
        loop {
            let search = self.search.as_mut().ok_or(UpdateError::OutOfTurn)?;
            let Some((role, delegator)) = search.next(self.limits.roles) else {
                return Ok(State::Idle);
            };
            self.described(&role)?;
            if !self.is_loaded(&role, &delegator)? {
                return Ok(State::LocalTargets { role, delegator });
            }
            if self.ask(&role)? {
                return Ok(State::Idle);
            }
        }
    }

    /// Whether a role's document is at hand and signed for by this delegator too.
    fn is_loaded(&self, role: &str, delegator: &Delegator) -> Result<bool, UpdateError> {
        let Some(loaded) = self.targets.get(role) else {
            return Ok(false);
        };
        if *delegator == Delegator::Root {
            return Ok(true);
        }
        Ok(loaded.verify(&self.authority(role, delegator)?).is_ok())
    }

    /// Whether a role describes the target that is searched for; if not, notes whom it delegates to.
    fn ask(&mut self, role: &str) -> Result<bool, UpdateError> {
        let search = self.search.as_mut().ok_or(UpdateError::OutOfTurn)?;
        let targets = self.targets.get(role).ok_or(UpdateError::OutOfTurn)?;
        if let Some(file) = targets.signed().targets.get(&search.path) {
            self.found = Some(Target {
                path: search.path.clone(),
                file: file.clone(),
                role: role.to_owned(),
                consistent_snapshot: self.root.signed().consistent_snapshot,
            });
            return Ok(true);
        }
        if let Some(delegations) = &targets.signed().delegations {
            search.delegated(role, delegations);
        }
        Ok(false)
    }

    fn authority<'a>(
        &'a self,
        role: &'a str,
        delegator: &Delegator,
    ) -> Result<Authority<'a>, UpdateError> {
        match delegator {
            Delegator::Root => Ok(self.root.signed().authority(TopRole::Targets)),
            Delegator::Role(name) => {
                let delegator = self.targets.get(name);
                let delegations = delegator.and_then(|found| found.signed().delegations.as_ref());
                let authority = delegations.and_then(|found| found.authority(role));
                authority.ok_or(UpdateError::OutOfTurn)
            }
        }
    }
}

/// What several roles share.
impl Updater {
    /// What the snapshot says of a role's document.
    fn described(&self, role: &str) -> Result<&MetaFile, UpdateError> {
        let snapshot = self.snapshot.as_ref().ok_or(UpdateError::OutOfTurn)?;
        let described = snapshot.signed().document(role);
        described.map_err(|_| UpdateError::NotInSnapshot {
            role: excerpt(role),
        })
    }

    fn remote(&self, role: &str, described: &MetaFile) -> String {
        let consistent = self.root.signed().consistent_snapshot;
        remote_name(role, consistent.then_some(described.version))
    }

    fn fetch<T: Role>(&self, role: &str, described: &MetaFile) -> Action {
        let length = described
            .length
            .and_then(|length| usize::try_from(length).ok());
        Action::Fetch {
            file: self.remote(role, described),
            limit: length.map_or(T::MAX_BYTES, |length| length.min(T::MAX_BYTES)),
        }
    }

    /// A fetched document that is the one described, and signed for.
    fn checked<T: Role>(
        &self,
        bytes: Option<&[u8]>,
        file: &str,
        described: &MetaFile,
        authority: &Authority<'_>,
    ) -> Result<Metadata<T>, UpdateError> {
        let bytes = bytes.ok_or_else(|| missing(file))?;
        let checked = described.check(file, bytes).and_then(|()| {
            let new: Metadata<T> = verified(bytes, authority)?;
            new.check_version(described.version)?;
            Ok(new)
        });
        checked.map_err(document(file))
    }

    /// Whether a stored document that its role signed for is the one described, so that it need not be fetched.
    fn is_usable<T: Role>(&self, local: &Metadata<T>, described: &MetaFile) -> bool {
        let is_described =
            local.version() == described.version && described.check("", local.bytes()).is_ok();
        if self.cached_only {
            return is_described || local.version() < described.version;
        }
        is_described && local.check_expiry(self.now).is_ok()
    }

    fn store<T: Role>(&mut self, role: &str, document: &Metadata<T>) {
        self.effects.push_back(Action::Store {
            file: document_name(role),
            version: document.version(),
            bytes: document.bytes().to_vec(),
        });
    }
}

/// A document whose role signed for it.
fn verified<T: Role>(bytes: &[u8], authority: &Authority<'_>) -> Result<Metadata<T>, TufError> {
    let document = Metadata::<T>::parse(bytes)?;
    document.verify(authority)?;
    Ok(document)
}

/// No role's version goes back, and none vanishes (5.5.5).
fn check_snapshots(
    old: &Metadata<Snapshot>,
    new: &Metadata<Snapshot>,
    file: &str,
) -> Result<(), UpdateError> {
    for (name, before) in &old.signed().meta {
        let role = excerpt(name.strip_suffix(".json").unwrap_or(name));
        let Some(now) = new.signed().meta.get(name) else {
            return Err(UpdateError::Unlisted {
                file: file.to_owned(),
                role,
            });
        };
        if now.version < before.version {
            return Err(UpdateError::Rollback {
                file: file.to_owned(),
                role,
                trusted: before.version,
                found: now.version,
            });
        }
    }
    Ok(())
}

/// Whether a role has other keys than before, or the same by other ids.
fn is_rotated(before: &Metadata<Root>, after: &Metadata<Root>, role: TopRole) -> bool {
    let keys = |root: &Metadata<Root>| {
        let signed = root.signed();
        let ids = signed.role(role).key_ids().iter();
        let mut keys: Vec<_> = ids
            .map(|id| (id.clone(), signed.keys.key(id).cloned()))
            .collect();
        keys.sort_by(|(a, _), (b, _)| a.cmp(b));
        keys
    };
    keys(before) != keys(after)
}

fn document(file: &str) -> impl FnOnce(TufError) -> UpdateError {
    let file = excerpt(file);
    move |error| UpdateError::Document { file, error }
}

fn missing(file: &str) -> UpdateError {
    UpdateError::Missing {
        file: excerpt(file),
    }
}

fn not_cached(role: &str) -> UpdateError {
    UpdateError::NotCached {
        file: excerpt(&document_name(role)),
    }
}
