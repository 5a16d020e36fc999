//! Routes that can be replaced while requests are under way.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use tower_service::Service as _;

/// The routes as they are now. A request is answered by those that were there when it came.
#[derive(Clone)]
pub(crate) struct LiveRoutes(Arc<RwLock<Router>>);

impl LiveRoutes {
    pub(crate) fn new(routes: Router) -> Self {
        Self(Arc::new(RwLock::new(routes)))
    }

    /// From now on requests are answered by `routes`.
    pub(crate) fn replace(&self, routes: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = routes;
    }

    /// A router that sends every request on to the routes as they are when it comes.
    pub(crate) fn router(&self) -> Router {
        Router::new().fallback(forward).with_state(self.clone())
    }

    fn now(&self) -> Router {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn forward(State(live): State<LiveRoutes>, request: Request) -> Response {
    // A router is always ready; its error type has no values.
    match live.now().call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
    .into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;

    use super::*;

    async fn ask(router: &Router, path: &str) -> (u16, Vec<u8>) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().call(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1024).await.unwrap();
        (status, body.to_vec())
    }

    #[tokio::test]
    async fn the_next_request_meets_the_new_routes() {
        let live = LiveRoutes::new(Router::new().route("/name", get(async || "first")));
        let router = live.router();
        assert_eq!(ask(&router, "/name").await, (200, b"first".to_vec()));
        live.replace(Router::new().route("/name", get(async || "second")));
        assert_eq!(ask(&router, "/name").await, (200, b"second".to_vec()));
        assert_eq!(ask(&router, "/other").await.0, 404);
    }
}
