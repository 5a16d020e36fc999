//! Why the CA does not believe a token: claims by name and by what they should be, never by a secret value.

use signhere_pki::jwt::JwtError;
use thiserror::Error;

use super::discovery::KeysError;

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Disbelief {
    /// It is no token, says the wrong thing of itself, or nobody known signed it.
    #[error("the identity token is not believed: {0}")]
    Token(#[from] JwtError),
    /// Nobody whom the CA trusts.
    #[error(
        "the identity token is not believed: the claim iss names no issuer that this CA trusts"
    )]
    UnknownIssuer,
    /// A claim that is needed is not there.
    #[error("the identity token is not believed: the claim {claim} is missing")]
    MissingClaim {
        /// Its name; the parts of a nested one are joined by dots.
        claim: String,
    },
    /// A claim that says something else than it must.
    #[error("the identity token is not believed: the claim {claim} is not {expected}")]
    Claim {
        /// Its name.
        claim: String,
        /// What it must be.
        expected: String,
    },
    /// What the claims come to does not fit into a certificate.
    #[error(
        "the identity token is not believed: its claims make a text of more than {limit} bytes"
    )]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The issuer's keys cannot be had.
    #[error("the keys of the issuer {issuer} cannot be had at the moment: {reason}")]
    NoKeys {
        /// The issuer's URL.
        issuer: String,
        /// Why.
        reason: KeysError,
    },
    /// Too many issuers that were never heard of are being asked for keys.
    #[error("too many new issuers of {pattern} are named at the moment")]
    Busy {
        /// The wildcard URL that they match.
        pattern: String,
    },
}

impl Disbelief {
    pub(super) fn missing(claim: &str) -> Self {
        Self::MissingClaim {
            claim: claim.to_owned(),
        }
    }

    pub(super) fn claim(claim: &str, expected: impl Into<String>) -> Self {
        Self::Claim {
            claim: claim.to_owned(),
            expected: expected.into(),
        }
    }

    /// Whether the same token may be believed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::NoKeys { .. } | Self::Busy { .. })
    }
}
