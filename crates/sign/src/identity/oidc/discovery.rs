//! What an issuer says about itself (OpenID Connect Discovery 1.0).

use serde::Deserialize;
use url::Url;

use super::{BODY_CAP, OidcError};
use crate::service::{Service, ServiceError};
use signhere_http::{Destination, HttpClient, HttpRequest};

/// The scope that asks for a refresh token (OpenID Connect Core, section 11).
pub(super) const OFFLINE_ACCESS: &str = "offline_access";

/// The part of an issuer's description that a login needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    /// Only issuers with the device flow (RFC 8628, section 4) have it.
    pub(super) device_authorization_endpoint: Option<Url>,
    /// Absent where PKCE came after the description (RFC 8414, section 2).
    code_challenge_methods_supported: Option<Vec<String>>,
    /// What may be asked for; not every issuer says all (OpenID Connect Discovery, section 3).
    #[serde(default)]
    scopes_supported: Vec<String>,
    /// Where tokens are given back (RFC 8414, section 2, and RFC 7009).
    pub(super) revocation_endpoint: Option<Url>,
}

impl Metadata {
    /// Whether the issuer says that it gives refresh tokens. Others may refuse a login that asks.
    pub(super) fn gives_refresh_tokens(&self) -> bool {
        let mut scopes = self.scopes_supported.iter();
        scopes.any(|scope| scope == OFFLINE_ACCESS)
    }
}

/// Fetches the description of `issuer`, which must be about `issuer`.
pub(super) async fn fetch(http: &HttpClient, issuer: &Url) -> Result<Metadata, OidcError> {
    let url = description_url(issuer);
    let request = HttpRequest::get(url.clone(), Destination::Configured).body_cap(BODY_CAP);
    let answer = http.send(&request).await;
    let answer = answer.map_err(|error| ServiceError::new(Service::Oidc, &url, error))?;
    if !answer.is_success() {
        return Err(ServiceError::status(Service::Oidc, &url, &answer).into());
    }
    let metadata: Metadata = serde_json::from_slice(&answer.body)
        .map_err(|error| ServiceError::unreadable(Service::Oidc, &url, "description", &error))?;

    // A URL type always ends a bare host with a slash, an issuer's name may not.
    if metadata.issuer.trim_end_matches('/') != issuer.as_str().trim_end_matches('/') {
        return Err(OidcError::Issuer {
            expected: issuer.to_string(),
            found: super::printable(&metadata.issuer),
        });
    }
    let methods = metadata.code_challenge_methods_supported.as_ref();
    if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
        return Err(OidcError::NotOffered {
            issuer: issuer.to_string(),
            what: "PKCE with S256",
        });
    }
    Ok(metadata)
}

/// The well-known path comes after the issuer's own path (section 4).
fn description_url(issuer: &Url) -> Url {
    let mut url = issuer.clone();
    let path = issuer.path().trim_end_matches('/');
    url.set_path(&format!("{path}/.well-known/openid-configuration"));
    url.set_query(None);
    url.set_fragment(None);
    url
}
