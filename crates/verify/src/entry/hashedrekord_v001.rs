//! `hashedrekord` 0.0.1 (Rekor v1): the digest of what was signed, the signature, the key.

use signhere_pki::digest::Digest;

use super::{EntryError, LoggedDigest, LoggedEntry, LoggedKey, LoggedSignature, read_hex_digest};
use crate::proto_json::{Message, base64};

/// Returns the request that has a signature logged; `verifier_pem` is a certificate or public key.
pub fn request(digest: &Digest, signature: &[u8], verifier_pem: &str) -> Vec<u8> {
    // Members stand in the order of their names, and no value holds anything to escape.
    format!(
        concat!(
            r#"{{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{{"data":{{"hash":{{"algorithm":"{algorithm}","#,
            r#""value":"{value}"}}}},"signature":{{"content":"{content}","publicKey":{{"content":"{key}"}}}}}}}}"#,
        ),
        algorithm = digest.algorithm().name(),
        value = digest.hex(),
        content = base64(signature),
        key = base64(verifier_pem.as_bytes()),
    )
    .into_bytes()
}

pub(super) fn read(mut spec: Message<'_>) -> Result<LoggedEntry, EntryError> {
    let mut data = spec.required_message("data")?;
    let digest = read_hex_digest(data.required_message("hash")?)?;
    let mut signature = spec.required_message("signature")?;
    let content = signature.required_bytes("content")?;
    let mut key = signature.required_message("publicKey")?;
    let path = key.path("content");
    let key = LoggedKey::from_pem_bytes(&key.required_bytes("content")?, &path)?;
    Ok(LoggedEntry {
        digest: LoggedDigest::Signed(digest),
        signatures: vec![LoggedSignature {
            signature: Some(content),
            key,
            details: None,
        }],
    })
}
