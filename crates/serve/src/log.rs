//! The signature transparency log: Rekor v2's API over a tiled log.

mod entries;
pub(crate) mod indexed;
mod known;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use signhere_log::cosignature::Cosign;
use signhere_log::note::{NoteSigner, key_id_ed25519};
use signhere_log::sequencer::SequencerConfig;
use signhere_log::storage::Objects;
use signhere_log::tile::TileKind;
use signhere_pki::key::{PrivateKey, PublicKey, Scheme};
use signhere_pki::time::Clock;
use signhere_verify::bundle::{InclusionProof, TlogEntry};
use signhere_verify::entry::hashedrekord_v002::HashedRekord;

use crate::config::Limits;
use crate::error::ServeError;
use crate::http::problem::Problem;
use crate::http::{body, tiles};
use crate::pool::{CommitError, Pool, PoolError};
use crate::store::{self, Place};
use entries::{Entries, Receipt};

const NAME: &str = "signature";
/// Bytes of a request, as Rekor v2 takes them.
const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// Bytes of an entry: an entry bundle has two bytes for its length (C2SP tlog-tiles).
const ENTRY_LIMIT: usize = 65_535;
/// Where Rekor names the index of an entry that was there already.
const LOG_INDEX: HeaderName = HeaderName::from_static("x-log-index");

/// The schemes that Rekor v2 takes.
const SCHEMES: [Scheme; 5] = [
    Scheme::EcdsaP256Sha256,
    Scheme::EcdsaP384Sha384,
    Scheme::EcdsaP521Sha512,
    Scheme::RsaPkcs1Sha256,
    Scheme::Ed25519ph,
];

/// The log and its routes.
pub(crate) struct Log {
    pool: Pool<Entries>,
    objects: Arc<dyn Objects>,
    id: [u8; 32],
    is_frozen: AtomicBool,
}

impl Log {
    /// Opens the log at `place`, or begins it. Its checkpoints are published once `cosigner` is content.
    pub(crate) fn open(
        place: &Place,
        origin: &str,
        key: PrivateKey,
        cosigner: Option<Box<dyn Cosign>>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, ServeError> {
        let fail = |reason: &dyn ToString| ServeError::log(NAME, &reason.to_string());
        let id = log_id(origin, key.public_key())?;
        let signer = NoteSigner::new(origin, Box::new(key)).map_err(|e| fail(&e))?;
        let storage = store::open(place).map_err(|e| ServeError::storage(NAME, &e))?;
        let objects = Arc::clone(&storage.objects);
        let config = SequencerConfig {
            cosigner,
            ..SequencerConfig::new(origin, signer)
        };
        let (entries, failure) = Entries::open(place, config, storage)?;
        let pool = Pool::start(NAME, entries, failure, limits.queue, limits.batch, clock)?;
        Ok(Self {
            pool,
            objects,
            id,
            is_frozen: AtomicBool::new(false),
        })
    }

    /// Takes entries at `/api/v2/log/entries`; readable there and at the log's own URL.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        let reads = self.reads("/api/v2").merge(self.reads(""));
        Router::new()
            .route("/api/v2/log/entries", post(submit))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(self)
            .merge(reads)
    }

    /// The log as anyone may read it, below `prefix`.
    pub(crate) fn reads(&self, prefix: &str) -> Router {
        tiles::routes(prefix, Arc::clone(&self.objects), TileKind::Entries)
    }

    /// Takes no more entries from now on; those that wait are still answered, and all can be read.
    pub(crate) fn freeze(&self) {
        self.is_frozen.store(true, Ordering::Relaxed);
    }

    /// How many entries wait to be logged.
    pub(crate) fn waiting(&self) -> usize {
        self.pool.waiting()
    }

    /// What made the log stop, if it has and could not be opened again since.
    pub(crate) fn failure(&self) -> Option<CommitError> {
        self.pool.failure()
    }

    /// Commits what waits, then stops.
    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

/// The id that entries name the log by: the whole id of its note key.
pub(crate) fn log_id(origin: &str, key: &PublicKey) -> Result<[u8; 32], ServeError> {
    key_id_ed25519(origin, key).map_err(|e| ServeError::log(NAME, &e))
}

/// POST /api/v2/log/entries
async fn submit(
    State(log): State<Arc<Log>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    if log.is_frozen.load(Ordering::Relaxed) {
        return Err(Problem::frozen());
    }
    body::require_json(&headers)?;
    let body = body::whole(body, BODY_LIMIT)?;
    let request = HashedRekord::parse_request(&body).map_err(Problem::invalid)?;
    if !SCHEMES.contains(&request.details.scheme()) {
        return Err(Problem::invalid(format!(
            "keyDetails {} are not taken",
            request.details
        )));
    }
    request.verify_signature().map_err(Problem::invalid)?;
    let entry = request.canonical_body();
    if entry.len() > ENTRY_LIMIT {
        return Err(Problem::invalid(format!(
            "the entry has {} bytes, {ENTRY_LIMIT} are taken",
            entry.len()
        )));
    }
    let receipt = log.pool.submit(entry.clone())?.receipt().await?;
    Ok(answer(&log, entry, &receipt))
}

/// 201 whether the entry is new or not: a client that lost the first answer gets its proof by asking again.
fn answer(log: &Log, entry: Vec<u8>, receipt: &Receipt) -> Response {
    let Receipt {
        appended,
        was_there,
    } = receipt;
    let proof = InclusionProof {
        log_index: appended.index,
        root_hash: appended.root,
        tree_size: appended.tree_size,
        hashes: appended.proof.clone(),
        checkpoint: appended.checkpoint.to_string(),
    };
    let logged = TlogEntry {
        log_index: appended.index,
        log_id: log.id.to_vec(),
        kind: "hashedrekord".to_owned(),
        version: "0.0.2".to_owned(),
        integrated_time: 0,
        promise: None,
        proof: Some(proof),
        body: entry,
    };
    let json = HeaderValue::from_static("application/json");
    let mut response = (
        StatusCode::CREATED,
        [(header::CONTENT_TYPE, json)],
        logged.to_json(),
    )
        .into_response();
    if *was_there {
        response
            .headers_mut()
            .insert(LOG_INDEX, HeaderValue::from(appended.index));
    }
    response
}

impl From<PoolError> for Problem {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Full => Self::busy(error),
            PoolError::Unwitnessed | PoolError::Failed => Self::later(error, 5),
            PoolError::Closed => Self::unavailable(error),
        }
    }
}
