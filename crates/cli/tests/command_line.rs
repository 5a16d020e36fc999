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
        "explain",
        "key",
        "serve",
        "token",
        "trust",
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
    // Nobody is named, and no trust file is asked before there is a signature.
    place.run(["verify", "a"]).exits(10);
    place
        .run(["verify", "a", "--certificate-identity", "x"])
        .exits(2);
    place.run(["--quiet", "--verbose", "man"]).exits(2);
    let both = ["verify", "a", "b", "--bundle", "c"];
    let ran = place.run(both.into_iter().chain(ANYBODY)).exits(2);
    assert_eq!(
        ran.stderr,
        "error: --bundle goes with one file only [SH-USAGE]\n\
         \x20     mend  signhere COMMAND --help\n"
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
        "error: cannot read a.txt: there is no such file [SH-FILE-MISSING]\n\
         \x20     mend  check the path: ls\n"
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
fn every_code_is_in_the_catalogue_and_every_entry_is_used() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    for source in ["src", "../verify/src", "../git/src"] {
        collect_codes(&here.join(source), &mut known);
    }
    assert!(known.len() > 100);
    let listed = Workplace::new().run(["explain", "--json"]).exits(0).json();
    let listed = listed["codes"].as_array().unwrap().iter();
    let listed: BTreeSet<_> = listed
        .map(|entry| entry["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(known, listed);
}

/// The codes in the sources below `folder`, but for those in tests and in the catalogue itself.
fn collect_codes(folder: &Path, known: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("catalogue") || path.ends_with("catalogue.rs") {
            continue;
        }
        if path.is_dir() {
            collect_codes(&path, known);
        } else if !path.ends_with("tests.rs") {
            let text = fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            known.extend(codes(code, '"'));
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

#[test]
fn a_code_is_explained() {
    let place = Workplace::new();
    for code in ["SH-LOG-PROOF", "log-proof", "log_proof"] {
        let ran = place.run(["explain", code]).exits(0);
        assert_eq!(
            ran.stdout,
            "SH-LOG-PROOF\n\
             The inclusion proof does not hold.\n\
             \n\
             \x20       why  The hashes of a proof lead from the entry to the tree's root (RFC 6962, section 2.1.1). These lead elsewhere: the entry is not in that tree.\n\
             \x20   usually  the entry was changed after it was logged\n\
             \x20            the proof is of another entry\n\
             \x20what to do  Ask the signer for the bundle as it was made\n\
             \x20 exit code  31\n"
        );
    }
    let json = place.run(["explain", "SH-SIGN", "--json"]).exits(0).json();
    assert_eq!(json["version"], 1);
    assert_eq!(json["codes"][0]["code"], "SH-SIGN");
    assert_eq!(json["codes"][0]["mend"], serde_json::Value::Null);
    assert!(json["codes"][0]["noMend"].is_string());
}

#[test]
fn codes_are_listed_and_the_nearest_is_suggested() {
    let place = Workplace::new();
    let all = place.run(["explain"]).exits(0).stdout;
    assert!(all.contains("The log entry\n  SH-LOG-MISSING "), "{all}");
    let some = place.run(["explain", "SH-LOG-CHECKPOINT-"]).exits(0).stdout;
    assert_eq!(some.lines().count(), 4, "{some}");
    let ran = place.run(["explain", "SH-IDENTITI"]).exits(2);
    assert_eq!(
        ran.stderr,
        "error: there is no code SH-IDENTITI [SH-USAGE]\n\
         \x20     mend  signhere explain SH-IDENTITY\n"
    );
    let ran = place.run(["explain", "\u{1b}[2J"]).exits(2);
    assert_eq!(
        ran.stderr,
        "error: there is no code \\u{1b}[2J [SH-USAGE]\n\
         \x20     mend  signhere explain\n"
    );
}

/// A bundle of 5 GB (a file with a hole in it, where the file system makes them) is not read further than any bundle is.
#[test]
fn a_bundle_of_five_gigabytes_is_refused() {
    let place = Workplace::new();
    place.write("a", "a");
    let bundle = place.path("a.sigstore.json");
    let file = fs::File::create(&bundle).unwrap();
    file.set_len(5 << 30).unwrap();
    let args = ["verify", "a", "--bundle", "a.sigstore.json"];
    let ran = place.run(args.into_iter().chain(ANYBODY)).exits(1);
    assert!(ran.stderr.contains("16777216 bytes"), "{ran:?}");
    let args = ["verify", "a", "--trust", "a.sigstore.json"];
    let ran = place.run(args).exits(30);
    assert!(ran.stderr.contains("[SH-FILE-TOO-LARGE]"), "{ran:?}");
}
