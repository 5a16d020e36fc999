use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};
use signhere_pki::digest::sha256;
use signhere_pki::key::{KeyKind, PublicKey, Scheme};

use super::object::Object;
use super::{TufError, canonical};
use crate::proto_json::{self, JsonError};

/// The most keys in one document.
pub(super) const MAX_KEYS: usize = 1024;
/// The most bytes of a key's description.
const MAX_KEY_BYTES: usize = 16 * 1024;

/// The name that a document knows a key by, usually the SHA-256 of its description.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(super) String);

/// A public key as TUF describes it.
///
/// A key of a type or scheme that is not known here is kept, and verifies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    keytype: String,
    scheme: String,
    /// Hexadecimal for Ed25519, PEM for others; empty for what is not known.
    value: String,
    public: Option<(PublicKey, Scheme)>,
}

/// The keys of a document, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(BTreeMap<KeyId, Key>);

impl KeyId {
    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Key {
    /// The description of a key that signs with `scheme`.
    ///
    /// # Errors
    /// [`TufError::UnsupportedKey`] when TUF has no name for that.
    pub fn new(key: &PublicKey, scheme: Scheme) -> Result<Self, TufError> {
        let unsupported = || TufError::UnsupportedKey {
            kind: key.kind(),
            scheme,
        };
        if !scheme.fits(key.kind()) {
            return Err(unsupported());
        }
        let (_, keytype, name) = NAMES
            .into_iter()
            .find(|(known, _, _)| *known == scheme)
            .ok_or_else(unsupported)?;
        let value = match key.kind() {
            KeyKind::Ed25519 => hex::encode(key.key_bytes()),
            _ => key.to_pem(),
        };
        Ok(Self {
            keytype: keytype.to_owned(),
            scheme: name.to_owned(),
            value,
            public: Some((key.clone(), scheme)),
        })
    }

    /// The key and its scheme; none when they are not known here.
    pub fn public(&self) -> Option<(&PublicKey, Scheme)> {
        self.public.as_ref().map(|(key, scheme)| (key, *scheme))
    }

    /// What kind of key the document says it is: `ecdsa`.
    pub fn keytype(&self) -> &str {
        &self.keytype
    }

    /// How the document says it signs: `ecdsa-sha2-nistp256`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The id: the SHA-256 of the canonical description, in hexadecimal.
    ///
    /// # Errors
    /// [`TufError::Json`] for a description that is too long.
    pub fn id(&self) -> Result<KeyId, TufError> {
        let json = self.to_value().to_string();
        let node = proto_json::value(json.as_bytes(), MAX_KEY_BYTES)?;
        Ok(KeyId(hex::encode(sha256(&canonical::encode(&node)?))))
    }

    fn read(object: &Object<'_>) -> Result<Self, JsonError> {
        let keytype = object.string("keytype")?.to_owned();
        let scheme = object.string("scheme")?.to_owned();
        let value = object.object("keyval")?;
        let value = value.string("public").unwrap_or_default().to_owned();
        let public = read_public(&keytype, &scheme, &value);
        Ok(Self {
            keytype,
            scheme,
            value,
            public,
        })
    }

    fn to_value(&self) -> Value {
        json!({
            "keytype": self.keytype,
            "scheme": self.scheme,
            "keyval": { "public": self.value },
        })
    }
}

impl Keys {
    /// The key with this id.
    pub fn key(&self, id: &KeyId) -> Option<&Key> {
        self.0.get(id)
    }

    /// All keys with their ids, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = (&KeyId, &Key)> {
        self.0.iter()
    }

    /// The id that these keys know `key` by.
    pub fn id_of(&self, key: &PublicKey) -> Option<&KeyId> {
        let mut known = self.0.iter();
        known
            .find(|(_, known)| known.public().is_some_and(|(public, _)| public == key))
            .map(|(id, _)| id)
    }

    /// Adds a key under its own id, which is returned.
    ///
    /// # Errors
    /// As [`Key::id`].
    pub fn insert(&mut self, key: Key) -> Result<KeyId, TufError> {
        if let Some(known) = key.public().and_then(|(public, _)| self.id_of(public)) {
            return Ok(known.clone());
        }
        let id = key.id()?;
        self.0.insert(id.clone(), key);
        Ok(id)
    }

    /// Leaves out the keys that `is_used` does not want.
    pub fn retain(&mut self, is_used: impl Fn(&KeyId) -> bool) {
        self.0.retain(|id, _| is_used(id));
    }

    pub(super) fn read(object: &Object<'_>) -> Result<Self, JsonError> {
        let mut keys = BTreeMap::new();
        for member in object.objects(MAX_KEYS)? {
            let (id, key) = member?;
            keys.insert(KeyId(id.to_owned()), Key::read(&key)?);
        }
        Ok(Self(keys))
    }

    pub(super) fn to_value(&self) -> Value {
        let members = self.0.iter();
        Value::Object(
            members
                .map(|(id, key)| (id.0.clone(), key.to_value()))
                .collect(),
        )
    }
}

/// What TUF calls each scheme, and the keys that use it.
const NAMES: [(Scheme, &str, &str); 10] = [
    (Scheme::Ed25519, "ed25519", "ed25519"),
    (Scheme::EcdsaP256Sha256, "ecdsa", "ecdsa-sha2-nistp256"),
    (Scheme::EcdsaP384Sha384, "ecdsa", "ecdsa-sha2-nistp384"),
    (Scheme::EcdsaP521Sha512, "ecdsa", "ecdsa-sha2-nistp521"),
    (Scheme::RsaPssSha256, "rsa", "rsassa-pss-sha256"),
    (Scheme::RsaPssSha384, "rsa", "rsassa-pss-sha384"),
    (Scheme::RsaPssSha512, "rsa", "rsassa-pss-sha512"),
    (Scheme::RsaPkcs1Sha256, "rsa", "rsa-pkcs1v15-sha256"),
    (Scheme::RsaPkcs1Sha384, "rsa", "rsa-pkcs1v15-sha384"),
    (Scheme::RsaPkcs1Sha512, "rsa", "rsa-pkcs1v15-sha512"),
];

/// The key that a description names, unless it is of a kind that is not known or malformed.
fn read_public(keytype: &str, scheme: &str, value: &str) -> Option<(PublicKey, Scheme)> {
    let (found, family, _) = NAMES.into_iter().find(|(_, _, name)| *name == scheme)?;
    // Older documents put the scheme's name where the key's type belongs.
    if keytype != family && !(family == "ecdsa" && keytype == scheme) {
        return None;
    }
    let key = match found {
        Scheme::Ed25519 => {
            let bytes = hex::decode(value).ok()?;
            PublicKey::from_ed25519_bytes(&bytes)
        }
        _ => PublicKey::from_pem(value),
    };
    let key = key.ok().filter(|key| found.fits(key.kind()))?;
    Some((key, found))
}
