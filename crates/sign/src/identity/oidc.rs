//! Logging a person in with OpenID Connect: [`browser`] on this machine, [`device`] on another.
//!
//! The client is public (no secret) and known to Sigstore's issuers as `sigstore`; PKCE
//! (RFC 7636) takes the secret's place in both flows.

mod browser;
mod callback;
mod device;
mod discovery;
mod refresh;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use oauth2::{
    AsyncHttpClient, ErrorResponse, ExtraTokenFields, PkceCodeVerifier, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse as _,
    basic::{
        BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
        BasicTokenType,
    },
};
use serde::{Deserialize, Serialize};
use signhere_http::{Destination, HttpClient, HttpError, HttpRequest};
use signhere_pki::{
    random::{Random, RandomError},
    time::Clock,
};
use tokio::sync::OnceCell;
use url::Url;
use zeroize::Zeroizing;

use super::{AUDIENCE, IdentityToken, TokenError};
use crate::service::{Problem, Service, ServiceError};
pub use device::DevicePrompt;
use discovery::Metadata;
pub use refresh::RefreshToken;

/// The most an issuer's answer may be long, in bytes: 256 KiB.
const BODY_CAP: usize = 256 << 10;

/// Which issuer to log in with, and how long to wait for the person.
#[derive(Clone, Debug)]
pub struct LoginConfig {
    /// The issuer, as its tokens name it.
    pub issuer: Url,
    /// The client that the issuer knows us as, which is also the audience of its tokens.
    pub client_id: String,
    /// How long the person may take.
    pub patience: Duration,
    /// Whether to ask for a refresh token, of issuers that say that they have them.
    pub stay: bool,
}

/// What a login ends in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Granted {
    /// The identity token.
    pub token: IdentityToken,
    /// What gets the next one without anybody's help, where it was asked for and is given.
    pub refresh: Option<RefreshToken>,
}

impl LoginConfig {
    /// A login at `issuer` as `sigstore`, within five minutes.
    pub fn new(issuer: Url) -> Self {
        Self {
            issuer,
            client_id: AUDIENCE.to_owned(),
            patience: Duration::from_secs(300),
            stay: false,
        }
    }
}

/// A login at one issuer, whose description is fetched once.
pub struct Login {
    config: LoginConfig,
    http: Arc<HttpClient>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metadata: OnceCell<Metadata>,
}

/// A login that did not end in a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OidcError {
    /// The issuer fails.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The issuer's description is about another issuer (OpenID Connect Discovery, section 4.3),
    /// or another issuer answered (RFC 9207), or made the token.
    #[error("expected the issuer {expected}, found {found}")]
    Issuer {
        /// The issuer asked.
        expected: String,
        /// The issuer named.
        found: String,
    },
    /// The issuer does not offer what this login needs.
    #[error("the issuer {issuer} offers no {what}")]
    NotOffered {
        /// The issuer.
        issuer: String,
        /// What is missing.
        what: &'static str,
    },
    /// The issuer refuses (RFC 6749, sections 4.1.2.1 and 5.2).
    #[error("the issuer refuses: {code}{}", .description.as_deref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Refused {
        /// Its error code.
        code: String,
        /// What it says.
        description: Option<String>,
    },
    /// The person did not log in within the time given.
    #[error("nobody logged in within {} seconds", .patience.as_secs())]
    TimedOut {
        /// The time given.
        patience: Duration,
    },
    /// The browser has nowhere to come back to.
    #[error("cannot listen on this machine for the browser: {0}")]
    Listen(std::io::ErrorKind),
    /// The issuer gave no ID token.
    #[error("the issuer gave no ID token")]
    NoIdToken,
    /// The ID token was made for another login.
    #[error("the ID token was made for another login (its nonce differs)")]
    Nonce,
    /// The new ID token is of another person than the one before (OpenID Connect Core, section 12.2).
    #[error("the issuer's new ID token is somebody else's")]
    OtherPerson,
    /// The ID token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl Login {
    /// A login that has not begun.
    pub fn new(
        config: LoginConfig,
        http: Arc<HttpClient>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            config,
            http,
            clock,
            random,
            metadata: OnceCell::new(),
        }
    }

    /// The issuer asked.
    pub fn issuer(&self) -> &Url {
        &self.config.issuer
    }

    async fn metadata(&self) -> Result<&Metadata, OidcError> {
        self.metadata
            .get_or_try_init(|| discovery::fetch(&self.http, &self.config.issuer))
            .await
    }

    /// The ID token of an answer, checked against this login.
    fn accept(
        &self,
        metadata: &Metadata,
        answer: TokenAnswer,
        nonce: Option<&str>,
    ) -> Result<Granted, OidcError> {
        let secret = &answer.extra_fields().id_token;
        let secret = secret.as_ref().ok_or(OidcError::NoIdToken)?;
        let token = IdentityToken::parse(&secret.0, &self.config.client_id, self.clock.now())?;
        if token.issuer() != metadata.issuer {
            return Err(OidcError::Issuer {
                expected: metadata.issuer.clone(),
                found: token.issuer().to_owned(),
            });
        }
        match nonce {
            Some(nonce) if token.nonce() != Some(nonce) => Err(OidcError::Nonce),
            _ => Ok(Granted {
                token,
                refresh: answer.refresh_token().map(RefreshToken::new),
            }),
        }
    }

    /// The scopes to ask for.
    fn scopes(&self, metadata: &Metadata) -> impl Iterator<Item = Scope> {
        let stays = self.config.stay && metadata.gives_refresh_tokens();
        let scopes = ["openid", "email"].into_iter();
        let scopes = scopes.chain(stays.then_some(discovery::OFFLINE_ACCESS));
        scopes.map(|scope| Scope::new(scope.to_owned()))
    }

    /// 256 random bits as text, for a state, a nonce or a code verifier (RFC 7636, section 4.1).
    fn secret_text(&self) -> Result<Zeroizing<String>, OidcError> {
        let mut bytes = Zeroizing::new([0; 32]);
        self.random.fill(&mut *bytes)?;
        Ok(Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(*bytes)))
    }

    fn pkce_verifier(&self) -> Result<PkceCodeVerifier, OidcError> {
        let text = self.secret_text()?;
        Ok(PkceCodeVerifier::new(text.as_str().to_owned()))
    }

    /// The error behind a failed request of the `oauth2` crate, without the answer's body.
    fn explain<T: ErrorResponse>(
        &self,
        url: &Url,
        error: RequestTokenError<HttpError, T>,
        refused: impl FnOnce(T) -> OidcError,
    ) -> OidcError {
        let what = "token";
        match error {
            RequestTokenError::ServerResponse(answer) => refused(answer),
            RequestTokenError::Request(error) => {
                ServiceError::new(Service::Oidc, url, error).into()
            }
            RequestTokenError::Parse(error, _) => {
                ServiceError::unreadable(Service::Oidc, url, what, &error.path()).into()
            }
            RequestTokenError::Other(detail) => {
                ServiceError::new(Service::Oidc, url, Problem::Unreadable { what, detail }).into()
            }
        }
    }
}

