//! The fuzz targets of commits and tags as plain tests: over their corpus, and over changes that are the same in every run.
//!
//! `WRITE_FUZZ_CORPUS=1` makes the corpus anew.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

#[path = "../../../fuzz/git.rs"]
mod git;
#[path = "../../verify/tests/fuzz/harness.rs"]
mod harness;
#[path = "../../verify/tests/fuzz/mutator.rs"]
mod mutator;

use std::fs;

use git::{TARGETS, Target};
use signhere_git::approve::approval;
use signhere_git::armor::Armor;
use signhere_git::attest::{Facts, PolicyFacts};
use signhere_git::carry::{Method, Source, carry_over};
use signhere_git::object::{Object, ObjectKind};
use signhere_pki::digest::HashAlgorithm;
use signhere_testkit::forge::{
    Content, Entry, Forge, GitForm, GitPlan, Kind, RootVersion, SIGNED_AT, Stage, commit, tag,
};

const COMMIT: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
author Ada <ada@example.test> 1780315200 +0000
committer Ada <ada@example.test> 1780315200 +0000

a commit without an end";
const TAG: &str = "object 4b825dc642cb6eb9a060e54bf8d69288fbee4904
type commit
tag v1
tagger Ada <ada@example.test> 1780315200 +0000

v1
";
const PGP: &str = "-----BEGIN PGP SIGNATURE-----

wsFcBAABCAAQBQJl==
-----END PGP SIGNATURE-----
";

#[test]
fn every_target_holds_over_its_corpus_and_changes_to_it() {
    if harness::writes() {
        write();
    }
    for Target { name, run, tokens } in TARGETS {
        harness::check(name, *run, tokens);
    }
}

/// Writes the corpus, and the trusted root that its objects are verified with.
fn write() {
    let forge = Forge::new();
    let root = forge.trusted_root(RootVersion::V0_1).to_string();
    fs::write(harness::folder().join("../trusted_root-git.json"), root).unwrap();
    let plans = [
        ("ours", GitPlan::OURS),
        ("gitsign", GitPlan::GITSIGN),
        ("online", GitPlan::ONLINE),
        (
            "separate",
            GitPlan {
                form: GitForm::Separate(0),
                ..GitPlan::GITSIGN
            },
        ),
    ];
    for (name, plan) in plans {
        let armor = forge.git_armor(COMMIT.as_bytes(), &plan, |_| {});
        let signed = commit(COMMIT.as_bytes(), &armor);
        put(
            "git-signature",
            name,
            &Armor::decode(armor.as_bytes()).unwrap(),
        );
        put("git-armor", name, armor.as_bytes());
        put("git-verify", name, &signed);
    }
    let signed = forge.tag_by("ada@example.test", TAG.as_bytes());
    put("git-verify", "tag", &signed);
    put("git-armor", "pgp", PGP.as_bytes());
    let small = Armor::encode(b"short");
    put("git-object", "commit", &commit(COMMIT.as_bytes(), &small));
    put("git-object", "tag", &tag(TAG.as_bytes(), &small));
    let folded = TAG.trim_end().replace('\n', "\n ");
    let merge = COMMIT.replacen("\n\n", &format!("\nmergetag {folded}\nencoding x\n\n"), 1);
    put("git-object", "merge", merge.as_bytes());
    let loose = format!("commit {}\0{COMMIT}", COMMIT.len());
    put("git-object", "loose", loose.as_bytes());
    write_note(&forge);
}

/// A note with a statement of each kind, and a bundle that is none.
fn write_note(forge: &Forge) {
    let noted = |message: &str| {
        let text = COMMIT.replace("a commit without an end", message);
        Object::parse(ObjectKind::Commit, text).unwrap()
    };
    let merged = noted("noted\n");
    let source = Source {
        object: noted("a source\n"),
        bundles: Vec::new(),
    };
    let policy = PolicyFacts {
        digest: None,
        uri: "trust.toml".to_owned(),
    };
    let facts = Facts {
        commit: &merged,
        repository: "git+https://forge.example",
        refs: &["refs/heads/main".to_owned()],
        signers: &[],
        approvers: &[],
        people: 0,
        signed_at: None,
        policy: &policy,
        at: SIGNED_AT,
    };
    let statements = [
        approval((merged.kind(), &merged.id())),
        carry_over(&merged, Method::Tree, &[source]).unwrap(),
        facts.source_provenance(),
        facts.verification_summary(&[HashAlgorithm::Sha256.digest(b"")]),
    ];
    let kind = Kind {
        content: Content::Dsse,
        entry: Entry::DsseV001,
        ..Kind::PLAIN
    };
    let mut note = forge.bundle(Kind::PLAIN).to_bytes();
    for statement in &statements {
        let forged = forge.spoiled(kind, |stage| {
            if let Stage::Sign(plan) = stage {
                plan.payload.clone_from(statement);
            }
        });
        note.push(b'\n');
        note.extend_from_slice(&forged.to_bytes());
    }
    put("git-note", "all", &note);
    put("git-note", "garbage", b"garbage\n\n{}\n\xff\n");
}

fn put(target: &str, name: &str, input: &[u8]) {
    let folder = harness::folder().join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), input).unwrap();
}
