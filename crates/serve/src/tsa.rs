//! The timestamp authority, RFC 3161 over HTTP.

mod json;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use signhere_pki::cert::Certificate;
use signhere_pki::random::Random;
use signhere_pki::time::{Clock, Time};
use signhere_pki::tsp::{self, TimestampRequest, TsaSigner};

use crate::http::problem::Problem;
use crate::http::{body, lock};

/// Bytes of a request.
const BODY_LIMIT: usize = 1024 * 1024;
const QUERY: &str = "application/timestamp-query";
const REPLY: HeaderValue = HeaderValue::from_static("application/timestamp-reply");

/// The authority: its key, its chain, and the latest time it has vouched for.
pub(crate) struct Tsa {
    signer: TsaSigner,
    chain_pem: String,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    latest: Mutex<Time>,
}

impl Tsa {
    /// An authority that signs with `signer`, whose certificate the rest of `chain` has issued, the root last.
    /// It vouches for no time before `since`.
    pub(crate) fn new(
        signer: TsaSigner,
        chain: &[Certificate],
        since: Time,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let chain_pem = chain.iter().map(Certificate::to_pem).collect();
        Self {
            signer,
            chain_pem,
            clock,
            random,
            latest: Mutex::new(since),
        }
    }

    /// The routes under `/api/v1/timestamp`.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/api/v1/timestamp", post(timestamp))
            .route("/api/v1/timestamp/certchain", get(certificate_chain))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(self)
    }

    /// The time, unless it runs backwards: an authority whose clock is wrong must not vouch for any time.
    fn time(&self) -> Result<Time, Problem> {
        let now = self.clock.now();
        let mut latest = lock(&self.latest)?;
        if now < *latest {
            return Err(Problem::unavailable(
                "the clock went backwards, no timestamps are given",
            ));
        }
        *latest = now;
        Ok(now)
    }
}

/// POST /api/v1/timestamp: a request in DER, or in the JSON that sigstore-js sends.
async fn timestamp(
    State(tsa): State<Arc<Tsa>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body::whole(body, BODY_LIMIT)?;
    let reply = match body::media_type(&headers).as_str() {
        QUERY => match TimestampRequest::parse(&body) {
            Ok(request) => respond(&tsa, &request)?,
            Err(error) => {
                tsp::reject(error.failure(), &error.to_string()).map_err(|_| Problem::internal())?
            }
        },
        "application/json" => respond(&tsa, &json::parse(&body)?)?,
        _ => return Err(Problem::media_type(QUERY)),
    };
    Ok(([(header::CONTENT_TYPE, REPLY)], reply).into_response())
}

/// GET /api/v1/timestamp/certchain
async fn certificate_chain(State(tsa): State<Arc<Tsa>>) -> impl IntoResponse {
    let pem = HeaderValue::from_static("application/pem-certificate-chain");
    ([(header::CONTENT_TYPE, pem)], tsa.chain_pem.clone())
}

fn respond(tsa: &Tsa, request: &TimestampRequest) -> Result<Vec<u8>, Problem> {
    let time = tsa.time()?;
    tsp::respond(request, &tsa.signer, time, tsa.random.as_ref()).map_err(|_| Problem::internal())
}
