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
#[path = "../../verify/tests/fuzz/mutator.rs"]
mod mutator;

use std::fs;
use std::path::{Path, PathBuf};

use git::{TARGETS, Target};
use mutator::Mutator;
use serde_json::value::RawValue;
use signhere_git::approve::approval;
use signhere_git::armor::Armor;
use signhere_git::attest::{Facts, PolicyFacts};
use signhere_git::carry::{Method, Source, carry_over};
use signhere_git::cms::SignedAttributes;
use signhere_git::object::{Object, ObjectKind};
use signhere_pki::digest::HashAlgorithm;
use signhere_sign::agent::harden::Hardening;
use signhere_sign::agent::protocol::{Answer, Kept, Request, Status, encode};
use signhere_sign::agent::{GitContent, LoginRequest, LogoutRequest, Refusal, SignRequest};
use signhere_testkit::forge::{
    Content, Entry, Forge, GitForm, GitPlan, Kind, RootVersion, SIGNED_AT, Stage, commit, tag,
};
use zeroize::Zeroizing;

/// Changed inputs for each target: some seconds in all, without optimization.
const CHANGES: u64 = 1_500;

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
    if std::env::var_os("WRITE_FUZZ_CORPUS").is_some() {
        write();
    }
    for target in TARGETS {
        check(target);
    }
}

fn check(target: &Target) {
    let entries = fs::read_dir(folder().join(target.name)).unwrap();
    let mut corpus: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), fs::read(&path).unwrap())
        })
        .collect();
    corpus.sort();
    assert!(!corpus.is_empty(), "{}", target.name);
    for (name, input) in &corpus {
        run(target, name, input);
    }
    let mut mutator = Mutator::new(&corpus, target.tokens);
    for number in 0..CHANGES {
        run(target, &format!("change {number}"), &mutator.input());
    }
}

fn run(target: &Target, what: &str, input: &[u8]) {
    let shown = Shown {
        target: target.name,
        what,
        input,
    };
    (target.run)(input);
    drop(shown);
}

/// Shows the input if the target panics over it.
struct Shown<'a> {
    target: &'a str,
    what: &'a str,
    input: &'a [u8],
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let input = self.input.escape_ascii();
            println!("{}: {}: {input}", self.target, self.what);
        }
    }
}

/// Writes the corpus, and the trusted root that its objects are verified with.
fn write() {
    let forge = Forge::new();
    let root = forge.trusted_root(RootVersion::V0_1).to_string();
    fs::write(folder().join("../trusted_root-git.json"), root).unwrap();
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
    write_agent(&forge);
}

/// Requests to the agent, and what it answers.
fn write_agent(forge: &Forge) {
    let sha256 = |bytes: &[u8]| HashAlgorithm::Sha256.digest(bytes);
    let attributes = SignedAttributes::new(COMMIT.as_bytes(), SIGNED_AT).unwrap();
    let git = SignRequest {
        git: Some(GitContent {
            sha256: attributes.content().hex(),
            signed_at: attributes.at(),
        }),
        prefer: Some("ada@example.test".to_owned()),
        ..SignRequest::of_artifact(&attributes.digest())
    };
    let text = |text: &str| Zeroizing::new(text.to_owned());
    let statement = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"gitCommit":"4b825dc6"}}],"predicateType":"https://example.test"}"#;
    let login = LoginRequest {
        instance: Some("work".to_owned()),
        token: text("an identity token"),
        refresh_token: Some(text("a refresh token")),
    };
    for (name, request) in [
        ("git", Request::Sign(git)),
        (
            "artifact",
            Request::Sign(SignRequest::of_artifact(&sha256(b""))),
        ),
        (
            "statement",
            Request::Sign(SignRequest::of_statement(statement)),
        ),
        ("login", Request::Login(login)),
        ("logout", Request::Logout(LogoutRequest::default())),
        ("status", Request::Status {}),
        ("stop", Request::Stop {}),
    ] {
        put(
            "agent-request",
            name,
            encode(&request).unwrap().trim_ascii_end(),
        );
    }
    let bundle = String::from_utf8(forge.bundle(Kind::PLAIN).to_bytes()).unwrap();
    let bundle = RawValue::from_string(bundle.trim_end().to_owned()).unwrap();
    let kept = Kept {
        instance: "work".to_owned(),
        identity: "ada@example.test".to_owned(),
        issuer: "https://issuer.test".to_owned(),
        since: SIGNED_AT,
        idle_until: SIGNED_AT,
        until: SIGNED_AT,
        signs_until: SIGNED_AT,
        certificate_until: SIGNED_AT,
        renews: true,
        signatures: 1,
        certificates: 1,
    };
    let status = Status {
        pid: 1,
        program: "0.1.0".to_owned(),
        since: SIGNED_AT,
        idle_seconds: 7_200,
        lifetime_seconds: 36_000,
        hardening: Hardening::NONE,
        logins: vec![kept.clone()],
    };
    let refused = Refusal::Busy { retry_after: 1 };
    for (name, answer) in [
        ("bundle", Answer::Bundle(bundle)),
        ("status", Answer::Status(Box::new(status))),
        ("logged-in", Answer::LoggedIn(kept)),
        ("logged-out", Answer::LoggedOut { count: 2 }),
        ("refused", Answer::Refused(refused)),
    ] {
        put(
            "agent-answer",
            name,
            encode(&answer).unwrap().trim_ascii_end(),
        );
    }
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
        approval(&merged.id()),
        carry_over(&merged, Method::Tree, &[source]).unwrap(),
        facts.source_provenance(),
        facts.verification_summary(&HashAlgorithm::Sha256.digest(b"")),
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
    let folder = folder().join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), input).unwrap();
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}
