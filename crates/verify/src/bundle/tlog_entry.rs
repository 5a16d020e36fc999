use serde_json::{Value, json};

use super::{BundleError, MAX_BUNDLE_BYTES, MAX_PROOF_HASHES, read, rekor_v1};
use crate::proto_json::{self, Message, base64};

/// An entry of a transparency log, as bundles carry it and as Rekor v2 answers with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogEntry {
    /// The entry's index. For Rekor v1 it counts over all of the log's shards.
    pub log_index: u64,
    /// The id of the log's key.
    pub log_id: Vec<u8>,
    /// The kind of the body, such as `hashedrekord`.
    pub kind: String,
    /// The version of the kind, such as `0.0.2`.
    pub version: String,
    /// Seconds since the epoch; proves something only under the promise's signature.
    pub integrated_time: i64,
    /// The signed entry timestamp of Rekor v1.
    pub promise: Option<Vec<u8>>,
    /// The proof that the entry is in the log.
    pub proof: Option<InclusionProof>,
    /// The canonical JSON that was logged.
    pub body: Vec<u8>,
}

/// A Merkle inclusion proof under a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The leaf's index in its tree.
    pub log_index: u64,
    /// The root hash that the proof leads to.
    pub root_hash: [u8; 32],
    /// The size of the tree.
    pub tree_size: u64,
    /// Sibling hashes, from the leaf upwards.
    pub hashes: Vec<[u8; 32]>,
    /// The signed checkpoint (C2SP signed note); empty when there is none.
    pub checkpoint: String,
}

impl TlogEntry {
    /// Reads the JSON that Rekor v2 answers with.
    ///
    /// # Errors
    /// [`BundleError`] for the first rule that the document breaks.
    pub fn from_json(json: &[u8]) -> Result<Self, BundleError> {
        Self::read(proto_json::document(json, MAX_BUNDLE_BYTES)?)
    }

    /// Reads the JSON that Rekor v1 answers with: an object of one entry under its UUID.
    ///
    /// # Errors
    /// [`BundleError`] for the first rule that the document breaks.
    pub fn from_rekor_v1_json(json: &[u8]) -> Result<Self, BundleError> {
        rekor_v1::read(proto_json::document(json, MAX_BUNDLE_BYTES)?)
    }

    /// Returns the entry's JSON, every field present as Rekor v2 writes it.
    pub fn to_json(&self) -> Vec<u8> {
        self.to_value().to_string().into_bytes()
    }

    pub(super) fn read(mut message: Message<'_>) -> Result<Self, BundleError> {
        let log_index = message.count("logIndex")?;
        let log_id = nested_bytes(&mut message, "logId", "keyId")?.unwrap_or_default();
        let mut kind_version = message.required_message("kindVersion")?;
        let kind = kind_version.required_string("kind")?;
        let version = kind_version.required_string("version")?;
        kind_version.finish();
        let integrated_time = message.int64("integratedTime")?;
        let promise = nested_bytes(&mut message, "inclusionPromise", "signedEntryTimestamp")?;
        let proof = message
            .message("inclusionProof")?
            .map(InclusionProof::read)
            .transpose()?;
        let body = message.required_bytes("canonicalizedBody")?;
        message.finish();
        Ok(Self {
            log_index,
            log_id,
            kind,
            version,
            integrated_time,
            promise,
            proof,
            body,
        })
    }

    pub(super) fn to_value(&self) -> Value {
        json!({
            "logIndex": self.log_index.to_string(),
            "logId": { "keyId": base64(&self.log_id) },
            "kindVersion": { "kind": self.kind, "version": self.version },
            "integratedTime": self.integrated_time.to_string(),
            "inclusionPromise": self.promise.as_ref().map(|promise| {
                json!({ "signedEntryTimestamp": base64(promise) })
            }),
            "inclusionProof": self.proof.as_ref().map(InclusionProof::to_value),
            "canonicalizedBody": base64(&self.body),
        })
    }
}

impl InclusionProof {
    fn read(mut message: Message<'_>) -> Result<Self, BundleError> {
        let log_index = message.count("logIndex")?;
        let root_hash = message.bytes("rootHash")?;
        let root_hash = read::hash(|| message.path("rootHash"), &root_hash)?;
        let tree_size = message.count("treeSize")?;
        let hashes = message
            .byte_strings("hashes", MAX_PROOF_HASHES)?
            .iter()
            .map(|bytes| read::hash(|| message.path("hashes"), bytes))
            .collect::<Result<_, _>>()?;
        let checkpoint = match message.message("checkpoint")? {
            Some(mut checkpoint) => {
                let envelope = checkpoint.string("envelope")?;
                checkpoint.finish();
                envelope
            }
            None => String::new(),
        };
        message.finish();
        Ok(Self {
            log_index,
            root_hash,
            tree_size,
            hashes,
            checkpoint,
        })
    }

    fn to_value(&self) -> Value {
        let hashes: Vec<String> = self.hashes.iter().map(|hash| base64(hash)).collect();
        json!({
            "logIndex": self.log_index.to_string(),
            "rootHash": base64(&self.root_hash),
            "treeSize": self.tree_size.to_string(),
            "hashes": hashes,
            "checkpoint": { "envelope": self.checkpoint },
        })
    }
}

/// Takes the bytes inside a message that has nothing else; `None` when the message is absent.
fn nested_bytes(
    message: &mut Message<'_>,
    name: &str,
    field: &str,
) -> Result<Option<Vec<u8>>, BundleError> {
    let Some(mut nested) = message.message(name)? else {
        return Ok(None);
    };
    let bytes = nested.bytes(field)?;
    nested.finish();
    Ok(Some(bytes))
}
