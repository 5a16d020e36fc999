//! What the agent refuses, and what is wrong with its socket.

use signhere_sign::agent::socket::SocketError;
use signhere_sign::agent::{AgentError, Refusal};

use super::{CliError, shell_word};
use crate::exit::Exit;

impl From<AgentError> for CliError {
    fn from(error: AgentError) -> Self {
        let message = error.to_string();
        match error {
            AgentError::Refused(refusal) => refusal.into(),
            AgentError::Socket(error) => error.into(),
            AgentError::Stranger(_) => Self::new(Exit::Failed, "SH-AGENT-SOCKET", message)
                .mend("unset SIGNHERE_AGENT_SOCK, or name a socket of your own"),
            AgentError::Bundle(_) | AgentError::OtherBundle(_) => {
                Self::new(Exit::Trust, "SH-AGENT-BUNDLE", message)
            }
            _ => Self::new(Exit::Retry, "SH-AGENT", message),
        }
    }
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::LoginNeeded { .. } => {
                Self::new(Exit::Login, "SH-LOGIN-NEEDED", message).mend("signhere agent login")
            }
            Refusal::IdentityNotHere { wanted, found, .. } => {
                Self::new(Exit::Login, "SH-AGENT-IDENTITY", message)
                    .expected(wanted)
                    .found(found.join(", "))
                    .mend("signhere agent login")
            }
            Refusal::IdentityAmbiguous { found, .. } => {
                Self::new(Exit::Login, "SH-AGENT-IDENTITY", message)
                    .expected("one of them to be named, or to be the committer")
                    .found(found.join(", "))
                    .mend("signhere agent logout --identity ADDRESS")
            }
            Refusal::Busy { .. } | Refusal::TimedOut { .. } => {
                Self::new(Exit::Retry, "SH-AGENT-BUSY", message)
            }
            Refusal::Service {
                transient: true, ..
            } => Self::new(Exit::Retry, "SH-SERVICE-DOWN", message),
            Refusal::Service { .. } => Self::new(Exit::Failed, "SH-SERVICE-REFUSED", message),
            Refusal::NotVerified { .. } => Self::new(Exit::Trust, "SH-SERVICE-LIE", message),
            Refusal::Instance { .. } => Self::new(Exit::Trust, "SH-AGENT-INSTANCE", message),
            Refusal::Token { .. } => Self::new(Exit::Login, "SH-TOKEN", message),
            Refusal::TooManyLogins { .. } => Self::new(Exit::Failed, "SH-AGENT-FULL", message),
            Refusal::SignOnly => Self::new(Exit::Login, "SH-AGENT-SIGN-ONLY", message),
            Refusal::GitOnly => Self::new(Exit::Login, "SH-AGENT-GIT-ONLY", message)
                .mend("log in for this one: SIGNHERE_NO_AGENT=1, or signhere sign --no-agent"),
            _ => Self::new(Exit::Retry, "SH-AGENT", message),
        }
    }
}

impl From<SocketError> for CliError {
    fn from(error: SocketError) -> Self {
        let message = error.to_string();
        match error {
            SocketError::Running { .. } => {
                Self::new(Exit::Failed, "SH-AGENT-RUNNING", message).mend("signhere agent stop")
            }
            SocketError::Open { path, .. } => {
                let path = shell_word(&path.display().to_string());
                Self::new(Exit::Failed, "SH-AGENT-SOCKET", message)
                    .mend(format!("chmod go= {path}"))
            }
            _ => Self::new(Exit::Failed, "SH-AGENT-SOCKET", message),
        }
    }
}
