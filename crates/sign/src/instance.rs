//! A Sigstore instance as a signer knows it: whom to trust and where to sign.

use signhere_verify::trust::{
    ClientTrustConfig, PUBLIC_GOOD, PUBLIC_GOOD_SIGNING_CONFIG, STAGING, STAGING_SIGNING_CONFIG,
    SigningConfig, TrustError, TrustedRoot,
};
use url::Url;

use crate::service::{Service, ServiceError, endpoint};
use signhere_http::{Destination, HttpClient, HttpError, HttpRequest, is_loopback, shown};

/// The path at which a signhere instance describes itself.
const TRUST_CONFIG: &str = "trust_config.json";

/// Whom to trust and where to sign.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The keys and certificates that signatures are verified with.
    pub trusted_root: TrustedRoot,
    /// The services that signatures are made with.
    pub signing_config: SigningConfig,
}

/// An instance whose description cannot be had.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InstanceError {
    /// A document is not as it should be.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The instance does not give its description.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Instance {
    /// The public-good instance, as known when this program was built.
    pub fn public_good() -> Result<Self, TrustError> {
        Self::from_json(
            PUBLIC_GOOD.as_bytes(),
            PUBLIC_GOOD_SIGNING_CONFIG.as_bytes(),
        )
    }

    /// The public staging instance, as known when this program was built.
    pub fn staging() -> Result<Self, TrustError> {
        Self::from_json(STAGING.as_bytes(), STAGING_SIGNING_CONFIG.as_bytes())
    }

    /// The instance that a `trusted_root.json` and a `signing_config.json` describe.
    pub fn from_json(trusted_root: &[u8], signing_config: &[u8]) -> Result<Self, TrustError> {
        Ok(Self {
            trusted_root: TrustedRoot::parse(trusted_root)?,
            signing_config: SigningConfig::parse(signing_config)?,
        })
    }

    /// The instance that a client trust config (both documents in one) describes.
    pub fn from_client_trust_config(json: &[u8]) -> Result<Self, TrustError> {
        let config = ClientTrustConfig::parse(json)?;
        Ok(Self {
            trusted_root: config.trusted_root,
            signing_config: config.signing_config,
        })
    }

    /// The signhere instance at `url`, by its own description. Whoever answers is trusted from
    /// then on, so that the connection must vouch for them: `https`, or this machine.
    pub async fn fetch(http: &HttpClient, url: &Url) -> Result<Self, InstanceError> {
        let url = endpoint(url, TRUST_CONFIG);
        let fail = |error| ServiceError::new(Service::Instance, &url, error);
        if url.scheme() != "https" && !is_loopback(&url) {
            return Err(fail(HttpError::InsecureUrl { url: shown(&url) }).into());
        }
        let request = HttpRequest::get(url.clone(), Destination::Configured);
        let answer = http.send(&request).await.map_err(fail)?;
        if !answer.is_success() {
            return Err(ServiceError::status(Service::Instance, &url, &answer).into());
        }
        Ok(Self::from_client_trust_config(&answer.body)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{Router, routing::get};
    use signhere_verify::trust::ServiceKind;

    use super::*;
    use crate::testing::{client, serve};

    #[test]
    fn the_public_instances_are_known() {
        for instance in [Instance::public_good(), Instance::staging()] {
            let instance = instance.unwrap();
            assert!(!instance.trusted_root.tlogs.is_empty());
            assert!(!instance.signing_config.ca_urls.is_empty());
        }
    }

    #[tokio::test]
    async fn an_instance_describes_itself() {
        let known = Instance::staging().unwrap();
        let config = ClientTrustConfig {
            trusted_root: known.trusted_root,
            signing_config: known.signing_config,
            unknown_fields: Vec::new(),
        };
        let json = config.to_json();
        let router = Router::new()
            .route("/a/trust_config.json", get(async move || json))
            .route("/b/trust_config.json", get(async || "{}"));
        let url = serve(router).await;
        let http = client(&Arc::default());
        let at = |path| url.join(path).unwrap();

        let fetched = Instance::fetch(&http, &at("/a/")).await.unwrap();
        assert_eq!(fetched.signing_config, config.signing_config);
        let malformed = Instance::fetch(&http, &at("/b")).await.unwrap_err();
        assert!(matches!(
            malformed,
            InstanceError::Trust(TrustError::MediaType { .. })
        ));
        let absent = Instance::fetch(&http, &at("/c")).await.unwrap_err();
        assert!(matches!(absent, InstanceError::Service(_)));
    }

    #[tokio::test]
    async fn strangers_are_not_trusted_over_plain_http() {
        let url = Url::parse("http://instance.example/").unwrap();
        let http = client(&Arc::default());
        let refused = HttpError::InsecureUrl {
            url: "http://instance.example/trust_config.json".into(),
        };
        let error = Instance::fetch(&http, &url).await.unwrap_err();
        assert_eq!(
            error,
            ServiceError::new(Service::Instance, &endpoint(&url, TRUST_CONFIG), refused).into()
        );
    }

    #[test]
    fn missing_services_are_named() {
        let mut instance = Instance::staging().unwrap();
        instance.signing_config.ca_urls.clear();
        let now = crate::testing::NOW;
        let selected = instance.signing_config.select(now).unwrap();
        let kind = ServiceKind::Ca;
        assert_eq!(selected.require_ca(), Err(TrustError::NoService { kind }));
    }
}
