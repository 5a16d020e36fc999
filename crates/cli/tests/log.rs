//! `signhere log`: on an instance's folder and at its URL.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use support::{Instance, Workplace};

#[test]
fn a_log_is_checked_read_and_exported() {
    let place = Workplace::new();
    let instance = Instance::start(&place);
    for name in ["one", "two", "three"] {
        let file = place.write(name, name);
        instance.sign(&place, &file).exits(0);
    }
    let root = instance.folder.join("trusted_root.json");
    let root = root.to_str().unwrap();
    let in_folder = [instance.name()];
    let at_url = [instance.url.as_str(), "--trusted-root", root];
    for source in [&in_folder[..], &at_url[..]] {
        let log = |command: &str, more: &[&str]| {
            let args = [&["--json", "log", command], source, more].concat();
            place.run(args)
        };
        let checked = log("fsck", &[]).exits(0).json();
        assert_eq!(
            (&checked["size"], &checked["tiles"]),
            (&3.into(), &2.into())
        );
        let stat = log("stat", &[]).exits(0).json();
        assert_eq!(stat["rootHash"], checked["rootHash"]);
        assert_eq!(stat["signatures"], 1);

        let entry = log("get", &["1"]).exits(0).json();
        assert_eq!(entry["index"], 1);
        assert_eq!(entry["body"]["kind"], "hashedrekord");
        // SHA-256 of "two".
        let digest = "sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";
        assert_eq!(log("get", &[digest]).exits(0).json(), entry);
        let missing = log("get", &["3"]).exits(1).json();
        assert_eq!(missing["error"]["code"], "SH-LOG-NO-ENTRY");

        let exported = log("export", &["--from", "1"]).exits(0);
        let lines: Vec<Value> = exported
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["entry"], entry["entry"]);
        STANDARD
            .decode(lines[1]["entry"].as_str().unwrap())
            .unwrap();
    }

    let ct = instance.folder.join("ct-1");
    let checked = place.run(["--json", "log", "fsck", ct.to_str().unwrap()]);
    assert_eq!(checked.exits(0).json()["size"], 3);
    let of_other_key = place.run(["--json", "log", "stat", &instance.url]);
    let of_other_key = of_other_key.exits(30).json();
    assert_eq!(of_other_key["error"]["code"], "SH-LOG-UNSIGNED");

    // One bit of one entry.
    let tile = instance.folder.join("log-1/tiles/tile/entries/000.p/3");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[40] ^= 1;
    fs::write(&tile, bytes).unwrap();
    let broken = place
        .run(["--json", "log", "fsck", instance.name()])
        .exits(1)
        .json();
    assert_eq!(broken["error"]["code"], "SH-LOG-BROKEN");
    assert!(
        broken["error"]["message"]
            .as_str()
            .unwrap()
            .ends_with("tile/0/000.p/3 is not what follows from the entries"),
        "{broken}"
    );
    let broken = place
        .run(["--json", "log", "get", instance.name(), "0"])
        .exits(1)
        .json();
    assert_eq!(broken["error"]["code"], "SH-LOG-BROKEN");
}
