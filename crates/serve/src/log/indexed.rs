//! A log that can be asked whether it holds an entry, and that sweeps behind itself: what the signature log and
//! the certificate log have in common.

use std::path::Path;

use signhere_log::layout::Layout;
use signhere_log::merkle::Hash;
use signhere_log::sequencer::{Appended, Sequencer};

use super::known::Known;
use crate::pool::CommitError;
use crate::store::Sweeper;

/// A sequencer, what it is known to hold, and its sweeper.
pub(crate) struct IndexedLog {
    sequencer: Sequencer,
    known: Known,
    sweeper: Sweeper,
}

impl IndexedLog {
    /// The log in `folder`, open in `sequencer`; `identity` says by what an entry is found, one without is not.
    pub(crate) fn new(
        folder: &Path,
        sequencer: Sequencer,
        layout: Layout,
        identity: fn(&[u8]) -> Option<Hash>,
    ) -> Self {
        Self {
            known: Known::open(&folder.join("known.sqlite"), &sequencer, identity),
            sweeper: Sweeper::new(folder, layout.kind()),
            sequencer,
        }
    }

    /// The log itself, to be read.
    pub(crate) fn sequencer(&self) -> &Sequencer {
        &self.sequencer
    }

    /// Learns of what was logged without an answer: its batch waited for witnesses, or the storage failed.
    pub(crate) fn catch_up(&mut self) {
        self.known.catch_up(&self.sequencer);
    }

    /// Where the entry is thought to be: the log itself has to confirm it.
    pub(crate) fn find(&self, identity: &Hash) -> Option<u64> {
        self.known.find(identity)
    }

    /// Appends entries under their identities. See [`Sequencer::append_batch`].
    pub(crate) fn append(
        &mut self,
        entries: Vec<(Hash, Vec<u8>)>,
    ) -> Result<Vec<Appended>, CommitError> {
        let (identities, entries): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        let appended = self.sequencer.append_batch(entries)?;
        let indices = appended.iter().map(|appended| appended.index);
        let indices = identities.into_iter().zip(indices);
        self.known.add(indices, self.sequencer.size());
        self.sweep();
        Ok(appended)
    }

    /// Publishes what waits for witnesses.
    pub(crate) fn publish(&mut self) -> Result<(), CommitError> {
        Ok(self.sequencer.publish()?)
    }

    /// See [`crate::pool::Sequence::tend`].
    pub(crate) fn tend(&mut self) -> Result<(), CommitError> {
        self.sweep();
        self.publish()
    }

    /// See [`crate::pool::Sequence::reopen`].
    pub(crate) fn reopen(&mut self) -> Result<(), CommitError> {
        Ok(self.sequencer.reopen()?)
    }

    fn sweep(&mut self) {
        self.sweeper.sweep(self.sequencer.settled_size());
    }
}
