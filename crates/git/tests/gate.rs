//! Pushes to real repositories, whose signatures are the names of their signers.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;

use signhere_git::gate::{self, Decision, Gate, RefRefusal, Update};
use signhere_git::object::Object;
use signhere_git::policy::{
    Approval, Carried, Evidence, Limits, Policy, PolicyError, PolicySource, Refusal, Signed,
};
use signhere_git::proof::Proven;
use signhere_git::repository::{Git, Repository, RepositoryError};
use signhere_pki::time::Time;
use signhere_testkit::git::GitRepository;
use signhere_verify::policy::TrustFile;
use signhere_verify::verdict::{IdentityEvidence, Step, Verdict};

const ISSUER: &str = "https://accounts.google.com";
const MAIN: &str = "refs/heads/main";
const ZERO: &str = "0000000000000000000000000000000000000000";

struct Names;

impl Evidence for Names {
    fn signed(&self, object: &Object) -> Signed {
        let armor =
            String::from_utf8_lossy(object.own_signature().unwrap_or_default()).into_owned();
        let name = armor.lines().nth(1).unwrap_or_default();
        let identity = IdentityEvidence {
            identity: format!("{name}@example.org"),
            kind: "email",
            issuer: ISSUER.to_owned(),
            issuer_from: "certificate",
            extensions: Vec::new(),
        };
        let verdict = Verdict {
            steps: vec![Step::Identity(identity)],
            failure: None,
            unknown_fields: Vec::new(),
        };
        let instance = None;
        Signed::Proven(Box::new(Proven { verdict, instance }))
    }

    fn approvals(&self, _: &Object) -> Result<Vec<Approval>, RepositoryError> {
        Ok(Vec::new())
    }

    fn carried(
        &self,
        _: &Object,
        _: &dyn Fn(&Proven) -> bool,
    ) -> Result<Vec<Carried>, RepositoryError> {
        Ok(Vec::new())
    }
}

/// A repository, in which the commits of these names are made.
struct Place {
    repository: GitRepository,
}

fn trust(rules: &str) -> String {
    let entry = |name: &str| {
        format!("[signers.{name}]\nidentity = \"{name}@example.org\"\nissuer = \"{ISSUER}\"\n")
    };
    format!("{}{}{rules}", entry("ada"), entry("bob"))
}

impl Place {
    fn new() -> Self {
        Self {
            repository: GitRepository::new(),
        }
    }

    /// A commit with the files that are there, after `parent`.
    fn commit(&self, parent: Option<&str>, signer: &str) -> String {
        self.repository.git(&["add", "-A"]);
        let tree = self.repository.git(&["write-tree"]);
        self.commit_of(&tree, parent.as_slice(), signer)
    }

    fn commit_of(&self, tree: &str, parents: &[&str], signer: &str) -> String {
        let parents = parents.iter().map(|parent| format!("parent {parent}\n"));
        let parents: String = parents.collect();
        let gpgsig = format!(
            "gpgsig -----BEGIN SIGNED MESSAGE-----\n {signer}\n -----END SIGNED MESSAGE-----\n"
        );
        let who = format!("{signer} <{signer}@example.org> 1700000000 +0000");
        let text =
            format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n{gpgsig}\nby {signer}\n");
        self.repository.store("commit", text.as_bytes())
    }

    fn tag(&self, target: &str, name: &str, signer: &str) -> String {
        let text = format!(
            "object {target}\ntype commit\ntag {name}\ntagger {signer} <{signer}@example.org> 1700000000 +0000\n\n\
             a tag\n-----BEGIN SIGNED MESSAGE-----\n{signer}\n-----END SIGNED MESSAGE-----\n"
        );
        self.repository.store("tag", text.as_bytes())
    }

    fn set(&self, name: &str, id: &str) {
        self.repository.git(&["update-ref", name, id]);
    }

