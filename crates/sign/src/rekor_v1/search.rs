//! Finding entries that a log of the first generation holds: `POST /api/v1/index/retrieve` and
//! `POST /api/v1/log/entries/retrieve`.
//!
//! Nothing of an answer is believed here. The index is a hint (it holds whatever anybody logged under a digest, and a
//! search for several things finds entries with any of them, CVE-2024-51746), and an entry proves itself or does not.

use std::{fmt, str::FromStr};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use reqwest::header::ACCEPT;
use serde_json::{Value, json, value::RawValue};
use signhere_http::{Destination, HttpClient, HttpRequest};
use signhere_pki::{cert::Certificate, digest::Digest};
use signhere_verify::bundle::TlogEntry;
use url::Url;

use super::JSON;
use crate::service::{Service, ServiceError, endpoint};

/// The most entries of a search that are named. A digest has one, or a few when it was logged again, or as many as
/// somebody likes who wants to hide them.
pub const MAX_HITS: usize = 256;
/// The most entries that one request may ask for; more are refused by the log.
pub const MAX_ENTRIES: usize = 10;
const SEARCH_CAP: usize = 256 << 10;
const ENTRIES_CAP: usize = 8 << 20;

/// What to look for; one thing at a time.
#[derive(Clone, Copy, Debug)]
pub enum Query<'a> {
    /// The digest of what was signed.
    Digest(&'a Digest),
    /// The certificate of the key that signed.
    Certificate(&'a Certificate),
}

/// The name of an entry: the hash of its leaf, behind the id of its tree or alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(String);

/// A text that names no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry's name is 64 or 80 lower-case hexadecimal digits")]
pub struct EntryIdError;

impl FromStr for EntryId {
    type Err = EntryIdError;

    fn from_str(text: &str) -> Result<Self, EntryIdError> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match matches!(text.len(), 64 | 80) && text.bytes().all(is_hex) {
            true => Ok(Self(text.to_owned())),
            false => Err(EntryIdError),
        }
    }
}

impl EntryId {
    /// Returns the hash of the entry's leaf, in hexadecimal.
    pub fn leaf(&self) -> &str {
        let start = self.0.len().saturating_sub(64);
        self.0.get(start..).unwrap_or_default()
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Query<'_> {
    fn to_json(self) -> Value {
        match self {
            Self::Digest(digest) => json!({ "hash": digest.to_string() }),
            Self::Certificate(certificate) => {
                let content = BASE64_STANDARD.encode(certificate.to_pem());
                json!({ "publicKey": { "format": "x509", "content": content } })
            }
        }
    }
}

/// Returns the names of the entries that the log at `base` has under `query`, the first [`MAX_HITS`].
///
/// # Errors
/// [`ServiceError`] when the index does not answer, or answers something else (a web page, say) or too much.
pub async fn search(
    http: &HttpClient,
    base: &Url,
    query: Query<'_>,
) -> Result<Vec<EntryId>, ServiceError> {
    let url = endpoint(base, "api/v1/index/retrieve");
    let body = ask(http, &url, &query.to_json(), SEARCH_CAP).await?;
    let found: Vec<String> = read(&url, "list of entries", &body)?;
    let mut ids = Vec::with_capacity(found.len().min(MAX_HITS));
    for text in found.into_iter().take(MAX_HITS) {
        let id = text
            .parse()
            .map_err(|error| unreadable(&url, "entry name", &error))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// Returns the entries of these names that the log at `base` gives, [`MAX_ENTRIES`] a request, none of them verified:
/// each with an error of its own where it cannot be read, for anybody may have anything logged.
///
/// # Errors
/// [`ServiceError`] when the log does not answer.
pub async fn entries(
    http: &HttpClient,
    base: &Url,
    ids: &[EntryId],
) -> Result<Vec<Result<TlogEntry, ServiceError>>, ServiceError> {
    let url = endpoint(base, "api/v1/log/entries/retrieve");
    let mut entries = Vec::with_capacity(ids.len());
    for ids in ids.chunks(MAX_ENTRIES) {
        let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let body = ask(http, &url, &json!({ "entryUUIDs": names }), ENTRIES_CAP).await?;
        let answers: Vec<&RawValue> = read(&url, "list of entries", &body)?;
        if answers.len() > ids.len() {
            let detail = format!(
                "{} entries where {} were asked for",
                answers.len(),
                ids.len()
            );
            return Err(ServiceError::lie(Service::Log, &url, "entries", &detail));
        }
        for answer in answers {
            entries.push(super::read(&url, answer.get().as_bytes()));
        }
    }
    Ok(entries)
}

async fn ask(
    http: &HttpClient,
    url: &Url,
    question: &Value,
    cap: usize,
) -> Result<Vec<u8>, ServiceError> {
    let body = question.to_string().into_bytes();
    let request = HttpRequest::post(
        url.clone(),
        Destination::Configured,
        "application/json",
        body,
    )
    .header(ACCEPT, JSON)
    .body_cap(cap)
    .repeatable();
    let answer = http.send(&request).await;
    let answer = answer.map_err(|error| ServiceError::new(Service::Log, url, error))?;
    if !answer.is_success() {
        return Err(ServiceError::status(Service::Log, url, &answer));
    }
    Ok(answer.body)
}

fn read<'a, T: serde::Deserialize<'a>>(
    url: &Url,
    what: &'static str,
    body: &'a [u8],
) -> Result<T, ServiceError> {
    if body.trim_ascii_start().starts_with(b"<") {
        return Err(unreadable(url, what, &"it is a web page, and not JSON"));
    }
    serde_json::from_slice(body).map_err(|error| unreadable(url, what, &error))
}

fn unreadable(url: &Url, what: &'static str, detail: &dyn fmt::Display) -> ServiceError {
    ServiceError::unreadable(Service::Log, url, what, detail)
}

#[cfg(test)]
mod tests;
