//! The listener, with clients that behave badly and clients that do not.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::BytesRejection;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use super::*;
use crate::http::body::whole;

const BODY_LIMIT: usize = 1 << 20;
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
/// Longer than anything here takes: what is waited for has gone wrong by then.
const LONG: Duration = Duration::from_secs(120);

struct Running {
    address: SocketAddr,
    /// Has a permit for each request that has come to `/wait`.
    waiting: Arc<Semaphore>,
    /// A permit lets one request to `/wait` be answered.
    gate: Arc<Semaphore>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Running {
    async fn start(adjust: impl FnOnce(&mut InstanceConfig)) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = InstanceConfig::new(address);
        config.rates.exempt.clear();
        adjust(&mut config);
        let (waiting, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (came, waited_for) = (Arc::clone(&waiting), Arc::clone(&gate));
        let wait = async move || {
            came.add_permits(1);
            waited_for.acquire().await.unwrap().forget();
            "waited"
        };
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/wait", get(wait))
            .route("/body", post(body))
            .layer(DefaultBodyLimit::max(BODY_LIMIT));
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            serve(listener, None, router, &config, shutdown).await
        });
        Self {
            address,
            waiting,
            gate,
            stop,
            served,
        }
    }

    /// A connection from 127.0.0.`last`.
    async fn connect(&self, last: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        let from = IpAddr::from([127, 0, 0, last]);
        socket.bind((from, 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }
}

async fn body(body: Result<Bytes, BytesRejection>) -> Result<String, Problem> {
    Ok(whole(body, BODY_LIMIT)?.len().to_string())
}

/// What is answered, up to the end of the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// Whether a request on the connection is answered.
async fn is_served(stream: &mut TcpStream) -> bool {
    if stream.write_all(GET).await.is_err() {
        return false;
    }
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nhere") {
        let read = timeout(LONG, stream.read_buf(&mut answer));
        if !matches!(read.await.unwrap(), Ok(1..)) {
            return false;
        }
    }
    answer.starts_with(b"HTTP/1.1 200 ")
}

#[tokio::test]
async fn who_sends_all_of_a_large_body_first_reads_the_refusal() {
    let running = Running::start(|_| {}).await;
    let all = vec![b'a'; 30_000_000];
    for length in [
        "content-length: 30000000\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n1c9c380\r\n",
    ] {
        let mut stream = running.connect(1).await;
        let head = format!("POST /body HTTP/1.1\r\nhost: x\r\n{length}");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&all).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        let problem =
            r#"{"code":3,"details":[],"message":"the request is larger than 1048576 bytes"}"#;
        assert!(answer.ends_with(problem), "{answer}");
    }
    running.stop().await;
}

#[tokio::test]
async fn who_sends_all_of_a_large_head_first_reads_the_refusal() {
    let running = Running::start(|_| {}).await;
    let mut stream = running.connect(1).await;
    let head = format!("GET / HTTP/1.1\r\nx: {}", "A".repeat(10_000_000));
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn a_crowd_from_one_address_closes_its_own_connections_only() {
    let running = Running::start(|config| {
        config.limits.connections = 64;
        config.rates.connections = 16;
    })
    .await;
    let mut kept = running.connect(2).await;
    assert!(is_served(&mut kept).await);
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(running.connect(3).await);
    }
    let mut fresh = running.connect(4).await;
    assert!(is_served(&mut fresh).await);
    // Of the crowd the last ones are there, and the others are not.
    let (gone, there) = crowd.split_at_mut(100 - 16);
    for stream in gone {
        assert_eq!(rest(stream).await, "");
    }
    assert!(is_served(&mut kept).await);
    for stream in there {
        assert!(is_served(stream).await);
    }
    running.stop().await;
}

#[tokio::test]
async fn who_has_its_share_at_work_is_told_so() {
    let running = Running::start(|config| config.rates.connections = 2).await;
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut stream = running.connect(3).await;
        let wait = b"GET /wait HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(wait).await.unwrap();
        waiting.push(stream);
    }
    // Until its request has been read, a connection is idle and makes room for another.
    let at_work = running.waiting.acquire_many(2);
    timeout(LONG, at_work).await.unwrap().unwrap().forget();
    let mut one_more = running.connect(3).await;
    assert_eq!(
        rest(&mut one_more).await,
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\ncontent-length: 74\r\n\
         cache-control: no-store\r\nretry-after: 1\r\nconnection: close\r\n\r\n\
         {\"code\":8,\"details\":[],\"message\":\"too many connections from this address\"}"
    );
    assert!(is_served(&mut running.connect(4).await).await);
    running.gate.add_permits(2);
    for stream in &mut waiting {
        assert!(rest(stream).await.ends_with("waited"));
    }
    assert!(is_served(&mut running.connect(3).await).await);
    running.stop().await;
}

#[tokio::test]
async fn exempt_callers_and_trusted_proxies_have_as_many_as_there_is_room_for() {
    let running = Running::start(|config| {
        config.rates.connections = 2;
        config.rates.exempt = vec!["127.0.0.5/32".parse().unwrap()];
        config.rates.trusted_proxies = vec!["127.0.0.6/32".parse().unwrap()];
    })
    .await;
    for (from, allowed) in [(5, 8), (6, 8), (7, 2)] {
        let mut crowd = Vec::new();
        for _ in 0..8 {
            crowd.push(running.connect(from).await);
        }
        let (gone, there) = crowd.split_at_mut(8 - allowed);
        for stream in gone {
            assert_eq!(rest(stream).await, "", "127.0.0.{from}");
        }
        for stream in there {
            assert!(is_served(stream).await, "127.0.0.{from}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn who_says_nothing_is_closed_in_time_and_does_not_delay_the_end() {
    let running = Running::start(|config| {
        config.limits.header_time = Duration::from_millis(50);
    })
    .await;
    let mut silent = running.connect(1).await;
    assert_eq!(rest(&mut silent).await, "");
    // Neither does one that has been served: its request is there before anybody looks at the time.
    let mut served = std::net::TcpStream::connect(running.address).unwrap();
    served.write_all(GET).unwrap();
    served.set_nonblocking(true).unwrap();
    let mut served = TcpStream::from_std(served).unwrap();
    let answer = rest(&mut served).await;
    assert!(answer.ends_with("\r\n\r\nhere"), "{answer}");
    running.stop().await;

    let running = Running::start(|config| {
        config.limits.header_time = 60 * LONG;
        config.limits.drain_time = 60 * LONG;
    })
    .await;
    let mut silent = running.connect(1).await;
    let mut served = running.connect(1).await;
    assert!(is_served(&mut served).await);
    timeout(LONG, running.stop()).await.unwrap();
    assert_eq!(rest(&mut silent).await, "");
}
