//! The transparency log of the first generation: `POST /api/v1/log/entries`, answered with a
//! signed promise, and with a proof under the log's current checkpoint. Its index is asked in `search`.

mod search;

use reqwest::header::{ACCEPT, HeaderValue, LOCATION};
use signhere_verify::bundle::TlogEntry;
use url::Url;

use crate::service::{Problem, Service, ServiceError, endpoint};
use signhere_http::{Destination, HttpAnswer, HttpClient, HttpError, HttpRequest};

pub use search::{EntryId, EntryIdError, MAX_ENTRIES, MAX_HITS, Query, entries, search};

const BODY_CAP: usize = 8 << 20;
const CONFLICT: u16 = 409;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

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
    read(&url, &answer.body)
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

/// One entry under its UUID, as every answer has it.
fn read(url: &Url, json: &[u8]) -> Result<TlogEntry, ServiceError> {
    let unreadable = |detail: &dyn std::fmt::Display| {
        ServiceError::unreadable(Service::Log, url, "entry", detail)
    };
    let entry = TlogEntry::from_rekor_v1_json(json).map_err(|error| unreadable(&error))?;
    match entry.proof {
        Some(_) => Ok(entry),
        None => Err(unreadable(&"it has no inclusion proof")),
    }
}
