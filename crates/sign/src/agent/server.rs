//! Callers: each is heard, none is waited for longer than its time, and no more than so many at a time.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use zeroize::Zeroizing;

use super::caller::{Caller, Powers};
use super::journal::{Event, What};
use super::keeper::Keeper;
use super::protocol::{
    Answer, LogoutRequest, ProtocolError, REQUEST_LIMIT, Refusal, Request, decode, encode,
};
use super::socket::{Bound, own_uid};

/// How often logins whose time is over are looked for.
const SWEEP: Duration = Duration::from_secs(15);
/// How long the issuers may take to take refresh tokens back, at the end.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long nobody is accepted after the system refused to.
const BREATH: Duration = Duration::from_millis(200);

/// What callers may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many are served at a time.
    pub callers: usize,
    /// How long a request may take to come, and its answer to be taken.
    pub line: Duration,
    /// How long a request may take to be met.
    pub request: Duration,
}

impl Default for Limits {
    /// 64 callers, ten seconds for a line, a minute for a request.
    fn default() -> Self {
        Self {
            callers: 64,
            line: Duration::from_secs(10),
            request: Duration::from_secs(60),
        }
    }
}

/// What answers callers.
pub struct Server {
    keeper: Arc<Keeper>,
    limits: Limits,
    callers: Arc<Semaphore>,
    stop: Notify,
}

/// A caller's connection and what has come of its next request.
struct Line {
    stream: UnixStream,
    // All of it at once: a buffer that grows would leave copies of tokens behind.
    buffer: Zeroizing<Vec<u8>>,
    filled: usize,
    limits: Limits,
}

impl Server {
    /// A server for the logins in `keeper`.
    pub fn new(keeper: Arc<Keeper>, limits: Limits) -> Self {
        Self {
            keeper,
            callers: Arc::new(Semaphore::new(limits.callers)),
            limits,
            stop: Notify::new(),
        }
    }

    /// Answers until `ended`, until a caller asks for the end, or until nothing is kept and nobody comes any more. Then
    /// forgets everything.
    pub async fn run(self: Arc<Self>, bound: Bound, ended: impl Future<Output = ()>) {
        let journal = self.keeper.journal();
        journal.note(&Event::Started);
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ended = std::pin::pin!(ended);
        loop {
            let (accepted, powers) = tokio::select! {
                accepted = bound.all.accept() => (accepted, Powers::All),
                accepted = bound.sign.accept() => (accepted, Powers::Sign),
                _ = sweep.tick() => {
                    self.keeper.expire().await;
                    if self.keeper.is_useless() {
                        break;
                    }
                    continue;
                }
                () = self.stop.notified() => break,
                () = &mut ended => break,
            };
            match accepted {
                Ok((stream, _)) => self.welcome(stream, powers),
                Err(error) => {
                    journal.note(&Event::Accept(error.kind()));
                    sleep(BREATH).await;
                }
            }
        }
        drop(bound);
        let everything = LogoutRequest::default();
        // Whatever an issuer does, the secrets are forgotten with the process.
        let _ = timeout(FAREWELL, self.keeper.logout(&everything)).await;
        journal.note(&Event::Stopped);
    }

    fn welcome(self: &Arc<Self>, stream: UnixStream, powers: Powers) {
        let journal = self.keeper.journal();
        let caller = match stream.peer_cred() {
            Ok(credentials) => Caller::judge(credentials, own_uid(), powers),
            // Who hung up already is told nothing.
            Err(_) => return,
        };
        let caller = match caller {
            Ok(caller) => caller,
            Err(stranger) => return journal.note(&Event::Stranger(stranger)),
        };
        match Arc::clone(&self.callers).try_acquire_owned() {
            Ok(place) => {
                tokio::spawn(Arc::clone(self).serve(stream, caller, place));
            }
            Err(_) => {
                let limit = self.limits.callers;
                journal.note(&Event::Crowded { limit });
                let busy = Answer::Refused(Refusal::Busy { retry_after: 1 });
                if let Ok(line) = encode(&busy) {
                    // It fits the socket's buffer, or nobody reads it.
                    let _ = stream.try_write(&line);
                }
            }
        }
    }

