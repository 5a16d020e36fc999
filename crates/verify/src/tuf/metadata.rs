use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use signhere_pki::key::{PublicKey, Signer};
use signhere_pki::time::Time;

use super::object::Object;
use super::{Authority, Header, Key, KeyId, Keys, TufError, canonical};
use crate::excerpt::excerpt;
use crate::proto_json::{self, JsonError};

/// The most signatures on one document.
const MAX_SIGNATURES: usize = 1024;
/// The longest signature, in bytes.
const MAX_SIGNATURE: usize = 16 * 1024;

/// A document, what its signatures are over, and the bytes it came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata<T> {
    signed: T,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
    bytes: Vec<u8>,
}

/// A signature on a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key that is said to have made it.
    pub key_id: KeyId,
    /// The signature; empty where the key has not signed yet.
    pub value: Vec<u8>,
}

/// A role's document: [`super::Root`], [`super::Timestamp`], [`super::Snapshot`] or [`super::Targets`].
pub trait Role: Document {
    /// The document's `_type`.
    const TYPE: &'static str;
    /// The most bytes of such a document.
    const MAX_BYTES: usize;

    /// Version and expiry.
    fn header(&self) -> Header;
}

/// What only the documents here can do.
pub trait Document: Sized {
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "nobody else implements or calls it")]
    fn read(object: &Object<'_>) -> Result<Self, TufError>;
    #[doc(hidden)]
    fn to_value(&self) -> Value;
}

impl<T: Role> Metadata<T> {
    /// Reads a document. Its signatures are not checked: see [`Self::verify`].
    ///
    /// # Errors
    /// [`TufError`] for the first rule that the document breaks.
    pub fn parse(bytes: &[u8]) -> Result<Self, TufError> {
        let node = proto_json::value(bytes, T::MAX_BYTES)?;
        let envelope = Object::new(&node, "")?;
        let signed = envelope.object("signed")?;
        let found = signed.string("_type")?;
        if found != T::TYPE {
            return Err(TufError::Type {
                expected: T::TYPE,
                found: excerpt(found),
            });
        }
        Ok(Self {
            signed: T::read(&signed)?,
            payload: canonical::encode(envelope.required("signed")?)?,
            signatures: read_signatures(&envelope)?,
            bytes: bytes.to_vec(),
        })
    }

    /// The document that says `signed`, without any signature.
    ///
    /// # Errors
    /// [`TufError`] when it cannot be read back: too large, or a rule broken.
    pub fn unsigned(signed: T) -> Result<Self, TufError> {
        Self::parse(&envelope(&[], &pretty(&signed.to_value())))
    }

    /// Adds the signature of `signer`, under the id that `keys` know its key by or its usual one.
    ///
    /// A signature of the same key is replaced. What is signed stays as it is, byte for byte.
    ///
    /// # Errors
    /// [`TufError::Sign`], [`TufError::UnsupportedKey`].
    pub fn sign(&mut self, signer: &dyn Signer, keys: &Keys) -> Result<(), TufError> {
        let key = Key::new(signer.public_key(), signer.scheme())?;
        let known = keys.id_of(signer.public_key()).cloned();
        let key_id = match known {
            Some(id) => id,
            None => key.id()?,
        };
        let value = signer.sign(&self.payload).map_err(TufError::Sign)?;
        self.signatures
            .retain(|signature| signature.key_id != key_id);
        self.signatures.push(Signature { key_id, value });

        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow)]
            signed: &'a RawValue,
        }
        let text = serde_json::from_slice::<Envelope<'_>>(&self.bytes).map_err(|error| {
            JsonError::Syntax {
                line: error.line(),
                column: error.column(),
            }
        })?;
        self.bytes = envelope(&self.signatures, text.signed.get());
        Ok(())
    }

    /// Checks that enough distinct keys of the role signed the document.
    ///
    /// A key that is listed under two ids counts once; signatures of others count for nothing.
    ///
    /// # Errors
    /// [`TufError::Threshold`].
    pub fn verify(&self, authority: &Authority<'_>) -> Result<(), TufError> {
        let found = self.signed_by(authority).len();
        let expected = authority.role_keys.threshold();
        if usize::try_from(expected).is_ok_and(|expected| found >= expected) {
            return Ok(());
        }
        Err(TufError::Threshold {
            role: excerpt(authority.role),
            expected,
            found,
        })
    }

    /// The distinct keys of the role whose signatures verify.
    pub fn signed_by<'a>(&self, authority: &Authority<'a>) -> Vec<&'a PublicKey> {
        let role_keys = authority.role_keys.key_ids();
        let mut good = Vec::new();
        for signature in &self.signatures {
            if !role_keys.contains(&signature.key_id) {
                continue;
            }
            let key = authority.keys.key(&signature.key_id);
            let Some((key, scheme)) = key.and_then(Key::public) else {
                continue;
            };
            if !good.contains(&key) && key.verify(scheme, &self.payload, &signature.value).is_ok() {
                good.push(key);
            }
        }
        good
    }

    /// Checks that the document has the version that was announced.
    ///
    /// # Errors
    /// [`TufError::Version`].
    pub fn check_version(&self, expected: u64) -> Result<(), TufError> {
        let found = self.version();
        if found != expected {
            return Err(TufError::Version {
                role: T::TYPE.to_owned(),
                expected,
                found,
            });
        }
        Ok(())
    }

    /// Checks that the document may still be believed at `now`.
    ///
    /// # Errors
    /// [`TufError::Expired`].
    pub fn check_expiry(&self, now: Time) -> Result<(), TufError> {
        let header = self.signed.header();
        if header.is_expired(now) {
            return Err(TufError::Expired {
                role: T::TYPE.to_owned(),
                expires: header.expires,
            });
        }
        Ok(())
    }

    /// The document's version.
    pub fn version(&self) -> u64 {
        self.signed.header().version
    }

    /// When the document expires.
    pub fn expires(&self) -> Time {
        self.signed.header().expires
    }

    /// What the document says.
    pub fn signed(&self) -> &T {
        &self.signed
    }

    /// The signatures, as they stand.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// What signatures are over: the canonical JSON of the signed part.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The document as it was read or made; to be stored and sent as it is.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn read_signatures(envelope: &Object<'_>) -> Result<Vec<Signature>, TufError> {
    let mut signatures: Vec<Signature> = Vec::new();
    let mut seen = HashSet::new();
    for object in envelope.object_list("signatures", MAX_SIGNATURES)? {
        let id = object.string("keyid")?;
        if !seen.insert(id) {
            return Err(TufError::DuplicateSignature { id: excerpt(id) });
        }
        let hex = object.string("sig")?;
        let value = hex::decode(hex)
            .ok()
            .filter(|value| value.len() <= MAX_SIGNATURE)
            .ok_or_else(|| object.invalid("sig", "a hexadecimal signature"))?;
        signatures.push(Signature {
            key_id: KeyId(id.to_owned()),
            value,
        });
    }
    Ok(signatures)
}

/// The signed part stands in the text as it is given.
fn envelope(signatures: &[Signature], signed: &str) -> Vec<u8> {
    let signatures: Vec<Value> = signatures
        .iter()
        .map(|signature| {
            serde_json::json!({
                "keyid": signature.key_id.as_str(),
                "sig": hex::encode(&signature.value),
            })
        })
        .collect();
    let signatures = pretty(&Value::Array(signatures));
    format!("{{\n\"signatures\": {signatures},\n\"signed\": {signed}\n}}\n").into_bytes()
}

/// A value as people read it.
fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
