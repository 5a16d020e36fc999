//! Signed notes and checkpoints, written as C2SP signed-note, tlog-checkpoint and tlog-cosignature say.

use signhere_pki::digest::sha256;
use signhere_pki::key::{KeyKind, PrivateKey, Signer as _};

use super::{base64, keys};

/// A witness of a log.
#[derive(Clone, Debug)]
pub struct Witness {
    /// Its name.
    pub name: String,
    /// When it saw the checkpoint, in seconds since the epoch.
    pub at: u64,
    key: PrivateKey,
}

impl Witness {
    /// The witness called `name`.
    pub fn new(name: &str, at: u64) -> Self {
        Self {
            name: name.to_owned(),
            at,
            key: keys::ed25519(name),
        }
    }

    pub(super) fn line(&self, text: &str) -> String {
        let message = format!("cosignature/v1\ntime {}\n{text}", self.at);
        let signature = self.key.sign(message.as_bytes()).expect("a signature");
        let bytes = [self.at.to_be_bytes().as_slice(), &signature].concat();
        line(&self.name, &key_id(&self.name, 4, &self.key), &bytes)
    }
}

/// The text of a checkpoint.
pub(super) fn text(origin: &str, size: u64, root: &[u8]) -> String {
    format!("{origin}\n{size}\n{}\n", base64(root))
}

/// The signature line of a log.
pub(super) fn log_line(name: &str, signer: &PrivateKey, text: &str) -> String {
    let signature = signer.sign(text.as_bytes()).expect("a signature");
    line(name, &log_key_id(name, signer), &signature)
}

/// The id of a log's key: by name and key for Ed25519, by SubjectPublicKeyInfo as Rekor v1 does for others.
pub(super) fn log_key_id(name: &str, signer: &PrivateKey) -> [u8; 32] {
    match signer.kind() {
        KeyKind::Ed25519 => key_id(name, 1, signer),
        _ => sha256(signer.public_key().spki_der()),
    }
}

fn line(name: &str, key_id: &[u8; 32], signature: &[u8]) -> String {
    let bytes = [&key_id[..4], signature].concat();
    format!("\u{2014} {name} {}\n", base64(&bytes))
}

fn key_id(name: &str, form: u8, key: &PrivateKey) -> [u8; 32] {
    let parts = [
        name.as_bytes(),
        &[b'\n', form],
        key.public_key().key_bytes(),
    ];
    sha256(&parts.concat())
}
