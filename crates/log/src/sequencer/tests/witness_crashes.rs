//! A fault at every operation of a log whose witness remembers: it never sees two trees, and what it has not
//! cosigned nobody else sees either.

use std::sync::Mutex;

use signhere_pki::time::Time;

use super::*;
use crate::cosignature::{Cosign, CosignError, Cosigner};
use crate::memory::{Fault, Loss};
use crate::witness::{AddCheckpoint, TreeHead};

const NOW: Time = Time::from_unix(1_800_000_000);

/// A witness as others run it. It fails every third time it is asked, having cosigned or not.
struct Witness {
    cosigner: Cosigner,
    log: NoteVerifier,
    seen: Option<TreeHead>,
    asked: u32,
    reliable: bool,
}

#[derive(Clone)]
struct Asked(Arc<Mutex<Witness>>);

impl Asked {
    fn new(setup: &Setup) -> Self {
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        Self(Arc::new(Mutex::new(Witness {
            cosigner: Cosigner::new("witness.example", Box::new(key)).unwrap(),
            log: setup.verifier.clone(),
            seen: None,
            asked: 0,
            reliable: false,
        })))
    }

    fn open(&self, setup: &Setup, storage: &MemoryStorage) -> Result<Sequencer, SequencerError> {
        let config = SequencerConfig {
            cosigner: Some(Box::new(self.clone())),
            ..setup.config()
        };
        Sequencer::open(config, parts(storage))
    }

    /// Whether the note, or what is published, has the cosignature.
    fn has_cosigned(&self, note: &[u8]) -> bool {
        let signed = SignedCheckpoint::parse(note).unwrap();
        let witness = self.0.lock().unwrap();
        witness.cosigner.verifier().verify(&signed.note).is_ok()
    }
}

impl Cosign for Asked {
    fn suffices(&self, note: &str) -> bool {
        self.has_cosigned(note.as_bytes())
    }

    fn cosign(
        &mut self,
        note: &str,
        _: u64,
        consistency: &dyn Fn(u64) -> Result<Vec<Hash>, ReadError>,
    ) -> Result<Vec<String>, CosignError> {
        let mut witness = self.0.lock().unwrap();
        witness.asked += 1;
        let lost = Err(CosignError::NoQuorum {
            cosigned: Vec::new(),
            asked: 1,
        });
        if !witness.reliable && witness.asked % 6 == 3 {
            return lost;
        }
        let old = witness.seen.map_or(0, |seen| seen.size);
        let body = AddCheckpoint::body(old, &consistency(old)?, note);
        let request = AddCheckpoint::parse(&body).unwrap();
        // A log that only grows is never refused: neither a smaller tree nor another one of the same size.
        let checkpoint = request
            .admit(ORIGIN, witness.seen.as_ref(), &witness.log)
            .unwrap();
        witness.seen = Some(TreeHead {
            size: checkpoint.size,
            root: checkpoint.root,
        });
        if !witness.reliable && witness.asked.is_multiple_of(6) {
            return lost; // the answer, on its way back
        }
        let line = witness.cosigner.cosign(&checkpoint.to_text(), NOW).unwrap();
        Ok(vec![line])
    }
}

/// Appends the batches, asking again as the log's thread does, up to the first failure of storage.
fn run(witness: &Asked, setup: &Setup, storage: &MemoryStorage, batches: &[u64]) -> Vec<Appended> {
    let mut answers = Vec::new();
    let Ok(mut log) = witness.open(setup, storage) else {
        return answers;
    };
    for count in batches {
        let from = log.size();
        let appended = loop {
            match log.append_batch(batch(from, *count)) {
                Err(error) if is_no_quorum(&error) && log.size() == from => {}
                Err(error) if is_no_quorum(&error) => break Ok(None),
                other => break other.map(Some),
            }
        };
        match appended {
            Ok(Some(appended)) => answers.extend(appended),
            // Logged, and answered to those who ask again.
            Ok(None) => {
                while let Err(error) = log.publish() {
                    if !is_no_quorum(&error) {
                        return answers;
                    }
                }
                let proofs: Result<Vec<_>, _> =
                    (from..log.size()).map(|index| log.prove(index)).collect();
                let Ok(proofs) = proofs else { return answers };
                answers.extend(proofs);
            }
            Err(_) => return answers,
        }
    }
    answers
}

/// As opposed to a proof that the crashed storage does not give.
fn is_no_quorum(error: &SequencerError) -> bool {
    matches!(
        error,
        SequencerError::Unwitnessed(CosignError::NoQuorum { .. })
    )
}

#[test]
fn no_fault_makes_a_log_contradict_what_its_witness_has_cosigned() {
    let batches = [3, 2, 1, 2];
    let setup = Setup::new(2);
    let whole = MemoryStorage::new();
    let answers = run(&Asked::new(&setup), &setup, &whole, &batches);
    assert_eq!(answers.len(), 8);
    let losses = [Loss::None, Loss::Unsynced, Loss::Torn];
    for operation in 0..whole.operations() {
        for (loss, applied) in losses.into_iter().flat_map(|l| [(l, false), (l, true)]) {
            let context = format!("operation {operation}, applied {applied}, {loss:?}");
            let (storage, witness) = (MemoryStorage::new(), Asked::new(&setup));
            storage.fail(Fault {
                operation,
                applied,
                crash: true,
            });
            let answers = run(&witness, &setup, &storage, &batches);
            for answer in &answers {
                assert!(
                    witness.has_cosigned(answer.checkpoint.as_bytes()),
                    "{context}"
                );
            }
            // What readers saw was cosigned, before the crash and after it.
            let published = storage.object(CHECKPOINT_PATH);
            assert!(published.is_none_or(|note| witness.has_cosigned(&note)));
            storage.restart(loss);

            witness.0.lock().unwrap().reliable = true;
            let mut log = witness.open(&setup, &storage).expect(&context);
            let seen = witness.0.lock().unwrap().seen;
            assert!(seen.is_none_or(|seen| seen.size <= log.size()), "{context}");
            assert!(log.size() >= answers.last().map_or(0, |last| last.tree_size));
            log.publish().expect(&context);
            let published = storage.object(CHECKPOINT_PATH).unwrap();
            assert!(witness.has_cosigned(&published), "{context}");
            for answer in &answers {
                let again = log.prove(answer.index).expect(&context);
                check_answer(&setup, &again, &entry(answer.index));
            }
            let size = log.size();
            let more = log.append_batch(batch(size, 1)).expect(&context);
            assert!(witness.has_cosigned(more[0].checkpoint.as_bytes()));
            assert_eq!(setup.fsck(&storage), Ok(size + 1), "{context}");
        }
    }
}
