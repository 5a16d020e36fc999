//! Opening a log: the lock is the truth, the journal has what the tiles may lack.
//!
//! Everything is checked before anything is written. A single record beyond the lock is a batch that was
//! never committed, nor answered: it is dropped. Anything else that does not fit is refused, for a log that
//! stands still can be mended and a log that has forked cannot.

use std::sync::Arc;

use super::{SequencerConfig, SequencerError, State, Storage};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::merkle::{EMPTY_ROOT, Hash};
use crate::reader::LogReader;
use crate::record::{Batch, RecordError};
use crate::tile::{CHECKPOINT_PATH, TileId, TileKind, WIDTH};
use crate::tree::Tree;

pub(super) fn recover(
    config: &SequencerConfig,
    storage: &mut Storage,
    reader: &LogReader,
) -> Result<State, SequencerError> {
    let records = storage.journal.read()?;
    let published_bytes = storage.objects.get(CHECKPOINT_PATH)?;
    let lock_bytes = match storage.lock.load()? {
        Some(bytes) => bytes,
        None => create(config, storage, &records, published_bytes.as_deref())?,
    };
    let lock = SignedCheckpoint::parse(&lock_bytes)
        .and_then(|signed| {
            signed
                .verify(&config.origin, config.signer.verifier())
                .cloned()
        })
        .map_err(SequencerError::LockCheckpoint)?;
    let published = published(config, published_bytes.as_deref(), &lock)?;

    let batches: Vec<_> = records.iter().map(|record| Batch::decode(record)).collect();
    let mut state = synced_state(config, reader, &batches, &lock)?;
    let committed = check(config, reader, &state, &batches, &lock, published.as_ref())?;

    for batch in batches.into_iter().take(committed).flatten() {
        state.push(config.layout, &batch.entries)?;
        state.put_tiles(config.layout, storage.objects.as_ref())?;
        state.forget_filled();
    }
    if committed > 0 || published_bytes.as_ref() != Some(&lock_bytes) {
        storage.objects.put(CHECKPOINT_PATH, &lock_bytes)?;
    }
    // Without committed records everything is synced already, but for the published checkpoint, which
    // the lock can always give again.
    if committed > 0 {
        storage.objects.sync()?;
    }
    if !records.is_empty() {
        storage.journal.clear()?;
    }
    // Notes are UTF-8, or the lock's would not have been parsed.
    state.checkpoint = String::from_utf8_lossy(&lock_bytes).into();
    Ok(state)
}

/// Sets the lock of a new log to the checkpoint of the empty tree.
fn create(
    config: &SequencerConfig,
    storage: &mut Storage,
    records: &[Vec<u8>],
    published: Option<&[u8]>,
) -> Result<Vec<u8>, SequencerError> {
    let first_tile = TileId::new(TileKind::Hashes { level: 0 }, 0, WIDTH)
        .map_err(|error| SequencerError::Entry { position: 0, error })?
        .to_string();
    let found = if published.is_some() {
        Some(CHECKPOINT_PATH.to_owned())
    } else if !records.is_empty() {
        Some("a journal record".to_owned())
    } else {
        storage.objects.get(&first_tile)?.map(|_| first_tile)
    };
    if let Some(found) = found {
        return Err(SequencerError::LockMissing { found });
    }
    let checkpoint = Checkpoint {
        origin: config.origin.clone(),
        size: 0,
        root: EMPTY_ROOT,
        extensions: Vec::new(),
    };
    let bytes = checkpoint.sign(&config.signer)?.into_bytes();
    storage.lock.replace(None, &bytes)?;
    Ok(bytes)
}

/// The published checkpoint, if a crash left one: bytes that are no checkpoint at all were never synced.
fn published(
    config: &SequencerConfig,
    bytes: Option<&[u8]>,
    lock: &Checkpoint,
) -> Result<Option<Checkpoint>, SequencerError> {
    let Some(Ok(signed)) = bytes.map(SignedCheckpoint::parse) else {
        return Ok(None);
    };
    let published = signed
        .verify(&config.origin, config.signer.verifier())
        .map_err(SequencerError::PublishedCheckpoint)?;
    if published.size > lock.size {
        let (published, lock) = (published.size, lock.size);
        return Err(SequencerError::StorageAhead { published, lock });
    }
    if published.size == lock.size {
        same_root(lock.size, lock.root, published.root)?;
    }
    Ok(Some(published.clone()))
}