    /// A repository whose main has a trust file.
    fn with(rules: &str) -> (Self, String) {
        let this = Self::new();
        this.repository.write(".signhere/trust.toml", trust(rules));
        let first = this.commit(None, "ada");
        this.set(MAIN, &first);
        (this, first)
    }

    fn decide(&self, reference: &str, old: &str, new: &str) -> Result<Decision, RefRefusal> {
        self.decide_by(None, reference, old, new)
    }

    /// What is decided of a push to a ref that is at `old`.
    fn decide_by(
        &self,
        named: Option<Arc<Policy>>,
        reference: &str,
        old: &str,
        new: &str,
    ) -> Result<Decision, RefRefusal> {
        match old {
            ZERO => self.repository.git(&["update-ref", "-d", reference]),
            old => self.repository.git(&["update-ref", reference, old]),
        };
        self.decide_as_it_is(named, reference, old, new)
    }

    fn decide_as_it_is(
        &self,
        named: Option<Arc<Policy>>,
        reference: &str,
        old: &str,
        new: &str,
    ) -> Result<Decision, RefRefusal> {
        let git = Git::new("git", std::env::vars_os());
        let repository = Repository::open(git, self.repository.path()).unwrap();
        let limits = Limits {
            commits: 100,
            is_over: &|| false,
        };
        let now = Time::from_unix(1_800_000_000);
        let place = gate::Place::Here;
        let gate = Gate::new(&repository, place, &Names, named, now, limits)?;
        let update = Update::new(reference, old, new, repository.format()).unwrap();
        Ok(gate.decide(&update))
    }

    fn refusals(&self, reference: &str, old: &str, new: &str) -> Vec<String> {
        let decision = self.decide(reference, old, new).unwrap();
        let of_commits = decision.judgements.iter().flat_map(|one| one.refusals());
        let refs = decision.refusals.iter().map(ToString::to_string);
        let all: Vec<String> = refs.chain(of_commits.map(ToString::to_string)).collect();
        assert_eq!(all.is_empty(), decision.is_allowed());
        all
    }
}

const RULES: &str = "[git.rules.main]\nrefs = [\"refs/heads/main\", \"refs/heads/release/*\"]\nsigners = [\"ada\"]\n\
    [git.rules.tags]\nrefs = [\"refs/tags/v*\"]\nsigners = [\"ada\"]\n";

fn rules() -> String {
    RULES.replace("refs/tags/v*", "refs/tags/**")
}

#[test]
fn a_branch_moves_on_by_whom_its_rule_names() {
    let (place, first) = Place::with(&rules());
    place.repository.write("a", "1");
    let by_ada = place.commit(Some(&first), "ada");
    assert_eq!(place.refusals(MAIN, &first, &by_ada), Vec::<String>::new());
    let by_bob = place.commit(Some(&first), "bob");
    let rule = ["rule main asks for 1 of its signers, and 0 stand for it"];
    assert_eq!(place.refusals(MAIN, &first, &by_bob), rule);
    // On a branch without rules he may; taking that branch over into main, he may not.
    assert_eq!(
        place.refusals("refs/heads/x", ZERO, &by_bob),
        Vec::<String>::new()
    );
    place.set("refs/heads/x", &by_bob);
    assert_eq!(place.refusals(MAIN, &first, &by_bob), rule);
    // A new branch of a protected name begins with the default branch, and not with any other.
    assert_eq!(place.refusals("refs/heads/release/1", ZERO, &by_bob), rule);
    assert_eq!(
        place.refusals("refs/heads/release/1", ZERO, &first),
        Vec::<String>::new()
    );
    let mallory = place.commit(Some(&first), "mallory");
    assert_eq!(place.refusals("refs/heads/x", &by_bob, &mallory).len(), 1);
}

