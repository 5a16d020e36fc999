//! What all services share over HTTP: the layers around every route, refusals, bodies, tiles.

pub(crate) mod body;
pub(crate) mod connections;
pub(crate) mod guard;
pub(crate) mod limits;
pub(crate) mod live;
pub(crate) mod problem;
pub(crate) mod server;
pub(crate) mod socket;
pub(crate) mod tiles;
pub(crate) mod tls;

use std::any::Any;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::config::Limits;
use crate::endpoints::Endpoints;
use problem::Problem;

/// Headers of every answer that does not set them itself.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// The routes with what every request passes through, outermost last.
pub(crate) fn with_layers(routes: Router, endpoints: Endpoints, limits: Limits) -> Router {
    let router = routes
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(from_fn_with_state(limits.request_time, in_time))
        .layer(from_fn_with_state(endpoints, guard::own_host))
        .layer(CatchPanicLayer::custom(after_panic));
    HEADERS.into_iter().fold(router, |router, (name, value)| {
        router.layer(SetResponseHeaderLayer::if_not_present(name, value))
    })
}

/// The value behind a lock; a thread that panicked while it held the lock has left it unfit.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, Problem> {
    mutex.lock().map_err(|_| Problem::internal())
}

/// What takes longer than `limit` is given up; it may have been done all the same.
async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::later("the request took too long", 5).into_response(),
    }
}

/// What the panic says may hold what the client sent; it goes nowhere.
fn after_panic(_: Box<dyn Any + Send>) -> Response {
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests;
