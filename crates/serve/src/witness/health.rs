//! What is known of the witnesses that a log asks, for `status` and the metrics.

use std::sync::{Mutex, MutexGuard, PoisonError};

use signhere_pki::time::Time;

/// What is known of a log's witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Health {
    /// Each witness, in the order of the policy.
    pub(crate) witnesses: Vec<WitnessHealth>,
    /// Since when no quorum has cosigned the newest checkpoint; none while one has.
    pub(crate) quorum_missing_since: Option<Time>,
    /// Whether checkpoints are published without a quorum.
    pub(crate) fails_open: bool,
}

/// What is known of one witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WitnessHealth {
    /// Its name in the policy.
    pub(crate) name: String,
    /// Where it is asked, without user, password and query.
    pub(crate) url: String,
    /// The size of the last checkpoint that it has cosigned since this instance runs, and when.
    pub(crate) cosigned: Option<(u64, Time)>,
    /// How often it has cosigned and how often it has not, since this instance runs.
    pub(crate) answers: Answers,
    /// Since when it has not cosigned, and why not the last time; none while it does.
    pub(crate) failing: Option<(Time, String)>,
}

/// How often a witness was asked, by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    /// It has cosigned.
    pub(crate) cosigned: u64,
    /// It has not, for whatever reason.
    pub(crate) failed: u64,
}

/// Where the health of a log's witnesses is noted.
#[derive(Debug)]
pub(crate) struct Board(Mutex<Health>);

impl Board {
    pub(super) fn new(witnesses: Vec<WitnessHealth>, fails_open: bool) -> Self {
        Self(Mutex::new(Health {
            witnesses,
            quorum_missing_since: None,
            fails_open,
        }))
    }

    /// What is known now.
    pub(crate) fn health(&self) -> Health {
        self.lock().clone()
    }

    pub(super) fn cosigned(&self, witness: usize, size: u64, now: Time) {
        if let Some(witness) = self.lock().witnesses.get_mut(witness) {
            witness.answers.cosigned = witness.answers.cosigned.saturating_add(1);
            witness.cosigned = Some((size, now));
            witness.failing = None;
        }
    }

    pub(super) fn failed(&self, witness: usize, reason: &impl ToString, now: Time) {
        if let Some(witness) = self.lock().witnesses.get_mut(witness) {
            witness.answers.failed = witness.answers.failed.saturating_add(1);
            let since = witness.failing.take().map_or(now, |(since, _)| since);
            witness.failing = Some((since, reason.to_string()));
        }
    }

    pub(super) fn quorum(&self, met: bool, now: Time) {
        let mut health = self.lock();
        health.quorum_missing_since = match met {
            true => None,
            false => health.quorum_missing_since.or(Some(now)),
        };
    }

    /// Each note is whole even if its writer panicked after it.
    fn lock(&self) -> MutexGuard<'_, Health> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
