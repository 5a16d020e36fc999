//! The agent that keeps logins.

use super::{Entry, Mend};
use crate::exit::Exit;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "SH-AGENT",
        exits: &[Exit::Retry],
        what: "The agent does not answer as it should.",
        why: "Each answer is bounded in length and time, and read strictly.",
        causes: &[
            "the agent ended in the middle of it",
            "the agent is of another version",
            "something else listens at the socket",
        ],
        mend: Mend::Do("signhere agent stop"),
    },
    Entry {
        code: "SH-AGENT-BUNDLE",
        exits: &[Exit::Trust],
        what: "The agent's bundle is not what was asked for.",
        why: "Whoever asks holds the answer against the question: its digest, its key, its signer.",
        causes: &["something else than the agent listens at the socket"],
        mend: Mend::Do("signhere agent stop"),
    },
    Entry {
        code: "SH-AGENT-BUSY",
        exits: &[Exit::Retry],
        what: "The agent has too much to do, or a service takes too long.",
        why: "The agent serves a bounded number of callers for a bounded time, so that none stops the others.",
        causes: &["many signatures at a time", "the instance answers slowly"],
        mend: Mend::Do("try again"),
    },
    Entry {
        code: "SH-AGENT-FULL",
        exits: &[Exit::Failed],
        what: "The agent keeps as many logins as it may.",
        why: "What is kept in memory is bounded.",
        causes: &["many identities or instances"],
        mend: Mend::Do("signhere agent logout --identity ADDRESS"),
    },
    Entry {
        code: "SH-AGENT-GIT-ONLY",
        exits: &[Exit::Login],
        what: "The socket is for commits, tags and statements about them.",
        why: "Another machine that is given the socket may sign as git does; a digest alone could be of anything, a release among it.",
        causes: &[
            "SIGNHERE_AGENT_SOCK names a socket that was forwarded, and a file is to be signed",
        ],
        mend: Mend::Do("log in for this one: SIGNHERE_NO_AGENT=1, or signhere sign --no-agent"),
    },
    Entry {
        code: "SH-AGENT-GONE",
        exits: &[Exit::Login],
        what: "No agent answers where SIGNHERE_AGENT_SOCK says.",
        why: "A socket that was named is used or not; no other agent is started in its stead.",
        causes: &[
            "the connection that forwards the socket has ended",
            "the agent on the other machine has ended",
        ],
        mend: Mend::Do(
            "start the agent on the machine that the socket leads to, or unset SIGNHERE_AGENT_SOCK",
        ),
    },
    Entry {
        code: "SH-AGENT-IDENTITY",
        exits: &[Exit::Login],
        what: "Somebody else is logged in than who should sign, or several are and none was chosen.",
        why: "A signature under another identity is worse than none.",
        causes: &[
            "a login at the issuer with another account",
            "a login for work and one for oneself",
        ],
        mend: Mend::Do("signhere agent login"),
    },
    Entry {
        code: "SH-AGENT-INSTANCE",
        exits: &[Exit::Trust],
        what: "The agent cannot use the instance.",
        why: "The agent looks instances up by itself, in its user's configuration: whoever may ask it cannot send it elsewhere.",
        causes: &[
            "the configuration names no such instance",
            "the instance's description cannot be had",
        ],
        mend: Mend::Do("signhere trust instances"),
    },
    Entry {
        code: "SH-AGENT-RUNNING",
        exits: &[Exit::Failed],
        what: "An agent runs already.",
        why: "Two agents would ask for two logins.",
        causes: &["another shell started it"],
        mend: Mend::Do("signhere agent stop"),
    },
    Entry {
        code: "SH-AGENT-SIGN-ONLY",
        exits: &[Exit::Login],
        what: "The socket is for signing only.",
        why: "Another machine that is given the socket may sign while it is connected; it cannot bring logins or end them.",
        causes: &["SIGNHERE_AGENT_SOCK names a socket that was forwarded"],
        mend: Mend::Do("do it on the machine where the agent runs"),
    },
    Entry {
        code: "SH-AGENT-SOCKET",
        exits: &[Exit::Failed],
        what: "The agent's socket or its folder cannot be used.",
        why: "The folder must be this user's alone, with no link in it: who can put another socket there is given the logins.",
        causes: &[
            "the folder is open to others",
            "sudo, with another user's home",
            "the path is too long",
        ],
        mend: Mend::Do("name another place: SIGNHERE_AGENT_SOCK"),
    },
    Entry {
        code: "SH-AGENT-START",
        exits: &[Exit::Failed],
        what: "The agent does not start.",
        why: "A person's signatures are made by the agent, so that one login is enough.",
        causes: &["the folder of its journal cannot be written to"],
        mend: Mend::Do(
            "see what it says: signhere agent start --foreground; to sign without it: SIGNHERE_NO_AGENT=1",
        ),
    },
];
