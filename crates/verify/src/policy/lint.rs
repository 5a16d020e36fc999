//! What is too wide in a trust file, or does nothing.

use serde::Serialize;
use signhere_pki::time::Time;

use super::file::{Signer, TrustFile, Who};
use super::identity::{Identity, Part};
use super::near::is_lookalike;

/// Instances that every program knows.
const BUILT_IN: [&str; 4] = ["public", "staging", "github", "local"];
/// Workflows that anybody may call, and that many do.
const SHARED: [&str; 3] = [
    "slsa-framework/slsa-github-generator/",
    "actions/",
    "github/",
];

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Finding {
    /// Whether strangers could sign.
    pub severity: Severity,
    /// What it is, stable: for programs.
    pub code: &'static str,
    /// The signer's name, or the part of `[git]`: `git.rules.main`.
    pub signer: String,
    /// What is wrong.
    pub message: &'static str,
    /// What to do.
    pub mend: &'static str,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Severity {
    /// Others could sign than those who are meant.
    Fault,
    /// It does not do what it seems to.
    Advice,
}

/// A rule: its code, what it says, the mend, how bad it is, and whom it is broken by.
struct Rule {
    code: &'static str,
    severity: Severity,
    message: &'static str,
    mend: &'static str,
    is_broken: fn(&TrustFile, &Signer, Time) -> bool,
}

const RULES: [Rule; 13] = [
    Rule {
        code: "any-repository",
        severity: Severity::Fault,
        message: "* stands for the repository: whoever may make a repository there signs",
        mend: "name the repository, or make an entry for each",
        is_broken: |_, signer, _| wildcard_in(signer, &["repository", "project"]),
    },
    Rule {
        code: "any-workflow",
        severity: Severity::Fault,
        message: "* stands for the workflow: every workflow of the repository signs",
        mend: "name the workflow",
        is_broken: |_, signer, _| wildcard_in(signer, &["workflow", "configuration"]),
    },
    Rule {
        code: "any-branch",
        severity: Severity::Fault,
        message: "* stands for the branch: a workflow on any branch, changed by whoever may push one, signs",
        mend: "name the branch, such as refs/heads/main, or use refs/tags/*",
        is_broken: |_, signer, _| identity(signer).is_some_and(Identity::takes_any_branch),
    },
    Rule {
        code: "pull-request",
        severity: Severity::Fault,
        message: "the ref is a pull request's: whoever opens one signs",
        mend: "name a branch or refs/tags/*",
        is_broken: |_, signer, _| {
            identity(signer).is_some_and(|id| {
                id.as_str().contains("@refs/")
                    && !["@refs/heads/", "@refs/tags/"]
                        .iter()
                        .any(|refs| id.as_str().contains(refs))
            })
        },
    },
    Rule {
        code: "shared-workflow",
        severity: Severity::Fault,
        message: "the workflow is one that anybody may call, and the entry does not say who calls it",
        mend: "add repository = \"https://github.com/OWNER/NAME\", or add it with --source-repository",
        is_broken: |_, signer, _| is_shared(signer),
    },
    Rule {
        code: "look-alike",
        severity: Severity::Fault,
        message: "another signer of this file looks the same at a glance",
        mend: "remove the one that is not meant: signhere trust remove NAME",
        is_broken: |file, signer, _| has_twin(file, signer),
    },
    Rule {
        code: "no-ref",
        severity: Severity::Advice,
        message: "a workflow's identity ends with its ref, and this one has none: it never matches",
        mend: "add @refs/tags/* or @refs/heads/main",
        is_broken: |_, signer, _| {
            identity(signer).is_some_and(|id| {
                id.as_str().contains("/.github/workflows/") && !id.as_str().contains("@refs/")
            })
        },
    },
    Rule {
        code: "any-file",
        severity: Severity::Advice,
        message: "files = [\"*\"] allows every file whose name is known, and no statement",
        mend: "leave files out, or name files",
        is_broken: |_, signer, _| {
            signer
                .files
                .as_ref()
                .is_some_and(|files| files.iter().any(super::FilePattern::takes_all))
        },
    },
    Rule {
        code: "no-folder",
        severity: Severity::Advice,
        message: "a path in files has no folder to begin in: the file is not a repository's, so that it never matches",
        mend: "use a name without /, such as *.tar.gz",
        is_broken: |file, signer, _| {
            let mut patterns = signer.files.iter().flatten();
            file.base.is_none() && patterns.any(|pattern| pattern.as_str().contains('/'))
        },
    },
    Rule {
        code: "nothing",
        severity: Severity::Advice,
        message: "an empty list allows nothing: the signer may sign nothing of the kind",
        mend: "leave the key out, or remove the signer",
        is_broken: |_, signer, _| {
            let lists = [&signer.attestations, &signer.instances];
            lists
                .iter()
                .any(|list| list.as_ref().is_some_and(Vec::is_empty))
                || signer.files.as_ref().is_some_and(Vec::is_empty)
        },
    },
    Rule {
        code: "shared-address",
        severity: Severity::Advice,
        message: "an earlier signer has the same committer's address: the two count as one person",
        mend: "leave it with the one whose it is",
        is_broken: |file, signer, _| {
            let earlier = file
                .signers
                .iter()
                .take_while(|other| other.name != signer.name);
            let mut theirs = earlier.flat_map(|other| &other.committers);
            theirs.any(|address| signer.committers.contains(address))
        },
    },
    Rule {
        code: "over",
        severity: Severity::Advice,
        message: "its time is over: what was signed until then still counts, nothing new does",
        mend: "keep it for old signatures, or: signhere trust remove NAME",
        is_broken: |_, signer, now| signer.lifetime.until.is_some_and(|until| until < now),
    },
    Rule {
        code: "unknown-instance",
        severity: Severity::Advice,
        message: "an instance is named that this file does not describe: on another machine the name may mean nothing",
        mend: "add [instances.NAME] with url and fingerprint",
        is_broken: |file, signer, _| {
            let mut names = signer.instances.iter().flatten();
            names.any(|name| {
                !BUILT_IN.contains(&name.as_str()) && !file.instances.contains_key(name)
            })
        },
    },
];

