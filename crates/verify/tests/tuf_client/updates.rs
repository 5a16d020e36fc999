//! Root chain, rollback, freeze, mix and match.

use serde_json::{Value, json};
use signhere_pki::digest::HashAlgorithm;
use signhere_verify::tuf::client::Limits;

use crate::world::{EXPIRED, NOW, VALID, World, target};
use crate::{Row, row, run};

const FIRST: &str = "root 1";
const ALL_1: &str = "root 1, timestamp 1, snapshot 1, targets 1";
const ALL_2: &str = "root 1, timestamp 2, snapshot 2, targets 2";

/// A client that has the first root and nothing else.
#[rustfmt::skip]
const NEW_CLIENT: &[Row] = &[
    row("a first update", |_| {}, "", ALL_1),
    row("nothing but roots", |w| w.repository.files.retain(|name, _| name.contains("root")),
        "timestamp.json is not in the repository", FIRST),
    row("no snapshot", |w| { w.repository.files.remove("1.snapshot.json"); },
        "1.snapshot.json is not in the repository", "root 1, timestamp 1"),
    row("no targets", |w| { w.repository.files.remove("1.targets.json"); },
        "1.targets.json is not in the repository", "root 1, timestamp 1, snapshot 1"),
    row("the timestamp is no JSON", |w| { w.repository.files.insert("timestamp.json".into(), b"{".to_vec()); },
        "timestamp.json: the JSON ends too early, at line 1, column 1", FIRST),
    row("the timestamp is larger than any", |w| { w.repository.files.insert("timestamp.json".into(), vec![b' '; 1 << 20]); },
        "timestamp.json: the JSON ends too early, at line 1, column 65536", FIRST),
    row("a snapshot where the timestamp belongs", |w| {
        let snapshot = w.repository.files["1.snapshot.json"].clone();
        w.repository.files.insert("timestamp.json".into(), snapshot);
    }, "timestamp.json: the document is of type `snapshot`, not `timestamp`", FIRST),
    row("the timestamp is expired", |w| { w.repository.timestamp["expires"] = EXPIRED.into(); w.repository.publish(); },
        "timestamp.json: the timestamp metadata expired at 2027-01-01T00:00:00Z", FIRST),
    row("the snapshot is expired", |w| { w.repository.snapshot["expires"] = EXPIRED.into(); w.repository.publish(); },
        "1.snapshot.json: the snapshot metadata expired at 2027-01-01T00:00:00Z", "root 1, timestamp 1"),
    row("the targets are expired", |w| { w.repository.roles.get_mut("targets").unwrap()["expires"] = EXPIRED.into(); w.repository.publish(); },
        "1.targets.json: the targets metadata expired at 2027-01-01T00:00:00Z", "root 1, timestamp 1, snapshot 1"),
    row("a document that expires this second is expired", |w| {
        w.repository.timestamp["expires"] = "2027-01-15T08:00:00Z".into();
        w.repository.publish();
    }, "timestamp.json: the timestamp metadata expired at 2027-01-15T08:00:00Z", FIRST),
    row("a document that expires the next second is not", |w| {
        w.repository.timestamp["expires"] = "2027-01-15T08:00:01Z".into();
        w.repository.publish();
    }, "", ALL_1),
    row("the only root is expired", |w| w.client.now = NOW.plus_seconds(1 << 25),
        "root.json: the root metadata expired at 2027-02-01T00:00:00Z", FIRST),
    row("an expired root is the way to a good one", |w| {
        w.client.now = NOW.plus_seconds(1 << 25);
        w.repository.next_root(|r| r.root["expires"] = "2030-01-01T00:00:00Z".into());
        for role in [&mut w.repository.timestamp, &mut w.repository.snapshot] { role["expires"] = "2030-01-01T00:00:00Z".into(); }
        w.repository.roles.get_mut("targets").unwrap()["expires"] = "2030-01-01T00:00:00Z".into();
        w.repository.publish();
    }, "", "root 2, timestamp 1, snapshot 1, targets 1"),
    row("a newer minor version of the specification", |w| { w.repository.timestamp["spec_version"] = "1.99.7".into(); w.repository.publish(); }, "", ALL_1),
    row("an older form of its version", |w| { w.repository.timestamp["spec_version"] = "1.0".into(); w.repository.publish(); }, "", ALL_1),
    row("another major version", |w| { w.repository.timestamp["spec_version"] = "2.0.0".into(); w.repository.publish(); },
        "timestamp.json: the document follows version `2.0.0` of the TUF specification, not 1", FIRST),
    row("fields that nobody knows", |w| {
        for document in [&mut w.repository.timestamp, &mut w.repository.snapshot] { document["x-new"] = json!({"a": [1, null, "\u{e9}"]}); }
        let targets = w.repository.roles.get_mut("targets").unwrap();
        targets["x-new"] = true.into();
        targets["targets"]["f"] = target(b"f");
        targets["targets"]["f"]["custom"] = json!({"any": "thing"});
        w.repository.publish();
        w.client.wanted = vec!["f"];
    }, "targets", ALL_1),
    row("a field outside of what is signed", |w| w.repository.tamper("timestamp.json", |v| v["x"] = 1.into()), "", ALL_1),
    row("no consistent snapshots", |w| {
        w.repository.files.clear();
        w.repository.root["consistent_snapshot"] = false.into();
        w.repository.bump("root");
        w.repository.publish_root();
        w.repository.publish();
    }, "", "root 2, timestamp 1, snapshot 1, targets 1"),
    row("nothing said of consistent snapshots", |w| {
        w.repository.files.clear();
        w.repository.root.as_object_mut().unwrap().remove("consistent_snapshot");
        w.repository.bump("root");
        w.repository.publish_root();
        w.repository.publish();
    }, "", "root 2, timestamp 1, snapshot 1, targets 1"),
    row("length and SHA-256 of every document", |w| { w.repository.describes = Some(HashAlgorithm::Sha256); w.repository.publish(); }, "", ALL_1),
    row("length and SHA-512 of every document", |w| { w.repository.describes = Some(HashAlgorithm::Sha512); w.repository.publish(); }, "", ALL_1),
    row("the snapshot of another content than described", |w| {
        w.repository.describes = Some(HashAlgorithm::Sha256);
        w.repository.publish();
        w.repository.tamper("1.snapshot.json", |v| v["x"] = "y".into());
    }, "1.snapshot.json: the sha256 of 1.snapshot.json is not the one signed for", "root 1, timestamp 1"),
    row("the targets of another content than described", |w| {
        w.repository.describes = Some(HashAlgorithm::Sha256);
        w.repository.publish();
        w.repository.tamper("1.targets.json", |v| v["signed"]["version"] = 2.into());
    }, "1.targets.json: the sha256 of 1.targets.json is not the one signed for", "root 1, timestamp 1, snapshot 1"),
    row("the snapshot is longer than described", |w| {
        w.repository.describes = Some(HashAlgorithm::Sha256);
        w.repository.publish();
        w.repository.timestamp["meta"]["snapshot.json"]["length"] = 5.into();
        w.repository.publish_timestamp();
    }, "1.snapshot.json: the sha256 of 1.snapshot.json is not the one signed for", "root 1, timestamp 1"),
    row("the snapshot is shorter than described", |w| {
        w.repository.timestamp["meta"]["snapshot.json"]["length"] = 5000.into();
        w.repository.publish_timestamp();
    }, "1.snapshot.json: 1.snapshot.json has 367 bytes where 5000 were signed for", "root 1, timestamp 1"),
    row("the snapshot is described by hashes that nobody knows", |w| {
        w.repository.timestamp["meta"]["snapshot.json"]["hashes"] = json!({"md7": "00"});
        w.repository.publish_timestamp();
    }, "1.snapshot.json: 1.snapshot.json is described by no known hash function", "root 1, timestamp 1"),
    row("the snapshot has another version than the timestamp says", |w| {
        w.repository.timestamp["meta"]["snapshot.json"]["version"] = 2.into();
        w.repository.publish_timestamp();
        let snapshot = w.repository.files["1.snapshot.json"].clone();
        w.repository.files.insert("2.snapshot.json".into(), snapshot);
    }, "2.snapshot.json: the snapshot metadata has version 1, not 2", "root 1, timestamp 1"),
    row("the targets have another version than the snapshot says", |w| {
        w.repository.snapshot["meta"]["targets.json"]["version"] = 2.into();
        w.repository.publish_snapshot();
        let targets = w.repository.files["1.targets.json"].clone();
        w.repository.files.insert("2.targets.json".into(), targets);
    }, "2.targets.json: the targets metadata has version 1, not 2", "root 1, timestamp 1, snapshot 1"),
    row("the snapshot knows no targets", |w| {
        w.repository.snapshot["meta"] = json!({});
        w.repository.publish_snapshot();
    }, "the snapshot does not list the role targets", "root 1, timestamp 1, snapshot 1"),
    row("version 0", |w| { w.repository.timestamp["version"] = 0.into(); w.repository.publish(); },
        "timestamp.json: `signed.version` is not an integer from one up", FIRST),
    row("a version as text", |w| { w.repository.timestamp["version"] = "1".into(); w.repository.publish(); },
        "timestamp.json: `signed.version` is a string, not a number", FIRST),
    row("no date of expiry", |w| { w.repository.timestamp.as_object_mut().unwrap().remove("expires"); w.repository.publish(); },
        "timestamp.json: `signed.expires` is missing", FIRST),
    row("the timestamp describes no snapshot", |w| {
        w.repository.timestamp["meta"] = json!({});
        w.repository.publish_timestamp();
    }, "timestamp.json: `signed.meta.snapshot.json` is missing", FIRST),
    row("ten roots, all but the last expired", |w| {
        for version in 2..=10 {
            w.repository.next_root(|r| r.root["expires"] = if version == 10 { VALID } else { EXPIRED }.into());
        }
    }, "", "root 10, timestamp 1, snapshot 1, targets 1"),
    row("ten roots, the last one expired", |w| {
        for version in 2..=10 {
            w.repository.next_root(|r| r.root["expires"] = if version == 10 { EXPIRED } else { VALID }.into());
        }
    }, "root.json: the root metadata expired at 2027-01-01T00:00:00Z", "root 10"),
    row("as many roots as a client follows at once", |w| {
        w.client.limits = Limits { roots: 3, ..Limits::default() };
        for _ in 2..=6 { w.repository.next_root(|_| {}); }
    }, "", "root 4, timestamp 1, snapshot 1, targets 1"),
    row("a gap among the roots ends them", |w| {
        for _ in 2..=4 { w.repository.next_root(|_| {}); }
        w.repository.files.remove("3.root.json");
    }, "", "root 2, timestamp 1, snapshot 1, targets 1"),
    row("a root under another version's name", |w| {
        w.repository.next_root(|_| {});
        w.repository.next_root(|_| {});
        let third = w.repository.files["3.root.json"].clone();
        w.repository.files.insert("2.root.json".into(), third);
    }, "2.root.json: the root metadata has version 3, not 2", FIRST),
    row("the same root again under the next name", |w| {
        let first = w.repository.files["1.root.json"].clone();
        w.repository.files.insert("2.root.json".into(), first);
    }, "2.root.json: the root metadata has version 1, not 2", FIRST),
    row("a root that is no JSON", |w| { w.repository.files.insert("2.root.json".into(), b"<html>".to_vec()); },
        "2.root.json: not JSON at line 1, column 1", FIRST),
    row("a bad root after a good one", |w| {
        w.repository.next_root(|_| {});
        w.repository.next_root(|_| {});
        w.repository.tamper("3.root.json", |v| v["signed"]["expires"] = "2035-01-01T00:00:00Z".into());
    }, "3.root.json: 0 of the role's keys signed the root metadata, 1 are needed", "root 2"),
    row("a root larger than any", |w| {
        w.repository.bump("root");
        w.repository.root["x"] = "y".repeat(600 << 10).into();
        w.repository.publish_root();
    }, "2.root.json: the JSON ends too early, at line 1, column 524288", FIRST),
];

