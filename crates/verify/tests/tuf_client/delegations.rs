//! The search for a target: order, ends, bounds, names.

use serde_json::{Value, json};
use signhere_pki::digest::{HashAlgorithm, sha256};
use signhere_pki::time::Time;
use signhere_verify::tuf::client::{Action, Limits, Target, UpdateError, Updater};
use signhere_verify::tuf::{TargetFile, TufError};

use crate::world::{EXPIRED, NOW, World, target};
use crate::{Row, row, run};

const TOP: &str = "root 1, timestamp 2, snapshot 2, targets 2";

/// Wants these after the repository has published what the case made.
fn want(world: &mut World, wanted: &[&'static str]) {
    world.repository.release();
    world.client.wanted = wanted.to_vec();
}

fn terminating(patterns: &[&str]) -> Value {
    json!({"paths": patterns, "terminating": true})
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("the top role describes it", |w| {
        w.repository.add_role("targets", &["f"]);
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        want(w, &["f"]);
    }, "targets", TOP),
    row("nobody describes it", |w| { w.repository.delegate("targets", "a", &["*"], &[]); want(w, &["f"]); },
        "there is no target f", "root 1, timestamp 2, snapshot 2, targets 2, a 1"),
    row("nobody is trusted with it", |w| { w.repository.delegate("targets", "a", &["x*"], &["f"]); want(w, &["f"]); },
        "there is no target f", TOP),
    row("one delegation", |w| { w.repository.delegate("targets", "a", &["*"], &["f"]); want(w, &["f"]); },
        "a", "root 1, timestamp 2, snapshot 2, targets 2, a 1"),
    row("the first of two", |w| {
        w.repository.delegate("targets", "b", &["*"], &["f"]);
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        want(w, &["f"]);
    }, "b", "root 1, timestamp 2, snapshot 2, targets 2, b 1"),
    row("the second of two", |w| {
        w.repository.delegate("targets", "b", &["*"], &[]);
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        want(w, &["f"]);
    }, "a", "root 1, timestamp 2, snapshot 2, targets 2, a 1, b 1"),
    row("depth before breadth", |w| {
        w.repository.delegate("targets", "a", &["*"], &[]);
        w.repository.delegate("targets", "b", &["*"], &["f"]);
        w.repository.delegate("a", "c", &["*"], &["f"]);
        want(w, &["f"]);
    }, "c", "root 1, timestamp 2, snapshot 2, targets 2, a 1, c 1"),
    row("breadth after depth", |w| {
        w.repository.delegate("targets", "a", &["*"], &[]);
        w.repository.delegate("targets", "b", &["*"], &["f"]);
        w.repository.delegate("a", "c", &["*"], &[]);
        want(w, &["f"]);
    }, "b", "root 1, timestamp 2, snapshot 2, targets 2, a 1, b 1, c 1"),
    row("roles that are not needed are not fetched, however wrong", |w| {
        w.repository.delegate("targets", "a", &["x"], &[]);
        w.repository.delegate("targets", "b", &["f"], &["f"]);
        w.repository.signers.insert("a".into(), vec!["stranger"]);
        want(w, &["f"]);
    }, "b", "root 1, timestamp 2, snapshot 2, targets 2, b 1"),
    row("a terminating role that describes it", |w| {
        w.repository.delegate_with("targets", "a", terminating(&["*"]), &["f"]);
        want(w, &["f"]);
    }, "a", "root 1, timestamp 2, snapshot 2, targets 2, a 1"),
    row("a terminating role that does not ends the search", |w| {
        w.repository.delegate_with("targets", "a", terminating(&["*"]), &[]);
        w.repository.delegate("targets", "b", &["*"], &["f"]);
        want(w, &["f"]);
    }, "there is no target f", "root 1, timestamp 2, snapshot 2, targets 2, a 1"),
    row("a terminating role may delegate further", |w| {
        w.repository.delegate_with("targets", "a", terminating(&["*"]), &[]);
        w.repository.delegate("targets", "b", &["*"], &["f"]);
        w.repository.delegate("a", "c", &["*"], &["f"]);
        want(w, &["f"]);
    }, "c", "root 1, timestamp 2, snapshot 2, targets 2, a 1, c 1"),
    row("a terminating role for other paths ends nothing", |w| {
        w.repository.delegate_with("targets", "a", terminating(&["x"]), &[]);
        w.repository.delegate("targets", "b", &["*"], &["f"]);
        want(w, &["f"]);
    }, "b", "root 1, timestamp 2, snapshot 2, targets 2, b 1"),
    row("roles before a terminating one are asked", |w| {
        w.repository.delegate("targets", "b", &["*"], &["f"]);
        w.repository.delegate_with("targets", "a", terminating(&["*"]), &[]);
        want(w, &["f"]);
    }, "b", "root 1, timestamp 2, snapshot 2, targets 2, b 1"),
    row("a terminating role deep down ends the whole search", |w| {
        w.repository.delegate("targets", "a", &["*"], &[]);
        w.repository.delegate("targets", "b", &["*"], &["f"]);
        w.repository.delegate_with("a", "c", terminating(&["*"]), &[]);
        want(w, &["f"]);
    }, "there is no target f", "root 1, timestamp 2, snapshot 2, targets 2, a 1, c 1"),
    row("a circle of roles", |w| {
        w.repository.delegate("targets", "a", &["*"], &[]);
        w.repository.delegate("a", "b", &["*"], &[]);
        w.repository.delegate("b", "a", &["*"], &[]);
        w.repository.delegate("targets", "c", &["*"], &["f"]);
        want(w, &["f"]);
    }, "c", "root 1, timestamp 2, snapshot 2, targets 2, a 1, b 1, c 1"),
    row("a role that delegates to itself", |w| {
        w.repository.delegate("targets", "a", &["*"], &[]);
        w.repository.delegate("a", "a", &["*"], &[]);
        want(w, &["f"]);
    }, "there is no target f", "root 1, timestamp 2, snapshot 2, targets 2, a 1"),
    row("two ways to one role", |w| {
        w.repository.delegate("targets", "a", &["*"], &[]);
        w.repository.delegate("targets", "b", &["*"], &[]);
        w.repository.delegate("a", "c", &["*"], &[]);
        w.repository.delegate("b", "c", &["*"], &["f"]);
        want(w, &["f"]);
    }, "c", "root 1, timestamp 2, snapshot 2, targets 2, a 1, c 1"),
    row("no more roles than the limit", |w| {
        w.client.limits = Limits { roles: 3, ..Limits::default() };
        w.repository.delegate("targets", "a", &["*"], &[]);
        w.repository.delegate("targets", "b", &["*"], &[]);
        w.repository.delegate("targets", "c", &["*"], &["f"]);
        want(w, &["f"]);
    }, "there is no target f", "root 1, timestamp 2, snapshot 2, targets 2, a 1, b 1"),
    row("trust is needed along the whole way", |w| {
        w.repository.delegate("targets", "a", &["x/*"], &[]);
        w.repository.delegate("a", "b", &["*"], &["f"]);
        want(w, &["f"]);
    }, "there is no target f", TOP),
    row("a role may list files that it is not trusted with", |w| {
        w.repository.delegate("targets", "a", &["x"], &["x", "f"]);
        want(w, &["x", "f"]);
    }, "there is no target f", "root 1, timestamp 2, snapshot 2, targets 2, a 1"),
    row("several targets by one update", |w| {
        w.repository.delegate("targets", "a", &["f"], &["f"]);
        w.repository.delegate("targets", "b", &["g"], &["g"]);
        want(w, &["f", "g", "f"]);
    }, "a b a", "root 1, timestamp 2, snapshot 2, targets 2, a 1, b 1"),
    row("a pattern with a star", |w| { w.repository.delegate("targets", "a", &["d/*.tgz"], &["d/f.tgz"]); want(w, &["d/f.tgz"]); },
        "a", "root 1, timestamp 2, snapshot 2, targets 2, a 1"),
    row("a star stays in its folder", |w| { w.repository.delegate("targets", "a", &["*.tgz"], &["d/f.tgz"]); want(w, &["d/f.tgz"]); },
        "there is no target d/f.tgz", TOP),
    row("a question mark is one character", |w| {
        w.repository.delegate("targets", "a", &["f-?.tgz"], &["f-2.tgz", "f-22.tgz"]);
        want(w, &["f-2.tgz", "f-22.tgz"]);
    }, "there is no target f-22.tgz", "root 1, timestamp 2, snapshot 2, targets 2, a 1"),
    row("any of several patterns", |w| { w.repository.delegate("targets", "a", &["x", "y/*", "f"], &["f"]); want(w, &["f"]); },
        "a", "root 1, timestamp 2, snapshot 2, targets 2, a 1"),
    row("no pattern at all", |w| { w.repository.delegate("targets", "a", &[], &["f"]); want(w, &["f"]); }, "there is no target f", TOP),
    row("the prefix of a hash", |w| {
        let hash = hex::encode(sha256(b"f"));
        w.repository.delegate_with("targets", "a", json!({"path_hash_prefixes": ["zz", &hash[..3]]}), &["f"]);
        want(w, &["f"]);
    }, "a", "root 1, timestamp 2, snapshot 2, targets 2, a 1"),
    row("the prefix of another hash", |w| {
        let hash = hex::encode(sha256(b"g"));
        w.repository.delegate_with("targets", "a", json!({"path_hash_prefixes": [&hash[..3]]}), &["f"]);
        want(w, &["f"]);
    }, "there is no target f", TOP),
    row("patterns and prefixes at once", |w| {
        w.repository.delegate_with("targets", "a", json!({"paths": ["*"], "path_hash_prefixes": ["00"]}), &["f"]);
        want(w, &["f"]);
    }, "2.targets.json: `signed.delegations.roles[0].paths` and `signed.delegations.roles[0].path_hash_prefixes` exclude each other",
       "root 1, timestamp 2, snapshot 2, targets 1"),
    row("a role delegated to twice in one document", |w| {
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        want(w, &["f"]);
    }, "2.targets.json: the delegated role `a` is given twice or is a top-level role", "root 1, timestamp 2, snapshot 2, targets 1"),
    row("bins by hash", |w| {
        let bin = format!("bin-{:x}", sha256(b"f")[0] >> 4);
        let (id, key) = w.repository.described("bins");
        w.repository.roles.get_mut("targets").unwrap()["delegations"] = json!({
            "keys": {&id: key},
            "succinct_roles": {"keyids": [id], "threshold": 1, "bit_length": 4, "name_prefix": "bin"},
        });
        for number in 0..16 {
            let name = format!("bin-{number:x}");
            let mut role = w.repository.roles["targets"].clone();
            role.as_object_mut().unwrap().remove("delegations");
            role["version"] = 1.into();
            if name == bin { role["targets"]["f"] = target(b"f"); }
            w.repository.roles.insert(name.clone(), role);
            w.repository.signers.insert(name, vec!["bins"]);
        }
        w.repository.publish();
        want(w, &["f", "f"]);
        assert_eq!(bin, "bin-2");
    }, "bin-2 bin-2", "root 1, timestamp 2, snapshot 2, targets 2, bin-2 1"),
    row("a delegated role that the snapshot does not list", |w| {
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        want(w, &["f"]);
        w.repository.snapshot["meta"].as_object_mut().unwrap().remove("a.json");
        w.repository.publish_snapshot();
    }, "the snapshot does not list the role a", TOP),
    row("a delegated role that is not there ends the search", |w| {
        w.repository.delegate("targets", "a", &["*"], &[]);
        w.repository.delegate("targets", "b", &["*"], &["f"]);
        want(w, &["f"]);
        w.repository.files.remove("1.a.json");
    }, "1.a.json is not in the repository", TOP),
    row("a delegated role signed by strangers ends the search", |w| {
        w.repository.delegate("targets", "a", &["*"], &[]);
        w.repository.delegate("targets", "b", &["*"], &["f"]);
        w.repository.signers.insert("a".into(), vec!["stranger"]);
        want(w, &["f"]);
    }, "1.a.json: 0 of the role's keys signed the a metadata, 1 are needed", TOP),
    row("a delegated role signed by the top role's key", |w| {
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        w.repository.signers.insert("a".into(), vec!["targets"]);
        want(w, &["f"]);
    }, "1.a.json: 0 of the role's keys signed the a metadata, 1 are needed", TOP),
    row("a delegated role that is expired", |w| {
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        w.repository.roles.get_mut("a").unwrap()["expires"] = EXPIRED.into();
        want(w, &["f"]);
    }, "1.a.json: the targets metadata expired at 2027-01-01T00:00:00Z", TOP),
    row("a delegated role of another version than listed", |w| {
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        want(w, &["f"]);
        let mut role = w.repository.roles["a"].clone();
        role["version"] = 2.into();
        let bytes = w.repository.sign(&role, &["a"]);
        w.repository.files.insert("1.a.json".into(), bytes);
    }, "1.a.json: the targets metadata has version 2, not 1", TOP),
    row("a delegated role of another content than described", |w| {
        w.repository.describes = Some(HashAlgorithm::Sha512);
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        want(w, &["f"]);
        w.repository.tamper("1.a.json", |v| v["signed"]["version"] = 2.into());
    }, "1.a.json: the sha512 of 1.a.json is not the one signed for", TOP),
    row("a role delegated to with two keys", |w| {
        let (second, key) = w.repository.described("a2");
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        let delegations = &mut w.repository.roles.get_mut("targets").unwrap()["delegations"];
        delegations["keys"][&second] = key;
        delegations["roles"][0]["keyids"].as_array_mut().unwrap().push(second.into());
        delegations["roles"][0]["threshold"] = 2.into();
        w.repository.signers.insert("a".into(), vec!["a", "a2"]);
        want(w, &["f"]);
    }, "a", "root 1, timestamp 2, snapshot 2, targets 2, a 1"),
    row("a new key of a delegated role, whose document is as before", |w| {
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        want(w, &["f"]);
        w.update();
        let (id, key) = w.repository.described("a2");
        let delegations = &mut w.repository.roles.get_mut("targets").unwrap()["delegations"];
        delegations["keys"] = json!({&id: key});
        delegations["roles"][0]["keyids"] = json!([id]);
        w.repository.release();
    }, "1.a.json: 0 of the role's keys signed the a metadata, 1 are needed", "root 1, timestamp 3, snapshot 3, targets 3, a 1"),
    row("a new key of a delegated role, which signed the same version", |w| {
        w.repository.delegate("targets", "a", &["*"], &["f"]);
        want(w, &["f"]);
        w.update();
        let (id, key) = w.repository.described("a2");
        let delegations = &mut w.repository.roles.get_mut("targets").unwrap()["delegations"];
        delegations["keys"] = json!({&id: key});
        delegations["roles"][0]["keyids"] = json!([id]);
        w.repository.signers.insert("a".into(), vec!["a2"]);
        w.repository.release();
    }, "a", "root 1, timestamp 3, snapshot 3, targets 3, a 1"),
    row("a role at hand is believed by another delegator with its keys only", |w| {
        w.repository.delegate("targets", "a", &["f"], &[]);
        w.repository.delegate("targets", "b", &["g"], &[]);
        w.repository.delegate("a", "c", &["*"], &["f", "g"]);
        w.repository.delegate("b", "c", &["*"], &[]);
        let (id, key) = w.repository.described("c2");
        let delegations = &mut w.repository.roles.get_mut("b").unwrap()["delegations"];
        delegations["keys"] = json!({&id: key});
        delegations["roles"][0]["keyids"] = json!([id]);
        want(w, &["f", "g"]);
    }, "1.c.json: 0 of the role's keys signed the c metadata, 1 are needed", "root 1, timestamp 2, snapshot 2, targets 2, a 1, b 1, c 1"),
    row("a role at hand is believed by another delegator with the same keys", |w| {
        w.repository.delegate("targets", "a", &["f"], &[]);
        w.repository.delegate("targets", "b", &["g"], &[]);
        w.repository.delegate("a", "c", &["*"], &["f", "g"]);
        w.repository.delegate("b", "c", &["*"], &[]);
        want(w, &["f", "g"]);
    }, "c c", "root 1, timestamp 2, snapshot 2, targets 2, a 1, b 1, c 1"),
    row("a role with a name for other folders", |w| { w.repository.delegate("targets", "../a/b", &["*"], &["f"]); want(w, &["f"]); },
        "../a/b", "root 1, timestamp 2, snapshot 2, targets 2, ..%2Fa%2Fb 1"),
    row("a role with a name that a URL would cut", |w| { w.repository.delegate("targets", "a?b#c %\u{e9}", &["*"], &["f"]); want(w, &["f"]); },
        "a?b#c %\u{e9}", "root 1, timestamp 2, snapshot 2, targets 2, a%3Fb%23c%20%25%C3%A9 1"),
    row("a role with the name of a top-level role", |w| { w.repository.delegate("targets", "timestamp", &["*"], &["f"]); want(w, &["f"]); },
        "2.targets.json: the delegated role `timestamp` is given twice or is a top-level role", "root 1, timestamp 2, snapshot 2, targets 1"),
    row("targets without consistent snapshots", |w| {
        w.repository.next_root(|r| r.root["consistent_snapshot"] = false.into());
        w.repository.delegate("targets", "a/b", &["*"], &["f"]);
        want(w, &["f"]);
    }, "a/b", "root 2, timestamp 2, snapshot 2, targets 2, a%2Fb 1"),
    row("a path in another script", |w| { w.repository.delegate("targets", "a", &["*/*"], &["d\u{e9}/\u{4e2d}"]); want(w, &["d\u{e9}/\u{4e2d}"]); },
        "a", "root 1, timestamp 2, snapshot 2, targets 2, a 1"),
    row("a delegated role is updated", |w| {
        w.repository.delegate("targets", "a", &["*"], &[]);
        want(w, &[]);
        w.update();
        w.repository.add_role("a", &["f"]);
        w.repository.bump("a");
        want(w, &["f"]);
    }, "a", "root 1, timestamp 3, snapshot 3, targets 3, a 2"),
];

#[test]
fn searches() {
    run(ROWS, World::followed);
}

#[test]
fn each_role_is_fetched_once() {
    let mut world = World::followed();
    world
        .repository
        .delegate("targets", "a", &["*"], &["f", "g"]);
    world.repository.release();
    world.client.wanted = vec!["f", "g", "f"];
    world.update();
    let asked = [
        "2.root.json",
        "timestamp.json",
        "2.snapshot.json",
        "2.targets.json",
        "1.a.json",
    ];
    assert_eq!(world.client.asked, asked);
    world.update();
    assert_eq!(world.client.asked, asked[..2]);
}

/// A target as a search finds it.
fn found(path: &'static str, described: Value) -> Target {
    let mut world = World::new();
    world.repository.roles.get_mut("targets").unwrap()["targets"][path] = described;
    world.repository.publish();
    let root = &world.client.folder["root.json"];
    let mut updater = Updater::new(root, NOW, Limits::default()).unwrap();
    let drive = |updater: &mut Updater| {
        while let Some(action) = updater.next_action() {
            match action {
                Action::Load { .. } => updater.answer(None).unwrap(),
                Action::Fetch { file, .. } => {
                    updater
                        .answer(world.repository.files.get(&file).cloned())
                        .unwrap();
                }
                _ => {}
            }
        }
    };
    drive(&mut updater);
    updater.find(path).unwrap();
    drive(&mut updater);
    updater.found().unwrap().clone()
}

#[test]
fn the_hash_stands_before_the_last_segment() {
    let hash = hex::encode(sha256(b"x"));
    for (path, place) in [
        ("f", format!("{hash}.f")),
        ("a/b/f.txt", format!("a/b/{hash}.f.txt")),
        ("a b/f", format!("a%20b/{hash}.f")),
    ] {
        assert_eq!(found(path, target(b"x")).locations().unwrap(), [place]);
    }
    let two = json!({"length": 1, "hashes": {
        "sha256": hash, "sha512": HashAlgorithm::Sha512.digest(b"x").hex(), "md7": "00"}});
    let places = found("f", two).locations().unwrap();
    assert_eq!(places.len(), 2);
    let long = json!({"length": 1, "hashes": {"sha512": HashAlgorithm::Sha512.digest(b"x").hex()}});
    let only = found("f", long);
    assert_eq!(only.locations().unwrap().len(), 1);
    assert_eq!(only.check(b"x"), Ok(()));
    let no_hash = TufError::NoHash {
        file: "f".to_owned(),
    };
    let unknown = found("f", json!({"length": 1, "hashes": {"md7": "00"}}));
    let error = UpdateError::Document {
        file: "f".to_owned(),
        error: no_hash,
    };
    assert_eq!(unknown.locations(), Err(error));
    let escape = UpdateError::UnsafePath {
        path: "a/../../f".to_owned(),
    };
    assert_eq!(found("a/../../f", target(b"x")).locations(), Err(escape));
}

#[test]
fn a_target_is_neither_longer_nor_shorter_nor_other() {
    let found = found("f", target(b"content"));
    assert_eq!(found.file, TargetFile::of(b"content"));
    assert_eq!(found.check(b"content"), Ok(()));
    for wrong in [&b"conten"[..], b"contents", b"CONTENT", b""] {
        assert!(found.check(wrong).is_err());
    }
}

#[test]
fn the_order_of_calls_is_kept() {
    let world = World::new();
    let root = &world.client.folder["root.json"];
    let mut updater = Updater::new(root, Time::from_unix(0), Limits::default()).unwrap();
    assert_eq!(updater.find("f"), Err(UpdateError::OutOfTurn));
    assert_eq!(updater.found().err(), Some(UpdateError::OutOfTurn));
    let mut cached = Updater::cached(root, NOW, Limits::default()).unwrap();
    cached.answer(None).unwrap();
    let error = UpdateError::NotCached {
        file: "timestamp.json".to_owned(),
    };
    assert_eq!(cached.answer(None), Err(error));
    assert_eq!(cached.next_action(), None);
    assert_eq!(cached.answer(None), Err(UpdateError::OutOfTurn));
}
