//! Log entries of signatures that were made online: judged as a log of the first generation hands them out, and returned
//! as bundles that prove them offline from then on.
//!
//! Who asks the log is no matter of this crate, and neither the log nor its index is believed: each entry must be of the
//! object's own certificate, about the object, and in the log, before it counts.

use std::collections::BTreeMap;

use signhere_log::merkle::leaf_hash;
use signhere_verify::bundle::{Bundle, TlogEntry};

use crate::proof::{LogProof, NoProof, Prove, Wanted};

/// The search for the entry of one object's signature.
#[derive(Clone, Debug)]
pub struct Rescue {
    wanted: Wanted,
    /// What is of something else: the hash of its leaf, and why.
    others: BTreeMap<String, NoProof>,
}

/// An entry that was found and proven.
#[derive(Clone, Debug)]
pub struct Rescued {
    /// The bundle to keep.
    pub bundle: Bundle,
    /// What of it was proven.
    pub proof: LogProof,
}

/// Why an object has no entry.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RescueError {
    /// The log has nothing under any of the digests, nor of the certificate.
    #[error("the log's index knows nothing of this signature")]
    NotFound,
    /// There are entries, and none of them is of this signature.
    #[error("{}", other_entries(.found))]
    Others {
        /// Each entry by the hash of its leaf, and why it is not.
        found: BTreeMap<String, NoProof>,
    },
}

impl Rescue {
    /// Begins the search. The index is to be asked for one digest of `wanted` after the other and then for its
    /// certificate: under that there may be the same entry, which then is in the index by half, or one that tells why there
    /// is none.
    pub fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            others: BTreeMap::new(),
        }
    }

    /// The object, and what may have been logged for it.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Tells whether the entry with this hash of its leaf, in hexadecimal, was judged already.
    pub fn knows(&self, leaf: &str) -> bool {
        self.others.contains_key(leaf)
    }

    /// Takes an entry that the log has handed out; it is found if that is the one.
    pub fn take(&mut self, prover: &dyn Prove, entry: TlogEntry) -> Option<Rescued> {
        // By what it is: an answer need not hold what was asked for.
        let leaf = hex::encode(leaf_hash(&entry.body));
        match self.judge(prover, entry) {
            Ok(rescued) => Some(rescued),
            Err(reason) => {
                self.others.insert(leaf, reason);
                None
            }
        }
    }

    /// Takes note of an entry that cannot be read, by the name that it was asked for.
    pub fn pass(&mut self, leaf: &str, detail: String) {
        let reason = NoProof::Unreadable { detail };
        self.others.insert(leaf.to_owned(), reason);
    }

    /// Ends the search without success.
    pub fn end(self) -> RescueError {
        match self.others.is_empty() {
            true => RescueError::NotFound,
            false => RescueError::Others { found: self.others },
        }
    }

    fn judge(&self, prover: &dyn Prove, entry: TlogEntry) -> Result<Rescued, NoProof> {
        let bundle = self.wanted.bundle(entry)?;
        // As it will be read from the note, and not as it is in memory.
        let bundle = Bundle::parse(&bundle.to_json()).map_err(|_| NoProof::Kind)?;
        let proof = self.wanted.prove(prover, &bundle)?;
        Ok(Rescued { bundle, proof })
    }
}

fn other_entries(found: &BTreeMap<String, NoProof>) -> String {
    let count = found.len();
    let mut text = format!("the log has {count} entries, and none is of this signature");
    if let Some((id, reason)) = found.iter().next() {
        text.push_str(&format!("; {id}: {reason}"));
    }
    text
}
