use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

mod vectors;

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
fn signers() -> Vec<PrivateKey> {
    KEYS.iter()
        .flat_map(|key| {
            Scheme::ALL
                .into_iter()
                .filter_map(|scheme| key.with_scheme(scheme).ok())
        })
        .collect()
}

#[test]
fn every_scheme_signs_and_verifies() {
    assert_eq!(signers().len(), 11);
    for signer in signers() {
        let scheme = signer.scheme();
        let key = signer.public_key();
        let signature = signer.sign(b"message").unwrap();
        assert_eq!(
            key.verify(scheme, b"message", &signature),
            Ok(()),
            "{scheme}"
        );
        let another = Err(KeyError::BadSignature);
        assert_eq!(
            key.verify(scheme, b"another", &signature),
            another,
            "{scheme}"
        );

        let Some(hash) = scheme.hash() else {
            let digest = HashAlgorithm::Sha512.digest(b"message");
            let refused = KeyError::NeedsMessage { scheme };
            assert_eq!(signer.sign_digest(&digest), Err(refused.clone()));
            assert_eq!(key.verify_digest(scheme, &digest, &signature), Err(refused));
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
        let digest = hash.digest(b"another");
        assert_eq!(
            key.verify_digest(scheme, &digest, &signature),
            another,
            "{scheme}"
        );
    }
}

#[test]
fn schemes_are_held_apart() {
    for signer in signers() {
        let signature = signer.sign(b"message").unwrap();
        for key in KEYS.iter() {
            for scheme in Scheme::ALL {
                let found = key.public_key().verify(scheme, b"message", &signature);
                let kind = key.kind();
                let expected = match (
                    scheme.fits(kind),
                    scheme == signer.scheme() && kind == signer.kind(),
                ) {
                    (false, _) => Err(KeyError::SchemeMismatch { scheme, kind }),
                    (true, false) => Err(KeyError::BadSignature),
                    (true, true) => Ok(()),
                };
                assert_eq!(found, expected, "{} read as {scheme}", signer.scheme());
            }
        }
    }
}

#[test]
fn digests_of_another_hash_are_refused() {
    for signer in signers() {
        let scheme = signer.scheme();
        let Some(expected) = scheme.hash() else {
            continue;
        };
        for found in HashAlgorithm::ALL
            .into_iter()
            .filter(|hash| *hash != expected)
        {
            let refused = KeyError::HashMismatch { expected, found };
            let digest = found.digest(b"message");
            assert_eq!(signer.sign_digest(&digest), Err(refused.clone()));
            assert_eq!(
                signer.public_key().verify_digest(scheme, &digest, b""),
                Err(refused)
            );
        }
    }
}

#[test]
fn schemes_that_are_only_verified_do_not_sign() {
    for key in KEYS.iter() {
        for scheme in Scheme::ALL {
            let kind = key.kind();
            let found = key.with_scheme(scheme).map(|signer| signer.scheme());
            let deprecated_or_foreign =
                Scheme::ecdsa(kind, scheme.hash().unwrap_or(HashAlgorithm::Sha256)) == Some(scheme)
                    && scheme != kind.default_scheme();
            let expected = match (scheme.fits(kind), deprecated_or_foreign) {
                (false, _) => Err(KeyError::SchemeMismatch { scheme, kind }),
                (true, true) => Err(KeyError::VerifiedOnly { scheme }),
                (true, false) => Ok(scheme),
            };
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn keys_survive_writing_and_reading() {
    for key in KEYS.iter() {
        let read = PrivateKey::from_pem(&key.to_pkcs8_pem().unwrap()).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        let signature = read.sign(b"message").unwrap();
        assert_eq!(
            key.public_key()
                .verify(read.scheme(), b"message", &signature),
            Ok(())
        );

        let public = PublicKey::from_pem(&key.public_key().to_pem()).unwrap();
        assert_eq!(public, *key.public_key());
        assert_eq!(public.kind(), key.kind());
        assert_eq!(public.key_id(), crate::digest::sha256(public.spki_der()));
        let again = match (public.kind(), public.rsa_components()) {
            (KeyKind::Ed25519, None) => PublicKey::from_ed25519_bytes(public.key_bytes()),
            (kind, None) => PublicKey::from_ec_point(kind, public.key_bytes()),
            (_, Some((modulus, exponent))) => PublicKey::from_rsa_components(modulus, exponent),
        };
        assert_eq!(again, Ok(public));
    }
}

#[test]
fn rsa_keys_of_every_size_are_made() {
    for (kind, modulus_len) in [(KeyKind::Rsa3072, 384), (KeyKind::Rsa4096, 512)] {
        let key = PrivateKey::generate(kind).unwrap();
        assert_eq!(key.kind(), kind);
        assert_eq!(key.sign(b"message").unwrap().len(), modulus_len);
    }
}

#[test]
fn keys_that_are_no_keys_are_refused() {
    let rejected = Err(KeyError::Rejected);
    let malformed = |what| Err(KeyError::Malformed { what });
    let off_the_curve = [&[4][..], &[1; 64]].concat();
    assert_eq!(
        PublicKey::from_ec_point(KeyKind::P256, &off_the_curve),
        rejected
    );
    assert_eq!(
        PublicKey::from_ec_point(KeyKind::P384, &off_the_curve),
        malformed("EC point")
    );
    assert_eq!(
        PublicKey::from_ec_point(KeyKind::P256, &[0]),
        malformed("EC point")
    );
    assert_eq!(
        PublicKey::from_ec_point(KeyKind::Ed25519, &[0; 32]),
        malformed("kind of EC key")
    );
    // The point of order 1, under which one signature fits every message.
    let neutral: Vec<u8> = (0..32).map(|i| u8::from(i == 0)).collect();
    assert_eq!(PublicKey::from_ed25519_bytes(&neutral), rejected);
    assert_eq!(PublicKey::from_ed25519_bytes(&[2; 31]), rejected);
    assert_eq!(
        PublicKey::from_rsa_components(&[0xff; 256], &[1, 0, 0, 1]),
        Err(KeyError::UnsupportedRsaExponent)
    );
    assert_eq!(
        PublicKey::from_rsa_components(&[], &[]),
        malformed("RSA integer")
    );
    assert_eq!(
        PublicKey::from_rsa_components(&[0, 0xff], &[1, 0, 1]),
        malformed("RSA integer")
    );
    assert_eq!(
        PublicKey::from_rsa_components(&[0xff; 1024], &[1, 0, 1]),
        Err(KeyError::UnsupportedRsaSize { bits: 8192 })
    );
    assert_eq!(
        PublicKey::from_spki_der(&[0x30; 1025]),
        Err(KeyError::TooLong {
            limit: 1024,
            found: 1025
        })
    );
    assert_eq!(
        PrivateKey::from_pkcs8_der(&[0x30; 4097]).unwrap_err(),
        KeyError::TooLong {
            limit: 4096,
            found: 4097
        }
    );
}

#[test]
fn private_keys_whose_halves_differ_are_refused() {
    let [one, two] = [(); 2].map(|()| PrivateKey::generate(KeyKind::P256).unwrap());
    let mut pkcs8 = one.to_pkcs8_der().unwrap().to_vec();
    let start = pkcs8.len() - one.public_key().key_bytes().len();
    assert_eq!(&pkcs8[start..], one.public_key().key_bytes());
    pkcs8[start..].copy_from_slice(two.public_key().key_bytes());
    assert_eq!(
        PrivateKey::from_pkcs8_der(&pkcs8).unwrap_err(),
        KeyError::Rejected
    );
}

#[test]
fn other_pem_blocks_are_refused() {
    let label = |expected: &str, found: &str| {
        KeyError::Pem(PemError::Label {
            expected: expected.to_owned(),
            found: found.to_owned(),
        })
    };
    let private = KEYS[0].to_pkcs8_pem().unwrap();
    let public = KEYS[0].public_key().to_pem();
    assert_eq!(
        PublicKey::from_pem(&private),
        Err(label("PUBLIC KEY", "PRIVATE KEY"))
    );
    assert_eq!(
        PrivateKey::from_pem(&public).unwrap_err(),
        label("PRIVATE KEY", "PUBLIC KEY")
    );
    let two = [private.as_str(), private.as_str()].concat();
    let several = KeyError::Pem(PemError::SeveralBlocks { found: 2 });
    assert_eq!(PrivateKey::from_pem(&two).unwrap_err(), several);
}

#[test]
fn debug_shows_no_secret() {
    for key in KEYS.iter() {
        assert_eq!(
            format!("{key:?}"),
            format!("PrivateKey {{ kind: {:?}, .. }}", key.kind())
        );
    }
}

#[test]
fn details_are_named_and_numbered_as_in_protobuf() {
    for (number, name, scheme, kinds) in [
        (1, "PKCS1_RSA_PKCS1V5", Scheme::RsaPkcs1Sha256, &RSA[..]),
        (2, "PKCS1_RSA_PSS", Scheme::RsaPssSha256, &RSA[..]),
        (3, "PKIX_RSA_PKCS1V5", Scheme::RsaPkcs1Sha256, &RSA[..]),
        (4, "PKIX_RSA_PSS", Scheme::RsaPssSha256, &RSA[..]),
        (
            5,
            "PKIX_ECDSA_P256_SHA_256",
            Scheme::EcdsaP256Sha256,
            &[KeyKind::P256][..],
        ),
        (
            6,
            "PKIX_ECDSA_P256_HMAC_SHA_256",
            Scheme::EcdsaP256Sha256,
            &[KeyKind::P256],
        ),
        (7, "PKIX_ED25519", Scheme::Ed25519, &[KeyKind::Ed25519]),
        (8, "PKIX_ED25519_PH", Scheme::Ed25519ph, &[KeyKind::Ed25519]),
        (
            9,
            "PKIX_RSA_PKCS1V15_2048_SHA256",
            Scheme::RsaPkcs1Sha256,
            &[KeyKind::Rsa2048],
        ),
        (
            10,
            "PKIX_RSA_PKCS1V15_3072_SHA256",
            Scheme::RsaPkcs1Sha256,
            &[KeyKind::Rsa3072],
        ),
        (
            11,
            "PKIX_RSA_PKCS1V15_4096_SHA256",
            Scheme::RsaPkcs1Sha256,
            &[KeyKind::Rsa4096],
        ),
        (
            12,
            "PKIX_ECDSA_P384_SHA_384",
            Scheme::EcdsaP384Sha384,
            &[KeyKind::P384],
        ),
        (
            13,
            "PKIX_ECDSA_P521_SHA_512",
            Scheme::EcdsaP521Sha512,
            &[KeyKind::P521],
        ),
        (
            16,
            "PKIX_RSA_PSS_2048_SHA256",
            Scheme::RsaPssSha256,
            &[KeyKind::Rsa2048],
        ),
        (
            17,
            "PKIX_RSA_PSS_3072_SHA256",
            Scheme::RsaPssSha256,
            &[KeyKind::Rsa3072],
        ),
        (
            18,
            "PKIX_RSA_PSS_4096_SHA256",
            Scheme::RsaPssSha256,
            &[KeyKind::Rsa4096],
        ),
        (
            19,
            "PKIX_ECDSA_P384_SHA_256",
            Scheme::EcdsaP384Sha256,
            &[KeyKind::P384],
        ),
        (
            20,
            "PKIX_ECDSA_P521_SHA_256",
            Scheme::EcdsaP521Sha256,
            &[KeyKind::P521],
        ),
    ] {
        let details = KeyDetails::from_name(name).unwrap();
        assert_eq!(KeyDetails::from_number(number), Ok(details));
        assert_eq!(
            (
                i64::from(details.number()),
                details.name(),
                details.scheme()
            ),
            (number, name, scheme)
        );
        for kind in KeyKind::ALL {
            assert_eq!(details.admits(kind), kinds.contains(&kind), "{name} {kind}");
        }
    }
    for number in [0, 14, 15, 21, 22, 23, -1, 256 + 5, i64::MAX] {
        let found = number.to_string();
        assert_eq!(
            KeyDetails::from_number(number),
            Err(KeyError::UnsupportedDetails { found })
        );
    }
    let found = "pkix_ed25519".to_owned();
    assert_eq!(
        KeyDetails::from_name(&found),
        Err(KeyError::UnsupportedDetails { found })
    );
}

const RSA: [KeyKind; 3] = [KeyKind::Rsa2048, KeyKind::Rsa3072, KeyKind::Rsa4096];

#[test]
fn details_of_a_key_are_the_current_ones() {
    for kind in KeyKind::ALL {
        let details = KeyDetails::of(kind.default_scheme(), kind).unwrap();
        assert!(details.admits(kind));
        assert_eq!(details.scheme(), kind.default_scheme());
    }
    let p256 = KeyDetails::of(Scheme::EcdsaP256Sha256, KeyKind::P256).unwrap();
    assert_eq!(p256.name(), "PKIX_ECDSA_P256_SHA_256");
    assert_eq!(
        KeyDetails::of(Scheme::RsaPkcs1Sha512, KeyKind::Rsa2048),
        None
    );
    assert_eq!(KeyDetails::of(Scheme::Ed25519, KeyKind::P256), None);
}

#[test]
fn details_read_the_keys_they_describe() {
    let details = |name| KeyDetails::from_name(name).unwrap();
    let [ecdsa, .., rsa] = KEYS.as_slice() else {
        unreachable!()
    };
    let (ecdsa, rsa) = (ecdsa.public_key(), rsa.public_key());
    let p256 = details("PKIX_ECDSA_P256_SHA_256");
    let p384 = details("PKIX_ECDSA_P384_SHA_384");
    assert_eq!(p256.read_key(ecdsa.spki_der()).as_ref(), Ok(ecdsa));
    assert_eq!(
        p384.read_key(ecdsa.spki_der()),
        Err(KeyError::KindMismatch {
            expected: p384,
            found: KeyKind::P256
        })
    );
    assert_eq!(
        details("PKCS1_RSA_PKCS1V5")
            .read_key(rsa.key_bytes())
            .as_ref(),
        Ok(rsa)
    );
    assert_eq!(
        details("PKIX_RSA_PKCS1V5")
            .read_key(rsa.spki_der())
            .as_ref(),
        Ok(rsa)
    );
    let malformed = |what| Err(KeyError::Malformed { what });
    assert_eq!(
        details("PKCS1_RSA_PKCS1V5").read_key(rsa.spki_der()),
        malformed("RSAPublicKey")
    );
    assert_eq!(
        details("PKIX_RSA_PKCS1V5").read_key(rsa.key_bytes()),
        malformed("SubjectPublicKeyInfo")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// No signature survives a change of one of its bytes, or of its length.
    #[test]
    fn changed_signatures_are_refused(position: prop::sample::Index, change in 1..=255u8, extra in any::<u8>()) {
        for signer in signers() {
            let scheme = signer.scheme();
            let verdict = |signature: &[u8]| signer.public_key().verify(scheme, b"message", signature);
            let signature = signer.sign(b"message").unwrap();
            let mut changed = signature.clone();
            changed[position.index(signature.len())] ^= change;
            prop_assert_eq!(verdict(&changed), Err(KeyError::BadSignature), "{}", scheme);
            let cut = &signature[..position.index(signature.len())];
            prop_assert_eq!(verdict(cut), Err(KeyError::BadSignature), "{}", scheme);
            let longer = [signature.as_slice(), &[extra]].concat();
            prop_assert_eq!(verdict(&longer), Err(KeyError::BadSignature), "{}", scheme);
        }
    }

    /// A changed public key is refused, or is another key that verifies nothing of the first one's.
    #[test]
    fn changed_public_keys_verify_nothing(position: prop::sample::Index, change in 1..=255u8) {
        for signer in signers() {
            let scheme = signer.scheme();
            let mut spki = signer.public_key().spki_der().to_vec();
            spki[position.index(signer.public_key().spki_der().len())] ^= change;
            let signature = signer.sign(b"message").unwrap();
            if let Ok(key) = PublicKey::from_spki_der(&spki) {
                prop_assert_ne!(&key, signer.public_key());
                prop_assert!(key.verify(scheme, b"message", &signature).is_err());
            }
        }
    }

    /// Whatever is read, no reader panics, and what is accepted is its own one encoding.
    #[test]
    fn readers_hold(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,200}") {
        if let Ok(key) = PublicKey::from_spki_der(&bytes) {
            prop_assert_eq!(key.spki_der(), bytes.as_slice());
        }
        let _ = PublicKey::from_pkcs1_der(&bytes);
        let _ = PrivateKey::from_pkcs8_der(&bytes);
        let _ = PublicKey::from_pem(&text);
        let _ = PrivateKey::from_pem(&text);
    }

    /// A changed private key is refused, or signs for its own public half.
    #[test]
    fn changed_private_keys_are_whole_or_refused(position: prop::sample::Index, change in 1..=255u8) {
        for key in KEYS.iter() {
            let mut pkcs8 = key.to_pkcs8_der().unwrap();
            let at = position.index(pkcs8.len());
            pkcs8[at] ^= change;
            if let Ok(changed) = PrivateKey::from_pkcs8_der(&pkcs8) {
                let signature = changed.sign(b"message").unwrap();
                prop_assert_eq!(changed.public_key().verify(changed.scheme(), b"message", &signature), Ok(()));
            }
        }
    }
}
