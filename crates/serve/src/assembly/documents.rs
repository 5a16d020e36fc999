//! What clients read before they trust and sign: in the folder, over HTTP, and as the targets of TUF.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use signhere_verify::trust::ClientTrustConfig;

use crate::error::ServeError;
use crate::state::files::{self, PUBLIC, write_durably};

const TRUSTED_ROOT: &str = "trusted_root.json";
const SIGNING_CONFIG: &str = "signing_config.v0.2.json";
const TRUST_CONFIG: &str = "trust_config.json";

/// The documents as they are now; a clone sees every change.
#[derive(Clone)]
pub(crate) struct Documents(Arc<RwLock<Arc<Texts>>>);

/// The documents at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Texts {
    /// `trusted_root.json`: whom to trust.
    pub(crate) trusted_root: Vec<u8>,
    /// `signing_config.v0.2.json`: where to sign.
    pub(crate) signing_config: Vec<u8>,
    /// `trust_config.json`: both in one, as `sigstore --trust-config` reads it.
    pub(crate) trust_config: Vec<u8>,
}

impl Documents {
    pub(crate) fn new(config: &ClientTrustConfig) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(Texts::of(config)))))
    }

    /// The documents as they are now.
    pub(crate) fn now(&self) -> Arc<Texts> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on the documents say `config`.
    pub(crate) fn replace(&self, config: &ClientTrustConfig) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Texts::of(config));
    }

    /// Writes them into the folder `dir`, unless they are there.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), ServeError> {
        let texts = self.now();
        for (name, text) in texts.named() {
            let path = dir.join(name);
            let limit = u64::try_from(text.len()).unwrap_or(u64::MAX);
            let found = files::read_bounded(&path, limit);
            if !found.is_ok_and(|found| found.is_some_and(|found| found.as_slice() == text)) {
                write_durably(&path, text, PUBLIC)?;
            }
        }
        Ok(())
    }

    /// The routes `/trusted_root.json`, `/signing_config.v0.2.json` and `/trust_config.json`.
    pub(crate) fn router(&self) -> Router {
        let text = |text: fn(&Texts) -> &[u8]| {
            get(async move |State(documents): State<Self>| json(text(&documents.now())))
        };
        Router::new()
            .route(
                &format!("/{TRUSTED_ROOT}"),
                text(|texts| &texts.trusted_root),
            )
            .route(
                &format!("/{SIGNING_CONFIG}"),
                text(|texts| &texts.signing_config),
            )
            .route(
                &format!("/{TRUST_CONFIG}"),
                text(|texts| &texts.trust_config),
            )
            .with_state(self.clone())
    }
}

impl Texts {
    fn of(config: &ClientTrustConfig) -> Self {
        Self {
            trusted_root: config.trusted_root.to_json(),
            signing_config: config.signing_config.to_json(),
            trust_config: config.to_json(),
        }
    }

    fn named(&self) -> [(&'static str, &[u8]); 3] {
        [
            (TRUSTED_ROOT, &self.trusted_root),
            (SIGNING_CONFIG, &self.signing_config),
            (TRUST_CONFIG, &self.trust_config),
        ]
    }

    /// The targets of the TUF repository, by name.
    pub(crate) fn targets(&self) -> [(&'static str, &[u8]); 2] {
        [
            (TRUSTED_ROOT, &self.trusted_root),
            (SIGNING_CONFIG, &self.signing_config),
        ]
    }
}

fn json(document: &[u8]) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], document.to_vec()).into_response()
}
