//! The Workload API as a server on a unix socket plays it, honest and not.

use std::{
    convert::Infallible,
    io::ErrorKind,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response,
    body::{Body, Bytes, Frame, Incoming},
    header::{HeaderMap, HeaderValue},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixListener},
};

use super::{
    super::{
        AmbientProblem, Provider, detect,
        tests::{FakeEnv, subject},
    },
    protobuf::{MAX_SVID, MAX_SVIDS, request},
    workload::{Endpoint, MAX_ANSWER, WorkloadApiError},
};
use crate::{
    identity::{Challenge, TokenError},
    testing::{NOW, client_with, impatient},
};

type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// An answer with a body and what gRPC puts around it, each part of which a test may change.
struct Answer {
    body: Vec<u8>,
    http_status: u16,
    content_type: &'static str,
    grpc_status: Option<&'static str>,
    grpc_message: &'static str,
}

impl Answer {
    fn new(body: Vec<u8>) -> Self {
        Self {
            body,
            http_status: 200,
            content_type: "application/grpc",
            grpc_status: Some("0"),
            grpc_message: "",
        }
    }

    fn svids(tokens: &[&str]) -> Self {
        Self::new(framed(&response(tokens)))
    }

    fn reply(&self) -> Reply {
        let trailers = self.grpc_status.map(|status| {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static(status));
            let message = HeaderValue::from_static(self.grpc_message);
            trailers.insert("grpc-message", message);
            Ok(trailers)
        });
        let body = Full::new(Bytes::from(self.body.clone()));
        let body = body.with_trailers(std::future::ready(trailers));
        Response::builder()
            .status(self.http_status)
            .header("content-type", self.content_type)
            .body(body.boxed_unsync())
            .unwrap()
    }
}

/// A body that never ends.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 1024])))))
    }
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push(u8::try_from(length % 0x80).unwrap() | 0x80);
        length /= 0x80;
    }
    field.push(u8::try_from(length).unwrap());
    field.extend_from_slice(bytes);
    field
}

fn response(tokens: &[&str]) -> Vec<u8> {
    let svid = |token: &&str| {
        let id = field(1, b"spiffe://example.org/app");
        let svid = [id, field(2, token.as_bytes()), field(3, b"hint")];
        field(1, &svid.concat())
    };
    tokens.iter().flat_map(svid).collect()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], message].concat()
}

/// A subject, or why there is none.
type Found = Result<String, AmbientProblem>;

/// What is found at the Workload API of `address`.
async fn found_at(address: &str) -> Found {
    let env = FakeEnv::with(&[("SPIFFE_ENDPOINT_SOCKET", address)]);
    let http = client_with(&Arc::default(), impatient(120_000));
    let found = detect(&env, &http, "sigstore", NOW).await;
    let found = found.map_err(|error| {
        assert_eq!(error.provider, Provider::Spiffe);
        error.problem
    })?;
    let found = found.unwrap();
    assert_eq!(found.provider, Provider::Spiffe);
    match found.token.challenge() {
        Challenge::Subject(subject) => Ok(subject.clone()),
        other => panic!("{other:?}"),
    }
}

fn address(folder: &Path) -> String {
    format!("unix://{}/agent.sock", folder.display())
}

fn listen() -> (TempDir, UnixListener) {
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join("agent.sock")).unwrap();
    (folder, listener)
}

/// What is found where an agent checks the request and gives this reply. Its end of the
/// connection must come to an end too: the client leaves nothing running.
async fn found(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Found {
    let (folder, listener) = listen();
    let reply = Arc::new(reply);
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(move |request| {
            let reply = reply.clone();
            async move {
                check(request).await;
                Ok::<_, Infallible>(reply())
            }
        });
        let http = http2::Builder::new(TokioExecutor::new());
        // A client that has read enough hangs up, which is an error to the server.
        let _ = http.serve_connection(TokioIo::new(stream), service).await;
    });
    let found = found_at(&address(folder.path())).await;
    server.await.unwrap();
    found.map_err(|problem| {
        let AmbientProblem::WorkloadApi { address: at, .. } = &problem else {
            return problem;
        };
        assert_eq!(at, &address(folder.path()));
        nowhere(problem)
    })
}

