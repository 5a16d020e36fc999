use signhere_pki::digest::sha256;
use signhere_pki::key::{KeyKind, PrivateKey};

/// A new key. RSA keys are not new but always the same, because making them takes seconds.
pub fn fresh(kind: KeyKind) -> PrivateKey {
    match kind {
        KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096 => rsa(kind),
        kind => PrivateKey::generate(kind).expect("a key"),
    }
}

/// The RSA key of that size among the test vectors.
pub fn rsa(kind: KeyKind) -> PrivateKey {
    let pem = match kind {
        KeyKind::Rsa3072 => include_str!("../../../../testdata/keys/rsa3072-pkcs8.key"),
        KeyKind::Rsa4096 => include_str!("../../../../testdata/keys/rsa4096-pkcs8.key"),
        _ => include_str!("../../../../testdata/keys/rsa2048-pkcs1.key"),
    };
    PrivateKey::from_pem(pem).expect("an RSA key")
}

/// The Ed25519 key that `name` stands for, the same in every run.
pub fn ed25519(name: &str) -> PrivateKey {
    // RFC 8410 section 7: a PrivateKeyInfo up to the 32 bytes of the key.
    const BEFORE_SEED: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    let pkcs8 = [BEFORE_SEED.as_slice(), &sha256(name.as_bytes())].concat();
    PrivateKey::from_pkcs8_der(&pkcs8).expect("an Ed25519 key")
}
