//! The certificate authority: Fulcio's API v2, for the tokens of issuers it trusts.

mod csr;
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
use crate::issuers::{Issuers, Principal};
use refusal::Refusal;
use request::{CertificateRequest, Proof};

/// Seconds that a certificate is valid.
const CERTIFICATE_LIFE: i64 = 600;
/// Bytes of a request: a token of 64 KiB, a key, and room.
const BODY_LIMIT: usize = 2 * request::TOKEN_LIMIT;

/// The authority: its key and chain, whom it believes, and the log it submits to.
pub(crate) struct Ca {
    authority: CertificateAuthority,
    /// The issuing certificate first, the root last.
    chain: Vec<String>,
    issuers: Arc<Issuers>,
    ct: Arc<CtLog>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Ca {
    /// An authority under `chain`, which believes `issuers` and logs to `ct`.
    pub(crate) fn new(
        authority: CertificateAuthority,
        chain: &[Certificate],
        issuers: Arc<Issuers>,
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

    /// The certificate for `principal`, logged. Blocks the thread until the log has it.
    fn issue(
        &self,
        request: &CertificateRequest,
        principal: Principal,
    ) -> Result<Certificate, Problem> {
        require_proof(request, &principal)?;
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

/// Refuses a key whose holder has not shown that they hold it.
fn require_proof(request: &CertificateRequest, principal: &Principal) -> Result<(), Refusal> {
    let Proof::Challenge(signature) = &request.proof else {
        return Ok(());
    };
    let (key, challenge) = (&request.key, principal.challenge.as_bytes());
    let verified = key.verify(key.default_scheme(), challenge, signature);
    verified.map_err(|_| Refusal::ProofOfPossession {
        claim: principal.challenge_claim.clone(),
    })
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
    let principal = ca.issuers.believe(&request.token).await?;
    let issuing = tokio::task::spawn_blocking(move || {
        let leaf = ca.issue(&request, principal)?;
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
    Json(ca.issuers.configuration())
}
