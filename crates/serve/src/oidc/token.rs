//! The token endpoint: a code, an approved device, or a refresh token, for an identity token.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::{CLIENT_ID, Issuer, TOKEN_LIFE, device, kept_under, refresh};
use crate::email::EmailAddress;
use crate::http::lock;
use crate::http::problem::Problem;

#[derive(Deserialize)]
pub(super) struct TokenForm {
    grant_type: Option<String>,
    client_id: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    device_code: Option<String>,
    refresh_token: Option<String>,
}

/// Why no token is given (RFC 6749 section 5.2, RFC 8628 section 3.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenRefusal {
    InvalidRequest(&'static str),
    InvalidClient,
    InvalidGrant(&'static str),
    UnsupportedGrantType,
    AuthorizationPending,
    SlowDown,
    ExpiredToken,
    Failed(Problem),
}

impl From<Problem> for TokenRefusal {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

/// POST /oidc/token
pub(super) async fn exchange(
    State(issuer): State<Arc<Issuer>>,
    headers: HeaderMap,
    form: Result<Form<TokenForm>, FormRejection>,
) -> Result<Response, TokenRefusal> {
    let unreadable =
        TokenRefusal::InvalidRequest("the form has a parameter twice, or one that cannot be read");
    let Form(form) = form.map_err(|_| unreadable)?;
    require_client(&headers, form.client_id.as_deref())?;
    match form.grant_type.as_deref() {
        Some("authorization_code") => exchange_code(&issuer, &form),
        Some("urn:ietf:params:oauth:grant-type:device_code") => exchange_device(&issuer, &form),
        Some("refresh_token") => exchange_refresh(&issuer, &form),
        _ => Err(TokenRefusal::UnsupportedGrantType),
    }
}

/// A public client names itself in the form, or by HTTP Basic with an empty password as sigstore-python does.
pub(super) fn require_client(
    headers: &HeaderMap,
    client_id: Option<&str>,
) -> Result<(), TokenRefusal> {
    let basic = headers.get(header::AUTHORIZATION).map(|value| {
        let credentials = value
            .to_str()
            .ok()
            .and_then(|value| value.strip_prefix("Basic "));
        credentials.and_then(|text| STANDARD.decode(text).ok())
            == Some(format!("{CLIENT_ID}:").into_bytes())
    });
    match (basic, client_id) {
        (Some(true), None | Some(CLIENT_ID)) | (None, Some(CLIENT_ID)) => Ok(()),
        _ => Err(TokenRefusal::InvalidClient),
    }
}

fn exchange_code(issuer: &Issuer, form: &TokenForm) -> Result<Response, TokenRefusal> {
    let code = form
        .code
        .as_deref()
        .ok_or(TokenRefusal::InvalidRequest("code is required"))?;
    // Whatever comes next, the code is spent: a second try with it is refused.
    let Some(grant) = lock(&issuer.grants)?.take(&kept_under(code), issuer.now()) else {
        return Err(TokenRefusal::InvalidGrant(
            "the code is unknown, used or expired",
        ));
    };
    if form.redirect_uri.as_deref() != Some(grant.redirect_uri.as_str()) {
        return Err(TokenRefusal::InvalidGrant(
            "redirect_uri is not the one of the authorization request",
        ));
    }
    let verifier = form.code_verifier.as_deref();
    let verifier = verifier.ok_or(TokenRefusal::InvalidRequest("code_verifier is required"))?;
    if !grant.challenge.is_met_by(verifier) {
        return Err(TokenRefusal::InvalidGrant(
            "code_verifier does not meet the code_challenge",
        ));
    }
    let stay = match grant.stays {
        true => refresh::begin(issuer, &grant.email)?,
        false => None,
    };
    token(issuer, &grant.email, grant.nonce.as_deref(), stay)
}

fn exchange_device(issuer: &Issuer, form: &TokenForm) -> Result<Response, TokenRefusal> {
    let device_code = form.device_code.as_deref();
    let device_code = device_code.ok_or(TokenRefusal::InvalidRequest("device_code is required"))?;
    let approved = device::poll(issuer, device_code, form.code_verifier.as_deref())?;
    let stay = match approved.stays {
        true => refresh::begin(issuer, &approved.email)?,
        false => None,
    };
    token(issuer, &approved.email, approved.nonce.as_deref(), stay)
}

fn exchange_refresh(issuer: &Issuer, form: &TokenForm) -> Result<Response, TokenRefusal> {
    let given = form.refresh_token.as_deref();
    let given = given.ok_or(TokenRefusal::InvalidRequest("refresh_token is required"))?;
    let (email, next) = refresh::go_on(issuer, given)?;
    // The nonce was for the login itself (OpenID Connect Core section 12.2).
    token(issuer, &email, None, Some(next))
}

/// The token under both names: some clients (sigstore-python) send the access token to the CA.
fn token(
    issuer: &Issuer,
    email: &EmailAddress,
    nonce: Option<&str>,
    refresh_token: Option<String>,
) -> Result<Response, TokenRefusal> {
    let token = issuer.mint(email, nonce)?;
    let mut body = json!({
        "access_token": token,
        "id_token": token,
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFE,
        "scope": "openid email",
    });
    if let Some(refresh_token) = refresh_token {
        body["refresh_token"] = refresh_token.into();
        body["scope"] = "openid email offline_access".into();
    }
    Ok(Json(body).into_response())
}

impl IntoResponse for TokenRefusal {
    fn into_response(self) -> Response {
        let (error, description) = match self {
            Self::InvalidRequest(description) => ("invalid_request", description),
            Self::InvalidClient => (
                "invalid_client",
                "the client must be sigstore, without a secret",
            ),
            Self::InvalidGrant(description) => ("invalid_grant", description),
            Self::UnsupportedGrantType => (
                "unsupported_grant_type",
                "grant_type must be authorization_code, refresh_token or device_code",
            ),
            Self::AuthorizationPending => ("authorization_pending", "nobody has logged in yet"),
            Self::SlowDown => ("slow_down", "asked again before the interval was over"),
            Self::ExpiredToken => (
                "expired_token",
                "the device code is unknown, used or expired",
            ),
            Self::Failed(problem) => return problem.into_response(),
        };
        let status = if error == "invalid_client" {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::BAD_REQUEST
        };
        let mut response = (
            status,
            Json(json!({ "error": error, "error_description": description })),
        )
            .into_response();
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        }
        response
    }
}
