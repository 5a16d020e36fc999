use std::collections::BTreeMap;

use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::{KeyKind, PrivateKey, Scheme, Signer};
use signhere_pki::time::Time;

use super::*;
use crate::proto_json::JsonError;

/// Documents of python-tuf and of the public-good instance; see `testdata/tuf/README.md`.
macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../../testdata/tuf/", $name)).as_slice()
    };
}

const HEADER: Header = Header {
    version: 1,
    expires: Time::from_unix(2_000_000_000),
};

fn parse<T: Role>(bytes: &[u8]) -> Metadata<T> {
    Metadata::parse(bytes).unwrap()
}

fn pair(kind: KeyKind) -> PrivateKey {
    PrivateKey::generate(kind).unwrap()
}

/// A root of these keys, `threshold` of which sign for each role.
fn root_of(keys: &[&PrivateKey], threshold: u32) -> Root {
    let mut known = Keys::default();
    let ids = keys.iter().map(|key| {
        let key = Key::new(key.public_key(), key.scheme()).unwrap();
        known.insert(key).unwrap()
    });
    let roles = RoleKeys::new(ids.collect(), threshold).unwrap();
    Root {
        header: HEADER,
        consistent_snapshot: true,
        keys: known,
        root: roles.clone(),
        timestamp: roles.clone(),
        snapshot: roles.clone(),
        targets: roles,
    }
}

fn signed(root: Root, signers: &[&PrivateKey]) -> Metadata<Root> {
    let keys = root.keys.clone();
    let mut root = Metadata::unsigned(root).unwrap();
    for signer in signers {
        root.sign(*signer, &keys).unwrap();
    }
    root
}

fn too_few(role: &str, expected: u32, found: usize) -> Result<(), TufError> {
    Err(TufError::Threshold {
        role: role.to_owned(),
        expected,
        found,
    })
}

#[test]
fn what_python_tuf_signed_verifies() {
    let root: Metadata<Root> = parse(vector!("1.root.json"));
    root.verify_self().unwrap();
    let keys = root.signed();
    assert_eq!(keys.root.threshold(), 4);

    let timestamp: Metadata<Timestamp> = parse(vector!("timestamp.json"));
    timestamp
        .verify(&keys.authority(TopRole::Timestamp))
        .unwrap();
    let snapshot_file = &timestamp.signed().snapshot;
    snapshot_file
        .check("snapshot.json", vector!("5.snapshot.json"))
        .unwrap();

    let snapshot: Metadata<Snapshot> = parse(vector!("5.snapshot.json"));
    snapshot.verify(&keys.authority(TopRole::Snapshot)).unwrap();
    assert_eq!(snapshot.version(), snapshot_file.version);
    let targets_file = snapshot.signed().document("targets").unwrap();
    targets_file
        .check("targets.json", vector!("3.targets.json"))
        .unwrap();

    let targets: Metadata<Targets> = parse(vector!("3.targets.json"));
    targets.verify(&keys.authority(TopRole::Targets)).unwrap();
    assert_eq!(targets.version(), targets_file.version);
    let file = &targets.signed().targets["file.txt"];
    file.check("file.txt", b"a file\n").unwrap();

    let delegations = targets.signed().delegations.as_ref().unwrap();
    let delegated: Metadata<Targets> = parse(vector!("1.a.json"));
    delegated
        .verify(&delegations.authority("a").unwrap())
        .unwrap();
    assert!(delegations.authority("d").is_none());
    let wrong_keys = keys.authority(TopRole::Targets);
    assert_eq!(delegated.verify(&wrong_keys), too_few("targets", 1, 0));
}

#[test]
fn what_the_public_good_instance_signed_verifies() {
    let root: Metadata<Root> = parse(vector!("public-good.15.root.json"));
    root.verify_self().unwrap();
    assert_eq!(root.version(), 15);
    assert_eq!(
        root.signed_by(&root.signed().authority(TopRole::Root))
            .len(),
        5
    );
    // The ids of its keys are what we compute.
    for (id, key) in root.signed().keys.iter() {
        assert_eq!(key.keytype(), "ecdsa");
        assert!(key.public().is_some());
        assert_eq!(id.as_str().len(), 64);
    }
    let expired = Time::parse_rfc3339("2026-11-20T13:58:18Z").unwrap();
    assert_eq!(root.check_expiry(expired.plus_seconds(-1)), Ok(()));
    let error = TufError::Expired {
        role: "root".to_owned(),
        expires: expired,
    };
    assert_eq!(root.check_expiry(expired), Err(error));
}

