//! Google Cloud: the metadata server of a machine or a Cloud Run container, for its service
//! account. It is asked only where something else says that it is there, for elsewhere the
//! request would hang or reach somebody else.

use std::path::Path;

use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

use super::{AmbientProblem, Asked, Secret, secret};
use crate::service::{Service, ServiceError};
use signhere_http::{Destination, HttpRequest};

pub(super) const REMEDY: &str = "attach a service account to the machine or service, and on GKE \
     turn on Workload Identity Federation";

const PRODUCT_NAME: &str = "/sys/class/dmi/id/product_name";
const HOST_VARIABLE: &str = "GCE_METADATA_HOST";
const METADATA_HOST: &str = "metadata.google.internal";
const IDENTITY_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");
const GOOGLE: HeaderValue = HeaderValue::from_static("Google");

pub(super) async fn ask(asked: &Asked<'_>) -> Result<Option<Secret>, AmbientProblem> {
    let named = asked.env.var(HOST_VARIABLE).filter(|host| !host.is_empty());
    if named.is_none() && !is_google_cloud(asked) {
        return Ok(None);
    }
    let host = named.as_deref().unwrap_or(METADATA_HOST);
    let url = identity_url(host, asked.audience)?;
    let request = HttpRequest::get(url.clone(), Destination::Configured).header(FLAVOR, GOOGLE);
    let answer = asked.http.send(&request).await;
    let answer = answer.map_err(|error| ServiceError::new(Service::Oidc, &url, error))?;
    // Only the real metadata server sends the header back.
    if answer.headers.get(FLAVOR) != Some(&GOOGLE) {
        let missing = "header Metadata-Flavor";
        return Err(
            ServiceError::lie(Service::Oidc, &url, missing, &"not a metadata server").into(),
        );
    }
    if !answer.is_success() {
        return Err(ServiceError::status(Service::Oidc, &url, &answer).into());
    }
    secret(answer.body).map(Some)
}

/// Machines say so in their firmware; Cloud Run (services and jobs) by variables of its own.
fn is_google_cloud(asked: &Asked<'_>) -> bool {
    if asked.is_set("K_SERVICE") || asked.is_set("CLOUD_RUN_JOB") {
        return true;
    }
    let product = asked.env.read(Path::new(PRODUCT_NAME)).unwrap_or_default();
    let product = String::from_utf8_lossy(&product);
    matches!(product.trim(), "Google" | "Google Compute Engine")
}

/// `format=full` adds the service account's e-mail address, which is the identity.
fn identity_url(host: &str, audience: &str) -> Result<Url, AmbientProblem> {
    let url = Url::parse(&format!("http://{host}{IDENTITY_PATH}"));
    let mut url = url.map_err(|error| AmbientProblem::Variable {
        name: HOST_VARIABLE,
        detail: error.to_string(),
    })?;
    url.query_pairs_mut()
        .append_pair("audience", audience)
        .append_pair("format", "full");
    Ok(url)
}
