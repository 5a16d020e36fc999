//! The keys of one issuer: fetched when they are needed, kept while the issuer is down, and asked for no more often
//! than the rules below allow, whatever tokens are sent.
//!
//! | keys | are |
//! |---|---|
//! | younger than [`FRESH`] | used |
//! | younger than [`STALE`], or of an issuer that is down | used, and asked for in the background |
//! | older | asked for first, and used when that fails |
//! | of an issuer that has been down for [`GRACE`], or older than [`MAX_AGE`] | not used |
//!
//! A token of an unknown key has the keys asked for again. In every case that happens once in [`INTERVAL`], or
//! [`RETRY`] after a failure, and for all who wait at the same time together.

use std::sync::{Arc, Mutex, PoisonError};

use signhere_pki::jwt::{Jwks, Jwt, JwtError, UnverifiedJwt};
use signhere_pki::time::{Clock, Time};

use super::disbelief::Disbelief;
use super::discovery::{ChosenBy, KeysError, Source};

const LOG: &str = "signhere::issuers";
/// Seconds for which keys are not asked for again.
const FRESH: i64 = 10 * 60;
/// Seconds after which nobody is answered by keys before the issuer has been asked.
const STALE: i64 = 60 * 60;
/// Seconds that the keys of an issuer that does not answer go on to count.
const GRACE: i64 = 60 * 60;
/// Seconds after which keys never count.
const MAX_AGE: i64 = 24 * 60 * 60;
/// Seconds between one question and the next.
const INTERVAL: i64 = 30;
/// Seconds between a question without a good answer and the next.
const RETRY: i64 = 10;

/// The keys of one issuer.
pub(super) struct Keys {
    source: Option<Source>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Held by the one who asks.
    asking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<Jwks>>,
    fetched: Option<Time>,
    asked: Option<Time>,
    /// How often the issuer was asked.
    questions: u64,
    failing_since: Option<Time>,
    failure: Option<KeysError>,
}

/// How the keys of one issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerHealth {
    /// The issuer.
    pub url: String,
    /// When its keys were last fetched; `None` when they never were.
    pub keys_fetched: Option<Time>,
    /// Since when it has not given them, when it does not.
    pub failing_since: Option<Time>,
}

impl Keys {
    /// The keys that `source` gives.
    pub(super) fn of(source: Source, clock: Arc<dyn Clock>) -> Self {
        Self {
            source: Some(source),
            clock,
            state: Mutex::default(),
            asking: Arc::default(),
        }
    }

    /// Keys that are known once and for all.
    pub(super) fn fixed(keys: Jwks, clock: Arc<dyn Clock>) -> Self {
        let state = State {
            keys: Some(Arc::new(keys)),
            ..State::default()
        };
        Self {
            source: None,
            clock,
            state: Mutex::new(state),
            asking: Arc::default(),
        }
    }

