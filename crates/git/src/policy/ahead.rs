//! What is proven of the signatures of a range: on all cores, ahead of whoever judges one commit after the other.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::history::History;
use super::standing::X509;
use super::{Approval, Carried, Evidence, Signed};
use crate::object::{Object, ObjectId};
use crate::proof::Proven;
use crate::repository::RepositoryError;

/// How many commits it looks ahead: so few that a limit of time is asked about often.
pub(super) const AT_ONCE: usize = 64;
/// More threads at once would only wait for the same disk.
const MAX_WORKERS: usize = 16;

/// Evidence, of which the signatures that come next are known already.
pub(super) struct Ahead<'a> {
    evidence: &'a dyn Evidence,
    known: Mutex<HashMap<ObjectId, Signed>>,
}

impl<'a> Ahead<'a> {
    pub(super) fn new(evidence: &'a dyn Evidence) -> Self {
        Self {
            evidence,
            known: Mutex::default(),
        }
    }

    /// Looks at these commits. What cannot be read is left to whoever judges it.
    pub(super) fn look(&self, history: &dyn History, commits: &[ObjectId]) {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let workers = cores.min(MAX_WORKERS).min(commits.len());
        if workers < 2 {
            return;
        }
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(id) = commits.get(next.fetch_add(1, Ordering::Relaxed)) {
                let Ok(Ok(object)) = history.object(id) else {
                    continue;
                };
                let armor = object.own_signature();
                if armor.is_some_and(|armor| armor.starts_with(X509)) {
                    let signed = self.evidence.signed(&object);
                    self.known().insert(*id, signed);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(work);
            }
        });
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectId, Signed>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Evidence for Ahead<'_> {
    fn signed(&self, object: &Object) -> Signed {
        let known = self.known().remove(&object.id());
        known.unwrap_or_else(|| self.evidence.signed(object))
    }

    fn approvals(&self, object: &Object) -> Result<Vec<Approval>, RepositoryError> {
        self.evidence.approvals(object)
    }

    fn carried(
        &self,
        commit: &Object,
        believes: &dyn Fn(&Proven) -> bool,
    ) -> Result<Vec<Carried>, RepositoryError> {
        self.evidence.carried(commit, believes)
    }
}
