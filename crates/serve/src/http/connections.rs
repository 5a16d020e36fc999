//! The connections that are open: how many in all and of each caller, which has waited for its client the longest, and
//! what their heads take.
//!
//! Idle is a connection that waits for its client: for a request, for the rest of one, or for an answer to be taken.
//! When one more comes than there may be, the caller that has the most gives up the one that has been idle for the
//! longest: a crowd that is silent or slow keeps out nobody but itself. Heads (request lines and headers) have bounded
//! memory together; when it is full, a connection whose head takes more than its share is closed.

mod counted;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;

pub(crate) use counted::Counted;

/// Connections that have been told to make room and are not gone yet.
const LEAVING: usize = 1024;

/// How much there may be at one time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Connections.
    pub(crate) all: usize,
    /// Connections of one caller, unless it is exempt.
    pub(crate) caller: usize,
    /// Bytes of heads.
    pub(crate) heads: usize,
}

/// Who opens a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The caller's address, by which its connections are counted.
    pub(crate) address: IpAddr,
    /// Whether it may have as many as there is room for.
    pub(crate) is_exempt: bool,
}

/// The connections that are open.
pub(crate) struct Connections {
    room: Room,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Default)]
struct State {
    open: usize,
    /// Those of the open ones that have been told to make room.
    leaving: usize,
    /// Bytes of all heads.
    heads: usize,
    /// Counts up each time that a connection becomes idle.
    clock: u64,
    callers: HashMap<IpAddr, Caller>,
    /// Callers with an idle connection; who is to give one up comes last.
    ranks: BTreeSet<Rank>,
}

/// How many connections a caller has, since when one of them is idle, and who it is.
type Rank = (usize, Reverse<u64>, IpAddr);

/// The connections of one caller that have not been told to make room.
#[derive(Default)]
struct Caller {
    staying: usize,
    /// By the time since when they are idle.
    idle: BTreeMap<u64, Arc<Client>>,
}

