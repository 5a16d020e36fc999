//! The CT log as its thread drives it.

use std::sync::Arc;

use signhere_log::sequencer::Sequencer;
use signhere_log::static_ct::{LogEntry, TileLeaf, leaf_index_extension};
use signhere_pki::time::Clock;

use crate::log::entries::commit_error;
use crate::pool::{CommitError, Sequence};

/// A precertificate to be logged.
pub(crate) struct Submission {
    /// The whole precertificate, DER.
    pub(crate) pre_certificate: Vec<u8>,
    /// Its TBSCertificate without the poison, DER: what the timestamp is about.
    pub(crate) tbs_certificate: Vec<u8>,
    /// SHA-256 of the SPKI of the issuer.
    pub(crate) issuer_key_hash: [u8; 32],
}

/// What the timestamp of a logged precertificate says.
pub(crate) struct Logged {
    pub(super) timestamp_ms: u64,
    pub(super) extensions: Vec<u8>,
}

pub(super) struct Precertificates {
    sequencer: Sequencer,
    chain: Vec<[u8; 32]>,
    clock: Arc<dyn Clock>,
}

impl Precertificates {
    pub(super) fn new(sequencer: Sequencer, chain: Vec<[u8; 32]>, clock: Arc<dyn Clock>) -> Self {
        Self {
            sequencer,
            chain,
            clock,
        }
    }
}

impl Sequence for Precertificates {
    type Entry = Submission;
    type Receipt = Logged;

    /// The timestamp names the index, and the index is known only here.
    fn commit(&mut self, batch: Vec<Submission>) -> Result<Vec<Logged>, CommitError> {
        let refused = |reason: &str| CommitError {
            reason: reason.to_owned(),
            may_go_on: true,
        };
        let seconds = u64::try_from(self.clock.now().unix())
            .map_err(|_| refused("the clock is before 1970"))?;
        let timestamp_ms = seconds
            .checked_mul(1000)
            .ok_or_else(|| refused("the clock is beyond all time"))?;

        let mut leaves = Vec::with_capacity(batch.len());
        let mut answers = Vec::with_capacity(batch.len());
        for (index, submission) in (self.sequencer.size()..).zip(batch) {
            let extensions =
                leaf_index_extension(index).ok_or_else(|| refused("the log is full"))?;
            let leaf = TileLeaf {
                timestamp_ms,
                entry: LogEntry::Precertificate {
                    issuer_key_hash: submission.issuer_key_hash,
                    tbs_certificate: submission.tbs_certificate,
                    pre_certificate: submission.pre_certificate,
                },
                extensions: extensions.clone(),
                chain: self.chain.clone(),
            };
            leaves.push(leaf.encode().map_err(|e| refused(&e.to_string()))?);
            answers.push(Logged {
                timestamp_ms,
                extensions,
            });
        }
        self.sequencer.append_batch(leaves).map_err(commit_error)?;
        Ok(answers)
    }
}
