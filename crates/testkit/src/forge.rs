//! A whole Sigstore in memory: it makes valid bundles of every kind, and lets a test spoil any part before it is signed.
//!
//! It writes every format from its specification and never through the crate that reads it, so that a mistake in
//! reading does not cancel out in writing. Certificates, SCTs and timestamp tokens come from signhere-pki's builders.
//!
//! A test that wants a refusal takes a [`Kind`] that is accepted, and changes one thing at one [`Stage`]: whatever
//! comes after is signed over the change, so that the refusal is for the change and not for a broken signature.

#![expect(
    clippy::expect_used,
    reason = "what cannot be forged must fail the test"
)]

mod armor;
mod bundle;
mod ca;
mod entry;
mod git;
mod keys;
mod kind;
mod log;
mod note;
mod root;
mod tsa;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signhere_pki::key::PrivateKey;
use signhere_pki::time::{Time, Validity};

pub use armor::{GitForm, GitPlan, commit, tag};
pub use bundle::{Forged, SignPlan, Stage};
pub use ca::{Ca, LeafPlan, SctPlan, Under};
pub use entry::EntryPlan;
pub use git::GitSigned;
pub use keys::{ed25519, fresh, rsa};
pub use kind::{Content, Entry, Evidence, Keying, Kind, MediaType};
pub use log::{Log, LogEntry, LogPlan, Proof};
pub use note::Witness;
pub use root::RootVersion;
pub use tsa::{StampPlan, Tsa};

/// When everything is signed unless a test says otherwise.
pub const SIGNED_AT: Time = Time::from_unix(1_780_315_200);
/// Who signs.
pub const IDENTITY: &str = "ada@example.test";
/// Who vouches for the signer.
pub const ISSUER: &str = "https://issuer.example.test";
/// What is signed.
pub const ARTIFACT: &[u8] = b"the artifact of the forge\n";

/// The services of one instance with their private keys.
pub struct Forge {
    /// The certificate authority, with a root and an intermediate.
    pub ca: Ca,
    /// The key of the certificate log.
    pub ct: PrivateKey,
    /// The log of the first generation.
    pub rekor_v1: Log,
    /// The log of the second generation.
    pub rekor_v2: Log,
    /// The timestamp authority.
    pub tsa: Tsa,
}

impl Forge {
    /// Makes an instance with keys of its own.
    pub fn new() -> Self {
        Self {
            ca: Ca::new(),
            ct: fresh(signhere_pki::key::KeyKind::P256),
            rekor_v1: Log::rekor_v1(),
            rekor_v2: Log::rekor_v2(),
            tsa: Tsa::new(),
        }
    }
}

impl Default for Forge {
    fn default() -> Self {
        Self::new()
    }
}

/// The validity of everything that lasts: from a year before [`SIGNED_AT`], without an end where none is needed.
fn years(count: i64) -> Validity {
    const YEAR: i64 = 365 * 24 * 3600;
    Validity {
        start: SIGNED_AT.plus_seconds(-YEAR),
        end: Some(SIGNED_AT.plus_seconds(count * YEAR)),
    }
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
