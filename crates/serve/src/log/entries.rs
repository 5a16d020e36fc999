//! The log as its thread drives it: no entry twice.

use std::collections::HashMap;

use signhere_log::merkle::{Hash, leaf_hash};
use signhere_log::sequencer::{Appended, Sequencer, SequencerError};

use super::known::Known;
use crate::pool::{CommitError, Sequence};

/// The sequencer and what it is known to hold.
pub(super) struct Entries {
    sequencer: Sequencer,
    known: Known,
}

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
    pub(super) fn new(sequencer: Sequencer, known: Known) -> Self {
        Self { sequencer, known }
    }

    /// The index of an entry that the log holds, which the log itself has confirmed.
    fn find(&self, hash: &Hash, entry: &[u8]) -> Option<u64> {
        let index = self.known.find(hash)?;
        let held = self.sequencer.read_entry(index).ok()?;
        (held == entry).then_some(index)
    }
}

impl Sequence for Entries {
    type Entry = Vec<u8>;
    type Receipt = Receipt;

    fn commit(&mut self, batch: Vec<Vec<u8>>) -> Result<Vec<Receipt>, CommitError> {
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
            } else if let Some(index) = self.find(&hash, &entry) {
                Place::InLog(index)
            } else {
                let position = new.len();
                positions.insert(hash, position);
                new.push(entry);
                Place::InBatch {
                    position,
                    again: false,
                }
            };
            places.push(place);
        }

        let appended = self.sequencer.append_batch(new).map_err(commit_error)?;
        let indices = positions
            .into_iter()
            .filter_map(|(hash, position)| Some((hash, appended.get(position)?.index)));
        self.known.add(indices);

        let receipt = |place| match place {
            Place::InLog(index) => {
                let appended = self.sequencer.prove(index).map_err(commit_error)?;
                Ok(Receipt {
                    appended,
                    was_there: true,
                })
            }
            Place::InBatch { position, again } => {
                let missing = || CommitError {
                    reason: "a batch was answered short".to_owned(),
                    may_go_on: false,
                };
                let appended = appended.get(position).cloned().ok_or_else(missing)?;
                Ok(Receipt {
                    appended,
                    was_there: again,
                })
            }
        };
        places.into_iter().map(receipt).collect()
    }
}

/// Whether the sequencer can go on is what it says of each error: only these leave the log untouched.
pub(crate) fn commit_error(error: SequencerError) -> CommitError {
    let may_go_on = matches!(
        error,
        SequencerError::Entry { .. }
            | SequencerError::Full { .. }
            | SequencerError::Batch(_)
            | SequencerError::Signing(_)
            | SequencerError::Read(_)
    );
    CommitError {
        reason: error.to_string(),
        may_go_on,
    }
}
