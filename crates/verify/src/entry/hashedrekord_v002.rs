//! `hashedrekord` 0.0.2 (Rekor v2): the digest of what was signed, the signature, the key and
//! how it signs. Envelopes are logged as this kind too, with the digest of their encoding.

use serde_json::{Value, json};
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::key::{KeyDetails, KeyError};

use super::{
    EntryError, LoggedDigest, LoggedEntry, LoggedKey, LoggedSignature, MAX_BODY_BYTES, dsse_v002,
    read_digest,
};
use crate::names;
use crate::proto_json::{self, JsonError, Message, base64};

const REQUEST: &str = "hashedRekordRequestV002";

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
    /// An envelope that is sent whole (`dsseRequestV002`, the form before envelopes were logged by their
    /// digest) is read as the request that would be sent for it now.
    ///
    /// # Errors
    /// [`EntryError`] for a malformed request or one with fields that are not known.
    pub fn parse_request(json: &[u8]) -> Result<Self, EntryError> {
        let mut message = proto_json::document(json, MAX_BODY_BYTES)?;
        let record = match message.one_of(&[REQUEST, dsse_v002::REQUEST])? {
            Some((REQUEST, request)) => Self::read_request(request)?,
            Some((_, request)) => dsse_v002::read_request(request)?,
            None => {
                return Err(EntryError::Json(JsonError::Missing {
                    path: REQUEST.to_owned(),
                }));
            }
        };
        if let Some(path) = message.finish_document().into_iter().next() {
            return Err(EntryError::UnknownField { path });
        }
        Ok(record)
    }

    fn read_request(mut request: Message<'_>) -> Result<Self, EntryError> {
        let digest = request.required_bytes("digest")?;
        let (signature, key, details) = read_signature(request.required_message("signature")?)?;
        request.finish();
        Ok(Self {
            digest: Digest::new(logged_hash(details)?, &digest)?,
            signature,
            key,
            details,
        })
    }

    /// Returns the body of a `POST /api/v2/log/entries`.
    pub fn to_request(&self) -> Vec<u8> {
        json!({
            REQUEST: {
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

/// Returns the algorithm of the digest that is logged: requests name none, it is the scheme's.
pub(super) fn logged_hash(details: KeyDetails) -> Result<HashAlgorithm, EntryError> {
    details.scheme().hash().ok_or_else(|| EntryError::NoDigest {
        details: details.name(),
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
