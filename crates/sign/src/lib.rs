//! Identities, the clients of CA, log and timestamp authority, and signing.
//!
//! | module | what is in it |
//! |---|---|
//! | [`agent`] | one login for a working day: logins that are kept, and signed with, by a process of their own |
//! | [`identity`] | who signs: ambient identities, logins, tokens |
//! | [`keys`] | keys that people manage themselves |
//! | [`instance`] | whom to trust and where to sign |
//! | [`session`] | signing: many files, one certificate, each result verified |
//! | [`service`] | how the failure of a service is told |
//! | [`fulcio`] | the certificate authority |
//! | [`rekor_v1`], [`rekor_v2`] | the transparency log, both generations |
//! | [`tsa`] | the timestamp authority |
//! | [`tuf`] | trust that is kept up to date: TUF repositories and their cache |

pub mod agent;
pub mod fulcio;
pub mod identity;
pub mod instance;
pub mod keys;
pub mod rekor_v1;
pub mod rekor_v2;
pub mod service;
pub mod session;
pub mod tsa;
pub mod tuf;

#[cfg(test)]
mod testing;
