//! Transparency logs of both generations: entries, promises, proofs, checkpoints.

use serde_json::{Map, Value, json};
use signhere_log::merkle::{Hash, leaf_hash, node_hash};
use signhere_pki::key::{KeyKind, PrivateKey, Signer as _};
use signhere_pki::time::Time;

use super::{EntryPlan, SIGNED_AT, Witness, base64, keys, note};

/// A log.
#[derive(Clone, Debug)]
pub struct Log {
    /// Its URL.
    pub base_url: String,
    /// Its key.
    pub key: PrivateKey,
    /// Whether it is of the second generation.
    pub is_v2: bool,
}

/// What a log does with an entry, before it does it.
#[derive(Clone, Debug)]
pub struct LogPlan {
    /// The id that the entry names the log by.
    pub log_id: Vec<u8>,
    /// The key that signs promise and checkpoint.
    pub signer: PrivateKey,
    /// The name of that key in the checkpoint.
    pub name: String,
    /// The first line of the checkpoint.
    pub origin: String,
    /// The entry's place in its tree.
    pub tree_index: u64,
    /// The size of that tree.
    pub tree_size: u64,
    /// The index that the entry states; for the first generation it counts over shards.
    pub index: u64,
    /// The log's time in seconds since the epoch; zero for none.
    pub integrated_time: i64,
    /// Whether it signs a promise.
    pub promises: bool,
    /// Whether it gives a proof.
    pub proves: bool,
    /// Who cosigns the checkpoint, before the log's own line and after it.
    pub witnesses: (Vec<Witness>, Vec<Witness>),
}

/// An entry as the log answers with it.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// The stated index.
    pub index: u64,
    /// The log's id.
    pub log_id: Vec<u8>,
    /// The declared kind.
    pub kind: String,
    /// The declared version.
    pub version: String,
    /// Seconds since the epoch.
    pub integrated_time: i64,
    /// The signed entry timestamp.
    pub promise: Option<Vec<u8>>,
    /// The inclusion proof.
    pub proof: Option<Proof>,
    /// What was logged.
    pub body: Vec<u8>,
}

/// An inclusion proof.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The entry's place in the tree.
    pub index: u64,
    /// The tree's size.
    pub size: u64,
    /// The tree's root.
    pub root: Vec<u8>,
    /// The siblings from the leaf upwards.
    pub hashes: Vec<Vec<u8>>,
    /// The signed checkpoint; `None` for none.
    pub checkpoint: Option<String>,
}

/// The shards before the current one of the first generation's log.
const SHARD_START: u64 = 4_163_431;
const TREE_ID: &str = "1193050959916656506";

impl Log {
    pub(super) fn rekor_v1() -> Self {
        Self {
            base_url: "https://rekor.forge.example".to_owned(),
            key: keys::fresh(KeyKind::P256),
            is_v2: false,
        }
    }

    pub(super) fn rekor_v2() -> Self {
        Self {
            base_url: "https://log2026-1.rekor.forge.example".to_owned(),
            key: keys::ed25519("rekor v2"),
            is_v2: true,
        }
    }

    /// The log's name: its URL without the scheme.
    pub fn name(&self) -> &str {
        self.base_url.trim_start_matches("https://")
    }

    /// The id that entries name the log by.
    pub fn id(&self) -> [u8; 32] {
        note::log_key_id(self.name(), &self.key)
    }

    pub(super) fn plan(&self, at: Time) -> LogPlan {
        let witness = |name| Witness::new(name, SIGNED_AT.unix().unsigned_abs());
        let (origin, index, time, witnesses) = if self.is_v2 {
            let witnesses = (
                vec![witness("witness.example/a")],
                vec![witness("witness.example/b")],
            );
            (self.name().to_owned(), 5, 0, witnesses)
        } else {
            let origin = format!("{} - {TREE_ID}", self.name());
            (origin, SHARD_START + 5, at.unix(), (vec![], vec![]))
        };
        LogPlan {
            log_id: self.id().to_vec(),
            signer: self.key.clone(),
            name: self.name().to_owned(),
            origin,
            tree_index: 5,
            tree_size: 11,
            index,
            integrated_time: time,
            promises: !self.is_v2,
            proves: true,
            witnesses,
        }
    }
}

