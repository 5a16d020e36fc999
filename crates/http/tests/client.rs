//! The client against servers that hang, fail, redirect and never stop talking.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::atomic::{AtomicU32, Ordering};

use axum::{
    Router,
    http::{HeaderMap as AxumHeaders, StatusCode as AxumStatus},
    response::{IntoResponse as _, Response as AxumResponse},
    routing::any,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::rustls::{
    self,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use std::{sync::Arc, time::Duration};

use signhere_http::*;
use signhere_testkit::network::{SleepyClock, client, client_with, impatient, refusing, serve};
use url::Url;

const TLS_CERTIFICATE: &[u8] = include_bytes!("../../../testdata/tls/localhost.crt");
const TLS_KEY: &[u8] = include_bytes!("../../../testdata/tls/localhost.key");

fn get(url: &Url, path: &str) -> HttpRequest {
    HttpRequest::get(url.join(path).unwrap(), Destination::Configured)
}

fn post(url: &Url, path: &str) -> HttpRequest {
    let url = url.join(path).unwrap();
    HttpRequest::post(
        url,
        Destination::Configured,
        "text/plain",
        b"hello".to_vec(),
    )
}

fn at(url: &Url, path: &str) -> String {
    url.join(path).unwrap().into()
}

/// A server that answers as `answer` says, given how many requests came before.
async fn scripted(answer: fn(u32) -> AxumResponse) -> (Url, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&count);
    let handler = move || {
        let before = seen.fetch_add(1, Ordering::SeqCst);
        async move { answer(before) }
    };
    (serve(Router::new().fallback(any(handler))).await, count)
}

/// A server that sends chunk after chunk to the first one who asks.
async fn endless() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let chunk = format!("400\r\n{}\r\n", "a".repeat(0x400));
        while stream.write_all(chunk.as_bytes()).await.is_ok() {}
    });
    Url::parse(&format!("http://127.0.0.1:{port}")).unwrap()
}

fn status(code: u16) -> AxumResponse {
    AxumStatus::from_u16(code).unwrap().into_response()
}

#[tokio::test]
async fn answers_come_whole_whatever_their_status() {
    let clock = Arc::default();
    let (url, _) = scripted(|_| (AxumStatus::NOT_FOUND, "no such thing").into_response()).await;
    let answer = client(&clock).send(&get(&url, "/x")).await.unwrap();
    assert_eq!((answer.status, &*answer.body), (404, &b"no such thing"[..]));
    assert_eq!(clock.sleeps(), []);
}

#[tokio::test]
async fn long_bodies_are_cut_off() {
    let (url, _) = scripted(|_| vec![b'a'; 10 << 20].into_response()).await;
    let refused = HttpError::BodyTooLarge {
        url: at(&url, "/x"),
        cap: DEFAULT_BODY_CAP,
    };
    let http = client(&Arc::default());
    assert_eq!(http.send(&get(&url, "/x?secret=1")).await, Err(refused));

    // The same without announcing the length.
    let url = endless().await;
    let refused = HttpError::BodyTooLarge {
        url: at(&url, "/x"),
        cap: 5000,
    };
    let request = get(&url, "/x").body_cap(5000);
    assert_eq!(http.send(&request).await, Err(refused));
}

#[tokio::test]
async fn servers_that_hang_are_left() {
    let handler = || async { std::future::pending::<()>().await };
    let url = serve(Router::new().fallback(any(handler))).await;
    let http = client_with(&Arc::default(), impatient(50));
    let refused = HttpError::Timeout {
        url: at(&url, "/x"),
    };
    assert_eq!(http.send(&get(&url, "/x")).await, Err(refused));
}

#[tokio::test]
async fn failures_are_tried_again_ever_more_slowly() {
    let clock = Arc::default();
    let (url, count) = scripted(|before| status(if before < 3 { 503 } else { 200 })).await;
    let answer = client(&clock).send(&get(&url, "/x")).await.unwrap();
    assert_eq!((answer.status, count.load(Ordering::SeqCst)), (200, 4));

    let sleeps = clock.sleeps();
    assert_eq!(sleeps.len(), 3);
    for (attempt, slept) in sleeps.iter().enumerate() {
        let longest = Duration::from_millis(500) * (1 << attempt);
        assert!((longest / 2..=longest).contains(slept), "{sleeps:?}");
    }
}

#[tokio::test]
async fn the_last_failure_is_the_answer() {
    let clock = Arc::default();
    let (url, count) = scripted(|_| status(500)).await;
    let answer = client(&clock).send(&get(&url, "/x")).await.unwrap();
    assert_eq!((answer.status, count.load(Ordering::SeqCst)), (500, 4));
}

#[tokio::test]
async fn what_will_not_change_is_not_tried_again() {
    let clock = Arc::default();
    for code in [400, 404, 409, 501] {
        let router = Router::new().fallback(any(move || async move { status(code) }));
        let url = serve(router).await;
        let answer = client(&clock).send(&get(&url, "/x")).await.unwrap();
        assert_eq!(answer.status, code);
    }
    assert_eq!(clock.sleeps(), []);
}