/// A client that has version 1 of everything.
#[rustfmt::skip]
const KNOWN_CLIENT: &[Row] = &[
    row("nothing new", |_| {}, "", ALL_1),
    row("a new version of everything", |w| w.repository.release(), "", ALL_2),
    row("a new timestamp alone", |w| { w.repository.bump("timestamp"); w.repository.publish(); }, "",
        "root 1, timestamp 2, snapshot 1, targets 1"),
    row("versions may be left out", |w| { w.repository.timestamp["version"] = 90.into(); w.repository.publish(); }, "",
        "root 1, timestamp 90, snapshot 1, targets 1"),
    row("an older timestamp", |w| {
        let old = w.repository.files["timestamp.json"].clone();
        w.repository.release();
        w.update();
        w.repository.files.insert("timestamp.json".into(), old);
    }, "timestamp.json says version 1 of timestamp, version 2 was believed before", ALL_2),
    row("another timestamp of the same version", |w| {
        w.repository.timestamp["x"] = "other".into();
        w.repository.snapshot["version"] = 7.into();
        w.repository.publish();
    }, "", ALL_1),
    row("a timestamp that leads to an older snapshot", |w| {
        w.repository.release();
        w.update();
        w.repository.timestamp["version"] = 3.into();
        w.repository.snapshot["version"] = 1.into();
        w.repository.publish_snapshot();
    }, "timestamp.json says version 1 of snapshot, version 2 was believed before", ALL_2),
    row("a snapshot that leads to older targets", |w| {
        w.repository.release();
        w.update();
        w.repository.timestamp["version"] = 3.into();
        w.repository.snapshot["version"] = 3.into();
        w.repository.roles.get_mut("targets").unwrap()["version"] = 1.into();
        w.repository.publish();
    }, "3.snapshot.json says version 1 of targets, version 2 was believed before", "root 1, timestamp 3, snapshot 2, targets 2"),
    row("a snapshot that leaves a role out", |w| {
        w.repository.delegate("targets", "a", &["*"], &[]);
        w.repository.release();
        w.update();
        w.repository.snapshot["meta"].as_object_mut().unwrap().remove("a.json");
        w.repository.snapshot["version"] = 3.into();
        w.repository.timestamp["version"] = 3.into();
        w.repository.publish_snapshot();
    }, "3.snapshot.json no longer lists a, which it did before", "root 1, timestamp 3, snapshot 2, targets 2"),
    row("an older snapshot of a delegated role", |w| {
        w.repository.delegate("targets", "a", &["*"], &[]);
        w.repository.roles.get_mut("a").unwrap()["version"] = 4.into();
        w.repository.release();
        w.update();
        w.repository.roles.get_mut("a").unwrap()["version"] = 3.into();
        w.repository.release();
    }, "3.snapshot.json says version 3 of a, version 4 was believed before", "root 1, timestamp 3, snapshot 2, targets 2"),
    row("a snapshot may say nothing new with a new version", |w| { w.repository.bump("snapshot"); w.repository.bump("timestamp"); w.repository.publish(); },
        "", "root 1, timestamp 2, snapshot 2, targets 1"),
    row("the timestamp expired, and there is no newer one", |w| w.client.now = NOW.plus_seconds(1 << 25),
        "root.json: the root metadata expired at 2027-02-01T00:00:00Z", ALL_1),
    row("an expired timestamp of the same version is a freeze", |w| {
        w.repository.timestamp["version"] = 2.into();
        w.repository.timestamp["expires"] = "2027-01-16T00:00:00Z".into();
        w.repository.publish();
        w.update();
        w.client.now = NOW.plus_seconds(86_400);
    }, "timestamp.json: the timestamp metadata expired at 2027-01-16T00:00:00Z", "root 1, timestamp 2, snapshot 1, targets 1"),
    row("an expired timestamp still forbids an older one", |w| {
        let old = w.repository.files["timestamp.json"].clone();
        w.repository.timestamp["version"] = 2.into();
        w.repository.timestamp["expires"] = "2027-01-16T00:00:00Z".into();
        w.repository.publish();
        w.update();
        w.client.now = NOW.plus_seconds(86_400);
        w.repository.files.insert("timestamp.json".into(), old);
    }, "timestamp.json says version 1 of timestamp, version 2 was believed before", "root 1, timestamp 2, snapshot 1, targets 1"),
    row("a timestamp follows an expired one", |w| {
        w.repository.timestamp["version"] = 2.into();
        w.repository.timestamp["expires"] = "2027-01-16T00:00:00Z".into();
        w.repository.publish();
        w.update();
        w.client.now = NOW.plus_seconds(86_400);
        w.repository.timestamp["version"] = 3.into();
        w.repository.timestamp["expires"] = VALID.into();
        w.repository.publish();
    }, "", "root 1, timestamp 3, snapshot 1, targets 1"),
    row("an expired new timestamp leaves the old one", |w| {
        w.repository.timestamp["expires"] = EXPIRED.into();
        w.repository.release();
    }, "timestamp.json: the timestamp metadata expired at 2027-01-01T00:00:00Z", ALL_1),
    row("an expired new snapshot leaves the old one", |w| {
        w.repository.snapshot["expires"] = EXPIRED.into();
        w.repository.release();
    }, "2.snapshot.json: the snapshot metadata expired at 2027-01-01T00:00:00Z", "root 1, timestamp 2, snapshot 1, targets 1"),
    row("expired new targets leave the old ones", |w| {
        w.repository.roles.get_mut("targets").unwrap()["expires"] = EXPIRED.into();
        w.repository.release();
    }, "2.targets.json: the targets metadata expired at 2027-01-01T00:00:00Z", "root 1, timestamp 2, snapshot 2, targets 1"),
    row("an expired snapshot still forbids older targets", |w| {
        w.repository.snapshot["expires"] = "2027-01-16T00:00:00Z".into();
        w.repository.release();
        w.update();
        w.client.now = NOW.plus_seconds(86_400);
        w.repository.snapshot["expires"] = VALID.into();
        w.repository.release();
        w.repository.roles.get_mut("targets").unwrap()["version"] = 1.into();
        w.repository.publish();
    }, "3.snapshot.json says version 1 of targets, version 2 was believed before", "root 1, timestamp 3, snapshot 2, targets 2"),
    row("an update that ended early is completed by the next", |w| {
        w.repository.release();
        let snapshot = w.repository.files.remove("2.snapshot.json").unwrap();
        assert!(w.client.update(&w.repository).is_err());
        w.repository.files.insert("2.snapshot.json".into(), snapshot);
    }, "", ALL_2),
    row("the timestamp's keys are replaced: versions may begin again", |w| {
        w.repository.timestamp["version"] = 99.into();
        w.repository.publish();
        w.update();
        w.repository.next_root(|r| r.rotate("timestamp", &["t2"], 1));
        w.repository.timestamp["version"] = 1.into();
        w.repository.publish();
    }, "", "root 2, timestamp 1, snapshot 1, targets 1"),
    row("the snapshot's keys are replaced: its versions may begin again", |w| {
        w.repository.snapshot["version"] = 99.into();
        w.repository.timestamp["version"] = 2.into();
        w.repository.roles.get_mut("targets").unwrap()["version"] = 50.into();
        w.repository.publish();
        w.update();
        w.repository.next_root(|r| r.rotate("snapshot", &["s2"], 1));
        w.repository.snapshot["version"] = 1.into();
        w.repository.timestamp["version"] = 3.into();
        w.repository.roles.get_mut("targets").unwrap()["version"] = 1.into();
        w.repository.publish();
    }, "", "root 2, timestamp 3, snapshot 1, targets 1"),
    row("a key more for the timestamp: its versions may begin again", |w| {
        w.repository.timestamp["version"] = 99.into();
        w.repository.publish();
        w.update();
        w.repository.next_root(|r| r.rotate("timestamp", &["timestamp", "t2"], 1));
        w.repository.timestamp["version"] = 1.into();
        w.repository.publish();
    }, "", "root 2, timestamp 1, snapshot 1, targets 1"),
    row("keys there and back within one update", |w| {
        w.repository.timestamp["version"] = 99.into();
        w.repository.publish();
        w.update();
        w.repository.next_root(|r| r.rotate("timestamp", &["t2"], 1));
        w.repository.next_root(|r| r.rotate("timestamp", &["timestamp"], 1));
        w.repository.timestamp["version"] = 1.into();
        w.repository.publish();
    }, "", "root 3, timestamp 1, snapshot 1, targets 1"),
    row("other keys of root and targets are no reason", |w| {
        w.repository.release();
        w.update();
        w.repository.next_root(|r| { r.rotate("root", &["r2"], 1); r.rotate("targets", &["g2"], 1); });
        w.repository.timestamp["version"] = 1.into();
        w.repository.publish();
    }, "timestamp.json says version 1 of timestamp, version 2 was believed before", "root 2, timestamp 2, snapshot 2, targets 2"),
    row("a rotation before a root that is expired", |w| {
        w.repository.next_root(|r| { r.rotate("timestamp", &["t2"], 1); r.root["expires"] = EXPIRED.into(); });
        w.repository.publish();
    }, "root.json: the root metadata expired at 2027-01-01T00:00:00Z", "root 2, targets 1"),
    row("the targets' keys are replaced, and the same version signed anew", |w| {
        w.repository.next_root(|r| r.rotate("targets", &["g2"], 1));
        w.repository.publish();
    }, "", "root 2, timestamp 1, snapshot 1, targets 1"),
    row("the targets' keys are replaced, and nothing signed by the new ones", |w| {
        w.repository.next_root(|r| r.rotate("targets", &["g2"], 1));
    }, "1.targets.json: 0 of the role's keys signed the targets metadata, 1 are needed", "root 2, timestamp 1, snapshot 1, targets 1"),
    row("rubbish for a timestamp in the folder", |w| { w.client.folder.insert("timestamp.json".into(), b"rubbish".to_vec()); w.repository.release(); }, "", ALL_2),
    row("rubbish for a snapshot in the folder", |w| { w.client.folder.insert("snapshot.json".into(), Vec::new()); }, "", ALL_1),
    row("rubbish for targets in the folder", |w| { w.client.folder.insert("targets.json".into(), b"{}".to_vec()); }, "", ALL_1),
    row("a forged timestamp in the folder", |w| {
        let mut value: Value = serde_json::from_slice(&w.client.folder["timestamp.json"]).unwrap();
        value["signed"]["version"] = 1000.into();
        w.client.folder.insert("timestamp.json".into(), value.to_string().into_bytes());
    }, "", ALL_1),
    row("targets of another version in the folder", |w| {
        w.repository.release();
        let targets = w.repository.files["2.targets.json"].clone();
        w.client.folder.insert("targets.json".into(), targets);
        w.repository.roles.get_mut("targets").unwrap()["version"] = 1.into();
        w.repository.publish();
    }, "", "root 1, timestamp 2, snapshot 2, targets 1"),
    row("rubbish for a root in the folder", |w| { w.client.folder.insert("root.json".into(), b"rubbish".to_vec()); },
        "root.json: not JSON at line 1, column 1", "root null, timestamp 1, snapshot 1, targets 1"),
    row("a folder with the timestamp alone", |w| { w.client.folder.retain(|name, _| matches!(name.as_str(), "root.json" | "timestamp.json")); }, "", ALL_1),
    row("a folder without a timestamp still forbids older targets", |w| {
        w.repository.release();
        w.update();
        w.client.folder.remove("timestamp.json");
        w.repository.timestamp["version"] = 1.into();
        w.repository.snapshot["version"] = 1.into();
        w.repository.roles.get_mut("targets").unwrap()["version"] = 1.into();
        w.repository.publish();
    }, "1.snapshot.json says version 1 of targets, version 2 was believed before", "root 1, timestamp 1, snapshot 2, targets 2"),
];

#[test]
fn a_new_client() {
    run(NEW_CLIENT, World::new);
}

#[test]
fn a_client_that_followed_before() {
    run(KNOWN_CLIENT, World::followed);
}

#[test]
fn nothing_is_fetched_that_is_there() {
    let mut world = World::followed();
    let all = [
        "2.root.json",
        "timestamp.json",
        "1.snapshot.json",
        "1.targets.json",
    ];
    assert_eq!(world.client.asked, all);
    world.update();
    assert_eq!(world.client.asked, all[..2]);
    world.repository.bump("timestamp");
    world.repository.publish();
    world.update();
    assert_eq!(world.client.asked, all[..2]);
}

#[test]
fn documents_are_kept_byte_for_byte() {
    let mut world = World::new();
    let strange = world.repository.files["1.targets.json"].clone();
    let strange = String::from_utf8(strange)
        .unwrap()
        .replace(",\"", " ,\n\t\"");
    let strange = format!(" {strange}\n\n").into_bytes();
    world
        .repository
        .files
        .insert("1.targets.json".into(), strange.clone());
    world.update();
    assert_eq!(world.client.folder["targets.json"], strange);
}
