//! The authorization endpoint: the login page and what its form leads to.

use std::sync::Arc;

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::client::RedirectUri;
use super::pages::{self, LoginPage, MessagePage};
use super::pkce::Challenge;
use super::refresh::{OFFLINE_ACCESS, asks_for};
use super::{CLIENT_ID, Issuer, kept_under};
use crate::email::EmailAddress;
use crate::http::guard::refuse_foreign_form;
use crate::http::lock;
use crate::http::problem::Problem;

/// Seconds that a person has for the login page.
const LOGIN_LIFE: i64 = 600;
/// Seconds in which a code must be exchanged (RFC 6749 section 4.1.2 asks for ten minutes at most).
const CODE_LIFE: i64 = 60;
/// Bytes of `state` and of `nonce` that are carried along.
const MAX_CARRIED: usize = 1024;

/// A login page that waits for its form.
#[derive(Debug, Clone)]
pub(super) struct Login {
    redirect_uri: RedirectUri,
    state: String,
    nonce: Option<String>,
    challenge: Challenge,
    stays: bool,
}

/// What a code stands for until it is exchanged.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) redirect_uri: RedirectUri,
    pub(super) challenge: Challenge,
    pub(super) nonce: Option<String>,
    pub(super) email: EmailAddress,
    pub(super) stays: bool,
}

#[derive(Deserialize)]
pub(super) struct AuthorizeQuery {
    response_type: Option<String>,
    response_mode: Option<String>,
    client_id: Option<String>,
    redirect_uri: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct LoginForm {
    login: String,
    email: String,
}

/// GET /oidc/auth
pub(super) async fn page(
    State(issuer): State<Arc<Issuer>>,
    query: Result<Query<AuthorizeQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Ok(Query(query)) = query else {
        return refusal_page("The request has a parameter twice, or one that cannot be read.");
    };
    if query.client_id.as_deref() != Some(CLIENT_ID) {
        return refusal_page("The client_id must be sigstore.");
    }
    let Some(redirect_uri) = query.redirect_uri.as_deref().and_then(RedirectUri::parse) else {
        return refusal_page(
            "The redirect_uri must be http://localhost:PORT/auth/callback, or the same on 127.0.0.1 or [::1].",
        );
    };
    match query.into_login(redirect_uri.clone()) {
        Ok(login) => show(&issuer, login),
        Err((refusal, state)) => Ok(refusal.redirect(&redirect_uri, &state)),
    }
}

/// POST /oidc/auth
pub(super) async fn submit(
    State(issuer): State<Arc<Issuer>>,
    headers: HeaderMap,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Result<Response, Problem> {
    refuse_foreign_form(&headers, &issuer.endpoints)?;
    let Form(form) = form.map_err(Problem::invalid)?;
    let now = issuer.now();
    let Some(login) = lock(&issuer.logins)?.take(&kept_under(&form.login), now) else {
        return refusal_page(
            "This login page has been used or has expired. Start again from your application.",
        );
    };
    let Some(email) = EmailAddress::parse(&form.email) else {
        return show_again(&issuer, login, &form.email);
    };

    let Login {
        redirect_uri,
        state,
        nonce,
        challenge,
        stays,
    } = login;
    let code = issuer.secret_name()?;
    let answer = redirect_uri.with_answer(&[("code", &code), ("state", &state)]);
    let grant = Grant {
        redirect_uri,
        challenge,
        nonce,
        email,
        stays,
    };
    let kept =
        lock(&issuer.grants)?.keep(kept_under(&code), grant, now.plus_seconds(CODE_LIFE), now);
    kept.map_err(|_| too_many_logins())?;
    Ok(Redirect::to(&answer).into_response())
}

impl AuthorizeQuery {
    fn into_login(self, redirect_uri: RedirectUri) -> Result<Login, (Refusal, String)> {
        let state = self.state.unwrap_or_default();
        let carried = [Some(&state), self.nonce.as_ref()];
        if carried
            .into_iter()
            .flatten()
            .any(|text| text.len() > MAX_CARRIED)
        {
            return Err((Refusal::TooLong, String::new()));
        }
        if state.is_empty() {
            return Err((Refusal::NoState, state));
        }
        if self.response_type.as_deref() != Some("code") {
            return Err((Refusal::ResponseType, state));
        }
        if !matches!(self.response_mode.as_deref(), None | Some("query")) {
            return Err((Refusal::ResponseMode, state));
        }
        if !asks_for(self.scope.as_deref(), "openid") {
            return Err((Refusal::Scope, state));
        }
        if self.code_challenge_method.as_deref() != Some("S256") {
            return Err((Refusal::ChallengeMethod, state));
        }
        let Some(challenge) = self.code_challenge.as_deref().and_then(Challenge::parse) else {
            return Err((Refusal::Challenge, state));
        };
        Ok(Login {
            redirect_uri,
            state,
            nonce: self.nonce,
            challenge,
            stays: asks_for(self.scope.as_deref(), OFFLINE_ACCESS),
        })
    }
}

/// Why an authorization request is refused, told to the client by a redirect (RFC 6749 section 4.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    NoState,
    TooLong,
    ResponseType,
    ResponseMode,
    Scope,
    ChallengeMethod,
    Challenge,
}

impl Refusal {
    fn redirect(self, redirect_uri: &RedirectUri, state: &str) -> Response {
        let (error, description) = match self {
            Self::NoState => ("invalid_request", "state is required"),
            Self::TooLong => ("invalid_request", "state and nonce may have 1024 bytes"),
            Self::ResponseType => ("unsupported_response_type", "response_type must be code"),
            Self::ResponseMode => ("invalid_request", "response_mode must be query"),
            Self::Scope => ("invalid_scope", "scope must include openid"),
            Self::ChallengeMethod => ("invalid_request", "code_challenge_method must be S256"),
            Self::Challenge => (
                "invalid_request",
                "code_challenge must be the base64url of a SHA-256",
            ),
        };
        let mut answer = vec![("error", error), ("error_description", description)];
        if !state.is_empty() {
            answer.push(("state", state));
        }
        Redirect::to(&redirect_uri.with_answer(&answer)).into_response()
    }
}

fn show(issuer: &Issuer, login: Login) -> Result<Response, Problem> {
    show_with(issuer, login, StatusCode::OK, "", None)
}

fn show_again(issuer: &Issuer, login: Login, typed: &str) -> Result<Response, Problem> {
    let complaint = Some("That is not an e-mail address.");
    show_with(
        issuer,
        login,
        StatusCode::UNPROCESSABLE_ENTITY,
        typed,
        complaint,
    )
}

fn show_with(
    issuer: &Issuer,
    login: Login,
    status: StatusCode,
    email: &str,
    complaint: Option<&str>,
) -> Result<Response, Problem> {
    let now = issuer.now();
    let name = issuer.secret_name()?;
    let (redirect_uri, stays) = (login.redirect_uri.clone(), login.stays);
    let kept =
        lock(&issuer.logins)?.keep(kept_under(&name), login, now.plus_seconds(LOGIN_LIFE), now);
    kept.map_err(|_| too_many_logins())?;
    let page = LoginPage {
        login: &name,
        redirect_uri: redirect_uri.as_str(),
        email,
        stays,
        complaint,
    };
    pages::answer(status, &page, &redirect_uri.form_action())
}

fn refusal_page(message: &str) -> Result<Response, Problem> {
    let page = MessagePage {
        title: "This login cannot go on",
        message,
    };
    pages::answer(StatusCode::BAD_REQUEST, &page, "")
}

fn too_many_logins() -> Problem {
    Problem::busy("too many logins are under way")
}
