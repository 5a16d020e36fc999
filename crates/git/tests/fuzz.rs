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

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
    write_keys();
}

/// SSH signatures of a key in a file and one in a device, a file of allowed signers; keys and signatures of a forge.
fn write_keys() {
    let string = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&length, bytes].concat()
    };
    let ssh = |algorithm: &str, key_end: &[u8], made_end: &[u8]| {
        let point = hex::decode("6a7a5737f86f77df7993cc12ca1ed10210a384c0803a7fedc7a10c2cfe85e0ad");
        let name = string(algorithm.as_bytes());
        let key = [name.as_slice(), &string(&point.unwrap()), key_end].concat();
        let made = [name.as_slice(), &string(&[7; 64]), made_end].concat();
        let parts = [&key[..], b"git", b"", b"sha512", &made].map(string);
        let blob = [b"SSHSIG\0\0\0\x01", parts.concat().as_slice()].concat();
        let body = STANDARD.encode(blob);
        let armor = format!("-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n");
        (armor, STANDARD.encode(key))
    };
    let (armor, key) = ssh("ssh-ed25519", b"", b"");
    put("git-ssh", "ed25519", armor.as_bytes());
    let (armor, _) = ssh(
        "sk-ssh-ed25519@openssh.com",
        &string(b"ssh:"),
        b"\x01\0\0\0\x05",
    );
    put("git-ssh", "device", armor.as_bytes());
    let options = "namespaces=\"git,file\",valid-after=\"20260101Z\",valid-before=\"20270101\"";
    let allowed = format!(
        "# keys\nada@example.test {options} ssh-ed25519 {key} Ada\n\"*@example.test\" ssh-ed25519 {key}\n"
    );
    put("git-ssh", "allowed", allowed.as_bytes());
    for name in ["key", "ed25519", "payload", "text"] {
        let path = harness::folder().join(format!("../../testdata/git-platform/{name}.asc"));
        put("git-pgp", name, &fs::read(path).unwrap());
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
