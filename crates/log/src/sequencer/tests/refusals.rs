//! What a log does not start with: anything that is not one history.

use super::*;
use crate::checkpoint::CheckpointError;
use crate::memory::Loss;
use crate::merkle::EMPTY_ROOT;
use crate::note::NoteError;
use crate::record::{Batch, RecordError};

/// A log of 5 entries in two batches, both still in the journal.
fn log_of_five() -> (Setup, MemoryStorage) {
    let (setup, storage) = (Setup::new(100), MemoryStorage::new());
    let mut log = setup.open(&storage).unwrap();
    log.append_batch(batch(0, 2)).unwrap();
    log.append_batch(batch(2, 3)).unwrap();
    (setup, storage)
}

/// The lock's value of a log of this key with `count` other entries.
fn other_history(setup: &Setup, count: u64) -> (Vec<u8>, Hash) {
    let storage = MemoryStorage::new();
    let mut log = setup.open(&storage).unwrap();
    log.append_batch(batch(1000, count)).unwrap();
    (storage.lock().load().unwrap().unwrap(), log.root())
}

fn set_lock(storage: &MemoryStorage, value: &[u8]) -> Vec<u8> {
    let old = storage.lock().load().unwrap().unwrap();
    storage.lock().replace(Some(&old), value).unwrap();
    old
}

fn set_mark(storage: &MemoryStorage, value: &[u8]) -> Vec<u8> {
    let old = storage.high_water().load().unwrap().unwrap();
    storage.high_water().replace(Some(&old), value).unwrap();
    old
}

fn refusal(setup: &Setup, storage: &MemoryStorage) -> SequencerError {
    setup.open(storage).map(|log| log.size()).unwrap_err()
}

#[test]
fn a_lock_older_than_what_is_published() {
    let (setup, storage) = log_of_five();
    let (older, _) = other_history(&setup, 2);
    let lock = set_lock(&storage, &older);
    let mark = set_mark(&storage, &older);
    assert_eq!(
        refusal(&setup, &storage),
        SequencerError::StorageAhead {
            published: 5,
            lock: 2
        }
    );
    // Nothing was touched: with the right lock it opens as before.
    set_lock(&storage, &lock);
    set_mark(&storage, &mark);
    assert_eq!(setup.open(&storage).unwrap().size(), 5);
}

#[test]
fn a_log_that_is_older_than_its_high_water_mark() {
    let (setup, storage) = log_of_five();
    let (newer, _) = other_history(&setup, 6);
    let mark = set_mark(&storage, &newer);
    let rolled_back = SequencerError::RolledBack { marked: 6, lock: 5 };
    assert_eq!(refusal(&setup, &storage), rolled_back);
    // The same when all but the mark is gone.
    let lost = MemoryStorage::new();
    lost.high_water().replace(None, &newer).unwrap();
    let rolled_back = SequencerError::RolledBack { marked: 6, lock: 0 };
    assert_eq!(refusal(&setup, &lost), rolled_back);
    assert_eq!(lost.lock().load(), Ok(None));

    set_mark(&storage, &mark);
    assert_eq!(setup.open(&storage).unwrap().size(), 5);
}

#[test]
fn a_log_that_contradicts_its_high_water_mark() {
    for size in [2, 5] {
        let (setup, storage) = log_of_five();
        let (other, found) = other_history(&setup, size);
        set_mark(&storage, &other);
        let leaves: Vec<_> = (0..size).map(|index| leaf_hash(&entry(index))).collect();
        // As for the published checkpoint: what the log has is compared with what was seen of it.
        let fork = SequencerError::Fork {
            size,
            expected: Naive::root(&leaves),
            found,
        };
        assert_eq!(refusal(&setup, &storage), fork);
    }
}

#[test]
fn a_high_water_mark_that_is_lost_or_of_another_log() {
    let (setup, storage) = log_of_five();
    let without = || Storage {
        high_water: Some(Box::new(MemoryStorage::new().high_water())),
        ..parts(&storage)
    };
    let lost = Sequencer::open(setup.config(), without()).map(|log| log.size());
    assert_eq!(lost, Err(SequencerError::HighWaterMissing { size: 5 }));

    let (other, _) = other_history(&Setup::new(1), 3);
    set_mark(&storage, &other);
    let name = ORIGIN.to_owned();
    assert_eq!(
        refusal(&setup, &storage),
        SequencerError::HighWaterMark(NoteError::NotSignedBy { name }.into())
    );
}

