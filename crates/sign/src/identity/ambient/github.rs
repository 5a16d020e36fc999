//! GitHub Actions: the runner's token service, named by two variables that are only there when
//! the job may ask it.

use reqwest::header::{ACCEPT, HeaderValue};
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use super::{AmbientProblem, Asked, Secret};
use crate::service::{Service, ServiceError};
use signhere_http::{Destination, HttpRequest};

pub(super) const REMEDY: &str = "give the job `permissions: { id-token: write }`; a pull request \
     from a fork never gets it";

const URL_VARIABLE: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";

#[derive(Deserialize)]
struct Answer {
    value: Zeroizing<String>,
}

pub(super) async fn ask(asked: &Asked<'_>) -> Result<Option<Secret>, AmbientProblem> {
    if !asked.is_set("GITHUB_ACTIONS") {
        return Ok(None);
    }
    let url = asked.required(URL_VARIABLE)?;
    let bearer = Zeroizing::new(asked.required("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?);
    let mut url = Url::parse(&url).map_err(|error| AmbientProblem::Variable {
        name: URL_VARIABLE,
        detail: error.to_string(),
    })?;
    url.query_pairs_mut()
        .append_pair("audience", asked.audience);

    let fail = |error| ServiceError::new(Service::Oidc, &url, error);
    let request = HttpRequest::get(url.clone(), Destination::Configured)
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .bearer(&bearer)
        .map_err(fail)?;
    let answer = asked.http.send(&request).await.map_err(fail)?;
    if !answer.is_success() {
        return Err(ServiceError::status(Service::Oidc, &url, &answer).into());
    }
    let body = Zeroizing::new(answer.body);
    let answer: Answer = serde_json::from_slice(&body)
        .map_err(|error| ServiceError::unreadable(Service::Oidc, &url, "token", &error))?;
    Ok(Some(answer.value))
}
