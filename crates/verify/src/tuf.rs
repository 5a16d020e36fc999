//! The metadata of The Update Framework, specification 1.0: read strictly, verified, signed.
//!
//! What a signature is over is computed from the document as it was read, unknown fields included, and
//! a document that was read is stored as it came. Nothing here fetches, reads a clock or a file; how a client
//! updates its trust is in [`client`].
//!
//! ```
//! use signhere_pki::key::{KeyKind, PrivateKey, Signer as _};
//! use signhere_pki::time::Time;
//! use signhere_verify::tuf::{Header, Key, Keys, Metadata, RoleKeys, Root, TufError};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let private = PrivateKey::generate(KeyKind::P256)?;
//! let mut keys = Keys::default();
//! let id = keys.insert(Key::new(private.public_key(), private.scheme())?)?;
//! let roles = RoleKeys::new(vec![id], 1)?;
//! let root = Root {
//!     header: Header { version: 1, expires: Time::from_unix(2_000_000_000) },
//!     consistent_snapshot: true,
//!     keys,
//!     root: roles.clone(),
//!     timestamp: roles.clone(),
//!     snapshot: roles.clone(),
//!     targets: roles,
//! };
//! let keys = root.keys.clone();
//! let mut root = Metadata::unsigned(root)?;
//! assert!(matches!(root.verify_self(), Err(TufError::Threshold { .. })));
//! root.sign(&private, &keys)?;
//!
//! let read: Metadata<Root> = Metadata::parse(root.bytes())?;
//! read.verify_self()?;
//! # Ok(())
//! # }
//! ```

mod canonical;
pub mod client;
mod delegations;
mod error;
mod file;
mod key;
mod metadata;
mod object;
mod role;
mod root;
mod snapshot;
mod targets;
#[cfg(test)]
mod tests;
mod timestamp;

pub use delegations::{DelegatedRole, Delegations, Paths, SuccinctRoles};
pub use error::TufError;
pub use file::{MetaFile, TargetFile};
pub use key::{Key, KeyId, Keys};
pub use metadata::{Metadata, Role, Signature};
pub use role::{Authority, Header, RoleKeys, TopRole};
pub use root::Root;
pub use snapshot::Snapshot;
pub use targets::Targets;
pub use timestamp::Timestamp;

/// The version of the specification that documents made here name.
pub const SPEC_VERSION: &str = "1.0.31";