#[test]
fn two_trees_of_the_same_size() {
    let (setup, storage) = log_of_five();
    let root = setup.open(&storage).unwrap().root();
    let (other, expected) = other_history(&setup, 5);
    set_lock(&storage, &other);
    let fork = SequencerError::Fork {
        size: 5,
        expected,
        found: root,
    };
    assert_eq!(refusal(&setup, &storage), fork);
    // Also when only the tiles tell: the published checkpoint is lost, the journal empty.
    storage.objects().put(CHECKPOINT_PATH, b"").unwrap();
    assert_eq!(refusal(&setup, &storage), fork);
}

#[test]
fn a_lock_beyond_tiles_and_journal() {
    let (setup, storage) = log_of_five();
    let (newer, _) = other_history(&setup, 9);
    set_lock(&storage, &newer);
    assert_eq!(
        refusal(&setup, &storage),
        SequencerError::Behind {
            lock: 9,
            reached: 5
        }
    );
}

#[test]
fn a_lost_lock_is_never_made_anew() {
    let (setup, whole) = log_of_five();
    let published = MemoryStorage::new();
    let checkpoint = whole.object(CHECKPOINT_PATH).unwrap();
    published
        .objects()
        .put(CHECKPOINT_PATH, &checkpoint)
        .unwrap();
    let found = "checkpoint".to_owned();
    assert_eq!(
        refusal(&setup, &published),
        SequencerError::LockMissing { found }
    );

    let tiles = MemoryStorage::new();
    tiles.objects().put("tile/0/000", &[0; 8192]).unwrap();
    let found = "tile/0/000".to_owned();
    assert_eq!(
        refusal(&setup, &tiles),
        SequencerError::LockMissing { found }
    );

    let journal = MemoryStorage::new();
    journal.journal().append(b"torn").unwrap();
    let found = "a journal record".to_owned();
    assert_eq!(
        refusal(&setup, &journal),
        SequencerError::LockMissing { found }
    );
    assert_eq!(journal.lock().load(), Ok(None));
}

#[test]
fn another_key_or_origin() {
    let (setup, storage) = log_of_five();
    let name = ORIGIN.to_owned();
    assert_eq!(
        refusal(&Setup::new(3), &storage),
        SequencerError::LockCheckpoint(NoteError::NotSignedBy { name }.into())
    );
    let config = SequencerConfig {
        origin: "other.example".to_owned(),
        ..setup.config()
    };
    let error = Sequencer::open(config, parts(&storage))
        .map(|log| log.size())
        .unwrap_err();
    let (expected, found) = ("other.example".to_owned(), ORIGIN.to_owned());
    let error_expected = CheckpointError::Origin { expected, found };
    assert_eq!(error, SequencerError::LockCheckpoint(error_expected));
}

#[test]
fn a_published_checkpoint_of_another_key() {
    let (setup, storage) = log_of_five();
    let (other, _) = other_history(&Setup::new(1), 3);
    storage.objects().put(CHECKPOINT_PATH, &other).unwrap();
    let name = ORIGIN.to_owned();
    assert_eq!(
        refusal(&setup, &storage),
        SequencerError::PublishedCheckpoint(NoteError::NotSignedBy { name }.into())
    );
}

#[test]
fn a_published_checkpoint_that_the_log_never_had() {
    let (setup, storage) = log_of_five();
    let root = other_history(&setup, 2).1;
    let (other, _) = other_history(&setup, 2);
    storage.objects().put(CHECKPOINT_PATH, &other).unwrap();
    let expected = Naive::root(&[leaf_hash(&entry(0)), leaf_hash(&entry(1))]);
    assert_eq!(
        refusal(&setup, &storage),
        SequencerError::Fork {
            size: 2,
            expected,
            found: root
        }
    );
    // Between the two batches.
    let (between, _) = other_history(&setup, 3);
    storage.objects().put(CHECKPOINT_PATH, &between).unwrap();
    assert_eq!(
        refusal(&setup, &storage),
        SequencerError::Behind {
            lock: 5,
            reached: 3
        }
    );
}

