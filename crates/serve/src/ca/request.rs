//! Requests for a certificate, in every form that known clients send.

use std::borrow::Cow;

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
    /// The request of version 2 in `headers` and `body`. Fields that are not known are passed over, as Fulcio does.
    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let wire: Wire = serde_json::from_slice(body).map_err(|e| refusal(&e))?;
        let token = token(headers, wire.credentials)?;
        let by_key = wire
            .public_key_request
            .map(|request| (request.public_key.content, request.proof_of_possession.0));
        let by_key = match by_key {
            Some((content, proof)) => Some((key(&encoded(&content)?)?, proof)),
            None => None,
        };
        Self::of_one(token, by_key, wire.certificate_signing_request)
    }

    /// The request of version 1. What is empty there is not there: Go writes all fields.
    pub(super) fn parse_v1(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let wire: WireV1 = serde_json::from_slice(body).map_err(|e| refusal(&e))?;
        let token = token(headers, None)?;
        let content = wire.public_key.and_then(|key| key.content);
        let content = content.filter(|content| !content.is_empty());
        let by_key = match content {
            Some(content) => {
                let proof = wire.signed_email_address.unwrap_or_default();
                Some((key(&encoded(&content)?)?, proof.0))
            }
            None => None,
        };
        let request = wire.certificate_signing_request;
        Self::of_one(
            token,
            by_key,
            request.filter(|request| !request.0.is_empty()),
        )
    }

    fn of_one(
        token: String,
        by_key: Option<(PublicKey, Vec<u8>)>,
        by_request: Option<Bytes>,
    ) -> Result<Self, Refusal> {
        let (key, proof) = match (by_key, by_request) {
            (Some((key, proof)), None) => (key, Proof::Challenge(proof)),
            (None, Some(request)) => (csr::proven_key(&request.0)?, Proof::SelfSigned),
            (None, None) => return Err(Refusal::NoKey),
            (Some(_), Some(_)) => return Err(Refusal::TwoKeys),
        };
        Ok(Self { token, key, proof })
    }

    /// Refuses a key whose holder has not shown that they hold it: by a signature over `challenge`, the value of
    /// `claim`, with the hash that belongs to the key (P-256 and RSA SHA-256, P-384 SHA-384, P-521 SHA-512, Ed25519
    /// none).
    pub(super) fn require_proof(&self, challenge: &str, claim: &str) -> Result<(), Refusal> {
        let Proof::Challenge(signature) = &self.proof else {
            return Ok(());
        };
        self.key
            .verify(self.key.default_scheme(), challenge.as_bytes(), signature)
            .map_err(|_| Refusal::ProofOfPossession {
                claim: claim.to_owned(),
            })
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireV1 {
    #[serde(alias = "public_key")]
    public_key: Option<WireKeyV1>,
    #[serde(alias = "signed_email_address")]
    signed_email_address: Option<Bytes>,
    #[serde(alias = "certificate_signing_request")]
    certificate_signing_request: Option<Bytes>,
}

#[derive(Deserialize)]
struct WireKeyV1 {
    #[serde(default, rename = "algorithm")]
    _algorithm: IgnoredAny,
    content: Option<String>,
}

/// A key's bytes: PEM as it is, or the base64 of anything.
fn encoded(content: &str) -> Result<Cow<'_, [u8]>, Refusal> {
    if is_pem(content.as_bytes()) {
        return Ok(Cow::Borrowed(content.as_bytes()));
    }
    let decoded = Bytes::decode(content).ok_or(Refusal::KeyEncoding)?;
    Ok(Cow::Owned(decoded.0))
}

/// The key in PEM or DER.
fn key(bytes: &[u8]) -> Result<PublicKey, Refusal> {
    if !is_pem(bytes) {
        return PublicKey::from_spki_der(bytes).map_err(Refusal::Key);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::KeyEncoding)?;
    PublicKey::from_pem(text).map_err(Refusal::Key)
}

fn is_pem(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"-----BEGIN")
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
