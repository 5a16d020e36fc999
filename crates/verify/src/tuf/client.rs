//! The client's side of TUF, specification 1.0.34 section 5, without any I/O.
//!
//! An [`Updater`] says what to do next ([`Action`]: load, fetch, store, remove) and is told what came of it.
//! Its caller owns the network, the files and the clock. Whatever it asks to be stored has been verified,
//! and is asked for before the next document is fetched: an update that ends early leaves what it proved.
//!
//! | module | what it does |
//! |---|---|
//! | `updater` | the order of an update, and what each document is checked against |
//! | `search` | which role describes a file: the delegations, in pre-order, as far as needed |
//! | `names` | file names and URL paths of documents and targets |

mod error;
mod names;
mod search;
mod updater;

pub use error::UpdateError;
pub use names::{document_name, encode_name};
pub use search::Target;
pub use updater::{Action, Limits, Updater};
