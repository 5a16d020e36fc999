//! The SPIFFE Workload API's call `FetchJWTSVID`: gRPC, of which one unary call is a POST over
//! HTTP/2 with a length before each message and a status after the body.

use std::{
    ffi::OsStr,
    io::ErrorKind,
    net::SocketAddr,
    os::unix::ffi::OsStrExt as _,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    Request, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http2,
    header::{CONTENT_TYPE, HeaderMap, TE},
    rt::Executor,
};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    task::JoinSet,
};
use url::{Host, Url};
use zeroize::Zeroizing;

use super::{super::Secret, protobuf};
use crate::service::excerpt;

/// The most bytes of an answer, which may hold several SVIDs: 256 KiB.
pub(super) const MAX_ANSWER: usize = 256 << 10;

/// The most bytes that the other side may send ahead of our reading them.
const WINDOW: u32 = 64 << 10;

/// The most bytes of headers or trailers.
const MAX_HEADERS: u32 = 16 << 10;

const EXPECTED: &str = "expected unix:///path or tcp://127.0.0.1:port";
const METHOD: &str = "http://localhost/SpiffeWorkloadAPI/FetchJWTSVID";
const GRPC: &str = "application/grpc";

/// Why the Workload API gives no JWT-SVID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkloadApiError {
    /// Nobody is there, or we may not connect.
    #[error("cannot connect: {0}")]
    Connect(ErrorKind),
    /// No complete answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke, or what came over it is not HTTP/2.
    #[error("{0}")]
    Broken(String),
    /// It says no.
    #[error("refused with gRPC status {code} ({}): {message}", status_name(*.code))]
    Refused {
        /// The gRPC status code.
        code: u32,
        /// What it says about it, without control characters and tokens.
        message: String,
    },
    /// The answer or a token in it is longer than accepted.
    #[error("the answer or its token is longer than {cap} bytes")]
    TooLong {
        /// The most that was accepted, in bytes.
        cap: usize,
    },
    /// A part of the answer is not as gRPC and the Workload API have it.
    #[error("the answer's {0} cannot be read")]
    Unreadable(&'static str),
    /// More SVIDs than any workload has.
    #[error("the answer holds more than {} SVIDs", protobuf::MAX_SVIDS)]
    TooManySvids,
    /// An answer without any SVID.
    #[error("the answer holds no SVID")]
    NoSvid,
}

/// The canonical names of the gRPC status codes, by code.
fn status_name(code: u32) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    let index = usize::try_from(code).unwrap_or(usize::MAX);
    NAMES.get(index).unwrap_or(&"not a known code")
}

/// Where a Workload API is (SPIFFE Workload Endpoint, section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

impl Endpoint {
    /// `unix:///path`, `unix:/path` or `tcp://ADDRESS:PORT` with an address of this machine: the
    /// token would cross any network unencrypted, and the agent could not tell who asks.
    pub(super) fn parse(address: &str) -> Result<Self, &'static str> {
        let url = Url::parse(address).map_err(|_| EXPECTED)?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err("user, query and fragment have no place in it");
        }
        match url.scheme() {
            "unix" => Self::unix(&url),
            "tcp" => Self::tcp(&url),
            _ => Err(EXPECTED),
        }
    }

    fn unix(url: &Url) -> Result<Self, &'static str> {
        if url.has_host() && url.host_str() != Some("") {
            return Err("unix: has a host, expected unix:///path");
        }
        let path: Vec<u8> = percent_decode(url.path().as_bytes()).collect();
        match path.as_slice() {
            [b'/', _, ..] => Ok(Self::Unix(OsStr::from_bytes(&path).into())),
            _ => Err("the path of a unix socket must be absolute"),
        }
    }

    fn tcp(url: &Url) -> Result<Self, &'static str> {
        if !matches!(url.path(), "" | "/") {
            return Err("tcp: has a path");
        }
        let port = url.port().ok_or("tcp: has no port")?;
        // The URL parser knows IPv4 addresses only in the schemes of the web.
        let ip = match url.host() {
            Some(Host::Ipv4(ip)) => ip.into(),
            Some(Host::Ipv6(ip)) => ip.into(),
            Some(Host::Domain(name)) => name.parse().map_err(|_| "tcp: has no IP address")?,
            None => return Err("tcp: has no IP address"),
        };
        let address = SocketAddr::new(ip, port);
        match address.ip().is_loopback() {
            true => Ok(Self::Tcp(address)),
            false => Err("tcp: is not on this machine"),
        }
    }
}

