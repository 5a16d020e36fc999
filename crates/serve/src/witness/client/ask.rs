//! Asking one witness to cosign one checkpoint.

use std::sync::Arc;
use std::time::Duration;

use signhere_http::{Destination, HttpClient, HttpError, HttpRequest};
use signhere_log::merkle::Hash;
use signhere_log::note::{Note, NoteError, NoteVerifier};
use signhere_log::witness::AddCheckpoint;
use signhere_pki::time::{Clock, Time};
use thiserror::Error;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, oneshot};
use url::Url;

use super::{CLOCK_TOLERANCE, Event};
use crate::witness::health::Board;

/// Bytes of an answer: some signature lines.
const MAX_ANSWER: usize = 32 * 1024;

/// How often a witness may name another size before it is given up: once, if it is honest and asked by one.
const MAX_CONFLICTS: u8 = 3;

/// A witness.
pub(super) struct Peer {
    /// Its position in the policy.
    position: usize,
    /// Its position on the board.
    slot: usize,
    verifier: NoteVerifier,
    url: Url,
    /// The size that it is thought to have seen last. Held while it is asked: it is asked one thing at a time.
    seen: Mutex<u64>,
}

/// What all witnesses are asked.
pub(super) struct Ask {
    /// The log's signed checkpoint.
    pub(super) note: String,
    /// Its size.
    pub(super) size: u64,
    pub(super) time_limit: Duration,
    pub(super) http: Arc<HttpClient>,
    pub(super) board: Arc<Board>,
    pub(super) clock: Arc<dyn Clock>,
}

/// Why a witness has not cosigned.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum AskError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("no answer in {0:?}")]
    Slow(Duration),
    #[error("it does not know this log (404)")]
    UnknownLog,
    #[error("it does not accept the log's signature (403)")]
    Forbidden,
    #[error("it says that the log is not consistent with what it has seen before (422)")]
    Inconsistent,
    #[error("it answers with status {0}")]
    Status(u16),
    #[error("it has seen {seen} entries of this log, which has {size}")]
    Ahead { seen: u64, size: u64 },
    #[error("it keeps naming other sizes")]
    Restless,
    #[error("its answer cannot be read")]
    Unreadable,
    #[error("its answer is refused: {0}")]
    Cosignature(NoteError),
    #[error("its cosignature is of {stated}, when it is {now}")]
    Time { stated: Time, now: Time },
    #[error("the log cannot prove that it continues what the witness has seen")]
    Unproven,
}

impl Peer {
    pub(super) fn new(position: usize, slot: usize, verifier: NoteVerifier, url: Url) -> Self {
        Self {
            position,
            slot,
            verifier,
            url,
            seen: Mutex::new(0),
        }
    }

    /// Asks, notes the outcome, and tells it to whoever still waits.
    pub(super) async fn answer(self: Arc<Self>, ask: Arc<Ask>, events: UnboundedSender<Event>) {
        let asked = tokio::time::timeout(ask.time_limit, async {
            // Still busy with an earlier checkpoint: pointless to go on once nobody waits for this one.
            let mut seen = tokio::select! {
                biased;
                () = events.closed() => return None,
                seen = self.seen.lock() => seen,
            };
            Some(self.ask(&ask, &mut seen, &events).await)
        });
        let outcome = match asked.await {
            Ok(None) => return,
            Ok(Some(outcome)) => outcome,
            Err(_) => Err(AskError::Slow(ask.time_limit)),
        };
        let now = ask.clock.now();
        match &outcome {
            Ok(_) => ask.board.cosigned(self.slot, ask.size, now),
            Err(error) => ask.board.failed(self.slot, error, now),
        }
        let (witness, line) = (self.position, outcome.ok());
        drop(events.send(Event::Answered { witness, line }));
    }

    async fn ask(
        &self,
        ask: &Ask,
        seen: &mut u64,
        events: &UnboundedSender<Event>,
    ) -> Result<String, AskError> {
        let mut old_size = (*seen).min(ask.size);
        for _ in 0..=MAX_CONFLICTS {
            let proof = proof(old_size, ask.size, events).await?;
            let body = AddCheckpoint::body(old_size, &proof, &ask.note);
            let request = HttpRequest::post(
                self.url.clone(),
                Destination::Configured,
                "text/plain; charset=utf-8",
                body,
            )
            .body_cap(MAX_ANSWER);
            let answer = ask.http.send(&request).await?;
            match answer.status {
                200 => {
                    let line = self.cosignature(&answer.body, ask)?;
                    *seen = ask.size;
                    return Ok(line);
                }
                409 => {
                    let size = size(&answer.body).ok_or(AskError::Unreadable)?;
                    if size > ask.size {
                        let (seen, size) = (size, ask.size);
                        return Err(AskError::Ahead { seen, size });
                    }
                    *seen = size;
                    old_size = size;
                }
                403 => return Err(AskError::Forbidden),
                404 => return Err(AskError::UnknownLog),
                422 => return Err(AskError::Inconsistent),
                status => return Err(AskError::Status(status)),
            }
        }
        Err(AskError::Restless)
    }

    /// This witness's line among those of an answer, verified. Lines of others are ignored.
    fn cosignature(&self, answer: &[u8], ask: &Ask) -> Result<String, AskError> {
        let answer = std::str::from_utf8(answer).map_err(|_| AskError::Unreadable)?;
        let (text, _) = ask.note.rsplit_once("\n\n").ok_or(AskError::Unreadable)?;
        let note = Note::parse(format!("{text}\n\n{answer}").as_bytes());
        // A blank line in the answer would begin another text.
        let note = note
            .ok()
            .filter(|note| note.text().strip_suffix('\n') == Some(text))
            .ok_or(AskError::Unreadable)?;
        let stated = self.verifier.signed_only_at(&note);
        let stated = stated.map_err(AskError::Cosignature)?;
        let seconds = stated.and_then(|stated| i64::try_from(stated).ok());
        let stated = Time::from_unix(seconds.unwrap_or(i64::MAX));
        let now = ask.clock.now();
        let earliest = now.plus_seconds(-CLOCK_TOLERANCE);
        let latest = now.plus_seconds(CLOCK_TOLERANCE);
        if stated < earliest || latest < stated {
            return Err(AskError::Time { stated, now });
        }
        let mut lines = note.signatures().iter();
        let line = lines.find(|line| self.verifier.is_named_in(line));
        line.map(|line| line.to_line()).ok_or(AskError::Unreadable)
    }
}

/// The proof that the tree of `new_size` continues that of `old_size`, from the thread that has the log.
async fn proof(
    old_size: u64,
    new_size: u64,
    events: &UnboundedSender<Event>,
) -> Result<Vec<Hash>, AskError> {
    if old_size == 0 || old_size == new_size {
        return Ok(Vec::new());
    }
    let (proof, proven) = oneshot::channel();
    let prove = Event::Prove { old_size, proof };
    events.send(prove).map_err(|_| AskError::Unproven)?;
    proven.await.map_err(|_| AskError::Unproven)
}

/// The size in a 409: decimal and a newline.
fn size(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let digits = text.strip_suffix('\n').unwrap_or(text);
    let canonical = digits == "0" || !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|_| canonical)
}
