//! As `targets.rs`, of what is said to the agent: its plain tests are in `crates/sign/tests/fuzz.rs`.

#[path = "targets/agent.rs"]
mod protocol;
#[path = "target.rs"]
mod target;

pub(crate) use target::Target;

/// Every target; the names begin with `agent-`.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "agent-request",
        run: protocol::request,
        tokens: protocol::TOKENS,
    },
    Target {
        name: "agent-answer",
        run: protocol::answer,
        tokens: protocol::TOKENS,
    },
];
