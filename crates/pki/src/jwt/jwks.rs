//! JSON Web Key Sets (RFC 7517).

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{JwtError, algorithm::Algorithm};
use crate::key::{KeyKind, PublicKey};

/// The public keys of an issuer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Jwks {
    keys: Vec<NamedKey>,
}

impl Jwks {
    /// The most bytes of JSON that are read.
    pub const MAX_LEN: usize = 256 << 10;
    /// The most keys that are read.
    pub const MAX_KEYS: usize = 64;

    /// The signature keys in a JSON key set.
    ///
    /// Keys of unknown or refused kinds, for encryption, or with bad values are left out, as RFC 7517
    /// section 5 asks: another key of the set may be the one that counts.
    ///
    /// # Errors
    /// [`JwtError`] when the JSON is no key set or over [`Self::MAX_LEN`] or [`Self::MAX_KEYS`].
    pub fn parse(json: &[u8]) -> Result<Self, JwtError> {
        if json.len() > Self::MAX_LEN {
            return Err(JwtError::TooLong {
                what: "key set",
                limit: Self::MAX_LEN,
                found: json.len(),
            });
        }
        let set: KeySet = serde_json::from_slice(json).map_err(|_| JwtError::MalformedKeySet)?;
        if set.keys.len() > Self::MAX_KEYS {
            return Err(JwtError::TooManyKeys {
                limit: Self::MAX_KEYS,
                found: set.keys.len(),
            });
        }
        let keys = set
            .keys
            .into_iter()
            .filter_map(NamedKey::from_json)
            .collect();
        Ok(Self { keys })
    }

    /// The set of one key called `key_id`.
    pub fn of(key_id: &str, key: &PublicKey) -> Self {
        Self {
            keys: vec![NamedKey {
                key_id: Some(key_id.to_owned()),
                algorithm: None,
                key: key.clone(),
            }],
        }
    }

    /// The same set with a key called `key_id` added.
    #[must_use]
    pub fn with(mut self, key_id: &str, key: &PublicKey) -> Self {
        self.keys.extend(Self::of(key_id, key).keys);
        self
    }

    /// How many keys can be used.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key can be used.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The set as JSON.
    pub fn to_json(&self) -> String {
        let keys: Vec<Value> = self.keys.iter().filter_map(NamedKey::to_json).collect();
        json!({ "keys": keys }).to_string()
    }

    /// The keys that may have signed a token whose header names `key_id` and `algorithm`.
    pub(super) fn candidates(&self, key_id: Option<&str>, algorithm: &str) -> Vec<&PublicKey> {
        self.keys
            .iter()
            .filter(|named| key_id.is_none() || named.key_id.as_deref() == key_id)
            .filter(|named| named.algorithm.as_deref().is_none_or(|a| a == algorithm))
            .map(|named| &named.key)
            .collect()
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct NamedKey {
    key_id: Option<String>,
    algorithm: Option<String>,
    key: PublicKey,
}

impl NamedKey {
    fn from_json(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let other_use = jwk.purpose.as_ref().is_some_and(|purpose| purpose != "sig");
        let other_operations = jwk
            .key_ops
            .as_ref()
            .is_some_and(|ops| !ops.contains("verify"));
        if other_use || other_operations {
            return None;
        }
        Some(Self {
            key: jwk.public_key()?,
            key_id: jwk.kid,
            algorithm: jwk.alg,
        })
    }

    fn to_json(&self) -> Option<Value> {
        let mut jwk = parameters(&self.key)?;
        let members = jwk.as_object_mut()?;
        members.insert("use".to_owned(), "sig".into());
        if let Some(key_id) = &self.key_id {
            members.insert("kid".to_owned(), key_id.as_str().into());
        }
        let algorithm = self
            .algorithm
            .as_deref()
            .or_else(|| Algorithm::of(self.key.kind()).map(Algorithm::name));
        if let Some(algorithm) = algorithm {
            members.insert("alg".to_owned(), algorithm.into());
        }
        Some(jwk)
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// The members of RFC 7517 section 4, RFC 7518 section 6 and RFC 8037 section 2 that matter here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<HashSet<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Jwk {
    fn public_key(&self) -> Option<PublicKey> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => PublicKey::from_rsa_components(&bytes(&self.n)?, &bytes(&self.e)?).ok(),
            ("OKP", Some("Ed25519")) => PublicKey::from_ed25519_bytes(&bytes(&self.x)?).ok(),
            ("EC", Some(name)) => {
                let (kind, _, len) = CURVES.into_iter().find(|(_, curve, _)| *curve == name)?;
                let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
                if x.len() != len || y.len() != len {
                    return None;
                }
                let point = [&[UNCOMPRESSED][..], x.as_slice(), y.as_slice()].concat();
                PublicKey::from_ec_point(kind, &point).ok()
            }
            _ => None,
        }
    }
}

/// The first byte of an uncompressed point (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// The name of a curve and the length of its coordinates.
const CURVES: [(KeyKind, &str, usize); 3] = [
    (KeyKind::P256, "P-256", 32),
    (KeyKind::P384, "P-384", 48),
    (KeyKind::P521, "P-521", 66),
];

fn bytes(base64: &Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(base64.as_deref()?).ok()
}

/// The members that say what the key is.
fn parameters(key: &PublicKey) -> Option<Value> {
    let base64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    if let Some((_, curve, len)) = CURVES.into_iter().find(|(kind, ..)| *kind == key.kind()) {
        let (x, y) = key.key_bytes().get(1..)?.split_at_checked(len)?;
        return Some(json!({ "kty": "EC", "crv": curve, "x": base64(x), "y": base64(y) }));
    }
    match key.rsa_components() {
        Some((n, e)) => Some(json!({ "kty": "RSA", "n": base64(n), "e": base64(e) })),
        None => Some(json!({ "kty": "OKP", "crv": "Ed25519", "x": base64(key.key_bytes()) })),
    }
}
