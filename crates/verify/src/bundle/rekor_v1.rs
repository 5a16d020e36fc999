use super::{BundleError, InclusionProof, MAX_PROOF_HASHES, TlogEntry, read};
use crate::proto_json::{self, JsonError, Message};

/// Reads the answer of `POST /api/v1/log/entries`, whose hashes are hexadecimal.
pub(super) fn read(message: Message<'_>) -> Result<TlogEntry, BundleError> {
    let mut entry = message.only_member()?;
    let body = entry.required_bytes("body")?;
    let integrated_time = entry.int64("integratedTime")?;
    let log_id = hex(&mut entry, "logID")?;
    let log_index = entry.count("logIndex")?;
    let mut verification = entry.required_message("verification")?;
    let promise = verification.required_bytes("signedEntryTimestamp")?;
    let proof = verification
        .message("inclusionProof")?
        .map(proof)
        .transpose()?;
    let (kind, version) = kind(&body)?;
    Ok(TlogEntry {
        log_index,
        log_id,
        kind,
        version,
        integrated_time,
        promise: Some(promise),
        proof,
        body,
    })
}

fn proof(mut message: Message<'_>) -> Result<InclusionProof, BundleError> {
    let root_hash = hex(&mut message, "rootHash")?;
    let root_hash = read::hash(|| message.path("rootHash"), &root_hash)?;
    let mut hashes = Vec::new();
    for text in message.strings("hashes", MAX_PROOF_HASHES)? {
        let bytes = hex::decode(&text).map_err(|_| invalid(&message, "hashes"))?;
        hashes.push(read::hash(|| message.path("hashes"), &bytes)?);
    }
    Ok(InclusionProof {
        log_index: message.count("logIndex")?,
        root_hash,
        tree_size: message.count("treeSize")?,
        hashes,
        checkpoint: message.string("checkpoint")?,
    })
}

/// The answer names the kind only inside the body.
fn kind(body: &[u8]) -> Result<(String, String), BundleError> {
    let mut message = proto_json::document(body, super::MAX_BUNDLE_BYTES)?;
    Ok((
        message.required_string("kind")?,
        message.required_string("apiVersion")?,
    ))
}

fn hex(message: &mut Message<'_>, name: &str) -> Result<Vec<u8>, BundleError> {
    hex::decode(message.required_string(name)?).map_err(|_| invalid(message, name))
}

fn invalid(message: &Message<'_>, name: &str) -> BundleError {
    BundleError::Json(JsonError::Value {
        path: message.path(name),
        expected: "hexadecimal",
    })
}
