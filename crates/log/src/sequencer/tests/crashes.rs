//! A fault at every operation of storage: whatever was answered, or published, is there afterwards.

use super::*;
use crate::memory::{Fault, Loss};

/// What the world has seen of a log.
#[derive(Default)]
struct Seen {
    answers: Vec<Appended>,
    published: Option<Vec<u8>>,
}

/// Opens the log and appends the batches, up to the first error; sweeps after each.
fn run(setup: &Setup, storage: &MemoryStorage, batches: &[u64]) -> Seen {
    let mut seen = Seen::default();
    if let Ok(mut log) = setup.open(storage) {
        for count in batches {
            let Ok(answers) = log.append_batch(batch(log.size(), *count)) else {
                assert_eq!(log.append_batch(batch(0, 1)), Err(SequencerError::Stopped));
                break;
            };
            seen.answers.extend(answers);
            storage.sweep(log.settled_size());
        }
    }
    seen.published = storage.object(CHECKPOINT_PATH);
    seen
}

/// Opens the log again and checks it against what was seen of it.
fn check(setup: &Setup, storage: &MemoryStorage, seen: &Seen, context: &str) {
    let mut log = setup
        .open(storage)
        .unwrap_or_else(|error| panic!("{context}: {error}"));
    let (size, root) = (log.size(), log.root());
    let published = seen
        .published
        .as_ref()
        .map(|bytes| SignedCheckpoint::parse(bytes).unwrap());
    let published = published.map(|signed| (signed.checkpoint.size, signed.checkpoint.root));
    let answered = seen
        .answers
        .last()
        .map(|answer| (answer.tree_size, answer.root));
    for (old_size, old_root) in published.into_iter().chain(answered) {
        let proof = log.reader().consistency(old_size, size).expect(context);
        verify_consistency(old_size, &old_root, size, &root, &proof).expect(context);
    }
    for batch in seen
        .answers
        .chunk_by(|a, b| Arc::ptr_eq(&a.checkpoint, &b.checkpoint))
    {
        check_checkpoint(setup, &batch[0]);
        for answer in batch {
            assert_eq!(
                (answer.tree_size, answer.root),
                (batch[0].tree_size, batch[0].root)
            );
            check_proof(setup, answer, &entry(answer.index));
        }
    }
    for tile in 0..size.div_ceil(256) {
        let stored = log.reader().entries(tile, size).expect(context);
        for (index, stored) in (tile * 256..).zip(stored) {
            assert_eq!(stored, entry(index), "{context}");
        }
    }
    assert_eq!(setup.fsck(storage), Ok(size), "{context}");

    // And it goes on from there, also across the next opening.
    let answers = log.append_batch(batch(size, 2)).expect(context);
    check_answer(setup, &answers[1], &entry(size + 1));
    drop(log);
    assert_eq!(setup.open(storage).expect(context).size(), size + 2);
    assert_eq!(setup.fsck(storage), Ok(size + 2), "{context}");
}

const LOSSES: [Loss; 4] = [Loss::None, Loss::Unsynced, Loss::Torn, Loss::Some];

/// Every fault at operation `operation`, with what a crash may do to the disk.
fn faults(operation: u64) -> impl Iterator<Item = (Fault, Loss)> {
    [false, true].into_iter().flat_map(move |applied| {
        let fault = move |crash| Fault {
            operation,
            applied,
            crash,
        };
        let crashes = LOSSES.into_iter().map(move |loss| (fault(true), loss));
        crashes.chain([(fault(false), Loss::None)])
    })
}

#[test]
fn a_fault_at_any_operation_loses_nothing_that_was_answered() {
    // Below, at, and beyond a full tile, with the journal cleared in between.
    let batches = [250, 5, 1, 1, 3];
    let setup = Setup::new(2);
    let whole = MemoryStorage::new();
    run(&setup, &whole, &batches);
    let operations = whole.operations();
    assert!(operations > 30, "only {operations} operations");
    for operation in 0..operations {
        for (fault, loss) in faults(operation) {
            let storage = MemoryStorage::new();
            storage.fail(fault);
            let seen = run(&setup, &storage, &batches);
            storage.restart(loss);
            check(&setup, &storage, &seen, &format!("{fault:?}, {loss:?}"));
        }
    }
}

#[test]
fn a_second_fault_while_opening_loses_nothing_either() {
    let batches = [3, 1, 252, 2];
    let setup = Setup::new(3);
    let whole = MemoryStorage::new();
    run(&setup, &whole, &batches);
    for operation in (0..whole.operations()).step_by(3) {
        let first = Fault {
            operation,
            applied: operation % 2 == 0,
            crash: true,
        };
        for second in 0.. {
            let storage = MemoryStorage::new();
            storage.fail(first);
            let seen = run(&setup, &storage, &batches);
            storage.restart(Loss::Torn);
            let operation = storage.operations() + second;
            let fault = Fault {
                operation,
                applied: second % 2 == 1,
                crash: true,
            };
            storage.fail(fault);
            if setup.open(&storage).is_ok() {
                break; // the opening needs no more operations than that
            }
            storage.restart(Loss::Some);
            check(
                &setup,
                &storage,
                &seen,
                &format!("{first:?}, then {fault:?}"),
            );
        }
    }
}
