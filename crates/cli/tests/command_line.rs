//! Help, errors and exit codes that need no instance.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use support::Workplace;

const ANYBODY: [&str; 4] = [
    "--certificate-identity",
    "you@example.com",
    "--certificate-oidc-issuer",
    "https://accounts.example.com",
];

#[test]
fn help_names_every_command() {
    let place = Workplace::new();
    let help = place.run(["--help"]).exits(0).stdout;
    for command in [
        "quickstart",
        "sign",
        "verify",
        "key",
        "serve",
        "token",
        "completions",
        "man",
    ] {
        assert!(
            help.contains(&format!("\n  {command} ")),
            "{command}: {help}"
        );
        let help = place.run([command, "--help"]).exits(0).stdout;
        assert!(help.contains("Usage: signhere"), "{help}");
    }
}

#[test]
fn help_carries_no_colour_when_nobody_looks() {
    let place = Workplace::new();
    for args in [&["--help"][..], &["verify", "absent", "--key", "absent"]] {
        let ran = place.run(args);
        assert!(!format!("{ran:?}").contains("\\u{1b}"), "{ran:?}");
    }
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let place = Workplace::new();
    place.write("a", "a");
    place.write("b", "b");
    place.run(["frobnicate"]).exits(2);
    place.run(["verify", "a"]).exits(2);
    place
        .run(["verify", "a", "--certificate-identity", "x"])
        .exits(2);
    place.run(["--quiet", "--verbose", "man"]).exits(2);
    let both = ["verify", "a", "b", "--bundle", "c"];
    let ran = place.run(both.into_iter().chain(ANYBODY)).exits(2);
    assert_eq!(
        ran.stderr,
        "error: --bundle goes with one file only [SH-USAGE]\n"
    );
}

#[test]
fn a_wrong_command_line_is_a_document_with_json() {
    let place = Workplace::new();
    let ran = place.run(["frobnicate", "--json"]).exits(2);
    let document = ran.json();
    assert_eq!(document["version"], 1);
    assert_eq!(document["error"]["code"], "SH-USAGE");
    assert_eq!(document["error"]["exitCode"], 2);
    assert_eq!(ran.stderr, "");
}

#[test]
fn no_bundle_is_no_signature() {
    let place = Workplace::new();
    place.write("a.txt", "a");
    let ran = place.run(["verify", "a.txt"].into_iter().chain(ANYBODY));
    assert_eq!(
        ran.exits(10).stderr,
        "error: a.txt: there is no bundle next to it [SH-NO-SIGNATURE]\n\
         \x20 expected  a.txt.sigstore.json\n\
         \x20     mend  signhere sign a.txt\n"
    );
}

#[test]
fn no_file_is_no_artifact() {
    let place = Workplace::new();
    let ran = place.run(["verify", "a.txt"].into_iter().chain(ANYBODY));
    assert_eq!(
        ran.exits(11).stderr,
        "error: cannot read a.txt: there is no such file [SH-FILE-MISSING]\n"
    );
}

#[test]
fn a_digest_needs_a_bundle_and_the_right_length() {
    let place = Workplace::new();
    let short = ["verify", "sha256:abc", "--bundle", "b"];
    let digest = format!("sha256:{}", "0".repeat(64));
    place.write("b", "{}");
    let ran = place.run(short.into_iter().chain(ANYBODY)).exits(2);
    assert!(ran.stderr.contains("./sha256:abc"), "{ran:?}");
    let ran = place.run(["verify", &digest].into_iter().chain(ANYBODY));
    assert!(ran.exits(2).stderr.contains("--bundle is needed"));
}

