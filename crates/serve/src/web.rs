//! The pages at `/`: what the instance is doing, and what its logs hold. They read only.
//!
//! Everything is rendered here; the one script hashes a dropped file in the browser and asks for its digest.
//! Nothing comes from elsewhere, and the policy that says so allows no inline script or style.

mod digests;
mod pages;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use signhere_log::reader::ReadError;
use tokio::sync::Semaphore;

use crate::http::problem::Problem;
use crate::observe::Observer;
use crate::status::report::Entry;
use crate::status::{LogFacts, LogKind, entries};
use digests::{Digests, Sought};

/// Entries on one page.
const PAGE: u64 = 25;
/// Searches under way at one time.
const SEARCHES: usize = 4;
/// Pages at one time that read entries: each holds a tile or two, of some megabytes if its entries are large.
const READINGS: usize = 8;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The pages and what they search in.
pub(crate) struct Web {
    observer: Arc<Observer>,
    digests: Digests,
    /// One for each search that may occupy a thread: a table that has to be filled takes its time, and whoever waits
    /// for it on a thread keeps that from all other readers of files.
    searching: Arc<Semaphore>,
    /// One for each page that may hold tiles.
    reading: Arc<Semaphore>,
}

#[derive(Deserialize)]
struct Search {
    digest: String,
}

#[derive(Deserialize)]
struct Browse {
    before: Option<u64>,
    index: Option<u64>,
}

impl Web {
    pub(crate) fn new(observer: Arc<Observer>) -> Arc<Self> {
        Arc::new(Self {
            observer,
            digests: Digests::default(),
            searching: Arc::new(Semaphore::new(SEARCHES)),
            reading: Arc::new(Semaphore::new(READINGS)),
        })
    }

    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/", get(home))
            .route("/search", get(search_page))
            .route("/api/entries", get(search))
            .route("/logs/{log}", get(browse))
            .route("/logs/{log}/{index}", get(entry))
            .route("/logs/{log}/{index}/body.json", get(body))
            .route("/web/style.css", get(style))
            .route("/web/drop.js", get(script))
            .route("/web/mark.svg", get(mark))
            .with_state(self)
    }

    /// The signature log named `name`.
    async fn log(&self, name: &str) -> Result<LogFacts, Problem> {
        let facts = self.observer.facts().await?;
        facts
            .logs
            .into_iter()
            .find(|log| log.name == name && log.kind == LogKind::Signatures)
            .ok_or_else(Problem::not_found)
    }

    /// The entries of every signature log for a digest, oldest log first.
    async fn find(self: &Arc<Self>, sought: Sought) -> Result<Vec<Entry>, Problem> {
        let facts = self.observer.facts().await?;
        let this = Arc::clone(self);
        in_turn(&self.searching, move || {
            let mut found = Vec::new();
            for log in facts.logs {
                if log.kind == LogKind::Signatures {
                    found.extend(this.digests.find(&log, &sought)?);
                }
            }
            Ok(found)
        })
        .await
    }

    async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        in_turn(&self.reading, work).await
    }
}

/// Blocking work, on a thread once it has its turn.
async fn in_turn<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let turn = Arc::clone(turns).acquire_owned().await;
    let turn = turn.map_err(|_| Problem::internal())?;
    let done = tokio::task::spawn_blocking(move || {
        // Kept by the thread, which goes on when the caller has gone away.
        let _turn = turn;
        work()
    });
    done.await.map_err(|_| Problem::internal())?
}

/// GET /
async fn home(State(web): State<Arc<Web>>) -> Result<Response, Problem> {
    let report = web.observer.report(true).await?;
    page(&pages::Home::new(&report))
}

/// GET /search?digest=…
async fn search_page(
    State(web): State<Arc<Web>>,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let sought = match search.digest.parse::<Sought>() {
        Ok(sought) => sought,
        Err(complaint) => return page(&pages::Found::complaint(&search.digest, complaint)),
    };
    let found = web.find(sought.clone()).await?;
    page(&pages::Found::new(&sought.to_string(), &found))
}

