//! The keyring that tests are about.

use std::path::Path;

use signhere_pki::time::Time;
use signhere_testkit::random::SeededRandom;

use super::{Founding, Keyring};
use crate::state::files::ensure_private_dir;
use crate::state::seal::Unlock;

const FOUNDING: Founding<'_> = Founding {
    organization: "Example",
    host: None,
};

/// A throw-away keyring in the folder `keys`, made at `now`.
pub(crate) fn keyring(keys: &Path, now: Time) -> Keyring {
    ensure_private_dir(keys).unwrap();
    let random = SeededRandom::new(1);
    Keyring::create(keys, FOUNDING, &Unlock::File, now, &random).unwrap()
}
