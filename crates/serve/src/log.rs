//! The signature transparency log: Rekor v2's API over a tiled log.

pub(crate) mod entries;
pub(crate) mod known;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use signhere_log::merkle::leaf_hash;
use signhere_log::note::{NoteSigner, key_id_ed25519};
use signhere_log::sequencer::{Sequencer, SequencerConfig};
use signhere_log::storage::Objects;
use signhere_log::tile::TileKind;
use signhere_pki::key::{PrivateKey, PublicKey, Scheme};
use signhere_verify::bundle::{InclusionProof, TlogEntry};
use signhere_verify::entry::hashedrekord_v002::HashedRekord;

use crate::config::Limits;
use crate::error::ServeError;
use crate::http::problem::Problem;
use crate::http::{body, tiles};
use crate::pool::{CommitError, Pool, PoolError};
use crate::store;
use entries::{Entries, Receipt};
use known::Known;

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
}

impl Log {
    /// Opens the log in `folder`, or begins it.
    pub(crate) fn open(
        folder: &Path,
        origin: &str,
        key: PrivateKey,
        limits: Limits,
    ) -> Result<Self, ServeError> {
        let fail = |reason: &dyn ToString| ServeError::log(NAME, &reason.to_string());
        let id = log_id(origin, key.public_key())?;
        let signer = NoteSigner::new(origin, Box::new(key)).map_err(|e| fail(&e))?;
        let storage = store::open(folder).map_err(|e| fail(&e))?;
        let objects = Arc::clone(&storage.objects);
        let sequencer =
            Sequencer::open(SequencerConfig::new(origin, signer), storage).map_err(|e| fail(&e))?;
        let known = Known::open(&folder.join("known.sqlite"), &sequencer, |entry| {
            Some(leaf_hash(entry))
        });
        let pool = Pool::start(
            NAME,
            Entries::new(sequencer, known),
            limits.queue,
            limits.batch,
        )?;
        Ok(Self { pool, objects, id })
    }

    /// Takes entries at `/api/v2/log/entries`; readable there and at the log's own URL.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        let objects = Arc::clone(&self.objects);
        Router::new()
            .route("/api/v2/log/entries", post(submit))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(self)
            .merge(tiles::routes(
                "/api/v2",
                Arc::clone(&objects),
                TileKind::Entries,
            ))
            .merge(tiles::routes("", objects, TileKind::Entries))
    }

    /// The log's tiles and checkpoint under `prefix`, whether it still takes entries or not.
    pub(crate) fn reads(&self, prefix: &str) -> Router {
        tiles::routes(prefix, Arc::clone(&self.objects), TileKind::Entries)
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
            PoolError::Closed | PoolError::Failed => Self::unavailable(error),
        }
    }
}
