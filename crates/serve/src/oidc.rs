//! A development OpenID Connect issuer: whoever reaches its login page may say who they are.
//!
//! Authorization code with PKCE (RFC 6749, RFC 7636), the device flow (RFC 8628), and refresh tokens for who asks for
//! `offline_access`. It believes what is typed, so it listens on loopback only, and only an instance for development
//! trusts it.

mod authorize;
mod client;
mod device;
mod discovery;
mod expiring;
mod pages;
mod pkce;
mod refresh;
mod token;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use signhere_pki::digest::sha256;
use signhere_pki::jwt::{Jwks, mint_jwt};
use signhere_pki::key::{KeyKind, PrivateKey};
use signhere_pki::random::Random;
use signhere_pki::time::{Clock, Time};

use crate::email::EmailAddress;
use crate::endpoints::Endpoints;
use crate::http::problem::Problem;
use authorize::{Grant, Login};
use device::Device;
use expiring::Expiring;
use refresh::Stay;

/// The only client, and the audience of every token: what all Sigstore clients use.
pub(crate) const CLIENT_ID: &str = "sigstore";

/// Seconds that an identity token is valid.
const TOKEN_LIFE: i64 = 600;
/// Bytes of a form.
const FORM_LIMIT: usize = 16 * 1024;
/// Logins, codes, devices and people who stay logged in, kept at one time, each.
const KEPT: usize = 1024;

/// The issuer: its key and the logins under way.
pub(crate) struct Issuer {
    endpoints: Endpoints,
    key: PrivateKey,
    key_id: String,
    keys: Jwks,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    logins: Mutex<Expiring<Login>>,
    grants: Mutex<Expiring<Grant>>,
    devices: Mutex<Expiring<Device>>,
    stays: Mutex<Expiring<Stay>>,
}

impl Issuer {
    /// An issuer that signs with `key`: RS256, or ES256 with a key of that kind.
    pub(crate) fn new(
        endpoints: Endpoints,
        key: PrivateKey,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let key_id = URL_SAFE_NO_PAD.encode(key.public_key().key_id());
        let keys = Jwks::of(&key_id, key.public_key());
        Self {
            endpoints,
            key,
            key_id,
            keys,
            clock,
            random,
            logins: Mutex::new(Expiring::new(KEPT)),
            grants: Mutex::new(Expiring::new(KEPT)),
            devices: Mutex::new(Expiring::new(KEPT)),
            stays: Mutex::new(Expiring::new(KEPT)),
        }
    }

    /// The keys that the issuer's tokens verify with.
    pub(crate) fn keys(&self) -> &Jwks {
        &self.keys
    }

    /// The `alg` of its tokens.
    fn algorithm(&self) -> &'static str {
        match self.key.public_key().kind() {
            KeyKind::P256 => "ES256",
            _ => "RS256",
        }
    }

    /// The routes under `/oidc`.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route(
                "/oidc/.well-known/openid-configuration",
                get(discovery::configuration),
            )
            .route("/oidc/keys", get(discovery::keys))
            .route("/oidc/auth", get(authorize::page).post(authorize::submit))
            .route("/oidc/token", post(token::exchange))
            .route("/oidc/revoke", post(refresh::revoke))
            .route("/oidc/device/code", post(device::start))
            .route("/oidc/device", get(device::page).post(device::submit))
            .route("/oidc/style.css", get(pages::style))
            .layer(DefaultBodyLimit::max(FORM_LIMIT))
            .with_state(self)
    }

    /// A token that says its bearer is `email`.
    fn mint(&self, email: &EmailAddress, nonce: Option<&str>) -> Result<String, Problem> {
        let now = self.now();
        let mut claims = json!({
            "iss": self.endpoints.issuer(),
            "sub": email.as_str(),
            "aud": CLIENT_ID,
            "iat": now.unix(),
            "exp": now.plus_seconds(TOKEN_LIFE).unix(),
            "email": email.as_str(),
            "email_verified": true,
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        mint_jwt(&self.key, &self.key_id, &claims).map_err(|_| Problem::internal())
    }

    /// A name nobody can guess, 256 bits in base64url.
    fn secret_name(&self) -> Result<String, Problem> {
        let mut bytes = [0; 32];
        self.random
            .fill(&mut bytes)
            .map_err(|_| Problem::internal())?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    fn now(&self) -> Time {
        self.clock.now()
    }
}

/// What a secret name is kept under: a look-up by hash tells nothing about the name by its timing.
fn kept_under(name: &str) -> [u8; 32] {
    sha256(name.as_bytes())
}
