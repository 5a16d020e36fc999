//! How a witness decides (C2SP tlog-witness): the request to cosign a checkpoint, and whether to grant it.
//!
//! A witness remembers the largest checkpoint of each log that it has cosigned. It cosigns another one only if
//! the log has signed it and has proven that it continues the remembered one; and it makes that its memory, as
//! one step, before anyone sees the cosignature.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, decimal};
use crate::merkle::{self, Hash, ProofError};
use crate::note::{NoteError, NoteVerifier};

/// The most hashes of a consistency proof that a request may carry.
pub const MAX_PROOF: usize = 63;

/// The largest request that is read, in bytes: a full proof and a note of a hundred long signatures.
pub const MAX_REQUEST: usize = 512 * 1024;

/// The media type of the size that a witness answers to a request from another one.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// The request to cosign a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the tree that the witness is thought to have seen last; zero if none.
    pub old_size: u64,
    /// The proof that the checkpoint's tree continues that one.
    pub proof: Vec<Hash>,
    /// The checkpoint.
    pub signed: SignedCheckpoint,
}

impl AddCheckpoint {
    /// The request in a body.
    ///
    /// # Errors
    /// [`WitnessRefusal::Malformed`], or what is wrong with the checkpoint.
    pub fn parse(body: &[u8]) -> Result<Self, WitnessRefusal> {
        let malformed = |expected| WitnessRefusal::Malformed { expected };
        if body.len() > MAX_REQUEST {
            return Err(malformed("less than 512 KiB"));
        }
        let mut rest = body;
        let mut line = || {
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let (line, after) = rest.split_at_checked(end)?;
            rest = after.get(1..)?;
            std::str::from_utf8(line).ok()
        };
        let old_size = line()
            .and_then(|line| line.strip_prefix("old "))
            .and_then(decimal)
            .ok_or_else(|| malformed("`old` and a tree size on the first line"))?;
        let mut proof = Vec::new();
        loop {
            let line = line().ok_or_else(|| malformed("an empty line before the checkpoint"))?;
            if line.is_empty() {
                break;
            }
            if proof.len() >= MAX_PROOF {
                return Err(malformed("at most 63 hashes"));
            }
            let hash = STANDARD.decode(line).ok();
            let hash = hash.and_then(|hash| hash.try_into().ok());
            proof
                .push(hash.ok_or_else(|| malformed("a hash in base64 on each line of the proof"))?);
        }
        let signed = SignedCheckpoint::parse(rest).map_err(WitnessRefusal::Checkpoint)?;
        Ok(Self {
            old_size,
            proof,
            signed,
        })
    }

    /// The body of a request for the checkpoint in `note`, with the proof that it continues the tree of `old_size`.
    pub fn body(old_size: u64, proof: &[Hash], note: &str) -> Vec<u8> {
        let mut body = format!("old {old_size}\n");
        for hash in proof {
            body.push_str(&STANDARD.encode(hash));
            body.push('\n');
        }
        body.push('\n');
        body.push_str(note);
        body.into_bytes()
    }

    /// The checkpoint, if a witness that has seen `latest` of the log `origin` last may cosign it. `log` checks
    /// that log's own signature.
    ///
    /// # Errors
    /// [`WitnessRefusal`], checked in the order that C2SP tlog-witness gives.
    pub fn admit(
        &self,
        origin: &str,
        latest: Option<&TreeHead>,
        log: &NoteVerifier,
    ) -> Result<&Checkpoint, WitnessRefusal> {
        let checkpoint = &self.signed.checkpoint;
        if checkpoint.origin != origin {
            return Err(WitnessRefusal::UnknownLog);
        }
        log.signed_only_at(&self.signed.note)
            .map_err(WitnessRefusal::Signature)?;
        if self.old_size > checkpoint.size {
            return Err(WitnessRefusal::OldSize {
                old: self.old_size,
                new: checkpoint.size,
            });
        }
        let seen = latest.map_or(TreeHead::EMPTY, |latest| *latest);
        if self.old_size != seen.size {
            return Err(WitnessRefusal::Conflict { seen: seen.size });
        }
        merkle::verify_consistency(
            seen.size,
            &seen.root,
            checkpoint.size,
            &checkpoint.root,
            &self.proof,
        )
        .map_err(WitnessRefusal::Inconsistent)?;
        Ok(checkpoint)
    }
}

/// What a witness remembers of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// The number of entries.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

impl TreeHead {
    /// The tree that every log begins with.
    pub const EMPTY: Self = Self {
        size: 0,
        root: merkle::EMPTY_ROOT,
    };
}

/// Why a witness does not cosign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessRefusal {
    /// The request is not in its form (400).
    #[error("the request is malformed: expected {expected}")]
    Malformed {
        /// What was expected.
        expected: &'static str,
    },
    /// The checkpoint is not one (400).
    #[error(transparent)]
    Checkpoint(CheckpointError),
    /// The witness does not watch a log of this origin (404).
    #[error("no log of this origin is witnessed here")]
    UnknownLog,
    /// The log's signature is missing, or a line that claims to be it is not (403).
    #[error(transparent)]
    Signature(NoteError),
    /// The old size is larger than the checkpoint's (400).
    #[error("the old size {old} is larger than the checkpoint's, {new}")]
    OldSize {
        /// The old size of the request.
        old: u64,
        /// The size of the checkpoint.
        new: u64,
    },
    /// The old size is not that of the checkpoint which was cosigned last (409).
    #[error("the checkpoint cosigned last has {seen} entries")]
    Conflict {
        /// The size of that checkpoint.
        seen: u64,
    },
    /// The checkpoint is not proven to continue the one that was cosigned last (422).
    #[error(transparent)]
    Inconsistent(ProofError),
}

#[cfg(test)]
mod tests;
