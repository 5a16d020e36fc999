//! The agent: one login for a working day.
//!
//! A person logs in once; the agent keeps what came of it in memory, makes keys, gets certificates for them, and answers
//! each request to sign a digest with a whole bundle that verifies. Keys never leave it.
//!
//! | module | what is in it |
//! |---|---|
//! | [`protocol`] | the lines that are said over the socket |
//! | [`socket`] | where the socket is, and that nobody else can reach it |
//! | [`Keeper`] | the logins: signing, renewing, and their end |
//! | [`Server`] | callers: who they are, and how much they may ask |
//! | [`Client`] | the other end |
//! | [`harden`] | keeping memory off the disk |

mod caller;
mod client;
pub mod harden;
mod held;
mod journal;
mod keeper;
pub mod protocol;
mod server;
pub mod socket;
mod subject;
#[cfg(test)]
mod tests;

pub use caller::{Caller, Powers, Stranger};
pub use client::{AgentError, Client};
pub use journal::{Event, Journal};
pub use keeper::{Instances, Keeper, Lifetimes};
pub use protocol::{GitContent, LoginRequest, LogoutRequest, Refusal, SignRequest};
pub use server::{Limits, Server};
pub use subject::{Subject, SubjectKind};
