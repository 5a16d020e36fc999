//! The device flow, RFC 8628: the device polls while a person types its code into a page.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use signhere_pki::time::Time;

use super::expiring::Full;
use super::pages::{self, DevicePage, MessagePage};
use super::pkce::Challenge;
use super::refresh::{OFFLINE_ACCESS, asks_for};
use super::token::TokenRefusal;
use super::{CLIENT_ID, Issuer, kept_under};
use crate::email::EmailAddress;
use crate::http::guard::refuse_foreign_form;
use crate::http::lock;
use crate::http::problem::Problem;

/// Seconds that a device's codes are good for.
const DEVICE_LIFE: i64 = 600;
/// Seconds that a device leaves between two polls.
const INTERVAL: i64 = 1;
/// Letters of a user code: consonants, so that no word comes out (RFC 8628 section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Letters in a user code.
const USER_CODE_LEN: usize = 8;

/// A device that waits for a person.
#[derive(Debug)]
pub(super) struct Device {
    user_code: String,
    challenge: Option<Challenge>,
    nonce: Option<String>,
    polled: Option<Time>,
    email: Option<EmailAddress>,
    stays: bool,
}

/// A device for which a person has logged in.
#[derive(Debug)]
pub(super) struct Approved {
    pub(super) email: EmailAddress,
    pub(super) nonce: Option<String>,
    pub(super) stays: bool,
}

#[derive(Deserialize)]
pub(super) struct DeviceForm {
    client_id: Option<String>,
    nonce: Option<String>,
    scope: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct VerificationQuery {
    user_code: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct VerificationForm {
    user_code: String,
    email: String,
}

/// POST /oidc/device/code
pub(super) async fn start(
    State(issuer): State<Arc<Issuer>>,
    form: Result<Form<DeviceForm>, FormRejection>,
) -> Result<Json<Value>, TokenRefusal> {
    let unreadable =
        TokenRefusal::InvalidRequest("the form has a parameter twice, or one that cannot be read");
    let Form(form) = form.map_err(|_| unreadable)?;
    if form.client_id.as_deref() != Some(CLIENT_ID) {
        return Err(TokenRefusal::InvalidClient);
    }
    if form.nonce.as_ref().is_some_and(|nonce| nonce.len() > 1024) {
        return Err(TokenRefusal::InvalidRequest("nonce may have 1024 bytes"));
    }
    let challenge = match (
        form.code_challenge.as_deref(),
        form.code_challenge_method.as_deref(),
    ) {
        (None, None) => None,
        (Some(text), Some("S256")) => {
            let refusal =
                TokenRefusal::InvalidRequest("code_challenge must be the base64url of a SHA-256");
            Some(Challenge::parse(text).ok_or(refusal)?)
        }
        _ => {
            return Err(TokenRefusal::InvalidRequest(
                "code_challenge_method must be S256",
            ));
        }
    };

    let device_code = issuer.secret_name()?;
    let user_code = user_code(&issuer)?;
    let device = Device {
        user_code: user_code.clone(),
        challenge,
        nonce: form.nonce,
        polled: None,
        email: None,
        stays: asks_for(form.scope.as_deref(), OFFLINE_ACCESS),
    };
    let now = issuer.now();
    let kept = lock(&issuer.devices)?.keep(
        kept_under(&device_code),
        device,
        now.plus_seconds(DEVICE_LIFE),
        now,
    );
    kept.map_err(|Full| Problem::busy("too many devices wait for a login"))?;

    let verification_uri = format!("{}/device", issuer.endpoints.issuer());
    Ok(Json(json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": verification_uri,
        "verification_uri_complete": format!("{verification_uri}?user_code={user_code}"),
        "expires_in": DEVICE_LIFE,
        "interval": INTERVAL,
    })))
}

/// GET /oidc/device
pub(super) async fn page(
    query: Result<Query<VerificationQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(Problem::invalid)?;
    let user_code = query.user_code.unwrap_or_default();
    let page = DevicePage {
        user_code: &user_code,
        email: "",
        complaint: None,
    };
    pages::answer(StatusCode::OK, &page, "")
}

