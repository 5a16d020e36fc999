mod crashes;
mod refusals;
mod witness_crashes;
mod witnesses;

use std::sync::Arc;

use proptest::prelude::*;
use signhere_pki::key::{KeyKind, PrivateKey};

use super::*;
use crate::checkpoint::SignedCheckpoint;
use crate::fsck::{FsckError, fsck, fsck_with};
use crate::memory::MemoryStorage;
use crate::merkle::tests::Naive;
use crate::merkle::{leaf_hash, verify_consistency, verify_inclusion};
use crate::note::NoteVerifier;
use crate::static_ct::{LogEntry, TileLeaf, leaf_index_extension};
use crate::tile::CHECKPOINT_PATH;

const ORIGIN: &str = "log.example";

/// A log's key and settings; every opening of the log gets its own copy.
struct Setup {
    key: Vec<u8>,
    verifier: NoteVerifier,
    clear_after_batches: u32,
    layout: Layout,
}

impl Setup {
    fn new(clear_after_batches: u32) -> Self {
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        Self {
            verifier: NoteVerifier::ed25519(ORIGIN, key.public_key()).unwrap(),
            key: key.to_pkcs8_der().unwrap().to_vec(),
            clear_after_batches,
            layout: Layout::Entries,
        }
    }

    fn config(&self) -> SequencerConfig {
        let key = Box::new(PrivateKey::from_pkcs8_der(&self.key).unwrap());
        SequencerConfig {
            clear_after_batches: self.clear_after_batches,
            layout: self.layout,
            ..SequencerConfig::new(ORIGIN, NoteSigner::new(ORIGIN, key).unwrap())
        }
    }

    fn open(&self, storage: &MemoryStorage) -> Result<Sequencer, SequencerError> {
        Sequencer::open(self.config(), parts(storage))
    }

    fn fsck(&self, storage: &MemoryStorage) -> Result<u64, FsckError> {
        let objects: Arc<dyn Objects> = Arc::new(storage.objects());
        let report = fsck(&objects, self.layout, ORIGIN, &self.verifier);
        let shared = fsck_with(&objects, self.layout, ORIGIN, &self.verifier, 3, &|_, _| {});
        assert_eq!(report, shared);
        report.map(|report| report.checkpoint.size)
    }
}

fn parts(storage: &MemoryStorage) -> Storage {
    Storage {
        objects: Arc::new(storage.objects()),
        journal: Box::new(storage.journal()),
        lock: Box::new(storage.lock()),
        high_water: Some(Box::new(storage.high_water())),
    }
}

/// Entry `index` of a test log.
fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

fn batch(from: u64, count: u64) -> Vec<Vec<u8>> {
    (from..from + count).map(entry).collect()
}

/// Checks all that an answer claims.
fn check_answer(setup: &Setup, answer: &Appended, entry: &[u8]) {
    check_checkpoint(setup, answer);
    check_proof(setup, answer, entry);
}

fn check_checkpoint(setup: &Setup, answer: &Appended) {
    let signed = SignedCheckpoint::parse(answer.checkpoint.as_bytes()).unwrap();
    let checkpoint = signed.verify(ORIGIN, &setup.verifier).unwrap();
    assert_eq!(
        (checkpoint.size, checkpoint.root),
        (answer.tree_size, answer.root)
    );
}

fn check_proof(setup: &Setup, answer: &Appended, entry: &[u8]) {
    let leaf = setup.layout.leaf_hash(entry).unwrap();
    verify_inclusion(
        answer.index,
        answer.tree_size,
        &leaf,
        &answer.proof,
        &answer.root,
    )
    .unwrap();
}

#[test]
fn a_new_log_is_empty_and_published() {
    let (setup, storage) = (Setup::new(3), MemoryStorage::new());
    let log = setup.open(&storage).unwrap();
    assert_eq!((log.size(), log.root()), (0, crate::merkle::EMPTY_ROOT));
    assert_eq!(
        storage.object(CHECKPOINT_PATH).unwrap(),
        log.checkpoint().as_bytes()
    );
    assert_eq!(setup.fsck(&storage), Ok(0));
}

#[test]
fn a_log_goes_on_where_it_was() {
    let (setup, storage) = (Setup::new(3), MemoryStorage::new());
    let mut log = setup.open(&storage).unwrap();
    log.append_batch(batch(0, 300)).unwrap();
    let before = (log.size(), log.root(), Arc::clone(log.checkpoint()));
    drop(log);
    let mut log = setup.open(&storage).unwrap();
    assert_eq!(
        (log.size(), log.root(), Arc::clone(log.checkpoint())),
        before
    );
    let answers = log.append_batch(batch(300, 2)).unwrap();
    assert_eq!(answers[1].index, 301);
    assert_eq!(log.read_entry(299).unwrap(), entry(299));
    assert_eq!(
        log.read_entry(302),
        Err(SequencerError::Read(ReadError::Beyond {
            index: 302,
            size: 302
        }))
    );
    assert_eq!(setup.fsck(&storage), Ok(302));
}