#[test]
fn ids_of_keys_are_those_of_securesystemslib() {
    let root: Metadata<Root> = parse(vector!("1.root.json"));
    assert_eq!(root.signed().keys.iter().count(), 4);
    for (id, key) in root.signed().keys.iter() {
        let (public, scheme) = key.public().unwrap();
        assert_eq!(Key::new(public, scheme).unwrap().id().as_ref(), Ok(id));
    }
}

#[test]
fn any_change_of_what_was_signed_is_noticed() {
    let text = std::str::from_utf8(vector!("1.root.json")).unwrap();
    for (from, to) in [
        ("\"version\": 1", "\"version\": 2"),
        ("tab\\there", "tab there"),
        (
            "\"consistent_snapshot\": true",
            "\"consistent_snapshot\": false",
        ),
        ("null", "false"),
        ("-5", "-6"),
        ("\"x-note\"", "\"y-note\""),
    ] {
        assert!(text.contains(from), "{from}");
        let changed: Metadata<Root> = parse(text.replace(from, to).as_bytes());
        assert_eq!(changed.verify_self(), too_few("root", 4, 0), "{from}");
    }
    // White space and the order of names are not signed.
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let same: Metadata<Root> = parse(value.to_string().as_bytes());
    same.verify_self().unwrap();
}

#[test]
fn every_kind_of_key_signs_and_is_read_back() {
    for kind in KeyKind::ALL {
        let key = pair(kind);
        let root = signed(root_of(&[&key], 1), &[&key]);
        root.verify_self().unwrap();
        let read: Metadata<Root> = parse(root.bytes());
        assert_eq!(read, root, "{kind}");
    }
}

#[test]
fn a_threshold_counts_distinct_keys() {
    let [a, b] = [pair(KeyKind::P256), pair(KeyKind::Ed25519)];
    let root = signed(root_of(&[&a, &b], 2), &[&a]);
    assert_eq!(root.verify_self(), too_few("root", 2, 1));
    // Signing again adds nothing.
    let root = signed(root_of(&[&a, &b], 2), &[&a, &a]);
    assert_eq!(root.signatures().len(), 1);
    assert_eq!(root.verify_self(), too_few("root", 2, 1));
    signed(root_of(&[&a, &b], 2), &[&a, &b])
        .verify_self()
        .unwrap();
    // A stranger's signature does not count.
    let stranger = pair(KeyKind::P256);
    let root = signed(root_of(&[&a, &b], 2), &[&a, &stranger]);
    assert_eq!(root.verify_self(), too_few("root", 2, 1));

    // One key under two ids: the second id is a copy of the first with another name.
    let root = signed(root_of(&[&a], 1), &[&a]);
    let id = root.signatures()[0].key_id.as_str();
    let mut twice: serde_json::Value = serde_json::from_slice(root.bytes()).unwrap();
    let key = twice["signed"]["keys"][id].clone();
    twice["signed"]["keys"]["alias"] = key;
    twice["signed"]["roles"]["root"] = serde_json::json!({"keyids": [id, "alias"], "threshold": 2});
    let twice: Metadata<Root> = parse(twice.to_string().as_bytes());
    let value = a.sign(twice.payload()).unwrap();
    let mut envelope: serde_json::Value = serde_json::from_slice(twice.bytes()).unwrap();
    let signature = |id: &str| serde_json::json!({"keyid": id, "sig": hex::encode(&value)});
    envelope["signatures"] = serde_json::json!([signature(id), signature("alias")]);
    let twice: Metadata<Root> = parse(envelope.to_string().as_bytes());
    assert_eq!(twice.signatures().len(), 2);
    assert_eq!(twice.verify_self(), too_few("root", 2, 1));
}

