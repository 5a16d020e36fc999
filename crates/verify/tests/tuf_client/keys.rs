//! Thresholds, and kinds and descriptions of keys.

use serde_json::json;
use signhere_pki::key::KeyKind;

use crate::world::World;
use crate::{Row, row, run};

const FIRST: &str = "root 1";
const ALL_1: &str = "root 1, timestamp 1, snapshot 1, targets 1";
const ROOT_2: &str = "root 2, timestamp 1, snapshot 1, targets 1";
const UNSIGNED: &str =
    "timestamp.json: 0 of the role's keys signed the timestamp metadata, 1 are needed";
const ONE_OF_TWO: &str =
    "timestamp.json: 1 of the role's keys signed the timestamp metadata, 2 are needed";

/// The timestamp is signed by a key of this kind from now on.
fn by(world: &mut World, kind: KeyKind) {
    world.repository.key_of("other", kind);
    world
        .repository
        .next_root(|r| r.rotate("timestamp", &["other"], 1));
    world.repository.publish();
}

/// The same, described otherwise.
fn by_described(world: &mut World, kind: KeyKind, member: &str, value: &str) {
    world.repository.key_of("other", kind);
    let (id, _) = world.repository.described("other");
    world.repository.next_root(|r| {
        r.rotate("timestamp", &["other"], 1);
        r.root["keys"][&id][member] = value.into();
    });
    world.repository.publish();
}

