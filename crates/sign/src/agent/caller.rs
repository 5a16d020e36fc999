//! Who is at the other end of the socket, by what the system says of them.

use std::fmt;
use std::fs;

use tokio::net::unix::UCred;

/// What may be asked for over a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Powers {
    /// Everything.
    All,
    /// What git signs, and the status: what another machine may be given.
    Git,
}

/// A process that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its process, where the system says.
    pub pid: Option<i32>,
    /// Its program, for the journal: whoever may ask could call theirs by any name.
    pub program: Option<String>,
    /// Over which socket it came.
    pub powers: Powers,
}

/// A process of another user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the caller is user {found}, not {expected}")]
pub struct Stranger {
    /// The agent's user.
    pub expected: u32,
    /// The caller's.
    pub found: u32,
}

impl Caller {
    /// The caller with these credentials (`SO_PEERCRED`), who must be the agent's own user.
    pub(super) fn judge(credentials: UCred, own: u32, powers: Powers) -> Result<Self, Stranger> {
        Self::check(credentials.uid(), own)?;
        let pid = credentials.pid();
        Ok(Self {
            pid,
            program: pid.and_then(program),
            powers,
        })
    }

    pub(super) fn check(found: u32, expected: u32) -> Result<(), Stranger> {
        // Root is refused like everybody: who is root by mistake learns it here, who is not could become this user.
        match found == expected {
            true => Ok(()),
            false => Err(Stranger { expected, found }),
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}")?,
            None => f.write_str("a process")?,
        }
        if let Some(program) = &self.program {
            write!(f, " ({program})")?;
        }
        match self.powers {
            Powers::All => Ok(()),
            Powers::Git => f.write_str(" over the socket for forwarding"),
        }
    }
}

/// The program of a process, fit for a line of the journal.
fn program(pid: i32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(super::protocol::quoted(path.display()))
}
