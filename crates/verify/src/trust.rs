//! Whom to trust and where to sign: trusted roots, signing configs, and both in one file.

mod client_trust_config;
mod error;
mod public_good;
mod signing_config;
#[cfg(test)]
mod tests;
mod trusted_root;
mod window;

pub use client_trust_config::ClientTrustConfig;
pub use error::TrustError;
pub use public_good::{
    GITHUB, GITHUB_ROOT, KNOWN_ON, PUBLIC_GOOD, PUBLIC_GOOD_ROOT, PUBLIC_GOOD_SIGNING_CONFIG,
    STAGING, STAGING_ROOT, STAGING_SIGNING_CONFIG,
};
pub use signing_config::{Selected, Selector, Service, ServiceKind, SigningConfig, Supported};
pub use trusted_root::{
    CertificateAuthority, Records, TransparencyLog, TrustedRoot, UnsupportedLog,
};

/// The largest trust document that is read, in bytes.
pub const MAX_TRUST_BYTES: usize = 4 << 20;
