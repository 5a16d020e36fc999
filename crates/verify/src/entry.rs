//! What transparency logs hold about a signature, one file a kind and version.

pub mod dsse_v001;
pub mod dsse_v002;
pub mod hashedrekord_v001;
pub mod hashedrekord_v002;
pub mod intoto_v001;
pub mod intoto_v002;

mod error;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signhere_pki::cert::Certificate;
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::key::{KeyDetails, PublicKey};
use signhere_pki::pem;

use crate::excerpt::excerpt;
use crate::proto_json::{self, JsonError, Message};

pub use error::EntryError;

/// The largest entry body that is read, in bytes.
const MAX_BODY_BYTES: usize = 16 << 20;
/// The most signatures in one entry.
const MAX_SIGNATURES: usize = 16;

/// An entry's body, whatever its kind: what it says was signed, by whom.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEntry {
    /// The digest that was logged.
    pub digest: LoggedDigest,
    /// The signatures that were logged with their keys.
    pub signatures: Vec<LoggedSignature>,
}

/// What an entry's digest is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedDigest {
    /// The bytes that were signed: an artifact, or the encoding of an envelope.
    Signed(Digest),
    /// The payload of an envelope.
    Payload(Digest),
    /// An envelope's JSON, signatures included.
    Envelope(Digest),
}

/// One signature in an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedSignature {
    /// The signature; `None` where the kind leaves it to the envelope's digest.
    pub signature: Option<Vec<u8>>,
    /// The key that made it.
    pub key: LoggedKey,
    /// How it was made, where the kind says so.
    pub details: Option<KeyDetails>,
}

/// A key in an entry.
#[derive(Clone, Debug, PartialEq)]
pub enum LoggedKey {
    /// A certificate, DER.
    Certificate(Vec<u8>),
    /// A bare public key.
    PublicKey(PublicKey),
}

/// Which generation of log an entry is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Rekor v1: signs a promise with a time, counts over shards.
    V1,
    /// Rekor v2: proof and checkpoint alone, no time.
    V2,
}

impl LoggedEntry {
    /// Reads a body as the kind and version that its entry declares.
    ///
    /// # Errors
    /// [`EntryError`] when the kind is not supported, the body is of another one or malformed.
    pub fn parse(kind: &str, version: &str, body: &[u8]) -> Result<(Self, Generation), EntryError> {
        let read: fn(Message<'_>) -> Result<Self, EntryError> = match (kind, version) {
            ("hashedrekord", "0.0.1") => hashedrekord_v001::read,
            ("hashedrekord", "0.0.2") => hashedrekord_v002::read,
            ("dsse", "0.0.1") => dsse_v001::read,
            ("dsse", "0.0.2") => dsse_v002::read,
            ("intoto", "0.0.1") => intoto_v001::read,
            ("intoto", "0.0.2") => intoto_v002::read,
            _ => {
                return Err(EntryError::Unsupported {
                    kind: excerpt(kind),
                    version: excerpt(version),
                });
            }
        };
        let generation = match (kind, version) {
            ("hashedrekord" | "dsse", "0.0.2") => Generation::V2,
            _ => Generation::V1,
        };
        Ok((read(spec(kind, version, body)?)?, generation))
    }
}

impl LoggedKey {
    /// Returns the key, from the certificate where there is one.
    ///
    /// # Errors
    /// [`EntryError`] when the certificate or its key cannot be read.
    pub fn public_key(&self) -> Result<PublicKey, EntryError> {
        match self {
            Self::Certificate(der) => Ok(Certificate::from_der(der)?.public_key()?),
            Self::PublicKey(key) => Ok(key.clone()),
        }
    }

    /// Reads the PEM of a certificate or public key, itself in base64, as Rekor v1 logs it.
    fn from_pem_bytes(pem: &[u8], path: &str) -> Result<Self, EntryError> {
        let text = std::str::from_utf8(pem).map_err(|_| JsonError::Value {
            path: path.to_owned(),
            expected: "PEM",
        })?;
        let block = pem::only_block(text)?;
        if block.label == "CERTIFICATE" {
            return Ok(Self::Certificate(block.contents.to_vec()));
        }
        Ok(Self::PublicKey(PublicKey::from_pem(text)?))
    }

    /// Reads the `verifier` of Rekor v2: `x509Certificate` or `publicKey`, and `keyDetails`.
    fn read_verifier(mut message: Message<'_>) -> Result<(Self, KeyDetails), EntryError> {
        let details = message.key_details("keyDetails")??;
        let path = message.path("x509Certificate");
        let Some((member, mut key)) = message.one_of(&["x509Certificate", "publicKey"])? else {
            return Err(JsonError::Missing { path }.into());
        };
        let raw = key.required_bytes("rawBytes")?;
        key.finish();
        message.finish();
        let key = if member == "publicKey" {
            Self::PublicKey(details.read_key(&raw)?)
        } else {
            Self::Certificate(raw)
        };
        Ok((key, details))
    }
}

/// Opens a body and returns its `spec`, once kind and version are those declared.
fn spec<'a>(kind: &str, version: &str, body: &'a [u8]) -> Result<Message<'a>, EntryError> {
    let mut message = proto_json::document(body, MAX_BODY_BYTES)?;
    let found = (message.string("kind")?, message.string("apiVersion")?);
    if found != (kind.to_owned(), version.to_owned()) {
        return Err(EntryError::KindMismatch {
            expected: format!("{kind} {version}"),
            found: excerpt(&format!("{} {}", found.0, found.1)),
        });
    }
    Ok(message.required_message("spec")?)
}

/// Reads `{algorithm, value}` with a hexadecimal value, as Rekor v1 writes digests.
fn read_hex_digest(mut message: Message<'_>) -> Result<Digest, EntryError> {
    let name = message.required_string("algorithm")?;
    let value = message.required_string("value")?;
    message.finish();
    let Some(algorithm) = HashAlgorithm::from_name(&name) else {
        return Err(EntryError::DigestAlgorithm {
            found: excerpt(&name),
        });
    };
    Ok(Digest::from_hex(algorithm, &value)?)
}

/// Reads `{algorithm, digest}`, as Rekor v2 writes digests.
fn read_digest(mut message: Message<'_>) -> Result<Digest, EntryError> {
    let name = message.enumeration("algorithm", &crate::names::HASH_ALGORITHMS)?;
    let value = message.bytes("digest")?;
    message.finish();
    let Some(algorithm) = crate::names::hash_algorithm(&name) else {
        return Err(EntryError::DigestAlgorithm {
            found: excerpt(&name),
        });
    };
    Ok(Digest::new(algorithm, &value)?)
}

/// Decodes standard base64 that was itself the content of a base64 field.
fn decode_inner(bytes: &[u8], path: String) -> Result<Vec<u8>, EntryError> {
    STANDARD.decode(bytes).map_err(|_| {
        EntryError::Json(JsonError::Value {
            path,
            expected: "base64",
        })
    })
}
