use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Reports each batch when it is begun, and commits it when told to.
struct Gated {
    begun: Sender<Vec<u32>>,
    outcome: Receiver<Result<(), CommitError>>,
}

impl Sequence for Gated {
    type Entry = u32;
    type Receipt = u32;

    fn commit(&mut self, batch: Vec<u32>) -> Result<Vec<u32>, CommitError> {
        self.begun.send(batch.clone()).unwrap();
        self.outcome
            .recv()
            .unwrap()
            .map(|()| batch.into_iter().map(|entry| entry * 10).collect())
    }
}

struct Bench {
    pool: Pool<Gated>,
    begun: Receiver<Vec<u32>>,
    outcome: Sender<Result<(), CommitError>>,
}

fn bench(queue: usize, batch: usize) -> Bench {
    let (report, begun) = channel();
    let (outcome, told) = channel();
    let pool = Pool::start(
        "test",
        Gated {
            begun: report,
            outcome: told,
        },
        queue,
        batch,
    )
    .unwrap();
    Bench {
        pool,
        begun,
        outcome,
    }
}

fn disk_full(may_go_on: bool) -> CommitError {
    CommitError {
        reason: "disk full".to_owned(),
        may_go_on,
    }
}

#[test]
fn what_waits_is_committed_together() {
    let Bench {
        pool,
        begun,
        outcome,
    } = bench(8, 3);
    let first = pool.submit(1).unwrap();
    assert_eq!(begun.recv().unwrap(), [1]);
    let others: Vec<_> = (2..=5).map(|entry| pool.submit(entry).unwrap()).collect();
    outcome.send(Ok(())).unwrap();
    assert_eq!(first.blocking_receipt(), Ok(10));
    assert_eq!(begun.recv().unwrap(), [2, 3, 4]);
    outcome.send(Ok(())).unwrap();
    assert_eq!(begun.recv().unwrap(), [5]);
    outcome.send(Ok(())).unwrap();
    let receipts: Vec<_> = others.into_iter().map(Pending::blocking_receipt).collect();
    assert_eq!(receipts, [Ok(20), Ok(30), Ok(40), Ok(50)]);
}

#[test]
fn a_full_queue_refuses() {
    let Bench {
        pool,
        begun,
        outcome,
    } = bench(1, 8);
    let first = pool.submit(1).unwrap();
    begun.recv().unwrap();
    let second = pool.submit(2).unwrap();
    assert_eq!(pool.submit(3).err(), Some(PoolError::Full));
    outcome.send(Ok(())).unwrap();
    outcome.send(Ok(())).unwrap();
    assert_eq!(
        (first.blocking_receipt(), second.blocking_receipt()),
        (Ok(10), Ok(20))
    );
}

#[test]
fn closing_commits_what_waits() {
    let Bench {
        pool,
        begun,
        outcome,
    } = bench(8, 8);
    let first = pool.submit(1).unwrap();
    begun.recv().unwrap();
    let second = pool.submit(2).unwrap();
    outcome.send(Ok(())).unwrap();
    outcome.send(Ok(())).unwrap();
    pool.close();
    assert_eq!(
        (first.blocking_receipt(), second.blocking_receipt()),
        (Ok(10), Ok(20))
    );
    assert_eq!(pool.submit(3).err(), Some(PoolError::Closed));
}

#[test]
fn a_passing_failure_fails_its_batch_only() {
    let Bench {
        pool,
        begun: _begun,
        outcome,
    } = bench(8, 8);
    outcome.send(Err(disk_full(true))).unwrap();
    outcome.send(Ok(())).unwrap();
    assert_eq!(
        pool.submit(1).unwrap().blocking_receipt(),
        Err(PoolError::Failed)
    );
    assert_eq!(pool.submit(2).unwrap().blocking_receipt(), Ok(20));
    assert_eq!(pool.failure(), None);
}

#[test]
fn a_lasting_failure_stops_the_log() {
    let Bench {
        pool,
        begun: _begun,
        outcome,
    } = bench(8, 8);
    outcome.send(Err(disk_full(false))).unwrap();
    assert_eq!(
        pool.submit(1).unwrap().blocking_receipt(),
        Err(PoolError::Failed)
    );
    pool.close();
    assert_eq!(pool.failure(), Some(disk_full(false)));
    assert_eq!(pool.submit(2).err(), Some(PoolError::Closed));
}

#[test]
fn a_panic_stops_the_log() {
    let Bench { pool, begun, .. } = bench(8, 8);
    drop(begun); // the report of the batch panics
    assert_eq!(
        pool.submit(1).unwrap().blocking_receipt(),
        Err(PoolError::Failed)
    );
    pool.close();
    assert_eq!(
        pool.failure().unwrap().reason,
        "the sequencing thread panicked"
    );
}
