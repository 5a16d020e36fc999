//! Files, keys, and the command line.

use super::{Entry, Mend};
use crate::exit::Exit;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "SH-USAGE",
        exits: &[Exit::Usage],
        what: "The command line asks for something that cannot be.",
        why: "A flag that is not understood is refused: ignoring it could mean that less is checked than was asked for.",
        causes: &["a typing error", "a flag of another program or version"],
        mend: Mend::Do("signhere COMMAND --help"),
    },
    Entry {
        code: "SH-FILE-MISSING",
        exits: &[Exit::Failed, Exit::NoArtifact, Exit::Trust],
        what: "There is no such file. 11: it was to be verified; 30: it is trust material.",
        why: "A file that is not there is neither unsigned nor wrong.",
        causes: &[
            "a typing error in the path",
            "another current folder than expected",
        ],
        mend: Mend::Do("check the path: ls"),
    },
    Entry {
        code: "SH-FILE-DENIED",
        exits: &[Exit::Failed, Exit::Trust],
        what: "The file cannot be read or written.",
        why: "What cannot be read is not guessed.",
        causes: &[
            "the file is another user's",
            "the disk is mounted read-only",
        ],
        mend: Mend::Do("check its permissions: ls -l"),
    },
    Entry {
        code: "SH-FILE-EXISTS",
        exits: &[Exit::Failed],
        what: "The file is there already, and is not overwritten.",
        why: "A key or bundle that is overwritten may be the only one.",
        causes: &["the command was run before"],
        mend: Mend::Do("choose another name, or move the file away"),
    },
    Entry {
        code: "SH-FILE-TOO-LARGE",
        exits: &[Exit::Failed, Exit::Trust],
        what: "The file is larger than anything of its kind.",
        why: "Everything that is read into memory has a bound, so that no file can exhaust it.",
        causes: &["another file was meant"],
        mend: Mend::Do("check that it is the right file"),
    },
    Entry {
        code: "SH-FILE",
        exits: &[Exit::Failed, Exit::NoArtifact, Exit::Trust],
        what: "Reading or writing failed in another way: the disk is full, or read-only.",
        why: "The operating system says why; the message repeats it.",
        causes: &["the disk is full", "the disk or the network drive fails"],
        mend: Mend::Do("make room, or the disk writable: df -h"),
    },
    Entry {
        code: "SH-CONFIG",
        exits: &[Exit::Failed],
        what: "The configuration file is not well formed.",
        why: "A setting that is not understood is refused: it might have been meant to make something stricter.",
        causes: &["a typing error in a key", "a value without quotes"],
        mend: Mend::Do("correct the line that the error shows"),
    },
    Entry {
        code: "SH-OUTPUT",
        exits: &[Exit::Failed],
        what: "Standard output cannot be written to.",
        why: "A result that nobody could read is not counted as given.",
        causes: &["the disk that it is redirected to is full"],
        mend: Mend::Do("check what standard output is redirected to"),
    },
    Entry {
        code: "SH-INTERNAL",
        exits: &[Exit::Failed],
        what: "Something that cannot happen did.",
        why: "Going on would be guessing.",
        causes: &["a defect in signhere"],
        mend: Mend::Nothing("nothing that you did: please report it with the message"),
    },
    Entry {
        code: "SH-KEY",
        exits: &[Exit::Failed],
        what: "The key cannot be read or used.",
        why: "Keys are read strictly: PEM (RFC 7468) around PKCS#8 or SubjectPublicKeyInfo, of kinds that Sigstore signs with.",
        causes: &[
            "the file is of another kind: an SSH or PGP key",
            "private and public key were mixed up",
        ],
        mend: Mend::Do(
            "name a PEM file of a P-256, P-384, P-521, Ed25519 or RSA key: signhere key generate",
        ),
    },
    Entry {
        code: "SH-KEY-PASSPHRASE",
        exits: &[Exit::Failed],
        what: "The passphrase of the key is missing or wrong.",
        why: "The key is sealed under it.",
        causes: &["the variable is not set, or set to another key's passphrase"],
        mend: Mend::Do("set SIGNHERE_KEY_PASSWORD or COSIGN_PASSWORD to the right one"),
    },
    Entry {
        code: "SH-STATEMENT",
        exits: &[Exit::Failed],
        what: "The file is no in-toto statement.",
        why: "What is signed as a statement is read by others as one: its type, subjects and predicate have to be there.",
        causes: &["--statement was given for an ordinary file"],
        mend: Mend::Do("sign it without --statement"),
    },
    Entry {
        code: "SH-SIGN",
        exits: &[Exit::Failed],
        what: "The signature cannot be made.",
        why: "Everything that is signed is verified before it is written.",
        causes: &["the instance does not fit the key or the identity"],
        mend: Mend::Nothing("the message says what stands in the way"),
    },
];
