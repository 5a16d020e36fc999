//! `dsse` 0.0.1 (Rekor v1): the digest of an envelope's payload, its signatures and their keys.

use serde_json::json;

use super::{
    EntryError, LoggedDigest, LoggedEntry, LoggedKey, LoggedSignature, MAX_SIGNATURES,
    read_hex_digest,
};
use crate::dsse::Envelope;
use crate::proto_json::{Message, base64};

/// Returns the request that has an envelope logged; `verifier_pem` is a certificate or public key.
pub fn request(envelope: &Envelope, verifier_pem: &str) -> Vec<u8> {
    json!({
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "proposedContent": {
                "envelope": envelope.to_json(),
                "verifiers": [base64(verifier_pem.as_bytes())],
            },
        },
    })
    .to_string()
    .into_bytes()
}

pub(super) fn read(mut spec: Message<'_>) -> Result<LoggedEntry, EntryError> {
    let digest = read_hex_digest(spec.required_message("payloadHash")?)?;
    let mut signatures = Vec::new();
    for mut signature in spec.messages("signatures", MAX_SIGNATURES)? {
        let bytes = signature.required_bytes("signature")?;
        let path = signature.path("verifier");
        let key = LoggedKey::from_pem_bytes(&signature.required_bytes("verifier")?, &path)?;
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
