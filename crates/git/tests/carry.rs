//! Squashes and rebases in real repositories: which commits a merged one came from.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

use std::path::Path;

use signhere_git::carry::{Found, Method, PatchError, find, patch_digest};
use signhere_git::object::ObjectId;
use signhere_git::repository::{Git, Repository};
use signhere_testkit::git::GitRepository;

fn open(path: &Path) -> Repository {
    let path_variable = std::env::vars_os().filter(|(name, _)| name == "PATH");
    Repository::open(Git::new("git", path_variable), path).unwrap()
}

/// `main` with a commit, and a branch with two on top.
struct Branched {
    folder: GitRepository,
    repository: Repository,
    base: ObjectId,
    /// The last one first.
    sources: [ObjectId; 2],
}

impl Branched {
    fn new() -> Self {
        let folder = GitRepository::new();
        folder.write("a.py", "if a:\n    b()\n    c()\n");
        let base = folder.commit("base").parse().unwrap();
        folder.git(&["checkout", "-q", "-b", "topic"]);
        folder.write("one", "1\n");
        let first = folder.commit("first").parse().unwrap();
        folder.write("two", "2\n");
        let second = folder.commit("second").parse().unwrap();
        folder.git(&["checkout", "-q", "-f", "main"]);
        Self {
            repository: open(folder.path()),
            folder,
            base,
            sources: [second, first],
        }
    }

    fn move_main(&self) {
        self.folder.write("moved", "on\n");
        self.folder.commit("main moves on");
    }

    fn squash(&self) -> ObjectId {
        self.folder.git(&["merge", "-q", "--squash", "topic"]);
        self.folder.commit("squashed").parse().unwrap()
    }

    fn find(&self, merged: &ObjectId) -> Result<Vec<Found>, PatchError> {
        find(&self.repository, &self.sources[0], merged, None)
    }
}

#[test]
fn a_squash_on_top_of_the_base_has_the_same_tree() {
    let branched = Branched::new();
    let merged = branched.squash();
    let expected = vec![(merged, Method::Tree, branched.sources.to_vec())];
    assert_eq!(branched.find(&merged), Ok(expected));
}

#[test]
fn a_squash_on_top_of_something_else_has_the_same_changes() {
    let branched = Branched::new();
    branched.move_main();
    let merged = branched.squash();
    let expected = vec![(merged, Method::Patch, branched.sources.to_vec())];
    assert_eq!(branched.find(&merged), Ok(expected));
    // Told where the branch began, it is the same.
    let head = &branched.sources[0];
    let based = find(&branched.repository, head, &merged, Some(&branched.base));
    assert_eq!(based, branched.find(&merged));
}

#[test]
fn a_rebase_has_the_changes_of_each() {
    let branched = Branched::new();
    branched.move_main();
    branched
        .folder
        .git(&["checkout", "-q", "-b", "rebased", "topic"]);
    branched.folder.git(&["rebase", "-q", "main"]);
    let id = |name: &str| branched.repository.resolve(name).unwrap();
    let (second, first) = (id("rebased"), id("rebased~1"));
    let expected = vec![
        (second, Method::Patch, vec![branched.sources[0]]),
        (first, Method::Patch, vec![branched.sources[1]]),
    ];
    assert_eq!(branched.find(&second), Ok(expected));
}

#[test]
fn a_rebase_of_the_same_changes_twice_has_each_of_them() {
    let branched = Branched::new();
    let folder = &branched.folder;
    branched.move_main();
    folder.git(&["checkout", "-q", "topic"]);
    for _ in 0..2 {
        folder.git(&["rm", "-q", "one"]);
        folder.commit("without");
        folder.write("one", "1\n");
        folder.commit("with");
    }
    let id = |name: &str| branched.repository.resolve(name).unwrap();
    let head = id("topic");
    let sources = branched
        .repository
        .history(&[head], &[branched.base])
        .unwrap();
    folder.git(&["checkout", "-q", "-b", "rebased", "topic"]);
    folder.git(&["rebase", "-q", "main"]);
    let merged = id("rebased");
    let copies = branched
        .repository
        .history(&[merged], &[id("main")])
        .unwrap();
    let expected = copies.iter().zip(&sources);
    let expected = expected.map(|(copy, source)| (*copy, Method::Patch, vec![*source]));
    assert_eq!(
        find(&branched.repository, &head, &merged, None),
        Ok(expected.collect())
    );
}

