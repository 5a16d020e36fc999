//! What one caller may ask of the instance: how often, and how much at one time.
//!
//! A caller is an address; in IPv6 the network of it that one site has. What is kept about callers is bounded.

mod bodies;
mod callers;
mod rate;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use ipnet::{IpNet, Ipv4Net};
use tokio::time::Instant;

use super::problem::Problem;
use bodies::{Bodies, Verdict};
pub(super) use callers::Callers;
use rate::Rates;

/// What one caller may ask, and all together.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// Connections that a caller may have open at one time.
    pub connections: usize,
    /// Requests a second that a caller may go on making.
    pub requests_per_second: u32,
    /// Requests that a caller may make at once, after a pause.
    pub burst: u32,
    /// Callers that may ask as often as they like, on as many connections.
    pub exempt: Vec<IpNet>,
    /// Proxies whose `X-Forwarded-For` says who the caller is.
    pub trusted_proxies: Vec<IpNet>,
    /// Time for the body of a request to arrive.
    pub body_time: Duration,
    /// Bytes of bodies held at one time for all callers. A quarter is kept for callers that hold no more than a
    /// 1024th of it; of the rest one caller has a third of what others leave, so a quarter of all at the most.
    pub body_bytes: usize,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            connections: 512,
            requests_per_second: 200,
            burst: 1_000,
            exempt: vec![
                Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into(),
                IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            ],
            trusted_proxies: Vec::new(),
            body_time: Duration::from_secs(10),
            body_bytes: 64 << 20,
        }
    }
}

impl RateLimits {
    /// How callers are told from each other.
    pub(super) fn callers(&self) -> Callers {
        Callers::new(self.exempt.clone(), self.trusted_proxies.clone())
    }
}

/// Holds callers to their limits. Made once, it outlives every change of the instance's routes.
#[derive(Debug)]
pub(crate) struct Limiter {
    callers: Callers,
    rates: Rates,
    bodies: Arc<Bodies>,
}

impl Limiter {
    pub(crate) fn new(limits: &RateLimits) -> Arc<Self> {
        Arc::new(Self {
            rates: Rates::new(limits.requests_per_second, limits.burst),
            bodies: Bodies::new(limits.body_bytes, limits.body_time),
            callers: limits.callers(),
        })
    }

    /// The router with every request held to the limits of its caller.
    pub(crate) fn layer(self: &Arc<Self>, router: Router) -> Router {
        router.layer(from_fn_with_state(Arc::clone(self), limit))
    }
}

async fn limit(State(limiter): State<Arc<Limiter>>, request: Request, next: Next) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(address)| address.ip());
    let caller = limiter.callers.caller(peer, request.headers());
    if !limiter.callers.is_exempt(caller)
        && let Err(wait) = limiter.rates.take(caller, Instant::now())
    {
        return Problem::too_many(wait).into_response();
    }
    let (request, charge) = limiter.bodies.watch(caller, request);
    let response = next.run(request).await;
    // What a service says of a body that was cut is not what happened.
    match charge.and_then(|charge| charge.verdict()) {
        None => response,
        Some(Verdict::Late) => Problem::late().into_response(),
        Some(Verdict::TooMuch) => {
            Problem::busy("too many unfinished requests are under way").into_response()
        }
    }
}

#[cfg(test)]
mod tests;
