//! The instance as a witness for the logs of others (C2SP tlog-witness, the witness's side).
//!
//! Only logs of the configuration are cosigned, each by its origin and key. One request is decided at a time,
//! from what is remembered to what is remembered then; the cosignature leaves after that has become durable.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use signhere_log::cosignature::Cosigner;
use signhere_log::note::{NoteError, NoteVerifier};
use signhere_log::witness::{
    AddCheckpoint, MAX_REQUEST, SIZE_MEDIA_TYPE, TreeHead, WitnessRefusal,
};
use signhere_pki::digest::sha256;
use signhere_pki::time::Clock;

use super::logs::WitnessedLog;
use super::memory::{Memory, Remembered};
use crate::error::ServeError;
use crate::http::body;
use crate::http::problem::Problem;

pub(crate) use super::memory::Places;

/// The witness.
pub(crate) struct Witness {
    cosigner: Cosigner,
    logs: HashMap<String, NoteVerifier>,
    /// The origins by the hexadecimal SHA-256 that names them in URLs.
    origins: HashMap<String, String>,
    memory: Mutex<Memory>,
    clock: Arc<dyn Clock>,
}

/// Why there is no cosignature.
#[derive(Debug, PartialEq, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Decided(#[from] WitnessRefusal),
    #[error("the witness cannot sign: {0}")]
    Signing(#[from] NoteError),
    #[error("the witness cannot remember: {0}")]
    Memory(#[from] rusqlite::Error),
}

impl Witness {
    /// A witness of `logs`, with the memory in `places`.
    pub(crate) fn open(
        places: &Places,
        cosigner: Cosigner,
        logs: Vec<WitnessedLog>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServeError> {
        let memory = Memory::open(&places.memory, &places.mark)?;
        let origins = logs
            .iter()
            .map(|log| {
                (
                    hex::encode(sha256(log.origin.as_bytes())),
                    log.origin.clone(),
                )
            })
            .collect();
        let logs = logs.into_iter().map(|log| (log.origin, log.verifier));
        Ok(Self {
            cosigner,
            logs: logs.collect(),
            origins,
            memory: Mutex::new(memory),
            clock,
        })
    }

    /// Cosigns at `/witness/add-checkpoint`; shows what it has cosigned last at `/witness/HASH/checkpoint`, HASH
    /// being that of the log's origin.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/witness/add-checkpoint", post(add_checkpoint))
            .layer(DefaultBodyLimit::max(MAX_REQUEST))
            .route("/witness/{origin}/checkpoint", get(latest_checkpoint))
            .with_state(self)
    }

    /// The key to verify its cosignatures with, for the policies of others.
    #[cfg(test)]
    pub(crate) fn vkey(&self) -> String {
        self.cosigner.verifier().to_vkey()
    }

    /// The logs and how many entries of each were cosigned last; none if it never was.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> Vec<(String, Option<u64>)> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let size = |origin: &String| {
            memory
                .find(origin)
                .ok()
                .flatten()
                .map(|found| found.head.size)
        };
        let mut sizes: Vec<_> = self
            .logs
            .keys()
            .map(|origin| (origin.clone(), size(origin)))
            .collect();
        sizes.sort();
        sizes
    }

    /// The signature line for the checkpoint of a request.
    fn cosign(&self, body: &[u8]) -> Result<String, Refusal> {
        let request = AddCheckpoint::parse(body)?;
        let origin = &request.signed.checkpoint.origin;
        let log = self.logs.get(origin).ok_or(WitnessRefusal::UnknownLog)?;
        // Whoever panicked while holding it has left nothing half-done: the database commits or not.
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = memory.find(origin)?.map(|remembered| remembered.head);
        let checkpoint = request.admit(origin, latest.as_ref(), log)?;
        let head = TreeHead {
            size: checkpoint.size,
            root: checkpoint.root,
        };
        let line = self
            .cosigner
            .cosign(request.signed.note.text(), self.clock.now())?;
        if latest == Some(head) {
            return Ok(line);
        }
        // Of the log's note only what was verified: others may have put lines there.
        let note = request.signed.note.signatures();
        let signed = note.iter().filter(|line| log.is_named_in(line));
        let signed: String = signed.map(|line| line.to_line()).collect();
        let note = format!("{}\n{signed}{line}", request.signed.note.text());
        if !memory.replace(origin, latest.as_ref(), &Remembered { head, note })? {
            let seen = memory.find(origin)?.map_or(0, |found| found.head.size);
            return Err(WitnessRefusal::Conflict { seen }.into());
        }
        Ok(line)
    }

    fn latest(&self, origin_hash: &str) -> Result<Option<String>, rusqlite::Error> {
        let Some(origin) = self.origins.get(origin_hash) else {
            return Ok(None);
        };
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(memory.find(origin)?.map(|found| found.note))
    }
}

/// POST /witness/add-checkpoint
async fn add_checkpoint(
    State(witness): State<Arc<Witness>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body::whole(body, MAX_REQUEST)?;
    let decided = tokio::task::spawn_blocking(move || witness.cosign(&body)).await;
    let decided = decided.map_err(|_| Problem::internal())?;
    Ok(match decided {
        Ok(line) => text(StatusCode::OK, PLAIN, line),
        Err(refusal) => refusal.into_response(),
    })
}

/// GET /witness/HASH/checkpoint
async fn latest_checkpoint(
    State(witness): State<Arc<Witness>>,
    Path(origin_hash): Path<String>,
) -> Result<Response, Problem> {
    let found = tokio::task::spawn_blocking(move || witness.latest(&origin_hash)).await;
    let found = found
        .map_err(|_| Problem::internal())?
        .map_err(|_| Problem::internal())?;
    let note = found.ok_or_else(Problem::not_found)?;
    Ok(text(StatusCode::OK, PLAIN, note))
}

const PLAIN: &str = "text/plain; charset=utf-8";

fn text(status: StatusCode, media_type: &'static str, body: String) -> Response {
    let media_type = HeaderValue::from_static(media_type);
    (status, [(header::CONTENT_TYPE, media_type)], body).into_response()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Decided(WitnessRefusal::Conflict { seen }) => {
                return text(StatusCode::CONFLICT, SIZE_MEDIA_TYPE, format!("{seen}\n"));
            }
            Self::Decided(refusal) => match refusal {
                WitnessRefusal::UnknownLog => StatusCode::NOT_FOUND,
                WitnessRefusal::Signature(_) => StatusCode::FORBIDDEN,
                WitnessRefusal::Inconsistent(_) => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::BAD_REQUEST,
            },
            // What failed is no concern of others.
            Self::Signing(_) | Self::Memory(_) => {
                return Problem::busy("the witness cannot cosign at the moment").into_response();
            }
        };
        text(status, PLAIN, format!("{self}\n"))
    }
}
