//! The certificate transparency log: read by C2SP static-ct-api, written by RFC 6962's requests and by the CA.

mod external;
mod sequence;
mod submission;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Bytes as Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signhere_log::layout::Layout;
use signhere_log::note::NoteSigner;
use signhere_log::sequencer::{SequencerConfig, Storage};
use signhere_log::static_ct::LogEntry;
use signhere_log::storage::{Objects, StorageError};
use signhere_log::tile::TileKind;
use signhere_pki::build::Precertificate;
use signhere_pki::cert::Certificate;
use signhere_pki::key::PrivateKey;
use signhere_pki::sct::{Sct, SctError, SignedEntry};
use signhere_pki::time::Clock;
use thiserror::Error;

use crate::config::Limits;
use crate::error::ServeError;
use crate::http::problem::Problem;
use crate::http::{body, tiles};
use crate::pool::{CommitError, Pool, PoolError};
use crate::proto::Bytes;
use crate::store::{self, Place};
use sequence::{Certificates, Submission};
use submission::{Handed, Kind};

pub(crate) use external::{ExternalCt, ExternalError};

const NAME: &str = "certificate";
/// Bytes of a request: a chain of the usual length, each certificate many times the usual size.
const BODY_LIMIT: usize = 512 * 1024;

/// The CT log and its routes.
pub(crate) struct CtLog {
    pool: Pool<Certificates>,
    objects: Arc<dyn Objects>,
    key: PrivateKey,
    known: RwLock<Authorities>,
}

/// The authorities that the log knows.
#[derive(Default)]
struct Authorities {
    /// Those that a chain may end in.
    roots: Vec<Certificate>,
    /// The fingerprints of those that can be read under `issuer/`.
    published: HashSet<[u8; 32]>,
}

/// Where the CA logs what it issues.
pub(crate) enum CtTarget {
    /// The instance's own log.
    Own(Arc<CtLog>),
    /// A log elsewhere.
    External(ExternalCt),
}

