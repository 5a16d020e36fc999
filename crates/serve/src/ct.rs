//! The certificate transparency log: the CA's precertificates, by C2SP static-ct-api.

mod precertificates;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use signhere_log::layout::Layout;
use signhere_log::note::NoteSigner;
use signhere_log::sequencer::{Sequencer, SequencerConfig};
use signhere_log::storage::Objects;
use signhere_log::tile::TileKind;
use signhere_pki::cert::Certificate;
use signhere_pki::key::PrivateKey;
use signhere_pki::sct::{Sct, SctError};
use signhere_pki::time::Clock;
use thiserror::Error;

use crate::config::Limits;
use crate::error::ServeError;
use crate::http::problem::Problem;
use crate::http::tiles;
use crate::pool::{CommitError, Pool, PoolError};
use crate::store;
use precertificates::Precertificates;

pub(crate) use precertificates::Submission;

const NAME: &str = "certificate";

/// The CT log and its routes.
pub(crate) struct CtLog {
    pool: Pool<Precertificates>,
    objects: Arc<dyn Objects>,
    key: PrivateKey,
    issuers: Arc<HashMap<String, Vec<u8>>>,
}

/// Why a precertificate has no timestamp.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum CtError {
    /// It could not be logged.
    #[error(transparent)]
    Log(#[from] PoolError),
    /// It is logged, but the timestamp could not be signed.
    #[error(transparent)]
    Sign(#[from] SctError),
}

impl CtLog {
    /// Opens the log in `folder`, or begins it. It takes what chains to `issuers`: the issuing CA first, the root last.
    pub(crate) fn open(
        folder: &Path,
        origin: &str,
        key: PrivateKey,
        issuers: &[Certificate],
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, ServeError> {
        let fail = |reason: &dyn ToString| ServeError::log(NAME, &reason.to_string());
        let signer = NoteSigner::rfc6962(origin, Box::new(key.clone()), Arc::clone(&clock))
            .map_err(|e| fail(&e))?;
        let storage = store::open(folder).map_err(|e| fail(&e))?;
        let objects = Arc::clone(&storage.objects);
        let config = SequencerConfig {
            layout: Layout::StaticCt,
            ..SequencerConfig::new(origin, signer)
        };
        let sequencer = Sequencer::open(config, storage).map_err(|e| fail(&e))?;
        let chain = issuers.iter().map(Certificate::fingerprint).collect();
        let pool = Pool::start(
            NAME,
            Precertificates::new(sequencer, chain, clock),
            limits.queue,
            limits.batch,
        )?;
        let issuers = issuers
            .iter()
            .map(|issuer| (hex::encode(issuer.fingerprint()), issuer.der().to_vec()))
            .collect();
        Ok(Self {
            pool,
            objects,
            key,
            issuers: Arc::new(issuers),
        })
    }

    /// Logs a precertificate and promises that: when it returns, the entry is durable and under a signed
    /// checkpoint, so the merge delay is none. Blocks the thread.
    pub(crate) fn submit(&self, submission: Submission) -> Result<Sct, CtError> {
        let tbs = submission.tbs_certificate.clone();
        let issuer_key_hash = submission.issuer_key_hash;
        let logged = self.pool.submit(submission)?.blocking_receipt()?;
        Ok(Sct::sign(
            &self.key,
            &tbs,
            &issuer_key_hash,
            logged.timestamp_ms,
            logged.extensions,
        )?)
    }

    /// The reads of static-ct-api under `prefix`.
    pub(crate) fn router(&self, prefix: &str) -> Router {
        Router::new()
            .route(&format!("{prefix}/issuer/{{fingerprint}}"), get(issuer))
            .with_state(Arc::clone(&self.issuers))
            .merge(tiles::routes(
                prefix,
                Arc::clone(&self.objects),
                TileKind::Data,
            ))
    }

    /// What made the log stop, if it did.
    pub(crate) fn failure(&self) -> Option<CommitError> {
        self.pool.failure()
    }

    /// Commits what waits, then stops.
    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

/// GET /ct/issuer/FINGERPRINT
async fn issuer(
    State(issuers): State<Arc<HashMap<String, Vec<u8>>>>,
    UrlPath(fingerprint): UrlPath<String>,
) -> Result<Response, Problem> {
    let der = issuers.get(&fingerprint).ok_or_else(Problem::not_found)?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/pkix-cert"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
    ];
    Ok((headers, der.clone()).into_response())
}
