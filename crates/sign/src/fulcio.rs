//! The certificate authority: Fulcio's API v2. A token and a proof that its bearer has a key go
//! in, a certificate for the key comes out.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use reqwest::header::{ACCEPT, HeaderValue};
use serde::Deserialize;
use serde_json::json;
use signhere_http::{Destination, HttpClient, HttpRequest};
use signhere_pki::{
    cert::Certificate,
    key::{KeyKind, PublicKey},
    sct::SctList,
};
use url::Url;

use crate::{
    identity::IdentityToken,
    service::{Problem, Service, ServiceError, endpoint},
};

const BODY_CAP: usize = 1 << 20;
const MAX_CHAIN: usize = 10;

/// What a certificate authority issued.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuedCertificate {
    /// The certificate for the key, with at least one SCT inside.
    pub leaf: Certificate,
    /// The certificates above it as the authority tells them. Nobody need believe them: the trusted
    /// root has its own.
    pub issuers: Vec<Certificate>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(alias = "signed_certificate_embedded_sct")]
    #[serde(rename = "signedCertificateEmbeddedSct")]
    embedded: Option<SignedCertificate>,
    #[serde(alias = "signed_certificate_detached_sct")]
    #[serde(rename = "signedCertificateDetachedSct")]
    detached: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct SignedCertificate {
    chain: PemChain,
}

#[derive(Deserialize)]
struct PemChain {
    certificates: Vec<String>,
}

/// Asks the authority at `base` for a certificate for `key`. The proof is the signature of the
/// key over the token's challenge.
///
/// The request is repeated when the authority is in trouble: a second certificate harms nobody.
/// The answer must be for this key, and carry its SCTs inside.
pub async fn request_certificate(
    http: &HttpClient,
    base: &Url,
    token: &IdentityToken,
    key: &PublicKey,
    proof_of_possession: &[u8],
) -> Result<IssuedCertificate, ServiceError> {
    let url = endpoint(base, "api/v2/signingCert");
    let body = json!({
        "publicKeyRequest": {
            "publicKey": { "algorithm": algorithm(key.kind()), "content": key.to_pem() },
            "proofOfPossession": BASE64_STANDARD.encode(proof_of_possession),
        }
    });
    let fail = |error| ServiceError::new(Service::Ca, &url, error);
    let body = body.to_string().into_bytes();
    let request = HttpRequest::post(
        url.clone(),
        Destination::Configured,
        "application/json",
        body,
    )
    .header(ACCEPT, HeaderValue::from_static("application/json"))
    .bearer(token.secret())
    .map_err(fail)?
    .body_cap(BODY_CAP)
    .repeatable();
    let answer = http.send(&request).await.map_err(fail)?;
    if !answer.is_success() {
        return Err(ServiceError::status(Service::Ca, &url, &answer));
    }
    let issued = read(&url, &answer.body)?;
    check(&url, &issued.leaf, key)?;
    Ok(issued)
}

fn algorithm(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Ed25519 => "ED25519",
        kind if kind.is_rsa() => "RSA_PSS",
        _ => "ECDSA",
    }
}

fn read(url: &Url, body: &[u8]) -> Result<IssuedCertificate, ServiceError> {
    let unreadable = |what, error: &dyn std::fmt::Display| {
        Err(ServiceError::unreadable(Service::Ca, url, what, error))
    };
    let answer: Answer = match serde_json::from_slice(body) {
        Ok(answer) => answer,
        Err(error) => return unreadable("JSON", &error),
    };
    let Some(signed) = answer.embedded else {
        let problem = match answer.detached {
            Some(_) => Problem::Unsupported(
                "certificates with a detached SCT are not supported: \
                 the authority has to embed it",
            ),
            None => Problem::Unreadable {
                what: "certificate",
                detail: "there is none".to_owned(),
            },
        };
        return Err(ServiceError::new(Service::Ca, url, problem));
    };
    let found = signed.chain.certificates.len();
    if found > MAX_CHAIN {
        return unreadable("chain", &format_args!("{found} certificates"));
    }
    let certificates = signed.chain.certificates.iter();
    let certificates: Result<Vec<_>, _> =
        certificates.map(|pem| Certificate::from_pem(pem)).collect();
    let mut certificates = match certificates {
        Ok(certificates) => certificates.into_iter(),
        Err(error) => return unreadable("certificate", &error),
    };
    match certificates.next() {
        Some(leaf) => Ok(IssuedCertificate {
            leaf,
            issuers: certificates.collect(),
        }),
        None => unreadable("chain", &"it is empty"),
    }
}

/// What can be told without the trusted root; the chain and the SCTs' signatures are verified
/// with the finished bundle.
fn check(url: &Url, leaf: &Certificate, key: &PublicKey) -> Result<(), ServiceError> {
    let lie = |what, detail: &dyn std::fmt::Display| {
        Err(ServiceError::lie(Service::Ca, url, what, detail))
    };
    if leaf.spki_der() != key.spki_der() {
        return lie("certificate", &"it is for another key");
    }
    match SctList::from_certificate(leaf) {
        Ok(scts) if !scts.as_slice().is_empty() => Ok(()),
        Ok(_) => lie("certificate", &"its list of SCTs is empty"),
        Err(error) => lie("certificate", &error),
    }
}
