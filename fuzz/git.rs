//! As `targets.rs`, of the parsers for commits and tags: their plain tests are in `crates/git/tests/fuzz.rs`.

#[path = "targets/keys.rs"]
mod keys;
#[path = "targets/notes.rs"]
mod notes;
#[path = "targets/objects.rs"]
mod objects;
#[path = "target.rs"]
mod target;

pub(crate) use target::Target;

/// Every target; the names begin with `git-`.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "git-object",
        run: objects::object,
        tokens: objects::OBJECT_TOKENS,
    },
    Target {
        name: "git-armor",
        run: objects::armor,
        tokens: objects::ARMOR_TOKENS,
    },
    Target {
        name: "git-signature",
        run: objects::signature,
        tokens: objects::DER_TOKENS,
    },
    Target {
        name: "git-verify",
        run: objects::verify,
        tokens: objects::OBJECT_TOKENS,
    },
    Target {
        name: "git-note",
        run: notes::note,
        tokens: notes::TOKENS,
    },
    Target {
        name: "git-ssh",
        run: keys::ssh,
        tokens: keys::SSH_TOKENS,
    },
    Target {
        name: "git-pgp",
        run: keys::pgp,
        tokens: keys::PGP_TOKENS,
    },
];
