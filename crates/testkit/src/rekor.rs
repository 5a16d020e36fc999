//! The index and the entries of a log of the first generation, on loopback: it has what it is told to have.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot be served must fail the test"
)]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;
use url::Url;

use crate::network::serve;

/// Where the index is asked.
pub const INDEX: &str = "/api/v1/index/retrieve";
/// Where entries are asked for.
pub const ENTRIES: &str = "/api/v1/log/entries/retrieve";

/// What the log does when it is asked for something.
pub enum Answer {
    /// As a log does.
    Usual,
    /// Nothing, ever.
    Nothing,
    /// This: status, headers, body.
    With(u16, Vec<(&'static str, String)>, Vec<u8>),
}

type Behaviour = Box<dyn Fn(&str, &Value) -> Answer + Send + Sync>;

/// A log that is only asked.
#[derive(Clone)]
pub struct SearchedLog {
    /// Where it is.
    pub url: Url,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    /// Entries by their names, as the log answers with them.
    entries: Mutex<BTreeMap<String, Value>>,
    behaviour: Mutex<Option<Behaviour>>,
}

impl SearchedLog {
    /// Serves a log without entries, until the runtime ends.
    pub async fn start() -> Self {
        let log: Arc<Log> = Arc::default();
        let index = |State(log): State<Arc<Log>>, Json(asked): Json<Value>| async move {
            log.answer(INDEX, &asked).await
        };
        let entries = |State(log): State<Arc<Log>>, Json(asked): Json<Value>| async move {
            log.answer(ENTRIES, &asked).await
        };
        let router = Router::new()
            .route(INDEX, post(index))
            .route(ENTRIES, post(entries))
            .with_state(Arc::clone(&log));
        Self {
            url: serve(router).await,
            log,
        }
    }

    /// Takes an entry, such as [`Forge::logged`](crate::forge::Forge::logged) makes.
    pub fn take(&self, (name, answer): (String, Value)) {
        self.log.entries.lock().unwrap().insert(name, answer);
    }

    /// From now on the log does what `behaviour` makes of the path and the question.
    pub fn behave(&self, behaviour: impl Fn(&str, &Value) -> Answer + Send + Sync + 'static) {
        *self.log.behaviour.lock().unwrap() = Some(Box::new(behaviour));
    }
}

impl Log {
    async fn answer(&self, path: &str, asked: &Value) -> Response {
        let answer = match &*self.behaviour.lock().unwrap() {
            Some(behaviour) => behaviour(path, asked),
            None => Answer::Usual,
        };
        match answer {
            Answer::Usual if path == INDEX => Json(self.index(asked)).into_response(),
            Answer::Usual => Json(self.retrieve(asked)).into_response(),
            Answer::Nothing => std::future::pending().await,
            Answer::With(status, headers, body) => {
                let header = |(name, value)| (HeaderName::from_static(name), value);
                let headers = AppendHeaders(headers.into_iter().map(header).collect::<Vec<_>>());
                (StatusCode::from_u16(status).unwrap(), headers, body).into_response()
            }
        }
    }

    /// As Rekor v1 finds: whatever has any of the things asked for.
    fn index(&self, asked: &Value) -> Vec<String> {
        let entries = self.entries.lock().unwrap();
        let is_asked_for = |(name, answer): (&String, &Value)| {
            let body = BASE64_STANDARD.decode(answer[name]["body"].as_str()?);
            let spec = &serde_json::from_slice::<Value>(&body.ok()?).ok()?["spec"];
            let hash = format!("sha256:{}", spec["data"]["hash"]["value"].as_str()?);
            let key = &spec["signature"]["publicKey"]["content"];
            let found = asked["hash"] == hash || asked["publicKey"]["content"] == *key;
            found.then(|| name.clone())
        };
        entries.iter().filter_map(is_asked_for).collect()
    }

    fn retrieve(&self, asked: &Value) -> Vec<Value> {
        let entries = self.entries.lock().unwrap();
        let names = asked["entryUUIDs"].as_array().unwrap().iter();
        let found = names.filter_map(|name| entries.get(name.as_str()?).cloned());
        found.collect()
    }
}

impl fmt::Debug for SearchedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = &self.url;
        f.debug_struct("SearchedLog")
            .field("url", url)
            .finish_non_exhaustive()
    }
}
