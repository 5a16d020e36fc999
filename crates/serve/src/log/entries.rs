//! The log as its thread drives it: no entry twice.

use std::collections::HashMap;

use signhere_log::merkle::{Hash, leaf_hash};
use signhere_log::sequencer::{Appended, SequencerConfig, Storage};

use super::indexed::IndexedLog;
use crate::error::ServeError;
use crate::pool::{CommitError, Sequence};
use crate::store;

/// The log.
pub(super) struct Entries(IndexedLog);

/// Where an entry is, and the proof of it.
pub(super) struct Receipt {
    pub(super) appended: Appended,
    /// Whether it was asked for before.
    pub(super) was_there: bool,
}

/// Where an entry of a batch will be answered from.
enum Place {
    InLog(u64),
    InBatch { position: usize, again: bool },
}

impl Entries {
    /// The log at `place`, and why it has stopped, if it has. See [`IndexedLog::open`].
    pub(super) fn open(
        place: &store::Place,
        config: SequencerConfig,
        storage: Storage,
    ) -> Result<(Self, Option<CommitError>), ServeError> {
        let identity = |entry: &[u8]| Some(leaf_hash(entry));
        let (log, failure) = IndexedLog::open(super::NAME, place, config, storage, identity)?;
        Ok((Self(log), failure))
    }

    /// The index of an entry that the log holds, which the log itself has confirmed.
    fn find(&self, hash: &Hash) -> Option<u64> {
        let index = self.0.find(hash)?;
        let held = self.0.sequencer().leaf_hash(index).ok()?;
        (held == *hash).then_some(index)
    }
}

impl Sequence for Entries {
    type Entry = Vec<u8>;
    type Receipt = Receipt;

    fn commit(&mut self, batch: Vec<Vec<u8>>) -> Result<Vec<Receipt>, CommitError> {
        self.0.catch_up();
        let mut new = Vec::new();
        let mut positions = HashMap::new();
        let mut places = Vec::with_capacity(batch.len());
        for entry in batch {
            let hash = leaf_hash(&entry);
            let place = if let Some(position) = positions.get(&hash) {
                Place::InBatch {
                    position: *position,
                    again: true,
                }
            } else if let Some(index) = self.find(&hash) {
                Place::InLog(index)
            } else {
                let position = new.len();
                positions.insert(hash, position);
                new.push((hash, entry));
                Place::InBatch {
                    position,
                    again: false,
                }
            };
            places.push(place);
        }

        self.0.publish()?;
        let appended = self.0.append(new)?;

        let receipt = |place| match place {
            Place::InLog(index) => {
                let appended = self.0.sequencer().prove(index)?;
                Ok(Receipt {
                    appended,
                    was_there: true,
                })
            }
            Place::InBatch { position, again } => {
                let missing = || CommitError::Stopped("a batch was answered short".to_owned());
                let appended = appended.get(position).cloned().ok_or_else(missing)?;
                Ok(Receipt {
                    appended,
                    was_there: again,
                })
            }
        };
        places.into_iter().map(receipt).collect()
    }

    fn tend(&mut self) -> Result<(), CommitError> {
        self.0.tend()
    }

    fn reopen(&mut self) -> Result<(), CommitError> {
        self.0.reopen()
    }
}
