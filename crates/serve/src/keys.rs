//! An instance's keys, for commands that work on its folder without serving it.

use std::path::Path;

use signhere_pki::key::PrivateKey;

use crate::error::ServeError;
use crate::state::StateFolder;
use crate::state::keyring::Keyring;
use crate::state::seal::{Seal, Unlock, UnlockKind};

/// What opens the keys of the instance in `dir`.
///
/// # Errors
/// [`ServeError`]: there is no instance, or it is not whole.
pub fn unlock_kind(dir: &Path) -> Result<UnlockKind, ServeError> {
    Seal::kind(&StateFolder::find_keys(dir)?)
}

/// The private key `name` of the instance in `dir`, such as `tuf-root`.
///
/// # Errors
/// [`ServeError`]: there is no such key, or `unlock` does not open it.
pub fn read(dir: &Path, unlock: &Unlock, name: &str) -> Result<PrivateKey, ServeError> {
    Keyring::open(&StateFolder::find_keys(dir)?, unlock)?.key(name)
}
