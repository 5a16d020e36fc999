//! Tokens: a header, claims and a signature over both (RFC 7515, RFC 7519).

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::{Map, Value, json};

use super::{Jwks, JwtError, algorithm::Algorithm, excerpt};
use crate::{
    key::{KeyError, PrivateKey, Signer},
    time::Time,
};

/// A token's header and claims. That it parses says nothing about who made it: see [`verify_jwt`].
#[derive(Clone, PartialEq)]
pub struct Jwt {
    algorithm: String,
    key_id: Option<String>,
    claims: Map<String, Value>,
}

impl Jwt {
    /// The most bytes of a token that are read.
    pub const MAX_LEN: usize = 64 << 10;

    /// The token in its compact form (RFC 7515 section 7.1), unverified.
    ///
    /// # Errors
    /// [`JwtError`] when it is no token, or over [`Self::MAX_LEN`].
    pub fn parse(token: &str) -> Result<Self, JwtError> {
        Compact::split(token)?.decode()
    }

    /// The header's `alg`.
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The header's `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// All claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The value of a claim that is a string.
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// The claim `iss`.
    pub fn issuer(&self) -> Option<&str> {
        self.claim("iss")
    }

    /// The claim `sub`.
    pub fn subject(&self) -> Option<&str> {
        self.claim("sub")
    }

    /// The claim `aud`, be it one string or an array of them; empty when it is neither.
    pub fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(audience)) => vec![audience],
            Some(Value::Array(values)) => values
                .iter()
                .map(Value::as_str)
                .collect::<Option<_>>()
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// The claim `exp`, when it is a time.
    pub fn expiry(&self) -> Option<Time> {
        self.time("exp").ok().flatten()
    }

    /// Checks who the token is from, whom it is for and when it is valid.
    fn check(&self, expect: &JwtExpect<'_>) -> Result<(), JwtError> {
        let issuer = self.string("iss")?;
        if issuer != expect.issuer {
            return Err(JwtError::ClaimMismatch {
                claim: "iss",
                expected: expect.issuer.to_owned(),
                found: excerpt(issuer),
            });
        }
        self.check_audience(expect.audience)?;
        if self.string("sub")?.is_empty() {
            return Err(JwtError::MissingClaim { claim: "sub" });
        }
        self.check_times(expect.now, i64::from(expect.leeway_seconds))
    }

    fn check_audience(&self, expected: &str) -> Result<(), JwtError> {
        if !self.claims.contains_key("aud") {
            return Err(JwtError::MissingClaim { claim: "aud" });
        }
        let audiences = self.audiences();
        if audiences.is_empty() {
            return Err(JwtError::ClaimType {
                claim: "aud",
                expected: "a string or an array of strings",
            });
        }
        if !audiences.contains(&expected) {
            return Err(JwtError::ClaimMismatch {
                claim: "aud",
                expected: expected.to_owned(),
                found: excerpt(&audiences.join(",")),
            });
        }
        Ok(())
    }

    fn check_times(&self, now: Time, leeway: i64) -> Result<(), JwtError> {
        let expired_at = self
            .time("exp")?
            .ok_or(JwtError::MissingClaim { claim: "exp" })?;
        // RFC 7519 section 4.1.4: not accepted "on or after" it.
        if now >= expired_at.plus_seconds(leeway) {
            return Err(JwtError::Expired { expired_at, now });
        }
        let latest_start = now.plus_seconds(leeway);
        if let Some(not_before) = self.time("nbf")?.filter(|time| *time > latest_start) {
            return Err(JwtError::NotYetValid { not_before, now });
        }
        if let Some(issued_at) = self.time("iat")?.filter(|time| *time > latest_start) {
            return Err(JwtError::IssuedInTheFuture { issued_at, now });
        }
        Ok(())
    }

    fn string(&self, claim: &'static str) -> Result<&str, JwtError> {
        let value = self
            .claims
            .get(claim)
            .ok_or(JwtError::MissingClaim { claim })?;
        value.as_str().ok_or(JwtError::ClaimType {
            claim,
            expected: "a string",
        })
    }

    /// A NumericDate (RFC 7519 section 2): a JSON number of seconds, cut to whole ones.
    fn time(&self, claim: &'static str) -> Result<Option<Time>, JwtError> {
        let Some(value) = self.claims.get(claim) else {
            return Ok(None);
        };
        whole_seconds(value)
            .map(|seconds| Some(Time::from_unix(seconds)))
            .ok_or(JwtError::ClaimType {
                claim,
                expected: "a time in seconds",
            })
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// What a token must say to be accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JwtExpect<'a> {
    /// The exact `iss`.
    pub issuer: &'a str,
    /// What `aud` must be, or contain.
    pub audience: &'a str,
    /// The current time.
    pub now: Time,
    /// How far the issuer's clock may be off.
    pub leeway_seconds: u32,
}

/// The token, when a key of the issuer signed it and it says what is expected.
///
/// `exp` and a `sub` are required; `nbf` and `iat` are checked when there.
///
/// # Errors
/// [`JwtError`], which names the claim with what was expected and found.
pub fn verify_jwt(token: &str, keys: &Jwks, expect: &JwtExpect<'_>) -> Result<Jwt, JwtError> {
    let token = UnverifiedJwt::parse(token)?;
    let jwt = token.verify(keys)?;
    jwt.check(expect)?;
    Ok(jwt.clone())
}

/// A token that can be read, and of which nothing is proven yet.
///
/// It is for those who must fetch the keys first: what the token says of itself is checked before anything is
/// fetched for it.
#[derive(Debug)]
pub struct UnverifiedJwt<'a> {
    compact: Compact<'a>,
    jwt: Jwt,
}