async fn check(request: Request<Incoming>) {
    let (head, body) = request.into_parts();
    assert_eq!(head.method, "POST");
    assert_eq!(head.uri.path(), "/SpiffeWorkloadAPI/FetchJWTSVID");
    assert_eq!(head.headers["workload.spiffe.io"], "true");
    assert_eq!(head.headers["content-type"], "application/grpc");
    assert_eq!(head.headers["te"], "trailers");
    let body = body.collect().await.unwrap().to_bytes();
    assert_eq!(body, framed(&field(1, b"sigstore")));
}

/// The same problem at an address that tests can compare.
fn nowhere(problem: AmbientProblem) -> AmbientProblem {
    match problem {
        AmbientProblem::WorkloadApi { problem, .. } => AmbientProblem::WorkloadApi {
            address: String::new(),
            problem,
        },
        other => other,
    }
}

fn problem(problem: WorkloadApiError) -> Found {
    Err(AmbientProblem::WorkloadApi {
        address: String::new(),
        problem,
    })
}

fn malformed_token(found: &Found) -> bool {
    matches!(found, Err(AmbientProblem::Token(TokenError::Malformed(_))))
}

#[tokio::test]
async fn the_workload_api_gives_the_identity() {
    let answer = Answer::svids(&[&subject("spiffe://example.org/app")]);
    let subject = found(move || answer.reply()).await;
    assert_eq!(subject, Ok("spiffe://example.org/app".into()));
}

#[tokio::test]
async fn of_several_identities_the_first_counts() {
    let tokens = ["one", "two", "three"].map(subject);
    let answer = Answer::svids(&tokens.each_ref().map(String::as_str));
    assert_eq!(found(move || answer.reply()).await, Ok("one".into()));

    let most = vec!["x"; MAX_SVIDS];
    let answer = Answer::svids(&most);
    assert!(malformed_token(&found(move || answer.reply()).await));
    let answer = Answer::svids(&[&most[..], &["x"]].concat());
    let refused = found(move || answer.reply()).await;
    assert_eq!(refused, problem(WorkloadApiError::TooManySvids));
    let answer = Answer::svids(&[]);
    let refused = found(move || answer.reply()).await;
    assert_eq!(refused, problem(WorkloadApiError::NoSvid));
}

#[tokio::test]
async fn unknown_fields_are_passed_over() {
    let numbers = [
        &[4 << 3, 0xff, 0x01, 5 << 3 | 1][..],
        &[9; 8],
        &[6 << 3 | 5],
        &[9; 4],
    ];
    let unknown = [numbers.concat(), field(7, b"later")].concat();
    let svid = [&unknown[..], &field(2, subject("job").as_bytes())].concat();
    let answer = Answer::new(framed(&[&unknown[..], &field(1, &svid)].concat()));
    assert_eq!(found(move || answer.reply()).await, Ok("job".into()));
}

#[tokio::test]
async fn a_refusal_says_why() {
    let refusal = || Answer {
        grpc_status: Some("7"),
        grpc_message: "no identity issued: 100%25%0Asure",
        ..Answer::new(Vec::new())
    };
    let refused = WorkloadApiError::Refused {
        code: 7,
        message: "no identity issued: 100% sure".into(),
    };
    assert_eq!(
        refused.to_string(),
        "refused with gRPC status 7 (PERMISSION_DENIED): no identity issued: 100% sure"
    );
    let found_nothing = found(move || refusal().reply()).await;
    assert_eq!(found_nothing, problem(refused.clone()));
    // The status counts even where a message came before it.
    let body = framed(&response(&[&subject("job")]));
    let answer = Answer { body, ..refusal() };
    assert_eq!(found(move || answer.reply()).await, problem(refused));
}

