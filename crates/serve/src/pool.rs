//! Group commit: requests from many threads, sequenced by one.
//!
//! One thread owns a log. It takes everything that waited while the batch before was being made durable as the
//! next batch, so a lone entry waits for nothing and a crowd shares the cost. The queue is bounded.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use thiserror::Error;
use tokio::sync::oneshot;

use crate::error::ServeError;

/// A log as its sequencing thread drives it.
pub(crate) trait Sequence: Send + 'static {
    /// What is submitted.
    type Entry: Send;
    /// What is answered once the entry is durable and under a signed checkpoint.
    type Receipt: Send;

    /// Commits a batch and answers each entry, in order.
    ///
    /// After an error nothing of the batch may be taken as logged, and nothing more is committed.
    fn commit(&mut self, batch: Vec<Self::Entry>) -> Result<Vec<Self::Receipt>, CommitError>;
}

/// Why a batch could not be committed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub(crate) struct CommitError {
    /// What the sequencer or its storage said.
    pub(crate) reason: String,
    /// Whether the next batch may be tried.
    pub(crate) may_go_on: bool,
}

/// Why an entry has no receipt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PoolError {
    /// Too many entries wait; try again.
    #[error("too many entries wait to be logged")]
    Full,
    /// The instance is shutting down.
    #[error("the log is closed")]
    Closed,
    /// The batch failed. The entry may still be in the log; asking again tells.
    #[error("the log could not be written")]
    Failed,
}

/// The way to a log's sequencing thread.
pub(crate) struct Pool<S: Sequence> {
    sender: Mutex<Option<SyncSender<Job<S>>>>,
    worker: Mutex<Option<JoinHandle<()>>>,
    failure: Arc<Mutex<Option<CommitError>>>,
}

struct Job<S: Sequence> {
    entry: S::Entry,
    answer: oneshot::Sender<Result<S::Receipt, PoolError>>,
}

impl<S: Sequence> Pool<S> {
    /// Starts the thread named `name`. At most `queue` entries wait, at most `batch` are committed at once.
    pub(crate) fn start(
        name: &'static str,
        sequence: S,
        queue: usize,
        batch: usize,
    ) -> Result<Self, ServeError> {
        let (sender, receiver) = sync_channel(queue);
        let failure = Arc::new(Mutex::new(None));
        let of_worker = Arc::clone(&failure);
        let worker = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(sequence, &receiver, batch, &of_worker))
            .map_err(|e| ServeError::log(name, &e))?;
        Ok(Self {
            sender: Mutex::new(Some(sender)),
            worker: Mutex::new(Some(worker)),
            failure,
        })
    }

    /// Hands an entry over; the receipt comes when it is durable.
    pub(crate) fn submit(&self, entry: S::Entry) -> Result<Pending<S::Receipt>, PoolError> {
        let (answer, pending) = oneshot::channel();
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        match sender
            .as_ref()
            .map(|sender| sender.try_send(Job { entry, answer }))
        {
            Some(Ok(())) => Ok(Pending(pending)),
            Some(Err(TrySendError::Full(_))) => Err(PoolError::Full),
            Some(Err(TrySendError::Disconnected(_))) => Err(PoolError::Failed),
            None => Err(PoolError::Closed),
        }
    }

    /// What made the log stop, if it did.
    pub(crate) fn failure(&self) -> Option<CommitError> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
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

/// Notes a panic of the thread, which would otherwise look like a log that has nothing to do.
struct Watch<'a>(&'a Mutex<Option<CommitError>>);

impl Watch<'_> {
    fn note(&self, error: CommitError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.note(CommitError {
                reason: "the sequencing thread panicked".to_owned(),
                may_go_on: false,
            });
        }
    }
}

fn run<S: Sequence>(
    mut sequence: S,
    receiver: &Receiver<Job<S>>,
    batch: usize,
    failure: &Mutex<Option<CommitError>>,
) {
    let watch = Watch(failure);
    while let Ok(first) = receiver.recv() {
        let waiting = receiver.try_iter().take(batch.saturating_sub(1));
        let (entries, answers): (Vec<_>, Vec<_>) = std::iter::once(first)
            .chain(waiting)
            .map(|job| (job.entry, job.answer))
            .unzip();
        match sequence.commit(entries) {
            Ok(receipts) => {
                for (answer, receipt) in answers.into_iter().zip(receipts) {
                    // Whoever has gone away can ask again: the entry is logged.
                    let _ = answer.send(Ok(receipt));
                }
            }
            Err(error) => {
                for answer in answers {
                    let _ = answer.send(Err(PoolError::Failed));
                }
                if !error.may_go_on {
                    watch.note(error);
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
