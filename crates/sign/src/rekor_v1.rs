//! The transparency log of the first generation: `POST /api/v1/log/entries`, answered with a
//! signed promise, and with a proof under the log's current checkpoint. Its index is asked in `search`.

mod search;

use std::collections::HashMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use reqwest::header::{ACCEPT, HeaderValue, LOCATION};
use serde::Deserialize;
use signhere_verify::bundle::{InclusionProof, TlogEntry};
use url::Url;

use crate::service::{Problem, Service, ServiceError, endpoint};
use signhere_http::{Destination, HttpAnswer, HttpClient, HttpError, HttpRequest};

pub use search::{EntryId, EntryIdError, MAX_ENTRIES, MAX_HITS, Query, entries, search};

const BODY_CAP: usize = 8 << 20;
const CONFLICT: u16 = 409;
const MAX_HASHES: usize = 64;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer: one entry under its UUID.
type Answer = HashMap<String, Entry>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    body: String,
    integrated_time: i64,
    #[serde(rename = "logID")]
    log_id: String,
    log_index: u64,
    verification: Verification,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    inclusion_proof: Proof,
    signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    checkpoint: String,
    hashes: Vec<String>,
    log_index: u64,
    root_hash: String,
    tree_size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    kind: String,
    api_version: String,
}

/// Has a proposed entry (its JSON) logged at `base`; returns the entry with its promise and its
/// proof, which are not verified here. An entry that the log has already is fetched.
pub async fn log(
    http: &HttpClient,
    base: &Url,
    proposed: Vec<u8>,
) -> Result<TlogEntry, ServiceError> {
    let url = endpoint(base, "api/v1/log/entries");
    let kind = "application/json";
    let request = HttpRequest::post(url.clone(), Destination::Configured, kind, proposed)
        .header(ACCEPT, JSON)
        .body_cap(BODY_CAP)
        .repeatable();
    let fail = |error| ServiceError::new(Service::Log, &url, error);
    let mut answer = http.send(&request).await.map_err(fail)?;
    if answer.status == CONFLICT {
        let existing = location(&url, &answer)?;
        let request = HttpRequest::get(existing, Destination::Configured)
            .header(ACCEPT, JSON)
            .body_cap(BODY_CAP);
        answer = http.send(&request).await.map_err(fail)?;
    }
    if !answer.is_success() {
        return Err(ServiceError::status(Service::Log, &url, &answer));
    }
    read(&answer.body)
        .map_err(|(what, detail)| ServiceError::unreadable(Service::Log, &url, what, &detail))
}

/// Where the log says that it has the entry, which must be in the log.
fn location(url: &Url, answer: &HttpAnswer) -> Result<Url, ServiceError> {
    let location = answer.headers.get(LOCATION);
    let Some(location) = location.and_then(|value| value.to_str().ok()) else {
        let duplicate = Problem::Duplicate { index: None };
        return Err(ServiceError::new(Service::Log, url, duplicate));
    };
    match url.join(location) {
        Ok(existing) if existing.origin() == url.origin() => Ok(existing),
        _ => {
            let error = HttpError::Redirect {
                url: signhere_http::shown(url),
                location: location.chars().take(256).collect(),
            };
            Err(ServiceError::new(Service::Log, url, error))
        }
    }
}

fn read(json: &[u8]) -> Result<TlogEntry, (&'static str, String)> {
    let answer: Answer = serde_json::from_slice(json).map_err(|e| ("JSON", e.to_string()))?;
    let found = answer.len();
    let mut entries = answer.into_values();
    let (Some(entry), None) = (entries.next(), entries.next()) else {
        return Err(("entry", format!("there are {found}")));
    };
    let body = base64("body", &entry.body)?;
    let Kind { kind, api_version } =
        serde_json::from_slice(&body).map_err(|error| ("kind", error.to_string()))?;
    let proof = entry.verification.inclusion_proof;
    if proof.hashes.len() > MAX_HASHES {
        return Err(("proof", format!("{} hashes", proof.hashes.len())));
    }
    let hashes: Result<_, _> = proof.hashes.iter().map(|hash| hash_of(hash)).collect();
    Ok(TlogEntry {
        log_index: entry.log_index,
        log_id: hex::decode(&entry.log_id).map_err(|error| ("log id", error.to_string()))?,
        kind,
        version: api_version,
        integrated_time: entry.integrated_time,
        promise: Some(base64(
            "promise",
            &entry.verification.signed_entry_timestamp,
        )?),
        proof: Some(InclusionProof {
            log_index: proof.log_index,
            root_hash: hash_of(&proof.root_hash)?,
            tree_size: proof.tree_size,
            hashes: hashes?,
            checkpoint: proof.checkpoint,
        }),
        body,
    })
}

fn base64(what: &'static str, text: &str) -> Result<Vec<u8>, (&'static str, String)> {
    let decoded = BASE64_STANDARD.decode(text);
    decoded.map_err(|error| (what, error.to_string()))
}

fn hash_of(text: &str) -> Result<[u8; 32], (&'static str, String)> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).map_err(|error| ("hash", error.to_string()))?;
    Ok(hash)
}