#[test]
fn nothing_is_rewritten_or_deleted_that_a_rule_is_for() {
    let (place, first) = Place::with(&rules());
    let old = place.commit(Some(&first), "ada");
    place.repository.write("a", "1");
    let new = place.commit(Some(&first), "ada");
    place.set(MAIN, &old);
    assert_eq!(
        place.refusals(MAIN, &old, &new),
        ["it does not follow from what is there (rule main)"]
    );
    assert_eq!(
        place.refusals(MAIN, &old, &first),
        ["it does not follow from what is there (rule main)"]
    );
    assert_eq!(
        place.refusals(MAIN, &old, ZERO),
        ["it is not deleted (rule main)"]
    );
    assert_eq!(
        place.refusals("refs/heads/x", &old, &new),
        Vec::<String>::new()
    );
    assert_eq!(
        place.refusals("refs/heads/x", &old, ZERO),
        Vec::<String>::new()
    );
    // Where the rule allows it, what comes is judged like anything else.
    let open = format!(
        "{}rewrite = true\ndelete = true\n",
        rules().replace(
            "[git.rules.tags]",
            "rewrite = true\ndelete = true\n[git.rules.tags]"
        )
    );
    let (place, first) = Place::with(&open);
    let old = place.commit(Some(&first), "ada");
    place.repository.write("a", "1");
    let (new, bobs) = (
        place.commit(Some(&first), "ada"),
        place.commit(Some(&first), "bob"),
    );
    assert_eq!(place.refusals(MAIN, &old, &new), Vec::<String>::new());
    assert_eq!(place.refusals(MAIN, &old, &bobs).len(), 1);
    // But for the branch whose trust file judges what is new.
    assert_eq!(
        place.refusals(MAIN, &first, ZERO),
        ["the default branch is not deleted: its trust file judges what is new"]
    );
    assert_eq!(
        place.refusals("refs/heads/release/1", &old, ZERO),
        Vec::<String>::new()
    );
    // A branch's own old file does not take back what the default branch's has closed.
    let (place, first) = Place::with("");
    place.set("refs/heads/release/1", &first);
    place
        .repository
        .write(".signhere/trust.toml", trust(&rules()));
    let closed = place.commit(Some(&first), "ada");
    place.set(MAIN, &closed);
    let release = "refs/heads/release/1";
    assert_eq!(
        place.refusals(release, &first, ZERO),
        ["it is not deleted (rule main)"]
    );
}

#[test]
fn tags_are_signed_stay_and_keep_their_names() {
    let (place, first) = Place::with(&rules());
    let none = Vec::<String>::new();
    let tag = place.tag(&first, "v1", "ada");
    assert_eq!(place.refusals("refs/tags/v1", ZERO, &tag), none);
    assert_eq!(
        place.refusals("refs/tags/v2", ZERO, &tag),
        ["the tag object is that of \"v1\""]
    );
    let bobs = place.tag(&first, "v1", "bob");
    assert_eq!(
        place.refusals("refs/tags/v1", ZERO, &bobs),
        ["rule tags asks for 1 of its signers, and 0 stand for it"]
    );
    assert_eq!(
        place.refusals("refs/tags/v1", ZERO, &first),
        ["a tag here has a signed object of its own (rule tags)"]
    );
    assert_eq!(
        place.refusals("refs/tags/v1", &tag, &bobs),
        ["a tag is not moved (rule tags)"]
    );
    assert_eq!(
        place.refusals("refs/tags/v1", &tag, ZERO),
        ["it is not deleted (rule tags)"]
    );
    // A tag in a tag: both are signed by somebody who may.
    let text = format!(
        "object {bobs}\ntype tag\ntag v3\ntagger ada <ada@example.org> 1 +0000\n\nmessage\n\
         -----BEGIN SIGNED MESSAGE-----\nada\n-----END SIGNED MESSAGE-----\n"
    );
    let outer = place.repository.store("tag", text.as_bytes());
    assert_eq!(place.refusals("refs/tags/v3", ZERO, &outer).len(), 1);
    // No commit comes in by a tag that nobody may have made; a branch's own are not judged again.
    let bob = place.commit(Some(&first), "bob");
    let mallory = place.commit(Some(&first), "mallory");
    let (good, bad) = (
        place.tag(&bob, "v4", "ada"),
        place.tag(&mallory, "v4", "ada"),
    );
    assert_eq!(place.refusals("refs/tags/v4", ZERO, &good), none);
    assert_eq!(place.refusals("refs/tags/v4", ZERO, &bad).len(), 1);
    place.set("refs/heads/x", &mallory);
    assert_eq!(place.refusals("refs/tags/v4", ZERO, &bad), none);
    // Without a rule a tag needs no object, and is not moved all the same.
    let (place, first) = Place::with("");
    let tag = place.tag(&first, "v1", "bob");
    assert_eq!(place.refusals("refs/tags/v1", ZERO, &first), none);
    assert_eq!(place.refusals("refs/tags/v1", ZERO, &tag), none);
    assert_eq!(
        place.refusals("refs/tags/v1", &first, &tag),
        ["a tag is not moved"]
    );
    assert_eq!(
        place.refusals("refs/heads/x", ZERO, &tag),
        ["it would be at a tag"]
    );
}

