//! Servers on loopback, and a client that does not wait.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot be served must fail the test"
)]

use std::{
    net::Ipv4Addr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU8, Ordering},
    },
    time::Duration,
};

use signhere_http::{HttpClient, HttpConfig, RetryPolicy, Sleep};
use signhere_pki::{
    random::{Random, RandomError},
    time::{Clock, Time},
};
use tokio::net::{TcpListener, TcpSocket};
use url::Url;

/// The time at which the tests happen.
pub const NOW: Time = Time::from_unix(1_800_000_000);

/// Serves `router` on a free port of loopback, until the test's runtime ends.
pub async fn serve(router: axum::Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Url::parse(&format!("http://127.0.0.1:{port}")).unwrap()
}

/// A port of loopback that refuses every connection, and that nobody else is given while this is held.
pub struct Refusing {
    /// Where nobody listens.
    pub url: Url,
    _bound: TcpSocket,
}

/// A port where nobody listens.
pub fn refusing() -> Refusing {
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = bound.local_addr().unwrap();
    Refusing {
        url: Url::parse(&format!("http://{address}")).unwrap(),
        _bound: bound,
    }
}

/// A clock that only sleeping moves, and that remembers each sleep.
#[derive(Default)]
pub struct SleepyClock {
    slept: AtomicI64,
    /// How long each sleep was.
    pub sleeps: Mutex<Vec<Duration>>,
}

impl SleepyClock {
    /// How long each sleep was, so far.
    pub fn sleeps(&self) -> Vec<Duration> {
        self.sleeps.lock().unwrap().clone()
    }

    /// Moves the clock on.
    pub fn pass(&self, duration: Duration) {
        let seconds = i64::try_from(duration.as_secs()).unwrap();
        self.slept.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for SleepyClock {
    fn now(&self) -> Time {
        NOW.plus_seconds(self.slept.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.slept.load(Ordering::SeqCst)).unwrap())
    }
}

impl Sleep for SleepyClock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.pass(duration);
        self.sleeps.lock().unwrap().push(duration);
        Box::pin(std::future::ready(()))
    }
}

/// Bytes that count up, so that no two secrets are alike.
#[derive(Default)]
pub struct CountingRandom(AtomicU8);

impl Random for CountingRandom {
    fn fill(&self, buf: &mut [u8]) -> Result<(), RandomError> {
        buf.fill(self.0.fetch_add(1, Ordering::SeqCst));
        Ok(())
    }
}

/// A client that gives up quickly and does not wait between attempts.
pub fn client(clock: &Arc<SleepyClock>) -> HttpClient {
    client_with(clock, HttpConfig::default())
}

/// The same with its own retry policy and timeouts.
pub fn client_with(clock: &Arc<SleepyClock>, config: HttpConfig) -> HttpClient {
    let sleep: Arc<dyn Sleep> = clock.clone();
    HttpClient::new(config, sleep, Arc::new(CountingRandom::default()))
}

/// A configuration that asks once and waits `millis` for the answer.
pub fn impatient(millis: u64) -> HttpConfig {
    HttpConfig {
        total_timeout: Duration::from_millis(millis),
        retry: RetryPolicy {
            attempts: 1,
            ..RetryPolicy::default()
        },
        ..HttpConfig::default()
    }
}
