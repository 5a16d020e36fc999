//! Cosignatures of witnesses (C2SP tlog-cosignature v1).
//!
//! A witness signs a checkpoint with the time at which it saw that the log had only grown. Checked through
//! [`NoteVerifier::cosignature_v1`](crate::note::NoteVerifier::cosignature_v1) and
//! [`NoteVerifier::signed_at`](crate::note::NoteVerifier::signed_at).

/// The signature type of a timestamped Ed25519 cosignature.
pub(crate) const TYPE_V1: u8 = 4;

/// What a witness signs: a header, the time in seconds since the epoch, and the whole text of the checkpoint.
pub(crate) fn message(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}
