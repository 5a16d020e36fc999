//! Trust material: roots, instances, The Update Framework.

use super::{Entry, Mend};
use crate::exit::Exit;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "SH-TRUST",
        exits: &[Exit::Trust],
        what: "Trust material cannot be used.",
        why: "Without usable trust material nothing can be said about a signature, neither good nor bad.",
        causes: &[
            "another file was named",
            "the file was damaged",
            "a validity has no start, which would make it “since ever”",
        ],
        mend: Mend::Do(
            "name the right file or instance: --trusted-root, --trust-config, --instance",
        ),
    },
    Entry {
        code: "SH-TRUST-SERVICES",
        exits: &[Exit::Trust],
        what: "The signing config names no usable service.",
        why: "Signing needs a CA, a log or a timestamp authority that is in use today (signing config, validFor).",
        causes: &["the signing config is outdated"],
        mend: Mend::Do("name another signing config or instance: --signing-config, --instance"),
    },
    Entry {
        code: "SH-INSTANCE-UNKNOWN",
        exits: &[Exit::Trust],
        what: "There is no instance of this name.",
        why: "A name that is not known is not replaced by the default: that would sign or verify with others' trust.",
        causes: &[
            "a typing error",
            "the instance is in another configuration file",
        ],
        mend: Mend::Do("name one that is known: --instance public, a URL, or a folder"),
    },
    Entry {
        code: "SH-OFFLINE",
        exits: &[Exit::Retry],
        what: "The network is needed, and --offline forbids it.",
        why: "Offline means that nothing is sent.",
        causes: &["the command needs a service or a URL"],
        mend: Mend::Do("leave --offline out"),
    },
    Entry {
        code: "SH-TUF",
        exits: &[Exit::Trust],
        what: "A TUF document cannot be used, or does not hold.",
        why: "Trust roots come signed by several keys, with versions that only grow and dates that expire (The Update Framework 1.0, section 5).",
        causes: &[
            "the repository is being changed by somebody else",
            "an old copy of the repository is served",
        ],
        mend: Mend::Nothing("the message names the document and the rule that it breaks"),
    },
    Entry {
        code: "SH-TUF-MISSING",
        exits: &[Exit::Trust],
        what: "The repository lacks a document that others name.",
        why: "A repository counts as a whole: a document left out may be one that somebody wants to hide.",
        causes: &["the instance has never been started"],
        mend: Mend::Do("start the instance once: its repository is made then"),
    },
    Entry {
        code: "SH-TUF-UNSIGNED",
        exits: &[Exit::Trust],
        what: "Too few keys have signed a TUF document.",
        why: "A threshold of keys keeps one stolen key from changing what is trusted (The Update Framework 1.0, section 6.1).",
        causes: &["not everybody has signed yet"],
        mend: Mend::Do("signhere serve trust sign-root FILE --key KEY"),
    },
    Entry {
        code: "SH-TUF-ROOT-KEY",
        exits: &[Exit::Failed],
        what: "The key that signs roots is not among the instance's keys.",
        why: "A root is signed by the keys that the root before it names.",
        causes: &["the key was taken offline"],
        mend: Mend::Do("name its file: --root-key FILE"),
    },
    Entry {
        code: "SH-TUF-ROOT-EXISTS",
        exits: &[Exit::Retry],
        what: "Somebody else has continued the root meanwhile.",
        why: "Two roots with one version would split the clients.",
        causes: &["two people have worked on the root at once"],
        mend: Mend::Do("look at it: signhere serve trust show DIR; then begin again"),
    },
    Entry {
        code: "SH-TUF-EXPIRED",
        exits: &[Exit::Trust],
        what: "A TUF document has expired: the repository is no longer looked after, somebody keeps newer documents from you, or this machine's clock is wrong.",
        why: "An expiry bounds how long somebody can keep newer documents from a client (freeze attack; The Update Framework 1.0, section 5).",
        causes: &[
            "this machine's clock is wrong",
            "the repository is no longer looked after",
        ],
        mend: Mend::Do("look at the clock; then ask who runs the instance"),
    },
    Entry {
        code: "SH-TUF-ROLLBACK",
        exits: &[Exit::Trust],
        what: "A TUF repository offers something older than it did before.",
        why: "Versions only grow: an older document may list keys that were taken out since (rollback attack; The Update Framework 1.0, section 5).",
        causes: &[
            "the repository was restored from a copy",
            "somebody serves an old copy",
        ],
        mend: Mend::Do("ask who runs the instance"),
    },
    Entry {
        code: "SH-TUF-NOT-CACHED",
        exits: &[Exit::Trust],
        what: "A TUF document is not in the cache.",
        why: "Offline only what was fetched and checked before can be used.",
        causes: &["the repository was never fetched on this machine"],
        mend: Mend::Do("signhere trust update"),
    },
    Entry {
        code: "SH-TUF-NO-TARGET",
        exits: &[Exit::Trust],
        what: "A TUF repository has no such file.",
        why: "Only files that signed metadata names are taken.",
        causes: &["the name has a typing error"],
        mend: Mend::Do("look at the name"),
    },
    Entry {
        code: "SH-TRUST-AUTHORITY",
        exits: &[Exit::Trust],
        what: "An authority of the trusted root cannot be used: its chain does not hold, or has a kind of key that is not known.",
        why: "What an authority without a usable chain vouches for cannot be proven; the other authorities go on counting.",
        causes: &[
            "the trusted root is newer than this program",
            "the trusted root was put together wrongly",
        ],
        mend: Mend::Do("signhere trust update"),
    },
    Entry {
        code: "SH-TRUST-KEYS",
        exits: &[Exit::Trust],
        what: "The package registry's keys cannot be used.",
        why: "Without them nothing can be said about what the registry signed.",
        causes: &[
            "another file was named",
            "the document lists no key for attestations",
        ],
        mend: Mend::Do("check what --registry-keys names"),
    },
];
