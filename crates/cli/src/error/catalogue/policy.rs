//! Trust files: who may sign what.

use super::{Entry, Mend};
use crate::exit::Exit;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "SH-TRUST-FILE",
        exits: &[Exit::Trust],
        what: "A trust file is wrong.",
        why: "A line that is not understood could be a condition: nobody is believed by a file that is read in part.",
        causes: &[
            "a typing error",
            "an identity that is no identity, or a pattern that is too wide",
            "a key of a later version",
        ],
        mend: Mend::Do(
            "correct the line that the error shows; all keys: docs/reference/trust.toml.md",
        ),
    },
    Entry {
        code: "SH-TRUST-FILE-NOWHERE",
        exits: &[Exit::Trust],
        what: "There is no trust file to add to, and no home folder for one.",
        why: "An entry is added to the repository's file or to your own.",
        causes: &["HOME is not set"],
        mend: Mend::Do("signhere trust init"),
    },
    Entry {
        code: "SH-TRUST-FILE-WRITABLE",
        exits: &[Exit::Trust],
        what: "Everybody on the machine can change the trust file.",
        why: "What anybody can write says nothing of whom its owner trusts.",
        causes: &["the file was made with an open umask"],
        mend: Mend::Do("chmod o-w FILE"),
    },
    Entry {
        code: "SH-TRUST-WHO",
        exits: &[Exit::Usage],
        what: "Somebody who cannot be listed: the identity, the issuer or a pattern is none that a trust file can have.",
        why: "Identities are exact, or have * for a whole segment or ref name; what looks like something else is refused.",
        causes: &[
            "a * for a part of a segment, or in a host",
            "an address in upper case",
            "percent-encoding",
        ],
        mend: Mend::Do("see docs/reference/trust.toml.md, section Identities"),
    },
    Entry {
        code: "SH-TRUST-NAME",
        exits: &[Exit::Usage],
        what: "The trust file has no signer of this name, or has one already.",
        why: "A signer is called by its name in the file.",
        causes: &["a typing error", "another file is meant: --trust FILE"],
        mend: Mend::Do("signhere trust show"),
    },
    Entry {
        code: "SH-TRUST-NAMED",
        exits: &[Exit::Usage],
        what: "The signer is named by a team or a rule of [git], and is not removed.",
        why: "A rule that names nobody who is listed would make the whole file unusable.",
        causes: &["the signer is still among those whose word counts for a branch"],
        mend: Mend::Do("take the name out there first, or: signhere trust revoke NAME"),
    },
    Entry {
        code: "SH-TRUST-WIDE",
        exits: &[Exit::Findings],
        what: "With the new entry strangers could sign; it is not added.",
        why: "What lint would refuse is not written in the first place.",
        causes: &[
            "a * for a repository, a workflow or a branch",
            "the ref of a pull request",
            "a workflow that others call too",
        ],
        mend: Mend::Do("name what you mean: signhere trust add --help"),
    },
    Entry {
        code: "SH-TRUST-UNLISTABLE",
        exits: &[Exit::Unlisted],
        what: "The signature is good, and a trust file cannot list its signer safely.",
        why: "A proposal is exact and plain, or it is not made.",
        causes: &[
            "it was made for a pull request",
            "its name has characters that a trust file refuses",
        ],
        mend: Mend::Do("add whom you mean by name: signhere trust add --help"),
    },
    Entry {
        code: "SH-TRUST-IMPORT",
        exits: &[Exit::Findings],
        what: "What another tool was told takes more than a trust file can say, and is not translated.",
        why: "A pattern that accepts strangers is not made safe by being copied.",
        causes: &[
            "a regular expression without ^ and $",
            "a dot without a backslash",
            ".* over several segments",
        ],
        mend: Mend::Do("add whom you mean by name: signhere trust add --help"),
    },
];
