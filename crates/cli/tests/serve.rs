//! `signhere serve init`, and what `serve` makes of an instance.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use support::Workplace;

const REFERENCE: &str = include_str!("../../../docs/reference/json.md");

fn error(document: &Value) -> (&str, &str) {
    let error = &document["error"];
    (
        error["code"].as_str().unwrap(),
        error["mend"].as_str().unwrap_or_default(),
    )
}

#[test]
fn an_instance_is_made_once_and_said_to_whom() {
    let place = Workplace::new();
    let ran = place.run(["serve", "init", "i", "--unlock", "file"]);
    let ran = ran.exits(0);
    assert_eq!(ran.stderr, "");
    for line in [
        "opened by keys/unlock",
        " serve i",
        " trust add-instance http://127.0.0.1:3003 --fingerprint ",
        "cosign initialize --mirror http://127.0.0.1:3003/tuf --root i/root.json",
        "python -m sigstore --instance http://127.0.0.1:3003/tuf trust-instance i/root.json",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    let again = place.run(["serve", "init", "i", "--json"]).exits(1).json();
    assert_eq!(
        error(&again),
        ("SH-INSTANCE-EXISTS", "start it: signhere serve i")
    );
}

#[test]
fn the_document_of_init_is_in_the_reference() {
    let place = Workplace::new();
    let ran = place.run(["serve", "init", "i", "--json", "--development"]);
    let made = ran.exits(0).json();
    let object = made.as_object().unwrap();
    assert_eq!(object["version"], 1);
    assert_eq!(object["issuer"], "http://127.0.0.1:3003/oidc");
    assert_eq!(object["unlock"], "file");
    for field in object.keys() {
        let field = match field.as_str() {
            "clients" => "clients[].client",
            field => field,
        };
        assert!(REFERENCE.contains(&format!("`{field}`")), "{field}");
    }
}

#[test]
fn with_nobody_to_ask_and_no_passphrase_it_is_said_that_the_keys_lie_open() {
    let place = Workplace::new();
    let ran = place.run(["serve", "init", "i"]).exits(0);
    assert!(ran.stderr.contains("--unlock file"), "{ran:?}");
    let mode = fs::metadata(place.path("i/keys/unlock")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);

    // To ask for a passphrase and have none is no reason to do without.
    let ran = place.run(["serve", "init", "p", "--unlock", "passphrase", "--json"]);
    let refused = ran.exits(1).json();
    assert_eq!(
        error(&refused),
        (
            "SH-INSTANCE-LOCKED",
            "set SIGNHERE_PASSPHRASE, or name a file with --passphrase-file"
        )
    );
    assert!(!place.path("p").exists());
}

#[test]
fn a_wrong_passphrase_opens_nothing() {
    let place = Workplace::new();
    place.write("secret", "correct horse\n");
    let init = ["serve", "init", "i", "--passphrase-file", "secret"];
    place.run(init).exits(0);
    assert!(!place.path("i/keys/unlock").exists());
    let serve = ["serve", "i", "--listen", "127.0.0.1:0", "--json"];
    let wrong = place.run_with(("SIGNHERE_PASSPHRASE", "wrong"), serve);
    let wrong = wrong.exits(1).json();
    assert_eq!(error(&wrong).0, "SH-INSTANCE-LOCKED");
    let message = wrong["error"]["message"].as_str().unwrap();
    assert_eq!(message, "this passphrase does not open i/keys/seal.json");
    let none = place.run(serve).exits(1).json();
    assert_eq!(error(&none).0, "SH-INSTANCE-LOCKED");
}

#[test]
fn no_folder_an_old_folder_and_a_strangers_are_told_apart() {
    let place = Workplace::new();
    let serve = |folder: &str| {
        let ran = place.run(["serve", folder, "--json"]).exits(1);
        let (code, mend) = {
            let document = ran.json();
            let (code, mend) = error(&document);
            (code.to_owned(), mend.to_owned())
        };
        (code, mend)
    };
    let missing = ("SH-INSTANCE-MISSING", "signhere serve init i");
    assert_eq!(serve("i"), (missing.0.to_owned(), missing.1.to_owned()));
    assert!(!place.path("i").exists());

    fs::create_dir_all(place.path("old/identity")).unwrap();
    assert_eq!(serve("old").0, "SH-INSTANCE-VERSION");

    fs::create_dir(place.path("other")).unwrap();
    fs::set_permissions(place.path("other"), fs::Permissions::from_mode(0o700)).unwrap();
    place.write("other/thesis.tex", "chapter 1");
    let ran = place.run(["serve", "init", "other", "--json"]).exits(1);
    assert_eq!(error(&ran.json()).0, "SH-INSTANCE-FOLDER");
}

#[test]
fn a_mistake_in_the_configuration_is_shown_in_its_line() {
    let place = Workplace::new();
    place
        .run(["serve", "init", "i", "--unlock", "file"])
        .exits(0);
    let path = place.path("i/instance.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("listen =", "lisen =")).unwrap();
    let line = 1 + text.lines().position(|l| l.starts_with("listen")).unwrap();
    let ran = place.run(["serve", "i"]).exits(1);
    let expected = format!(
        "error: i/instance.toml:{line}:1: `lisen` is no key of the top of the file [SH-INSTANCE-CONFIG]\n  \
         {line} | lisen = \"127.0.0.1:3003\"\n  \
         {space} | ^^^^^\n  \
         expected  one of listen, url, tls, issuers, ca, ct, log, tsa, tuf, witness, limits, logging, rotation, metrics\n     \
         found  lisen\n      \
         mend  correct the key or remove the line; all keys: docs/reference/instance.toml.md\n",
        space = " ".repeat(line.to_string().len()),
    );
    assert_eq!(ran.stderr, expected);
    let ran = place.run(["serve", "i", "--json"]).exits(1);
    let excerpt = &ran.json()["error"]["excerpt"];
    assert_eq!(
        excerpt[0],
        json!(format!("{line} | lisen = \"127.0.0.1:3003\""))
    );
}

#[test]
fn init_refuses_what_is_not_safe() {
    let place = Workplace::new();
    for (flags, problem) in [
        (
            ["--development", "--url", "https://sigstore.example.org"],
            "the development issuer is for this machine alone",
        ),
        (
            ["--listen", "0.0.0.0:3003", "--unlock=file"],
            "plain HTTP is for this machine alone",
        ),
    ] {
        let command = ["serve", "init", "i"].into_iter().chain(flags);
        let ran = place.run(command).exits(1);
        assert!(ran.stderr.contains(problem), "{ran:?}");
        assert!(!place.path("i").exists());
    }
}

#[test]
fn a_stopped_instance_is_given_a_new_key() {
    let place = Workplace::new();
    place
        .run(["serve", "init", "i", "--unlock", "file"])
        .exits(0);
    let rotated = place.run(["serve", "rotate", "log", "i", "--json"]);
    let rotated = rotated.exits(0).json();
    assert_eq!(
        (&rotated["version"], &rotated["shard"]),
        (&json!(1), &json!("log-2"))
    );
    for field in rotated.as_object().unwrap().keys() {
        assert!(REFERENCE.contains(&format!("`{field}`")), "{field}");
    }
    let told = fs::read(place.path("i/trusted_root.json")).unwrap();
    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(told["tlogs"].as_array().unwrap().len(), 2);

    let ran = place
        .run(["serve", "rotate", "tsa", "i", "--lead", "3600"])
        .exits(0);
    assert!(
        ran.stdout
            .starts_with("tsa-2 is published, and signs from "),
        "{}",
        ran.stdout
    );
    let none = place
        .run(["serve", "rotate", "tsa", "elsewhere", "--json"])
        .exits(1);
    assert_eq!(error(&none.json()).0, "SH-INSTANCE-MISSING");
}