#[test]
fn a_root_is_continued_by_the_next_version_of_both_keys() {
    let [old, new] = [pair(KeyKind::P256), pair(KeyKind::P256)];
    let first = signed(root_of(&[&old], 1), &[&old]);
    let next = |version, signers: &[&PrivateKey]| {
        let mut root = root_of(&[&new], 1);
        root.header.version = version;
        signed(root, signers)
    };
    assert_eq!(first.verify_next(&next(2, &[&old, &new])), Ok(()));
    assert_eq!(first.verify_next(&next(2, &[&new])), too_few("root", 1, 0));
    assert_eq!(first.verify_next(&next(2, &[&old])), too_few("root", 1, 0));
    for version in [1, 3] {
        let error = TufError::Version {
            role: "root".to_owned(),
            expected: 2,
            found: version,
        };
        assert_eq!(first.verify_next(&next(version, &[&old, &new])), Err(error));
    }
}

#[test]
fn signing_leaves_what_is_signed_as_it_was_written() {
    let key = pair(KeyKind::P256);
    let strange = r#"{ "signed" : {"_type":"timestamp","spec_version":"1.0","version":1,
        "expires":"2033-05-18T03:33:20Z", "x": "\u00e9", "meta":{"snapshot.json":{"version":1}} } ,"signatures":[]}"#;
    let mut document: Metadata<Timestamp> = parse(strange.as_bytes());
    let root = root_of(&[&key], 1);
    document.sign(&key, &root.keys).unwrap();
    let text = std::str::from_utf8(document.bytes()).unwrap();
    let signed_part =
        &strange[strange.find("{\"_type").unwrap()..strange.rfind(" ,\"sig").unwrap()];
    assert!(text.contains(signed_part), "{text}");
    let read: Metadata<Timestamp> = parse(document.bytes());
    read.verify(&root.authority(TopRole::Timestamp)).unwrap();
}

#[test]
fn what_is_written_is_read_back() {
    let targets = Targets {
        header: HEADER,
        targets: BTreeMap::from([("a/b \"c\" \u{e9}".to_owned(), TargetFile::of(b"content"))]),
        delegations: parse::<Targets>(vector!("3.targets.json"))
            .signed()
            .delegations
            .clone(),
    };
    assert_eq!(
        *Metadata::unsigned(targets.clone()).unwrap().signed(),
        targets
    );
    let succinct = parse::<Targets>(vector!("1.a.json")).signed().clone();
    assert_eq!(
        *Metadata::unsigned(succinct.clone()).unwrap().signed(),
        succinct
    );
    let snapshot = Snapshot {
        header: HEADER,
        meta: BTreeMap::from([("targets.json".to_owned(), MetaFile::of(3, b"x"))]),
    };
    assert_eq!(
        *Metadata::unsigned(snapshot.clone()).unwrap().signed(),
        snapshot
    );
    assert_eq!(
        snapshot.document("other"),
        Err(TufError::Json(JsonError::Missing {
            path: "signed.meta.other.json".to_owned()
        }))
    );
}

#[test]
fn files_are_checked_by_length_and_every_known_hash() {
    let file = TargetFile::of(b"content");
    assert_eq!(file.check("f", b"content"), Ok(()));
    let length = TufError::Length {
        file: "f".to_owned(),
        expected: 7,
        found: 8,
    };
    assert_eq!(file.check("f", b"contents"), Err(length));
    let hash = |algorithm| TufError::Hash {
        file: "f".to_owned(),
        algorithm,
    };
    assert_eq!(
        file.check("f", b"CONTENT"),
        Err(hash(HashAlgorithm::Sha256))
    );
    let mut two = file.clone();
    two.hashes.push(HashAlgorithm::Sha512.digest(b"other"));
    assert_eq!(two.check("f", b"content"), Err(hash(HashAlgorithm::Sha512)));
    let none = TargetFile {
        length: 7,
        hashes: Vec::new(),
    };
    let no_hash = TufError::NoHash {
        file: "f".to_owned(),
    };
    assert_eq!(none.check("f", b"content"), Err(no_hash.clone()));
    let bare = MetaFile {
        version: 1,
        length: None,
        hashes: None,
    };
    assert_eq!(bare.check("f", b"anything"), Ok(()));
    let unknown = MetaFile {
        hashes: Some(Vec::new()),
        ..bare
    };
    assert_eq!(unknown.check("f", b"anything"), Err(no_hash));
}