/// What a connection waits for.
struct Client {
    address: IpAddr,
    evicted: Notify,
    /// Whether it has been told to make room.
    is_leaving: AtomicBool,
    /// Bytes of the head that it sends, or of the request that is not answered yet.
    head: AtomicUsize,
    /// Whether the head is there, and no answer yet: what comes is a body.
    has_head: AtomicBool,
    /// Whether the client is in the midst of a request, or of one that was answered before all of it was there.
    is_sending: Arc<AtomicBool>,
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
    pub(crate) fn new(room: Room) -> Arc<Self> {
        Arc::new(Self {
            room: Room {
                all: room.all.max(1),
                caller: room.caller.max(1),
                ..room
            },
            state: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// Counts a new connection, for which another makes room where that is needed; waits until one can. `None` when
    /// the caller has as many as it may and none of them can.
    pub(crate) async fn admit(self: &Arc<Self>, origin: Origin) -> Option<Arc<Connection>> {
        loop {
            let freed = self.freed.notified();
            {
                let mut state = self.state();
                let has_share =
                    origin.is_exempt || state.staying_of(origin.address) < self.room.caller;
                let may_evict = state.leaving < LEAVING;
                let has_room = match has_share {
                    true => state.staying() < self.room.all || may_evict && state.evict_one(),
                    false if may_evict && state.evict_of(origin.address) => true,
                    false => return None,
                };
                if has_room {
                    return Some(self.open(&mut state, origin.address));
                }
            }
            freed.await;
        }
    }

    /// Closes a connection; `false` when none is idle.
    pub(crate) fn evict(&self) -> bool {
        self.state().evict_one()
    }

    fn open(self: &Arc<Self>, state: &mut State, address: IpAddr) -> Arc<Connection> {
        let client = Arc::new(Client::new(address));
        state.open = state.open.saturating_add(1);
        let since = state.now();
        state.change(address, |caller| {
            caller.staying = caller.staying.saturating_add(1);
            caller.idle.insert(since, Arc::clone(&client));
        });
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
    fn staying(&self) -> usize {
        self.open.saturating_sub(self.leaving)
    }

    fn staying_of(&self, address: IpAddr) -> usize {
        self.callers.get(&address).map_or(0, |own| own.staying)
    }

    fn evict_one(&mut self) -> bool {
        match self.ranks.last() {
            Some(&(_, _, address)) => self.evict_of(address),
            None => false,
        }
    }

    /// Tells the connection of a caller that has been idle for the longest to make room.
    fn evict_of(&mut self, address: IpAddr) -> bool {
        let longest = self.change(address, |caller| {
            let (_, client) = caller.idle.pop_first()?;
            caller.staying = caller.staying.saturating_sub(1);
            Some(client)
        });
        let Some(client) = longest else {
            return false;
        };
        self.leaving = self.leaving.saturating_add(1);
        client.is_leaving.store(true, Ordering::Relaxed);
        client.evicted.notify_one();
        true
    }

    fn release(&mut self, client: &Client) {
        let bytes = client.head.swap(0, Ordering::Relaxed);
        self.heads = self.heads.saturating_sub(bytes);
    }

    fn idle_since_now(&mut self, client: &Arc<Client>) -> u64 {
        let since = self.now();
        if !client.is_leaving() {
            self.change(client.address, |caller| {
                caller.idle.insert(since, Arc::clone(client));
            });
        }
        since
    }

    fn busy(&mut self, client: &Client, since: u64) {
        self.change(client.address, |caller| caller.idle.remove(&since));
    }

    fn close(&mut self, client: &Client, mark: &Mark) {
        self.open = self.open.saturating_sub(1);
        self.release(client);
        if client.is_leaving() {
            self.leaving = self.leaving.saturating_sub(1);
            return;
        }
        self.change(client.address, |caller| {
            caller.staying = caller.staying.saturating_sub(1);
            if let Mark::Idle(since) = mark {
                caller.idle.remove(since);
            }
        });
    }

    fn now(&mut self) -> u64 {
        self.clock = self.clock.saturating_add(1);
        self.clock
    }

    /// Changes what is known of a caller, and its rank with it. A caller without connections is forgotten.
    fn change<T>(&mut self, address: IpAddr, change: impl FnOnce(&mut Caller) -> T) -> T {
        let mut caller = self.callers.remove(&address).unwrap_or_default();
        let before = caller.rank(address);
        let changed = change(&mut caller);
        let after = caller.rank(address);
        if before != after {
            if let Some(rank) = before {
                self.ranks.remove(&rank);
            }
            self.ranks.extend(after);
        }
        if caller.staying > 0 {
            self.callers.insert(address, caller);
        }
        changed
    }
}

impl Caller {
    fn rank(&self, address: IpAddr) -> Option<Rank> {
        let (since, _) = self.idle.first_key_value()?;
        Some((self.staying, Reverse(*since), address))
    }
}

impl Client {
    fn new(address: IpAddr) -> Self {
        Self {
            address,
            evicted: Notify::new(),
            is_leaving: AtomicBool::new(false),
            head: AtomicUsize::new(0),
            has_head: AtomicBool::new(false),
            is_sending: Arc::default(),
        }
    }

    fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::Relaxed)
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

    /// Whether the client is in the midst of a request, or of one that was answered before all of it was there.
    pub(crate) fn is_sending(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.client.is_sending)
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
        self.client.is_sending.store(true, Ordering::Relaxed);
        let mut state = self.all.state();
        let head = self.client.head.fetch_add(bytes, Ordering::Relaxed);
        state.heads = state.heads.saturating_add(bytes);
        let room = self.all.room;
        let share = room.heads / room.all;
        state.heads <= room.heads || head.saturating_add(bytes) <= share
    }

    /// A request has come whole.
    fn begin(self: &Arc<Self>) -> UnderWay {
        self.client.is_sending.store(false, Ordering::Relaxed);
        let mut mark = self.mark();
        *mark = match *mark {
            Mark::Idle(since) => {
                self.all.state().busy(&self.client, since);
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
        let mark = self.mark.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.all.state().close(&self.client, mark);
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

#[cfg(test)]
mod tests;
