use super::*;
use crate::{
    key::{KeyKind, PublicKey},
    random::SystemRandom,
};

// How these were made, and by whom, is written in testdata/keys/README.md.
const P256: &str = include_str!("../../../../testdata/keys/cosign-p256.key");
const P256_PUBLIC: &str = include_str!("../../../../testdata/keys/cosign-p256.pub");
const P256_LEGACY: &str = include_str!("../../../../testdata/keys/cosign-p256-legacy.key");
const ED25519: &str = include_str!("../../../../testdata/keys/cosign-ed25519-no-passphrase.key");
const ED25519_PUBLIC: &str =
    include_str!("../../../../testdata/keys/cosign-ed25519-no-passphrase.pub");

#[test]
fn reads_what_go_wrote() {
    for (file, passphrase, public) in [
        (P256, "correct horse", P256_PUBLIC),
        (P256_LEGACY, "correct horse", P256_PUBLIC),
        (ED25519, "", ED25519_PUBLIC),
    ] {
        assert!(is_encrypted_key(file));
        let key = decrypt(file, passphrase.as_bytes()).unwrap();
        assert_eq!(*key.public_key(), PublicKey::from_pem(public).unwrap());
    }
    assert!(!is_encrypted_key(P256_PUBLIC));
}

#[test]
fn writes_what_it_reads() {
    let key = PrivateKey::generate(KeyKind::P384).unwrap();
    let file = encrypt(&key, b"correct horse", &SystemRandom).unwrap();
    let read = decrypt(&file, b"correct horse").unwrap();
    assert_eq!(read.public_key(), key.public_key());

    // The members in the order that go-securesystemslib writes them.
    let json = json_of(&file);
    let shape = json
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|word| word.len() < 20);
    let expected = [
        "kdf",
        "name",
        "scrypt",
        "params",
        "N",
        "r",
        "p",
        "salt",
        "cipher",
        "name",
        "nacl/secretbox",
        "nonce",
        "ciphertext",
    ];
    assert_eq!(shape.collect::<Vec<_>>(), expected);
    assert!(
        json.contains(r#""params":{"N":65536,"r":8,"p":1}"#),
        "{json}"
    );
    assert!(file.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));

    let again = encrypt(&key, b"correct horse", &SystemRandom).unwrap();
    assert_ne!(json_of(&again), json);
}

#[test]
fn a_wrong_passphrase_is_its_own_error() {
    assert_eq!(
        decrypt(P256, b"correct hors").unwrap_err(),
        CosignKeyError::WrongPassphrase
    );
    assert_eq!(
        decrypt(P256, b"").unwrap_err(),
        CosignKeyError::WrongPassphrase
    );
}

#[test]
fn refuses_other_costs_and_algorithms() {
    let cost = |n, r, p| CosignKeyError::Cost { n, r, p };
    for (from, to, expected) in [
        ("65536", "16384", cost(16_384, 8, 1)),
        ("65536", "1073741824", cost(1 << 30, 8, 1)),
        ("65536", "65535", cost(65_535, 8, 1)),
        ("\"r\":8", "\"r\":1000000", cost(65_536, 1_000_000, 1)),
        ("\"p\":1", "\"p\":1000000", cost(65_536, 8, 1_000_000)),
        ("\"p\":1", "\"p\":0", cost(65_536, 8, 0)),
        ("65536", "-1", CosignKeyError::Malformed),
        ("65536", "18446744073709551616", CosignKeyError::Malformed),
        (
            "\"scrypt\"",
            "\"pbkdf2\"",
            CosignKeyError::Algorithm {
                expected: "scrypt",
                found: "pbkdf2".to_owned(),
            },
        ),
        (
            "nacl/secretbox",
            "aes",
            CosignKeyError::Algorithm {
                expected: "nacl/secretbox",
                found: "aes".to_owned(),
            },
        ),
    ] {
        assert_eq!(
            decrypt(&changed(from, to), b"").unwrap_err(),
            expected,
            "{to}"
        );
    }
}

#[test]
fn refuses_what_is_no_key_file() {
    for (text, expected) in [
        (String::new(), CosignKeyError::Pem(PemError::NoBlock)),
        (
            P256_PUBLIC.to_owned(),
            CosignKeyError::Pem(PemError::Label {
                expected: LABEL.to_owned(),
                found: "PUBLIC KEY".to_owned(),
            }),
        ),
        (pem::encode(LABEL, b"{}"), CosignKeyError::Malformed),
        (
            pem::encode(LABEL, &[b'['; 16 << 10]),
            CosignKeyError::Malformed,
        ),
        (
            pem::encode(LABEL, &[b' '; (16 << 10) + 1]),
            CosignKeyError::TooLong {
                found: (16 << 10) + 1,
            },
        ),
        (
            changed("\"nonce\":\"", "\"nonce\":\"AAAA"),
            CosignKeyError::Malformed,
        ),
        (
            changed("\"salt\":\"", "\"salt\":\"?"),
            CosignKeyError::Malformed,
        ),
        (
            changed("{\"kdf\"", "{\"ciphertext\":\"\",\"kdf\""),
            CosignKeyError::Malformed,
        ),
        (changed("\"}", "\"}}"), CosignKeyError::Malformed),
    ] {
        assert_eq!(decrypt(&text, b"").unwrap_err(), expected, "{text:.200}");
    }
}

fn json_of(file: &str) -> String {
    String::from_utf8(pem::decode_one(file, LABEL).unwrap().to_vec()).unwrap()
}

/// The vector with `from`, which must be in it, replaced.
fn changed(from: &str, to: &str) -> String {
    let json = json_of(P256);
    assert!(json.contains(from), "{json}");
    pem::encode(LABEL, json.replacen(from, to, 1).as_bytes())
}