#[test]
fn delegations_choose_roles_as_python_tuf_does() {
    let targets: Metadata<Targets> = parse(vector!("3.targets.json"));
    let delegations = targets.signed().delegations.as_ref().unwrap();
    for (path, roles) in [
        ("dir/a.txt", &["a"][..]),
        ("dir/.txt", &["a"]),
        ("dir/sub/a.txt", &[]),
        ("dir/a.text", &[]),
        ("exact", &["a", "c"]),
        ("exact2", &["c"]),
        ("hashed", &["b"]),
        ("other", &["c"]),
    ] {
        assert_eq!(delegations.roles_for(path), roles, "{path}");
    }
    let bins: Metadata<Targets> = parse(vector!("1.a.json"));
    let bins = bins.signed().delegations.as_ref().unwrap();
    assert_eq!(bins.roles_for("file.txt"), ["bin-2ab"]);
    assert_eq!(bins.roles_for("other"), ["bin-364"]);
    for (name, known) in [
        ("bin-000", true),
        ("bin-3ff", true),
        ("bin-400", false),
        ("bin-3FF", false),
        ("bin-3f", false),
        ("bin-", false),
        ("bin", false),
        ("other-000", false),
    ] {
        assert_eq!(bins.authority(name).is_some(), known, "{name}");
    }
}

#[test]
fn patterns_stay_within_a_segment() {
    let matches =
        |pattern: &str, path: &str| Paths::Patterns(vec![pattern.to_owned()]).contain(path);
    for (pattern, path) in [
        ("*", "a"),
        ("a*b*c", "aXbbYc"),
        ("a*b*c", "abc"),
        ("*a", "aaa"),
        ("??", "\u{e9}x"),
        ("a/*/c", "a/b/c"),
        ("**", ""),
        ("[a]", "[a]"),
    ] {
        assert!(matches(pattern, path), "{pattern} {path}");
    }
    for (pattern, path) in [
        ("*", "a/b"),
        ("a*b*c", "aXc"),
        ("?", ""),
        ("a", "A"),
        ("a/*", "a"),
        ("a/*", "a/b/c"),
        ("", "a"),
    ] {
        assert!(!matches(pattern, path), "{pattern} {path}");
    }
    // Many stars do not multiply.
    assert!(!matches(&"*a".repeat(5_000), &"a".repeat(4_999)));
}

#[test]
fn documents_that_break_a_rule_are_refused() {
    let base = serde_json::from_slice::<serde_json::Value>(vector!("1.root.json")).unwrap();
    let id = base["signatures"][0]["keyid"].as_str().unwrap().to_owned();
    let error = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = base.clone();
        change(&mut value);
        Metadata::<Root>::parse(value.to_string().as_bytes()).unwrap_err()
    };
    let invalid = |path: &str, expected| {
        TufError::Json(JsonError::Value {
            path: path.to_owned(),
            expected,
        })
    };
    assert_eq!(
        error(&|v| v["signed"]["_type"] = "targets".into()),
        TufError::Type {
            expected: "root",
            found: "targets".to_owned()
        }
    );
    for found in ["2.0.0", "1", "1.0.0.0", "1.x", "1.", ""] {
        assert_eq!(
            error(&|v| v["signed"]["spec_version"] = found.into()),
            TufError::SpecVersion {
                found: found.to_owned()
            }
        );
    }
    assert_eq!(
        error(&|v| v["signed"]["version"] = 0.into()),
        invalid("signed.version", "an integer from one up")
    );
    assert_eq!(
        error(&|v| v["signed"]["version"] = (-1).into()),
        invalid("signed.version", "an integer from zero up")
    );
    assert_eq!(
        error(&|v| v["signed"]["version"] = "1".into()),
        TufError::Json(JsonError::Type {
            path: "signed.version".to_owned(),
            expected: "a number",
            found: "a string",
        })
    );
    assert_eq!(
        error(&|v| v["signed"]["expires"] = "2036-01-01".into()),
        invalid("signed.expires", "an RFC 3339 date")
    );
    assert_eq!(
        error(&|v| v["signed"]["x"] = 1.5.into()),
        TufError::NotInteger
    );
    assert_eq!(
        error(&|v| v["signed"]["roles"]["root"]["threshold"] = 0.into()),
        TufError::NoThreshold {
            path: "signed.roles.root.keyids".to_owned()
        }
    );
    assert_eq!(
        error(&|v| v["signed"]["roles"]["root"]["keyids"] = vec![id.clone(), id.clone()].into()),
        TufError::DuplicateKey {
            path: "signed.roles.root.keyids".to_owned(),
            id: id.clone()
        }
    );
    assert_eq!(
        error(&|v| v["signatures"][1]["keyid"] = id.clone().into()),
        TufError::DuplicateSignature { id: id.clone() }
    );
    assert_eq!(
        error(&|v| v["signatures"][0]["sig"] = "0g".into()),
        invalid("signatures[0].sig", "a hexadecimal signature")
    );
    for role in TopRole::ALL {
        let missing = error(&|v| {
            v["signed"]["roles"]
                .as_object_mut()
                .unwrap()
                .remove(role.name());
        });
        let path = format!("signed.roles.{}", role.name());
        assert_eq!(missing, TufError::Json(JsonError::Missing { path }));
    }
    let large = vec![b' '; Root::MAX_BYTES + 1];
    assert_eq!(
        Metadata::<Root>::parse(&large),
        Err(TufError::Json(JsonError::TooLarge {
            limit: Root::MAX_BYTES,
            found: Root::MAX_BYTES + 1
        }))
    );
}

