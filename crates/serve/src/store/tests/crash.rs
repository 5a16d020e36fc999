//! The two processes of `tests/crash/run`: one that is made to fail at a system call, one that judges what is left.
//! Started by the test runner itself they have nothing to do.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use signhere_log::checkpoint::SignedCheckpoint;
use signhere_log::merkle::verify_inclusion;
use signhere_log::static_ct::{LogEntry, TileLeaf, leaf_index_extension};
use signhere_pki::time::Clock;
use signhere_testkit::clock::FakeClock;

use super::*;

const FOLDER: &str = "SIGNHERE_CRASH_FOLDER";
const LAYOUT: &str = "SIGNHERE_CRASH_LAYOUT";
const BATCHES: &str = "SIGNHERE_CRASH_BATCHES";

/// A log for one run.
struct Subject {
    folder: PathBuf,
    layout: Layout,
    key: PrivateKey,
}

impl Subject {
    #[expect(
        clippy::disallowed_methods,
        reason = "told by the script that starts this process"
    )]
    fn of_environment() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os(FOLDER)?);
        let layout = match std::env::var(LAYOUT).unwrap().as_str() {
            "ct" => Layout::StaticCt,
            _ => Layout::Entries,
        };
        let path = folder.join("key");
        let key = match fs::read(&path) {
            Ok(der) => PrivateKey::from_pkcs8_der(&der).unwrap(),
            Err(_) => {
                let kind = match layout {
                    Layout::Entries => KeyKind::Ed25519,
                    Layout::StaticCt => KeyKind::P256,
                };
                let key = PrivateKey::generate(kind).unwrap();
                fs::write(path, key.to_pkcs8_der().unwrap()).unwrap();
                key
            }
        };
        Some(Self {
            folder,
            layout,
            key,
        })
    }

    fn config(&self) -> SequencerConfig {
        let key = Box::new(self.key.clone());
        let clock: Arc<dyn Clock> = Arc::new(FakeClock::at(Time::from_unix(1_795_000_000)));
        let signer = match self.layout {
            Layout::Entries => NoteSigner::new(ORIGIN, key),
            Layout::StaticCt => NoteSigner::rfc6962(ORIGIN, key, clock),
        };
        SequencerConfig {
            layout: self.layout,
            clear_after_batches: 3,
            ..SequencerConfig::new(ORIGIN, signer.unwrap())
        }
    }

    fn verifier(&self) -> NoteVerifier {
        self.config().signer.verifier().clone()
    }

    fn place(&self) -> Place {
        Place {
            folder: self.folder.join("log"),
            high_water: self.folder.join("high-water/log"),
        }
    }

    /// What the log holds at `index`, whatever has happened to it.
    fn entry(&self, index: u64) -> Vec<u8> {
        let bytes = format!("entry {index}").into_bytes();
        if self.layout == Layout::Entries {
            return bytes;
        }
        let leaf = TileLeaf {
            timestamp_ms: 1,
            entry: LogEntry::Certificate(bytes),
            extensions: leaf_index_extension(index).unwrap(),
            chain: Vec::new(),
        };
        leaf.encode().unwrap()
    }

    fn entries(&self, log: &Sequencer, count: u64) -> Vec<Vec<u8>> {
        let indices = log.size()..log.size() + count;
        indices.map(|index| self.entry(index)).collect()
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "told by the script that starts this process"
)]
fn appends_until_it_fails() {
    let Some(subject) = Subject::of_environment() else {
        return;
    };
    let batches = std::env::var(BATCHES).unwrap();
    let mut out = std::io::stdout();
    let Ok(storage) = open(&subject.place()) else {
        return;
    };
    let Ok(mut log) = Sequencer::open(subject.config(), storage) else {
        return;
    };
    let mut sweeper = Sweeper::new(&subject.place().folder, subject.layout.kind());
    // Where the start ends and the appending begins, for whoever reads the trace.
    let _ = fs::metadata(subject.folder.join("opened"));
    for count in batches.split(',').map(|count| count.parse().unwrap()) {
        let Ok(answers) = log.append_batch(subject.entries(&log, count)) else {
            // The fault was a passing one: the log has to find its way back by itself.
            if log.is_stopped() && log.reopen().is_err() {
                return;
            }
            continue;
        };
        sweeper.sweep(log.settled_size());
        for answer in answers {
            let entry = subject.entry(answer.index);
            let leaf = subject.layout.leaf_hash(&entry).unwrap();
            let (index, size, root) = (answer.index, answer.tree_size, answer.root);
            verify_inclusion(index, size, &leaf, &answer.proof, &root).unwrap();
        }
        let (size, root) = (log.size(), hex::encode(log.root()));
        writeln!(out, "answered {size} {root}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn judges_what_is_left() {
    let Some(subject) = Subject::of_environment() else {
        return;
    };
    let log_folder = subject.folder.join("log");
    let mut seen: Vec<(u64, Hash)> = Vec::new();
    let answered = fs::read_to_string(subject.folder.join("answered")).unwrap();
    for line in answered.lines() {
        let (size, root) = line.split_once(' ').unwrap();
        let root = hex::decode(root).unwrap().try_into().unwrap();
        seen.push((size.parse().unwrap(), root));
    }
    if let Some(published) = objects(&log_folder).get("checkpoint").unwrap() {
        let signed = SignedCheckpoint::parse(&published).unwrap();
        let checkpoint = signed.verify(ORIGIN, &subject.verifier()).unwrap();
        seen.push((checkpoint.size, checkpoint.root));
    }

    let storage = open(&subject.place()).unwrap();
    let mut log = Sequencer::open(subject.config(), storage).unwrap();
    for more in [0, 2] {
        log.append_batch(subject.entries(&log, more)).unwrap();
        let (size, root) = (log.size(), log.root());
        for (old, old_root) in &seen {
            let proof = log.reader().consistency(*old, size).unwrap();
            verify_consistency(*old, old_root, size, &root, &proof).unwrap();
        }
        for tile in 0..size.div_ceil(256) {
            let entries = log.reader().entries(tile, size).unwrap();
            for (index, entry) in (tile * 256..).zip(entries) {
                assert_eq!(entry, subject.entry(index));
            }
        }
        let objects = objects(&log_folder);
        let report = fsck(&objects, subject.layout, ORIGIN, &subject.verifier()).unwrap();
        assert_eq!(
            (report.checkpoint.size, report.checkpoint.root),
            (size, root)
        );
    }
}