/// The log where its tiles were last synced: where the journal begins, or at the lock without a journal.
fn synced_state(
    config: &SequencerConfig,
    reader: &LogReader,
    batches: &[Result<Batch, RecordError>],
    lock: &Checkpoint,
) -> Result<State, SequencerError> {
    let (size, expected) = match batches.first() {
        Some(Ok(batch)) if batch.old_size > lock.size => {
            return Err(SequencerError::Contradiction { position: 0 });
        }
        Some(Ok(batch)) => (batch.old_size, batch.old_root),
        Some(Err(_)) | None => (lock.size, lock.root),
    };
    let tree = Tree::load(size, |id| reader.hashes(id))?;
    let root = tree.root()?;
    same_root(size, expected, root)?;

    let mut partial = Vec::new();
    let tile = size / u64::from(WIDTH);
    if let Some(id) = TileId::of_log(TileKind::Hashes { level: 0 }, tile, size) {
        let hashes = reader.hashes(id)?;
        for (entry, hash) in reader.entries(tile, size)?.iter().zip(hashes) {
            let fault = |error| SequencerError::Entry { position: 0, error };
            let found = config.layout.leaf_hash(entry).map_err(fault)?;
            same_root(size, hash, found)?;
            config.layout.push(&mut partial, entry).map_err(fault)?;
        }
    }
    Ok(State {
        tree,
        root,
        checkpoint: Arc::from(""),
        partial,
        filled: Vec::new(),
    })
}

/// How many of the batches lead from `state` to the lock, if all that is stored is one history.
fn check(
    config: &SequencerConfig,
    reader: &LogReader,
    state: &State,
    batches: &[Result<Batch, RecordError>],
    lock: &Checkpoint,
    published: Option<&Checkpoint>,
) -> Result<usize, SequencerError> {
    let mut state = state.clone();
    let mut unseen = published;
    if let Some(older) = published.filter(|published| published.size < state.tree.size()) {
        same_root(older.size, older.root, reader.root(older.size)?)?;
        unseen = None;
    }
    let mut committed = 0;
    loop {
        let size = state.tree.size();
        if let Some(published) = unseen.filter(|published| published.size == size) {
            same_root(size, state.root, published.root)?;
            unseen = None;
        }
        if size == lock.size {
            break;
        }
        let position = committed;
        let batch = match batches.get(position) {
            Some(Ok(batch)) => batch,
            Some(Err(error)) => {
                return Err(SequencerError::Record {
                    position,
                    error: error.clone(),
                });
            }
            None => {
                return Err(SequencerError::Behind {
                    lock: lock.size,
                    reached: size,
                });
            }
        };
        if batch.old_size != size || batch.old_root != state.root || batch.new_size > lock.size {
            return Err(SequencerError::Contradiction { position });
        }
        state.push(config.layout, &batch.entries)?;
        state.forget_filled();
        if batch.new_root != state.root {
            return Err(SequencerError::Contradiction { position });
        }
        committed = committed.saturating_add(1);
    }
    same_root(lock.size, lock.root, state.root)?;
    if let Some(published) = unseen {
        // Between two batches: the log never had that size.
        return Err(SequencerError::Behind {
            lock: lock.size,
            reached: published.size,
        });
    }
    match batches.get(committed..) {
        None | Some([]) => Ok(committed),
        Some([Err(_)]) => Ok(committed),
        Some([Ok(batch)]) if batch.old_size == lock.size && batch.old_root == lock.root => {
            Ok(committed)
        }
        Some(_) => Err(SequencerError::Contradiction {
            position: committed,
        }),
    }
}

fn same_root(size: u64, expected: Hash, found: Hash) -> Result<(), SequencerError> {
    if expected != found {
        return Err(SequencerError::Fork {
            size,
            expected,
            found,
        });
    }
    Ok(())
}
