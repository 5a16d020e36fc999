//! What operators see: health, readiness, metrics, one line of log a request.

mod collect;
mod metrics;
mod process;
mod request;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::http::problem::Problem;
use crate::status::judge::{self, Stalls};
use crate::status::report::Report;
use crate::status::{Facts, Source};
use crate::web::Web;
use metrics::Metrics;
use request::RequestIds;

pub(crate) use request::Outcome;

/// The content type of `GET /metrics`: OpenMetrics text, which Prometheus reads.
const METRICS_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Watches an instance. Made once, it outlives every change of the instance's routes.
pub(crate) struct Observer {
    source: Source,
    metrics: Metrics,
    ids: RequestIds,
    stalls: Stalls,
}

impl Observer {
    /// An observer of what `source` states. Request ids begin with `prefix`, which should differ from start to start.
    pub(crate) fn new(source: Source, prefix: u32) -> Arc<Self> {
        Arc::new(Self {
            metrics: Metrics::new(Arc::clone(&source)),
            source,
            ids: RequestIds::new(prefix),
            stalls: Stalls::default(),
        })
    }

    /// `/healthz`, `/readyz`, `/metrics`.
    pub(crate) fn routes(self: &Arc<Self>) -> Router {
        let metrics = Router::new().route("/metrics", get(metrics));
        let metrics = metrics.with_state(Arc::clone(self));
        self.health_routes().merge(metrics)
    }

    /// `/healthz`, `/readyz`.
    pub(crate) fn health_routes(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/healthz", get(health))
            .route("/readyz", get(ready))
            .with_state(Arc::clone(self))
    }

    /// `/api/status`, `/api/entries` and the pages.
    pub(crate) fn pages(self: &Arc<Self>) -> Router {
        let status = Router::new()
            .route("/api/status", get(status))
            .with_state(Arc::clone(self));
        status.merge(Web::new(Arc::clone(self)).router())
    }

    /// The router with every request counted, named and logged.
    pub(crate) fn layer(self: &Arc<Self>, router: Router) -> Router {
        router.layer(from_fn_with_state(Arc::clone(self), request::observe))
    }

    /// The facts of the moment, on a thread that may block.
    pub(crate) async fn facts(&self) -> Result<Facts, Problem> {
        let source = Arc::clone(&self.source);
        let facts = tokio::task::spawn_blocking(move || source()).await;
        facts.map_err(|_| Problem::internal())
    }

    /// The report of the moment.
    pub(crate) async fn report(self: &Arc<Self>, with_entries: bool) -> Result<Report, Problem> {
        let this = Arc::clone(self);
        let report = tokio::task::spawn_blocking(move || {
            let facts = (this.source)();
            judge::report(facts, &this.stalls, with_entries)
        });
        report.await.map_err(|_| Problem::internal())
    }
}

/// GET /healthz: whether the process can do its work. What fails here is mended by a restart and not by waiting: a log
/// that has stopped for its storage opens itself again, and is read meanwhile.
async fn health(State(observer): State<Arc<Observer>>) -> Result<&'static str, Problem> {
    let facts = observer.facts().await?;
    if facts.logs.iter().any(|log| log.has_ended) {
        return Err(Problem::unavailable("a log has stopped by a defect"));
    }
    facts
        .clock
        .map_or(Ok("ok\n"), |problem| Err(Problem::unavailable(problem)))
}

/// GET /readyz: whether there is no fault, and which ones there are.
async fn ready(State(observer): State<Arc<Observer>>) -> Result<Response, Problem> {
    let report = observer.report(false).await?;
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let reasons: Vec<_> = report.faults().collect();
    let body = json!({ "ready": report.ready, "reasons": reasons });
    Ok((status, Json(body)).into_response())
}

/// GET /api/status
async fn status(State(observer): State<Arc<Observer>>) -> Result<Json<Report>, Problem> {
    Ok(Json(observer.report(true).await?))
}

/// GET /metrics
async fn metrics(State(observer): State<Arc<Observer>>) -> Result<Response, Problem> {
    let text = tokio::task::spawn_blocking(move || observer.metrics.encode()).await;
    let text = text
        .map_err(|_| Problem::internal())?
        .map_err(|_| Problem::internal())?;
    Ok(([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response())
}

#[cfg(test)]
mod tests;
