//! What is kept beside commits.

use super::{Entry, Mend};
use crate::exit::Exit;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "SH-GIT-NOTES",
        exits: &[Exit::Failed],
        what: "The notes under refs/notes/signhere cannot be read or changed.",
        why: "Bundles that prove signatures, approvals and attestations are kept there. They are changed only as a whole, on top of what others have written.",
        causes: &[
            "the ref names something that is no tree of notes",
            "many others write at the same time",
            "there is no room for temporary files",
        ],
        mend: Mend::Do("look at what is there: git log -1 --stat refs/notes/signhere"),
    },
    Entry {
        code: "SH-GIT-NOTES-FULL",
        exits: &[Exit::Failed],
        what: "The note of a commit would become longer than notes are read.",
        why: "Whoever may push may write notes; a limit keeps them from stopping everybody who reads.",
        causes: &[
            "somebody filled the note",
            "hundreds of people approved the commit",
        ],
        mend: Mend::Do("look what is in it: git notes --ref signhere show COMMIT"),
    },
    Entry {
        code: "SH-GIT-NOTES-PUSH",
        exits: &[Exit::Retry],
        what: "The remote does not take the notes.",
        why: "Notes that others have pushed meanwhile are merged, and then it is tried again. After some times it is left.",
        causes: &[
            "you may not push to refs/notes/signhere there",
            "a hook of the remote refuses it",
            "many others push at the same time",
        ],
        mend: Mend::Do("see what git says: git push REMOTE refs/notes/signhere"),
    },
    Entry {
        code: "SH-GIT-NOTES-FETCH",
        exits: &[Exit::Retry],
        what: "The remote's notes cannot be fetched.",
        why: "They are fetched by your own git with all its configuration, and merged with yours.",
        causes: &[
            "there is no remote of this name",
            "the network",
            "you are not logged in there",
        ],
        mend: Mend::Do("see what git says: git ls-remote REMOTE refs/notes/signhere"),
    },
    Entry {
        code: "SH-GIT-RESCUE",
        exits: &[Exit::Findings, Exit::Retry],
        what: "Some signatures have no log entry that could be fetched.",
        why: "Without an entry nothing proves that the signature was made while its certificate was valid.",
        causes: &[
            "the log's index is down, or was switched off",
            "the entry was never made",
            "the signature was made on another instance",
        ],
        mend: Mend::Do("try again later: what was found is kept, and the rest is asked for again"),
    },
    Entry {
        code: "SH-GIT-RESCUE-LOG",
        exits: &[Exit::Trust],
        what: "The instance names no log that can be searched.",
        why: "Only logs of the first generation have an index. In those of the second nothing can be found that was not kept.",
        causes: &[
            "the instance has never had such a log",
            "its signing config does not name it any more",
        ],
        mend: Mend::Do("name the log: signhere git rescue --log URL"),
    },
    Entry {
        code: "SH-GIT-RESCUE-NONE",
        exits: &[Exit::Findings],
        what: "The log's index knows nothing of a signature.",
        why: "It was searched for everything that is logged for commits and tags, and for the certificate.",
        causes: &[
            "the signature was never logged",
            "it was logged elsewhere",
            "the index is not complete",
        ],
        mend: Mend::Do("ask another log: signhere git rescue --log URL"),
    },
    Entry {
        code: "SH-GIT-RESCUE-OTHERS",
        exits: &[Exit::Findings],
        what: "The log has entries under this signature's names, and none of them is of it.",
        why: "Anybody may log anything. An entry counts when it is of the same certificate, about this object, and proven to be in the log.",
        causes: &[
            "the signer's key signed several objects, and this one was not logged",
            "somebody logged something to be found in its place",
            "gitsign wrote the object otherwise than git before it was logged",
        ],
        mend: Mend::Nothing("there is no entry that could prove it"),
    },
    Entry {
        code: "SH-GIT-RESCUE-NOT-ASKED",
        exits: &[Exit::Retry],
        what: "The log was not asked for this signature: it had not answered for others, or the search was interrupted.",
        why: "A service that everybody shares is left alone when it fails.",
        causes: &[
            "the log or its index is down",
            "somebody interrupted the search",
        ],
        mend: Mend::Do("try again later: what was found is kept"),
    },
    Entry {
        code: "SH-GIT-CARRY",
        exits: &[Exit::Failed],
        what: "The merged commit is not known to come from the signed ones.",
        why: "A carry-over says that a squash or a rebase changed nothing. That is found out by comparing trees and patches, byte for byte.",
        causes: &[
            "something was changed while merging, or a conflict was resolved",
            "--from or --to name other commits than those that were merged",
            "it was merged as it is, and nothing needs to be carried over",
        ],
        mend: Mend::Do("compare them: git range-diff BASE FROM TO"),
    },
    Entry {
        code: "SH-GIT-ATTEST",
        exits: &[Exit::NotAllowed],
        what: "The commit is not attested, because the policy does not let it through.",
        why: "A summary that says less than that the commit was verified is of use to nobody.",
        causes: &[
            "it is not signed, or not by somebody listed",
            "approvals are missing",
            "its parent has no trust file",
        ],
        mend: Mend::Do("see what is wrong with it: signhere git verify COMMIT"),
    },
    Entry {
        code: "SH-GIT-NOT-ATTESTED",
        exits: &[Exit::Findings],
        what: "No verification of the commit is attested by anybody whom the trust files list.",
        why: "Whoever may push may write notes. What is in them counts when it is signed by somebody listed.",
        causes: &[
            "nobody attested it, or the notes were not fetched",
            "whoever did is not in the trust file",
        ],
        mend: Mend::Do("fetch the notes: signhere git notes fetch"),
    },
    Entry {
        code: "SH-GIT-STATEMENT",
        exits: &[Exit::Findings, Exit::Failed],
        what: "A statement in a note is not about this commit, says nothing of its kind, or does not hold.",
        why: "Notes are not signed as a whole: each statement names the one commit that it is about, under its own signature.",
        causes: &[
            "it was put there from another commit",
            "it was signed on an instance that is not known",
            "it is of a later version",
        ],
        mend: Mend::Do("look at it: git notes --ref signhere show COMMIT"),
    },
];
