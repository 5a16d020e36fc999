//! What an operator asks of a running instance: over a Unix socket in its folder, which only its owner can open.
//!
//! | request | what it does |
//! |---|---|
//! | `POST /rotate` | a new key for a service: [`Rotate`] in, [`Rotated`] out |
//! | `GET /status` | the [`Report`] of the moment |
//!
//! HTTP/1.1 and JSON, as everywhere else; a refusal is [`Refused`].

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use signhere_pki::time::Time;
use tokio::net::UnixListener;
use tokio::sync::watch;

use crate::error::ServeError;
use crate::state::manifest::Role;
use crate::status::report::Report;
use crate::upkeep::Upkeep;

/// The socket's name in the folder of an instance.
pub const SOCKET: &str = "control.sock";
/// Bytes of a request.
const BODY_LIMIT: usize = 16 * 1024;
/// Bytes of a Unix socket's path (`sun_path`).
const PATH_LIMIT: usize = 107;

/// Asks for a new key of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Which service.
    pub role: Role,
    /// Seconds between the publication of the new trusted root and the new key's first use; those of the
    /// configuration if none are given.
    pub lead_seconds: Option<u32>,
}

/// A service has a new key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    /// The new shard, such as `log-2`.
    pub shard: String,
    /// From when on it is used.
    pub start: Time,
}

/// Why a request was not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// In one sentence.
    pub message: String,
}

/// Where the socket is.
pub(crate) struct ControlSocket(PathBuf);

/// The socket, bound; removed when it is dropped.
pub(crate) struct ControlListener {
    path: PathBuf,
    listener: UnixListener,
}

impl ControlSocket {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self(folder.join(SOCKET))
    }

    /// Binds the socket. This process holds the folder: a socket that is there was left by one that died.
    pub(crate) fn bind(&self) -> Result<ControlListener, ServeError> {
        let path = self.0.clone();
        if path.as_os_str().len() > PATH_LIMIT {
            let limit = PATH_LIMIT;
            return Err(ServeError::SocketPath { path, limit });
        }
        let fail = |e: io::Error| ServeError::file("listen on", &self.0, &e);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(fail(e)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(fail)?;
        // The folder is closed to others, before and after this.
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(fail)?;
        Ok(ControlListener { path, listener })
    }
}

impl ControlListener {
    /// Answers until the other end of `stopped` is dropped.
    pub(crate) async fn serve(self, upkeep: Arc<Upkeep>, mut stopped: watch::Receiver<()>) {
        let router = Router::new()
            .route("/rotate", post(rotate))
            .route("/status", get(status))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(upkeep);
        let ended = async move {
            let _ = stopped.changed().await;
        };
        // The owner's connections are few and friendly; an accept that fails is tried again by axum.
        let _ = axum::serve(self.listener, router)
            .with_graceful_shutdown(ended)
            .await;
        // A socket that stays behind misleads nobody: nothing answers there.
        let _ = fs::remove_file(&self.path);
    }
}

async fn rotate(
    State(upkeep): State<Arc<Upkeep>>,
    Json(request): Json<Rotate>,
) -> Result<Json<Rotated>, ServeError> {
    on_thread(move || upkeep.rotate(request)).await.map(Json)
}

async fn status(State(upkeep): State<Arc<Upkeep>>) -> Response {
    let observer = on_thread(move || Ok(upkeep.assembly().observer())).await;
    match observer {
        Ok(observer) => match observer.report(true).await {
            Ok(report) => Json::<Report>(report).into_response(),
            Err(problem) => problem.into_response(),
        },
        Err(error) => error.into_response(),
    }
}

/// Keys, files and logs are worked on where blocking hurts nobody.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServeError> + Send + 'static,
) -> Result<T, ServeError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| ServeError::Panicked)?
}

impl IntoResponse for ServeError {
    /// The operator owns the folder: they may know everything that went wrong in it.
    fn into_response(self) -> Response {
        let message = self.to_string();
        (StatusCode::CONFLICT, Json(Refused { message })).into_response()
    }
}