/// Returns what is wrong with a file at the time `now`, in the order of its signers, and then of its rules for git.
pub fn lint(file: &TrustFile, now: Time) -> Vec<Finding> {
    let broken = |signer: &Signer| {
        let rules = RULES
            .iter()
            .filter(|rule| (rule.is_broken)(file, signer, now));
        let found = rules.map(|rule| Finding {
            severity: rule.severity,
            code: rule.code,
            signer: signer.name.clone(),
            message: rule.message,
            mend: rule.mend,
        });
        found.collect::<Vec<_>>()
    };
    let mut found: Vec<Finding> = file.signers.iter().flat_map(broken).collect();
    found.extend(super::git::lint(file, now));
    found
}

fn identity(signer: &Signer) -> Option<&Identity> {
    match &signer.who {
        Who::Identity { identity, .. } => Some(identity),
        Who::Key(_) => None,
    }
}

fn wildcard_in(signer: &Signer, names: &[&str]) -> bool {
    let Some(identity) = identity(signer) else {
        return false;
    };
    let text = identity.as_str();
    Part::of(text).into_iter().any(|part| {
        names.contains(&part.name) && text.get(part.span).is_some_and(|part| part.contains('*'))
    })
}

fn is_shared(signer: &Signer) -> bool {
    let Who::Identity {
        identity,
        repository: None,
        repository_id: None,
        ..
    } = &signer.who
    else {
        return false;
    };
    let path = identity.as_str().strip_prefix("https://github.com/");
    path.is_some_and(|path| {
        path.contains("@refs/") && SHARED.iter().any(|shared| path.starts_with(shared))
    })
}

/// Whether an earlier signer of the file looks the same.
fn has_twin(file: &TrustFile, signer: &Signer) -> bool {
    let Some(own) = identity(signer) else {
        return false;
    };
    // Two refs of one workflow, or two hosts' numbers, differ in little and are what they seem.
    let stem = |id: &Identity| {
        let text = id.as_str();
        text.split_once("@refs/")
            .map_or(text, |(stem, _)| stem)
            .to_owned()
    };
    let earlier = file
        .signers
        .iter()
        .take_while(|other| other.name != signer.name);
    earlier
        .filter_map(identity)
        .any(|other| is_lookalike(&stem(other), &stem(own)))
}
