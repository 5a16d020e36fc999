//! Group commit: requests from many threads, sequenced by one.
//!
//! One thread owns a log. It takes everything that waited while the batch before was being made durable as the
//! next batch, so a lone entry waits for nothing and a crowd shares the cost. The queue is bounded.
//!
//! About once a second, and at once after the start, the thread tends the log: it publishes what waits for
//! witnesses, tidies, and opens a log again whose storage failed, ever more rarely while that does not help.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use signhere_log::sequencer::SequencerError;
use signhere_pki::time::{Clock, Time};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::error::ServeError;

/// How long an idle thread waits before it looks after its log.
const TICK: Duration = Duration::from_secs(1);
/// The longest pause between two attempts to open a log again, in seconds.
const LONGEST_PAUSE: i64 = 64;

/// A log as its sequencing thread drives it.
pub(crate) trait Sequence: Send + 'static {
    /// What is submitted.
    type Entry: Send;
    /// What is answered once the entry is durable and under a signed, published checkpoint.
    type Receipt: Send;

    /// Commits a batch and answers each entry, in order.
    ///
    /// After an error nothing of the batch may be taken as logged; what follows is said by the error.
    fn commit(&mut self, batch: Vec<Self::Entry>) -> Result<Vec<Self::Receipt>, CommitError>;

    /// Does a bounded part of what can be done without entries.
    fn tend(&mut self) -> Result<(), CommitError>;

    /// Opens the log again after [`CommitError::Stopped`].
    fn reopen(&mut self) -> Result<(), CommitError>;
}

/// Why a batch could not be committed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum CommitError {
    /// Nothing is changed; the next batch may be tried.
    #[error("{0}")]
    Refused(String),
    /// The witnesses have not cosigned: entries may be durable, but nothing proves them yet.
    #[error("{0}")]
    Unwitnessed(String),
    /// The storage failed: only opening the log again tells what became of the batch.
    #[error("{0}")]
    Stopped(String),
    /// The thread is gone, by a defect: only a restart helps.
    #[error("{0}")]
    Ended(String),
}

/// Whether the sequencer can go on is what it says of each error: only these leave the log untouched.
impl From<SequencerError> for CommitError {
    fn from(error: SequencerError) -> Self {
        let reason = error.to_string();
        match error {
            SequencerError::Unwitnessed(_) => Self::Unwitnessed(reason),
            SequencerError::Entry { .. }
            | SequencerError::Full { .. }
            | SequencerError::Batch(_)
            | SequencerError::Signing(_)
            | SequencerError::Read(_) => Self::Refused(reason),
            _ => Self::Stopped(reason),
        }
    }
}

/// Why an entry has no receipt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PoolError {
    /// Too many entries wait; try again.
    #[error("too many entries wait to be logged")]
    Full,
    /// The witnesses have not cosigned; the entry may be in the log, but is not proven yet.
    #[error("the witnesses have not cosigned yet: ask again")]
    Unwitnessed,
    /// The instance is shutting down.
    #[error("the log is closed")]
    Closed,
    /// The batch failed. The entry may still be in the log; asking again tells.
    #[error("the log could not be written")]
    Failed,
}

/// The way to a log's sequencing thread.
pub(crate) struct Pool<S: Sequence> {
    sender: Mutex<Option<SyncSender<Message<S>>>>,
    worker: Mutex<Option<JoinHandle<()>>>,
    failure: Arc<Mutex<Option<CommitError>>>,
    waiting: Arc<AtomicUsize>,
}

enum Message<S: Sequence> {
    Job(Job<S>),
    /// What a [`TICK`] without entries means.
    #[cfg(test)]
    Tend,
}

struct Job<S: Sequence> {
    entry: S::Entry,
    answer: oneshot::Sender<Result<S::Receipt, PoolError>>,
}

impl<S: Sequence> Pool<S> {
    /// Starts the thread named `name`. At most `queue` entries wait, at most `batch` are committed at once. With a
    /// `failure` the log has stopped already, and is opened by and by.
    pub(crate) fn start(
        name: &'static str,
        sequence: S,
        failure: Option<CommitError>,
        queue: usize,
        batch: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServeError> {
        let (sender, receiver) = sync_channel(queue);
        let failure = Arc::new(Mutex::new(failure));
        let waiting = Arc::new(AtomicUsize::new(0));
        let of_worker = (Arc::clone(&failure), Arc::clone(&waiting));
        let worker = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let (failure, waiting) = &of_worker;
                Worker::new(sequence, batch, &*clock, failure, waiting).run(&receiver);
            })
            .map_err(|e| ServeError::log(name, &e))?;
        Ok(Self {
            sender: Mutex::new(Some(sender)),
            worker: Mutex::new(Some(worker)),
            failure,
            waiting,
        })
    }

    /// Hands an entry over; the receipt comes when it is durable.
    pub(crate) fn submit(&self, entry: S::Entry) -> Result<Pending<S::Receipt>, PoolError> {
        let (answer, pending) = oneshot::channel();
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        match sender
            .as_ref()
            .map(|sender| sender.try_send(Message::Job(Job { entry, answer })))
        {
            Some(Ok(())) => {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                Ok(Pending(pending))
            }
            Some(Err(TrySendError::Full(_))) => Err(PoolError::Full),
            Some(Err(TrySendError::Disconnected(_))) => Err(PoolError::Failed),
            None => Err(PoolError::Closed),
        }
    }

    /// Lets the thread look after its log now.
    #[cfg(test)]
    fn tend(&self) {
        let sender = self.sender.lock().unwrap();
        sender.as_ref().unwrap().send(Message::Tend).unwrap();
    }

    /// What made the log stop, if it has and has not been opened again since.
    pub(crate) fn failure(&self) -> Option<CommitError> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many entries are in the queue, not counting those that are being committed.
    pub(crate) fn waiting(&self) -> usize {
        // An entry may be taken before it is counted.
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting > usize::MAX / 2 { 0 } else { waiting }
    }

    /// Takes nothing more, and returns when all that waits has been committed and answered.
    pub(crate) fn close(&self) {
        drop(
            self.sender
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let worker = self
            .worker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(worker) = worker {
            // A panic of the worker has already been seen by those who waited for it.
            let _ = worker.join();
        }
    }
}

