//! A log of the first generation is asked for entries: for a few objects at a time, and never faster than was agreed.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signhere_git::object::ObjectId;
use signhere_git::proof::Wanted;
use signhere_git::rescue::{Rescue, RescueError, Rescued};
use signhere_git::verifier::GitVerifier;
use signhere_http::{HttpClient, HttpError};
use signhere_sign::rekor_v1::{self, EntryId, Query};
use signhere_sign::service::{Problem, ServiceError};
use signhere_verify::bundle::TlogEntry;
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;

use crate::error::CliError;
use crate::exit::Exit;

/// How many objects are asked about at the same time. The index is shared by everybody.
const AT_ONCE: usize = 4;
/// After so many failures of the log in a row, it is not asked any more.
const PATIENCE: usize = 3;
/// How many entries of one answer of the index are looked at.
const CANDIDATES: usize = 32;
/// So many requests are made for an object whose entry is found at once.
const REQUESTS: u32 = 2;

/// The log, and how it is asked.
#[derive(Clone)]
pub(super) struct Search {
    http: Arc<HttpClient>,
    log: Url,
    verifier: Arc<GitVerifier>,
    pace: Arc<Pace>,
}

/// What becomes of each object, as it comes.
pub(super) type Each<'a> =
    dyn FnMut(ObjectId, Result<Rescued, CliError>) -> ControlFlow<()> + Send + 'a;

impl Search {
    /// Asks `log` at most `rate` times a second.
    pub(super) fn new(http: Arc<HttpClient>, log: Url, verifier: GitVerifier, rate: u32) -> Self {
        Self {
            http,
            log,
            verifier: Arc::new(verifier),
            pace: Arc::new(Pace::new(rate)),
        }
    }

    /// How long it takes at least to find entries for so many objects.
    pub(super) fn estimate(&self, objects: usize) -> Duration {
        let objects = u32::try_from(objects).unwrap_or(u32::MAX);
        self.pace
            .step
            .saturating_mul(objects.saturating_mul(REQUESTS))
    }

    /// Looks for the entries of many, [`AT_ONCE`] at a time, until `each` has had enough or `stop` is ready. Once the log
    /// has failed [`PATIENCE`] times in a row, it is left alone.
    pub(super) async fn all(
        &self,
        wanted: Vec<Wanted>,
        stop: impl Future<Output = ()>,
        each: &mut Each<'_>,
    ) {
        let mut waiting = VecDeque::from(wanted);
        let mut running = JoinSet::new();
        let mut objects = BTreeMap::new();
        let mut failures = 0_usize;
        let mut stop = std::pin::pin!(stop);
        let why = loop {
            // After a failure one alone tries whether the log answers again.
            let at_once = match failures {
                0 => AT_ONCE,
                1..PATIENCE => 1,
                _ => 0,
            };
            while running.len() < at_once
                && let Some(wanted) = waiting.pop_front()
            {
                let search = self.clone();
                let id = *wanted.id();
                let task = running.spawn(async move { search.one(wanted).await });
                objects.insert(task.id(), id);
            }
            let joined = tokio::select! {
                joined = running.join_next_with_id() => joined,
                () = &mut stop => break "the search was interrupted",
            };
            let (task, outcome) = match joined {
                None => break "the log failed again and again",
                Some(Ok(joined)) => joined,
                Some(Err(_)) => break "the search broke off",
            };
            failures = match outcome {
                Err(_) => failures.saturating_add(1),
                Ok(_) => 0,
            };
            let outcome = match outcome {
                Ok(found) => found.map_err(CliError::from),
                Err(error) => Err(error.into()),
            };
            if let Some(id) = objects.remove(&task)
                && each(id, outcome).is_break()
            {
                return;
            }
        };
        let waiting = waiting.iter().map(|wanted| *wanted.id());
        for id in objects.into_values().chain(waiting) {
            let message = format!("not asked for: {why}");
            let error = CliError::new(Exit::Retry, "SH-GIT-RESCUE-NOT-ASKED", message);
            if each(id, Err(error)).is_break() {
                return;
            }
        }
    }

