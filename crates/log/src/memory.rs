//! Storage in memory, which forgets as a disk would when it is told to crash.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::storage::{Journal, Lock, Objects, StorageError};
use crate::tile::TileId;

/// Objects, journal and lock of one log. Clones share their content.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    synced: BTreeMap<String, Vec<u8>>,
    unsynced: BTreeMap<String, Vec<u8>>,
    journal: Vec<Vec<u8>>,
    lock: Option<Vec<u8>>,
    high_water: Option<Vec<u8>>,
    operations: u64,
    fault: Option<Fault>,
    crashed: bool,
}

/// What goes wrong, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The operation that fails, counted over all three parts from the creation of the storage, from zero.
    pub operation: u64,
    /// Whether the operation has had its effect all the same.
    pub applied: bool,
    /// Whether everything after it fails too, until [`MemoryStorage::restart`].
    pub crash: bool,
}

/// What a crash does to objects that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// They survive.
    None,
    /// They are as they were at the last sync.
    Unsynced,
    /// They are there, cut in half.
    Torn,
    /// Every second one is lost.
    Some,
}

impl MemoryStorage {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    /// The part that holds tiles.
    pub fn objects(&self) -> MemoryObjects {
        MemoryObjects(self.clone())
    }

    /// The part that holds write-ahead records.
    pub fn journal(&self) -> MemoryJournal {
        MemoryJournal(self.clone())
    }

    /// The part that decides.
    pub fn lock(&self) -> MemoryLock {
        MemoryLock(self.clone(), |state| &mut state.lock)
    }

    /// The part that remembers what has been signed.
    pub fn high_water(&self) -> MemoryLock {
        MemoryLock(self.clone(), |state| &mut state.high_water)
    }

    /// How many operations have been tried.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// The object at `path` as a reader sees it now; not an operation.
    pub fn object(&self, path: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state
            .unsynced
            .get(path)
            .or_else(|| state.synced.get(path))
            .cloned()
    }

    /// Removes every partial tile whose full tile a log of `size` entries has, for good; not an operation.
    pub fn sweep(&self, size: u64) {
        let is_needed = |path: &String, _: &mut Vec<u8>| {
            let Ok(id) = path.parse::<TileId>() else {
                return true;
            };
            let of_log = TileId::of_log(id.kind(), id.index(), size);
            id.is_full() || !of_log.is_some_and(TileId::is_full)
        };
        let mut state = self.state();
        state.synced.retain(is_needed);
        state.unsynced.retain(is_needed);
    }

    /// Scripts the next fault, in place of one scripted before.
    pub fn fail(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// Starts again after a crash (or as if after one): unsynced objects suffer `loss`, the scripted fault is gone.
    pub fn restart(&self, loss: Loss) {
        let mut state = self.state();
        state.crashed = false;
        state.fault = None;
        let unsynced = std::mem::take(&mut state.unsynced);
        for (number, (path, mut bytes)) in unsynced.into_iter().enumerate() {
            match loss {
                Loss::None => {}
                Loss::Some if number % 2 == 0 => {}
                Loss::Unsynced | Loss::Some => continue,
                Loss::Torn => bytes.truncate(bytes.len() / 2),
            }
            state.synced.insert(path, bytes);
        }
    }

    /// Counts an operation. Applies `effect` unless the operation is to fail without.
    fn operate<T>(&self, effect: impl FnOnce(&mut State) -> T) -> Result<T, StorageError> {
        let mut state = self.state();
        let operation = state.operations;
        state.operations = operation.saturating_add(1);
        let scripted = StorageError::Scripted { operation };
        if state.crashed {
            return Err(scripted);
        }
        let Some(fault) = state.fault.filter(|fault| fault.operation == operation) else {
            return Ok(effect(&mut state));
        };
        if fault.applied {
            effect(&mut state);
        }
        state.crashed = fault.crash;
        Err(scripted)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tiles of a [`MemoryStorage`].
#[derive(Clone, Debug)]
pub struct MemoryObjects(MemoryStorage);

impl Objects for MemoryObjects {
    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        self.0.operate(|state| {
            state.unsynced.insert(path.to_owned(), bytes.to_vec());
        })
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, StorageError> {
        self.0.operate(|state| {
            state
                .unsynced
                .get(path)
                .or_else(|| state.synced.get(path))
                .cloned()
        })
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.0.operate(|state| {
            let unsynced = std::mem::take(&mut state.unsynced);
            state.synced.extend(unsynced);
        })
    }
}

/// The journal of a [`MemoryStorage`].
#[derive(Clone, Debug)]
pub struct MemoryJournal(MemoryStorage);

impl Journal for MemoryJournal {
    fn append(&mut self, record: &[u8]) -> Result<(), StorageError> {
        self.0.operate(|state| state.journal.push(record.to_vec()))
    }

    fn read(&mut self) -> Result<Vec<Vec<u8>>, StorageError> {
        self.0.operate(|state| state.journal.clone())
    }

    fn clear(&mut self) -> Result<(), StorageError> {
        self.0.operate(|state| state.journal.clear())
    }
}

/// The lock of a [`MemoryStorage`], or its high-water mark.
#[derive(Clone, Debug)]
pub struct MemoryLock(MemoryStorage, fn(&mut State) -> &mut Option<Vec<u8>>);

impl Lock for MemoryLock {
    fn load(&mut self) -> Result<Option<Vec<u8>>, StorageError> {
        self.0.operate(|state| (self.1)(state).clone())
    }

    fn replace(&mut self, old: Option<&[u8]>, new: &[u8]) -> Result<(), StorageError> {
        self.0.operate(|state| {
            let value = (self.1)(state);
            if value.as_deref() != old {
                return Err(StorageError::LockMoved);
            }
            *value = Some(new.to_vec());
            Ok(())
        })?
    }
}
