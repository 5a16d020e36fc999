//! The connections that are open: how many, which has waited for its client the longest, and what their heads take.
//!
//! Idle is a connection that waits for its client: for a request, for the rest of one, or for an answer to be taken.
//! When one more comes than there may be, the one that has been idle for the longest makes room: a crowd that is
//! silent or slow keeps nobody out. Heads (request lines and headers) have bounded memory together; when it is
//! full, a connection whose head takes more than its share is closed.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// The connections that are open.
pub(crate) struct Connections {
    limit: usize,
    head_limit: usize,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Default)]
struct State {
    open: usize,
    /// Bytes of all heads.
    heads: usize,
    /// Counts up each time that a connection becomes idle.
    clock: u64,
    /// By the time since when they are idle.
    idle: BTreeMap<u64, Arc<Client>>,
}

/// What a connection waits for.
#[derive(Default)]
struct Client {
    evicted: Notify,
    /// Bytes of the head that it sends, or of the request that is not answered yet.
    head: AtomicUsize,
    /// Whether the head is there, and no answer yet: what comes is a body.
    has_head: AtomicBool,
}

/// An open connection; it is closed when this is dropped.
pub(crate) struct Connection {
    all: Arc<Connections>,
    client: Arc<Client>,
    mark: Mutex<Mark>,
}

/// Where a connection stands.
enum Mark {
    /// Idle since then.
    Idle(u64),
    /// With so many requests under way.
    Busy(usize),
}

/// A request that has arrived whole, until it is answered.
pub(crate) struct UnderWay(Arc<Connection>);

/// A request whose head has arrived, until it is answered.
pub(crate) struct Exchange {
    connection: Arc<Connection>,
    under_way: Arc<OnceLock<UnderWay>>,
}

impl Connections {
    /// Room for `limit` connections, and for `head_limit` bytes of heads.
    pub(crate) fn new(limit: usize, head_limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: limit.max(1),
            head_limit,
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
        let client = Arc::new(Client::default());
        let mut state = self.state();
        state.open = state.open.saturating_add(1);
        let since = state.idle_since_now(&client);
        Arc::new(Connection {
            all: Arc::clone(self),
            client,
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
            Some((_, client)) => {
                client.evicted.notify_one();
                true
            }
            None => false,
        }
    }

    fn release(&mut self, client: &Client) {
        let bytes = client.head.swap(0, Ordering::Relaxed);
        self.heads = self.heads.saturating_sub(bytes);
    }

    fn idle_since_now(&mut self, client: &Arc<Client>) -> u64 {
        self.clock = self.clock.saturating_add(1);
        self.idle.insert(self.clock, Arc::clone(client));
        self.clock
    }
}

impl Connection {
    /// Waits until the connection has to make room for another.
    pub(crate) async fn evicted(&self) {
        self.client.evicted.notified().await;
    }

    /// Whether the connection waits for its client.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(*self.mark(), Mark::Idle(_))
    }

    /// The head of a request has come.
    pub(crate) fn exchange(self: &Arc<Self>) -> Exchange {
        self.client.has_head.store(true, Ordering::Relaxed);
        Exchange {
            connection: Arc::clone(self),
            under_way: Arc::default(),
        }
    }

    /// Bytes have come. Whether they may be kept: not those of a head that is larger than its share when the
    /// memory for heads is full.
    fn received(&self, bytes: usize) -> bool {
        if bytes == 0 || self.client.has_head.load(Ordering::Relaxed) {
            return true;
        }
        let mut state = self.all.state();
        let head = self.client.head.fetch_add(bytes, Ordering::Relaxed);
        state.heads = state.heads.saturating_add(bytes);
        let share = self.all.head_limit / self.all.limit;
        state.heads <= self.all.head_limit || head.saturating_add(bytes) <= share
    }

    /// A request has come whole.
    fn begin(self: &Arc<Self>) -> UnderWay {
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
            state.release(&self.client);
            let mark = self.mark.get_mut();
            if let Mark::Idle(since) = mark.unwrap_or_else(PoisonError::into_inner) {
                state.idle.remove(since);
            }
        }
        self.all.freed.notify_one();
    }
}