/// Our HTTP client under the `oauth2` crate: every URL it is given was named by the issuer.
struct Transport<'a> {
    http: &'a HttpClient,
    issuer: &'a Url,
}

impl<'c> AsyncHttpClient<'c> for Transport<'_> {
    type Error = HttpError;
    type Future = std::pin::Pin<
        Box<dyn Future<Output = Result<oauth2::HttpResponse, HttpError>> + Send + 'c>,
    >;

    fn call(&'c self, request: oauth2::HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let broken = |detail: String| HttpError::Broken {
                url: signhere_http::shown(self.issuer),
                detail,
            };
            let url = Url::parse(&parts.uri.to_string());
            let url = url.map_err(|error| broken(error.to_string()))?;
            let destination = Destination::Learned {
                from: self.issuer.clone(),
            };
            let form = "application/x-www-form-urlencoded";
            let mut request = HttpRequest::post(url, destination, form, body).body_cap(BODY_CAP);
            if let Some(accept) = parts.headers.get(reqwest::header::ACCEPT) {
                request = request.header(reqwest::header::ACCEPT, accept.clone());
            }
            let answer = self.http.send(&request).await?;
            let mut response = oauth2::HttpResponse::new(answer.body);
            *response.status_mut() = oauth2::http::StatusCode::from_u16(answer.status)
                .map_err(|error| broken(error.to_string()))?;
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

/// The part of a token answer that OpenID Connect adds (Core, section 3.1.3.3).
#[derive(Debug, Deserialize, Serialize)]
struct IdTokenField {
    id_token: Option<SecretText>,
}

impl ExtraTokenFields for IdTokenField {}

#[derive(Deserialize, Serialize)]
#[serde(transparent)]
struct SecretText(Zeroizing<String>);

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(token)")
    }
}

type TokenAnswer = StandardTokenResponse<IdTokenField, BasicTokenType>;

/// A client whose endpoints are named by the type parameters that `oauth2` tracks them with.
type OauthClient<
    AuthUrl = oauth2::EndpointNotSet,
    DeviceUrl = oauth2::EndpointNotSet,
    TokenUrl = oauth2::EndpointNotSet,
> = oauth2::Client<
    BasicErrorResponse,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    AuthUrl,
    DeviceUrl,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    TokenUrl,
>;

fn refused(answer: BasicErrorResponse) -> OidcError {
    OidcError::Refused {
        code: answer.error().to_string(),
        description: answer.error_description().map(|text| printable(text)),
    }
}

/// Text of the issuer, fit to be shown in a terminal.
fn printable(text: &str) -> String {
    let visible = text.chars().filter(|c| !c.is_control());
    visible.take(200).collect()
}
