//! Staying logged in: refresh tokens (RFC 6749, section 6), and giving them back (RFC 7009).

use std::fmt;

use oauth2::{AuthType, ClientId, TokenUrl};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use signhere_http::{Destination, HttpRequest};
use zeroize::Zeroizing;

use super::{BODY_CAP, Granted, Login, OauthClient, OidcError, Transport, refused};
use crate::identity::IdentityToken;
use crate::service::{Service, ServiceError};

/// What gets the next identity token. It is zeroized when dropped and is in no debug output.
#[derive(Clone)]
pub struct RefreshToken(Zeroizing<String>);

impl RefreshToken {
    pub(super) fn new(secret: &oauth2::RefreshToken) -> Self {
        Self(Zeroizing::new(secret.secret().clone()))
    }

    /// The refresh token in `text`, which nobody has looked at.
    pub fn from_secret(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The token itself.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken")
    }
}

impl Login {
    /// A new identity token of the person who has `last`. The issuer may give another refresh token, and then
    /// `refresh` is spent; otherwise `refresh` stays good and is what is handed back.
    ///
    /// # Errors
    /// [`OidcError::Refused`] with `invalid_grant` when the login has ended.
    pub async fn refresh(
        &self,
        refresh: &RefreshToken,
        last: &IdentityToken,
    ) -> Result<Granted, OidcError> {
        let metadata = self.metadata().await?;
        let client = OauthClient::new(ClientId::new(self.config.client_id.clone()))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(TokenUrl::from_url(metadata.token_endpoint.clone()));
        let transport = Transport {
            http: &self.http,
            issuer: &self.config.issuer,
        };
        let secret = oauth2::RefreshToken::new(refresh.secret().to_owned());
        let answer = client
            .exchange_refresh_token(&secret)
            .request_async(&transport)
            .await
            .map_err(|error| self.explain(&metadata.token_endpoint, error, refused))?;
        let granted = self.accept(metadata, answer, None)?;
        if !granted.token.is_of_the_same_person(last) {
            return Err(OidcError::OtherPerson);
        }
        Ok(Granted {
            token: granted.token,
            refresh: granted.refresh.or_else(|| Some(refresh.clone())),
        })
    }

    /// Gives a refresh token back, so that nobody who may have a copy can use it. Whether the issuer takes tokens back
    /// at all.
    pub async fn revoke(&self, refresh: &RefreshToken) -> Result<bool, OidcError> {
        let metadata = self.metadata().await?;
        let Some(url) = metadata.revocation_endpoint.clone() else {
            return Ok(false);
        };
        let form = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let body = Zeroizing::new(format!(
            "token={}&token_type_hint=refresh_token&client_id={}",
            form(refresh.secret()),
            form(&self.config.client_id)
        ));
        let destination = Destination::Learned {
            from: self.config.issuer.clone(),
        };
        let content_type = "application/x-www-form-urlencoded";
        let request = HttpRequest::post(
            url.clone(),
            destination,
            content_type,
            body.as_bytes().to_vec(),
        )
        .body_cap(BODY_CAP);
        let answer = self.http.send(&request).await;
        let answer = answer.map_err(|error| ServiceError::new(Service::Oidc, &url, error))?;
        if !answer.is_success() {
            return Err(ServiceError::status(Service::Oidc, &url, &answer).into());
        }
        Ok(true)
    }
}
