//! JSON Web Tokens (RFC 7519) as OpenID Connect identity tokens: parsed, verified, minted.

mod algorithm;
mod jwks;
mod token;

pub use self::{
    jwks::Jwks,
    token::{Jwt, JwtExpect, UnverifiedJwt, mint_jwt, verify_jwt},
};

use crate::{key::KeyError, time::Time};

/// Why a token or a key set is not good. What it quotes is cut short, and never the token itself.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// The token or key set is longer than what is read.
    #[error("the {what} has {found} bytes, more than {limit}")]
    TooLong {
        /// `token` or `key set`.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
        /// Its length in bytes.
        found: usize,
    },
    /// A part is not well-formed.
    #[error("the token's {part} is malformed")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// The key set is not well-formed.
    #[error("the key set is malformed")]
    MalformedKeySet,
    /// The key set has more keys than are read.
    #[error("the key set has {found} keys, more than {limit}")]
    TooManyKeys {
        /// The limit.
        limit: usize,
        /// How many.
        found: usize,
    },
    /// The header's `alg` is none of the supported ones; `none` and the HMACs never are.
    #[error("unsupported token algorithm {found:?}")]
    UnsupportedAlgorithm {
        /// The `alg`.
        found: String,
    },
    /// The header has a `crit` (RFC 7515 section 4.1.11), none of which are understood.
    #[error("the token has critical header extensions, which are not supported")]
    CriticalExtensions,
    /// The key set has no key of this name and algorithm.
    #[error("no key for the token: algorithm {algorithm}, key ID {key_id:?}")]
    UnknownKey {
        /// The header's `alg`.
        algorithm: &'static str,
        /// The header's `kid`.
        key_id: Option<String>,
    },
    /// The signature was not made by the issuer's key.
    #[error("the token's signature does not verify")]
    BadSignature,
    /// A claim is not there.
    #[error("the token has no claim {claim}")]
    MissingClaim {
        /// The claim.
        claim: &'static str,
    },
    /// A claim has another type than RFC 7519 gives it.
    #[error("the token's claim {claim} is not {expected}")]
    ClaimType {
        /// The claim.
        claim: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A claim has another value than expected.
    #[error("the token's claim {claim} is {found:?} where {expected:?} was expected")]
    ClaimMismatch {
        /// The claim.
        claim: &'static str,
        /// The value expected.
        expected: String,
        /// The value found; several are separated by commas.
        found: String,
    },
    /// The token is no longer valid.
    #[error("the token expired at {expired_at}; it is {now}")]
    Expired {
        /// The `exp`.
        expired_at: Time,
        /// The time of the check.
        now: Time,
    },
    /// The token is not yet valid.
    #[error("the token is valid from {not_before}; it is {now}")]
    NotYetValid {
        /// The `nbf`.
        not_before: Time,
        /// The time of the check.
        now: Time,
    },
    /// The token claims to have been issued in the future.
    #[error("the token was issued at {issued_at}; it is {now}")]
    IssuedInTheFuture {
        /// The `iat`.
        issued_at: Time,
        /// The time of the check.
        now: Time,
    },
    /// Keys of this kind sign no tokens here.
    #[error("tokens cannot be signed with this key: {0}")]
    Key(#[from] KeyError),
}

/// A string from outside, short enough for an error.
fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    text.chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests;