/// What is refused of a push to a ref as it is.
fn said(place: &Place, reference: &str, old: &str, new: &str) -> Vec<String> {
    let decision = place.decide_as_it_is(None, reference, old, new).unwrap();
    decision
        .refusals
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
}

#[test]
fn a_push_that_says_something_wrong_of_a_ref_is_refused() {
    let (place, first) = Place::with("");
    let release = "refs/heads/release/1";
    place
        .repository
        .write(".signhere/trust.toml", trust(&rules()));
    let closed = place.commit(Some(&first), "ada");
    place.set(release, &closed);
    // Git deletes a ref without looking where it is if that is said to be nowhere, or unknown. The branch's own rules
    // forbid it, the default branch has none.
    assert_eq!(
        said(&place, release, ZERO, ZERO),
        ["it is not at nothing any more"]
    );
    assert_eq!(
        said(&place, release, &first, ZERO),
        [format!("it is not at {first} any more")]
    );
    let gone = "1".repeat(40);
    assert_eq!(
        said(&place, release, &gone, ZERO),
        [format!("it is not at {gone} any more")]
    );
    assert_eq!(
        said(&place, release, &closed, ZERO),
        ["it is not deleted (rule main)"]
    );
    // An older place, whose file let others in.
    let by_bob = place.commit(Some(&closed), "bob");
    assert_eq!(
        said(&place, release, &first, &by_bob),
        [format!("it is not at {first} any more")]
    );
}

#[test]
fn another_name_of_a_ref_is_no_way_around_its_rules() {
    let (place, first) = Place::with(&rules());
    let by_bob = place.commit(Some(&first), "bob");
    let stable = "refs/heads/stable";
    place.repository.git(&["symbolic-ref", stable, MAIN]);
    assert_eq!(
        said(&place, stable, &first, &by_bob),
        ["it is another name of refs/heads/main"]
    );
    // Nor where what it names is yet to be made.
    place
        .repository
        .git(&["symbolic-ref", stable, "refs/heads/release/1"]);
    assert_eq!(
        said(&place, stable, ZERO, &by_bob),
        ["it is another name of refs/heads/release/1"]
    );
    // What stands in for other objects shows anything under a protected id.
    let replacement = format!("refs/replace/{first}");
    assert_eq!(
        said(&place, &replacement, ZERO, &by_bob),
        ["it replaces objects by others, and no rule is for it"]
    );
}

#[test]
fn a_ref_whose_name_ends_like_the_default_branchs_is_another() {
    let (place, first) = Place::with("");
    let rule = "[git.rules.main]\nrefs = [\"refs/heads/main\"]\nsigners = [\"ada\"]\n";
    let file = TrustFile::parse(&trust(rule), "named.toml", None, &|_| Err(String::new())).unwrap();
    let named = Arc::new(Policy::of_file(file, &|_| None).unwrap());
    let by_bob = place.commit(Some(&first), "bob");
    // Git would take it for the branch that HEAD names and that is not there yet.
    place.set("refs/heads/refs/heads/main", &by_bob);
    let decision = place.decide_by(Some(named), MAIN, ZERO, &by_bob).unwrap();
    assert_eq!(decision.judgements.len(), 2);
    assert!(!decision.is_allowed());
}

