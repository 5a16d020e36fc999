//! Who signs: tokens that an OpenID Connect issuer vouches with.
//!
//! [`ambient`] finds the identity that a CI job or a cloud workload already has; [`oidc`] lets a
//! person log in, with a browser or on another device. Both end in an [`IdentityToken`].

pub mod ambient;
pub mod oidc;
mod token;

pub use token::{Challenge, IdentityToken, TokenError};

/// The audience that Sigstore's certificate authorities expect, and the client id that goes
/// with it.
pub const AUDIENCE: &str = "sigstore";
