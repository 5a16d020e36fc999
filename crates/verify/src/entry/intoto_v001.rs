//! `intoto` 0.0.1 (Rekor v1): the digest of a whole envelope's JSON, and one key.

use super::{EntryError, LoggedDigest, LoggedEntry, LoggedKey, LoggedSignature, read_hex_digest};
use crate::proto_json::Message;

pub(super) fn read(mut spec: Message<'_>) -> Result<LoggedEntry, EntryError> {
    let mut content = spec.required_message("content")?;
    let digest = read_hex_digest(content.required_message("hash")?)?;
    let path = spec.path("publicKey");
    let key = LoggedKey::from_pem_bytes(&spec.required_bytes("publicKey")?, &path)?;
    Ok(LoggedEntry {
        digest: LoggedDigest::Envelope(digest),
        signatures: vec![LoggedSignature {
            signature: None,
            key,
            details: None,
        }],
    })
}
