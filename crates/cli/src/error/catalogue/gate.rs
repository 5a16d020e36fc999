//! Who may commit where, and the gates that ask.

use super::{Entry, Mend};
use crate::exit::Exit;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: "SH-GIT-NO-POLICY",
        exits: &[Exit::Trust],
        what: "No trust file says who may commit.",
        why: "A commit is judged by the trust file that was there before it. Where none was, nobody may: a commit that brings the first one would authorise itself.",
        causes: &[
            "the repository is new, or its default branch has no .signhere/trust.toml",
            "HEAD of the repository names a branch that is not there",
        ],
        mend: Mend::Do(
            "put .signhere/trust.toml on the default branch first, or name one: --trust FILE",
        ),
    },
    Entry {
        code: "SH-GIT-RULE",
        exits: &[Exit::NotAllowed],
        what: "Too few of the people whom a rule names stand for the commit.",
        why: "Every rule for the ref, and about what changed, has to be met: by the commit's signer, and by approvals in the notes.",
        causes: &[
            "an approval is missing, or its note was not pushed before",
            "the commit changes a path that others answer for",
            "the approval is of another commit: an amended commit is a new one",
        ],
        mend: Mend::Do(
            "have it approved (signhere git approve COMMIT) and push refs/notes/signhere first",
        ),
    },
    Entry {
        code: "SH-GIT-IMPERSONATION",
        exits: &[Exit::NotAllowed],
        what: "The commit says that one listed signer made it, and another one signed it.",
        why: "The committer's address is what people see in a log. Nothing but the signature proves it.",
        causes: &[
            "user.email is somebody else's",
            "somebody wants it to be taken for another's",
        ],
        mend: Mend::Do(
            "git config user.email ADDRESS, then: git commit --amend --no-edit --reset-author",
        ),
    },
    Entry {
        code: "SH-GIT-COMMITTER",
        exits: &[Exit::Findings, Exit::NotAllowed],
        what: "Nothing ties the committer's address to whoever signed the commit, or it is another listed signer's.",
        why: "The committer's address is what people see in a log. A rule with committer = \"strict\" refuses it; otherwise it is a finding.",
        causes: &[
            "the signer commits with an address that the trust file does not list",
            "user.email is somebody else's",
        ],
        mend: Mend::Do("add the address to committers of the signer, or correct user.email"),
    },
    Entry {
        code: "SH-GIT-LIMITED",
        exits: &[Exit::NotAllowed],
        what: "The signer may sign files or statements alone, and no rule for the ref names it.",
        why: "An entry with files or attestations is closed for everything else.",
        causes: &["a release workflow commits to a branch that is not for it"],
        mend: Mend::Do("name the signer in a rule for the ref, if it is to commit there"),
    },
    Entry {
        code: "SH-GIT-PLATFORM-MERGE",
        exits: &[Exit::NotAllowed],
        what: "The forge itself signed the commit, and it is no plain merge of what somebody listed signed.",
        why: "A forge signs whatever is done in its pages, by whomever. What it merges counts as made by whoever signed the second parent, and by nobody if it holds anything else.",
        causes: &[
            "the pull request was squashed or rebased by the forge",
            "both sides changed the same file",
            "a conflict was resolved in the browser",
        ],
        mend: Mend::Do("merge on your own machine, or carry it over: signhere git carry"),
    },
    Entry {
        code: "SH-GIT-SIGNATURE",
        exits: &[Exit::NoMatchingSignature],
        what: "An SSH or OpenPGP signature does not hold.",
        why: "The signature has to be of this commit, by a key that the trust file names.",
        causes: &[
            "the commit was changed after it was signed",
            "it was signed with another key than that of the forge",
        ],
        mend: Mend::Do("sign it anew: git commit --amend --no-edit -S"),
    },
    Entry {
        code: "SH-GIT-SSH-SIGNER",
        exits: &[Exit::Unlisted, Exit::NotAllowed, Exit::Unproven],
        what: "The SSH key is of nobody whom the trust file lists, or not for now.",
        why: "The file of allowed signers says whose a key is; the trust file says who may commit. The name has to be a signer's, or one of its addresses.",
        causes: &[
            "the key is not in the file of allowed signers",
            "the name there is no signer of the trust file",
        ],
        mend: Mend::Do(
            "add the key to the file that allowed_signers names, under a signer's address",
        ),
    },
    Entry {
        code: "SH-GIT-REWRITE",
        exits: &[Exit::NotAllowed],
        what: "A ref would be moved to what does not follow from where it is.",
        why: "Whoever rewrites history takes back what others have seen and built on.",
        causes: &["git push --force", "a tag was made anew under its old name"],
        mend: Mend::Do("push what follows; where rewriting is meant: rewrite = true in the rule"),
    },
    Entry {
        code: "SH-GIT-MOVED",
        exits: &[Exit::Failed],
        what: "A ref is not where whoever pushes says that it is.",
        why: "Where the ref is decides by which trust file the push is judged. Whoever pushes says it, and git does not always ask whether that is so.",
        causes: &[
            "somebody else pushed at the same time",
            "the program that pushed says something wrong, to have a ref deleted or judged by other rules",
        ],
        mend: Mend::Do("fetch, then push again"),
    },
    Entry {
        code: "SH-GIT-REF",
        exits: &[Exit::NotAllowed],
        what: "The ref is another name of one that other rules may be for, or replaces objects by others.",
        why: "A push to a symbolic ref moves the ref that it names, and a ref below refs/replace/ shows another object under an id: both would go around the rules for what they change.",
        causes: &[
            "the server has a symbolic ref of this name",
            "git replace, and its refs were pushed",
        ],
        mend: Mend::Do(
            "push to the ref itself; for replacements, write a rule for refs/replace/**",
        ),
    },
    Entry {
        code: "SH-GIT-OTHER-POLICY",
        exits: &[Exit::NotAllowed],
        what: "A new or rewritten ref that a rule is for would have another trust file than the one in force.",
        why: "What is pushed next would be judged by that file. An old one lists who may not any more, and asks for what was asked then.",
        causes: &["the branch begins at an old commit, such as that of an old release"],
        mend: Mend::Do(
            "bring the file along: git checkout DEFAULT-BRANCH -- .signhere, and commit that",
        ),
    },
    Entry {
        code: "SH-GIT-DELETE",
        exits: &[Exit::NotAllowed],
        what: "A ref would be deleted that a rule is for, or the default branch.",
        why: "What is gone is judged by nobody any more, and a new ref of the name begins without a past.",
        causes: &["git push --delete"],
        mend: Mend::Do("where that is meant: delete = true in every rule for the ref"),
    },
    Entry {
        code: "SH-GIT-TAG",
        exits: &[Exit::NotAllowed],
        what: "A tag is not the signed object that its name asks for, or a branch is at something else than a commit.",
        why: "A signed tag says which name it is for. Under another name it would pass off one release as another.",
        causes: &[
            "the tag object was pushed under another name",
            "the tag is a lightweight one, which nobody signed",
        ],
        mend: Mend::Do("git tag -s NAME COMMIT"),
    },
    Entry {
        code: "SH-GIT-TOO-MUCH",
        exits: &[Exit::Failed],
        what: "There are more commits than are judged at once, or judging took too long.",
        why: "A push that is too large to be judged in its time is not let through unjudged.",
        causes: &[
            "a whole history is pushed at once",
            "the trust file names no cut-over commit (since)",
        ],
        mend: Mend::Do("push in parts, or allow for more: --max-commits, --seconds"),
    },
    Entry {
        code: "SH-GIT-PUSH",
        exits: &[Exit::Usage],
        what: "What git tells of the push is not understood.",
        why: "A push that is understood in part is judged in part.",
        causes: &[
            "the command was run by hand",
            "a ref has a name that git would not take",
        ],
        mend: Mend::Nothing("it is run by the hook; see signhere git hook install"),
    },
    Entry {
        code: "SH-GIT-HOOK",
        exits: &[Exit::Failed, Exit::Findings],
        what: "The hook is not in force: there is none, it was changed, or git looks for hooks elsewhere.",
        why: "A gate that is not run lets everything through.",
        causes: &[
            "core.hooksPath names another folder",
            "the program was moved",
            "another hook of this name is there",
        ],
        mend: Mend::Do("signhere git hook install"),
    },
];
