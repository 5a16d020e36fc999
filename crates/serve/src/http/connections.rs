//! The connections that are open: how many, and which has been idle for the longest.
//!
//! Idle is a connection without a request under way, be it that its client has sent none yet, or sends one
//! slowly. When one more comes than there may be, the one that has been idle for the longest makes room: a
//! crowd of silent connections keeps nobody out.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;

/// The connections that are open.
pub(crate) struct Connections {
    limit: usize,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Default)]
struct State {
    open: usize,
    /// Counts up each time that a connection becomes idle.
    clock: u64,
    /// By the time since when they are idle.
    idle: BTreeMap<u64, Arc<Notify>>,
}

/// An open connection; it is closed when this is dropped.
pub(crate) struct Connection {
    all: Arc<Connections>,
    evicted: Arc<Notify>,
    mark: Mutex<Mark>,
}

/// Where a connection stands.
enum Mark {
    /// Idle since then.
    Idle(u64),
    /// With so many requests under way.
    Busy(usize),
}

/// A request under way, until its answer was sent.
pub(crate) struct UnderWay(Arc<Connection>);

impl Connections {
    /// Room for `limit` connections.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: limit.max(1),
            state: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// Waits until there is room for one more, or for one to make room.
    pub(crate) async fn room(&self) {
        loop {
            let freed = self.freed.notified();
            {
                let mut state = self.state();
                if state.open < self.limit || state.evict() {
                    return;
                }
            }
            freed.await;
        }
    }

    /// Closes the connection that has been idle for the longest; `false` when none is idle.
    pub(crate) fn evict(&self) -> bool {
        self.state().evict()
    }

    /// Counts a new connection.
    pub(crate) fn admit(self: &Arc<Self>) -> Arc<Connection> {
        let evicted = Arc::new(Notify::new());
        let mut state = self.state();
        state.open = state.open.saturating_add(1);
        let since = state.idle_since_now(&evicted);
        Arc::new(Connection {
            all: Arc::clone(self),
            evicted,
            mark: Mutex::new(Mark::Idle(since)),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn evict(&mut self) -> bool {
        match self.idle.pop_first() {
            Some((_, evicted)) => {
                evicted.notify_one();
                true
            }
            None => false,
        }
    }

    fn idle_since_now(&mut self, evicted: &Arc<Notify>) -> u64 {
        self.clock = self.clock.saturating_add(1);
        self.idle.insert(self.clock, Arc::clone(evicted));
        self.clock
    }
}

impl Connection {
    /// Waits until the connection has to make room for another.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Whether no request is under way.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(*self.mark(), Mark::Idle(_))
    }

    /// A request has come.
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        let mut mark = self.mark();
        *mark = match *mark {
            Mark::Idle(since) => {
                self.all.state().idle.remove(&since);
                Mark::Busy(1)
            }
            Mark::Busy(requests) => Mark::Busy(requests.saturating_add(1)),
        };
        UnderWay(Arc::clone(self))
    }

    fn mark(&self) -> MutexGuard<'_, Mark> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        {
            let mut state = self.all.state();
            state.open = state.open.saturating_sub(1);
            let mark = self.mark.get_mut();
            if let Mark::Idle(since) = mark.unwrap_or_else(PoisonError::into_inner) {
                state.idle.remove(since);
            }
        }
        self.all.freed.notify_one();
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let connection = &self.0;
        let mut mark = connection.mark();
        *mark = match *mark {
            Mark::Busy(requests) if requests > 1 => Mark::Busy(requests.saturating_sub(1)),
            _ => Mark::Idle(connection.all.state().idle_since_now(&connection.evicted)),
        };
        drop(mark);
        // Whoever waits for room finds an idle connection now.
        connection.all.freed.notify_one();
    }
}

/// The body of an answer, which ends the request when it was sent.
pub(crate) struct Answer {
    body: Body,
    _under_way: UnderWay,
}

impl Answer {
    /// `body`, during which the request is under way.
    pub(crate) fn new(body: Body, under_way: UnderWay) -> Self {
        Self {
            body,
            _under_way: under_way,
        }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn is_evicted(connection: &Connection) -> bool {
        let moment = Duration::from_millis(1);
        timeout(moment, connection.evicted()).await.is_ok()
    }

    #[tokio::test]
    async fn the_longest_idle_one_makes_room() {
        let all = Connections::new(3);
        let [first, second, third] = [(); 3].map(|()| all.admit());
        drop(first.begin());
        let busy = second.begin();
        // Idle are: the third, then the first.
        all.room().await;
        assert!(is_evicted(&third).await);
        assert!(!is_evicted(&first).await);
        all.room().await;
        assert!(is_evicted(&first).await);
        assert!(!is_evicted(&second).await);
        assert!(!all.evict(), "one with a request under way");
        drop(busy);
        assert!(second.is_idle());
        assert!(all.evict());
    }

    #[tokio::test]
    async fn when_all_are_busy_the_next_one_waits_for_the_first_that_is_not() {
        let all = Connections::new(1);
        let only = all.admit();
        let busy = only.begin();
        let waiting = tokio::spawn({
            let all = Arc::clone(&all);
            async move { all.room().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(busy);
        waiting.await.unwrap();
        assert!(is_evicted(&only).await);
    }

    #[tokio::test]
    async fn a_closed_connection_frees_its_room() {
        let all = Connections::new(1);
        drop(all.admit());
        assert!(!all.evict());
        let other = all.admit();
        drop(other.begin());
        drop(other);
        all.room().await;
        assert!(!all.evict());
    }
}