#[test]
fn a_key_that_is_not_known_here_is_kept_and_verifies_nothing() {
    let mut value = serde_json::from_slice::<serde_json::Value>(vector!("1.root.json")).unwrap();
    let id = value["signatures"][0]["keyid"].as_str().unwrap().to_owned();
    for (member, other) in [
        ("keytype", serde_json::json!("ml-dsa")),
        ("scheme", serde_json::json!("ed448")),
        ("keyval", serde_json::json!({ "public": "00" })),
        ("keyval", serde_json::json!({ "other": 1 })),
    ] {
        let before = value.clone();
        value["signed"]["keys"][&id][member] = other;
        let root: Metadata<Root> = parse(value.to_string().as_bytes());
        let key = root.signed().keys.key(&KeyId(id.clone())).unwrap();
        assert_eq!(key.public(), None, "{member}");
        value = before;
    }
}

#[test]
fn delegations_that_break_a_rule_are_refused() {
    let base = serde_json::from_slice::<serde_json::Value>(vector!("3.targets.json")).unwrap();
    let error = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = base.clone();
        change(&mut value["signed"]["delegations"]);
        Metadata::<Targets>::parse(value.to_string().as_bytes()).unwrap_err()
    };
    for name in ["b", "root", "targets"] {
        let duplicate = TufError::DuplicateRole {
            name: name.to_owned(),
        };
        assert_eq!(error(&|v| v["roles"][2]["name"] = name.into()), duplicate);
    }
    let one_of = |first: &str, second: &str| {
        TufError::Json(JsonError::OneOf {
            first: format!("signed.delegations.{first}"),
            second: format!("signed.delegations.{second}"),
        })
    };
    assert_eq!(
        error(&|v| v["roles"][0]["path_hash_prefixes"] = serde_json::json!([])),
        one_of("roles[0].paths", "roles[0].path_hash_prefixes")
    );
    let succinct = |bits: u64| serde_json::json!({"keyids": [], "threshold": 1, "bit_length": bits, "name_prefix": "b"});
    assert_eq!(
        error(&|v| v["succinct_roles"] = succinct(8)),
        one_of("roles", "succinct_roles")
    );
    for bits in [0, 33] {
        let bad = error(&|v| {
            v.as_object_mut().unwrap().remove("roles");
            v["succinct_roles"] = succinct(bits);
        });
        assert_eq!(
            bad,
            TufError::Json(JsonError::Value {
                path: "signed.delegations.succinct_roles.bit_length".to_owned(),
                expected: "an integer from 1 to 32",
            })
        );
    }
}

#[test]
fn only_keys_that_tuf_has_names_for_are_described() {
    let key = pair(KeyKind::Ed25519);
    for scheme in [Scheme::Ed25519ph, Scheme::EcdsaP256Sha256] {
        let error = TufError::UnsupportedKey {
            kind: KeyKind::Ed25519,
            scheme,
        };
        assert_eq!(Key::new(key.public_key(), scheme), Err(error));
    }
}