#[tokio::test]
async fn a_refusal_without_a_body_has_its_status_among_the_headers() {
    let reply = || {
        let head = Response::builder().header("content-type", "application/grpc+proto");
        let head = head.header("grpc-status", "4000000000");
        head.body(Full::new(Bytes::new()).boxed_unsync()).unwrap()
    };
    let refused = WorkloadApiError::Refused {
        code: 4_000_000_000,
        message: String::new(),
    };
    assert_eq!(found(reply).await, problem(refused));
}

#[tokio::test]
async fn long_answers_and_tokens_are_refused() {
    let token = "x".repeat(MAX_SVID + 1);
    let longest = Answer::svids(&[&token[1..]]);
    assert!(malformed_token(&found(move || longest.reply()).await));

    let too_long = |cap| problem(WorkloadApiError::TooLong { cap });
    let longer = Answer::svids(&[&token]);
    assert_eq!(found(move || longer.reply()).await, too_long(MAX_SVID));
    let second = Answer::svids(&["x", &token]);
    assert_eq!(found(move || second.reply()).await, too_long(MAX_SVID));
    let body = Answer::new(vec![0; MAX_ANSWER + 1]);
    assert_eq!(found(move || body.reply()).await, too_long(MAX_ANSWER));
    let endless = || {
        let head = Response::builder().header("content-type", "application/grpc");
        head.body(Endless.boxed_unsync()).unwrap()
    };
    assert_eq!(found(endless).await, too_long(MAX_ANSWER));
}

#[tokio::test]
async fn what_is_not_grpc_is_refused() {
    let good = || Answer::svids(&[&subject("job")]);
    let unreadable = |part| problem(WorkloadApiError::Unreadable(part));
    let content_type = Answer {
        content_type: "text/html",
        ..good()
    };
    let refused = found(move || content_type.reply()).await;
    assert_eq!(refused, unreadable("content type"));
    let http_status = Answer {
        http_status: 404,
        ..good()
    };
    let refused = found(move || http_status.reply()).await;
    let not_found = WorkloadApiError::Broken("HTTP status 404 Not Found".into());
    assert_eq!(refused, problem(not_found));
    for grpc_status in [None, Some(""), Some("-1"), Some("0x0"), Some("4294967296")] {
        let status = Answer {
            grpc_status,
            ..good()
        };
        let refused = found(move || status.reply()).await;
        assert_eq!(refused, unreadable("grpc-status"));
    }
}

#[tokio::test]
async fn garbage_for_a_message_is_refused() {
    let good = response(&[&subject("job")]);
    let prefixed = |prefix: [u8; 5]| [&prefix[..], &good].concat();
    let twice = [framed(&good), framed(&good)].concat();
    let compressed = {
        let mut body = framed(&good);
        body[0] = 1;
        body
    };
    let short = vec![0; 4];
    for body in [
        prefixed([0, 255, 255, 255, 255]),
        prefixed([0; 5]),
        twice,
        compressed,
        short,
    ] {
        let answer = Answer::new(body);
        let refused = found(move || answer.reply()).await;
        let unreadable = WorkloadApiError::Unreadable("message prefix");
        assert_eq!(refused, problem(unreadable));
    }
    let messages: [&[u8]; 9] = [
        b"\x0a",                                             // no length
        b"\x0a\x05\x12",                                     // too long a length
        b"\x0a\x02\x12\x05",                                 // the same within
        b"\x0a\x03\x12\x01\xff",                             // not UTF-8
        b"\x0a\x02\x12\x00",                                 // no token
        b"\x02\x00",                                         // field 0
        b"\x0b\x0c",                                         // a group
        b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",     // 65 bits
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", // 2^64 - 1 bytes
    ];
    for message in messages {
        let answer = Answer::new(framed(message));
        let refused = found(move || answer.reply()).await;
        let unreadable = WorkloadApiError::Unreadable("message");
        assert_eq!(refused, problem(unreadable), "{message:x?}");
    }
}

