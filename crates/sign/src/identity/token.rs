//! An identity token as its bearer sees it: parsed, not verified, for that is up to the
//! certificate authority. What would be refused there anyway is refused here, before a login's
//! only certificate request is spent on it.

use signhere_pki::{jwt::Jwt, time::Time};
use zeroize::Zeroizing;

/// The longest token accepted, in bytes: 64 KiB.
const MAX_LENGTH: usize = 64 << 10;

/// How far the issuer's clock may be off, in seconds.
const LEEWAY: i64 = 30;

/// A JSON Web Token (RFC 7519) that vouches for an identity. The token is zeroized when dropped
/// and is in no debug output.
#[derive(Clone)]
pub struct IdentityToken {
    raw: Zeroizing<String>,
    issuer: String,
    subject: Option<String>,
    challenge: Challenge,
    expires_at: Time,
    nonce: Option<String>,
}

/// What a certificate authority wants to see signed with the new key, to know that the token's
/// bearer has the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Challenge {
    /// The `email` claim.
    Email(String),
    /// The `sub` claim.
    Subject(String),
}

impl Challenge {
    /// The string to sign.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(claim) | Self::Subject(claim) => claim,
        }
    }
}

/// Why a token cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Longer than any honest token.
    #[error("the token is {found} bytes long, at most {MAX_LENGTH} are accepted")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Not a JSON Web Token.
    #[error("not a JSON Web Token: {0}")]
    Malformed(String),
    /// A claim that every identity token has is missing.
    #[error("the token has no claim `{0}`")]
    MissingClaim(&'static str),
    /// The token is for somebody else.
    #[error("the token is for {}, not for `{expected}`", list(.found))]
    Audience {
        /// The audience asked for.
        expected: String,
        /// The token's audiences.
        found: Vec<String>,
    },
    /// The token is no longer valid.
    #[error("the token expired at {expired_at}, it is now {now}")]
    Expired {
        /// When it expired.
        expired_at: Time,
        /// The time of the check.
        now: Time,
    },
    /// The issuer says that it has not checked the e-mail address.
    #[error("the issuer has not verified the e-mail address {email}")]
    EmailNotVerified {
        /// The address.
        email: String,
    },
}

fn list(audiences: &[String]) -> String {
    match audiences {
        [] => "nobody".to_owned(),
        audiences => format!("`{}`", audiences.join("`, `")),
    }
}

impl IdentityToken {
    /// The token in `text`, which may end in white space. Reads its claims without verifying the
    /// signature, and refuses it unless it is for `audience` and not expired at `now`.
    pub fn parse(text: &str, audience: &str, now: Time) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err(TokenError::TooLong { found: text.len() });
        }
        let jwt = Jwt::parse(text).map_err(|error| TokenError::Malformed(error.to_string()))?;
        let issuer = jwt.issuer().ok_or(TokenError::MissingClaim("iss"))?;
        let expires_at = jwt.expiry().ok_or(TokenError::MissingClaim("exp"))?;

        let audiences = jwt.audiences();
        if !audiences.contains(&audience) {
            return Err(TokenError::Audience {
                expected: audience.to_owned(),
                found: audiences.into_iter().map(str::to_owned).collect(),
            });
        }
        if now > expires_at.plus_seconds(LEEWAY) {
            return Err(TokenError::Expired {
                expired_at: expires_at,
                now,
            });
        }
        Ok(Self {
            raw: Zeroizing::new(text.to_owned()),
            issuer: issuer.to_owned(),
            subject: jwt.subject().map(str::to_owned),
            challenge: challenge(&jwt)?,
            expires_at,
            nonce: jwt.claim("nonce").map(str::to_owned),
        })
    }

    /// The token itself, for the request that presents it.
    pub fn secret(&self) -> &str {
        &self.raw
    }

    /// The issuer as the token names it (`iss`).
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the certificate authority wants to see signed.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// Until when the token is good.
    pub fn expires_at(&self) -> Time {
        self.expires_at
    }

    /// Whether the token is still good at `now`.
    pub fn is_fresh(&self, now: Time) -> bool {
        now <= self.expires_at
    }

    /// Whether both tokens name one person of one issuer, by every name.
    pub fn is_of_the_same_person(&self, other: &Self) -> bool {
        self.issuer == other.issuer
            && self.subject == other.subject
            && self.challenge == other.challenge
    }

    /// The nonce of the login that the token was made for (`nonce`).
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }
}

impl std::fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityToken")
            .field("issuer", &self.issuer)
            .field("challenge", &self.challenge)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Issuers of people give an `email` claim, and then that is the identity; issuers of workloads
