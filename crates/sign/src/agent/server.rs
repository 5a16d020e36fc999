//! Callers: each is heard, none is waited for longer than its time, and no more than so many at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use zeroize::Zeroizing;

use super::Subject;
use super::caller::{Caller, Powers};
use super::journal::{Event, What};
use super::keeper::Keeper;
use super::protocol::{
    Answer, LogoutRequest, ProtocolError, REQUEST_LIMIT, Refusal, Request, SignRequest, decode,
    encode, quoted,
};
use super::socket::{Bound, own_uid};

/// How often logins whose time is over are looked for.
const SWEEP: Duration = Duration::from_secs(15);
/// How long the issuers may take to take refresh tokens back, at the end.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long nobody is accepted after the system refused to.
const BREATH: Duration = Duration::from_millis(200);

/// How many signatures are made at a time for other machines.
const FAR_AT_A_TIME: usize = 4;

/// What callers may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many are served at a time, over each socket.
    pub callers: usize,
    /// How long a request may take to come, and its answer to be taken.
    pub line: Duration,
    /// How long a request may take to be met.
    pub request: Duration,
}

impl Default for Limits {
    /// 64 callers over each socket, ten seconds for a line, a minute for a request.
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
    /// Other machines take no place from this user's own programs, and the reverse.
    callers: [Arc<Semaphore>; 2],
    /// Whether there were too many callers, and the journal says so already: a crowd must not flood it.
    is_crowded: AtomicBool,
    /// Turns of other machines: there are more, and those are this user's.
    far: Semaphore,
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
            callers: [(); 2].map(|()| Arc::new(Semaphore::new(limits.callers))),
            is_crowded: AtomicBool::new(false),
            far: Semaphore::new(FAR_AT_A_TIME),
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
        let mut ending = JoinSet::new();
        loop {
            let (accepted, powers) = tokio::select! {
                accepted = bound.all.accept() => (accepted, Powers::All),
                accepted = bound.sign.accept() => (accepted, Powers::Git),
                _ = sweep.tick() => {
                    if !bound.is_there() {
                        journal.note(&Event::Unreachable);
                        break;
                    }
                    while ending.try_join_next().is_some() {}
                    if ending.is_empty() && self.keeper.is_useless() {
                        break;
                    }
                    // Issuers may take their time, and callers do not wait for it.
                    let keeper = Arc::clone(&self.keeper);
                    ending.spawn(async move { keeper.expire().await });
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
        let farewell = async {
            let _ = self.keeper.logout(&everything).await;
            while ending.join_next().await.is_some() {}
        };
        let _ = timeout(FAREWELL, farewell).await;
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
        let [own, far] = &self.callers;
        let places = if powers == Powers::All { own } else { far };
        match Arc::clone(places).try_acquire_owned() {
            Ok(place) => {
                self.is_crowded.store(false, Ordering::Relaxed);
                tokio::spawn(Arc::clone(self).serve(stream, caller, place));
            }
            Err(_) => {
                let limit = self.limits.callers;
                if !self.is_crowded.swap(true, Ordering::Relaxed) {
                    journal.note(&Event::Crowded { limit });
                }
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
            (Request::Sign(request), powers) => {
                let subject = Subject::of(&request)?;
                let _turn = match powers {
                    Powers::All => None,
                    Powers::Git => Some(self.turn_of_another_machine(&request, &subject).await?),
                };
                let answer = self.keeper.sign(&request, &subject).await?;
                met(What::Sign(&subject));
                Ok(answer)
            }
            (Request::Status {}, _) => {
                met(What::Status);
                Ok(Answer::Status(Box::new(self.keeper.status())))
            }
            (_, Powers::Git) => Err(Refusal::SignOnly),
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

    /// What another machine may ask for is git's, and of the instances here it learns only whether somebody is logged in.
    async fn turn_of_another_machine(
        &self,
        request: &SignRequest,
        subject: &Subject<'_>,
    ) -> Result<SemaphorePermit<'_>, Refusal> {
        if !subject.is_of_git() {
            return Err(Refusal::GitOnly);
        }
        if let Some(asked) = &request.instance
            && !self.keeper.is_for(asked)
        {
            return Err(Refusal::LoginNeeded {
                instance: quoted(asked),
                because: None,
            });
        }
        self.far.acquire().await.map_err(|error| Refusal::Internal {
            message: error.to_string(),
        })
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
