//! Why no certificate is given, said so that the client can mend it: claims by name, not by value.

use signhere_pki::key::KeyError;
use thiserror::Error;

use crate::http::problem::Problem;
use crate::issuers::Disbelief;

/// Why no certificate is given.
#[derive(Debug, Error, PartialEq)]
pub(super) enum Refusal {
    #[error("the request is not the JSON of a signing certificate request: {reason}")]
    Json { reason: String },
    #[error("there is no identity token, neither as bearer nor in credentials.oidcIdentityToken")]
    NoToken,
    #[error("the Authorization header is not a bearer token")]
    NotBearer,
    #[error("the identity tokens in the Authorization header and in the body differ")]
    TwoTokens,
    #[error("the identity token has {found} bytes, {limit} are taken")]
    TokenTooLarge { limit: usize, found: usize },
    #[error("the request has neither a public key nor a certificate signing request")]
    NoKey,
    #[error("the request has both a public key and a certificate signing request")]
    TwoKeys,
    #[error("the public key is neither PEM nor the base64 of DER")]
    KeyEncoding,
    #[error("the public key is not taken: {0}")]
    Key(KeyError),
    #[error("the certificate signing request is not a PEM or DER PKCS #10 request")]
    Csr,
    #[error("the certificate signing request is signed by an algorithm that is not taken")]
    CsrAlgorithm,
    #[error("the certificate signing request's signature does not verify with its own key")]
    CsrSignature,
    #[error("the proof of possession is no signature of the claim {claim} by the public key")]
    ProofOfPossession { claim: String },
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoToken | Refusal::NotBearer => Self::unauthenticated(refusal),
            _ => Self::invalid(refusal),
        }
    }
}

impl From<Disbelief> for Problem {
    fn from(disbelief: Disbelief) -> Self {
        match disbelief.is_transient() {
            true => Self::busy(disbelief),
            false => Self::unauthenticated(disbelief),
        }
    }
}