/// The timestamp with these signatures only.
fn signatures(world: &mut World, signatures: serde_json::Value) {
    world
        .repository
        .tamper("timestamp.json", |v| v["signatures"] = signatures);
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("Ed25519", |w| by(w, KeyKind::Ed25519), "", ROOT_2),
    row("ECDSA P-256", |w| by(w, KeyKind::P256), "", ROOT_2),
    row("ECDSA P-384", |w| by(w, KeyKind::P384), "", ROOT_2),
    row("RSA of 2048 bits", |w| by(w, KeyKind::Rsa2048), "", ROOT_2),
    row("ECDSA by its older name", |w| by_described(w, KeyKind::P256, "keytype", "ecdsa-sha2-nistp256"), "", ROOT_2),
    row("a key of another type than its scheme", |w| by_described(w, KeyKind::P256, "keytype", "rsa"), UNSIGNED, "root 2"),
    row("a scheme of another curve", |w| by_described(w, KeyKind::P256, "scheme", "ecdsa-sha2-nistp384"), UNSIGNED, "root 2"),
    row("a scheme that nobody knows", |w| by_described(w, KeyKind::P256, "scheme", "ml-dsa-65"), UNSIGNED, "root 2"),
    row("a type of key that nobody knows", |w| by_described(w, KeyKind::P256, "keytype", "ml-dsa"), UNSIGNED, "root 2"),
    row("a key that nobody knows beside one that is enough", |w| {
        w.repository.next_root(|r| {
            r.root["keys"]["new"] = json!({"keytype": "ml-dsa", "scheme": "ml-dsa-65", "keyval": {"public": "00"}});
            r.root["roles"]["timestamp"]["keyids"].as_array_mut().unwrap().push("new".into());
        });
    }, "", ROOT_2),
    row("a key whose value is rubbish beside one that is enough", |w| {
        w.repository.next_root(|r| {
            r.root["keys"]["new"] = json!({"keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": {"public": "rubbish"}});
            r.root["roles"]["timestamp"]["keyids"].as_array_mut().unwrap().push("new".into());
        });
    }, "", ROOT_2),
    row("a role names a key that is not listed", |w| {
        w.repository.next_root(|r| r.root["roles"]["timestamp"]["keyids"].as_array_mut().unwrap().push("absent".into()));
    }, "", ROOT_2),
    row("a key that no role names", |w| {
        w.repository.next_root(|r| {
            let (id, key) = r.described("idle");
            r.root["keys"][&id] = key;
        });
    }, "", ROOT_2),
    row("a key under an id that is not its hash", |w| {
        w.repository.next_root(|r| {
            let (id, key) = r.described("timestamp");
            r.root["keys"].as_object_mut().unwrap().remove(&id);
            r.root["keys"]["mine"] = key;
            r.root["roles"]["timestamp"]["keyids"] = json!(["mine"]);
        });
        w.repository.tamper("timestamp.json", |v| v["signatures"][0]["keyid"] = "mine".into());
    }, "", ROOT_2),
    row("fields of a key that nobody knows", |w| {
        w.repository.next_root(|r| {
            let (id, _) = r.described("timestamp");
            r.root["keys"][&id]["x-owner"] = "ada".into();
            r.root["keys"][&id]["keyid_hash_algorithms"] = json!(["sha256", "md7"]);
        });
    }, "", ROOT_2),
    row("no signature", |w| signatures(w, json!([])), UNSIGNED, FIRST),
    row("no list of signatures", |w| w.repository.tamper("timestamp.json", |v| { v.as_object_mut().unwrap().remove("signatures"); }),
        "timestamp.json: `signatures` is missing", FIRST),
    row("a signature of another document", |w| {
        let other = w.repository.sign(&json!({"_type": "timestamp"}), &["timestamp"]);
        let other: serde_json::Value = serde_json::from_slice(&other).unwrap();
        signatures(w, other["signatures"].clone());
    }, UNSIGNED, FIRST),
    row("a signature that is not hexadecimal", |w| w.repository.tamper("timestamp.json", |v| v["signatures"][0]["sig"] = "xyz".into()),
        "timestamp.json: `signatures[0].sig` is not a hexadecimal signature", FIRST),
    row("an empty signature, of a key that is yet to sign", |w| {
        w.repository.tamper("timestamp.json", |v| v["signatures"].as_array_mut().unwrap().push(json!({"keyid": "later", "sig": ""})));
    }, "", ALL_1),
    row("signatures of strangers beside one that is enough", |w| {
        let timestamp = w.repository.timestamp.clone();
        let bytes = w.repository.sign(&timestamp, &["stranger", "timestamp", "snapshot"]);
        w.repository.files.insert("timestamp.json".into(), bytes);
    }, "", ALL_1),
    row("signatures of strangers alone", |w| {
        let timestamp = w.repository.timestamp.clone();
        let bytes = w.repository.sign(&timestamp, &["stranger", "snapshot", "targets"]);
        w.repository.files.insert("timestamp.json".into(), bytes);
    }, UNSIGNED, FIRST),
    row("another role's key", |w| { w.repository.signers.insert("timestamp".into(), vec!["root"]); w.repository.publish(); }, UNSIGNED, FIRST),
    row("a spoiled signature beside a good one of the same role", |w| {
        w.repository.next_root(|r| r.rotate("timestamp", &["timestamp", "t2"], 1));
        w.repository.publish();
        w.repository.tamper("timestamp.json", |v| v["signatures"][0]["sig"] = "00".into());
    }, "", ROOT_2),
    row("two of two keys", |w| { w.repository.next_root(|r| r.rotate("timestamp", &["timestamp", "t2"], 2)); w.repository.publish(); }, "", ROOT_2),
    row("one of two keys", |w| {
        w.repository.next_root(|r| r.rotate("timestamp", &["timestamp", "t2"], 2));
        w.repository.signers.insert("timestamp".into(), vec!["t2"]);
        w.repository.publish();
    }, ONE_OF_TWO, "root 2"),
    row("two of three keys", |w| {
        w.repository.next_root(|r| r.rotate("timestamp", &["t1", "t2", "t3"], 2));
        w.repository.signers.insert("timestamp".into(), vec!["t3", "t1"]);
        w.repository.publish();
    }, "", ROOT_2),
    row("more keys needed than there are", |w| { w.repository.next_root(|r| r.rotate("timestamp", &["timestamp"], 2)); w.repository.publish(); }, ONE_OF_TWO, "root 2"),
    row("one key's signature twice where two are needed", |w| {
        w.repository.next_root(|r| r.rotate("timestamp", &["timestamp", "t2"], 2));
        w.repository.signers.insert("timestamp".into(), vec!["t2"]);
        w.repository.publish();
        let signature = |w: &mut World| {
            let value: serde_json::Value = serde_json::from_slice(&w.repository.files["timestamp.json"]).unwrap();
            value["signatures"][0].clone()
        };
        let one = signature(w);
        signatures(w, json!([one, one]));
    }, "timestamp.json: the document has two signatures of the key KEYID", "root 2"),
    row("one key under two ids where two are needed", |w| {
        w.repository.next_root(|r| {
            let (id, key) = r.described("timestamp");
            r.root["keys"]["twin"] = key;
            r.root["roles"]["timestamp"] = json!({"keyids": [id, "twin"], "threshold": 2});
        });
        w.repository.publish();
        w.repository.tamper("timestamp.json", |v| {
            let mut twin = v["signatures"][0].clone();
            twin["keyid"] = "twin".into();
            v["signatures"].as_array_mut().unwrap().push(twin);
        });
    }, ONE_OF_TWO, "root 2"),
    row("a threshold of zero", |w| {
        w.repository.bump("root");
        w.repository.root["roles"]["timestamp"]["threshold"] = 0.into();
        w.repository.publish_root();
    }, "2.root.json: `signed.roles.timestamp.keyids` has a threshold of zero", FIRST),
    row("a negative threshold", |w| {
        w.repository.bump("root");
        w.repository.root["roles"]["timestamp"]["threshold"] = (-1).into();
        w.repository.publish_root();
    }, "2.root.json: `signed.roles.timestamp.threshold` is not an integer from zero up", FIRST),
    row("a root without one of the roles", |w| {
        w.repository.bump("root");
        w.repository.root["roles"].as_object_mut().unwrap().remove("snapshot");
        w.repository.publish_root();
    }, "2.root.json: `signed.roles.snapshot` is missing", FIRST),
    row("a new root signed by the old key alone", |w| {
        w.repository.bump("root");
        w.repository.rotate("root", &["r2"], 1);
        w.repository.publish_root_by(&["root"]);
    }, "2.root.json: 0 of the role's keys signed the root metadata, 1 are needed", FIRST),
    row("a new root signed by the new key alone", |w| {
        w.repository.bump("root");
        w.repository.rotate("root", &["r2"], 1);
        w.repository.publish_root_by(&["r2"]);
    }, "2.root.json: 0 of the role's keys signed the root metadata, 1 are needed", FIRST),
    row("a new root key, then one more", |w| {
        w.repository.next_root(|r| r.rotate("root", &["r2"], 1));
        w.repository.next_root(|r| r.rotate("root", &["r3"], 1));
    }, "", "root 3, timestamp 1, snapshot 1, targets 1"),
    row("a key of two roots before does not count", |w| {
        w.repository.next_root(|r| r.rotate("root", &["r2"], 1));
        w.repository.bump("root");
        w.repository.rotate("root", &["r3"], 1);
        w.repository.publish_root_by(&["root", "r3"]);
    }, "3.root.json: 0 of the role's keys signed the root metadata, 1 are needed", "root 2"),
    row("the old threshold is not reached", |w| {
        w.repository.next_root(|r| r.rotate("root", &["root", "r2", "r3"], 2));
        w.repository.bump("root");
        w.repository.rotate("root", &["r4"], 1);
        w.repository.publish_root_by(&["r2", "r4"]);
    }, "3.root.json: 1 of the role's keys signed the root metadata, 2 are needed", "root 2"),
    row("the new threshold is not reached", |w| {
        w.repository.bump("root");
        w.repository.rotate("root", &["root", "r2", "r3"], 3);
        w.repository.publish_root_by(&["root", "r2"]);
    }, "2.root.json: 2 of the role's keys signed the root metadata, 3 are needed", FIRST),
    row("the threshold grows and shrinks", |w| {
        w.repository.next_root(|r| r.rotate("root", &["root", "r2", "r3"], 3));
        w.repository.next_root(|r| r.rotate("root", &["r3"], 1));
    }, "", "root 3, timestamp 1, snapshot 1, targets 1"),
    row("the snapshot is not signed", |w| { w.repository.signers.insert("snapshot".into(), vec!["root"]); w.repository.publish(); },
        "1.snapshot.json: 0 of the role's keys signed the snapshot metadata, 1 are needed", "root 1, timestamp 1"),
    row("the targets are not signed", |w| { w.repository.signers.insert("targets".into(), vec!["root"]); w.repository.publish(); },
        "1.targets.json: 0 of the role's keys signed the targets metadata, 1 are needed", "root 1, timestamp 1, snapshot 1"),
];

#[test]
fn keys_and_thresholds() {
    run(ROWS, World::new);
}
