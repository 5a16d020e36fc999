//! The timestamp authority, RFC 3161 over HTTP.

mod given;
mod json;
mod watch;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use signhere_pki::cert::Certificate;
use signhere_pki::random::Random;
use signhere_pki::tsp::{self, TimestampRequest, TsaSigner};

use crate::http::body;
use crate::http::problem::Problem;
use crate::observe::Outcome;

pub(crate) use given::GivenMark;
pub(crate) use watch::{ClockWatch, STEP_BACK};

/// Bytes of a request.
const BODY_LIMIT: usize = 1024 * 1024;
const QUERY: &str = "application/timestamp-query";
const REPLY: HeaderValue = HeaderValue::from_static("application/timestamp-reply");

/// The authority: its key, its chain, and the clock it watches.
pub(crate) struct Tsa {
    signer: TsaSigner,
    chain_pem: Bytes,
    watch: Arc<ClockWatch>,
    random: Arc<dyn Random>,
}

impl Tsa {
    /// An authority that signs with `signer`, whose certificate the rest of `chain` has issued, the root last.
    /// It vouches for no time once `watch` has seen the clock jump.
    pub(crate) fn new(
        signer: TsaSigner,
        chain: &[Certificate],
        watch: Arc<ClockWatch>,
        random: Arc<dyn Random>,
    ) -> Self {
        let chain_pem: String = chain.iter().map(Certificate::to_pem).collect();
        Self {
            signer,
            chain_pem: chain_pem.into(),
            watch,
            random,
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

    /// An authority whose clock is wrong must not vouch for any time.
    fn respond(&self, request: &TimestampRequest) -> Result<Vec<u8>, Problem> {
        let time = self.watch.now().map_err(|jump| {
            Problem::unavailable(format!(
                "{jump}: no timestamps are given until the service is started again"
            ))
        })?;
        tsp::respond(request, &self.signer, time, self.random.as_ref())
            .map_err(|_| Problem::internal())
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
            Ok(request) => tsa.respond(&request)?,
            Err(error) => {
                let reply = tsp::reject(error.failure(), &error.to_string());
                let reply = reply.map_err(|_| Problem::internal())?;
                return Ok(([(header::CONTENT_TYPE, REPLY)], reply).into_response());
            }
        },
        "application/json" => tsa.respond(&json::parse(&body)?)?,
        _ => return Err(Problem::media_type(QUERY)),
    };
    let content_type = [(header::CONTENT_TYPE, REPLY)];
    Ok((Extension(Outcome::Timestamp), content_type, reply).into_response())
}

/// GET /api/v1/timestamp/certchain
async fn certificate_chain(State(tsa): State<Arc<Tsa>>) -> impl IntoResponse {
    let pem = HeaderValue::from_static("application/pem-certificate-chain");
    ([(header::CONTENT_TYPE, pem)], tsa.chain_pem.clone())
}