#[test]
fn a_new_branch_with_rules_begins_with_the_trust_file_in_force() {
    let (place, old) = Place::with("");
    let release = "refs/heads/release/1";
    let rewriting = rules().replace("[git.rules.tags]", "rewrite = true\n[git.rules.tags]");
    place
        .repository
        .write(".signhere/trust.toml", trust(&rewriting));
    let main = place.commit(Some(&old), "ada");
    place.set(MAIN, &main);
    // Judged by that file, what comes next would need nobody whom the rule names.
    let other = ["its trust file is not the one that is in force, and would judge what comes next"];
    assert_eq!(place.refusals(release, ZERO, &old), other);
    assert_eq!(place.refusals(release, &main, &old), other);
    assert_eq!(place.refusals(release, ZERO, &main), Vec::<String>::new());
    // With the file brought along it may begin there.
    place.repository.write("a", "1");
    let brought = place.commit(Some(&old), "ada");
    assert_eq!(
        place.refusals(release, ZERO, &brought),
        Vec::<String>::new()
    );
    // Where no rule is for the name, nobody asks.
    assert_eq!(
        place.refusals("refs/heads/x", ZERO, &old),
        Vec::<String>::new()
    );
}

#[test]
fn a_gate_without_a_usable_trust_file_lets_nothing_through() {
    let place = Place::new();
    place.repository.write("a", "1");
    let first = place.commit(None, "ada");
    let no_policy = ["no trust file says who may commit"];
    assert_eq!(place.refusals(MAIN, ZERO, &first), no_policy);
    place.set(MAIN, &first);
    place.repository.write(".signhere/trust.toml", trust(""));
    let second = place.commit(Some(&first), "ada");
    assert_eq!(place.refusals(MAIN, &first, &second), no_policy);
    // With a file that was named the same push is judged.
    let file = TrustFile::parse(&trust(""), "named.toml", None, &|_| Err(String::new())).unwrap();
    let named = Arc::new(Policy::of_file(file, &|_| None).unwrap());
    let decision = place
        .decide_by(Some(Arc::clone(&named)), MAIN, &first, &second)
        .unwrap();
    assert!(decision.is_allowed(), "{decision:?}");
    let path = "named.toml".to_owned();
    assert_eq!(decision.policy, Some(PolicySource::Named { path }));
    let decision = place
        .decide_by(Some(named), "refs/heads/y", ZERO, &second)
        .unwrap();
    assert_eq!(decision.judgements.len(), 1);
    // A file that cannot be read any more stops everything, whatever ref it is for.
    place
        .repository
        .write(".signhere/trust.toml", "signers = 1\n");
    let broken = place.commit(Some(&second), "ada");
    place.set(MAIN, &broken);
    let stopped = place.decide("refs/heads/x", ZERO, &second);
    assert!(
        matches!(stopped, Err(RefRefusal::Policy(PolicyError::File(_)))),
        "{stopped:?}"
    );
    // A link, or a folder, in its place is no file.
    let (place, first) = Place::with("");
    std::fs::remove_file(place.repository.path().join(".signhere/trust.toml")).unwrap();
    place.repository.write(".signhere/trust.toml/x", "1");
    let none = place.commit(Some(&first), "ada");
    place.set(MAIN, &none);
    assert_eq!(place.refusals(MAIN, &none, &first)[0], no_policy[0]);
}