#[test]
fn an_entry_that_is_too_long_changes_nothing() {
    let (setup, storage) = (Setup::new(3), MemoryStorage::new());
    let mut log = setup.open(&storage).unwrap();
    log.append_batch(batch(0, 1)).unwrap();
    let operations = storage.operations();
    let error = TileError::EntryTooLong { found: 65_536 };
    assert_eq!(
        log.append_batch(vec![entry(1), vec![0; 65_536]]),
        Err(SequencerError::Entry { position: 1, error })
    );
    assert_eq!(log.append_batch(Vec::new()), Ok(Vec::new()));
    assert_eq!(storage.operations(), operations);
    assert_eq!(log.append_batch(batch(1, 1)).unwrap()[0].index, 1);
}

#[test]
fn a_certificate_log_hashes_what_rfc_6962_says() {
    let setup = Setup {
        layout: Layout::StaticCt,
        ..Setup::new(2)
    };
    let storage = MemoryStorage::new();
    let leaf = |index: u64| TileLeaf {
        timestamp_ms: 1,
        entry: LogEntry::Precertificate {
            issuer_key_hash: [1; 32],
            tbs_certificate: entry(index),
            pre_certificate: b"precertificate".to_vec(),
        },
        extensions: leaf_index_extension(index).unwrap(),
        chain: vec![[2; 32]],
    };
    let mut log = setup.open(&storage).unwrap();
    for from in [0, 200, 400] {
        let entries: Vec<_> = (from..from + 200)
            .map(|i| leaf(i).encode().unwrap())
            .collect();
        for (answer, entry) in log
            .append_batch(entries.clone())
            .unwrap()
            .iter()
            .zip(&entries)
        {
            check_answer(&setup, answer, entry);
        }
        log = setup.open(&storage).unwrap();
    }
    let leaves: Vec<_> = (0..600).map(|index| leaf(index).hash().unwrap()).collect();
    assert_eq!(log.root(), Naive::root(&leaves));
    assert_eq!(
        TileLeaf::decode(&log.read_entry(321).unwrap()),
        Ok((leaf(321), &[][..]))
    );
    assert_eq!(setup.fsck(&storage), Ok(600));
    assert!(storage.object("tile/data/002.p/88").is_some());

    let mut long = leaf(600);
    long.entry = LogEntry::Certificate(vec![7; crate::layout::MAX_STATIC_CT_ENTRY]);
    let long = long.encode().unwrap();
    let error = TileError::EntryTooLong { found: long.len() };
    assert_eq!(
        log.append_batch(vec![long]),
        Err(SequencerError::Entry { position: 0, error })
    );

    let mut trailing = leaf(600).encode().unwrap();
    trailing.push(0);
    let error = TileError::TrailingBytes { found: 1 };
    assert_eq!(
        log.append_batch(vec![trailing]),
        Err(SequencerError::Entry { position: 0, error })
    );
}

#[test]
fn a_log_has_settled_once_its_tiles_are_synced() {
    let (setup, storage) = (Setup::new(2), MemoryStorage::new());
    let mut log = setup.open(&storage).unwrap();
    for (count, settled) in [(250, 0), (5, 255), (1, 255), (3, 259), (1, 259)] {
        log.append_batch(batch(log.size(), count)).unwrap();
        assert_eq!(log.settled_size(), settled);
    }
    log = setup.open(&storage).unwrap();
    assert_eq!(log.settled_size(), 260);
}

#[test]
fn a_leaf_hash_is_read_alone_from_the_partial_or_the_full_tile() {
    let (setup, storage) = (Setup::new(1), MemoryStorage::new());
    let mut log = setup.open(&storage).unwrap();
    log.append_batch(batch(0, 255)).unwrap();
    let reader = log.reader().clone();
    let expected = leaf_hash(&entry(254));
    assert_eq!(reader.leaf_hash(254, 255), Ok(expected));
    log.append_batch(batch(255, 45)).unwrap();
    storage.sweep(log.settled_size());
    assert_eq!(storage.object("tile/0/000.p/255"), None);
    assert_eq!(reader.leaf_hash(254, 255), Ok(expected));
    assert_eq!(reader.leaf_hash(299, 300), Ok(leaf_hash(&entry(299))));
    let (index, size) = (300, 300);
    assert_eq!(
        reader.leaf_hash(index, size),
        Err(ReadError::Beyond { index, size })
    );
    let path = "tile/0/001.p/44".to_owned();
    for found in [43 * 32, 44 * 32 + 1] {
        storage.objects().put(&path, &vec![0; found]).unwrap();
        let error = TileError::Length {
            expected: 44 * 32,
            found,
        };
        let path = path.clone();
        let refused = Err(ReadError::Tile { path, error });
        assert_eq!(reader.leaf_hash(299, 300), refused);
    }
    let path = "tile/0/001.p/45".to_owned();
    assert_eq!(reader.leaf_hash(299, 301), Err(ReadError::Missing { path }));
}

