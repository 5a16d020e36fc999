use std::fs;
use std::os::unix::fs::PermissionsExt;

use signhere_testkit::random::SeededRandom;

use super::*;

const NOW: Time = Time::from_unix(1_795_000_000);

fn made() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), NOW, &SeededRandom::new(1)).unwrap();
    dir
}

#[test]
fn what_is_made_can_be_read() {
    let dir = made();
    let keyring = Keyring::load(dir.path()).unwrap();
    assert_eq!(keyring.created, NOW);
    assert_eq!(keyring.log.public_key().kind(), KeyKind::Ed25519);
    assert_eq!(
        keyring.ca.certificate.validity(),
        valid(NOW, INTERMEDIATE_LIFE)
    );
    for entry in fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let secret = entry.file_name().to_string_lossy().ends_with(".key.pem");
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(
            mode,
            if secret { 0o600 } else { 0o644 },
            "{:?}",
            entry.file_name()
        );
    }
}

#[test]
fn every_missing_file_is_named() {
    let whole = made();
    let names: Vec<_> = fs::read_dir(whole.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 12);
    for name in names {
        let dir = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(whole.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
        }
        fs::remove_file(dir.path().join(&name)).unwrap();
        let loaded = Keyring::load(dir.path());
        if ["ca-root.key.pem", "tsa-root.key.pem"].contains(&name.to_str().unwrap()) {
            assert!(loaded.is_ok(), "the roots' keys may be taken elsewhere");
            continue;
        }
        match loaded.err() {
            Some(ServeError::Damaged { path, .. }) => assert_eq!(path, dir.path().join(name)),
            other => panic!("{name:?}: {other:?}"),
        }
    }
}

#[test]
fn keys_open_to_others_are_refused() {
    let dir = made();
    let path = dir.path().join("log.key.pem");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let loaded = Keyring::load(dir.path()).err();
    assert_eq!(loaded, Some(ServeError::Exposed { path, mode: 0o640 }));
}

#[test]
fn keys_and_certificates_must_belong_together() {
    let (dir, other) = (made(), made());
    let key = dir.path().join("tsa.key.pem");
    fs::copy(other.path().join("tsa.key.pem"), &key).unwrap();
    let certificate = dir.path().join("tsa.pem");
    let mismatch = ServeError::KeyMismatch {
        key,
        certificate: certificate.clone(),
    };
    assert_eq!(Keyring::load(dir.path()).err(), Some(mismatch));

    fs::copy(other.path().join("tsa.pem"), &certificate).unwrap();
    let damaged = ServeError::Damaged {
        path: certificate,
        expected: "a certificate of the root beside it",
    };
    assert_eq!(Keyring::load(dir.path()).err(), Some(damaged));
}

#[test]
fn another_version_is_refused() {
    let dir = made();
    let path = dir.path().join("instance.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"version\": 1", "\"version\": 2")).unwrap();
    let expected = ServeError::StateVersion {
        path,
        found: 2,
        expected: 1,
    };
    assert_eq!(Keyring::load(dir.path()).err(), Some(expected));
}
