//! The certificate authority: Fulcio's API v2, for the tokens of issuers it trusts.

mod csr;
mod principal;
mod refusal;
mod request;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use signhere_pki::build::{CertificateAuthority, IssueError, LeafRequest};
use signhere_pki::cert::Certificate;
use signhere_pki::random::Random;
use signhere_pki::time::{Clock, Validity};

use crate::ct::{CtError, CtLog, Submission};
use crate::http::body;
use crate::http::problem::Problem;
use principal::Principal;
use request::CertificateRequest;

pub(crate) use principal::TrustedIssuer;

/// Seconds that a certificate is valid.
const CERTIFICATE_LIFE: i64 = 600;
/// Bytes of a request: a token of 64 KiB, a key, and room.
const BODY_LIMIT: usize = 2 * request::TOKEN_LIMIT;

/// The authority: its key and chain, whom it believes, and the log it submits to.
pub(crate) struct Ca {
    authority: CertificateAuthority,
    /// The issuing certificate first, the root last.
    chain: Vec<String>,
    issuers: Vec<TrustedIssuer>,
    ct: Arc<CtLog>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Ca {
    /// An authority under `chain`, which believes `issuers` and logs to `ct`.
    pub(crate) fn new(
        authority: CertificateAuthority,
        chain: &[Certificate],
        issuers: Vec<TrustedIssuer>,
        ct: Arc<CtLog>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let chain = chain.iter().map(Certificate::to_pem).collect();
        Self {
            authority,
            chain,
            issuers,
            ct,
            clock,
            random,
        }
    }

    /// The routes under `/api/v2`.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/api/v2/signingCert", post(signing_certificate))
            .route("/api/v2/trustBundle", get(trust_bundle))
            .route("/api/v2/configuration", get(configuration))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(self)
    }

    /// The certificate for a request, logged. Blocks the thread until the log has it.
    fn issue(&self, request: &CertificateRequest) -> Result<Certificate, Problem> {
        let now = self.clock.now();
        let principal = Principal::believe(&request.token, &self.issuers, now)?;
        principal.require_proof(&request.key, &request.proof)?;

        let leaf = LeafRequest {
            public_key: &request.key,
            san: principal.san(),
            extensions: principal.extensions().map_err(|_| Problem::internal())?,
            validity: Validity {
                start: now,
                end: Some(now.plus_seconds(CERTIFICATE_LIFE)),
            },
        };
        let issued = self
            .authority
            .issue(&leaf, self.random.as_ref(), |precertificate| {
                self.ct.submit(Submission {
                    pre_certificate: precertificate.certificate().der().to_vec(),
                    tbs_certificate: precertificate.tbs().to_vec(),
                    issuer_key_hash: *precertificate.issuer_key_hash(),
                })
            });
        issued.map_err(|error| match error {
            IssueError::Log(CtError::Log(error)) => error.into(),
            IssueError::Log(CtError::Sign(_)) => Problem::internal(),
            IssueError::Build(error) => {
                Problem::unavailable(format!("no certificate can be made: {error}"))
            }
        })
    }
}

/// POST /api/v2/signingCert
async fn signing_certificate(
    State(ca): State<Arc<Ca>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    body::require_json(&headers)?;
    let body = body::whole(body, BODY_LIMIT)?;
    let request = CertificateRequest::parse(&headers, &body)?;
    let issuing = tokio::task::spawn_blocking(move || {
        let leaf = ca.issue(&request)?;
        Ok::<_, Problem>(
            std::iter::once(leaf.to_pem())
                .chain(ca.chain.iter().cloned())
                .collect::<Vec<_>>(),
        )
    });
    let certificates = issuing.await.map_err(|_| Problem::internal())??;
    Ok(Json(
        json!({ "signedCertificateEmbeddedSct": { "chain": { "certificates": certificates } } }),
    ))
}

/// GET /api/v2/trustBundle
async fn trust_bundle(State(ca): State<Arc<Ca>>) -> Json<Value> {
    Json(json!({ "chains": [{ "certificates": ca.chain }] }))
}

/// GET /api/v2/configuration
async fn configuration(State(ca): State<Arc<Ca>>) -> Json<Value> {
    let issuers = ca.issuers.iter().map(|issuer| {
        json!({
            "issuerUrl": issuer.url,
            "audience": issuer.audience,
            "challengeClaim": "email",
            "issuerType": "email",
            "skipEmailVerification": false,
        })
    });
    Json(json!({ "issuers": issuers.collect::<Vec<_>>() }))
}
