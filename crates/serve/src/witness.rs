//! Witnesses: those that this instance asks before it publishes a checkpoint, and the one that it is for others.
//!
//! | file | what is in it |
//! |---|---|
//! | `client` | asking the witnesses of a policy |
//! | `health` | what is known of them |
//! | `server` | being a witness |
//! | `memory` | what a witness must not forget |
//! | `logs` | which logs it cosigns |

pub(crate) mod client;
pub(crate) mod health;
pub(crate) mod logs;
mod memory;
pub(crate) mod server;
#[cfg(test)]
mod support;

use std::path::Path;
use std::sync::Arc;

use signhere_log::cosignature::Cosigner;
use signhere_log::note::NoteVerifier;
use signhere_log::policy::{MAX_POLICY, Policy};
use signhere_pki::time::Clock;

use crate::error::ServeError;
use crate::state::files::read_bounded;
use crate::state::keyring::{Keyring, WITNESS};
use server::{Places, Witness};

/// The policy in a file.
pub(crate) fn read_policy(path: &Path) -> Result<Policy, ServeError> {
    let file = read(path, MAX_POLICY)?;
    Policy::parse(&file).map_err(|error| ServeError::WitnessPolicy {
        path: path.to_path_buf(),
        error,
    })
}

/// The instance as a witness of the logs in the file `logs`. Its memory is in `folder`; `mark` says that it has one.
pub(crate) fn open(
    keyring: &Keyring,
    folder: &Path,
    mark: &Path,
    logs: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Arc<Witness>, ServeError> {
    let list = read(logs, logs::MAX_FILE)?;
    let logs = logs::parse(&list).map_err(|error| ServeError::WitnessedLogs {
        path: logs.to_path_buf(),
        error,
    })?;
    let key = Box::new(keyring.key(WITNESS)?);
    let cosigner = Cosigner::new(&keyring.manifest().witness_name(), key)
        .map_err(|error| ServeError::make("the witness", &error))?;
    let places = Places {
        memory: folder.join("seen.sqlite"),
        mark: mark.to_path_buf(),
    };
    Ok(Arc::new(Witness::open(&places, cosigner, logs, clock)?))
}

/// The verifier key of the instance as a witness, for the policies of others.
pub(crate) fn vkey(keyring: &Keyring) -> Result<String, ServeError> {
    let name = keyring.manifest().witness_name();
    let verifier = NoteVerifier::cosignature_v1(&name, &keyring.public_key(WITNESS)?);
    let verifier = verifier.map_err(|error| ServeError::make("the witness", &error))?;
    Ok(verifier.to_vkey())
}

fn read(path: &Path, limit: usize) -> Result<Vec<u8>, ServeError> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    match read_bounded(path, limit)? {
        Some(bytes) => Ok(bytes.to_vec()),
        None => Err(ServeError::File {
            action: "read",
            path: path.to_path_buf(),
            kind: std::io::ErrorKind::NotFound,
        }),
    }
}
