//! `intoto` 0.0.2 (Rekor v1): the digest of an envelope's payload, its signatures and their keys.

use super::{
    EntryError, LoggedDigest, LoggedEntry, LoggedKey, LoggedSignature, MAX_SIGNATURES,
    decode_inner, read_hex_digest,
};
use crate::proto_json::Message;

pub(super) fn read(mut spec: Message<'_>) -> Result<LoggedEntry, EntryError> {
    let mut content = spec.required_message("content")?;
    let digest = read_hex_digest(content.required_message("payloadHash")?)?;
    let mut envelope = content.required_message("envelope")?;
    let mut signatures = Vec::new();
    for mut signature in envelope.messages("signatures", MAX_SIGNATURES)? {
        // The envelope's base64 text was encoded once more.
        let path = signature.path("sig");
        let bytes = decode_inner(&signature.required_bytes("sig")?, path)?;
        let path = signature.path("publicKey");
        let key = LoggedKey::from_pem_bytes(&signature.required_bytes("publicKey")?, &path)?;
        signatures.push(LoggedSignature {
            signature: Some(bytes),
            key,
            details: None,
        });
    }
    Ok(LoggedEntry {
        digest: LoggedDigest::Payload(digest),
        signatures,
    })
}