#[tokio::test]
async fn what_is_not_http2_is_refused() {
    let (folder, listener) = listen();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let found = found_at(&address(folder.path())).await;
    server.await.unwrap();
    let Err(AmbientProblem::WorkloadApi { problem, .. }) = &found else {
        panic!("{found:?}");
    };
    assert!(matches!(problem, WorkloadApiError::Broken(_)), "{found:?}");
}

#[tokio::test]
async fn an_agent_that_hangs_is_left() {
    let (folder, listener) = listen();
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut said = [0; 14];
        stream.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"PRI * HTTP/2.0");
        // It is being asked: from now on no time passes but while nothing else can be done.
        tokio::time::pause();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    };
    let address = address(folder.path());
    let (found, ()) = tokio::join!(found_at(&address), serving);
    assert_eq!(found.map_err(nowhere), problem(WorkloadApiError::Timeout));
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let found = found_at(&address(folder.path())).await;
    let absent = WorkloadApiError::Connect(ErrorKind::NotFound);
    assert_eq!(found.map_err(nowhere), problem(absent));
}

#[tokio::test]
async fn an_agent_on_a_loopback_port_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(async |request| {
            check(request).await;
            Ok::<_, Infallible>(Answer::svids(&[&subject("job")]).reply())
        });
        let http = http2::Builder::new(TokioExecutor::new());
        let _ = http.serve_connection(TokioIo::new(stream), service).await;
    });
    assert_eq!(found_at(&address).await, Ok("job".into()));
    server.await.unwrap();
}

#[test]
fn addresses_lead_to_this_machine() {
    let unix = |path: &str| Ok(Endpoint::Unix(path.into()));
    assert_eq!(Endpoint::parse("unix:///run/a.sock"), unix("/run/a.sock"));
    assert_eq!(Endpoint::parse("unix:/run/a.sock"), unix("/run/a.sock"));
    assert_eq!(Endpoint::parse("unix:///a%20b"), unix("/a b"));
    for tcp in ["127.0.0.1:8081", "127.3.2.1:80", "[::1]:8081"] {
        let endpoint = Ok(Endpoint::Tcp(tcp.parse().unwrap()));
        assert_eq!(Endpoint::parse(&format!("tcp://{tcp}")), endpoint);
    }
}

#[tokio::test]
async fn other_addresses_are_refused() {
    let scheme = "expected unix:///path or tcp://127.0.0.1:port";
    let extra = "user, query and fragment have no place in it";
    let absolute = "the path of a unix socket must be absolute";
    let ip = "tcp: has no IP address";
    let refused = [
        ("/run/a.sock", scheme),
        ("http://127.0.0.1:80", scheme),
        ("unix:run/a.sock", absolute),
        ("unix:", absolute),
        ("unix:///", absolute),
        (
            "unix://run/a.sock",
            "unix: has a host, expected unix:///path",
        ),
        ("unix:///a?b", extra),
        ("unix:///a#b", extra),
        ("tcp://me@127.0.0.1:80", extra),
        ("tcp://127.0.0.1:80?a", extra),
        ("tcp://127.0.0.1:80/a", "tcp: has a path"),
        ("tcp://127.0.0.1", "tcp: has no port"),
        ("tcp:127.0.0.1:80", "tcp: has a path"),
        ("tcp://localhost:80", ip),
        ("tcp://10.0.0.1:80", "tcp: is not on this machine"),
        ("tcp://0.0.0.0:80", "tcp: is not on this machine"),
        ("tcp://[::ffff:127.0.0.1]:80", "tcp: is not on this machine"),
    ];
    for (address, detail) in refused {
        let refusal = Err(AmbientProblem::Variable {
            name: "SPIFFE_ENDPOINT_SOCKET",
            detail: detail.to_owned(),
        });
        assert_eq!(found_at(address).await, refusal, "{address}");
    }
}

#[test]
fn long_audiences_have_long_lengths() {
    for length in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000] {
        let audience = "a".repeat(length);
        assert_eq!(request(&audience), field(1, audience.as_bytes()));
    }
}