#[test]
fn what_breaks_the_trust_file_never_gets_in() {
    let (place, first) = Place::with("");
    place
        .repository
        .write(".signhere/trust.toml", "signers = 1\n");
    let broken = place.commit(Some(&first), "ada");
    let refusals = place.decide(MAIN, &first, &broken).unwrap();
    assert!(matches!(
        refusals.refusals.as_slice(),
        [RefRefusal::TipPolicy(_)]
    ));
    let [judgement] = refusals.judgements.as_slice() else {
        panic!("{refusals:?}")
    };
    assert!(matches!(
        judgement.refusals(),
        [Refusal::BreaksPolicy { .. }]
    ));
    // A first commit of its own with a broken file.
    let orphan = place.commit(None, "ada");
    let refusals = place.decide("refs/heads/pages", ZERO, &orphan).unwrap();
    assert!(
        matches!(refusals.refusals.as_slice(), [RefRefusal::TipPolicy(_)]),
        "{refusals:?}"
    );
    // Without one it goes by the default branch's, now and later.
    std::fs::remove_file(place.repository.path().join(".signhere/trust.toml")).unwrap();
    place.repository.write("index.html", "1");
    let orphan = place.commit(None, "ada");
    let next = place.commit(Some(&orphan), "bob");
    let pages = "refs/heads/pages";
    assert_eq!(place.refusals(pages, ZERO, &orphan), Vec::<String>::new());
    assert_eq!(place.refusals(pages, &orphan, &next), Vec::<String>::new());
}

#[test]
fn notes_are_let_through_unless_a_rule_is_for_them() {
    let unsigned = |place: &Place| {
        place.repository.git(&[
            "commit-tree",
            "-m",
            "notes",
            &place.repository.git(&["write-tree"]),
        ])
    };
    let (place, _) = Place::with("");
    let note = unsigned(&place);
    assert_eq!(
        place.refusals("refs/notes/signhere", ZERO, &note),
        Vec::<String>::new()
    );
    assert_eq!(
        place.refusals("refs/notes/commits", ZERO, &note),
        ["it is not signed"]
    );
    let (place, _) =
        Place::with("[git.rules.notes]\nrefs = [\"refs/notes/**\"]\nsigners = [\"ada\"]\n");
    let note = unsigned(&place);
    assert_eq!(
        place.refusals("refs/notes/signhere", ZERO, &note),
        ["it is not signed"]
    );
}

#[test]
fn a_missing_object_lets_nothing_through() {
    let (place, first) = Place::with("");
    let gone = "1111111111111111111111111111111111111111";
    let decision = place.decide(MAIN, &first, gone).unwrap();
    assert!(
        matches!(decision.refusals.as_slice(), [RefRefusal::Undecided(_)]),
        "{decision:?}"
    );
    let text = format!(
        "tree {}\nparent {gone}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nx\n",
        place.repository.git(&["write-tree"])
    );
    let hollow = place.repository.store("commit", text.as_bytes());
    let decision = place.decide(MAIN, &first, &hollow).unwrap();
    assert!(
        matches!(decision.refusals.as_slice(), [RefRefusal::Undecided(_)]),
        "{decision:?}"
    );
}

