//! The CT log as its thread drives it: no certificate twice.

use std::collections::HashMap;
use std::sync::Arc;

use signhere_log::merkle::Hash;
use signhere_log::sequencer::Sequencer;
use signhere_log::static_ct::{LogEntry, TileLeaf, leaf_index_extension};
use signhere_pki::digest::sha256;
use signhere_pki::time::Clock;

use crate::log::known::Known;
use crate::pool::{CommitError, Sequence};
use crate::store::Sweeper;

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

/// The sequencer, and what it is known to hold.
pub(super) struct Certificates {
    sequencer: Sequencer,
    known: Known,
    sweeper: Sweeper,
    clock: Arc<dyn Clock>,
}

/// Where an entry of a batch is answered from.
enum Place {
    InLog(Logged),
    InBatch(usize),
}

impl Certificates {
    pub(super) fn new(
        sequencer: Sequencer,
        known: Known,
        sweeper: Sweeper,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            sequencer,
            known,
            sweeper,
            clock,
        }
    }

    /// What was answered when the entry was logged, as the log itself holds it.
    fn find(&self, identity: &Hash, entry: &LogEntry) -> Option<Logged> {
        let index = self.known.find(identity)?;
        let held = self.sequencer.read_entry(index).ok()?;
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

        // What was logged without an answer, because the storage failed.
        self.known.catch_up(&self.sequencer);
        let mut next_index = self.sequencer.size();
        let mut leaves = Vec::with_capacity(batch.len());
        let mut answers = Vec::with_capacity(batch.len());
        let mut positions = HashMap::with_capacity(batch.len());
        let mut places = Vec::with_capacity(batch.len());
        for submission in batch {
            let identity = identity(&submission.entry);
            if let Some((position, _)) = positions.get(&identity) {
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
            positions.insert(identity, (leaves.len(), next_index));
            places.push(Place::InBatch(leaves.len()));
            leaves.push(leaf.encode().map_err(|e| refused(&e.to_string()))?);
            answers.push(Logged {
                timestamp_ms,
                extensions,
            });
            next_index = next_index.saturating_add(1);
        }
        self.sequencer.append_batch(leaves)?;
        let indices = positions.into_iter();
        self.known.add(
            indices.map(|(identity, (_, index))| (identity, index)),
            self.sequencer.size(),
        );

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
        self.sweeper
            .sweep(self.sequencer.published_size(), self.clock.now());
        Ok(self.sequencer.publish()?)
    }

    fn reopen(&mut self) -> Result<(), CommitError> {
        Ok(self.sequencer.reopen()?)
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
pub(super) fn identity_of_leaf(leaf: &[u8]) -> Option<Hash> {
    let (leaf, _) = TileLeaf::decode(leaf).ok()?;
    Some(identity(&leaf.entry))
}

fn refused(reason: &str) -> CommitError {
    CommitError::Refused(reason.to_owned())
}
