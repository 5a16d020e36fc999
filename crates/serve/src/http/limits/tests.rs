//! Limits of callers, through a router.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::{HeaderMap, Request};
use axum::routing::post;
use hyper::body::Frame;
use tokio::task::JoinHandle;
use tower_service::Service as _;

use super::*;
use crate::http::body::whole;

fn limits(change: impl FnOnce(&mut RateLimits)) -> RateLimits {
    let mut limits = RateLimits::default();
    limits.exempt.clear();
    change(&mut limits);
    limits
}

async fn read(
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<String, Problem> {
    Ok(whole(body, 1 << 20)?.len().to_string())
}

fn router(limiter: &Arc<Limiter>) -> Router {
    limiter.layer(Router::new().route("/", post(read)))
}

async fn ask(router: &Router, peer: &str, body: Body) -> (u16, HeaderMap, String) {
    let mut request = Request::post("/").body(body).unwrap();
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.clone().call(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    (
        head.status.as_u16(),
        head.headers,
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

/// A body that sends some bytes and then nothing more.
struct Stuck(Option<Bytes>);

impl HttpBody for Stuck {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.0.take().map_or(Poll::Pending, |bytes| {
            Poll::Ready(Some(Ok(Frame::data(bytes))))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_is_told_when_to_come_again_and_others_are_not() {
    let limiter = Limiter::new(&limits(|limits| {
        limits.requests_per_second = 2;
        limits.burst = 3;
    }));
    let router = router(&limiter);
    for _ in 0..3 {
        assert_eq!(ask(&router, "192.0.2.1:1", Body::empty()).await.0, 200);
    }
    let (status, headers, body) = ask(&router, "192.0.2.1:2", Body::empty()).await;
    assert_eq!(
        (status, &headers["retry-after"]),
        (429, &axum::http::HeaderValue::from_static("1"))
    );
    assert_eq!(
        body,
        r#"{"code":8,"details":[],"message":"too many requests from this address"}"#
    );
    assert_eq!(ask(&router, "192.0.2.2:1", Body::empty()).await.0, 200);
    tokio::time::advance(Duration::from_millis(500)).await;
    assert_eq!(ask(&router, "192.0.2.1:1", Body::empty()).await.0, 200);
    assert_eq!(ask(&router, "192.0.2.1:1", Body::empty()).await.0, 429);
}

#[tokio::test(start_paused = true)]
async fn loopback_is_exempt_unless_told_otherwise() {
    let limiter = Limiter::new(&RateLimits {
        burst: 1,
        ..RateLimits::default()
    });
    let router = router(&limiter);
    for peer in [
        "127.0.0.1:1",
        "[::1]:1",
        "127.9.9.9:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        for _ in 0..3 {
            assert_eq!(ask(&router, peer, Body::empty()).await.0, 200, "{peer}");
        }
    }
    ask(&router, "192.0.2.1:1", Body::empty()).await;
    assert_eq!(ask(&router, "192.0.2.1:1", Body::empty()).await.0, 429);
}

#[test]
fn only_trusted_proxies_say_who_calls() {
    let net = |text: &str| text.parse().unwrap();
    let callers = Callers::new(Vec::new(), vec![net("10.0.0.0/8"), net("::1/128")]);
    let caller = |peer: &str, forwarded: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(
                "x-forwarded-for",
                axum::http::HeaderValue::from_static(value),
            );
        }
        callers
            .caller(Some(peer.parse().unwrap()), &headers)
            .to_string()
    };
    assert_eq!(caller("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
    assert_eq!(caller("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
    assert_eq!(
        caller("10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.2"]),
        "198.51.100.1"
    );
    assert_eq!(
        caller("10.0.0.1", &["203.0.113.9", "198.51.100.1"]),
        "198.51.100.1"
    );
    assert_eq!(caller("10.0.0.1", &[]), "10.0.0.1");
    assert_eq!(caller("10.0.0.1", &["198.51.100.1, nonsense"]), "10.0.0.1");
    assert_eq!(caller("::1", &["2001:db8:1:2:3:4:5:6"]), "2001:db8:1:2::");
    assert_eq!(caller("::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
}

#[tokio::test(start_paused = true)]
async fn callers_that_are_remembered_have_a_number() {
    let rates = Rates::new(1, 2);
    let now = Instant::now();
    let address = |n: u32| IpAddr::from(n.to_be_bytes());
    for n in 0..70_000 {
        let _ = rates.take(address(n), now);
    }
    assert_eq!(rates.remembered(), 65_536);
    // Those beyond share one allowance; who is remembered keeps its own.
    assert!(rates.take(address(80_000), now).is_err());
    assert!(rates.take(address(0), now).is_ok());
    // When the others have been quiet, they are forgotten.
    let later = now + Duration::from_secs(5);
    assert!(rates.take(address(80_000), later).is_ok());
    assert_eq!(rates.remembered(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_is_cut_in_time() {
    let limiter = Limiter::new(&limits(|limits| limits.body_time = Duration::from_secs(3)));
    let router = router(&limiter);
    let begun = Instant::now();
    let stuck = Body::new(Stuck(Some(Bytes::from_static(b"{\"a\":"))));
    let (status, headers, body) = ask(&router, "192.0.2.1:1", stuck).await;
    assert_eq!(
        (status, &headers["connection"]),
        (408, &axum::http::HeaderValue::from_static("close"))
    );
    assert_eq!(
        body,
        r#"{"code":4,"details":[],"message":"the body did not arrive in time"}"#
    );
    assert_eq!(begun.elapsed().as_secs(), 3);
    assert_eq!(limiter.bodies.held(), (0, 0));
    assert_eq!(
        ask(&router, "192.0.2.1:1", Body::from("whole")).await.2,
        "5"
    );
}

/// An unfinished body of a caller, and what it is answered.
fn hold(router: &Router, peer: String, bytes: usize) -> JoinHandle<u16> {
    let router = router.clone();
    tokio::spawn(async move {
        let body = Body::new(Stuck(Some(Bytes::from(vec![0; bytes]))));
        ask(&router, &peer, body).await.0
    })
}

#[tokio::test(start_paused = true)]
async fn unfinished_bodies_share_bounded_memory_and_no_caller_takes_all() {
    let limiter = Limiter::new(&limits(|limits| limits.body_bytes = 4 << 20));
    let router = router(&limiter);
    let first = hold(&router, "192.0.2.1:1".to_owned(), (1 << 20) - 100);
    tokio::task::yield_now().await;
    assert_eq!(limiter.bodies.held(), ((1 << 20) - 100, 1));
    let body = || Body::from(vec![0; 200]);
    let (status, headers, said) = ask(&router, "192.0.2.1:2", body()).await;
    assert_eq!(
        (status, &headers["retry-after"]),
        (503, &axum::http::HeaderValue::from_static("1"))
    );
    assert_eq!(
        said,
        r#"{"code":14,"details":[],"message":"too many unfinished requests are under way"}"#
    );
    // Another caller is served meanwhile.
    assert_eq!(ask(&router, "192.0.2.2:1", body()).await.0, 200);
    assert_eq!(first.await.unwrap(), 408);
    assert_eq!(limiter.bodies.held(), (0, 0));
    assert_eq!(ask(&router, "192.0.2.1:2", body()).await.0, 200);
}

/// A body whose bytes come one by one, each in a buffer of its own, and then nothing more.
struct Dribble {
    left: usize,
    buffers: Arc<()>,
}

struct Buffer(Vec<u8>, #[expect(dead_code, reason = "counts")] Arc<()>);

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl HttpBody for Dribble {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Poll::Pending;
        };
        self.left = left;
        let buffer = Bytes::from_owner(Buffer(vec![0; 8192], Arc::clone(&self.buffers)));
        Poll::Ready(Some(Ok(Frame::data(buffer.slice(..1)))))
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_come_one_by_one_do_not_keep_what_they_were_read_into() {
    let limiter = Limiter::new(&limits(|_| {}));
    let router = router(&limiter);
    let buffers = Arc::new(());
    let body = Body::new(Dribble {
        left: 100,
        buffers: Arc::clone(&buffers),
    });
    let asked = tokio::spawn(async move { ask(&router, "192.0.2.1:1", body).await.0 });
    tokio::task::yield_now().await;
    assert_eq!(limiter.bodies.held(), (100 * 256, 1));
    // The test's own, and the body's.
    assert_eq!(Arc::strong_count(&buffers), 2);
    assert_eq!(asked.await.unwrap(), 408);
}

#[tokio::test(start_paused = true)]
async fn a_small_body_finds_room_while_others_hold_all_that_they_may() {
    const ALL: usize = 64 << 20;
    let limiter = Limiter::new(&limits(|limits| limits.body_bytes = ALL));
    let router = router(&limiter);
    // Each takes what it gets, in pieces that become smaller.
    let mut crowd = Vec::new();
    for caller in 1..=100 {
        let mut piece = 1 << 20;
        while piece >= 16 << 10 {
            let before = limiter.bodies.held().0;
            crowd.push(hold(&router, format!("192.0.2.{caller}:1"), piece));
            tokio::task::yield_now().await;
            let held = limiter.bodies.held().0;
            if held == before {
                piece /= 2;
            }
            assert!(caller > 1 || held <= ALL / 4, "{held}");
        }
    }
    let (held, callers) = limiter.bodies.held();
    assert!(held > ALL / 2 && callers == 100, "{held} {callers}");
    for honest in 1..=200 {
        let peer = format!("198.51.100.{honest}:1");
        let asked = ask(&router, &peer, Body::from(vec![0; 4 << 10])).await;
        assert_eq!(asked.0, 200, "{peer}");
    }
    // What is kept for the small is not for the large.
    let large = Body::from(vec![0; 1 << 20]);
    assert_eq!(ask(&router, "198.51.100.1:1", large).await.0, 503);
    for one in crowd {
        assert!([408, 503].contains(&one.await.unwrap()));
    }
    assert_eq!(limiter.bodies.held(), (0, 0));
    let large = Body::from(vec![0; 1 << 20]);
    assert_eq!(ask(&router, "198.51.100.1:1", large).await.0, 200);
}
