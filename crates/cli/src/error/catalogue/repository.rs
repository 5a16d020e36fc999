//! Repositories, what is read from them, and signatures by SSH keys.

use super::{Entry, Mend};
use crate::exit::Exit;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "SH-GIT-SSH",
        exits: &[Exit::NoMatchingSignature, Exit::Unlisted],
        what: "The signature by an SSH key is not good, or no line of the allowed signers is for it.",
        why: "An SSH signature (PROTOCOL.sshsig) counts only for git, and only by a key that the file of allowed signers ties to a name for that time.",
        causes: &[
            "the signer's key is not in the file, or no longer",
            "the commit was changed after signing",
        ],
        mend: Mend::Do("add the signer's public key to the file of allowed signers"),
    },
    Entry {
        code: "SH-GIT-REPOSITORY",
        exits: &[Exit::Failed],
        what: "There is no git repository here, or one of a form that is not known.",
        why: "Commits and tags are read from the repository's objects.",
        causes: &[
            "the folder is in no repository",
            "the repository was made by a later git",
        ],
        mend: Mend::Do("go to the repository's folder, or update git"),
    },
    Entry {
        code: "SH-GIT-OWNER",
        exits: &[Exit::Failed],
        what: "The repository belongs to another user.",
        why: "Git does not read another user's repository, whose configuration could run programs, unless its owner is known to be safe (git-config(1), safe.directory).",
        causes: &["a container runs as another user than the one who cloned"],
        mend: Mend::Do("git config --global --add safe.directory FOLDER"),
    },
    Entry {
        code: "SH-GIT-INCOMPLETE",
        exits: &[Exit::Failed],
        what: "An object that is needed is not in the repository.",
        why: "History is judged as a whole: a commit whose parents are not here may hide anything. Nothing is fetched on the way.",
        causes: &[
            "the clone is shallow, as those of CI systems are",
            "the clone is partial",
            "the repository is damaged",
        ],
        mend: Mend::Do("git fetch --unshallow"),
    },
    Entry {
        code: "SH-GIT-REVISION",
        exits: &[Exit::NoArtifact, Exit::Usage],
        what: "The text names no commit or tag.",
        why: "It must be a revision (gitrevisions(7)): a branch, a tag, an id or its beginning. What begins with a dash would be an option.",
        causes: &[
            "the branch or tag is not here yet",
            "nothing was committed yet",
            "a branch and a tag have the same name: refs/heads/NAME is the branch alone",
            "the beginning of an id is that of several",
        ],
        mend: Mend::Do("name another: git log --oneline --all"),
    },
    Entry {
        code: "SH-GIT-DAMAGED",
        exits: &[Exit::Failed],
        what: "An object cannot be read, or has another content than its id stands for.",
        why: "An object's id is the hash of its content, and is computed again for every object that is read.",
        causes: &[
            "the disk or a copy is damaged",
            "somebody changed the repository's files",
        ],
        mend: Mend::Do("git fsck, and clone anew"),
    },
    Entry {
        code: "SH-GIT-KIND",
        exits: &[Exit::Failed],
        what: "The object is of another kind than is needed.",
        why: "Commits and tags are signed; trees and files are not.",
        causes: &["a tree or a file was named instead of a commit"],
        mend: Mend::Do("name a commit or a tag"),
    },
    Entry {
        code: "SH-GIT-TOO-LARGE",
        exits: &[Exit::Failed],
        what: "An object, or the number of them, is larger than is read.",
        why: "What is read is bounded, so that nobody can fill the memory of who verifies.",
        causes: &["somebody made it to do harm"],
        mend: Mend::Do("name a smaller range: A..B"),
    },
    Entry {
        code: "SH-GIT-ALLOWED-SIGNERS",
        exits: &[Exit::Trust],
        what: "The file of allowed signers cannot be used.",
        why: "A line that is malformed could be meant to leave somebody out (ssh-keygen(1), ALLOWED SIGNERS): no line counts then.",
        causes: &["a line has a typing error"],
        mend: Mend::Do("correct the line that is named"),
    },
];
