//! Who may sign what: the trust file, and what it says of a signature that was proven.
//!
//! The file is described in `docs/reference/trust.toml.md`, the attacks on it in `docs/design/trust-file.md`.

mod error;
mod file;
mod git;
mod identity;
mod issuer;
mod judge;
mod learn;
mod lint;
mod near;
mod path;
mod read;
mod regexp;
#[cfg(test)]
mod tests;
mod write;

pub use error::{TrustFileError, TrustFileProblem};
pub use file::{Instance, Lifetime, MAX_SIGNERS, MAX_TRUST_FILE_BYTES, Signer, TrustFile, Who};
pub use git::{
    GitPattern, GitPatternError, GitPlatform, GitPolicy, GitRule, MAX_EXEMPT, MAX_RULES, MAX_TEAM,
    People,
};
pub use identity::{
    Identity, IdentityError, IdentityKind, IdentityProblem, MAX_IDENTITY_BYTES, Part,
};
pub use issuer::{Issuer, IssuerError, KNOWN_ISSUERS};
pub use judge::{NotAllowed, Question, Trusted};
pub use learn::{Unlistable, name_of, propose};
pub use lint::{Finding, Severity, lint};
pub use near::Nearest;
pub(crate) use path::is_unseen;
pub use path::{FilePattern, FilePatternError, MAX_PATTERN_BYTES};
pub use regexp::RegexpError;
pub use write::{WriteError, entry, instance_entry, with_revocation, with_signer, without_signer};