impl Exchange {
    /// The body of the request; when its end has come, the request is under way.
    pub(crate) fn arriving<B: HttpBody>(&self, body: B) -> Arriving<B> {
        let arriving = Arriving {
            body,
            connection: Arc::clone(&self.connection),
            under_way: Arc::clone(&self.under_way),
        };
        arriving.look();
        arriving
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let client = &self.connection.client;
        self.connection.all.state().release(client);
        client.has_head.store(false, Ordering::Relaxed);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let connection = &self.0;
        let mut mark = connection.mark();
        *mark = match *mark {
            Mark::Busy(requests) if requests > 1 => Mark::Busy(requests.saturating_sub(1)),
            _ => Mark::Idle(connection.all.state().idle_since_now(&connection.client)),
        };
        drop(mark);
        // Whoever waits for room finds an idle connection now.
        connection.all.freed.notify_one();
    }
}

/// The body of a request on its way.
pub(crate) struct Arriving<B> {
    body: B,
    connection: Arc<Connection>,
    under_way: Arc<OnceLock<UnderWay>>,
}

impl<B: HttpBody> Arriving<B> {
    fn look(&self) {
        if self.body.is_end_stream() {
            self.under_way.get_or_init(|| self.connection.begin());
        }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Arriving<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(_)) => self.look(),
            // Broken off or at its end: there is nothing more to wait for.
            _ => {
                self.under_way.get_or_init(|| self.connection.begin());
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream whose connection learns how much it reads.
pub(crate) struct Counted<S> {
    stream: S,
    connection: Arc<Connection>,
}

impl<S> Counted<S> {
    pub(crate) fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self { stream, connection }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let bytes = buffer.filled().len().saturating_sub(before);
        if !self.connection.received(bytes) {
            return Poll::Ready(Err(std::io::ErrorKind::OutOfMemory.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use axum::body::Body;
    use tokio::time::timeout;

    use super::*;

    async fn is_evicted(connection: &Connection) -> bool {
        let moment = Duration::from_millis(1);
        timeout(moment, connection.evicted()).await.is_ok()
    }

    #[tokio::test]
    async fn the_longest_idle_one_makes_room() {
        let all = Connections::new(3, 100);
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
        let all = Connections::new(1, 100);
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
        let all = Connections::new(1, 100);
        drop(all.admit());
        assert!(!all.evict());
        let other = all.admit();
        drop(other.begin());
        drop(other);
        all.room().await;
        assert!(!all.evict());
    }

    #[tokio::test]
    async fn a_request_counts_as_under_way_when_its_body_is_there() {
        let all = Connections::new(1, 100);
        let only = all.admit();
        let exchange = only.exchange();
        let body = Body::from("whole");
        let mut body = exchange.arriving(body);
        assert!(only.is_idle());
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        assert!(frame.is_some());
        assert!(!only.is_idle());
        drop(body);
        assert!(!only.is_idle());
        drop(exchange);
        assert!(only.is_idle());
        // Without a body it is there at once.
        let exchange = only.exchange();
        let body = exchange.arriving(Body::empty());
        assert!(!only.is_idle());
        drop((body, exchange));
        assert!(only.is_idle());
    }

    #[test]
    fn when_the_memory_for_heads_is_full_nobody_takes_more_than_a_share() {
        let all = Connections::new(4, 100);
        let [first, second, third] = [(); 3].map(|()| all.admit());
        assert!(first.received(60));
        assert!(second.received(40));
        assert!(!second.received(1));
        assert!(third.received(25));
        assert!(!third.received(1));
        // A body is not a head.
        let exchange = third.exchange();
        assert!(third.received(1_000));
        assert_eq!(all.state().heads, 127);
        // With its answer the head is gone, and with its connection.
        drop(exchange);
        drop(first);
        assert_eq!(all.state().heads, 41);
        assert!(second.received(59));
    }
}