#[tokio::test]
async fn posts_are_made_once_unless_repeatable() {
    let clock = Arc::default();
    let (url, count) = scripted(|_| status(503)).await;
    let http = client(&clock);
    http.send(&post(&url, "/x")).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
    http.send(&post(&url, "/x").repeatable()).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn services_may_ask_for_a_wait_within_reason() {
    fn busy(seconds: &'static str) -> AxumResponse {
        (AxumStatus::TOO_MANY_REQUESTS, [("retry-after", seconds)]).into_response()
    }
    let clock = Arc::default();
    let (url, _) = scripted(|before| match before {
        0 => busy("7"),
        1 => busy("Sun, 22 Nov 2026 15:00:00 GMT"),
        _ => busy("31"),
    })
    .await;
    let answer = client(&clock).send(&get(&url, "/x")).await.unwrap();
    assert_eq!(answer.status, 429);
    let sleeps = clock.sleeps();
    assert_eq!((sleeps.len(), sleeps[0]), (2, Duration::from_secs(7)));
}

#[tokio::test]
async fn refused_connections_are_tried_again() {
    let clock: Arc<SleepyClock> = Arc::default();
    let nobody = refusing();
    let error = client(&clock)
        .send(&get(&nobody.url, "/x"))
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error:?}");
    assert_eq!(clock.sleeps().len(), 3);
}

#[tokio::test]
async fn redirects_are_followed_within_the_origin_and_for_get_only() {
    fn to(location: &str) -> AxumResponse {
        (AxumStatus::FOUND, [("location", location)]).into_response()
    }
    let (elsewhere, elsewhere_count) = scripted(|_| status(200)).await;
    let away = at(&elsewhere, "/stolen");
    let away_handler = move || {
        let away = away.clone();
        async move { to(&away) }
    };
    let router = Router::new()
        .route("/here", any(|| async { to("/there") }))
        .route("/there", any(|| async { "arrived" }))
        .route("/loop", any(|| async { to("/loop") }))
        .route("/away", any(away_handler));
    let url = serve(router).await;
    let http = client(&Arc::default());

    let answer = http.send(&get(&url, "/here")).await.unwrap();
    assert_eq!(answer.body, b"arrived");
    let refused = |from: &str, location: String| {
        Err(HttpError::Redirect {
            url: at(&url, from),
            location,
        })
    };
    let found = http.send(&post(&url, "/here")).await;
    assert_eq!(found, refused("/here", at(&url, "/there")));
    let found = http.send(&get(&url, "/loop")).await;
    assert_eq!(found, refused("/loop", "one more address".into()));
    let request = get(&url, "/away").bearer("t0ken").unwrap();
    let found = http.send(&request).await;
    assert_eq!(found, refused("/away", at(&elsewhere, "/stolen")));
    assert_eq!(elsewhere_count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn requests_carry_what_they_are_given() {
    let echo = |headers: AxumHeaders, body: String| async move {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        let names = ["user-agent", "authorization", "content-type"];
        format!("{body} {}", names.map(header).join(" "))
    };
    let url = serve(Router::new().fallback(any(echo))).await;
    let request = post(&url, "/x").bearer("t0ken").unwrap();
    let answer = client(&Arc::default()).send(&request).await.unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!("hello signhere/{version} Bearer t0ken text/plain");
    assert_eq!(String::from_utf8(answer.body).unwrap(), expected);
}

#[test]
fn tokens_are_in_no_debug_output() {
    let url = Url::parse("https://host.example/").unwrap();
    let request = HttpRequest::get(url, Destination::Configured);
    let with_token = request.clone().bearer("t0ken").unwrap();
    assert!(!format!("{with_token:?}").contains("t0ken"));
    let refused = request.bearer("a\nb").unwrap_err();
    assert_eq!(refused, HttpError::UnprintableToken);
}

/// A TLS server that says hello over HTTP.
async fn tls_server() -> Url {
    let certificate = CertificateDer::from_pem_slice(TLS_CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(TLS_KEY).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            stream.read_u8().await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    Url::parse(&format!("https://localhost:{port}")).unwrap()
}

#[tokio::test]
async fn servers_are_believed_by_the_authorities_given_and_no_others() {
    let url = tls_server().await;
    let request = get(&url, "/x");
    let with = |roots| HttpConfig {
        roots,
        ..impatient(10_000)
    };
    let http = client_with(
        &Arc::default(),
        with(TlsRoots::Pem(TLS_CERTIFICATE.to_vec())),
    );
    assert_eq!(http.send(&request).await.unwrap().body, b"hello");

    let both = http.reconfigured(|config| {
        config.roots = TlsRoots::SystemAnd(TLS_CERTIFICATE.to_vec());
    });
    assert_eq!(both.send(&request).await.unwrap().body, b"hello");

    let http = client_with(&Arc::default(), with(TlsRoots::System));
    let error = http.send(&request).await.unwrap_err();
    let HttpError::Connect { detail, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(detail.contains("certificate"), "{detail}");
}

#[tokio::test]
async fn a_file_without_authorities_is_refused() {
    let config = HttpConfig {
        roots: TlsRoots::Pem(b"# nothing\n".to_vec()),
        ..HttpConfig::default()
    };
    let url = Url::parse("https://127.0.0.1:1/").unwrap();
    let request = HttpRequest::get(url, Destination::Configured);
    let refused = HttpError::Tls {
        detail: "the file of certificate authorities holds none".into(),
    };
    let http = client_with(&Arc::default(), config);
    assert_eq!(http.send(&request).await, Err(refused));
}

#[tokio::test]
async fn learned_names_of_private_addresses_are_refused() {
    // The name resolves to loopback by the hosts file of about every machine; where it does not,
    // the guard that knows it by name refuses it all the same.
    let url = Url::parse("https://localhost:1/token").unwrap();
    let from = Url::parse("https://issuer.example/").unwrap();
    let request = HttpRequest::get(url, Destination::Learned { from });
    let refused = HttpError::PrivateAddress {
        url: "https://localhost:1/token".into(),
    };
    let found = client(&Arc::default()).send(&request).await;
    assert_eq!(found, Err(refused));
}