/// POST /oidc/device
pub(super) async fn submit(
    State(issuer): State<Arc<Issuer>>,
    headers: HeaderMap,
    form: Result<Form<VerificationForm>, FormRejection>,
) -> Result<Response, Problem> {
    refuse_foreign_form(&headers, &issuer.endpoints)?;
    let Form(form) = form.map_err(Problem::invalid)?;
    match approve(&issuer, &form)? {
        Ok(()) => {
            let page = MessagePage {
                title: "Logged in",
                message: "You may close this page and go back to your device.",
            };
            pages::answer(StatusCode::OK, &page, "")
        }
        Err(complaint) => {
            let page = DevicePage {
                user_code: &form.user_code,
                email: &form.email,
                complaint: Some(complaint),
            };
            pages::answer(StatusCode::UNPROCESSABLE_ENTITY, &page, "")
        }
    }
}

/// What came of a device's login, asked by the device.
pub(super) fn poll(
    issuer: &Issuer,
    device_code: &str,
    verifier: Option<&str>,
) -> Result<Approved, TokenRefusal> {
    let now = issuer.now();
    let key = kept_under(device_code);
    let mut devices = lock(&issuer.devices)?;
    let device = devices
        .look_at(&key, now)
        .ok_or(TokenRefusal::ExpiredToken)?;
    if let Some(challenge) = &device.challenge
        && !verifier.is_some_and(|verifier| challenge.is_met_by(verifier))
    {
        return Err(TokenRefusal::InvalidGrant(
            "code_verifier does not meet the code_challenge",
        ));
    }
    if device.email.is_none() {
        let last = device.polled.replace(now);
        let too_soon = last.is_some_and(|last| now < last.plus_seconds(INTERVAL));
        return Err(if too_soon {
            TokenRefusal::SlowDown
        } else {
            TokenRefusal::AuthorizationPending
        });
    }
    match devices.take(&key, now) {
        Some(Device {
            email: Some(email),
            nonce,
            stays,
            ..
        }) => Ok(Approved {
            email,
            nonce,
            stays,
        }),
        _ => Err(TokenRefusal::ExpiredToken),
    }
}

/// Logs a person in for the device whose code they typed; the inner error is for the person.
fn approve(issuer: &Issuer, form: &VerificationForm) -> Result<Result<(), &'static str>, Problem> {
    let Some(email) = EmailAddress::parse(&form.email) else {
        return Ok(Err("That is not an e-mail address."));
    };
    let typed = letters_of(&form.user_code);
    let mut devices = lock(&issuer.devices)?;
    let waiting =
        |device: &Device| device.email.is_none() && letters_of(&device.user_code) == typed;
    let Some(device) = devices.find(issuer.now(), waiting) else {
        return Ok(Err("No device waits with that code. It may have expired."));
    };
    device.email = Some(email);
    Ok(Ok(()))
}

/// People type codes in lower case and without the dash.
fn letters_of(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphabetic)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

fn user_code(issuer: &Issuer) -> Result<String, Problem> {
    let mut letters = String::with_capacity(USER_CODE_LEN);
    while letters.len() < USER_CODE_LEN {
        let mut bytes = [0; 2 * USER_CODE_LEN];
        issuer
            .random
            .fill(&mut bytes)
            .map_err(|_| Problem::internal())?;
        letters.extend(bytes.into_iter().filter_map(letter));
        letters.truncate(USER_CODE_LEN);
    }
    letters.insert(USER_CODE_LEN / 2, '-');
    Ok(letters)
}

/// The letter that a random byte stands for. Bytes past the last whole alphabet stand for none: they would
/// favour its first letters.
fn letter(byte: u8) -> Option<char> {
    let alphabets = usize::from(u8::MAX) / LETTERS.len();
    let index = usize::from(byte);
    if index >= alphabets * LETTERS.len() {
        return None;
    }
    LETTERS
        .get(index % LETTERS.len())
        .map(|letter| char::from(*letter))
}

#[cfg(test)]
mod tests {
    use super::{LETTERS, letter};

    #[test]
    fn every_letter_is_as_likely() {
        let letters: Vec<_> = (0..=u8::MAX).filter_map(letter).collect();
        assert_eq!(letters.len(), 240);
        for wanted in LETTERS {
            let count = letters
                .iter()
                .filter(|letter| **letter == char::from(*wanted))
                .count();
            assert_eq!(count, 12);
        }
    }
}