    async fn serve(self: Arc<Self>, stream: UnixStream, caller: Caller, _: OwnedSemaphorePermit) {
        let mut line = Line::new(stream, self.limits);
        loop {
            let request = match line.next().await {
                Ok(Some(request)) => request,
                Ok(None) => return,
                Err(why) => {
                    self.refuse(&caller, &why);
                    line.say(&Answer::Refused(why)).await;
                    return;
                }
            };
            self.keeper.touch();
            let ends = matches!((&request, caller.powers), (Request::Stop {}, Powers::All));
            let seconds = self.limits.request.as_secs();
            let answer = timeout(self.limits.request, self.answer(request, &caller)).await;
            let answer = answer.unwrap_or(Err(Refusal::TimedOut { seconds }));
            let answer = answer.unwrap_or_else(|why| {
                self.refuse(&caller, &why);
                Answer::Refused(why)
            });
            let is_heard = line.say(&answer).await;
            if ends {
                self.stop.notify_one();
            }
            if !is_heard || ends {
                return;
            }
        }
    }

    async fn answer(&self, request: Request, caller: &Caller) -> Result<Answer, Refusal> {
        let met = |what: What<'_>| self.keeper.journal().note(&Event::Met { caller, what });
        match (request, caller.powers) {
            (Request::Sign(request), _) => {
                let answer = self.keeper.sign(&request).await?;
                let sha256 = &request.sha256;
                met(What::Sign { sha256 });
                Ok(answer)
            }
            (Request::Status {}, _) => {
                met(What::Status);
                Ok(Answer::Status(Box::new(self.keeper.status())))
            }
            (_, Powers::Sign) => Err(Refusal::SignOnly),
            (Request::Login(request), Powers::All) => {
                let kept = self.keeper.login(request).await?;
                met(What::Login {
                    identity: &kept.identity,
                    instance: &kept.instance,
                });
                Ok(Answer::LoggedIn(kept))
            }
            (Request::Logout(request), Powers::All) => {
                let count = self.keeper.logout(&request).await?;
                met(What::Logout { count });
                Ok(Answer::LoggedOut { count })
            }
            (Request::Stop {}, Powers::All) => {
                met(What::Stop);
                Ok(Answer::Stopping {})
            }
        }
    }

    fn refuse(&self, caller: &Caller, why: &Refusal) {
        self.keeper.journal().note(&Event::Refused { caller, why });
    }
}

impl Line {
    fn new(stream: UnixStream, limits: Limits) -> Self {
        Self {
            stream,
            buffer: Zeroizing::new(vec![0; REQUEST_LIMIT]),
            filled: 0,
            limits,
        }
    }

    /// The next request; none when the caller has gone.
    async fn next(&mut self) -> Result<Option<Request>, Refusal> {
        let seconds = self.limits.line.as_secs();
        match timeout(self.limits.line, self.fill()).await {
            Ok(Some(end)) => {
                let line = self.buffer.get(..end).unwrap_or_default();
                let request = decode(line).map_err(Refusal::from);
                let rest = end.saturating_add(1).min(self.filled);
                self.buffer.copy_within(rest..self.filled, 0);
                self.filled = self.filled.saturating_sub(rest);
                request.map(Some)
            }
            Ok(None) if self.filled >= self.buffer.len() => Err(Refusal::TooLong {
                limit: REQUEST_LIMIT,
            }),
            Ok(None) => Ok(None),
            // Whoever began nothing is not told that it took too long.
            Err(_) if self.filled == 0 => Ok(None),
            Err(_) => Err(Refusal::TooSlow { seconds }),
        }
    }

    /// Reads up to a line feed; where it is. None when none comes, for the caller has gone or the buffer is full.
    async fn fill(&mut self) -> Option<usize> {
        let mut seen = 0;
        loop {
            let new = self.buffer.get(seen..self.filled)?;
            if let Some(at) = new.iter().position(|byte| *byte == b'\n') {
                return seen.checked_add(at);
            }
            seen = self.filled;
            let room = self.buffer.get_mut(self.filled..)?;
            if room.is_empty() {
                return None;
            }
            match self.stream.read(room).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.filled = self.filled.checked_add(count)?,
            }
        }
    }

    /// Whether the caller took the answer.
    async fn say(&mut self, answer: &impl Serialize) -> bool {
        let line: Result<_, ProtocolError> = encode(answer);
        let Ok(line) = line else { return false };
        let written = timeout(self.limits.line, self.stream.write_all(&line)).await;
        matches!(written, Ok(Ok(())))
    }
}
