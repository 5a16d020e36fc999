//! A log's tiles and checkpoint over HTTP, by C2SP tlog-tiles.

mod pieces;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use signhere_log::storage::Objects;
use signhere_log::tile::{CHECKPOINT_PATH, TileId, TileKind};
use tokio::sync::Semaphore;

use super::problem::Problem;

/// A tile, once written, never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Full tiles of a log that are held at one time to find where a partial one ends.
const CUTS: usize = 4;
const ALWAYS_ASK: HeaderValue = HeaderValue::from_static("no-cache");

/// What of a log can be read by anyone.
#[derive(Clone)]
struct Readable {
    objects: Arc<dyn Objects>,
    entries: TileKind,
    /// One for each full tile that is held to be cut.
    cutting: Arc<Semaphore>,
}

/// The routes `PREFIX/checkpoint` and `PREFIX/tile/…` of a log whose entries are in tiles of kind `entries`.
pub(crate) fn routes(prefix: &str, objects: Arc<dyn Objects>, entries: TileKind) -> Router {
    Router::new()
        .route(&format!("{prefix}/checkpoint"), get(checkpoint))
        .route(&format!("{prefix}/tile/{{*path}}"), get(tile))
        .with_state(Readable {
            objects,
            entries,
            cutting: Arc::new(Semaphore::new(CUTS)),
        })
}

async fn checkpoint(State(log): State<Readable>) -> Result<Response, Problem> {
    let note = read(log.objects, CHECKPOINT_PATH.to_owned()).await?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, ALWAYS_ASK),
    ];
    Ok((headers, note).into_response())
}

async fn tile(State(log): State<Readable>, Path(path): Path<String>) -> Result<Response, Problem> {
    let id: TileId = format!("tile/{path}")
        .parse()
        .map_err(|_| Problem::not_found())?;
    if !matches!(id.kind(), TileKind::Hashes { .. }) && id.kind() != log.entries {
        return Err(Problem::not_found());
    }
    let bytes = read_tile(log, id).await?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (header::CACHE_CONTROL, FOR_EVER),
    ];
    Ok((headers, bytes).into_response())
}

/// A partial tile that is no longer stored is the beginning of its full one.
async fn read_tile(log: Readable, id: TileId) -> Result<Body, Problem> {
    let is_partial = !id.is_full();
    match pieces::body(Arc::clone(&log.objects), id, None).await {
        Err(problem) if is_partial && problem == Problem::not_found() => {
            let turn = Arc::clone(&log.cutting).acquire_owned().await;
            let turn = turn.map_err(|_| Problem::internal())?;
            let objects = Arc::clone(&log.objects);
            let cut = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let full = objects.get(&id.full().to_string());
                let full = full.map_err(|_| Problem::internal())?;
                let full = full.ok_or_else(Problem::not_found)?;
                let cut = id.cut(full).map_err(|_| Problem::internal())?;
                Ok::<_, Problem>(u64::try_from(cut.len()).unwrap_or(u64::MAX))
            });
            let length = cut.await.map_err(|_| Problem::internal())??;
            pieces::body(log.objects, id.full(), Some(length)).await
        }
        answer => answer,
    }
}

async fn read(objects: Arc<dyn Objects>, path: String) -> Result<Vec<u8>, Problem> {
    let read = tokio::task::spawn_blocking(move || objects.get(&path)).await;
    let found = read
        .map_err(|_| Problem::internal())?
        .map_err(|_| Problem::internal())?;
    found.ok_or_else(Problem::not_found)
}
