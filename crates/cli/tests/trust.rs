//! `signhere trust`: instances by name, added by their fingerprint, used without a network.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{ALICE, Instance, Ran, Workplace};

const REFERENCE: &str = include_str!("../../../docs/reference/json.md");

/// The SHA-256 of an instance's first root.
fn fingerprint(instance: &Instance) -> String {
    let root = fs::read(instance.folder.join("root.json")).unwrap();
    hex::encode(signhere_pki::digest::sha256(&root))
}

fn code(ran: &Ran) -> String {
    let document = ran.json();
    let error = match &document["error"] {
        Value::Null => &document["results"][0]["error"],
        error => error,
    };
    error["code"].as_str().unwrap_or_default().to_owned()
}

fn verify(place: &Workplace, issuer: &str, file: &Path, more: &[&str]) -> Ran {
    let mut args = vec!["--json", "verify", "--certificate-identity", ALICE];
    args.extend(["--certificate-oidc-issuer", issuer]);
    args.extend(more);
    args.push(file.to_str().unwrap());
    place.run(args)
}

#[test]
fn an_instance_is_added_by_its_fingerprint_and_used_by_its_name() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    let (url, pin, issuer) = (
        instance.url.clone(),
        fingerprint(&instance),
        instance.issuer.clone(),
    );
    let file = place.write("file", "content");
    instance.sign(&place, &file).exits(0);

    // Nobody knows the instance yet, and a wrong fingerprint changes nothing.
    let unknown = verify(&place, &issuer, &file, &["--offline"]).exits(30);
    assert_eq!(code(&unknown), "SH-INSTANCE-UNKNOWN-BUNDLE");
    let wrong = "00".repeat(32);
    let add = |pin: &str| {
        let args = [
            "--json",
            "trust",
            "add-instance",
            &url,
            "--fingerprint",
            pin,
            "--name",
            "ours",
        ];
        place.run(args)
    };
    let refused = add(&wrong).exits(30);
    assert_eq!(code(&refused), "SH-INSTANCE-FINGERPRINT");
    assert_eq!(refused.json()["error"]["found"], pin.as_str());
    assert!(!place.path(".local/share/signhere/tuf/ours").exists());

    let added = add(&pin).exits(0).json();
    assert_eq!(added["name"], "ours");
    assert_eq!(added["rootVersion"], 1);
    // Again is no harm; another root under the same name is.
    add(&pin).exits(0);
    assert_eq!(code(&add(&wrong).exits(1)), "SH-INSTANCE-NAME-TAKEN");
    let listed = place.run(["--json", "trust", "instances"]).exits(0).json();
    let names: Vec<_> = listed["instances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| &i["name"])
        .collect();
    assert_eq!(names, ["public", "github", "staging", "ours"]);
    assert_eq!(listed["instances"][3]["isUpdated"], true);
    assert_eq!(listed["instances"][0]["isUpdated"], false);

    // Its bundles are told from others', it is signed on by its name, and everything holds without it.
    let token = instance.token(&place);
    let file = place.write("other", "other content");
    let sign = ["sign", "--instance", "ours", file.to_str().unwrap()];
    let signed = place.run_with(("SIGSTORE_ID_TOKEN", &token), sign);
    assert_eq!(signed.code, 0, "{signed:?}");
    let verified = verify(&place, &issuer, &file, &[]).exits(0).json();
    assert_eq!(verified["results"][0]["instance"]["name"], "ours");
    for field in ["asOf", "rootVersion", "isUpdated", "fingerprint"] {
        assert!(
            REFERENCE.contains(&format!("`{field}`")) || REFERENCE.contains(&format!(".{field}`")),
            "{field}"
        );
    }
    let updated = place
        .run(["--json", "trust", "update", "ours"])
        .exits(0)
        .json();
    assert_eq!(updated["updated"], true);

    drop(instance);
    verify(&place, &issuer, &file, &["--offline"]).exits(0);
    verify(&place, &issuer, &file, &["--offline", "--instance", "ours"]).exits(0);
    let other = verify(
        &place,
        &issuer,
        &file,
        &["--offline", "--instance", "public"],
    );
    assert_ne!(other.code, 0);
    assert_ne!(other.code, 30);
    let down = place
        .run(["--json", "trust", "update", "ours"])
        .exits(40)
        .json();
    assert_eq!(down["updated"], false);
    assert!(down["instances"][0]["error"]["code"].is_string());

    // What somebody wrote into the cache is not believed: that is no word against the signature.
    let cache = place.path(".local/share/signhere/tuf/ours");
    fs::write(cache.join("targets.json"), "{}").unwrap();
    let spoiled = verify(&place, &issuer, &file, &["--offline"]).exits(30);
    assert_eq!(code(&spoiled), "SH-TUF-NOT-CACHED");
}

#[test]
fn what_ships_with_the_program_needs_no_network() {
    let place = Workplace::new();
    let listed = place.run(["trust", "instances"]).exits(0);
    for line in [
        "public",
        "github",
        "staging",
        "https://tuf-repo.github.com",
        "as shipped",
    ] {
        assert!(listed.stdout.contains(line), "{line}: {listed:?}");
    }
    let offline = place
        .run(["--json", "--offline", "trust", "update"])
        .exits(40);
    assert_eq!(code(&offline), "SH-OFFLINE");
    let unknown = place.run(["--json", "trust", "update", "wrok"]).exits(2);
    assert_eq!(code(&unknown), "SH-USAGE");
    for name in ["public", "local", "../x", "UPPER"] {
        let args = [
            "trust",
            "add-instance",
            "http://127.0.0.1:1",
            "--name",
            name,
            "--fingerprint",
        ];
        let args = args.into_iter().map(str::to_owned).chain(["00".repeat(32)]);
        place.run(args.collect::<Vec<_>>()).exits(2);
    }
}