    /// `token`, when one of the issuer's keys signed it. It is worth asking for: its claims were checked before.
    pub(super) async fn verify<'t>(
        self: &Arc<Self>,
        token: &'t UnverifiedJwt<'_>,
    ) -> Result<&'t Jwt, Disbelief> {
        let (keys, questions) = self.current().await?;
        let error = match token.verify(&keys) {
            Ok(jwt) => return Ok(jwt),
            Err(error) => error,
        };
        let may_be_new = match error {
            JwtError::UnknownKey { .. } => true,
            JwtError::BadSignature => !token.names_a_key(),
            _ => false,
        };
        if !may_be_new {
            return Err(error.into());
        }
        self.ask(questions).await;
        let now = self.clock.now();
        let newer = self.with(|state| state.usable(now));
        match newer {
            Some((keys, after)) if after != questions => Ok(token.verify(&keys)?),
            _ => Err(error.into()),
        }
    }

    /// Whether there are keys that count.
    pub(super) fn are_known(&self) -> bool {
        let now = self.clock.now();
        self.with(|state| state.usable(now).is_some())
    }

    /// Whether the issuer may be asked now.
    pub(super) fn may_ask(&self) -> bool {
        let now = self.clock.now();
        self.with(|state| state.may_ask(now))
    }

    pub(super) fn health(&self) -> Option<IssuerHealth> {
        let url = self.source.as_ref()?.issuer().to_owned();
        Some(self.with(|state| IssuerHealth {
            url,
            keys_fetched: state.fetched,
            failing_since: state.failing_since,
        }))
    }

    /// The keys that count now, and how many questions they are the outcome of.
    async fn current(self: &Arc<Self>) -> Result<(Arc<Jwks>, u64), Disbelief> {
        let Some(source) = &self.source else {
            let fixed = self.with(|state| state.keys.clone());
            return Ok((fixed.unwrap_or_default(), 0));
        };
        let now = self.clock.now();
        let (kept, need, questions) =
            self.with(|state| (state.usable(now), state.need(now), state.questions));
        match (kept, need) {
            (Some(kept), Need::None) => return Ok(kept),
            (Some(kept), Need::Later) => {
                self.ask_in_background(questions);
                return Ok(kept);
            }
            _ => self.ask(questions).await,
        }
        let now = self.clock.now();
        self.with(|state| {
            state.usable(now).ok_or_else(|| Disbelief::NoKeys {
                issuer: source.issuer().to_owned(),
                reason: state.failure.clone().unwrap_or(KeysError::AskedBefore),
            })
        })
    }

    /// Asks the issuer, unless somebody has since there were `questions`, or did a moment before.
    async fn ask(self: &Arc<Self>, questions: u64) {
        let turn = Arc::clone(&self.asking).lock_owned().await;
        if let Some(question) = self.question(questions, turn) {
            // A task of its own: who gives up waiting does not take the answer from the others.
            let _ = question.await;
        }
    }

    fn ask_in_background(self: &Arc<Self>, questions: u64) {
        if let Ok(turn) = Arc::clone(&self.asking).try_lock_owned() {
            drop(self.question(questions, turn));
        }
    }

    fn question(
        self: &Arc<Self>,
        questions: u64,
        turn: tokio::sync::OwnedMutexGuard<()>,
    ) -> Option<tokio::task::JoinHandle<()>> {
        self.source.as_ref()?;
        let now = self.clock.now();
        let begins = self.with(|state| {
            let begins = state.questions == questions && state.may_ask(now);
            if begins {
                state.questions = state.questions.saturating_add(1);
                state.asked = Some(now);
            }
            begins
        });
        if !begins {
            return None;
        }
        let keys = Arc::clone(self);
        Some(tokio::spawn(async move {
            let _turn = turn;
            if let Some(source) = &keys.source {
                let answer = source.fetch().await;
                tell(
                    source,
                    &answer,
                    keys.health().and_then(|was| was.failing_since),
                );
                let now = keys.clock.now();
                keys.with(|state| state.take(answer, now));
            }
        }))
    }

    /// Whether nobody is being asked.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.asking.try_lock().is_ok()
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells the operator when an issuer stops or begins to answer; of issuers that tokens made up, only on request.
fn tell(source: &Source, answer: &Result<Jwks, KeysError>, failing_since: Option<Time>) {
    let issuer = source.issuer();
    match (answer, failing_since, source.chosen_by()) {
        (Ok(keys), Some(since), _) => {
            tracing::info!(target: LOG, issuer, keys = keys.len(), %since, "the issuer answers again");
        }
        (Err(error), None, ChosenBy::Configuration) => {
            tracing::warn!(target: LOG, issuer, %error, "the issuer's keys cannot be had");
        }
        (Err(error), ..) => {
            tracing::debug!(target: LOG, issuer, %error, "the issuer's keys cannot be had");
        }
        (Ok(keys), None, _) => {
            tracing::debug!(target: LOG, issuer, keys = keys.len(), "the issuer gave its keys");
        }
    }
}

/// Whether keys must be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    None,
    Later,
    First,
}

impl State {
    fn usable(&self, now: Time) -> Option<(Arc<Jwks>, u64)> {
        let keys = self.keys.as_ref()?;
        let is_old = self
            .fetched
            .is_some_and(|at| now >= at.plus_seconds(MAX_AGE));
        let is_down = self
            .failing_since
            .is_some_and(|at| now >= at.plus_seconds(GRACE));
        (!is_old && !is_down).then(|| (Arc::clone(keys), self.questions))
    }

    fn need(&self, now: Time) -> Need {
        let Some(fetched) = self.fetched else {
            return Need::First;
        };
        if now < fetched.plus_seconds(FRESH) {
            return Need::None;
        }
        match now < fetched.plus_seconds(STALE) || self.failing_since.is_some() {
            true => Need::Later,
            false => Need::First,
        }
    }

    fn may_ask(&self, now: Time) -> bool {
        let Some(asked) = self.asked else {
            return true;
        };
        let wait = if self.failing_since.is_some() {
            RETRY
        } else {
            INTERVAL
        };
        // A clock that was set back must not keep everyone waiting until it has caught up.
        now < asked || now >= asked.plus_seconds(wait)
    }

    fn take(&mut self, answer: Result<Jwks, KeysError>, now: Time) {
        match answer {
            Ok(keys) => {
                self.keys = Some(Arc::new(keys));
                self.fetched = Some(now);
                self.failing_since = None;
                self.failure = None;
            }
            Err(failure) => {
                self.failing_since.get_or_insert(now);
                self.failure = Some(failure);
            }
        }
    }
}
