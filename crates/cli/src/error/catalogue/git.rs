//! Commits and tags.

use super::{Entry, Mend};
use crate::exit::Exit;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "SH-GIT-OBJECT",
        exits: &[Exit::NoMatchingSignature],
        what: "The commit or tag is not of git's form, or could be read in two ways.",
        why: "What is signed are the bytes of the object. A header twice or out of its place is read differently by different programs, so that each could be shown another commit under one signature.",
        causes: &[
            "the object was made by a program with a defect",
            "somebody made it by hand, to have it read in two ways",
        ],
        mend: Mend::Do("look at it: git cat-file -p OBJECT"),
    },
    Entry {
        code: "SH-GIT-UNSIGNED",
        exits: &[Exit::NoSignature],
        what: "The commit or tag carries no signature.",
        why: "The names in it are typed by whoever made it. Only a signature says more.",
        causes: &[
            "signing is not switched on where it was made",
            "it was made in the web pages of a forge",
            "it is older than the decision to sign",
        ],
        mend: Mend::Do("sign from now on: signhere git setup"),
    },
    Entry {
        code: "SH-GIT-FOREIGN",
        exits: &[Exit::NoMatchingSignature],
        what: "The signature is of a kind that nothing here vouches for: SSH, OpenPGP, or unknown.",
        why: "Such signatures are by keys, and nobody said whose keys they are.",
        causes: &["the signer uses SSH or OpenPGP keys"],
        mend: Mend::Do("for SSH keys: list them in a file allowed_signers"),
    },
    Entry {
        code: "SH-GIT-PLATFORM",
        exits: &[Exit::NoMatchingSignature],
        what: "The signature names a platform's own key, and was not verified here.",
        why: "Platforms sign what people do in their web pages. That says that the platform did it, and nothing of who asked for it.",
        causes: &["it was merged or edited in the web pages of the platform"],
        mend: Mend::Do("if the platform's word is enough for you: list it in [git] platforms"),
    },
    Entry {
        code: "SH-GIT-UNPROVEN",
        exits: &[Exit::Unproven],
        what: "The signature is good, and it was not brought along that it was logged, or when it was made.",
        why: "The key of a ten-minute certificate proves something only for those ten minutes, and only the log or a timestamp says that it was then. gitsign keeps neither unless it is told to.",
        causes: &[
            "gitsign made it in its usual mode, which keeps no log entry",
            "the certificate is of 2022, when its log's timestamp was kept elsewhere",
        ],
        mend: Mend::Do("fetch what is missing, once: signhere git rescue"),
    },
    Entry {
        code: "SH-GIT-ARMOR",
        exits: &[Exit::NoMatchingSignature],
        what: "The text around the signature is not of the form that signing programs write.",
        why: "git takes everything from its first line on for the signature. What else stands there is signed by nobody.",
        causes: &[
            "the signature was cut off or changed",
            "a program printed something into it",
        ],
        mend: Mend::Do("have it signed again"),
    },
    Entry {
        code: "SH-GIT-CMS",
        exits: &[Exit::NoMatchingSignature],
        what: "The signature is not a CMS message of one signer over data that lies elsewhere.",
        why: "A commit is signed by a detached SignedData with one signer, whose certificate is beside it (RFC 5652, section 5). Several signers or other contents could be read in several ways.",
        causes: &[
            "the signature was changed",
            "another program made it, of a form that is not used for git",
        ],
        mend: Mend::Do("have it signed again"),
    },
    Entry {
        code: "SH-GIT-CONTENT",
        exits: &[Exit::NoMatchingSignature],
        what: "The signature is over another commit or tag.",
        why: "The signed attribute message-digest (RFC 5652, section 11.2) is the digest of what was signed: the object without its signature. This one has another.",
        causes: &[
            "the object was rewritten and its signature kept",
            "the signature was taken from another object",
        ],
        mend: Mend::Do("do not use it; ask the signer for the object as it was made"),
    },
    Entry {
        code: "SH-GIT-EMBEDDED",
        exits: &[Exit::NoMatchingSignature],
        what: "The log entry or timestamp in the signature cannot be read.",
        why: "What a signature embeds is not signed, so that anybody can change it. What cannot be read proves nothing.",
        causes: &[
            "the signature was changed after it was made",
            "a newer program wrote a form that is not known here",
        ],
        mend: Mend::Do("ask the signer for the object as it was made, or use a newer signhere"),
    },
    Entry {
        code: "SH-GIT-SIGNING-TIME",
        exits: &[Exit::NoMatchingSignature],
        what: "The signer claims to have signed at a time for which the certificate was not issued.",
        why: "The signed attribute signing-time (RFC 5652, section 11.3) has to be within ten minutes of the certificate's validity. It proves nothing, but it must not contradict what is proven.",
        causes: &[
            "the clock of the machine that signed was wrong",
            "the key was used after its certificate had expired",
        ],
        mend: Mend::Do("set the clock and sign again: git commit --amend --no-edit"),
    },
];
