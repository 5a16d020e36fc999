//! `signhere serve trust`: the root shown, renewed, taken offline, signed by several people.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::{Ran, Workplace};

const PASSPHRASE: (&str, &str) = ("SIGNHERE_KEY_PASSWORD", "of the root keys");

struct Place(Workplace);

impl Place {
    fn new() -> Self {
        let place = Workplace::new();
        let init = ["serve", "init", "i", "--unlock", "file"];
        place.run(init).exits(0);
        Self(place)
    }

    fn trust(&self, args: &[&str]) -> Ran {
        let args = [&["serve", "trust"], args].concat();
        self.0.run_with(PASSPHRASE, args)
    }

    fn key(&self, name: &str, kind: &str) {
        let args = [
            "key",
            "generate",
            "--output-key-prefix",
            name,
            "--kind",
            kind,
        ];
        self.0.run_with(PASSPHRASE, args).exits(0);
    }

    /// Version, threshold and number of keys of the root, and whether its key is here.
    fn root(&self) -> Value {
        let shown = self.trust(&["show", "i", "--json"]).exits(0).json();
        let root = &shown["roles"][0];
        let keys = root["keys"].as_array().unwrap().len();
        json!([
            root["version"],
            root["threshold"],
            keys,
            shown["rootKeyHere"]
        ])
    }
}

fn code(ran: &Ran) -> String {
    let error = ran.json();
    error["error"]["code"].as_str().unwrap().to_owned()
}

#[test]
fn the_root_is_renewed_and_its_key_taken_away() {
    let place = Place::new();
    assert_eq!(place.root(), json!([1, 1, 1, true]));
    place.trust(&["rotate-root", "i", "--keep-key"]).exits(0);
    place.trust(&["rotate-root", "i", "--days", "30"]).exits(0);
    assert_eq!(place.root(), json!([3, 1, 1, true]));
    let shown = place.trust(&["show", "i"]).exits(0);
    // 29 once the second in which it was signed has passed.
    let left = ["30 days left", "29 days left"];
    let is_shown = left.iter().any(|left| shown.stdout.contains(left));
    assert!(is_shown, "{}", shown.stdout);
    let mend = "renew the root: signhere serve trust rotate-root i";
    assert!(shown.stderr.contains(mend), "{}", shown.stderr);

    let taken = place.trust(&["take-offline", "i", "root.key"]).exits(0);
    let next = "signhere serve trust rotate-root i --root-key root.key";
    assert!(taken.stdout.contains(next), "{}", taken.stdout);
    assert_eq!(place.root(), json!([3, 1, 1, false]));
    let refused = place.trust(&["rotate-root", "i", "--json"]).exits(1);
    assert_eq!(code(&refused), "SH-TUF-ROOT-KEY");
    let with_key = ["rotate-root", "i", "--root-key", "root.key"];
    place.trust(&with_key).exits(0);
    assert_eq!(place.root(), json!([4, 1, 1, false]));
    // What was taken away is not written over.
    place.trust(&["take-offline", "i", "root.key"]).exits(1);
}

#[test]
fn several_people_sign_a_root() {
    let place = Place::new();
    place.key("a", "p256");
    place.key("b", "ed25519");
    let export = [
        "export-root",
        "i",
        "n.json",
        "--key",
        "a.pub",
        "--key",
        "b.pub",
    ];
    let too_many = [&export[..], &["--threshold", "3"]].concat();
    place.trust(&too_many).exits(2);
    place
        .trust(&[&export[..], &["--threshold", "2"]].concat())
        .exits(0);
    place.trust(&["take-offline", "i", "root.key"]).exits(0);
    for key in ["root.key", "a.key"] {
        place.trust(&["sign-root", "n.json", "--key", key]).exits(0);
        let refused = place
            .trust(&["import-root", "i", "n.json", "--json"])
            .exits(30);
        assert_eq!(code(&refused), "SH-TUF-UNSIGNED", "{key}");
    }
    let signed = place.trust(&["sign-root", "n.json", "--key", "b.key", "--json"]);
    assert_eq!(signed.exits(0).json()["signatures"], 3);
    place.trust(&["import-root", "i", "n.json"]).exits(0);
    assert_eq!(place.root(), json!([2, 2, 2, false]));
    // The same root is no next one.
    let again = place
        .trust(&["import-root", "i", "n.json", "--json"])
        .exits(30);
    assert_eq!(code(&again), "SH-TUF");
}

#[test]
fn what_is_no_instance_and_no_root_is_said_to_be_none() {
    let place = Place::new();
    place.0.write("forged.json", "{}");
    let shown = place.trust(&["show", "i", "--root", "forged.json", "--json"]);
    assert_eq!(code(&shown.exits(30)), "SH-TUF");
    let elsewhere = place.trust(&["show", "nowhere", "--json"]).exits(30);
    assert_eq!(code(&elsewhere), "SH-TUF-MISSING");
}
