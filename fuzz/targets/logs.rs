//! Notes, checkpoints, tiles, write-ahead records: what logs and witnesses read.

use std::sync::{Arc, OnceLock};

use signhere_log::checkpoint::{Checkpoint, SignedCheckpoint};
use signhere_log::layout::Layout;
use signhere_log::memory::MemoryStorage;
use signhere_log::merkle::{Hash, verify_consistency, verify_inclusion};
use signhere_log::note::{Note, NoteSigner, NoteVerifier};
use signhere_log::policy::Policy;
use signhere_log::sequencer::{Sequencer, SequencerConfig, Storage};
use signhere_log::static_ct::{TileLeaf, leaf_index};
use signhere_log::storage::Journal as _;
use signhere_log::tile::{TileId, split_entries, unpack_hashes};
use signhere_log::witness::AddCheckpoint;
use signhere_pki::digest::sha256;
use signhere_pki::key::PrivateKey;

const ORIGIN: &str = "log.example/fuzz";

pub(crate) const NOTE_TOKENS: &[&str] = &[
    "\n\n",
    "\u{2014} ",
    "\u{2014} log.example/fuzz ",
    "log.example/fuzz\n",
    "0\n",
    "18446744073709551615\n",
    "18446744073709551616\n",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    "old 0\n",
    "witness w ",
    "group g any w\n",
    "quorum none\n",
    "log ",
];

pub(crate) const TILE_TOKENS: &[&str] = &[
    "tile/0/000",
    "tile/entries/x001/000.p/1",
    "tile/data/",
    "\0\0",
    "\0\x01",
    "\0\0\0\x01",
    "signhere batch 1\n",
];

/// A note is its text and its lines, each written as it was read.
pub(crate) fn note(input: &[u8]) {
    if let Ok(text) = str::from_utf8(input)
        && let Ok(key) = NoteVerifier::parse_vkey(text)
    {
        assert_eq!(key.to_vkey(), text);
    }
    let Ok(note) = Note::parse(input) else {
        return;
    };
    let lines = note.signatures().iter().map(|line| line.to_line());
    let written = format!("{}\n{}", note.text(), lines.collect::<String>());
    assert_eq!(written.as_bytes(), input);
    assert!(signer().verifier().verify(&note).is_err() || note.text().contains(ORIGIN));
}

/// A checkpoint is written as it was read.
pub(crate) fn checkpoint(input: &[u8]) {
    if let Ok(text) = str::from_utf8(input)
        && let Ok(checkpoint) = Checkpoint::parse_text(text)
    {
        assert_eq!(checkpoint.to_text(), text);
    }
    if let Ok(signed) = SignedCheckpoint::parse(input) {
        let _ = signed.verify(ORIGIN, signer().verifier());
        let _ = signed.verify_rekor_v1(signer().verifier());
    }
}

/// A request to a witness is written as it was read.
pub(crate) fn witness(input: &[u8]) {
    if let Ok(request) = AddCheckpoint::parse(input) {
        let note = &request.signed.note;
        let lines = note.signatures().iter().map(|line| line.to_line());
        let text = format!("{}\n{}", note.text(), lines.collect::<String>());
        let written = AddCheckpoint::body(request.old_size, &request.proof, &text);
        assert_eq!(written, input);
    }
}

/// A policy is asked with nobody and with everybody.
pub(crate) fn policy(input: &[u8]) {
    if let Ok(policy) = Policy::parse(input) {
        let count = policy.witnesses().len();
        let (nobody, everybody) = (vec![false; count], vec![true; count]);
        // More cosignatures never spoil a quorum.
        assert!(!policy.is_quorum(&nobody) || policy.is_quorum(&everybody));
    }
}

/// Paths of tiles, and tiles of every form; the first byte is the width.
pub(crate) fn tile(input: &[u8]) {
    if let Ok(path) = str::from_utf8(input)
        && let Ok(id) = path.parse::<TileId>()
    {
        assert_eq!(id.to_string(), path);
    }
    let Some((width, bytes)) = input.split_first() else {
        return;
    };
    let width = u16::from(*width) + 1;
    if let Ok(hashes) = unpack_hashes(bytes, width) {
        assert_eq!(hashes.len(), usize::from(width));
    }
    if let Ok(entries) = split_entries(bytes, width) {
        let length: usize = entries.iter().map(|entry| entry.len() + 2).sum();
        assert_eq!(length, bytes.len());
    }
    for layout in [Layout::Entries, Layout::StaticCt] {
        for entry in layout.split(bytes, width).unwrap_or_default() {
            let _ = layout.leaf_hash(entry);
        }
    }
}

/// A leaf of a certificate log is written as it was read.
pub(crate) fn ct_leaf(input: &[u8]) {
    let _ = leaf_index(input);
    if let Ok((leaf, rest)) = TileLeaf::decode(input) {
        let _ = leaf.hash();
        if let Ok(written) = leaf.encode() {
            assert_eq!([written.as_slice(), rest].concat(), input);
        }
    }
}

/// A log that comes back to a write-ahead record of this content, its checksum right: it opens or refuses, and if it
/// opens it goes on.
pub(crate) fn record(input: &[u8]) {
    let memory = MemoryStorage::new();
    let storage = || Storage {
        objects: Arc::new(memory.objects()),
        journal: Box::new(memory.journal()),
        lock: Box::new(memory.lock()),
        high_water: None,
    };
    let config = || SequencerConfig::new(ORIGIN, signer());
    let mut log = Sequencer::open(config(), storage()).unwrap_or_else(|error| panic!("{error}"));
    let _ = log.append_batch(vec![b"first".to_vec(), b"second".to_vec()]);
    drop(log);
    let record = [input, &sha256(input)].concat();
    let _ = memory.journal().append(&record);
    if let Ok(mut log) = Sequencer::open(config(), storage()) {
        assert_eq!(log.size(), 2, "nothing that was not locked is in the log");
        assert!(log.append_batch(vec![b"third".to_vec()]).is_ok());
    }
}

/// Two sizes, an index, and hashes: a proof is accepted or refused, and only for a place in the tree.
pub(crate) fn proof(input: &[u8]) {
    let Some((numbers, hashes)) = input.split_first_chunk::<16>() else {
        return;
    };
    let (first, second) = numbers.split_at(8);
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let (first, second) = (number(first), number(second));
    let (hashes, _) = hashes.as_chunks::<32>();
    let hashes: Vec<Hash> = hashes.to_vec();
    let root = hashes.first().copied().unwrap_or_default();
    let leaf = hashes.last().copied().unwrap_or_default();
    if verify_inclusion(first, second, &leaf, &hashes, &root).is_ok() {
        assert!(first < second && hashes.len() <= 64);
    }
    let _ = verify_consistency(first, &leaf, second, &root, &hashes);
}

fn signer() -> NoteSigner {
    static ONCE: OnceLock<PrivateKey> = OnceLock::new();
    let key = ONCE.get_or_init(|| {
        let seed = [
            &[
                0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
            ][..],
            &[7; 32],
        ];
        PrivateKey::from_pkcs8_der(&seed.concat()).unwrap_or_else(|error| panic!("{error}"))
    });
    NoteSigner::new(ORIGIN, Box::new(key.clone())).unwrap_or_else(|error| panic!("{error}"))
}
