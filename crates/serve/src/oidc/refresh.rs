//! Staying logged in: refresh tokens (RFC 6749 section 6) that change with each use, and giving them back (RFC 7009).

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::token::{TokenRefusal, require_client};
use super::{Issuer, kept_under};
use crate::email::EmailAddress;
use crate::http::lock;

/// The scope that asks for a refresh token (OpenID Connect Core section 11).
pub(super) const OFFLINE_ACCESS: &str = "offline_access";
/// Seconds after a login in which its refresh tokens are good: a working day.
const STAY_LIFE: i64 = 12 * 60 * 60;

/// Somebody who stays logged in, kept under the name of the login.
#[derive(Debug)]
pub(super) struct Stay {
    email: EmailAddress,
    /// What the only good token's secret hashes to.
    current: [u8; 32],
}

#[derive(Deserialize)]
pub(super) struct RevocationForm {
    client_id: Option<String>,
    token: Option<String>,
}

/// Whether `scope` has `wanted` in its list.
pub(super) fn asks_for(scope: Option<&str>, wanted: &str) -> bool {
    scope.is_some_and(|scope| scope.split(' ').any(|one| one == wanted))
}

/// The first refresh token of a login. There is none where too many stay already: the login itself is good.
pub(super) fn begin(issuer: &Issuer, email: &EmailAddress) -> Result<Option<String>, TokenRefusal> {
    let (login, secret) = (issuer.secret_name()?, issuer.secret_name()?);
    let stay = Stay {
        email: email.clone(),
        current: kept_under(&secret),
    };
    let now = issuer.now();
    let until = now.plus_seconds(STAY_LIFE);
    let kept = lock(&issuer.stays)?.keep(kept_under(&login), stay, until, now);
    Ok(kept.is_ok().then(|| format!("{login}.{secret}")))
}

/// Who stays logged in with `given`, and the token to use next time. A token that was used before ends the login: one of
/// those who used it has no right to (RFC 9700 section 4.14.2).
pub(super) fn go_on(issuer: &Issuer, given: &str) -> Result<(EmailAddress, String), TokenRefusal> {
    let refusal = || TokenRefusal::InvalidGrant("the refresh token is unknown, used or expired");
    let (login, secret) = given.split_once('.').ok_or_else(refusal)?;
    let (name, now) = (kept_under(login), issuer.now());
    let next = issuer.secret_name()?;
    let mut stays = lock(&issuer.stays)?;
    let stay = stays.look_at(&name, now).ok_or_else(refusal)?;
    if !bool::from(stay.current.ct_eq(&kept_under(secret))) {
        stays.take(&name, now);
        return Err(refusal());
    }
    stay.current = kept_under(&next);
    Ok((stay.email.clone(), format!("{login}.{next}")))
}

/// POST /oidc/revoke
///
/// What is not known is given back already (RFC 7009 section 2.2).
pub(super) async fn revoke(
    State(issuer): State<Arc<Issuer>>,
    headers: HeaderMap,
    form: Result<Form<RevocationForm>, FormRejection>,
) -> Result<StatusCode, TokenRefusal> {
    let unreadable =
        TokenRefusal::InvalidRequest("the form has a parameter twice, or one that cannot be read");
    let Form(form) = form.map_err(|_| unreadable)?;
    require_client(&headers, form.client_id.as_deref())?;
    let token = form.token.as_deref();
    let token = token.ok_or(TokenRefusal::InvalidRequest("token is required"))?;
    if let Some((login, _)) = token.split_once('.') {
        lock(&issuer.stays)?.take(&kept_under(login), issuer.now());
    }
    Ok(StatusCode::OK)
}
