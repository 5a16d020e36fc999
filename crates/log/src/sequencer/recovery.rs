//! Opening a log: the lock is the truth, the journal has what the tiles may lack.
//!
//! Everything is checked before anything is written. A single record beyond the lock is a batch that was
//! never committed, nor answered: it is dropped. Anything else that does not fit is refused, for a log that
//! stands still can be mended and a log that has forked cannot.

use std::sync::Arc;

use super::{Published, SequencerConfig, SequencerError, State, Storage};
use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::merkle::{EMPTY_ROOT, Hash};
use crate::reader::LogReader;
use crate::record::{Batch, RecordError};
use crate::tile::{CHECKPOINT_PATH, TileId, TileKind, WIDTH};
use crate::tree::Tree;

pub(super) fn recover(
    config: &SequencerConfig,
    storage: &mut Storage,
    reader: &LogReader,
) -> Result<(State, Published), SequencerError> {
    let records = storage.journal.read()?;
    let published_bytes = storage.objects.get(CHECKPOINT_PATH)?;
    let mark_bytes = match &mut storage.high_water {
        Some(mark) => mark.load()?,
        None => None,
    };
    let lock_bytes = match storage.lock.load()? {
        Some(bytes) => bytes,
        None => {
            high_water(config, mark_bytes.as_deref(), 0)?;
            create(config, storage, &records, published_bytes.as_deref())?
        }
    };
    let lock = verified(config, &lock_bytes).map_err(SequencerError::LockCheckpoint)?;
    let mark = high_water(config, mark_bytes.as_deref(), lock.size)?;
    if storage.high_water.is_some() && mark.is_none() && lock.size > 0 {
        return Err(SequencerError::HighWaterMissing { size: lock.size });
    }
    let published = published(config, published_bytes.as_deref(), &lock)?;

    let batches: Vec<_> = records.iter().map(|record| Batch::decode(record)).collect();
    let mut state = synced_state(config, reader, &batches, &lock)?;
    let seen = [published.as_ref(), mark.as_ref()];
    let committed = check(config, reader, &state, &batches, &lock, seen)?;

    // A write whose sync failed may be readable and yet not on the disk: what is read is written again
    // before anything is built on it.
    storage.lock.replace(Some(&lock_bytes), &lock_bytes)?;
    if let Some(mark) = &mut storage.high_water {
        mark.replace(mark_bytes.as_deref(), &lock_bytes)?;
    }
    for batch in batches.into_iter().take(committed).flatten() {
        state.push(config.layout, &batch.entries)?;
        state.put_tiles(config.layout, storage.objects.as_ref())?;
        state.forget_filled();
    }
    // Notes are UTF-8, or the lock's would not have been parsed.
    state.checkpoint = String::from_utf8_lossy(&lock_bytes).into();
    let published = publish(config, storage, &state, published, published_bytes)?;
    // Without committed records everything is synced already, but for the published checkpoint, which
    // the lock can always give again.
    if committed > 0 {
        storage.objects.sync()?;
    }
    if !records.is_empty() {
        storage.journal.clear()?;
    }
    Ok((state, published))
}

/// What is published once the log is open. No witness is asked here: two instances that cosign for each
/// other could never start. Until they have cosigned, what is published stays.
fn publish(
    config: &SequencerConfig,
    storage: &Storage,
    state: &State,
    published: Option<Checkpoint>,
    bytes: Option<Vec<u8>>,
) -> Result<Published, SequencerError> {
    let size = state.tree.size();
    let seen = published.zip(bytes).map(|(published, bytes)| Published {
        size: published.size,
        root: published.root,
        note: String::from_utf8_lossy(&bytes).into(),
        is_pending: published.size < size,
    });
    let published = match (&config.cosigner, seen) {
        (None, Some(seen)) if !seen.is_pending => seen,
        (None, _) => Published {
            size,
            root: state.root,
            note: Arc::clone(&state.checkpoint),
            is_pending: false,
        },
        (Some(cosigner), Some(seen)) => Published {
            is_pending: seen.is_pending || !cosigner.suffices(&seen.note),
            ..seen
        },
        (Some(_), None) => return Ok(Published::none()),
    };
    // Written again even if it is there, for what a failed sync may have lost.
    let note = published.note.as_bytes();
    storage.objects.put(CHECKPOINT_PATH, note)?;
    Ok(published)
}

/// The checkpoint in `bytes`, if it is one of this log and key.
fn verified(config: &SequencerConfig, bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let signed = SignedCheckpoint::parse(bytes)?;
    let checkpoint = signed.verify(&config.origin, config.signer.verifier())?;
    Ok(checkpoint.clone())
}

/// The last checkpoint that may have been seen, if there is one; the lock must have got that far.
fn high_water(
    config: &SequencerConfig,
    bytes: Option<&[u8]>,
    lock: u64,
) -> Result<Option<Checkpoint>, SequencerError> {
    let mark = bytes
        .map(|bytes| verified(config, bytes))
        .transpose()
        .map_err(SequencerError::HighWaterMark)?;
    match mark {
        Some(mark) if mark.size > lock => Err(SequencerError::RolledBack {
            marked: mark.size,
            lock,
        }),
        mark => Ok(mark),
    }
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

/// How many of the batches lead from `state` to the lock, if all that is stored, and all that was seen
/// of the log, is one history.
fn check(
    config: &SequencerConfig,
    reader: &LogReader,
    state: &State,
    batches: &[Result<Batch, RecordError>],
    lock: &Checkpoint,
    seen: [Option<&Checkpoint>; 2],
) -> Result<usize, SequencerError> {
    let mut state = state.clone();
    let (older, mut ahead): (Vec<_>, Vec<_>) = seen
        .into_iter()
        .flatten()
        .partition(|seen| seen.size < state.tree.size());
    for older in older {
        same_root(older.size, older.root, reader.root(older.size)?)?;
    }
    let mut committed = 0;
    loop {
        let size = state.tree.size();
        for seen in ahead.extract_if(.., |seen| seen.size == size) {
            same_root(size, state.root, seen.root)?;
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
    if let Some(seen) = ahead.first() {
        // Between two batches: the log never had that size.
        return Err(SequencerError::Behind {
            lock: lock.size,
            reached: seen.size,
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