impl<S: Sequence> Drop for Pool<S> {
    fn drop(&mut self) {
        self.close();
    }
}

/// A receipt to come.
pub(crate) struct Pending<R>(oneshot::Receiver<Result<R, PoolError>>);

impl<R> Pending<R> {
    /// The receipt, for an asynchronous caller.
    pub(crate) async fn receipt(self) -> Result<R, PoolError> {
        self.0.await.unwrap_or(Err(PoolError::Failed))
    }

    /// The receipt, for a caller on a thread that may block.
    #[cfg(test)]
    pub(crate) fn blocking_receipt(self) -> Result<R, PoolError> {
        self.0.blocking_recv().unwrap_or(Err(PoolError::Failed))
    }
}

/// The thread's side.
struct Worker<'a, S> {
    sequence: S,
    batch: usize,
    clock: &'a dyn Clock,
    failure: &'a Mutex<Option<CommitError>>,
    waiting: &'a AtomicUsize,
    /// When the log was tended last.
    tended: Option<Time>,
    /// Set while the log has stopped.
    pause: Option<Pause>,
}

/// When to open a log again.
#[derive(Clone, Copy)]
struct Pause {
    since: Time,
    seconds: i64,
}

impl Pause {
    fn first(since: Time) -> Self {
        Self { since, seconds: 1 }
    }

    /// Also over when the clock was set back.
    fn is_over(self, now: Time) -> bool {
        now < self.since || now >= self.since.plus_seconds(self.seconds)
    }
}

impl<'a, S: Sequence> Worker<'a, S> {
    fn new(
        sequence: S,
        batch: usize,
        clock: &'a dyn Clock,
        failure: &'a Mutex<Option<CommitError>>,
        waiting: &'a AtomicUsize,
    ) -> Self {
        let has_stopped = failure.lock().is_ok_and(|failure| failure.is_some());
        let pause = has_stopped.then(|| Pause::first(clock.now()));
        Self {
            sequence,
            batch,
            clock,
            failure,
            waiting,
            tended: None,
            pause,
        }
    }

    fn run(mut self, receiver: &Receiver<Message<S>>) {
        loop {
            self.look_after();
            let first = match receiver.recv_timeout(TICK) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => {
                    self.tended = None;
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let waiting = receiver.try_iter().take(self.batch.saturating_sub(1));
            let (mut entries, mut answers) = (Vec::new(), Vec::new());
            for message in std::iter::once(first).chain(waiting) {
                match message {
                    Message::Job(job) => {
                        entries.push(job.entry);
                        answers.push(job.answer);
                    }
                    #[cfg(test)]
                    Message::Tend => self.tended = None,
                }
            }
            self.answer(entries, answers);
        }
    }

    fn answer(
        &mut self,
        entries: Vec<S::Entry>,
        answers: Vec<oneshot::Sender<Result<S::Receipt, PoolError>>>,
    ) {
        if entries.is_empty() {
            return;
        }
        self.waiting.fetch_sub(entries.len(), Ordering::Relaxed);
        let refusal = if self.pause.is_some() {
            PoolError::Failed
        } else {
            match self.sequence.commit(entries) {
                Ok(receipts) => {
                    for (answer, receipt) in answers.into_iter().zip(receipts) {
                        // Whoever has gone away can ask again: the entry is logged.
                        let _ = answer.send(Ok(receipt));
                    }
                    return;
                }
                Err(error) => self.refuse(error),
            }
        };
        for answer in answers {
            let _ = answer.send(Err(refusal.clone()));
        }
    }

    /// What to tell those that waited for what failed.
    fn refuse(&mut self, error: CommitError) -> PoolError {
        match error {
            CommitError::Refused(_) => PoolError::Failed,
            CommitError::Unwitnessed(_) => PoolError::Unwitnessed,
            CommitError::Stopped(_) | CommitError::Ended(_) => {
                self.note(Some(error));
                self.pause = Some(Pause::first(self.clock.now()));
                PoolError::Failed
            }
        }
    }

    fn look_after(&mut self) {
        let now = self.clock.now();
        if let Some(pause) = self.pause {
            if !pause.is_over(now) {
                return;
            }
            match self.sequence.reopen() {
                Ok(()) => {
                    self.pause = None;
                    self.note(None);
                }
                Err(error) => {
                    self.note(Some(error));
                    let seconds = pause.seconds.saturating_mul(2).min(LONGEST_PAUSE);
                    self.pause = Some(Pause {
                        since: now,
                        seconds,
                    });
                }
            }
            return;
        }
        if self.tended == Some(now) {
            return;
        }
        self.tended = Some(now);
        if let Err(error) = self.sequence.tend() {
            self.refuse(error);
        }
    }

    fn note(&self, failure: Option<CommitError>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

/// A panic of the thread would otherwise look like a log that has nothing to do.
impl<S> Drop for Worker<'_, S> {
    fn drop(&mut self) {
        if thread::panicking() {
            let reason = "the sequencing thread panicked".to_owned();
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(CommitError::Ended(reason));
        }
    }
}

#[cfg(test)]
mod tests;
