//! What clients read first: the issuer's description (OpenID Connect Discovery 1.0) and its keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::Issuer;

/// GET /oidc/.well-known/openid-configuration
pub(super) async fn configuration(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    let base = issuer.endpoints.issuer();
    Json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/auth"),
        "token_endpoint": format!("{base}/token"),
        "device_authorization_endpoint": format!("{base}/device/code"),
        "revocation_endpoint": format!("{base}/revoke"),
        "jwks_uri": format!("{base}/keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [issuer.algorithm()],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "scopes_supported": ["openid", "email", "offline_access"],
        "claims_supported": ["iss", "sub", "aud", "iat", "exp", "nonce", "email", "email_verified"],
    }))
}

/// GET /oidc/keys
pub(super) async fn keys(State(issuer): State<Arc<Issuer>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        issuer.keys.to_json(),
    )
}
