//! Requests for a certificate, in every form that known clients send.

use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::IgnoredAny;
use signhere_pki::key::PublicKey;

use super::csr;
use super::refusal::Refusal;
use crate::proto::Bytes;

/// Bytes of an identity token.
pub(super) const TOKEN_LIMIT: usize = 64 * 1024;

/// A request: who asks, and for which key.
#[derive(Debug)]
pub(super) struct CertificateRequest {
    /// The identity token, not yet believed.
    pub(super) token: String,
    /// The key to be certified.
    pub(super) key: PublicKey,
    /// What shows that the client holds the key.
    pub(super) proof: Proof,
}

/// What shows that a client holds the key it wants certified.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// The certification request was signed with it, which is already verified.
    SelfSigned,
    /// A signature over the challenge, which follows from the token.
    Challenge(Vec<u8>),
}

impl CertificateRequest {
    /// The request in `headers` and `body`. Fields that are not known are passed over, as Fulcio does.
    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let wire: Wire = serde_json::from_slice(body).map_err(|e| refusal(&e))?;
        let token = token(headers, wire.credentials)?;
        match (wire.public_key_request, wire.certificate_signing_request) {
            (Some(request), None) => {
                let key = request.public_key.key()?;
                Ok(Self {
                    token,
                    key,
                    proof: Proof::Challenge(request.proof_of_possession.0),
                })
            }
            (None, Some(request)) => {
                let key = csr::proven_key(&request.0)?;
                Ok(Self {
                    token,
                    key,
                    proof: Proof::SelfSigned,
                })
            }
            (None, None) => Err(Refusal::NoKey),
            (Some(_), Some(_)) => Err(Refusal::TwoKeys),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    credentials: Option<WireCredentials>,
    #[serde(alias = "public_key_request")]
    public_key_request: Option<WireKeyRequest>,
    #[serde(alias = "certificate_signing_request")]
    certificate_signing_request: Option<Bytes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCredentials {
    #[serde(alias = "oidc_identity_token")]
    oidc_identity_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireKeyRequest {
    #[serde(alias = "public_key")]
    public_key: WireKey,
    #[serde(alias = "proof_of_possession")]
    proof_of_possession: Bytes,
}

#[derive(Deserialize)]
struct WireKey {
    /// The key says itself what it is.
    #[serde(default, rename = "algorithm")]
    _algorithm: IgnoredAny,
    content: String,
}

impl WireKey {
    /// The key in PEM, or in the base64 of its DER.
    fn key(&self) -> Result<PublicKey, Refusal> {
        if self.content.trim_start().starts_with("-----BEGIN") {
            return PublicKey::from_pem(&self.content).map_err(Refusal::Key);
        }
        let der = Bytes::decode(&self.content).ok_or(Refusal::KeyEncoding)?;
        PublicKey::from_spki_der(&der.0).map_err(Refusal::Key)
    }
}

/// Why a body is no request, without what it holds: a misplaced token would be quoted.
fn refusal(error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    let quotes = error.is_data() && text.starts_with("invalid ");
    let reason = match quotes {
        true => format!(
            "a field is of the wrong type, line {} column {}",
            error.line(),
            error.column()
        ),
        false => text,
    };
    Refusal::Json { reason }
}

/// The token from the header or the body; in both it must be the same.
fn token(headers: &HeaderMap, credentials: Option<WireCredentials>) -> Result<String, Refusal> {
    let bearer = match headers.get(header::AUTHORIZATION) {
        None => None,
        Some(value) => {
            let value = value.to_str().map_err(|_| Refusal::NotBearer)?;
            let (scheme, token) = value.split_once(' ').ok_or(Refusal::NotBearer)?;
            if !scheme.eq_ignore_ascii_case("bearer") {
                return Err(Refusal::NotBearer);
            }
            Some(token.trim().to_owned())
        }
    };
    let in_body = credentials.and_then(|credentials| credentials.oidc_identity_token);
    let token = match (bearer, in_body.filter(|token| !token.is_empty())) {
        (Some(bearer), Some(in_body)) if bearer != in_body => return Err(Refusal::TwoTokens),
        (Some(token), _) | (None, Some(token)) => token,
        (None, None) => return Err(Refusal::NoToken),
    };
    if token.len() > TOKEN_LIMIT {
        return Err(Refusal::TokenTooLarge {
            limit: TOKEN_LIMIT,
            found: token.len(),
        });
    }
    Ok(token)
}
