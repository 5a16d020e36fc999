//! An instance's keys, for commands that work on its folder without serving it.

use std::path::Path;

use signhere_pki::key::PrivateKey;

use crate::error::ServeError;
use crate::state::StateFolder;
use crate::state::keyring::Keyring;
use crate::state::seal::{Seal, Unlock, UnlockKind};

/// Whether there is an instance in `dir`.
///
/// # Errors
/// [`ServeError`]: the folder cannot be read, or was made by an earlier version.
pub fn is_made(dir: &Path) -> Result<bool, ServeError> {
    match StateFolder::find_keys(dir) {
        Ok(_) => Ok(true),
        Err(ServeError::NoInstance { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

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