#[test]
fn a_push_of_many_refs_is_judged_up_to_a_limit() {
    let (place, first) = Place::with("");
    let one = place.commit(Some(&first), "ada");
    let two = place.commit(Some(&one), "bob");
    let git = Git::new("git", std::env::vars_os());
    let repository = Repository::open(git, place.repository.path()).unwrap();
    let is_over = std::cell::Cell::new(false);
    let over = || is_over.get();
    let limits = Limits {
        commits: 2,
        is_over: &over,
    };
    let now = Time::from_unix(1_800_000_000);
    let gate = Gate::new(&repository, gate::Place::Here, &Names, None, now, limits).unwrap();
    let decide = |number: usize| {
        let name = format!("refs/heads/x{number}");
        let update = Update::new(&name, ZERO, &two, repository.format()).unwrap();
        let decision = gate.decide(&update);
        decision
            .refusals
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    for number in 0..10 {
        assert_eq!(decide(number), Vec::<String>::new());
    }
    let text = "it could not be judged: there are more than 20 commits to judge";
    assert_eq!(decide(10), [text]);
    is_over.set(true);
    let text = "it could not be judged: judging took too long: 0 of 1 commits were judged";
    assert_eq!(decide(11), [text]);
}

/// The tree of two commits as git merges them; `None` where there is a conflict.
fn merged(place: &Place, one: &str, other: &str, settings: &[&str]) -> Option<String> {
    let mut command = place.repository.command("git");
    command.args(settings);
    command.args(["merge-tree", "--write-tree", "--no-messages", one, other]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| text.trim().to_owned())
}

/// Twenty lines, of which some are others.
fn lines(changed: &[usize]) -> String {
    let line = |number: usize| match changed.contains(&number) {
        true => format!("line {number} is another\n"),
        false => format!("line {number}\n"),
    };
    (0..20).map(line).collect()
}

#[test]
fn a_merge_that_git_makes_again_is_the_work_of_its_sides() {
    let rule = "[git.rules.core]\nrefs = [\"refs/heads/main\"]\npaths = [\"core/**\", \"lib/**\"]\nsigners = [\"ada\"]\n";
    let (place, _) = Place::with(rule);
    place.repository.write("core/a", lines(&[]));
    place.repository.write("core/b", lines(&[]));
    let base = place.commit(None, "ada");
    place.set(MAIN, &base);
    let side_of = |path: &str, changed: &[usize]| {
        place.repository.git(&["read-tree", "-u", "--reset", &base]);
        place.repository.write(path, lines(changed));
        place.commit(Some(&base), "ada")
    };
    let main = side_of("core/a", &[1]);
    let side = side_of("core/a", &[18]);
    let Some(tree) = merged(&place, &main, &side, &[]) else {
        println!("skipped: git is older than 2.38");
        return;
    };
    let says = |tree: &str, one: &str, other: &str| {
        let merge = place.commit_of(tree, &[one, other], "bob");
        place.refusals(MAIN, one, &merge)
    };
    let core = ["rule core asks for 1 of its signers, and 0 stand for it"];
    assert_eq!(says(&tree, &main, &side), Vec::<String>::new());
    assert_eq!(says(&tree, &side, &main), Vec::<String>::new());
    let store = |path: &str, content: String| {
        place.repository.git(&["read-tree", "-u", "--reset", &tree]);
        place.repository.write(path, content);
        place.repository.git(&["add", "-A"]);
        place.repository.git(&["write-tree"])
    };
    // One more line of its own; a file of its own beside what is merged.
    assert_eq!(
        says(&store("core/a", lines(&[1, 7, 18])), &main, &side),
        core
    );
    assert_eq!(says(&store("core/c", lines(&[])), &main, &side), core);
    // Somebody's choice in a conflict, whatever the repository says of how it is merged.
    let other = side_of("core/a", &[1, 2]);
    let close = side_of("core/a", &[2, 3]);
    assert_eq!(merged(&place, &other, &close, &[]), None);
    place
        .repository
        .write(".git/info/attributes", "core/a merge=yes\n");
    let driver = ["-c", "merge.yes.driver=true"];
    place
        .repository
        .git(&["config", "merge.yes.driver", "true"]);
    let chosen = merged(&place, &other, &close, &driver).unwrap();
    assert_eq!(says(&chosen, &other, &close), core);
    // A file that one side calls another name: the other side's change of it was nobody's change of that.
    std::fs::remove_file(place.repository.path().join(".git/info/attributes")).unwrap();
    place.repository.git(&["read-tree", "-u", "--reset", &base]);
    place.repository.git(&["mv", "core/b", "lib"]);
    let renamed = place.commit(Some(&base), "ada");
    let changed = side_of("core/b", &[5]);
    let followed = merged(&place, &renamed, &changed, &[]).unwrap();
    assert_eq!(says(&followed, &renamed, &changed), core);
    // Nothing of it stays behind.
    assert_eq!(place.repository.git(&["status", "--short", "core/a"]), "");
}

/// Signs a commit by an ssh key as ssh-keygen does, and returns its id.
fn by_ssh(place: &Place, parent: &str, key: &std::path::Path, who: &str) -> String {
    place.repository.git(&["add", "-A"]);
    let tree = place.repository.git(&["write-tree"]);
    let who = format!("{who} <{who}@example.org> 1700000000 +0000");
    let head = format!("tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n");
    let payload = place.repository.beside("payload");
    std::fs::write(&payload, format!("{head}\nby ssh\n")).unwrap();
    let armor = place.repository.beside("payload.sig");
    let _ = std::fs::remove_file(&armor);
    let mut command = place.repository.command("ssh-keygen");
    command
        .args(["-Y", "sign", "-q", "-n", "git", "-f"])
        .arg(key)
        .arg(&payload);
    assert!(command.output().unwrap().status.success());
    let armor = std::fs::read_to_string(armor).unwrap();
    let armor = armor.trim_end().replace('\n', "\n ");
    place.repository.store(
        "commit",
        format!("{head}gpgsig {armor}\n\nby ssh\n").as_bytes(),
    )
}

#[test]
fn an_ssh_key_is_that_of_whom_the_file_of_keys_names() {
    if std::process::Command::new("ssh-keygen")
        .arg("-?")
        .output()
        .is_err()
    {
        println!("skipped: there is no ssh-keygen");
        return;
    }
    let (place, _) = Place::with("");
    let key = |name: &str| {
        let path = place.repository.beside(name);
        let mut command = place.repository.command("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]);
        assert!(command.arg(&path).status().unwrap().success());
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        (path, public.trim_end().to_owned())
    };
    let (bobs, public) = key("bobs");
    let (others, other) = key("others");
    let (old, old_public) = key("old");
    let keys = format!(
        "bob@example.org {public}\nzoe@example.org {other}\n\
         bob@example.org valid-before=\"20200101\" {old_public}\n"
    );
    let rules = "[git]\nallowed_signers = \".signhere/keys\"\n";
    place.repository.write(".signhere/trust.toml", trust(rules));
    place.repository.write(".signhere/keys", keys);
    let base = place.commit(None, "ada");
    place.set(MAIN, &base);
    place.repository.write("a", "1");
    let says = |key: &std::path::Path, who: &str| {
        place.refusals(MAIN, &base, &by_ssh(&place, &base, key, who))
    };
    assert_eq!(says(&bobs, "bob"), Vec::<String>::new());
    assert_eq!(
        says(&bobs, "ada"),
        ["its committer has the address of ada, and bob signed it"]
    );
    assert_eq!(
        says(&others, "zoe"),
        [
            "its ssh key is that of zoe@example.org, and the trust file lists nobody of this name or address"
        ]
    );
    assert_eq!(
        says(&old, "bob"),
        ["its ssh key is that of nobody, and the trust file lists nobody of this name or address"]
    );
    let good = by_ssh(&place, &base, &bobs, "bob");
    let bytes = place
        .repository
        .git(&["cat-file", "commit", &good])
        .replace("by ssh", "by hand");
    let forged = place
        .repository
        .store("commit", format!("{bytes}\n").as_bytes());
    let [refusal] = place.refusals(MAIN, &base, &forged).try_into().unwrap();
    assert!(
        refusal.starts_with("its ssh signature does not hold: "),
        "{refusal}"
    );
    // The key is added by the commit that it signs.
    place.repository.write(
        ".signhere/keys",
        format!("bob@example.org {public}\nada@example.org {other}\n"),
    );
    assert_eq!(says(&others, "ada").len(), 1);
    // A file of keys that is named and not there stops everything.
    std::fs::remove_file(place.repository.path().join(".signhere/keys")).unwrap();
    let gone = place.commit(Some(&base), "ada");
    let refusals = place.decide(MAIN, &base, &gone).unwrap();
    assert!(!refusals.is_allowed());
}