/// GET /api/entries?digest=…: the entries for the digest of an artifact.
async fn search(
    State(web): State<Arc<Web>>,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let sought: Sought = search.digest.parse().map_err(Problem::invalid)?;
    let found = web.find(sought).await?;
    Ok(Json(json!({ "version": 1, "entries": found })).into_response())
}

/// GET /logs/LOG: the newest entries, or those before an index; with `index`, the page of that entry.
async fn browse(
    State(web): State<Arc<Web>>,
    Path(name): Path<String>,
    Query(browse): Query<Browse>,
) -> Result<Response, Problem> {
    let log = web.log(&name).await?;
    if let Some(index) = browse.index {
        let to = format!("/logs/{}/{index}", log.name);
        let to = HeaderValue::try_from(to).map_err(|_| Problem::not_found())?;
        return Ok((axum::http::StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response());
    }
    let html = web.reading(move || {
        let size = log.published().map_err(Problem::unavailable)?.size;
        let before = browse.before.unwrap_or(size).min(size);
        let found = entries::newest(&log.name, &log.reader(), size, before, PAGE);
        let found = found.map_err(|error| unreadable(&error))?;
        pages::render(&pages::Listing::new(&log, size, before, &found, PAGE))
    });
    Ok(document(html.await?))
}

/// GET /logs/LOG/INDEX
async fn entry(
    State(web): State<Arc<Web>>,
    Path((name, index)): Path<(String, u64)>,
) -> Result<Response, Problem> {
    let log = web.log(&name).await?;
    let html = web.reading(move || {
        let published = log.published().map_err(Problem::unavailable)?;
        let reader = log.reader();
        let body = reader.entry(index, published.size);
        let body = body.map_err(|error| unreadable(&error))?;
        let proof = reader.inclusion(index, published.size);
        let proof = proof.map_err(|error| unreadable(&error))?;
        pages::render(&pages::EntryPage::new(
            &log, index, &body, &published, &proof,
        ))
    });
    Ok(document(html.await?))
}

/// GET /logs/LOG/INDEX/body.json: the entry as the log holds it.
async fn body(
    State(web): State<Arc<Web>>,
    Path((name, index)): Path<(String, u64)>,
) -> Result<Response, Problem> {
    let log = web.log(&name).await?;
    let file = format!("attachment; filename=\"{}-{index}.json\"", log.name);
    let body = web.reading(move || {
        let size = log.published().map_err(Problem::unavailable)?.size;
        let body = log.reader().entry(index, size);
        body.map_err(|error| unreadable(&error))
    });
    let body = body.await?;
    let file = HeaderValue::try_from(file).map_err(|_| Problem::internal())?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (header::CONTENT_DISPOSITION, file),
    ];
    Ok((headers, body).into_response())
}

async fn style() -> Response {
    asset(
        "text/css; charset=utf-8",
        include_str!("../templates/web/style.css"),
    )
}

async fn script() -> Response {
    asset(
        "text/javascript; charset=utf-8",
        include_str!("../templates/web/drop.js"),
    )
}

async fn mark() -> Response {
    asset("image/svg+xml", include_str!("../templates/web/mark.svg"))
}

/// A file of this program. Asked for again after an upgrade, and not much before.
fn asset(media_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=300"),
        ),
    ];
    (headers, text).into_response()
}

fn page(template: &impl askama::Template) -> Result<Response, Problem> {
    Ok(document(pages::render(template)?))
}

fn document(html: String) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HTML),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, html).into_response()
}

fn unreadable(error: &ReadError) -> Problem {
    match error {
        ReadError::Beyond { .. } => Problem::not_found(),
        _ => Problem::unavailable("the log cannot be read"),
    }
}

#[cfg(test)]
mod tests;
