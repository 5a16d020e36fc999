use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

use signhere_testkit::clock::FakeClock;

/// Reports each batch when it is begun, and commits it when told to.
struct Gated {
    begun: Sender<Vec<u32>>,
    outcome: Receiver<Result<(), CommitError>>,
    tended: Sender<&'static str>,
    reopened: Receiver<Result<(), CommitError>>,
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

    fn tend(&mut self) -> Result<(), CommitError> {
        // Those who do not care do not listen.
        let _ = self.tended.send("tended");
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), CommitError> {
        // Before anybody hears of it: what is said after that is for the next time.
        let outcome = self.reopened.try_recv();
        let _ = self.tended.send("reopened");
        outcome.unwrap_or_else(|_| Err(disk_full()))
    }
}

struct Bench {
    pool: Pool<Gated>,
    begun: Receiver<Vec<u32>>,
    outcome: Sender<Result<(), CommitError>>,
    tended: Receiver<&'static str>,
    reopened: Sender<Result<(), CommitError>>,
    clock: Arc<FakeClock>,
}

fn bench(queue: usize, batch: usize) -> Bench {
    stopped(None, queue, batch)
}

fn stopped(failure: Option<CommitError>, queue: usize, batch: usize) -> Bench {
    let (report, begun) = channel();
    let (outcome, told) = channel();
    let (report_tended, tended) = channel();
    let (reopened, told_reopened) = channel();
    let clock = Arc::new(FakeClock::at(Time::from_unix(1_000)));
    let of_pool: Arc<dyn Clock> = Arc::<FakeClock>::clone(&clock);
    let pool = Pool::start(
        "test",
        Gated {
            begun: report,
            outcome: told,
            tended: report_tended,
            reopened: told_reopened,
        },
        failure,
        queue,
        batch,
        of_pool,
    )
    .unwrap();
    Bench {
        pool,
        begun,
        outcome,
        tended,
        reopened,
        clock,
    }
}

fn disk_full() -> CommitError {
    CommitError::Stopped("disk full".to_owned())
}

#[test]
fn what_waits_is_committed_together() {
    let Bench {
        pool,
        begun,
        outcome,
        ..
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
        ..
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
        ..
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
fn a_refusal_fails_its_batch_only() {
    let bench = bench(8, 8);
    let refused = CommitError::Refused("too long".to_owned());
    let unwitnessed = CommitError::Unwitnessed("no quorum".to_owned());
    bench.outcome.send(Err(refused)).unwrap();
    bench.outcome.send(Err(unwitnessed)).unwrap();
    bench.outcome.send(Ok(())).unwrap();
    let pool = &bench.pool;
    let receipt = |entry| pool.submit(entry).unwrap().blocking_receipt();
    assert_eq!(receipt(1), Err(PoolError::Failed));
    assert_eq!(receipt(2), Err(PoolError::Unwitnessed));
    assert_eq!(receipt(3), Ok(30));
    assert_eq!(pool.failure(), None);
}

#[test]
fn a_log_is_tended_without_entries() {
    let bench = bench(8, 8);
    // Right after the start; then when it is time.
    assert_eq!(bench.tended.recv().unwrap(), "tended");
    bench.pool.tend();
    assert_eq!(bench.tended.recv().unwrap(), "tended");
    // And by itself.
    assert_eq!(bench.tended.recv().unwrap(), "tended");
}

#[test]
fn a_stopped_log_is_opened_again_ever_more_rarely() {
    let bench = bench(8, 8);
    let pool = &bench.pool;
    let receipt = |entry| pool.submit(entry).unwrap().blocking_receipt();
    bench.outcome.send(Err(disk_full())).unwrap();
    assert_eq!(receipt(1), Err(PoolError::Failed));
    assert_eq!(pool.failure(), Some(disk_full()));

    // Until then nothing is taken: `outcome` has nothing to say.
    for seconds in [1, 2, 4, 8, 16, 32, 64, 64] {
        bench.clock.advance(seconds - 1);
        pool.tend();
        assert_eq!(receipt(2), Err(PoolError::Failed));
        assert!(bench.tended.try_iter().all(|did| did == "tended"));
        bench.clock.advance(1);
        pool.tend();
        assert!(bench.tended.iter().any(|did| did == "reopened"));
    }
    bench.reopened.send(Ok(())).unwrap();
    bench.outcome.send(Ok(())).unwrap();
    bench.clock.advance(64);
    pool.tend();
    assert!(bench.tended.iter().any(|did| did == "reopened"));
    assert_eq!(receipt(3), Ok(30));
    assert_eq!(pool.failure(), None);
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
    let reason = "the sequencing thread panicked".to_owned();
    assert_eq!(pool.failure(), Some(CommitError::Ended(reason)));
}

#[test]
fn a_log_that_begins_stopped_refuses_until_it_is_open() {
    let Bench {
        pool,
        begun,
        outcome,
        reopened,
        clock,
        tended,
    } = stopped(Some(disk_full()), 8, 8);
    let refused = pool.submit(1).unwrap().blocking_receipt();
    assert_eq!(refused, Err(PoolError::Failed));
    assert_eq!(pool.failure(), Some(disk_full()));
    assert!(begun.try_recv().is_err());

    clock.advance(1);
    reopened.send(Ok(())).unwrap();
    pool.tend();
    assert!(tended.iter().any(|did| did == "reopened"));
    outcome.send(Ok(())).unwrap();
    assert_eq!(pool.submit(3).unwrap().blocking_receipt(), Ok(30));
    assert_eq!(pool.failure(), None);
}
