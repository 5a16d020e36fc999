use std::sync::LazyLock;

use super::*;

/// One key of every kind that is quick to make, and RSA 2048.
static KEYS: LazyLock<Vec<PrivateKey>> = LazyLock::new(|| {
    [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Ed25519,
        KeyKind::Rsa2048,
    ]
    .map(|kind| PrivateKey::generate(kind).unwrap())
    .into()
});

/// Every key with every scheme that it signs with.
fn signers() -> impl Iterator<Item = PrivateKey> {
    KEYS.iter().flat_map(|key| {
        Scheme::ALL
            .into_iter()
            .filter_map(|scheme| key.with_scheme(scheme).ok())
    })
}

#[test]
fn every_scheme_signs_and_verifies() {
    for signer in signers() {
        let scheme = signer.scheme();
        let key = signer.public_key();
        let signature = signer.sign(b"message").unwrap();
        assert_eq!(
            key.verify(scheme, b"message", &signature),
            Ok(()),
            "{scheme}"
        );
        assert_eq!(
            key.verify(scheme, b"another", &signature),
            Err(KeyError::BadSignature),
            "{scheme}"
        );
        let mut broken = signature.clone();
        *broken.last_mut().unwrap() ^= 1;
        assert_eq!(
            key.verify(scheme, b"message", &broken),
            Err(KeyError::BadSignature),
            "{scheme}"
        );

        let Some(hash) = scheme.hash() else {
            let refused = Err(KeyError::NeedsMessage { scheme });
            let digest = HashAlgorithm::Sha512.digest(b"message");
            assert_eq!(signer.sign_digest(&digest), refused);
            assert_eq!(
                key.verify_digest(scheme, &digest, &signature),
                refused.map(|_| ())
            );
            continue;
        };
        let digest = hash.digest(b"message");
        assert_eq!(
            key.verify_digest(scheme, &digest, &signature),
            Ok(()),
            "{scheme}"
        );
        let signature = signer.sign_digest(&digest).unwrap();
        assert_eq!(
            key.verify(scheme, b"message", &signature),
            Ok(()),
            "{scheme}"
        );
        let another = hash.digest(b"another");
        assert_eq!(
            key.verify_digest(scheme, &another, &signature),
            Err(KeyError::BadSignature),
            "{scheme}"
        );
    }
}

#[test]
fn private_keys_survive_writing_and_reading() {
    for key in KEYS.iter() {
        let pem = key.to_pkcs8_pem().unwrap();
        let read = PrivateKey::from_pem(&pem).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        let public = PublicKey::from_pem(&key.public_key().to_pem()).unwrap();
        assert_eq!(public, *key.public_key());
        assert_eq!(public.kind(), key.kind());
    }
}