#[test]
fn a_base_that_leaves_commits_out_carries_nothing() {
    let branched = Branched::new();
    let merged = branched.squash();
    let [head, first] = branched.sources;
    // The squash holds the first commit too, whoever signed it.
    assert_eq!(
        find(&branched.repository, &head, &merged, Some(&first)),
        Err(PatchError::Different { head, merged })
    );
}

#[test]
fn what_was_changed_on_the_way_came_from_nobody() {
    let branched = Branched::new();
    branched.move_main();
    branched.folder.git(&["merge", "-q", "--squash", "topic"]);
    branched.folder.write("backdoor", "open\n");
    let merged = branched.folder.commit("squashed").parse().unwrap();
    let head = branched.sources[0];
    assert_eq!(
        branched.find(&merged),
        Err(PatchError::Different { head, merged })
    );

    // What is merged as it is was not squashed.
    branched
        .folder
        .git(&["reset", "-q", "--hard", &branched.base.to_string()]);
    branched
        .folder
        .git(&["merge", "-q", "--no-ff", "-m", "merge", "topic"]);
    let merged = branched.repository.resolve("main").unwrap();
    let parents = 2;
    assert_eq!(
        branched.find(&merged),
        Err(PatchError::Parents { merged, parents })
    );
    let merged = head;
    assert_eq!(
        branched.find(&merged),
        Err(PatchError::Nothing { head, merged })
    );
}

#[test]
fn patches_count_every_byte_and_nothing_but_the_trees() {
    let branched = Branched::new();
    let (folder, repository) = (&branched.folder, &branched.repository);
    let change = |name: &str, content: &[u8]| -> ObjectId {
        folder.git(&["checkout", "-q", "--detach", &branched.base.to_string()]);
        folder.write(name, content);
        folder.commit("change").parse().unwrap()
    };
    let digest = |id: &ObjectId| patch_digest(repository, &branched.base, id).unwrap();
    let right = change("a.py", b"if a:\n    b()\n    c()\n    d()\n");
    let dedented = change("a.py", b"if a:\n    b()\n    c()\nd()\n");
    assert_ne!(digest(&right), digest(&dedented));
    // Bytes that git would call binary count too.
    let (zero, one) = (change("x", b"\0\x01\n"), change("x", b"\0\x02\n"));
    assert_ne!(digest(&zero), digest(&one));
    // A mode that changes is a change.
    folder.git(&["checkout", "-q", "--detach", &branched.base.to_string()]);
    folder.git(&["update-index", "--chmod=+x", "a.py"]);
    folder.git(&["commit", "-q", "-m", "run it"]);
    let mode: ObjectId = folder.git(&["rev-parse", "HEAD"]).parse().unwrap();
    assert_ne!(digest(&mode), digest(&branched.base));

    // The repository's configuration and attributes decide nothing.
    let before = [&right, &zero, &mode].map(digest);
    folder.git(&["checkout", "-q", "-f", "main"]);
    for (key, value) in [
        ("diff.algorithm", "patience"),
        ("diff.context", "0"),
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("diff.external", "/bin/false"),
        ("diff.renames", "copies"),
        ("diff.x.textconv", "/bin/false"),
        ("diff.suppressBlankEmpty", "true"),
        ("core.quotePath", "false"),
    ] {
        folder.git(&["config", key, value]);
    }
    let info = folder.path().join(".git/info");
    std::fs::create_dir_all(&info).unwrap();
    std::fs::write(info.join("attributes"), "* -diff\n*.py diff=x\n").unwrap();
    assert_eq!([&right, &zero, &mode].map(digest), before);
}
