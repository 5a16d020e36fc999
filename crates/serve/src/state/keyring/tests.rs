use std::fs;
use std::os::unix::fs::PermissionsExt;

use signhere_testkit::random::SeededRandom;

use super::*;
use crate::state::manifest::OVERLAP;

const NOW: Time = Time::from_unix(1_795_000_000);

fn made() -> (tempfile::TempDir, Keyring) {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let keyring = sample::keyring(dir.path(), NOW);
    (dir, keyring)
}

#[test]
fn what_is_made_can_be_opened() {
    let (dir, made) = made();
    let opened = Keyring::open(dir.path(), &Unlock::File).unwrap();
    assert_eq!(opened.manifest(), made.manifest());
    for (name, kind) in [
        (CA_ROOT, KeyKind::P384),
        ("ca-1", KeyKind::P384),
        (TSA_ROOT, KeyKind::P384),
        ("tsa-1", KeyKind::P256),
        ("ct-1", KeyKind::P256),
        ("log-1", KeyKind::Ed25519),
        (OIDC, KeyKind::Rsa2048),
        (TUF_ROOT, KeyKind::P256),
        (TUF_TARGETS, KeyKind::P256),
        (TUF_TIMESTAMP, KeyKind::P256),
        (WITNESS, KeyKind::Ed25519),
    ] {
        assert_eq!(opened.key(name).unwrap().kind(), kind, "{name}");
    }
    let [intermediate, root] = &opened.chain("ca-1").unwrap()[..] else {
        panic!("two certificates")
    };
    assert_eq!(root.subject_common_name().as_deref(), Some(CA_ROOT));
    assert_eq!(
        intermediate.subject_organization().as_deref(),
        Some("Example")
    );
    let end = NOW.plus_seconds(INTERMEDIATE_LIFE);
    assert_eq!(intermediate.not_after(), end);
}

#[test]
fn every_private_key_is_closed_to_others() {
    let (dir, _) = made();
    let mut private = 0;
    for entry in fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let secret = name.ends_with(".key") || name == "unlock";
        private += usize::from(secret);
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if secret { 0o600 } else { 0o644 }, "{name}");
    }
    assert_eq!(private, 12);
}

#[test]
fn a_key_that_was_taken_away_is_named_and_not_needed() {
    let (dir, keyring) = made();
    let path = dir.path().join("ca-root.key");
    fs::remove_file(&path).unwrap();
    let absent = Some(ServeError::KeyAbsent { path });
    assert_eq!(keyring.key(CA_ROOT).err(), absent);
    assert!(keyring.key("ca-1").is_ok());
    assert!(keyring.chain("ca-1").is_ok());

    let mut keyring = Keyring::open(dir.path(), &Unlock::File).unwrap();
    let before = keyring.manifest().clone();
    let (start, random) = (NOW.plus_seconds(60), SeededRandom::new(2));
    assert_eq!(keyring.add(Role::Ca, start, NOW, &random).err(), absent);
    assert_eq!(keyring.manifest(), &before);
}

#[test]
fn every_missing_public_file_is_named() {
    let (dir, keyring) = made();
    for (name, expected) in [
        ("ca-1", CERTIFICATE),
        ("tsa-root", CERTIFICATE),
        ("log-1", "a public key in PEM"),
    ] {
        let path = dir.path().join(format!("{name}.pem"));
        fs::remove_file(&path).unwrap();
        let damaged = ServeError::Damaged { path, expected };
        assert_eq!(keyring.key(name).err(), Some(damaged));
    }
    fs::remove_file(dir.path().join("keys.json")).unwrap();
    let damaged = ServeError::Damaged {
        path: dir.path().join("keys.json"),
        expected: "the list of an instance's keys",
    };
    let opened = Keyring::open(dir.path(), &Unlock::File);
    assert_eq!(opened.err(), Some(damaged));
}

#[test]
fn keys_open_to_others_are_refused() {
    let (dir, keyring) = made();
    let path = dir.path().join("log-1.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let exposed = ServeError::Exposed { path, mode: 0o640 };
    assert_eq!(keyring.key("log-1").err(), Some(exposed));
}

#[test]
fn keys_and_certificates_must_belong_together() {
    let (dir, keyring) = made();
    let (other, _) = made();
    let certificate = dir.path().join("tsa-1.pem");
    fs::copy(other.path().join("tsa-1.pem"), &certificate).unwrap();
    let mismatch = ServeError::KeyMismatch {
        key: dir.path().join("tsa-1.key"),
        certificate: certificate.clone(),
    };
    assert_eq!(keyring.key("tsa-1").err(), Some(mismatch));
    let damaged = ServeError::Damaged {
        path: certificate,
        expected: "a certificate of the root beside it",
    };
    assert_eq!(keyring.chain("tsa-1").err(), Some(damaged));
}

#[test]
fn added_keys_are_there_after_the_next_start() {
    let (dir, mut keyring) = made();
    let random = SeededRandom::new(2);
    let (start, now) = (NOW.plus_seconds(500), NOW.plus_seconds(100));
    for role in Role::ALL {
        let shard = keyring.add(role, start, now, &random).unwrap();
        assert_eq!(shard.name, format!("{}-2", role.name()));
        let again = keyring.add(role, start, now, &random);
        assert!(matches!(again, Err(ServeError::ShardTooEarly { .. })));
    }
    let opened = Keyring::open(dir.path(), &Unlock::File).unwrap();
    assert_eq!(opened.manifest(), keyring.manifest());
    for role in Role::ALL {
        let [first, second] = opened.manifest().shards(role) else {
            panic!("two shards")
        };
        assert_eq!(first.end, Some(start.plus_seconds(OVERLAP)));
        let (old, new) = (opened.key(&first.name), opened.key(&second.name));
        assert_ne!(old.unwrap().public_key(), new.unwrap().public_key());
    }
    let chain = opened.chain("tsa-2").unwrap();
    assert_eq!(chain[0].validity().start, now);
}

#[test]
fn no_certificate_outlives_its_root() {
    let (_dir, mut keyring) = made();
    let late = NOW.plus_seconds(9 * YEAR);
    let random = SeededRandom::new(2);
    keyring.add(Role::Ca, late, late, &random).unwrap();
    let chain = keyring.chain("ca-2").unwrap();
    assert_eq!(chain[0].not_after(), chain[1].not_after());
}

#[test]
fn keys_are_put_replaced_and_removed() {
    let (_dir, keyring) = made();
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    assert!(!keyring.has("tuf-root-next"));
    keyring.put("tuf-root-next", &key).unwrap();
    for name in ["tuf-root-next", TUF_ROOT] {
        keyring.put(name, &key).unwrap();
        let read = keyring.key(name).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        keyring.remove(name).unwrap();
        keyring.remove(name).unwrap();
        assert!(!keyring.has(name));
        assert_eq!(&keyring.public_key(name).unwrap(), key.public_key());
    }
}
