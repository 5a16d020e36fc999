//! What every copy of this program knows of Sigstore's public instances.
//!
//! The files are those in the `sigstore/_store` folder of the package `sigstore` 4.5.1 on PyPI,
//! unchanged. They are a start: an updated trusted root replaces them.

/// The trusted root of the public-good instance.
pub const PUBLIC_GOOD: &str = include_str!("public_good.trusted_root.json");

/// The signing config of the public-good instance.
pub const PUBLIC_GOOD_SIGNING_CONFIG: &str = include_str!("public_good.signing_config.json");

/// The trusted root of the staging instance.
pub const STAGING: &str = include_str!("staging.trusted_root.json");

/// The signing config of the staging instance.
pub const STAGING_SIGNING_CONFIG: &str = include_str!("staging.signing_config.json");
