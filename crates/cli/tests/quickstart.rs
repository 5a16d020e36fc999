//! `signhere quickstart`, without a terminal.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::fs;

use support::{ALICE, Instance, Ran, Workplace, finish};

fn quickstart(place: &Workplace, args: &[&str]) -> Ran {
    // A free port: other tests run at the same time.
    let usual = ["quickstart", "--listen", "127.0.0.1:0", "--identity", ALICE];
    place.run(usual.into_iter().chain(args.iter().copied()))
}

#[test]
fn it_signs_verifies_and_refuses_a_forgery_twice() {
    let place = Workplace::new();
    place.write("mine.txt", "a file of mine\n");
    for _ in ["first", "again"] {
        let ran = quickstart(&place, &["mine.txt"]).exits(0);
        for said in [
            "Log in",
            ALICE,
            "mine.txt.sigstore.json",
            "refused",
            "refused, a commit that is not signed",
            "refused, the signed one with another author",
            "python -m sigstore",
        ] {
            assert!(ran.stdout.contains(said), "{said}: {ran:#?}");
        }
        assert!(place.path("mine.txt.sigstore.json").exists());
    }
    // Its keys are kept out of git, and can be read by nobody else.
    let ignored = fs::read_to_string(place.path(".signhere/.gitignore")).unwrap();
    assert!(ignored.contains("/quickstart/"), "{ignored}");
}

#[test]
fn its_document_says_what_was_proven() {
    let place = Workplace::new();
    place.write("README.md", "read me\n");
    let document = quickstart(&place, &["--json"]).exits(0).json();
    assert_eq!(document["version"], 1);
    assert_eq!(document["file"], "README.md");
    assert_eq!(document["identity"], ALICE);
    let forgery = &document["forgery"];
    assert_eq!(forgery["refused"]["code"], "SH-ARTIFACT-DIGEST");
    assert_eq!(forgery["refusedWithFittedBundle"]["code"], "SH-SIGNATURE");
    let git = &document["git"];
    assert_eq!(git["commit"].as_str().unwrap().len(), 40);
    assert_eq!(git["unsigned"]["code"], "SH-GIT-UNSIGNED");
    assert_eq!(git["forged"]["code"], "SH-GIT-CONTENT");
    let verify = document["next"][0].as_str().unwrap();
    let words: Vec<&str> = verify.split(' ').skip(1).collect();
    place.run(words).exits(0);
}

#[test]
fn without_git_commits_are_left_out_and_that_is_said() {
    let place = Workplace::new();
    place.write("a.txt", "a");
    let args = [
        "quickstart",
        "a.txt",
        "--listen",
        "127.0.0.1:0",
        "--identity",
        ALICE,
    ];
    let without = finish(
        place
            .command(args)
            .env("PATH", place.path("nothing"))
            .spawn()
            .unwrap(),
    );
    let without = without.exits(0).stdout;
    assert!(
        without.contains("- there is no git in PATH: left out"),
        "{without}"
    );
    let json = args.into_iter().chain(["--json"]);
    let without = finish(
        place
            .command(json)
            .env("PATH", place.path("nothing"))
            .spawn()
            .unwrap(),
    );
    assert!(without.exits(0).json()["git"].is_null());
}

#[test]
fn an_empty_file_can_be_signed() {
    let place = Workplace::new();
    place.write("empty", "");
    quickstart(&place, &["empty"]).exits(0);
}

#[test]
fn what_is_wrong_is_said_before_anything_is_made() {
    let place = Workplace::new();
    let ran = quickstart(&place, &["absent.txt"]).exits(1);
    assert!(
        ran.stderr.contains("absent.txt: there is no such file"),
        "{ran:?}"
    );
    assert!(!place.path(".signhere").exists());
    fs::create_dir(place.path("folder")).unwrap();
    let ran = quickstart(&place, &["folder"]).exits(2);
    assert!(ran.stderr.contains("folder is not a file"), "{ran:?}");
}

#[test]
fn a_taken_port_and_a_taken_folder_are_said() {
    let place = Workplace::new();
    place.write("a.txt", "a");
    let instance = Instance::start(&place);
    let address = instance.url.trim_start_matches("http://");
    let ran = place
        .run(["quickstart", "a.txt", "--listen", address])
        .exits(40);
    assert!(ran.stderr.contains("SH-PORT-TAKEN"), "{ran:?}");
    let ran = quickstart(&place, &["a.txt", "--dir", instance.name()]).exits(40);
    assert!(ran.stderr.contains("SH-INSTANCE-IN-USE"), "{ran:?}");
}

#[test]
fn a_folder_that_is_something_else_is_left_alone() {
    let place = Workplace::new();
    place.write("a.txt", "a");
    fs::create_dir(place.path("photos")).unwrap();
    place.write("photos/cat.jpg", "meow");
    let ran = quickstart(&place, &["a.txt", "--dir", "photos"]).exits(1);
    assert!(
        ran.stderr.contains("name a folder that is not there yet"),
        "{ran:?}"
    );
    assert_eq!(fs::read_dir(place.path("photos")).unwrap().count(), 1);
    place.write("file", "x");
    quickstart(&place, &["a.txt", "--dir", "file"]).exits(1);
}
