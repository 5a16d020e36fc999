//! What the agent tells of itself. Nothing here can hold a secret.

use std::fmt;

use super::Subject;
use super::caller::{Caller, Stranger};

/// Where events go.
pub trait Journal: Send + Sync {
    /// Takes note of an event.
    fn note(&self, event: &Event<'_>);
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The agent listens.
    Started,
    /// A request was met.
    Met {
        /// Who asked.
        caller: &'a Caller,
        /// What for.
        what: What<'a>,
    },
    /// A request was not met.
    Refused {
        /// Who asked.
        caller: &'a Caller,
        /// Why not.
        why: &'a super::Refusal,
    },
    /// Somebody who may not ask did.
    Stranger(Stranger),
    /// There were too many callers.
    Crowded {
        /// How many are served at a time.
        limit: usize,
    },
    /// A certificate was got.
    Certificate {
        /// For whom.
        identity: &'a str,
        /// Of which instance.
        instance: &'a str,
    },
    /// A login ended.
    Ended {
        /// Whose.
        identity: &'a str,
        /// Of which instance.
        instance: &'a str,
        /// Why.
        why: &'a str,
    },
    /// Something else is where its socket was, or nothing.
    Unreachable,
    /// Callers cannot be accepted.
    Accept(std::io::ErrorKind),
    /// The agent ends.
    Stopped,
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum What<'a> {
    /// A signature.
    Sign(&'a Subject<'a>),
    /// A login to keep.
    Login {
        /// Whose.
        identity: &'a str,
        /// Of which instance.
        instance: &'a str,
    },
    /// Logins to forget.
    Logout {
        /// How many they were.
        count: usize,
    },
    /// The status.
    Status,
    /// The end.
    Stop,
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("started"),
            Self::Met { caller, what } => write!(f, "{what} for {caller}"),
            Self::Refused { caller, why } => write!(f, "refused {caller}: {why}"),
            Self::Stranger(stranger) => write!(f, "refused a stranger: {stranger}"),
            Self::Crowded { limit } => write!(f, "refused a caller: {limit} are served already"),
            Self::Certificate { identity, instance } => {
                write!(f, "got a certificate for {identity} on {instance}")
            }
            Self::Ended {
                identity,
                instance,
                why,
            } => write!(f, "the login of {identity} on {instance} ended: {why}"),
            Self::Unreachable => f.write_str("the socket has gone, and nobody can ask any more"),
            Self::Accept(kind) => write!(f, "cannot accept callers: {kind}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sign(subject) => write!(f, "signed {subject}"),
            Self::Login { identity, instance } => {
                write!(f, "kept the login of {identity} on {instance}")
            }
            Self::Logout { count } => write!(f, "forgot {count} logins"),
            Self::Status => f.write_str("told the status"),
            Self::Stop => f.write_str("stopping"),
        }
    }
}