#[test]
fn a_record_that_was_never_committed_is_dropped() {
    for torn in [true, false] {
        let (setup, storage) = log_of_five();
        let log = setup.open(&storage).unwrap();
        let record = Batch {
            old_size: 5,
            old_root: log.root(),
            new_size: 6,
            new_root: [9; 32],
            entries: vec![entry(5)],
        };
        let mut record = record.encode().unwrap();
        record.truncate(if torn { 100 } else { record.len() });
        storage.journal().append(&record).unwrap();
        let mut log = setup.open(&storage).unwrap();
        assert_eq!(log.size(), 5);
        assert_eq!(storage.journal().read(), Ok(Vec::new()));
        log.append_batch(batch(5, 1)).unwrap();
        assert_eq!(setup.fsck(&storage), Ok(6));
    }
}

/// A journal in which the records are `change`d, of a log whose tiles were lost with the crash.
fn with_journal(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> SequencerError {
    let (setup, storage) = log_of_five();
    storage.restart(Loss::Unsynced);
    let mut journal = storage.journal();
    let mut records = journal.read().unwrap();
    change(&mut records);
    journal.clear().unwrap();
    for record in records {
        journal.append(&record).unwrap();
    }
    refusal(&setup, &storage)
}

#[test]
fn records_that_contradict() {
    let changed = |position: usize, change: fn(&mut Batch)| {
        with_journal(move |records| {
            let mut batch = Batch::decode(&records[position]).unwrap();
            change(&mut batch);
            records[position] = batch.encode().unwrap();
        })
    };
    let contradiction = |position| SequencerError::Contradiction { position };
    // An entry, a root, a size that is not the one before.
    assert_eq!(
        changed(0, |batch| batch.entries[0].push(b'!')),
        contradiction(0)
    );
    assert_eq!(
        changed(1, |batch| batch.entries[2].push(b'!')),
        contradiction(1)
    );
    assert_eq!(changed(1, |batch| batch.new_root[0] ^= 1), contradiction(1));
    assert_eq!(changed(1, |batch| batch.old_root[0] ^= 1), contradiction(1));
    assert_eq!(
        changed(0, |batch| batch.old_root = [3; 32]),
        SequencerError::Fork {
            size: 0,
            expected: [3; 32],
            found: EMPTY_ROOT
        }
    );
    assert_eq!(
        changed(0, |batch| (batch.old_size, batch.new_size) = (7, 9)),
        contradiction(0)
    );

    // A committed record that is damaged, missing, or doubled.
    let damaged = with_journal(|records| records[1][60] ^= 1);
    assert_eq!(
        damaged,
        SequencerError::Record {
            position: 1,
            error: RecordError::Checksum
        }
    );
    let missing = with_journal(|records| drop(records.pop()));
    assert_eq!(
        missing,
        SequencerError::Behind {
            lock: 5,
            reached: 2
        }
    );
    let doubled = with_journal(|records| records.push(records[1].clone()));
    assert_eq!(doubled, contradiction(2));
    // More than one record beyond the lock: the lock is older than the journal.
    let beyond = with_journal(|records| records.extend([vec![1], vec![2]]));
    assert_eq!(beyond, contradiction(2));
}

#[test]
fn tiles_that_were_changed_or_lost() {
    let (setup, storage) = log_of_five();
    drop(setup.open(&storage).unwrap()); // clears the journal: the tiles are all there is
    for path in ["tile/0/000.p/5", "tile/entries/000.p/5"] {
        let good = storage.object(path).unwrap();
        let mut bad = good.clone();
        bad[7] ^= 1;
        storage.objects().put(path, &bad).unwrap();
        assert!(matches!(
            refusal(&setup, &storage),
            SequencerError::Fork { size: 5, .. }
        ));
        storage
            .objects()
            .put(path, &good[..good.len() - 1])
            .unwrap();
        assert!(matches!(
            refusal(&setup, &storage),
            SequencerError::Read(ReadError::Tile { .. })
        ));
        storage.objects().put(path, &good).unwrap();
    }
    assert_eq!(setup.open(&storage).unwrap().size(), 5);
}

/// Two sequencers on one storage, which the flock of real storage prevents: the lock lets only one go on.
#[test]
fn the_slower_of_two_sequencers_stops() {
    let (setup, storage) = log_of_five();
    let mut slow = setup.open(&storage).unwrap();
    let mut fast = setup.open(&storage).unwrap();
    fast.append_batch(batch(5, 1)).unwrap();
    assert_eq!(
        slow.append_batch(batch(90, 1)),
        Err(SequencerError::Storage(StorageError::LockMoved))
    );
    assert_eq!(
        slow.append_batch(batch(90, 1)),
        Err(SequencerError::Stopped)
    );
    assert_eq!(setup.fsck(&storage), Ok(6));
}