/// give none, and `sub` is.
fn challenge(jwt: &Jwt) -> Result<Challenge, TokenError> {
    let Some(email) = jwt.claim("email").filter(|email| !email.is_empty()) else {
        let subject = jwt.subject().filter(|subject| !subject.is_empty());
        let subject = subject.ok_or(TokenError::MissingClaim("sub"))?;
        return Ok(Challenge::Subject(subject.to_owned()));
    };
    let email = email.to_owned();
    // Some issuers give the claim as a string.
    let verified = jwt.claims().get("email_verified");
    if verified.is_some_and(|value| value.as_bool() == Some(false) || value == "false") {
        return Err(TokenError::EmailNotVerified { email });
    }
    Ok(Challenge::Email(email))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{NOW, token};

    fn parse(claims: &Value) -> Result<IdentityToken, TokenError> {
        IdentityToken::parse(&token(claims), "sigstore", NOW)
    }

    fn person() -> Value {
        json!({
            "iss": "https://issuer.example", "sub": "x1", "aud": "sigstore",
            "exp": 1_800_000_060, "email": "jo@example.org", "email_verified": true,
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = person();
        claims[name] = value;
        claims
    }

    fn without(name: &str) -> Value {
        let mut claims = person();
        claims.as_object_mut().unwrap().remove(name);
        claims
    }

    #[test]
    fn people_prove_their_address_and_workloads_their_subject() {
        let person = parse(&person()).unwrap();
        assert_eq!(person.issuer(), "https://issuer.example");
        assert_eq!(
            person.challenge(),
            &Challenge::Email("jo@example.org".into())
        );
        assert_eq!(person.expires_at(), NOW.plus_seconds(60));
        let workload = parse(&without("email")).unwrap();
        assert_eq!(workload.challenge(), &Challenge::Subject("x1".into()));
    }

    #[test]
    fn debug_output_hides_the_token() {
        let text = token(&person());
        let parsed = IdentityToken::parse(&format!("{text}\n"), "sigstore", NOW).unwrap();
        assert_eq!(parsed.secret(), text);
        assert!(!format!("{parsed:?}").contains("eyJ"));
    }

    #[test]
    fn tokens_for_others_are_refused() {
        let expected = |found: &[&str]| TokenError::Audience {
            expected: "sigstore".into(),
            found: found.iter().map(|&name| name.to_owned()).collect(),
        };
        let refusal = |claims: Value| parse(&claims).unwrap_err();
        assert_eq!(refusal(with("aud", json!("vault"))), expected(&["vault"]));
        assert_eq!(
            refusal(with("aud", json!(["a", "b"]))),
            expected(&["a", "b"])
        );
        assert!(parse(&with("aud", json!(["a", "sigstore"]))).is_ok());
    }

    #[test]
    fn expired_tokens_are_refused() {
        let expired_at = NOW.plus_seconds(-LEEWAY - 1);
        let refusal = parse(&with("exp", json!(expired_at.unix()))).unwrap_err();
        assert_eq!(
            refusal,
            TokenError::Expired {
                expired_at,
                now: NOW
            }
        );
        assert!(parse(&with("exp", json!(NOW.plus_seconds(-LEEWAY).unix()))).is_ok());
    }

    #[test]
    fn unverified_addresses_are_refused() {
        let refused = Some(TokenError::EmailNotVerified {
            email: "jo@example.org".into(),
        });
        for no in [json!(false), json!("false")] {
            assert_eq!(parse(&with("email_verified", no)).err(), refused);
        }
    }

    #[test]
    fn missing_claims_are_named() {
        for name in ["iss", "exp"] {
            let refused = TokenError::MissingClaim(name);
            assert_eq!(parse(&without(name)).unwrap_err(), refused);
        }
        let mut nobody = without("email");
        nobody.as_object_mut().unwrap().remove("sub");
        assert_eq!(parse(&nobody).unwrap_err(), TokenError::MissingClaim("sub"));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let huge = "a".repeat(10 << 20);
        assert_eq!(
            IdentityToken::parse(&huge, "sigstore", NOW).unwrap_err(),
            TokenError::TooLong { found: 10 << 20 }
        );
        for text in ["", "a.b", "a.b.c", "eyJh.eyJh.eyJh.eyJh"] {
            let refusal = IdentityToken::parse(text, "sigstore", NOW).unwrap_err();
            assert!(matches!(refusal, TokenError::Malformed(_)), "{text}");
        }
    }
}
