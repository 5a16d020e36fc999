//! A log's tiles and checkpoint over HTTP, by C2SP tlog-tiles.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use signhere_log::storage::Objects;
use signhere_log::tile::{CHECKPOINT_PATH, TileId, TileKind};

use super::problem::Problem;

/// A tile, once written, never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ALWAYS_ASK: HeaderValue = HeaderValue::from_static("no-cache");

/// What of a log can be read by anyone.
#[derive(Clone)]
struct Readable {
    objects: Arc<dyn Objects>,
    entries: TileKind,
}

/// The routes `PREFIX/checkpoint` and `PREFIX/tile/…` of a log whose entries are in tiles of kind `entries`.
pub(crate) fn routes(prefix: &str, objects: Arc<dyn Objects>, entries: TileKind) -> Router {
    Router::new()
        .route(&format!("{prefix}/checkpoint"), get(checkpoint))
        .route(&format!("{prefix}/tile/{{*path}}"), get(tile))
        .with_state(Readable { objects, entries })
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
async fn read_tile(log: Readable, id: TileId) -> Result<Vec<u8>, Problem> {
    let is_partial = !id.is_full();
    match read(Arc::clone(&log.objects), id.to_string()).await {
        Err(problem) if is_partial && problem == Problem::not_found() => {
            let full = read(log.objects, id.full().to_string()).await?;
            id.cut(full).map_err(|_| Problem::internal())
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
