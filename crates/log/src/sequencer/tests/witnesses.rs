//! What a log publishes when others have to confirm it, and what it does when they do not.

use std::sync::Mutex;

use super::*;
use crate::cosignature::{Cosign, CosignError};
use crate::merkle::EMPTY_ROOT;

/// Cosigns while it is told to, after checking that the log has only grown.
#[derive(Clone, Debug)]
struct Witness(Arc<Mutex<Seen>>);

#[derive(Debug)]
struct Seen {
    willing: bool,
    size: u64,
    root: Hash,
}

impl Witness {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Seen {
            willing: true,
            size: 0,
            root: EMPTY_ROOT,
        })))
    }

    fn set_willing(&self, willing: bool) {
        self.0.lock().unwrap().willing = willing;
    }

    fn open(&self, setup: &Setup, storage: &MemoryStorage) -> Sequencer {
        let config = SequencerConfig {
            cosigner: Some(Box::new(self.clone())),
            ..setup.config()
        };
        Sequencer::open(config, parts(storage)).unwrap()
    }
}

impl Cosign for Witness {
    fn suffices(&self, note: &str) -> bool {
        note.ends_with(LINE)
    }

    fn cosign(
        &mut self,
        note: &str,
        size: u64,
        consistency: &dyn Fn(u64) -> Result<Vec<Hash>, ReadError>,
    ) -> Result<Vec<String>, CosignError> {
        let mut seen = self.0.lock().unwrap();
        let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
        assert_eq!(signed.checkpoint.size, size);
        let proof = consistency(seen.size).unwrap();
        let root = signed.checkpoint.root;
        verify_consistency(seen.size, &seen.root, size, &root, &proof).unwrap();
        if !seen.willing {
            return Err(unwilling());
        }
        (seen.size, seen.root) = (size, root);
        Ok(vec![LINE.to_owned()])
    }
}

const LINE: &str = "\u{2014} witness.example AAAAAAAA\n";

fn unwilling() -> CosignError {
    CosignError::NoQuorum {
        cosigned: Vec::new(),
        asked: 1,
    }
}

#[test]
fn cosignatures_are_published_and_answered() {
    let (setup, storage, witness) = (Setup::new(2), MemoryStorage::new(), Witness::new());
    let mut log = witness.open(&setup, &storage);
    for count in [1, 300, 2] {
        let answers = log.append_batch(batch(log.size(), count)).unwrap();
        assert!(
            answers
                .iter()
                .all(|answer| answer.checkpoint.ends_with(LINE))
        );
        check_checkpoint(&setup, &answers[0]);
        let published = storage.object(CHECKPOINT_PATH).unwrap();
        assert_eq!(published, log.checkpoint().as_bytes());
        assert_eq!(published, answers[0].checkpoint.as_bytes());
        // Cosignatures outlive an opening, with the witness and without.
        drop(log);
        assert!(setup.open(&storage).unwrap().checkpoint().ends_with(LINE));
        log = witness.open(&setup, &storage);
        assert_eq!(log.checkpoint().as_bytes(), published);
    }
    assert_eq!(setup.fsck(&storage), Ok(303));
}

#[test]
fn what_is_not_cosigned_is_durable_but_not_published() {
    let (setup, storage, witness) = (Setup::new(2), MemoryStorage::new(), Witness::new());
    let mut log = witness.open(&setup, &storage);
    log.append_batch(batch(0, 3)).unwrap();
    let published = Arc::clone(log.checkpoint());
    witness.set_willing(false);
    for _ in 0..3 {
        // The first of these batches is logged, no other.
        assert_eq!(
            log.append_batch(batch(3, 2)),
            Err(SequencerError::Unwitnessed(unwilling()))
        );
        assert_eq!(log.publish(), Err(SequencerError::Unwitnessed(unwilling())));
        assert_eq!(log.size(), 5);
        assert_eq!(log.checkpoint(), &published);
        assert_eq!(
            log.prove(3),
            Err(SequencerError::Read(ReadError::Beyond {
                index: 3,
                size: 3
            }))
        );
        drop(log);
        log = witness.open(&setup, &storage);
        assert!(log.is_pending());
        // The tiles of what is published are asked for, however much more is synced.
        assert_eq!(log.settled_size(), 3);
        assert_eq!(log.checkpoint(), &published);
        assert_eq!(
            storage.object(CHECKPOINT_PATH).unwrap(),
            published.as_bytes()
        );
    }
    witness.set_willing(true);
    log.publish().unwrap();
    check_answer(&setup, &log.prove(3).unwrap(), &entry(3));
    assert!(log.checkpoint().ends_with(LINE));
    let answers = log.append_batch(batch(5, 1)).unwrap();
    check_answer(&setup, &answers[0], &entry(5));
    assert_eq!(setup.fsck(&storage), Ok(6));
}

#[test]
fn a_new_log_waits_for_its_witnesses_too() {
    let (setup, storage, witness) = (Setup::new(2), MemoryStorage::new(), Witness::new());
    witness.set_willing(false);
    let mut log = witness.open(&setup, &storage);
    assert_eq!((&**log.checkpoint(), log.is_pending()), ("", true));
    assert!(log.append_batch(batch(0, 1)).is_err());
    assert_eq!((log.size(), storage.object(CHECKPOINT_PATH)), (0, None));
    witness.set_willing(true);
    log.append_batch(batch(0, 1)).unwrap();
    assert_eq!(setup.fsck(&storage), Ok(1));
}

#[test]
fn a_witness_that_is_asked_for_later_cosigns_what_is_there() {
    let (setup, storage, witness) = (Setup::new(2), MemoryStorage::new(), Witness::new());
    setup
        .open(&storage)
        .unwrap()
        .append_batch(batch(0, 3))
        .unwrap();
    let bare = storage.object(CHECKPOINT_PATH).unwrap();
    let mut log = witness.open(&setup, &storage);
    assert_eq!(
        (log.checkpoint().as_bytes(), log.is_pending()),
        (&bare[..], true)
    );
    log.publish().unwrap();
    assert!(!log.is_pending() && log.checkpoint().ends_with(LINE));
}

#[test]
fn a_stopped_log_opens_again_in_place() {
    let (setup, storage, witness) = (Setup::new(2), MemoryStorage::new(), Witness::new());
    let mut log = witness.open(&setup, &storage);
    log.append_batch(batch(0, 3)).unwrap();
    for (size, applied) in (3..).zip([false, true]) {
        let operation = storage.operations();
        storage.fail(crate::memory::Fault {
            operation,
            applied,
            crash: true,
        });
        let scripted = SequencerError::Storage(StorageError::Scripted { operation });
        assert_eq!(log.append_batch(batch(size, 1)), Err(scripted));
        assert!(log.is_stopped());
        assert!(log.reopen().is_err());
        assert_eq!(
            log.append_batch(batch(size, 1)),
            Err(SequencerError::Stopped)
        );
        assert_eq!(log.publish(), Err(SequencerError::Stopped));
        storage.restart(crate::memory::Loss::None);
        log.reopen().unwrap();
        assert_eq!(log.size(), size);
        let answers = log.append_batch(batch(size, 1)).unwrap();
        check_answer(&setup, &answers[0], &entry(size));
    }
    assert_eq!(setup.fsck(&storage), Ok(5));
}
