//! A log for the tests of both sides.

use signhere_log::checkpoint::Checkpoint;
use signhere_log::merkle::{EMPTY_ROOT, Hash, leaf_hash};
use signhere_log::note::{NoteSigner, NoteVerifier};
use signhere_log::proof;
use signhere_log::tree::Tree;
use signhere_log::witness::AddCheckpoint;
use signhere_pki::key::{KeyKind, PrivateKey};
use signhere_pki::time::Time;

use super::logs::WitnessedLog;

pub(super) const ORIGIN: &str = "log.example/1";
pub(super) const NOW: Time = Time::from_unix(1_800_000_000);

/// A log that keeps everything in memory, and may tell several histories.
pub(super) struct Log(NoteSigner);

impl Log {
    pub(super) fn new() -> Self {
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        Self(NoteSigner::new(ORIGIN, Box::new(key)).unwrap())
    }

    pub(super) fn verifier(&self) -> &NoteVerifier {
        self.0.verifier()
    }

    pub(super) fn witnessed(&self) -> WitnessedLog {
        WitnessedLog {
            origin: ORIGIN.to_owned(),
            verifier: self.verifier().clone(),
        }
    }

    /// The checkpoint of any tree, signed.
    pub(super) fn note(&self, size: u64, root: Hash) -> String {
        let checkpoint = Checkpoint {
            origin: ORIGIN.to_owned(),
            size,
            root,
            extensions: Vec::new(),
        };
        checkpoint.sign(&self.0).unwrap()
    }

    /// The checkpoint of this history.
    pub(super) fn checkpoint(&self, history: &str, size: u64) -> String {
        let root = match size {
            0 => EMPTY_ROOT,
            _ => tree(history, size).root().unwrap(),
        };
        self.note(size, root)
    }

    /// The request of this history to go from `old` to `new`.
    pub(super) fn request(&self, history: &str, old: u64, new: u64) -> Vec<u8> {
        let note = self.checkpoint(history, new);
        AddCheckpoint::body(old, &consistency(history, old, new), &note)
    }
}

pub(super) fn consistency(history: &str, old: u64, new: u64) -> Vec<Hash> {
    proof::consistency(&tree(history, new), old, new).unwrap()
}

fn tree(history: &str, size: u64) -> Tree {
    let mut tree = Tree::default();
    for n in 0..size {
        assert!(tree.push(leaf_hash(format!("{history}{n}").as_bytes())));
    }
    tree
}

/// A new Ed25519 key.
pub(super) fn key() -> Vec<u8> {
    let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    key.to_pkcs8_der().unwrap().to_vec()
}
