//! Identities, the clients of CA, log and timestamp authority, and signing.
//!
//! - [`http`]: one HTTP client for all, bounded and wary
//! - [`service`]: how the failure of a service is told

pub mod http;
pub mod service;

#[cfg(test)]
mod testing;
