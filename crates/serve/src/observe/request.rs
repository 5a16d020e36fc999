//! What every request leaves behind: counts, a duration, an id, one line of log.
//!
//! The line names the route and not the path or the query, and nothing of headers and bodies: those hold
//! tokens and names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use super::Observer;
use crate::status::NAMES_PEOPLE;

/// The header that names a request in its answer, as the log names it.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The route of what no route matches.
const UNMATCHED: &str = "unmatched";

/// What a service adds to its answer's extensions, for metrics and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A certificate was issued, in the name of somebody.
    Certificate {
        /// The subject alternative name; logged only when addresses may be.
        identity: String,
        /// Who vouched for it.
        issuer: String,
        /// Its serial number.
        serial: String,
    },
    /// A timestamp was given.
    Timestamp,
    /// The request was refused, for a reason with this code (that of gRPC).
    Refused(u8),
}

/// Names for requests: unique in a process, and most likely across starts.
#[derive(Debug)]
pub(super) struct RequestIds {
    prefix: u32,
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new(prefix: u32) -> Self {
        Self {
            prefix,
            next: AtomicU64::new(0),
        }
    }

    fn next(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-{number:x}", self.prefix)
    }
}

/// Counts a request, times it, names it and logs it.
pub(super) async fn observe(
    State(observer): State<Arc<Observer>>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let id = observer.ids.next();
    let method = method_name(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| UNMATCHED.to_owned(), |path| path.as_str().to_owned());

    let in_flight = observer.metrics.begin();
    let mut response = next.run(request).await;
    drop(in_flight);

    let status = response.status();
    let seconds = begun.elapsed().as_secs_f64();
    let outcome = response.extensions_mut().remove::<Outcome>();
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    observer
        .metrics
        .answered(method, &route, status, seconds, outcome.as_ref());
    log(
        &Line {
            id: &id,
            method,
            route: &route,
            status,
            seconds,
            bytes: response.body().size_hint().exact(),
        },
        outcome.as_ref(),
    );
    response
}

struct Line<'a> {
    id: &'a str,
    method: &'static str,
    route: &'a str,
    status: StatusCode,
    seconds: f64,
    bytes: Option<u64>,
}

fn log(line: &Line<'_>, outcome: Option<&Outcome>) {
    let code = match outcome {
        Some(Outcome::Refused(code)) => Some(code_name(*code)),
        _ => None,
    };
    let milliseconds = (line.seconds * 1e6).round() / 1e3;
    tracing::info!(
        target: "signhere::request",
        id = line.id,
        method = line.method,
        route = line.route,
        status = line.status.as_u16(),
        milliseconds,
        bytes = line.bytes,
        code,
    );
    if let Some(Outcome::Certificate {
        identity,
        issuer,
        serial,
    }) = outcome
    {
        tracing::info!(target: "signhere::certificate", id = line.id, serial, issuer);
        tracing::info!(target: NAMES_PEOPLE, id = line.id, serial, identity);
    }
}

/// Clients may invent methods; metrics may not grow by that.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "OTHER",
    }
}

/// The name of a gRPC code, as its documents write it.
pub(super) fn code_name(code: u8) -> &'static str {
    match code {
        3 => "invalid_argument",
        4 => "deadline_exceeded",
        5 => "not_found",
        7 => "permission_denied",
        8 => "resource_exhausted",
        12 => "unimplemented",
        13 => "internal",
        14 => "unavailable",
        16 => "unauthenticated",
        _ => "other",
    }
}
