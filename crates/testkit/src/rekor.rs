//! The index and the entries of a log of the first generation, on loopback: it has what it is told to have.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot be served must fail the test"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;
use url::Url;

use crate::network::serve;

/// Entries by their names, as the log answers with them.
type Entries = Arc<Mutex<BTreeMap<String, Value>>>;

/// A log that is only asked.
#[derive(Clone, Debug)]
pub struct SearchedLog {
    /// Where it is.
    pub url: Url,
    entries: Entries,
}

impl SearchedLog {
    /// Serves a log without entries, until the runtime ends.
    pub async fn start() -> Self {
        let entries = Entries::default();
        let router = Router::new()
            .route("/api/v1/index/retrieve", post(index))
            .route("/api/v1/log/entries/retrieve", post(retrieve))
            .with_state(Arc::clone(&entries));
        Self {
            url: serve(router).await,
            entries,
        }
    }

    /// Takes an entry, such as [`Forge::logged`](crate::forge::Forge::logged) makes.
    pub fn take(&self, (name, answer): (String, Value)) {
        self.entries.lock().unwrap().insert(name, answer);
    }
}

/// As Rekor v1 finds: whatever has any of the things asked for.
async fn index(State(entries): State<Entries>, Json(asked): Json<Value>) -> Json<Vec<String>> {
    let entries = entries.lock().unwrap();
    let is_asked_for = |(name, answer): (&String, &Value)| {
        let body = BASE64_STANDARD.decode(answer[name]["body"].as_str()?);
        let spec = &serde_json::from_slice::<Value>(&body.ok()?).ok()?["spec"];
        let hash = format!("sha256:{}", spec["data"]["hash"]["value"].as_str()?);
        let key = &spec["signature"]["publicKey"]["content"];
        let found = asked["hash"] == hash || asked["publicKey"]["content"] == *key;
        found.then(|| name.clone())
    };
    Json(entries.iter().filter_map(is_asked_for).collect())
}

async fn retrieve(State(entries): State<Entries>, Json(asked): Json<Value>) -> Json<Vec<Value>> {
    let entries = entries.lock().unwrap();
    let names = asked["entryUUIDs"].as_array().unwrap().iter();
    let found = names.filter_map(|name| entries.get(name.as_str()?).cloned());
    Json(found.collect())
}