/// Why a certificate has no timestamp.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum CtError {
    /// It could not be logged.
    #[error(transparent)]
    Log(#[from] PoolError),
    /// It is logged, but the timestamp could not be signed.
    #[error(transparent)]
    Sign(#[from] SctError),
    /// Another's log gave none.
    #[error(transparent)]
    External(#[from] ExternalError),
}

impl From<CtError> for Problem {
    fn from(error: CtError) -> Self {
        match error {
            CtError::Log(error) => error.into(),
            CtError::Sign(_) => Self::internal(),
            CtError::External(error) => {
                Self::busy(format!("the certificate cannot be logged: {error}"))
            }
        }
    }
}

impl CtTarget {
    /// The promise of the log to hold `precertificate`, issued by the first of `chain`. A log of our own has made
    /// it durable before it promises.
    pub(crate) async fn promise(
        &self,
        precertificate: &Precertificate,
        chain: &CaChain,
    ) -> Result<Sct, CtError> {
        let signed = SignedEntry::Precertificate {
            tbs: precertificate.tbs(),
            issuer_key_hash: precertificate.issuer_key_hash(),
        };
        let certificate = precertificate.certificate().der();
        match self {
            Self::Own(log) => {
                let submission = Submission {
                    entry: LogEntry::Precertificate {
                        issuer_key_hash: *precertificate.issuer_key_hash(),
                        tbs_certificate: precertificate.tbs().to_vec(),
                        pre_certificate: certificate.to_vec(),
                    },
                    chain: Arc::clone(&chain.fingerprints),
                    is_new: true,
                };
                log.submit(submission, signed).await
            }
            Self::External(log) => {
                let above = chain.certificates.iter().map(Certificate::der);
                let chain: Vec<_> = std::iter::once(certificate).chain(above).collect();
                Ok(log.promise(&chain, signed).await?)
            }
        }
    }

    /// Has a log of our own take what chains to the root of `chain`.
    pub(crate) fn accept(&self, chain: &CaChain) -> Result<(), ServeError> {
        match self {
            Self::Own(log) => log.accept(&chain.certificates),
            Self::External(_) => Ok(()),
        }
    }
}

/// A CA's chain, its own certificate first and the root last.
pub(crate) struct CaChain {
    certificates: Vec<Certificate>,
    fingerprints: Arc<[[u8; 32]]>,
}

impl CaChain {
    /// The chain of these certificates.
    pub(crate) fn new(certificates: &[Certificate]) -> Self {
        Self {
            fingerprints: certificates.iter().map(Certificate::fingerprint).collect(),
            certificates: certificates.to_vec(),
        }
    }
}

impl CtLog {
    /// Opens the log at `place`, or begins it. It takes what chains to the last certificate of `chain`: see
    /// [`Self::accept`].
    pub(crate) fn open(
        place: &Place,
        origin: &str,
        key: PrivateKey,
        chain: &[Certificate],
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, ServeError> {
        let storage = store::open(place).map_err(|e| ServeError::storage(NAME, &e))?;
        Self::open_in(storage, place, origin, key, chain, clock, limits)
    }

    /// The same in `storage`, with what else the log keeps at `place`.
    pub(crate) fn open_in(
        storage: Storage,
        place: &Place,
        origin: &str,
        key: PrivateKey,
        chain: &[Certificate],
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, ServeError> {
        let fail = |reason: &dyn ToString| ServeError::log(NAME, &reason.to_string());
        let signer = NoteSigner::rfc6962(origin, Box::new(key.clone()), Arc::clone(&clock))
            .map_err(|e| fail(&e))?;
        let objects = Arc::clone(&storage.objects);
        let config = SequencerConfig {
            layout: Layout::StaticCt,
            ..SequencerConfig::new(origin, signer)
        };
        let (certificates, failure) =
            Certificates::open(place, config, storage, Arc::clone(&clock))?;
        let pool = Pool::start(
            NAME,
            certificates,
            failure,
            limits.queue,
            limits.batch,
            clock,
        )?;
        let log = Self {
            pool,
            objects,
            key,
            known: RwLock::default(),
        };
        log.accept(chain)?;
        Ok(log)
    }

    /// From now on takes what chains to the last certificate of `chain` too, and publishes all of them.
    pub(crate) fn accept(&self, chain: &[Certificate]) -> Result<(), ServeError> {
        self.publish(chain)
            .map_err(|e| ServeError::storage(NAME, &e))?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = chain.last()
            && !known.roots.contains(root)
        {
            known.roots.push(root.clone());
        }
        Ok(())
    }

    /// Logs an entry and promises that: when it returns, the entry is durable and under a signed checkpoint, so
    /// the merge delay is none.
    async fn submit(
        &self,
        submission: Submission,
        signed: SignedEntry<'_>,
    ) -> Result<Sct, CtError> {
        let logged = self.pool.submit(submission)?.receipt().await?;
        let (timestamp_ms, extensions) = (logged.timestamp_ms, logged.extensions);
        Ok(Sct::sign_entry(
            &self.key,
            signed,
            timestamp_ms,
            extensions,
        )?)
    }

    /// Everything under `prefix`, which is the log's submission prefix and its monitoring prefix.
    pub(crate) fn router(self: &Arc<Self>, prefix: &str) -> Router {
        let path = |name| format!("{prefix}/ct/v1/{name}");
        Router::new()
            .route(&path("add-chain"), post(add_chain))
            .route(&path("add-pre-chain"), post(add_pre_chain))
            .route(&path("get-roots"), get(roots))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(Arc::clone(self))
            .merge(self.reads(prefix))
    }

    /// The reads of static-ct-api under `prefix`.
    pub(crate) fn reads(&self, prefix: &str) -> Router {
        let objects = Arc::clone(&self.objects);
        Router::new()
            .route(&format!("{prefix}/issuer/{{fingerprint}}"), get(issuer))
            .with_state(Arc::clone(&objects))
            .merge(tiles::routes(prefix, objects, TileKind::Data))
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

    /// Puts authorities where readers find them, before any entry names them.
    fn publish(&self, authorities: &[Certificate]) -> Result<(), StorageError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<_> = authorities
            .iter()
            .map(|authority| (authority.fingerprint(), authority))
            .filter(|(fingerprint, _)| !known.published.contains(fingerprint))
            .collect();
        drop(known);
        if new.is_empty() {
            return Ok(());
        }
        let mut has_to_sync = false;
        for (fingerprint, authority) in &new {
            let path = issuer_path(&hex::encode(fingerprint));
            if self.objects.get(&path)?.as_deref() != Some(authority.der()) {
                self.objects.put(&path, authority.der())?;
                has_to_sync = true;
            }
        }
        if has_to_sync {
            self.objects.sync()?;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known
            .published
            .extend(new.into_iter().map(|(fingerprint, _)| fingerprint));
        Ok(())
    }

    fn roots(&self) -> Vec<Certificate> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.roots.clone()
    }
}

/// A timestamp in JSON (RFC 6962 section 4.1).
#[derive(Debug, Serialize, Deserialize)]
struct WireSct {
    sct_version: u8,
    id: Bytes,
    timestamp: u64,
    #[serde(default)]
    extensions: Bytes,
    signature: Bytes,
}

impl WireSct {
    fn new(sct: Sct) -> Result<Self, SctError> {
        Ok(Self {
            sct_version: 0,
            id: Bytes(sct.log_id.to_vec()),
            timestamp: sct.timestamp_ms,
            signature: Bytes(sct.digitally_signed()?),
            extensions: Bytes(sct.extensions),
        })
    }

    fn to_sct(&self) -> Option<Sct> {
        let id = self.id.0.as_slice().try_into().ok()?;
        let extensions = self.extensions.0.clone();
        let sct = Sct::from_parts(id, self.timestamp, extensions, &self.signature.0).ok()?;
        (self.sct_version == 0).then_some(sct)
    }
}

/// POST PREFIX/ct/v1/add-chain
async fn add_chain(
    State(log): State<Arc<CtLog>>,
    headers: HeaderMap,
    body: Result<Body, BytesRejection>,
) -> Result<Json<WireSct>, Problem> {
    add(log, &headers, body, Kind::Certificate).await
}

/// POST PREFIX/ct/v1/add-pre-chain
async fn add_pre_chain(
    State(log): State<Arc<CtLog>>,
    headers: HeaderMap,
    body: Result<Body, BytesRejection>,
) -> Result<Json<WireSct>, Problem> {
    add(log, &headers, body, Kind::Precertificate).await
}

async fn add(
    log: Arc<CtLog>,
    headers: &HeaderMap,
    body: Result<Body, BytesRejection>,
    kind: Kind,
) -> Result<Json<WireSct>, Problem> {
    body::require_json(headers)?;
    let body = body::whole(body, BODY_LIMIT)?;
    let handed: Handed = serde_json::from_slice(&body)
        .map_err(|e| Problem::invalid(format!("the request is not the JSON of a chain: {e}")))?;
    let checking = Arc::clone(&log);
    // A chain of ten keys of the largest kind takes milliseconds, and its authorities may have to be synced.
    let checked = tokio::task::spawn_blocking(move || {
        let accepted = handed.check(kind, &checking.roots())?;
        checking
            .publish(&accepted.authorities)
            .map_err(|_| Problem::unavailable("the log cannot be written"))?;
        Ok::<_, Problem>(accepted)
    });
    let accepted = checked.await.map_err(|_| Problem::internal())??;
    let submission = Submission {
        entry: accepted.entry.clone(),
        chain: CaChain::new(&accepted.authorities).fingerprints,
        is_new: false,
    };
    let signed = match &accepted.entry {
        LogEntry::Certificate(der) => SignedEntry::Certificate(der),
        LogEntry::Precertificate {
            issuer_key_hash,
            tbs_certificate: tbs,
            ..
        } => SignedEntry::Precertificate {
            tbs,
            issuer_key_hash,
        },
    };
    let sct = log.submit(submission, signed).await?;
    Ok(Json(WireSct::new(sct).map_err(|_| Problem::internal())?))
}

/// GET PREFIX/ct/v1/get-roots
async fn roots(State(log): State<Arc<CtLog>>) -> Json<Value> {
    let roots = log.roots();
    let roots: Vec<_> = roots
        .iter()
        .map(|root| Bytes(root.der().to_vec()))
        .collect();
    Json(json!({ "certificates": roots }))
}

/// GET PREFIX/issuer/FINGERPRINT
async fn issuer(
    State(objects): State<Arc<dyn Objects>>,
    UrlPath(fingerprint): UrlPath<String>,
) -> Result<Response, Problem> {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if fingerprint.len() != 64 || !fingerprint.bytes().all(is_hex) {
        return Err(Problem::not_found());
    }
    let reading = tokio::task::spawn_blocking(move || objects.get(&issuer_path(&fingerprint)));
    let found = reading.await.map_err(|_| Problem::internal())?;
    let der = found
        .map_err(|_| Problem::internal())?
        .ok_or_else(Problem::not_found)?;
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
    Ok((headers, der).into_response())
}

fn issuer_path(fingerprint: &str) -> String {
    format!("issuer/{fingerprint}")
}

#[cfg(test)]
mod tests;