    /// Looks for the entry of one.
    async fn one(&self, wanted: Wanted) -> Result<Result<Rescued, RescueError>, ServiceError> {
        let digests: Vec<_> = wanted.digests().collect();
        let certificate = wanted.certificate().clone();
        let mut rescue = Rescue::new(wanted);
        let mut crowded = None;
        for digest in &digests {
            match self.ask(&mut rescue, Query::Digest(digest)).await {
                Ok(Some(rescued)) => return Ok(Ok(rescued)),
                Ok(None) => {}
                // Anybody may have anything logged under a digest, and only whoever has its key under a certificate.
                Err(error) if is_too_large(&error) => crowded = Some(error),
                Err(error) => return Err(error),
            }
        }
        let query = Query::Certificate(&certificate);
        match (self.ask(&mut rescue, query).await?, crowded) {
            (Some(rescued), _) => Ok(Ok(rescued)),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(Err(rescue.end())),
        }
    }

    /// Asks the index once, and the log for what it names.
    async fn ask(
        &self,
        rescue: &mut Rescue,
        query: Query<'_>,
    ) -> Result<Option<Rescued>, ServiceError> {
        self.pace.keep().await;
        let ids = rekor_v1::search(&self.http, &self.log, query).await?;
        let is_new = |id: &EntryId| !rescue.knows(id.leaf());
        let ids: Vec<EntryId> = ids.into_iter().filter(is_new).take(CANDIDATES).collect();
        for ids in ids.chunks(rekor_v1::MAX_ENTRIES) {
            let entries = match self.entries(ids).await {
                // One of them, perhaps: then the others are small.
                Err(error) if is_too_large(&error) => self.one_by_one(rescue, ids).await?,
                entries => entries?,
            };
            for (number, entry) in entries.into_iter().enumerate() {
                match entry {
                    Ok(entry) => {
                        if let Some(rescued) = rescue.take(&*self.verifier, entry) {
                            return Ok(Some(rescued));
                        }
                    }
                    Err(error) => rescue.pass(&format!("answer {number}"), error.to_string()),
                }
            }
        }
        Ok(None)
    }

    async fn one_by_one(
        &self,
        rescue: &mut Rescue,
        ids: &[EntryId],
    ) -> Result<Vec<Result<TlogEntry, ServiceError>>, ServiceError> {
        let mut entries = Vec::with_capacity(ids.len());
        for id in ids {
            match self.entries(std::slice::from_ref(id)).await {
                Ok(entry) => entries.extend(entry),
                Err(error) if is_too_large(&error) => rescue.pass(id.leaf(), error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    async fn entries(
        &self,
        ids: &[EntryId],
    ) -> Result<Vec<Result<TlogEntry, ServiceError>>, ServiceError> {
        self.pace.keep().await;
        rekor_v1::entries(&self.http, &self.log, ids).await
    }
}

fn is_too_large(error: &ServiceError) -> bool {
    matches!(error.problem, Problem::Http(HttpError::BodyTooLarge { .. }))
}

/// Keeps requests apart, whoever makes them.
#[derive(Debug)]
struct Pace {
    step: Duration,
    /// When the next request may be made.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    fn new(rate: u32) -> Self {
        Self {
            step: Duration::from_secs(1) / rate.max(1),
            next: Mutex::new(None),
        }
    }

    /// Waits until it is one's turn.
    async fn keep(&self) {
        let turn = self.turn(Instant::now());
        tokio::time::sleep_until(turn).await;
    }

    /// Takes the next turn.
    fn turn(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = next.map_or(now, |next| next.max(now));
        *next = turn.checked_add(self.step);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_kept_apart_and_lost_time_is_not_made_up_for() {
        let pace = Pace::new(5);
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let turns = [0, 0, 10, 1000, 1000].map(|now| pace.turn(after(now)));
        assert_eq!(turns, [0, 200, 400, 1000, 1200].map(after));
    }
}