#[test]
fn an_unreadable_trusted_root_is_no_trust() {
    let place = Workplace::new();
    place.write("a.txt", "a");
    place.write("root.json", "{\"mediaType\": ");
    let missing = ["verify", "a.txt", "--trusted-root", "absent.json"];
    let ran = place.run(missing.into_iter().chain(ANYBODY)).exits(30);
    assert!(ran.stderr.contains("SH-FILE-MISSING"), "{ran:?}");
    let broken = ["verify", "a.txt", "--trusted-root", "root.json"];
    let ran = place.run(broken.into_iter().chain(ANYBODY)).exits(30);
    assert!(ran.stderr.contains("root.json"), "{ran:?}");
    let unknown = ["verify", "a.txt", "--instance", "nowhere"];
    let ran = place.run(unknown.into_iter().chain(ANYBODY)).exits(30);
    assert!(ran.stderr.contains("SH-INSTANCE-UNKNOWN"), "{ran:?}");
}

#[test]
fn the_configuration_file_names_instances() {
    let place = Workplace::new();
    place.write("a.txt", "a");
    place.write(
        "config.toml",
        "instance = \"work\"\n[instances]\nwork = \"nowhere\"\n",
    );
    let args = ["verify", "a.txt", "--config", "config.toml"];
    let ran = place.run(args.into_iter().chain(ANYBODY)).exits(30);
    assert!(ran.stderr.contains("there is no instance work"), "{ran:?}");
    place.write("config.toml", "instence = \"work\"\n");
    let ran = place.run(args.into_iter().chain(ANYBODY)).exits(1);
    assert!(ran.stderr.contains("SH-CONFIG"), "{ran:?}");
}

#[test]
fn a_login_is_not_waited_for_without_a_terminal() {
    let place = Workplace::new();
    place.write("a.txt", "a");
    let ran = place.run(["sign", "a.txt"]).exits(41);
    assert!(ran.stderr.contains("SH-LOGIN-NEEDED"), "{ran:?}");
    assert!(!place.path("a.txt.sigstore.json").exists());
}

#[test]
fn offline_signing_is_refused_at_once() {
    let place = Workplace::new();
    place.write("a.txt", "a");
    let ran = place.run(["--offline", "sign", "a.txt"]).exits(40);
    assert!(ran.stderr.contains("SH-OFFLINE"), "{ran:?}");
}

#[test]
fn a_token_that_is_none_is_refused_and_not_repeated() {
    let place = Workplace::new();
    place.write("a.txt", "a");
    let ran = place.run_with(("SIGSTORE_ID_TOKEN", "not.a.secret"), ["sign", "a.txt"]);
    let ran = ran.exits(41);
    assert!(!ran.stderr.contains("not.a.secret"), "{ran:?}");
    let ran = place.pipe(
        &vec![b'a'; 10_000_000],
        ["sign", "--identity-token-file", "-", "a.txt"],
    );
    assert!(ran.exits(1).stderr.contains("SH-FILE-TOO-LARGE"));
}

#[test]
fn every_error_code_is_in_the_reference() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut known = BTreeSet::new();
    collect_codes(&source, &mut known);
    let page = include_str!("../../../docs/reference/errors.md");
    assert!(known.len() > 30);
    assert_eq!(known, codes(page, '`').collect());
}

/// The codes in the sources below `folder`, but for those in tests, which name
/// codes of the verdict too.
fn collect_codes(folder: &Path, known: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_codes(&path, known);
        } else if !path.ends_with("error/tests.rs") {
            known.extend(codes(&fs::read_to_string(path).unwrap(), '"'));
        }
    }
}

fn codes(text: &str, quote: char) -> impl Iterator<Item = String> {
    text.split(quote)
        .filter(|part| part.starts_with("SH-") && !part.contains(char::is_whitespace))
        .map(str::to_owned)
}

#[test]
fn completions_and_manual_pages_are_generated() {
    let place = Workplace::new();
    let bash = place.run(["completions", "bash"]).exits(0).stdout;
    assert!(bash.contains("complete -F _signhere"), "{bash}");
    let page = place.run(["man"]).exits(0).stdout;
    assert!(page.contains(".TH signhere 1"), "{page}");
    place.run(["man", "--dir", "pages"]).exits(0);
    assert!(place.path("pages/signhere-verify.1").exists());
}
