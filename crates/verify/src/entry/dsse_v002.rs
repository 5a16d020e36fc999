//! `dsse` 0.0.2 (early Rekor v2): the digest of an envelope's payload, its signatures and keys.

use super::{
    EntryError, LoggedDigest, LoggedEntry, LoggedSignature, MAX_SIGNATURES, hashedrekord_v002,
    read_digest,
};
use crate::proto_json::Message;

pub(super) fn read(mut spec: Message<'_>) -> Result<LoggedEntry, EntryError> {
    let mut entry = spec.required_message("dsseV002")?;
    let digest = read_digest(entry.required_message("payloadHash")?)?;
    let mut signatures = Vec::new();
    for signature in entry.messages("signatures", MAX_SIGNATURES)? {
        let (bytes, key, details) = hashedrekord_v002::read_signature(signature)?;
        signatures.push(LoggedSignature {
            signature: Some(bytes),
            key,
            details: Some(details),
        });
    }
    Ok(LoggedEntry {
        digest: LoggedDigest::Payload(digest),
        signatures,
    })
}
