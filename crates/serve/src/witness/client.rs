//! The witnesses that a log asks before it publishes a checkpoint (C2SP tlog-witness, the log's side).
//!
//! All are asked at once. What counts is the policy's quorum: once it is there, the others get a moment more and
//! are then left to finish on their own, so that a slow one delays nobody and yet does not fall behind.

mod ask;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use signhere_http::{HttpClient, HttpConfig, RetryPolicy, TlsRoots, TokioSleep, shown};
use signhere_log::checkpoint::SignedCheckpoint;
use signhere_log::cosignature::{Cosign, CosignError};
use signhere_log::merkle::Hash;
use signhere_log::policy::Policy;
use signhere_log::reader::ReadError;
use signhere_pki::random::Random;
use signhere_pki::time::Clock;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use url::Url;

use super::health::{Answers, Board, WitnessHealth};
use crate::error::ServeError;
use ask::{Ask, Peer};

/// How long witnesses that have not answered yet are waited for once there is a quorum.
const GRACE: Duration = Duration::from_millis(20);

/// Seconds that a witness's clock may differ from ours.
const CLOCK_TOLERANCE: i64 = 300;

/// What a log asks of its witnesses.
#[derive(Debug, Clone)]
pub(crate) struct Witnessing {
    /// Which witnesses there are, and how many are enough. Its logs do not matter: the log is known.
    pub(crate) policy: Policy,
    /// Whether to publish without a quorum, rather than to wait for one.
    pub(crate) fail_open: bool,
    /// How long to wait for the witnesses, in all.
    pub(crate) time_limit: Duration,
    /// Whom to believe about `https` witnesses.
    pub(crate) roots: TlsRoots,
}

/// A log's witnesses, as its sequencer asks them.
pub(crate) struct Witnesses {
    policy: Policy,
    fail_open: bool,
    time_limit: Duration,
    peers: Vec<Arc<Peer>>,
    http: Arc<HttpClient>,
    board: Arc<Board>,
    clock: Arc<dyn Clock>,
    /// Always there, until dropped: a runtime of its own, for the log's thread has none.
    runtime: Option<Runtime>,
}

/// What those that ask tell the thread that waits.
enum Event {
    /// A witness has seen a tree of this size: prove that ours continues it.
    Prove {
        old_size: u64,
        proof: oneshot::Sender<Vec<Hash>>,
    },
    /// The witness at this position of the policy has cosigned, or not.
    Answered {
        witness: usize,
        line: Option<String>,
    },
    /// Whoever has not answered by now is not waited for.
    Enough,
}