/// Somebody checks a log that goes on: the partial tiles of what was published a moment ago are gone.
#[test]
fn fsck_takes_a_full_tile_for_the_partial_one_that_it_begins_with() {
    let (setup, storage) = (Setup::new(1), MemoryStorage::new());
    let mut log = setup.open(&storage).unwrap();
    log.append_batch(batch(0, 250)).unwrap();
    let checkpoint = Arc::clone(log.checkpoint());
    log.append_batch(batch(250, 10)).unwrap();
    storage.sweep(log.settled_size());
    assert_eq!(storage.object("tile/0/000.p/250"), None);
    let put = |path: &str, bytes: &[u8]| storage.objects().put(path, bytes).unwrap();
    put(CHECKPOINT_PATH, checkpoint.as_bytes());
    assert_eq!(setup.fsck(&storage), Ok(250));

    let path = "tile/0/000.p/250".to_owned();
    let mut full = storage.object("tile/0/000").unwrap();
    full[0] ^= 1;
    put("tile/0/000", &full);
    let differs = Err(FsckError::Differs { path });
    assert_eq!(setup.fsck(&storage), differs);
    put("tile/0/000", &full[1..]);
    assert_eq!(setup.fsck(&storage), differs);
}

#[test]
fn fsck_finds_every_changed_or_missing_object() {
    let (setup, storage) = (Setup::new(1), MemoryStorage::new());
    let mut log = setup.open(&storage).unwrap();
    log.append_batch(batch(0, 300)).unwrap();
    let paths = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    ];
    assert_eq!(setup.fsck(&storage), Ok(300));
    for path in paths {
        let good = storage.object(path).unwrap();
        for position in [0, good.len() / 2, good.len() - 2] {
            let mut bad = good.clone();
            bad[position] ^= 1;
            storage.objects().put(path, &bad).unwrap();
            assert!(
                setup.fsck(&storage).is_err(),
                "{path} changed at {position}"
            );
        }
        storage.objects().put(path, &good).unwrap();
    }
    assert_eq!(setup.fsck(&storage), Ok(300));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Batches of every size, with and without opening the log again in between: each answer proves its
    /// entry, and so does every later tree; each tree continues each one before it.
    #[test]
    fn batches_of_any_size_make_the_same_tree(
        sizes in prop::collection::vec(prop_oneof![1_u64..8, 200_u64..300, 500_u64..520], 1..7),
        clear_after in 1_u32..4,
        reopen in any::<u8>(),
    ) {
        let (setup, storage) = (Setup::new(clear_after), MemoryStorage::new());
        let mut log = setup.open(&storage).unwrap();
        let mut seen = Vec::new();
        for (number, count) in sizes.iter().enumerate() {
            let from = log.size();
            let answers = log.append_batch(batch(from, *count)).unwrap();
            prop_assert_eq!(answers.len(), usize::try_from(*count).unwrap());
            for (answer, index) in answers.iter().zip(from..) {
                prop_assert_eq!(answer.index, index);
                check_answer(&setup, answer, &entry(index));
            }
            if reopen >> number & 1 == 1 {
                log = setup.open(&storage).unwrap();
            }
            seen.push((log.size(), log.root()));
            storage.sweep(log.settled_size());
        }

        let leaves: Vec<_> = (0..log.size()).map(|index| leaf_hash(&entry(index))).collect();
        prop_assert_eq!(log.root(), Naive::root(&leaves));
        let (size, root) = (log.size(), log.root());
        for (old, old_root) in seen {
            let proof = log.reader().consistency(old, size).unwrap();
            prop_assert_eq!(verify_consistency(old, &old_root, size, &root, &proof), Ok(()));
        }
        for index in (0..size).step_by(19).chain([size - 1]) {
            let answer = log.prove(index).unwrap();
            check_answer(&setup, &answer, &entry(index));
            let naive = Naive::inclusion(&leaves, usize::try_from(index).unwrap());
            prop_assert_eq!(answer.proof, naive);
            prop_assert_eq!(log.read_entry(index).unwrap(), entry(index));
            prop_assert_eq!(log.leaf_hash(index), Ok(leaf_hash(&entry(index))));
        }
        prop_assert_eq!(setup.fsck(&storage), Ok(size));
    }
}
