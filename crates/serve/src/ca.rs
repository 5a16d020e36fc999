//! The certificate authority: Fulcio's API, version 2 and version 1, for the tokens of issuers it trusts.
//!
//! Fulcio's gRPC interface is left out: no client signs by it.

mod csr;
mod refusal;
mod request;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde_json::{Value, json};
use signhere_pki::build::{BuildError, CertificateAuthority, LeafRequest};
use signhere_pki::cert::Certificate;
use signhere_pki::fulcio;
use signhere_pki::random::Random;
use signhere_pki::time::{Clock, Validity};

use crate::ct::{CaChain, CtTarget};
use crate::error::ServeError;
use crate::http::body;
use crate::http::problem::Problem;
use crate::issuers::Issuers;
use crate::observe::Outcome;
use request::CertificateRequest;

/// Seconds that a certificate is valid.
const CERTIFICATE_LIFE: i64 = 600;
/// Bytes of a request: a token of 64 KiB, a key, and room.
const BODY_LIMIT: usize = 2 * request::TOKEN_LIMIT;
const PEM_CHAIN: HeaderValue = HeaderValue::from_static("application/pem-certificate-chain");

/// The authority: its key and chain, whom it believes, and the log it submits to.
pub(crate) struct Ca {
    authority: CertificateAuthority,
    chain: CaChain,
    /// All chains that are published, the authority's own first; in each the issuing certificate first, the root last.
    published: Vec<Vec<String>>,
    issuers: Arc<Issuers>,
    ct: CtTarget,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Ca {
    /// An authority under `chain`, which believes `issuers` and logs to `ct`. It publishes `others`, the chains of
    /// the authorities before and after it, beside its own.
    ///
    /// # Errors
    /// [`ServeError`] when the log cannot be told of the chain.
    pub(crate) fn new(
        authority: CertificateAuthority,
        chain: &[Certificate],
        others: &[Vec<Certificate>],
        issuers: Arc<Issuers>,
        ct: CtTarget,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, ServeError> {
        let to_pem = |chain: &[Certificate]| chain.iter().map(Certificate::to_pem).collect();
        let others = others.iter().map(Vec::as_slice);
        let published = std::iter::once(chain).chain(others).map(to_pem).collect();
        let chain = CaChain::new(chain);
        ct.accept(&chain)?;
        Ok(Self {
            authority,
            chain,
            published,
            issuers,
            ct,
            clock,
            random,
        })
    }

    /// The routes under `/api/v2` and `/api/v1`.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/api/v2/signingCert", post(signing_certificate))
            .route("/api/v2/trustBundle", get(trust_bundle))
            .route("/api/v2/configuration", get(configuration))
            .route("/api/v1/signingCert", post(signing_certificate_v1))
            .route("/api/v1/rootCert", get(root_certificate_v1))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(self)
    }

    /// The certificate for a request, logged, and those above it: in PEM, the root last.
    ///
    /// What is computed takes a fraction of a millisecond and stays on the thread that asks; the log is waited for.
    async fn issue(&self, request: CertificateRequest) -> Result<Issued, Problem> {
        let principal = self.issuers.believe(&request.token).await?;
        request.require_proof(&principal.challenge, &principal.challenge_claim)?;
        let now = self.clock.now();
        let leaf = LeafRequest {
            public_key: &request.key,
            san: principal.san,
            extensions: principal.extensions,
            validity: Validity {
                start: now,
                end: Some(now.plus_seconds(CERTIFICATE_LIFE)),
            },
        };
        let precertificate = self.authority.precertify(&leaf, self.random.as_ref());
        let precertificate = precertificate.map_err(|error| cannot_issue(&error))?;
        let promise = self.ct.promise(&precertificate, &self.chain).await?;
        let certificate = self.authority.complete(&precertificate, &[promise]);
        let certificate = certificate.map_err(|error| cannot_issue(&error))?;
        let above = self.published.first().into_iter().flatten().cloned();
        Ok(Issued {
            outcome: Outcome::Certificate {
                identity: certificate
                    .san()
                    .map(|san| san.to_string())
                    .unwrap_or_default(),
                issuer: fulcio::issuer(&certificate).unwrap_or_default(),
                serial: certificate.serial_hex(),
            },
            chain: std::iter::once(certificate.to_pem()).chain(above).collect(),
        })
    }
}

/// A certificate that was issued.
struct Issued {
    /// It and those above it, in PEM.
    chain: Vec<String>,
    /// What the metrics and the log of events are told of it.
    outcome: Outcome,
}

/// POST /api/v2/signingCert
async fn signing_certificate(
    State(ca): State<Arc<Ca>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    body::require_json(&headers)?;
    let body = body::whole(body, BODY_LIMIT)?;
    let request = CertificateRequest::parse(&headers, &body)?;
    let Issued { chain, outcome } = ca.issue(request).await?;
    let answer = json!({ "signedCertificateEmbeddedSct": { "chain": { "certificates": chain } } });
    Ok((Extension(outcome), Json(answer)).into_response())
}

/// POST /api/v1/signingCert
async fn signing_certificate_v1(
    State(ca): State<Arc<Ca>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    body::require_json(&headers)?;
    let body = body::whole(body, BODY_LIMIT)?;
    let request = CertificateRequest::parse_v1(&headers, &body)?;
    let Issued { chain, outcome } = ca.issue(request).await?;
    let content_type = [(header::CONTENT_TYPE, PEM_CHAIN)];
    let answer = (
        StatusCode::CREATED,
        Extension(outcome),
        content_type,
        chain.concat(),
    );
    Ok(answer.into_response())
}

/// GET /api/v2/trustBundle
async fn trust_bundle(State(ca): State<Arc<Ca>>) -> Json<Value> {
    let chains = ca.published.iter();
    let chains = chains.map(|chain| json!({ "certificates": chain }));
    Json(json!({ "chains": chains.collect::<Vec<_>>() }))
}

/// GET /api/v1/rootCert
async fn root_certificate_v1(State(ca): State<Arc<Ca>>) -> impl IntoResponse {
    let content_type = [(header::CONTENT_TYPE, PEM_CHAIN)];
    (content_type, ca.published.concat().concat())
}

/// GET /api/v2/configuration
async fn configuration(State(ca): State<Arc<Ca>>) -> Json<Value> {
    Json(ca.issuers.configuration())
}

/// Names that X.509 has no characters for are the token's; all else is the authority's own.
fn cannot_issue(error: &BuildError) -> Problem {
    match error {
        BuildError::EmptyName | BuildError::ControlCharacter { .. } | BuildError::Encode(_) => {
            Problem::invalid(format!("the token's identity cannot be certified: {error}"))
        }
        _ => Problem::unavailable(format!("no certificate can be made: {error}")),
    }
}
