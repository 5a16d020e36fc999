use std::fs;
use std::os::unix::fs::PermissionsExt;

use signhere_pki::key::KeyKind;

use super::*;

fn passphrase(text: &str) -> Unlock {
    Unlock::Passphrase(Zeroizing::new(text.to_owned()))
}

fn opened(dir: &Path, unlock: &Unlock) -> Result<[u8; KEY_LEN], ServeError> {
    Seal::open(dir, unlock).map(|seal| *seal.0)
}

#[test]
fn each_kind_of_secret_opens_its_seal_and_no_other() {
    let credentials = tempfile::tempdir().unwrap();
    let credential = credentials.path().join("signhere");
    fs::write(&credential, "from the service manager\n").unwrap();
    let unlocks = [
        passphrase("correct horse"),
        Unlock::Credential(credential),
        Unlock::File,
    ];
    for unlock in &unlocks {
        let dir = tempfile::tempdir().unwrap();
        let seal = Seal::create(dir.path(), unlock).unwrap();
        assert_eq!(opened(dir.path(), unlock), Ok(*seal.0));
        assert_eq!(Seal::kind(dir.path()), Ok(unlock.kind()));
        for other in unlocks.iter().filter(|u| u.kind() != unlock.kind()) {
            let expected = ServeError::OtherUnlock {
                expected: unlock.kind(),
                found: other.kind(),
            };
            assert_eq!(opened(dir.path(), other), Err(expected));
        }
    }
}

#[test]
fn a_wrong_secret_a_missing_one_and_a_damaged_seal_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    Seal::create(dir.path(), &passphrase("right")).unwrap();
    let wrong = ServeError::WrongSecret {
        path: path.clone(),
        unlock: UnlockKind::Passphrase,
    };
    assert_eq!(opened(dir.path(), &passphrase("wrong")), Err(wrong));

    let whole = fs::read_to_string(&path).unwrap();
    let damaged = Err(ServeError::Damaged {
        path: path.clone(),
        expected: SEAL,
    });
    let salt = whole.find("\"salt\": \"").unwrap() + 9;
    let other = if &whole[salt..=salt] == "A" { "B" } else { "A" };
    let mut bit = whole.clone();
    bit.replace_range(salt..=salt, other);
    for text in [bit.as_str(), &whole[..whole.len() / 2], ""] {
        fs::write(&path, text).unwrap();
        assert_eq!(opened(dir.path(), &passphrase("right")), damaged, "{text}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(opened(dir.path(), &passphrase("right")), damaged);
}

#[test]
fn a_credential_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let credential = dir.path().join("credential");
    fs::write(&credential, "secret").unwrap();
    let unlock = Unlock::Credential(credential.clone());
    Seal::create(dir.path(), &unlock).unwrap();
    let missing = ServeError::SecretMissing {
        unlock: UnlockKind::Credential,
        path: credential.clone(),
    };
    fs::write(&credential, "\n").unwrap();
    assert_eq!(opened(dir.path(), &unlock).as_ref(), Err(&missing));
    fs::remove_file(&credential).unwrap();
    assert_eq!(opened(dir.path(), &unlock), Err(missing));
}

#[test]
fn the_unlock_file_is_closed_to_others_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    Seal::create(dir.path(), &Unlock::File).unwrap();
    let path = dir.path().join(UNLOCK_FILE);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = ServeError::Exposed { path, mode: 0o644 };
    assert_eq!(opened(dir.path(), &Unlock::File), Err(exposed));
}

#[test]
fn a_key_opens_under_its_own_name_alone() {
    let dir = tempfile::tempdir().unwrap();
    let seal = Seal::create(dir.path(), &Unlock::File).unwrap();
    let [one, two] = ["one.key", "two.key"].map(|name| dir.path().join(name));
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    seal.write_key(&one, &key).unwrap();
    let mode = fs::metadata(&one).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read = seal.read_key(&one).unwrap();
    assert_eq!(
        read.to_pkcs8_der().unwrap().as_slice(),
        key.to_pkcs8_der().unwrap().as_slice()
    );
    let sealed = fs::read(&one).unwrap();
    let plain = key.to_pkcs8_pem().unwrap();
    let secret_line = plain.lines().nth(2).unwrap().as_bytes();
    assert!(!sealed.windows(secret_line.len()).any(|w| w == secret_line));

    let refused = |path: &Path| seal.read_key(path).map(|_| ()).unwrap_err();
    let damaged = |path: &Path| ServeError::Damaged {
        path: path.to_path_buf(),
        expected: "a private key that was sealed here under this name",
    };
    assert_eq!(refused(&two), ServeError::KeyAbsent { path: two.clone() });
    fs::copy(&one, &two).unwrap();
    assert_eq!(refused(&two), damaged(&two));
    let stranger = tempfile::tempdir().unwrap();
    let stranger = Seal::create(stranger.path(), &Unlock::File).unwrap();
    assert_eq!(stranger.read_key(&one).err(), Some(damaged(&one)));
    fs::write(&one, &sealed[..sealed.len() / 2]).unwrap();
    assert_eq!(refused(&one), damaged(&one));
}

#[test]
fn secrets_are_not_shown() {
    assert_eq!(format!("{:?}", passphrase("hunter2")), "Passphrase");
}
