//! Logging in with a browser somewhere else: the device authorization grant (RFC 8628).

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use oauth2::{
    AuthType, ClientId, DeviceAuthorizationUrl, DeviceCodeErrorResponse,
    DeviceCodeErrorResponseType, PkceCodeChallenge, StandardDeviceAuthorizationResponse, TokenUrl,
};
use url::Url;

use super::{Granted, Login, OauthClient, OidcError, Transport, printable, refused};
use crate::service::{Service, ServiceError};

/// The longest wait between two questions that an issuer may ask for.
const MAX_INTERVAL: Duration = Duration::from_secs(60);

/// What the person has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePrompt {
    /// The page to open, on any device.
    pub page: Url,
    /// The code to enter there.
    pub code: String,
    /// A page that knows the code already.
    pub page_with_code: Option<Url>,
    /// How long the code is good for.
    pub lifetime: Duration,
}

impl Login {
    /// Logs in with a browser on another device. `show` is given what the person has to do.
    pub async fn with_device(
        &self,
        show: impl FnOnce(&DevicePrompt),
    ) -> Result<Granted, OidcError> {
        let metadata = self.metadata().await?;
        let endpoint = metadata.device_authorization_endpoint.clone();
        let endpoint = endpoint.ok_or_else(|| OidcError::NotOffered {
            issuer: metadata.issuer.clone(),
            what: "device flow",
        })?;
        let client = OauthClient::new(ClientId::new(self.config.client_id.clone()))
            .set_auth_type(AuthType::RequestBody)
            .set_device_authorization_url(DeviceAuthorizationUrl::from_url(endpoint.clone()))
            .set_token_uri(TokenUrl::from_url(metadata.token_endpoint.clone()));
        let transport = Transport {
            http: &self.http,
            issuer: &self.config.issuer,
        };

        let verifier = self.pkce_verifier()?;
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let details: StandardDeviceAuthorizationResponse = client
            .exchange_device_code()
            .add_scopes(self.scopes(metadata))
            .add_extra_param("code_challenge", challenge.as_str().to_owned())
            .add_extra_param(
                "code_challenge_method",
                challenge.method().as_str().to_owned(),
            )
            .request_async(&transport)
            .await
            .map_err(|error| self.explain(&endpoint, error, refused))?;
        show(&self.prompt(&endpoint, &details)?);

        let patience = details.expires_in().min(self.config.patience);
        let clock = Arc::clone(&self.clock);
        let answer = client
            .exchange_device_access_token(&details)
            .add_extra_param("code_verifier", verifier.secret().as_str())
            .set_time_fn(move || {
                DateTime::from_timestamp(clock.now().unix(), 0).unwrap_or_default()
            })
            .request_async(
                &transport,
                |wait| self.http.sleeper().sleep(wait),
                Some(patience),
            )
            .await
            .map_err(|error| {
                self.explain(&metadata.token_endpoint, error, |answer| {
                    refused_device(&answer, patience)
                })
            })?;
        self.accept(metadata, answer, None)
    }

    /// The prompt, once the issuer's answer is found to be sane.
    fn prompt(
        &self,
        endpoint: &Url,
        details: &StandardDeviceAuthorizationResponse,
    ) -> Result<DevicePrompt, OidcError> {
        let interval = details.interval();
        if interval > MAX_INTERVAL {
            let lie = ServiceError::lie(
                Service::Oidc,
                endpoint,
                "polling interval",
                &format_args!("{} seconds", interval.as_secs()),
            );
            return Err(lie.into());
        }
        let page = details.verification_uri().url().clone();
        self.refuse_foreign(&page)?;
        let complete = details.verification_uri_complete();
        let complete = complete.and_then(|uri| Url::parse(uri.secret()).ok());
        Ok(DevicePrompt {
            page,
            code: printable(details.user_code().secret()),
            page_with_code: complete.filter(|page| self.refuse_foreign(page).is_ok()),
            lifetime: details.expires_in(),
        })
    }
}

fn refused_device(answer: &DeviceCodeErrorResponse, patience: Duration) -> OidcError {
    match answer.error() {
        DeviceCodeErrorResponseType::ExpiredToken => OidcError::TimedOut { patience },
        code => OidcError::Refused {
            code: code.to_string(),
            description: answer.error_description().map(|text| printable(text)),
        },
    }
}
