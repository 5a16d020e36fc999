//! Log entries of signatures that were made online: looked for in a log of the first generation, proven, and returned
//! as bundles that prove them offline from then on.
//!
//! The log's index is not believed. It is asked for one digest at a time, and each entry that it names must be of the
//! object's own certificate, about the object, and in the log, before it counts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use signhere_http::HttpClient;
use signhere_log::merkle::leaf_hash;
use signhere_sign::rekor_v1::{self, EntryId, Query};
use signhere_sign::service::ServiceError;
use signhere_verify::bundle::{Bundle, TlogEntry};
use tokio::task::JoinSet;
use url::Url;

use crate::object::ObjectId;
use crate::proof::{LogProof, NoProof, Prove, Wanted};

/// How many objects are asked about at the same time. The index is shared by everybody.
pub const AT_ONCE: usize = 4;
/// After so many failures of the log in a row, it is not asked any more.
pub const PATIENCE: usize = 3;
/// How many entries of one object are looked at.
const CANDIDATES: usize = 32;

/// Where entries are looked for, and how they are proven.
#[derive(Clone)]
pub struct Search {
    /// How the log is asked.
    pub http: Arc<HttpClient>,
    /// The log.
    pub log: Url,
    /// Proves what is found.
    pub prover: Arc<dyn Prove + Send + Sync>,
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
    /// The log or its index does not answer as it must.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The log has nothing under any of the digests, nor of the certificate.
    #[error("the log's index knows nothing of this signature")]
    NotFound,
    /// There are entries, and none of them is of this signature.
    #[error("{}", other_entries(.found))]
    Others {
        /// Each entry by the hash of its leaf, and why it is not.
        found: BTreeMap<String, NoProof>,
    },
    /// The log was not asked any more, because it did not answer for others.
    #[error("not asked for, because the log failed {PATIENCE} times in a row")]
    NotAsked,
    /// The search ended without an answer.
    #[error("the search broke off")]
    BrokeOff,
}

impl Search {
    /// Looks for the entry of one object's signature.
    ///
    /// # Errors
    /// [`RescueError`] for why there is none.
    pub async fn rescue(&self, wanted: &Wanted) -> Result<Rescued, RescueError> {
        let mut others = BTreeMap::new();
        for digest in wanted.digests() {
            let found = self
                .ask(wanted, Query::Digest(&digest), &mut others)
                .await?;
            if let Some(rescued) = found {
                return Ok(rescued);
            }
        }
        // Under the certificate there may be the same entry, which then is in the index by half; or one that tells why
        // there is none.
        let query = Query::Certificate(wanted.certificate());
        match self.ask(wanted, query, &mut others).await? {
            Some(rescued) => Ok(rescued),
            None if others.is_empty() => Err(RescueError::NotFound),
            None => Err(RescueError::Others { found: others }),
        }
    }

    /// Looks for the entries of many, [`AT_ONCE`] at a time, and hands each outcome to `each` as it comes. Once the log
    /// has failed [`PATIENCE`] times in a row, the rest is [`RescueError::NotAsked`].
    pub async fn rescue_all(
        &self,
        wanted: Vec<Wanted>,
        mut each: impl FnMut(ObjectId, Result<Rescued, RescueError>),
    ) {
        let mut waiting = VecDeque::from(wanted);
        let mut running = JoinSet::new();
        let mut objects = BTreeMap::new();
        let mut failures = 0_usize;
        loop {
            while failures < PATIENCE
                && running.len() < AT_ONCE
                && let Some(wanted) = waiting.pop_front()
            {
                let search = self.clone();
                let id = *wanted.id();
                let task = running.spawn(async move { search.rescue(&wanted).await });
                objects.insert(task.id(), id);
            }
            let (task, outcome) = match running.join_next_with_id().await {
                None => break,
                Some(Ok((task, outcome))) => (task, outcome),
                Some(Err(error)) => (error.id(), Err(RescueError::BrokeOff)),
            };
            match outcome {
                Err(RescueError::Service(_)) => failures = failures.saturating_add(1),
                _ => failures = 0,
            }
            if let Some(id) = objects.remove(&task) {
                each(id, outcome);
            }
        }
        for wanted in waiting {
            each(*wanted.id(), Err(RescueError::NotAsked));
        }
    }

    /// Asks once; what is found and is not it goes to `others`.
    async fn ask(
        &self,
        wanted: &Wanted,
        query: Query<'_>,
        others: &mut BTreeMap<String, NoProof>,
    ) -> Result<Option<Rescued>, RescueError> {
        let ids = rekor_v1::search(&self.http, &self.log, query).await?;
        let is_new = |id: &EntryId| !others.contains_key(id.leaf());
        let ids: Vec<EntryId> = ids.into_iter().filter(is_new).take(CANDIDATES).collect();
        for ids in ids.chunks(rekor_v1::MAX_ENTRIES) {
            for entry in rekor_v1::entries(&self.http, &self.log, ids).await? {
                // By what it is: an answer need not hold all that were asked for.
                let leaf = hex::encode(leaf_hash(&entry.body));
                match self.judge(wanted, entry) {
                    Ok(rescued) => return Ok(Some(rescued)),
                    Err(reason) => others.insert(leaf, reason),
                };
            }
        }
        Ok(None)
    }

    fn judge(&self, wanted: &Wanted, entry: TlogEntry) -> Result<Rescued, NoProof> {
        let bundle = wanted.bundle(entry)?;
        // As it will be read from the note, and not as it is in memory.
        let bundle = Bundle::parse(&bundle.to_json()).map_err(|_| NoProof::Kind)?;
        let proof = wanted.prove(&*self.prover, &bundle)?;
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
