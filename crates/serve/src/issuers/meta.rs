//! Issuers by a wildcard: known once a token names them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use signhere_http::HttpClient;
use signhere_pki::time::{Clock, Time};

use super::disbelief::Disbelief;
use super::discovery::{ChosenBy, Source};
use super::keys::{IssuerHealth, Keys};
use super::wildcard::Wildcard;

/// Issuers that are remembered for a wildcard.
const MAX_KNOWN: usize = 256;
/// Issuers without keys that may be asked at once, and one more each second.
const MAX_QUESTIONS: i64 = 32;

/// The issuers of one wildcard.
pub(super) struct MetaIssuer {
    wildcard: Wildcard,
    http: Arc<HttpClient>,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

struct Known {
    issuers: HashMap<String, Entry>,
    uses: u64,
    /// Questions that may be put to issuers without keys, and when they were last counted.
    questions: i64,
    counted: Time,
}

struct Entry {
    keys: Arc<Keys>,
    used: u64,
}

impl MetaIssuer {
    pub(super) fn new(wildcard: Wildcard, http: Arc<HttpClient>, clock: Arc<dyn Clock>) -> Self {
        let known = Mutex::new(Known {
            issuers: HashMap::new(),
            uses: 0,
            questions: MAX_QUESTIONS,
            counted: clock.now(),
        });
        Self {
            wildcard,
            http,
            clock,
            known,
        }
    }

    pub(super) fn wildcard(&self) -> &Wildcard {
        &self.wildcard
    }

    /// The keys of `issuer`, which matches.
    ///
    /// # Errors
    /// [`Disbelief::Busy`] when it has no keys yet, and too many such were asked for theirs.
    pub(super) fn keys(&self, issuer: &str) -> Result<Arc<Keys>, Disbelief> {
        let now = self.clock.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.uses = known.uses.saturating_add(1);
        let used = known.uses;
        if let Some(entry) = known.issuers.get_mut(issuer) {
            entry.used = used;
            let keys = Arc::clone(&entry.keys);
            if !keys.are_known() && keys.may_ask() {
                self.spend(&mut known, now)?;
            }
            return Ok(keys);
        }
        self.spend(&mut known, now)?;
        let chosen_by = match self.wildcard.host_is_literal() {
            true => ChosenBy::Configuration,
            false => ChosenBy::Token,
        };
        let source = Source::new(issuer, chosen_by, Arc::clone(&self.http));
        let source = source.ok_or(Disbelief::UnknownIssuer)?;
        if known.issuers.len() >= MAX_KNOWN {
            known.forget_one();
        }
        let keys = Arc::new(Keys::of(source, Arc::clone(&self.clock)));
        let entry = Entry {
            keys: Arc::clone(&keys),
            used,
        };
        known.issuers.insert(issuer.to_owned(), entry);
        Ok(keys)
    }

    /// Of those that gave keys: anybody can make up the others.
    pub(super) fn health(&self) -> Vec<IssuerHealth> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let health = known
            .issuers
            .values()
            .filter_map(|entry| entry.keys.health());
        let honest = health.filter(|health| health.keys_fetched.is_some());
        honest.collect()
    }

    /// How many issuers are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.issuers.len()
    }

    fn spend(&self, known: &mut Known, now: Time) -> Result<(), Disbelief> {
        let passed = now.unix().saturating_sub(known.counted.unix()).max(0);
        known.questions = known.questions.saturating_add(passed).min(MAX_QUESTIONS);
        known.counted = now;
        if known.questions == 0 {
            return Err(Disbelief::Busy {
                pattern: self.wildcard.as_str().to_owned(),
            });
        }
        known.questions -= 1;
        Ok(())
    }
}

impl Known {
    /// Forgets one that never gave keys, so that made-up issuers displace each other first; of those the one that
    /// was named longest ago.
    fn forget_one(&mut self) {
        let oldest = self
            .issuers
            .iter()
            .min_by_key(|(_, entry)| (entry.keys.are_known(), entry.used))
            .map(|(issuer, _)| issuer.clone());
        if let Some(issuer) = oldest {
            self.issuers.remove(&issuer);
        }
    }
}
