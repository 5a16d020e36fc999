//! The transparency log of the second generation: `POST /api/v2/log/entries`, answered with the
//! proof that the entry is in the log.

use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use signhere_verify::{bundle::TlogEntry, entry::hashedrekord_v002::HashedRekord};
use url::Url;

use crate::service::{Problem, Service, ServiceError, endpoint};
use signhere_http::{Destination, HttpClient, HttpRequest};

const BODY_CAP: usize = 1 << 20;
const CONFLICT: u16 = 409;
const INDEX_HEADER: HeaderName = HeaderName::from_static("x-log-index");

/// Has `record` logged at `base`; returns the entry with its proof, which is not verified here.
///
/// A log in trouble is asked again. If the first request did arrive, some logs answer the second
/// one with the entry, and others only say that they have it: [`Problem::Duplicate`].
pub async fn log(
    http: &HttpClient,
    base: &Url,
    record: &HashedRekord,
) -> Result<TlogEntry, ServiceError> {
    let url = endpoint(base, "api/v2/log/entries");
    let request = HttpRequest::post(
        url.clone(),
        Destination::Configured,
        "application/json",
        record.to_request(),
    )
    .header(ACCEPT, HeaderValue::from_static("application/json"))
    .body_cap(BODY_CAP)
    .repeatable();
    let answer = http.send(&request).await;
    let answer = answer.map_err(|error| ServiceError::new(Service::Log, &url, error))?;
    if answer.status == CONFLICT {
        let index = answer.headers.get(INDEX_HEADER);
        let index = index.and_then(|value| value.to_str().ok()?.parse().ok());
        let duplicate = Problem::Duplicate { index };
        return Err(ServiceError::new(Service::Log, &url, duplicate));
    }
    if !matches!(answer.status, 200 | 201) {
        return Err(ServiceError::status(Service::Log, &url, &answer));
    }
    TlogEntry::from_json(&answer.body)
        .map_err(|error| ServiceError::unreadable(Service::Log, &url, "entry", &error))
}
