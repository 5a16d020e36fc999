//! Logging in with the browser of this machine: the authorization code flow (RFC 6749, section
//! 4.1) with PKCE, coming back to a port of ours (RFC 8252, section 7.3).

use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl,
    TokenUrl,
};
use tokio::net::TcpListener;
use url::Url;

use super::{Granted, Login, OauthClient, OidcError, Transport, callback, refused};
use crate::service::{Service, ServiceError};
use signhere_http::HttpError;

impl Login {
    /// Logs in with the browser. `open` is given the page to open, once a port listens for what
    /// comes back; it should also show it, for a browser may not start.
    pub async fn with_browser(&self, open: impl FnOnce(&Url)) -> Result<Granted, OidcError> {
        let metadata = self.metadata().await?;
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(|error| OidcError::Listen(error.kind()))?;
        let address = listener.local_addr();
        let port = address
            .map_err(|error| OidcError::Listen(error.kind()))?
            .port();
        // The name, not the address: it is what Sigstore's issuers have on their list.
        let redirect = format!("http://localhost:{port}{}", callback::PATH);

        let client = OauthClient::new(ClientId::new(self.config.client_id.clone()))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::from_url(metadata.authorization_endpoint.clone()))
            .set_token_uri(TokenUrl::from_url(metadata.token_endpoint.clone()));
        let client = match RedirectUrl::new(redirect) {
            Ok(redirect) => client.set_redirect_uri(redirect),
            Err(_) => return Err(OidcError::Listen(std::io::ErrorKind::InvalidInput)),
        };

        let verifier = self.pkce_verifier()?;
        let state = self.secret_text()?;
        let nonce = self.secret_text()?;
        let (page, _) = client
            .authorize_url(|| CsrfToken::new(state.as_str().to_owned()))
            .add_scopes(self.scopes(metadata))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_extra_param("nonce", nonce.as_str())
            .url();
        self.refuse_foreign(&page)?;
        open(&page);

        let came_back = callback::receive(listener, &state, &metadata.issuer);
        let patience = self.config.patience;
        let code = tokio::time::timeout(patience, came_back).await;
        let code = code.map_err(|_| OidcError::TimedOut { patience })??;

        let transport = Transport {
            http: &self.http,
            issuer: &self.config.issuer,
        };
        let answer = client
            .exchange_code(AuthorizationCode::new(code.as_str().to_owned()))
            .set_pkce_verifier(verifier)
            .request_async(&transport)
            .await
            .map_err(|error| self.explain(&metadata.token_endpoint, error, refused))?;
        self.accept(metadata, answer, Some(&nonce))
    }

    /// A page that a person is sent to must be as safe as the issuer that names it: `https`, or
    /// the issuer's own scheme. This keeps `file:` and the like from the browser.
    pub(super) fn refuse_foreign(&self, page: &Url) -> Result<(), OidcError> {
        let issuer = &self.config.issuer;
        if page.scheme() == "https" || page.scheme() == issuer.scheme() {
            return Ok(());
        }
        let error = HttpError::SchemeChanged {
            url: signhere_http::shown(page),
            expected: issuer.scheme().to_owned(),
        };
        Err(ServiceError::new(Service::Oidc, issuer, error).into())
    }
}
