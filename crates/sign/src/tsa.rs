//! The timestamp authority: RFC 3161 over HTTP (section 3.4).

use reqwest::header::{ACCEPT, HeaderValue};
use signhere_http::{Destination, HttpClient, HttpRequest};
use signhere_pki::{
    digest::HashAlgorithm,
    random::Random,
    tsp::{MAX_RESPONSE_LEN, TimestampRequest, TimestampResponse},
};
use url::Url;

use crate::service::{Problem, Service, ServiceError};

const QUERY: &str = "application/timestamp-query";
const REPLY: HeaderValue = HeaderValue::from_static("application/timestamp-reply");

/// Asks the authority at `url` (the whole URL) for a timestamp of `message`; returns its response
/// (DER). The response answers this very request; its signature is verified with the finished
/// bundle.
pub async fn timestamp(
    http: &HttpClient,
    url: &Url,
    message: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, ServiceError> {
    let failed = |problem: Problem| ServiceError::new(Service::Tsa, url, problem);
    let unmade = |detail: String| {
        failed(Problem::Unreadable {
            what: "request",
            detail,
        })
    };
    let imprint = HashAlgorithm::Sha256.digest(message);
    let query =
        TimestampRequest::new(imprint, random).map_err(|error| unmade(error.to_string()))?;
    let der = query.to_der().map_err(|error| unmade(error.to_string()))?;
    let request = HttpRequest::post(url.clone(), Destination::Configured, QUERY, der)
        .header(ACCEPT, REPLY)
        .body_cap(MAX_RESPONSE_LEN)
        .repeatable();
    let answer = http.send(&request).await;
    let answer = answer.map_err(|error| failed(error.into()))?;
    if !answer.is_success() {
        return Err(ServiceError::status(Service::Tsa, url, &answer));
    }
    let response = TimestampResponse::from_der(&answer.body)
        .map_err(|error| ServiceError::unreadable(Service::Tsa, url, "timestamp", &error))?;
    let token = response.token();
    token
        .check_answers(&query)
        .map_err(|error| ServiceError::lie(Service::Tsa, url, "timestamp", &error))?;
    Ok(answer.body)
}
