//! `tests/git/client`, which is `signhere git objects`: a line for every object, whatever it is.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use signhere_testkit::corpus;
use signhere_testkit::forge::{Forge, GitPlan, IDENTITY, ISSUER, RootVersion, commit};

const REFERENCE: &str = include_str!("../../../docs/reference/git-objects.md");
const PAYLOAD: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
author Ada <ada@example.test> 1780315200 +0000
committer Ada <ada@example.test> 1780315200 +0000

a commit\r
without an end";

/// Runs the client over files, and returns its lines.
fn client(arguments: &[&Path]) -> Vec<Value> {
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/git/client");
    let ran = Command::new(client)
        .args(arguments)
        .env("SIGNHERE", env!("CARGO_BIN_EXE_signhere"))
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert_eq!(ran.stderr, b"");
    let lines = String::from_utf8(ran.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn real_objects_get_the_line_that_is_expected() {
    let Some(folder) = corpus::folder_or_skip("the lines of gitsign's objects") else {
        return;
    };
    let expected = fs::read_to_string(folder.join("git/expected.jsonl")).unwrap();
    let expected: Vec<Value> = expected
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let root = folder.join("trust/public-good.trusted_root.json");
    let objects: Vec<_> = expected
        .iter()
        .map(|line| {
            folder
                .join("git/objects")
                .join(line["oid"].as_str().unwrap())
        })
        .collect();
    let mut arguments = vec![Path::new("--trusted-root"), &root];
    arguments.extend(objects.iter().map(|path| path.as_path()));
    let lines = client(&arguments);
    assert_eq!(lines.len(), expected.len());
    for (line, expected) in lines.iter().zip(&expected) {
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&line[name], value, "{name} of {}", expected["oid"]);
        }
    }
}

#[test]
fn every_file_gets_a_line() {
    let forge = Forge::new();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.json");
    fs::write(&root, forge.trusted_root(RootVersion::V0_1).to_string()).unwrap();
    let payload = PAYLOAD.as_bytes();
    let armor = forge.git_armor(payload, &GitPlan::OURS, |_| {});
    let tag = forge.tag_by(
        "bob@example.test",
        b"object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ntype commit\ntag v1\n\nv1\n",
    );
    let mergetag = String::from_utf8(tag).unwrap();
    let mergetag = mergetag.trim_end().replace('\n', "\n ");
    let merge = PAYLOAD.replacen("\n\n", &format!("\nmergetag {mergetag}\n\n"), 1);
    let good = commit(payload, &armor);
    let loose = [format!("commit {}\0", good.len()).as_bytes(), &good].concat();
    let altered = String::from_utf8(good.clone()).unwrap();
    let altered = altered.replacen("a commit", "another", 1);
    let twice = String::from_utf8(good.clone()).unwrap();
    let twice = twice.replacen("\nauthor", "\nauthor x\nauthor", 1);
    let ssh = commit(payload, "-----BEGIN SSH SIGNATURE-----\n");
    let pgp = commit(payload, "-----BEGIN PGP SIGNATURE-----\n");
    let cut = &good[..good.len() / 2];
    let online = commit(payload, &forge.git_armor(payload, &GitPlan::ONLINE, |_| {}));

    // The object, and its signature, chain, SCT, log and outcome.
    let cases: [(&str, &[u8], [&str; 5]); 13] = [
        (
            "good",
            &good,
            ["valid", "valid", "valid", "embedded, valid", "proven"],
        ),
        (
            "loose",
            &loose,
            ["valid", "valid", "valid", "embedded, valid", "proven"],
        ),
        (
            "online",
            &online,
            ["valid", "valid", "valid", "absent", "unproven"],
        ),
        (
            "altered",
            altered.as_bytes(),
            ["invalid", "valid", "valid", "embedded, valid", "refused"],
        ),
        ("ssh", &ssh, ["ssh", "", "", "", "foreign"]),
        ("pgp", &pgp, ["pgp", "", "", "", "foreign"]),
        ("unsigned", payload, ["none", "", "", "", "unsigned"]),
        ("merge", merge.as_bytes(), ["none", "", "", "", "unsigned"]),
        // The tag that the merge embeds.
        (
            "",
            b"",
            ["valid", "valid", "valid", "embedded, valid", "proven"],
        ),
        (
            "twice",
            twice.as_bytes(),
            ["invalid", "valid", "valid", "embedded, valid", "unreadable"],
        ),
        ("cut", cut, ["invalid", "", "", "", "unreadable"]),
        ("empty", b"", ["invalid", "", "", "", "unreadable"]),
        ("missing", b"", ["invalid", "", "", "", "unreadable"]),
    ];
    let mut arguments = vec!["--trusted-root".into(), root];
    for (name, bytes, _) in cases.iter().filter(|(name, ..)| !name.is_empty()) {
        let path = folder.path().join(name);
        if *name != "missing" {
            fs::write(&path, bytes).unwrap();
        }
        arguments.push(path);
    }
    let arguments: Vec<&Path> = arguments.iter().map(|path| path.as_path()).collect();
    let lines = client(&arguments);
    assert_eq!(lines.len(), cases.len());
    for (line, (name, _, expected)) in lines.iter().zip(&cases) {
        let found = ["signature", "chain", "sct", "log", "outcome"];
        let found = found.map(|field| line[field].as_str().unwrap_or_default());
        assert_eq!(found, *expected, "{name}: {line}");
        for field in line.as_object().unwrap().keys() {
            assert!(REFERENCE.contains(&format!("`{field}`")), "{field}");
        }
        if let Some(code) = line["code"].as_str() {
            assert!(code.starts_with("SH-"), "{line}");
        }
    }
    let good = &lines[0];
    assert_eq!(good["san"][0], format!("email:{IDENTITY}"));
    assert_eq!(good["oidc_issuer"], ISSUER);
    assert_eq!(good["signing_time"], "2026-06-01T12:00:00+00:00");
    assert_eq!(good["payload_ends_with_newline"], false);
    assert_eq!(good["payload_has_cr"], true);
    assert_eq!(lines[1], lines[0]);
    assert_eq!(lines[8]["type"], "tag");

    // By another root nothing of it but the signature holds.
    let other = folder.path().join("other.json");
    let stranger = Forge::new().trusted_root(RootVersion::V0_1).to_string();
    fs::write(&other, stranger).unwrap();
    let object = folder.path().join("gitsign");
    let armor = forge.git_armor(payload, &GitPlan::GITSIGN, |_| {});
    fs::write(&object, commit(payload, &armor)).unwrap();
    let lines = client(&[Path::new("--trusted-root"), &other, &object]);
    assert_eq!(lines[0]["signature"], "valid");
    assert_eq!(lines[0]["chain"], "invalid");
    assert_eq!(lines[0]["sct"], "invalid");
    assert_eq!(lines[0]["log"], "embedded, invalid");
}