impl LogPlan {
    pub(super) fn append(&self, entry: &EntryPlan) -> LogEntry {
        let body = entry.body_bytes();
        LogEntry {
            index: self.index,
            log_id: self.log_id.clone(),
            kind: entry.kind.clone(),
            version: entry.version.clone(),
            integrated_time: self.integrated_time,
            promise: self.promises.then(|| self.promise(&body)),
            proof: self.proves.then(|| self.proof(&body)),
            body,
        }
    }

    /// The canonical JSON (RFC 8785) of what Rekor v1 promises, signed.
    fn promise(&self, body: &[u8]) -> Vec<u8> {
        let message = format!(
            r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
            base64(body),
            self.integrated_time,
            hex::encode(&self.log_id),
            self.index,
        );
        self.signer.sign(message.as_bytes()).expect("a promise")
    }

    fn proof(&self, body: &[u8]) -> Proof {
        let leaves: Vec<Hash> = (0..self.tree_size)
            .map(|index| match index == self.tree_index {
                true => leaf_hash(body),
                false => leaf_hash(&index.to_be_bytes()),
            })
            .collect();
        let at = usize::try_from(self.tree_index).expect("a small tree");
        let root = tree_hash(&leaves);
        Proof {
            index: self.tree_index,
            size: self.tree_size,
            root: root.to_vec(),
            hashes: path(at, &leaves).iter().map(|hash| hash.to_vec()).collect(),
            checkpoint: Some(self.checkpoint(self.tree_size, &root)),
        }
    }

    /// A checkpoint of any tree, signed as planned.
    pub fn checkpoint(&self, size: u64, root: &[u8]) -> String {
        let text = note::text(&self.origin, size, root);
        let (before, after) = &self.witnesses;
        let lines = |witnesses: &[Witness]| -> String {
            witnesses
                .iter()
                .map(|witness| witness.line(&text))
                .collect()
        };
        let own = note::log_line(&self.name, &self.signer, &text);
        format!("{text}\n{}{own}{}", lines(before), lines(after))
    }
}

impl LogEntry {
    pub(super) fn to_value(&self) -> Value {
        let mut value = Map::new();
        let mut put = |name: &str, member: Value| value.insert(name.to_owned(), member);
        put("logIndex", self.index.to_string().into());
        put("logId", json!({ "keyId": base64(&self.log_id) }));
        put(
            "kindVersion",
            json!({ "kind": self.kind, "version": self.version }),
        );
        if self.integrated_time != 0 {
            put("integratedTime", self.integrated_time.to_string().into());
        }
        if let Some(promise) = &self.promise {
            put(
                "inclusionPromise",
                json!({ "signedEntryTimestamp": base64(promise) }),
            );
        }
        if let Some(proof) = &self.proof {
            put("inclusionProof", proof.to_value());
        }
        put("canonicalizedBody", base64(&self.body).into());
        Value::Object(value)
    }
}

impl Proof {
    fn to_value(&self) -> Value {
        let hashes: Vec<String> = self.hashes.iter().map(|hash| base64(hash)).collect();
        let mut value = json!({
            "hashes": hashes,
            "logIndex": self.index.to_string(),
            "rootHash": base64(&self.root),
            "treeSize": self.size.to_string(),
        });
        if let Some(checkpoint) = &self.checkpoint {
            value["checkpoint"] = json!({ "envelope": checkpoint });
        }
        value
    }
}

/// MTH of RFC 9162 section 2.1.1, as it is defined there.
fn tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [leaf] => *leaf,
        leaves => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&tree_hash(left), &tree_hash(right))
        }
    }
}

/// PATH of RFC 9162 section 2.1.3.1, as it is defined there.
fn path(at: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, sibling) = match at.checked_sub(left.len()) {
        None => (path(at, left), tree_hash(right)),
        Some(at) => (path(at, right), tree_hash(left)),
    };
    path.push(sibling);
    path
}

/// The largest power of two below `count`.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}
