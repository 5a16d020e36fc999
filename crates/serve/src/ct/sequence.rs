//! The CT log as its thread drives it: no certificate twice.

use std::collections::HashMap;
use std::sync::Arc;

use signhere_log::merkle::Hash;
use signhere_log::sequencer::{SequencerConfig, Storage};
use signhere_log::static_ct::{LogEntry, TileLeaf, leaf_index_extension};
use signhere_pki::digest::sha256;
use signhere_pki::time::Clock;

use crate::error::ServeError;
use crate::log::indexed::IndexedLog;
use crate::pool::{CommitError, Sequence};
use crate::store;

/// What is to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Submission {
    /// The certificate or precertificate.
    pub(crate) entry: LogEntry,
    /// The fingerprints of those above it, the issuer first and the root last.
    pub(crate) chain: Arc<[[u8; 32]]>,
    /// Nobody can have logged it before: its random serial number was made just now.
    pub(crate) is_new: bool,
}

/// What the timestamp of a logged entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(super) timestamp_ms: u64,
    pub(super) extensions: Vec<u8>,
}

/// The log, and the clock of its timestamps.
pub(super) struct Certificates {
    log: IndexedLog,
    clock: Arc<dyn Clock>,
}

/// Where an entry of a batch is answered from.
enum Place {
    InLog(Logged),
    InBatch(usize),
}

impl Certificates {
    /// The log at `place`, and why it has stopped, if it has. See [`IndexedLog::open`].
    pub(super) fn open(
        place: &store::Place,
        config: SequencerConfig,
        storage: Storage,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Option<CommitError>), ServeError> {
        let identity = identity_of_leaf;
        let (log, failure) = IndexedLog::open(super::NAME, place, config, storage, identity)?;
        Ok((Self { log, clock }, failure))
    }

    /// What was answered when the entry was logged, as the log itself holds it.
    fn find(&self, identity: &Hash, entry: &LogEntry) -> Option<Logged> {
        let index = self.log.find(identity)?;
        let held = self.log.sequencer().read_entry(index).ok()?;
        let (leaf, _) = TileLeaf::decode(&held).ok()?;
        (leaf.entry == *entry).then_some(Logged {
            timestamp_ms: leaf.timestamp_ms,
            extensions: leaf.extensions,
        })
    }
}

impl Sequence for Certificates {
    type Entry = Submission;
    type Receipt = Logged;

    /// The timestamp names the index, and the index is known only here.
    fn commit(&mut self, batch: Vec<Submission>) -> Result<Vec<Logged>, CommitError> {
        let seconds = u64::try_from(self.clock.now().unix())
            .map_err(|_| refused("the clock is before 1970"))?;
        let timestamp_ms = seconds
            .checked_mul(1000)
            .ok_or_else(|| refused("the clock is beyond all time"))?;

        self.log.catch_up();
        let mut next_index = self.log.sequencer().size();
        let mut leaves = Vec::with_capacity(batch.len());
        let mut answers = Vec::with_capacity(batch.len());
        let mut positions = HashMap::with_capacity(batch.len());
        let mut places = Vec::with_capacity(batch.len());
        for submission in batch {
            let identity = identity(&submission.entry);
            if let Some(position) = positions.get(&identity) {
                places.push(Place::InBatch(*position));
                continue;
            }
            if !submission.is_new
                && let Some(logged) = self.find(&identity, &submission.entry)
            {
                places.push(Place::InLog(logged));
                continue;
            }
            let extensions =
                leaf_index_extension(next_index).ok_or_else(|| refused("the log is full"))?;
            let leaf = TileLeaf {
                timestamp_ms,
                entry: submission.entry,
                extensions: extensions.clone(),
                chain: submission.chain.to_vec(),
            };
            positions.insert(identity, leaves.len());
            places.push(Place::InBatch(leaves.len()));
            let leaf = leaf.encode().map_err(|e| refused(&e.to_string()))?;
            leaves.push((identity, leaf));
            answers.push(Logged {
                timestamp_ms,
                extensions,
            });
            next_index = next_index.saturating_add(1);
        }
        self.log.append(leaves)?;

        let answer = |place| match place {
            Place::InLog(logged) => Ok(logged),
            Place::InBatch(position) => answers
                .get(position)
                .cloned()
                .ok_or_else(|| CommitError::Stopped("a batch was answered short".to_owned())),
        };
        places.into_iter().map(answer).collect()
    }

    fn tend(&mut self) -> Result<(), CommitError> {
        self.log.tend()
    }

    fn reopen(&mut self) -> Result<(), CommitError> {
        self.log.reopen()
    }
}

/// What two entries share exactly when their timestamps are about the same certificate.
fn identity(entry: &LogEntry) -> Hash {
    match entry {
        LogEntry::Certificate(der) => sha256(der),
        LogEntry::Precertificate {
            issuer_key_hash,
            tbs_certificate,
            ..
        } => sha256(&[issuer_key_hash, tbs_certificate.as_slice()].concat()),
    }
}

/// The same for an entry as the log holds it; none for what is no entry.
fn identity_of_leaf(leaf: &[u8]) -> Option<Hash> {
    let (leaf, _) = TileLeaf::decode(leaf).ok()?;
    Some(identity(&leaf.entry))
}

fn refused(reason: &str) -> CommitError {
    CommitError::Refused(reason.to_owned())
}
