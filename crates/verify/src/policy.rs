//! Who may sign what: the trust file, and what it says of a signature that was proven.
//!
//! The file is described in `docs/reference/trust.toml.md`, the attacks on it in `docs/design/trust-file.md`.

mod file;
mod identity;
mod issuer;
mod judge;
mod near;
mod path;

pub use file::{Lifetime, MAX_SIGNERS, MAX_TRUST_FILE_BYTES, Signer, TrustFile, Who};
pub use identity::{
    Identity, IdentityError, IdentityKind, IdentityProblem, MAX_IDENTITY_BYTES, Part,
};
pub use issuer::{Issuer, IssuerError, KNOWN_ISSUERS};
pub use judge::{NotAllowed, Question, Trusted};
pub use near::Nearest;
pub use path::{FilePattern, FilePatternError, MAX_PATTERN_BYTES};
