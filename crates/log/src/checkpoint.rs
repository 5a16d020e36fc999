//! Checkpoints (C2SP tlog-checkpoint): a log's origin, size and root as the text of a signed note.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::merkle::Hash;
use crate::note::{Note, NoteError, NoteSigner, NoteVerifier};

/// The signature type of an RFC 6962 tree head in a note (C2SP static-ct-api).
pub(crate) const TYPE_RFC6962: u8 = 5;

/// The state of a log: what it holds, in a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name for itself.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The root of the Merkle tree over them.
    pub root: Hash,
    /// Further lines, uninterpreted.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// The checkpoint in the text of a note.
    ///
    /// # Errors
    /// Anything that C2SP tlog-checkpoint does not allow.
    pub fn parse_text(text: &str) -> Result<Self, CheckpointError> {
        let text = text.strip_suffix('\n').ok_or(CheckpointError::Truncated)?;
        let mut lines = text.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty());
        let origin = origin.ok_or(CheckpointError::NoOrigin)?.to_owned();
        let size = lines.next().ok_or(CheckpointError::Truncated)?;
        let size = decimal(size).ok_or_else(|| CheckpointError::Size {
            found: excerpt(size),
        })?;
        let root = lines.next().ok_or(CheckpointError::Truncated)?;
        let root: Hash = STANDARD
            .decode(root)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| CheckpointError::Root {
                found: excerpt(root),
            })?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::EmptyExtension);
        }
        Ok(Self {
            origin,
            size,
            root,
            extensions,
        })
    }

    /// The text to sign, with its final newline.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root)
        );
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// The checkpoint as a note signed by `signer`.
    ///
    /// # Errors
    /// Those of [`NoteSigner::sign`].
    pub fn sign(&self, signer: &NoteSigner) -> Result<String, CheckpointError> {
        Ok(signer.sign(&self.to_text())?)
    }
}

/// A checkpoint with its signatures, none of them verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What is claimed.
    pub checkpoint: Checkpoint,
    /// The note that carries it.
    pub note: Note,
}

impl SignedCheckpoint {
    /// The checkpoint in a signed note.
    ///
    /// # Errors
    /// Not a note, or its text not a checkpoint.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse_text(note.text())?;
        Ok(Self { checkpoint, note })
    }

    /// The checkpoint, once its origin is `origin` and one of its signatures is `verifier`'s.
    ///
    /// # Errors
    /// Another origin, or no signature of that key.
    pub fn verify(
        &self,
        origin: &str,
        verifier: &NoteVerifier,
    ) -> Result<&Checkpoint, CheckpointError> {
        if self.checkpoint.origin != origin {
            return Err(CheckpointError::Origin {
                expected: origin.to_owned(),
                found: excerpt(&self.checkpoint.origin),
            });
        }
        verifier.verify(&self.note)?;
        Ok(&self.checkpoint)
    }

    /// As [`Self::verify`], for a log of Rekor v1: its origin is the key's name, alone or followed by a
    /// hyphen between spaces and the decimal number of the tree (one key signs for all shards).
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_rekor_v1(&self, verifier: &NoteVerifier) -> Result<&Checkpoint, CheckpointError> {
        let origin = &self.checkpoint.origin;
        let shard = origin
            .strip_prefix(verifier.name())
            .and_then(|rest| rest.strip_prefix(" - "))
            .is_some_and(|tree| !tree.is_empty() && tree.bytes().all(|b| b.is_ascii_digit()));
        if shard {
            self.verify(origin, verifier)
        } else {
            self.verify(verifier.name(), verifier)
        }
    }
}

/// Why a checkpoint is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The first line, the origin, is empty.
    #[error("the checkpoint names no origin")]
    NoOrigin,
    /// Fewer than three lines.
    #[error("the checkpoint is not complete")]
    Truncated,
    /// The second line is not a size: decimal, without sign or leading zeros.
    #[error("{found:?} is not a tree size")]
    Size {
        /// The start of the line.
        found: String,
    },
    /// The third line is not the base64 of 32 bytes.
    #[error("{found:?} is not a root hash")]
    Root {
        /// The start of the line.
        found: String,
    },
    /// An extension line is empty.
    #[error("an extension line is empty")]
    EmptyExtension,
    /// The checkpoint is of another log.
    #[error("the checkpoint is of {found:?}, not of {expected:?}")]
    Origin {
        /// The origin of the log that was asked for.
        expected: String,
        /// The start of the origin in the checkpoint.
        found: String,
    },
    /// The note around it is refused.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// The start of somebody else's line, for an error to quote: the whole may be a megabyte.
fn excerpt(line: &str) -> String {
    line.chars().take(128).collect()
}

pub(crate) fn decimal(text: &str) -> Option<u64> {
    let leading_zero = text.starts_with('0') && text.len() > 1;
    if leading_zero || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// What a certificate log signs: a TreeHeadSignature (RFC 6962 section 3.5). None if `text` is not a checkpoint.
pub(crate) fn tree_head(milliseconds: u64, text: &str) -> Option<Vec<u8>> {
    let checkpoint = Checkpoint::parse_text(text).ok()?;
    // A tree head has no room for more than size and root: extensions would stay unsigned.
    if !checkpoint.extensions.is_empty() {
        return None;
    }
    let head: [&[u8]; 4] = [
        &[0, 1], // v1, tree_hash
        &milliseconds.to_be_bytes(),
        &checkpoint.size.to_be_bytes(),
        &checkpoint.root,
    ];
    Some(head.concat())
}

/// SHA-256 with ECDSA, as the SignatureAndHashAlgorithm of TLS 1.2 (RFC 5246 section 7.4.1.4.1).
const ECDSA_SHA256: [u8; 2] = [4, 3];

/// The bytes of an RFC6962NoteSignature: the time and a DigitallySigned.
pub(crate) fn tree_head_signature(milliseconds: u64, signature: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(signature.len()).ok()?;
    Some(
        [
            &milliseconds.to_be_bytes(),
            &ECDSA_SHA256[..],
            &length.to_be_bytes(),
            signature,
        ]
        .concat(),
    )
}

/// The time and the signature in an RFC6962NoteSignature.
pub(crate) fn split_tree_head_signature(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (time, rest) = bytes.split_first_chunk::<8>()?;
    let rest = rest.strip_prefix(&ECDSA_SHA256)?;
    let (length, signature) = rest.split_first_chunk::<2>()?;
    if signature.len() != usize::from(u16::from_be_bytes(*length)) {
        return None;
    }
    Some((u64::from_be_bytes(*time), signature))
}

#[cfg(test)]
mod tests;