/// A JWT-SVID of this workload for `audience`, not yet looked at. Takes no longer than `limit`,
/// and leaves nothing running.
pub(super) async fn fetch_jwt_svid(
    endpoint: &Endpoint,
    audience: &str,
    limit: Duration,
) -> Result<Secret, WorkloadApiError> {
    let connect_error = |error: std::io::Error| WorkloadApiError::Connect(error.kind());
    let fetch = async {
        match endpoint {
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(connect_error)?;
                call(stream, audience).await
            }
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await.map_err(connect_error)?;
                call(stream, audience).await
            }
        }
    };
    let fetched = tokio::time::timeout(limit, fetch).await;
    fetched.unwrap_or(Err(WorkloadApiError::Timeout))
}

async fn call<S>(stream: S, audience: &str) -> Result<Secret, WorkloadApiError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let tasks = Arc::default();
    let spawner = Spawner(Arc::downgrade(&tasks));
    let (mut sender, connection) = http2::Builder::new(spawner.clone())
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    spawner.execute(connection);

    let request = Request::post(METHOD)
        .header(CONTENT_TYPE, GRPC)
        .header(TE, "trailers")
        .header("workload.spiffe.io", "true")
        .body(Full::new(frame(&protobuf::request(audience))?))
        .map_err(|error| broken(&error))?;
    let response = sender.send_request(request).await;
    let (head, body) = response.map_err(|error| broken(&error))?.into_parts();
    if head.status != StatusCode::OK {
        let status = format!("HTTP status {}", head.status);
        return Err(WorkloadApiError::Broken(status));
    }
    let content_type = head.headers.get(CONTENT_TYPE);
    if !content_type.is_some_and(|value| value.as_bytes().starts_with(GRPC.as_bytes())) {
        return Err(WorkloadApiError::Unreadable("content type"));
    }
    let (body, trailers) = read(body).await?;
    // An answer without messages has its status among the headers.
    check_status(&trailers.unwrap_or(head.headers))?;
    protobuf::first_token(only_message(&body)?)
}

/// One message with its prefix: not compressed, its length in four bytes.
fn frame(message: &[u8]) -> Result<Bytes, WorkloadApiError> {
    let too_long = |_| WorkloadApiError::TooLong { cap: MAX_ANSWER };
    let length = u32::try_from(message.len()).map_err(too_long)?;
    Ok([&[0], &length.to_be_bytes()[..], message].concat().into())
}

async fn read(body: Incoming) -> Result<(Zeroizing<Vec<u8>>, Option<HeaderMap>), WorkloadApiError> {
    let collected = Limited::new(body, MAX_ANSWER).collect().await;
    let collected = collected.map_err(|error| match error.is::<LengthLimitError>() {
        true => WorkloadApiError::TooLong { cap: MAX_ANSWER },
        false => broken(&*error),
    })?;
    let trailers = collected.trailers().cloned();
    Ok((Zeroizing::new(collected.to_bytes().into()), trailers))
}

fn check_status(headers: &HeaderMap) -> Result<(), WorkloadApiError> {
    let status = headers
        .get("grpc-status")
        .and_then(|code| code.to_str().ok());
    let code = status.and_then(|code| code.parse().ok());
    match code.ok_or(WorkloadApiError::Unreadable("grpc-status"))? {
        0 => Ok(()),
        code => {
            let message = headers.get("grpc-message").map(|value| value.as_bytes());
            let message: Vec<u8> = percent_decode(message.unwrap_or_default()).collect();
            Err(WorkloadApiError::Refused {
                code,
                message: excerpt(&message),
            })
        }
    }
}

/// The message of a body that holds exactly one, which is not compressed.
fn only_message(body: &[u8]) -> Result<&[u8], WorkloadApiError> {
    let unreadable = WorkloadApiError::Unreadable("message prefix");
    let Some(([0, length @ ..], message)) = body.split_first_chunk::<5>() else {
        return Err(unreadable);
    };
    let length = usize::try_from(u32::from_be_bytes(*length));
    match length.is_ok_and(|length| length == message.len()) {
        true => Ok(message),
        false => Err(unreadable),
    }
}

fn broken(error: &(dyn std::error::Error + 'static)) -> WorkloadApiError {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    WorkloadApiError::Broken(excerpt(cause.to_string().as_bytes()))
}

/// Runs what a connection needs run, in a set that the call owns and ends.
#[derive(Clone)]
struct Spawner(Weak<Mutex<JoinSet<()>>>);

impl<F> Executor<F> for Spawner
where
    F: Future + Send + 'static,
{
    fn execute(&self, future: F) {
        let Some(tasks) = self.0.upgrade() else {
            return;
        };
        let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(async move {
            future.await;
        });
    }
}