impl<'a> UnverifiedJwt<'a> {
    /// The token in its compact form (RFC 7515 section 7.1).
    ///
    /// # Errors
    /// [`JwtError`] when it is no token, or over [`Jwt::MAX_LEN`].
    pub fn parse(token: &'a str) -> Result<Self, JwtError> {
        let compact = Compact::split(token)?;
        let jwt = compact.decode()?;
        Ok(Self { compact, jwt })
    }

    /// The `iss` that the token claims.
    pub fn issuer(&self) -> Option<&str> {
        self.jwt.issuer()
    }

    /// Whether its header names a key.
    pub fn names_a_key(&self) -> bool {
        self.jwt.key_id.is_some()
    }

    /// Checks who the token says it is from, whom it is for and when it is valid, and that its algorithm is known.
    ///
    /// # Errors
    /// [`JwtError`], which names the claim with what was expected and found.
    pub fn check(&self, expect: &JwtExpect<'_>) -> Result<(), JwtError> {
        Algorithm::from_name(&self.jwt.algorithm)?;
        self.jwt.check(expect)
    }

    /// The token, when one of `keys` signed it. Its claims are not checked: see [`check`](Self::check).
    ///
    /// # Errors
    /// [`JwtError::UnknownKey`] when no key could have, [`JwtError::BadSignature`] when none has.
    pub fn verify(&self, keys: &Jwks) -> Result<&Jwt, JwtError> {
        let algorithm = Algorithm::from_name(&self.jwt.algorithm)?;
        let signature = decode_base64(self.compact.signature, "signature")?;
        let mut candidates = keys.candidates(self.jwt.key_id(), algorithm.name());
        candidates.retain(|key| algorithm.fits(key.kind()));
        if candidates.is_empty() {
            return Err(JwtError::UnknownKey {
                algorithm: algorithm.name(),
                key_id: self.jwt.key_id().map(excerpt),
            });
        }
        if !candidates
            .iter()
            .any(|key| algorithm.verifies(key, self.compact.signed, &signature))
        {
            return Err(JwtError::BadSignature);
        }
        Ok(&self.jwt)
    }
}

/// A token with these claims, signed by `key`, which is called `key_id`.
///
/// # Errors
/// [`JwtError::Key`] when the key cannot sign, [`JwtError::Malformed`] when the claims are no JSON object.
pub fn mint_jwt(key: &PrivateKey, key_id: &str, claims: &Value) -> Result<String, JwtError> {
    if !claims.is_object() {
        return Err(JwtError::Malformed { part: "claims" });
    }
    let scheme = key.scheme();
    let algorithm = Algorithm::of(key.kind()).filter(|algorithm| algorithm.scheme() == scheme);
    let algorithm = algorithm.ok_or_else(|| KeyError::SchemeMismatch {
        scheme,
        kind: key.kind(),
    })?;
    let header = json!({ "alg": algorithm.name(), "kid": key_id, "typ": "JWT" });
    let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
    let signature = algorithm.jose_signature(key.sign(token.as_bytes())?)?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// A compact token, split.
struct Compact<'a> {
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
    /// What the signature is over: the header, a dot and the claims.
    signed: &'a [u8],
}

/// Without its parts, which together are the token.
impl fmt::Debug for Compact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compact").finish_non_exhaustive()
    }
}

impl<'a> Compact<'a> {
    fn split(token: &'a str) -> Result<Self, JwtError> {
        if token.len() > Jwt::MAX_LEN {
            return Err(JwtError::TooLong {
                what: "token",
                limit: Jwt::MAX_LEN,
                found: token.len(),
            });
        }
        let malformed = || JwtError::Malformed { part: "form" };
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        if claims.contains('.') {
            return Err(malformed());
        }
        Ok(Self {
            header,
            claims,
            signature,
            signed: signed.as_bytes(),
        })
    }

    fn decode(&self) -> Result<Jwt, JwtError> {
        let header: Header = decode_json(self.header, "header")?;
        if header.critical {
            return Err(JwtError::CriticalExtensions);
        }
        let Claims(claims) = decode_json(self.claims, "claims")?;
        Ok(Jwt {
            algorithm: header.alg,
            key_id: header.kid,
            claims,
        })
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    #[serde(default, rename = "crit", deserialize_with = "is_there")]
    critical: bool,
}

/// Whether a member is there, be its value `null`.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Claims in which no name comes twice (RFC 7519 section 4).
struct Claims(Map<String, Value>);

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor).map(Self)
    }
}

struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut claims = Map::new();
        while let Some((name, value)) = members.next_entry()? {
            if claims.insert(name, value).is_some() {
                return Err(de::Error::custom("a claim comes twice"));
            }
        }
        Ok(claims)
    }
}

fn decode_json<T: de::DeserializeOwned>(base64: &str, part: &'static str) -> Result<T, JwtError> {
    serde_json::from_slice(&decode_base64(base64, part)?).map_err(|_| JwtError::Malformed { part })
}

fn decode_base64(base64: &str, part: &'static str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD
        .decode(base64)
        .map_err(|_| JwtError::Malformed { part })
}

/// The whole seconds of a JSON number, unless it is far from any date.
fn whole_seconds(value: &Value) -> Option<i64> {
    if let Some(seconds) = value.as_i64() {
        return Some(seconds);
    }
    const MAX: f64 = 253_402_300_799.0; // the year 9999
    let seconds = value.as_f64()?.floor();
    if !(-MAX..=MAX).contains(&seconds) {
        return None;
    }
    #[expect(
        clippy::as_conversions,
        reason = "a whole number far inside the range of i64"
    )]
    Some(seconds as i64)
}