impl Witnesses {
    /// The witnesses of a policy.
    pub(crate) fn new(
        witnessing: Witnessing,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, ServeError> {
        let Witnessing {
            policy,
            fail_open,
            time_limit,
            roots,
        } = witnessing;
        let mut peers = Vec::new();
        let mut health = Vec::new();
        let mut reachable = vec![false; policy.witnesses().len()];
        for ((position, witness), reachable) in
            policy.witnesses().iter().enumerate().zip(&mut reachable)
        {
            let name = String::from_utf8_lossy(&witness.name).into_owned();
            let Some(url) = &witness.url else {
                continue;
            };
            let url = submission_url(url).ok_or_else(|| ServeError::WitnessUrl {
                witness: name.clone(),
                found: String::from_utf8_lossy(url).chars().take(256).collect(),
            })?;
            *reachable = true;
            health.push(WitnessHealth {
                name,
                url: shown(&url),
                cosigned: None,
                answers: Answers::default(),
                failing: None,
            });
            let slot = peers.len();
            let verifier = witness.verifier.clone();
            peers.push(Arc::new(Peer::new(position, slot, verifier, url)));
        }
        if !policy.is_quorum(&reachable) {
            return Err(ServeError::QuorumOutOfReach);
        }
        let http = HttpConfig {
            connect_timeout: time_limit,
            total_timeout: time_limit,
            retry: RetryPolicy {
                attempts: 1,
                ..RetryPolicy::default()
            },
            roots,
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("witnesses")
            .enable_all()
            .build()
            .map_err(|error| ServeError::Listener { kind: error.kind() })?;
        Ok(Self {
            policy,
            fail_open,
            time_limit,
            peers,
            http: Arc::new(HttpClient::new(http, Arc::new(TokioSleep), random)),
            board: Arc::new(Board::new(health, fail_open)),
            clock,
            runtime: Some(runtime),
        })
    }

    /// Where their health is noted.
    pub(crate) fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// Asks each witness; what they tell comes through the channel.
    fn ask_all(&self, note: &str, size: u64, events: &UnboundedSender<Event>) {
        let Some(runtime) = &self.runtime else {
            return;
        };
        let ask = Arc::new(Ask {
            note: note.to_owned(),
            size,
            time_limit: self.time_limit,
            http: Arc::clone(&self.http),
            board: Arc::clone(&self.board),
            clock: Arc::clone(&self.clock),
        });
        for peer in &self.peers {
            runtime.spawn(Arc::clone(peer).answer(Arc::clone(&ask), events.clone()));
        }
        self.enough_after(self.time_limit, events);
    }

    fn enough_after(&self, wait: Duration, events: &UnboundedSender<Event>) {
        let events = events.clone();
        if let Some(runtime) = &self.runtime {
            runtime.spawn(async move {
                tokio::select! {
                    () = tokio::time::sleep(wait) => drop(events.send(Event::Enough)),
                    () = events.closed() => {}
                }
            });
        }
    }
}

impl Cosign for Witnesses {
    fn suffices(&self, note: &str) -> bool {
        let latest = self.clock.now().plus_seconds(CLOCK_TOLERANCE);
        self.fail_open
            || SignedCheckpoint::parse(note.as_bytes())
                .is_ok_and(|signed| self.policy.check_quorum(&signed, latest).is_ok())
    }

    /// Not to be called from an asynchronous task: it blocks.
    fn cosign(
        &mut self,
        note: &str,
        size: u64,
        consistency: &dyn Fn(u64) -> Result<Vec<Hash>, ReadError>,
    ) -> Result<Vec<String>, CosignError> {
        let (events, mut inbox) = unbounded_channel();
        self.ask_all(note, size, &events);
        let known = self.policy.witnesses().len();
        let mut lines: Vec<Option<String>> = vec![None; known];
        let mut counts = vec![false; known];
        let mut waiting = self.peers.len();
        let mut unproven = None;
        let mut is_quorum = self.policy.is_quorum(&counts);
        while waiting > 0 {
            match inbox.blocking_recv() {
                Some(Event::Prove { old_size, proof }) => match consistency(old_size) {
                    // Who has asked may have run out of time.
                    Ok(hashes) => drop(proof.send(hashes)),
                    Err(error) => unproven = Some(error),
                },
                Some(Event::Answered { witness, line }) => {
                    waiting = waiting.saturating_sub(1);
                    if let (Some(counts), Some(place)) =
                        (counts.get_mut(witness), lines.get_mut(witness))
                    {
                        *counts = line.is_some();
                        *place = line;
                    }
                    if !is_quorum && self.policy.is_quorum(&counts) {
                        is_quorum = true;
                        self.enough_after(GRACE, &events);
                    }
                }
                Some(Event::Enough) | None => break,
            }
        }
        self.board.quorum(is_quorum, self.clock.now());
        if !is_quorum && !self.fail_open {
            if let Some(error) = unproven {
                return Err(CosignError::Proof(error));
            }
            let names = self.policy.witnesses().iter().zip(&counts);
            return Err(CosignError::NoQuorum {
                cosigned: names
                    .filter(|(_, counts)| **counts)
                    .map(|(witness, _)| String::from_utf8_lossy(&witness.name).into_owned())
                    .collect(),
                asked: self.peers.len(),
            });
        }
        Ok(lines.into_iter().flatten().collect())
    }
}

impl Drop for Witnesses {
    fn drop(&mut self) {
        // Without waiting for those that still ask; and, unlike a plain drop, possible on any thread.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Where a witness takes checkpoints: its submission prefix and the call's name.
fn submission_url(prefix: &[u8]) -> Option<Url> {
    let mut url = Url::parse(std::str::from_utf8(prefix).ok()?).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if !is_web || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    url.path_segments_mut()
        .ok()?
        .pop_if_empty()
        .push("add-checkpoint");
    Some(url)
}
