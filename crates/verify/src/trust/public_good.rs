//! What every copy of this program knows of Sigstore's public instances and of GitHub's own.
//!
//! The files are unchanged copies. Trusted roots and signing configs of the public instances are those in the
//! `sigstore/_store` folder of the package `sigstore` 4.5.1 on PyPI; the TUF roots and GitHub's trusted root are
//! those in the package `sigstore-trust-root` 0.15.1 on crates.io. They are a start: an update by TUF replaces them.

use signhere_pki::time::Time;

/// When these files were taken into the program: 2026-11-22.
pub const KNOWN_ON: Time = Time::from_unix(1_795_305_600);

/// The trusted root of the public-good instance.
pub const PUBLIC_GOOD: &str = include_str!("public_good.trusted_root.json");

/// The signing config of the public-good instance.
pub const PUBLIC_GOOD_SIGNING_CONFIG: &str = include_str!("public_good.signing_config.json");

/// The TUF root of the public-good instance, version 16.
pub const PUBLIC_GOOD_ROOT: &str = include_str!("public_good.root.json");

/// The trusted root of the staging instance.
pub const STAGING: &str = include_str!("staging.trusted_root.json");

/// The signing config of the staging instance.
pub const STAGING_SIGNING_CONFIG: &str = include_str!("staging.signing_config.json");

/// The TUF root of the staging instance, version 15.
pub const STAGING_ROOT: &str = include_str!("staging.root.json");

/// The trusted root of GitHub's own instance, which signs attestations of private repositories and releases.
pub const GITHUB: &str = include_str!("github.trusted_root.json");

/// The TUF root of GitHub's own instance, version 9.
pub const GITHUB_ROOT: &str = include_str!("github.root.json");
