//! `hashedrekord` 0.0.2 (Rekor v2): the digest of what was signed, the signature, the key and
//! how it signs. Envelopes are logged as this kind too, with the digest of their encoding.

use serde_json::{Value, json};
use signhere_pki::digest::Digest;
use signhere_pki::key::{KeyDetails, KeyError};

use super::{
    EntryError, LoggedDigest, LoggedEntry, LoggedKey, LoggedSignature, MAX_BODY_BYTES, read_digest,
};
use crate::names;
use crate::proto_json::{self, Message, base64};

/// What a client asks a log to hold, and what the log then holds.
#[derive(Clone, Debug, PartialEq)]
pub struct HashedRekord {
    /// The digest of what was signed.
    pub digest: Digest,
    /// The signature.
    pub signature: Vec<u8>,
    /// The key that made it.
    pub key: LoggedKey,
    /// How the key signs.
    pub details: KeyDetails,
}

impl HashedRekord {
    /// Reads the body of a `POST /api/v2/log/entries`.
    ///
    /// # Errors
    /// [`EntryError`] for a malformed request or one with fields that are not known.
    pub fn parse_request(json: &[u8]) -> Result<Self, EntryError> {
        let mut message = proto_json::document(json, MAX_BODY_BYTES)?;
        let mut request = message.required_message("hashedRekordRequestV002")?;
        let digest = request.required_bytes("digest")?;
        let (signature, key, details) = read_signature(request.required_message("signature")?)?;
        request.finish();
        if let Some(path) = message.finish_document().into_iter().next() {
            return Err(EntryError::UnknownField { path });
        }
        // The request names no algorithm: it is the scheme's.
        let Some(algorithm) = details.scheme().hash() else {
            return Err(EntryError::NoDigest {
                details: details.name(),
            });
        };
        Ok(Self {
            digest: Digest::new(algorithm, &digest)?,
            signature,
            key,
            details,
        })
    }

    /// Returns the body of a `POST /api/v2/log/entries`.
    pub fn to_request(&self) -> Vec<u8> {
        json!({
            "hashedRekordRequestV002": {
                "digest": base64(self.digest.as_bytes()),
                "signature": self.signature_value(),
            }
        })
        .to_string()
        .into_bytes()
    }

    /// Returns the entry as the log holds it: canonical JSON (RFC 8785).
    pub fn canonical_body(&self) -> Vec<u8> {
        // Members stand in the order of their names, and no value holds anything to escape.
        let (member, raw) = self.raw_key();
        format!(
            concat!(
                r#"{{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{{"hashedRekordV002":"#,
                r#"{{"data":{{"algorithm":"{algorithm}","digest":"{digest}"}},"#,
                r#""signature":{{"content":"{content}","verifier":{{"keyDetails":"{details}","#,
                r#""{member}":{{"rawBytes":"{raw}"}}}}}}}}}}}}"#,
            ),
            algorithm = names::hash_name(self.digest.algorithm()),
            digest = base64(self.digest.as_bytes()),
            content = base64(&self.signature),
            details = self.details.name(),
            member = member,
            raw = base64(raw),
        )
        .into_bytes()
    }

    /// Checks that the key is what its details say and that it made the signature.
    ///
    /// # Errors
    /// [`EntryError::Key`] or [`EntryError::Certificate`] with the reason.
    pub fn verify_signature(&self) -> Result<(), EntryError> {
        let key = self.key.public_key()?;
        if !self.details.admits(key.kind()) {
            return Err(EntryError::Key(KeyError::KindMismatch {
                expected: self.details,
                found: key.kind(),
            }));
        }
        Ok(key.verify_digest(self.details.scheme(), &self.digest, &self.signature)?)
    }

    fn signature_value(&self) -> Value {
        let (member, raw) = self.raw_key();
        let mut verifier = json!({ "keyDetails": self.details.name() });
        verifier[member] = json!({ "rawBytes": base64(raw) });
        json!({ "content": base64(&self.signature), "verifier": verifier })
    }

    fn raw_key(&self) -> (&'static str, &[u8]) {
        match &self.key {
            LoggedKey::Certificate(der) => ("x509Certificate", der),
            LoggedKey::PublicKey(key) => ("publicKey", key.spki_der()),
        }
    }
}

pub(super) fn read(mut spec: Message<'_>) -> Result<LoggedEntry, EntryError> {
    let mut entry = spec.required_message("hashedRekordV002")?;
    let digest = read_digest(entry.required_message("data")?)?;
    let (signature, key, details) = read_signature(entry.required_message("signature")?)?;
    Ok(LoggedEntry {
        digest: LoggedDigest::Signed(digest),
        signatures: vec![LoggedSignature {
            signature: Some(signature),
            key,
            details: Some(details),
        }],
    })
}

/// Reads `{content, verifier}`.
pub(super) fn read_signature(
    mut message: Message<'_>,
) -> Result<(Vec<u8>, LoggedKey, KeyDetails), EntryError> {
    let content = message.required_bytes("content")?;
    let (key, details) = LoggedKey::read_verifier(message.required_message("verifier")?)?;
    message.finish();
    Ok((content, key, details))
}
