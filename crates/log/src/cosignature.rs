//! Cosignatures of witnesses (C2SP tlog-cosignature v1), and what a log asks of its witnesses.
//!
//! A witness signs a checkpoint with the time at which it saw that the log had only grown. Checked through
//! [`NoteVerifier::cosignature_v1`] and [`NoteVerifier::signed_at`].

use signhere_pki::key::Signer;
use signhere_pki::time::Time;

use crate::checkpoint::Checkpoint;
use crate::merkle::Hash;
use crate::note::{NoteError, NoteVerifier};
use crate::reader::ReadError;

/// The signature type of a timestamped Ed25519 cosignature.
pub(crate) const TYPE_V1: u8 = 4;

/// A witness's key under its name.
pub struct Cosigner {
    verifier: NoteVerifier,
    signer: Box<dyn Signer>,
}

impl Cosigner {
    /// Signs as [`NoteVerifier::cosignature_v1`] verifies.
    ///
    /// The message does not say who signs: a key must not be used under two names.
    ///
    /// # Errors
    /// The key is not Ed25519, or the name not one of a note.
    pub fn new(name: &str, signer: Box<dyn Signer>) -> Result<Self, NoteError> {
        let verifier = NoteVerifier::cosignature_v1(name, signer.public_key())?;
        Ok(Self { verifier, signer })
    }

    /// What verifies these cosignatures.
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// The signature line, with its newline, over the checkpoint in `text`: at `now` it was the largest that
    /// this witness had seen of its log.
    ///
    /// # Errors
    /// The text is not a checkpoint's, the clock stands before 1970 or at its first second, or the key failed.
    pub fn cosign(&self, text: &str, now: Time) -> Result<String, NoteError> {
        Checkpoint::parse_text(text).map_err(|_| NoteError::NotACheckpoint)?;
        // Zero would say that no time is stated.
        let seconds = u64::try_from(now.unix())
            .ok()
            .filter(|seconds| *seconds > 0)
            .ok_or(NoteError::Clock)?;
        let signature = self.signer.sign(message(seconds, text).as_bytes())?;
        Ok(self
            .verifier
            .line([&seconds.to_be_bytes()[..], &signature].concat()))
    }
}

impl std::fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cosigner")
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

/// What stands between a log's new checkpoint and its publication.
pub trait Cosign: Send {
    /// Whether this signed note carries all that publishing it asks for already.
    fn suffices(&self, note: &str) -> bool;

    /// The signature lines, each with its newline, to publish under `note`, the log's signed checkpoint of
    /// `size` entries. Blocks, for a bounded time.
    ///
    /// `consistency` gives the proof that this tree continues the one of a smaller size, which a witness may
    /// have seen last.
    ///
    /// # Errors
    /// The checkpoint may not be published yet. Asking again for the same note is always right.
    fn cosign(
        &mut self,
        note: &str,
        size: u64,
        consistency: &dyn Fn(u64) -> Result<Vec<Hash>, ReadError>,
    ) -> Result<Vec<String>, CosignError>;
}

/// Why a checkpoint may not be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignError {
    /// Those witnesses that have cosigned are not enough.
    #[error("{} of {asked} witnesses have cosigned, which is no quorum", cosigned.len())]
    NoQuorum {
        /// The names of those that have.
        cosigned: Vec<String>,
        /// How many were asked.
        asked: usize,
    },
    /// The consistency with what a witness has seen cannot be proven.
    #[error("no consistency proof: {0}")]
    Proof(#[from] ReadError),
}

/// What a witness signs: a header, the time in seconds since the epoch, and the whole text of the checkpoint.
pub(crate) fn message(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

#[cfg(test)]
mod tests;
