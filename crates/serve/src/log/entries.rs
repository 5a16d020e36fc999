//! The log as its thread drives it: no entry twice.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use signhere_log::merkle::{Hash, leaf_hash};
use signhere_log::sequencer::{Appended, Sequencer};
use signhere_log::tile::TileKind;
use signhere_pki::time::Clock;

use super::known::Known;
use crate::pool::{CommitError, Sequence};
use crate::store::Sweeper;

/// The sequencer and what it is known to hold.
pub(super) struct Entries {
    sequencer: Sequencer,
    known: Known,
    sweeper: Sweeper,
    clock: Arc<dyn Clock>,
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
    /// The log in `folder`, open in `sequencer`.
    pub(super) fn new(folder: &Path, sequencer: Sequencer, clock: Arc<dyn Clock>) -> Self {
        let known = Known::open(&folder.join("known.sqlite"), &sequencer, |entry| {
            Some(leaf_hash(entry))
        });
        Self {
            sequencer,
            known,
            sweeper: Sweeper::new(folder, TileKind::Entries),
            clock,
        }
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
        // What was logged without an answer: its batch waited for witnesses, or the storage failed.
        self.known.catch_up(&self.sequencer);
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

        self.sequencer.publish()?;
        let appended = self.sequencer.append_batch(new)?;
        let indices = positions
            .into_iter()
            .filter_map(|(hash, position)| Some((hash, appended.get(position)?.index)));
        self.known.add(indices, self.sequencer.size());

        let receipt = |place| match place {
            Place::InLog(index) => {
                let appended = self.sequencer.prove(index)?;
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
        self.sweeper
            .sweep(self.sequencer.published_size(), self.clock.now());
        Ok(self.sequencer.publish()?)
    }

    fn reopen(&mut self) -> Result<(), CommitError> {
        Ok(self.sequencer.reopen()?)
    }
}
