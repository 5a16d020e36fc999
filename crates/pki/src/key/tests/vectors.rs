//! Keys and signatures that others made. The files are described in testdata/keys/README.md.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

macro_rules! key_file {
    ($name:literal) => {
        include_str!(concat!("../../../../../testdata/keys/", $name))
    };
}

#[test]
fn ed25519ph_of_rfc_8032() {
    // RFC 8032 section 7.3.
    let hex = |text| hex::decode(text).unwrap();
    let key = hex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf");
    let key = PublicKey::from_ed25519_bytes(&key).unwrap();
    let signature = hex(
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41\
         31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
    );
    assert_eq!(key.verify(Scheme::Ed25519ph, b"abc", &signature), Ok(()));
    let digest = HashAlgorithm::Sha512.digest(b"abc");
    assert_eq!(
        key.verify_digest(Scheme::Ed25519ph, &digest, &signature),
        Ok(())
    );
    assert_eq!(
        key.verify(Scheme::Ed25519, b"abc", &signature),
        Err(KeyError::BadSignature)
    );
}

#[test]
fn ed25519_of_rfc_8032() {
    // RFC 8032 section 7.1, test 3.
    let hex = |text| hex::decode(text).unwrap();
    let key = hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
    let key = PublicKey::from_ed25519_bytes(&key).unwrap();
    let signature = hex(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
         18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    );
    assert_eq!(
        key.verify(Scheme::Ed25519, &[0xaf, 0x82], &signature),
        Ok(())
    );
    assert_eq!(
        key.verify(Scheme::Ed25519ph, &[0xaf, 0x82], &signature),
        Err(KeyError::BadSignature)
    );
}

#[test]
fn rsa_signatures_that_go_made() {
    // crypto/rsa of Go 1.26 over the SHA-256 of `message`: SignPKCS1v15, and SignPSS with the salt as long as
    // the hash, as long as possible (Go's default), and of 20 bytes (RFC 8017's default).
    let key = PublicKey::from_pem(key_file!("rsa2048-pkcs1.pub")).unwrap();
    let verdict =
        |scheme, base64| key.verify(scheme, b"message", &STANDARD.decode(base64).unwrap());
    let bad = Err(KeyError::BadSignature);
    let pkcs1 = "eCWPztf9eA+ffxPWHN3jBtKjjEfn1hLMQMgIqXnrgKOCcQx6fOmYrWU1ljjLcxMYiVrRdBI7jbrfM5Z9bvOPruXMYj6fNPMDmg4N\
        nf8EqMa51f+UsHhzoaQreuaOGgiRxu5BAk9BGH/bThR4dunRKb1uJgrfQRtrUK04xEeL7RNOiMP7N9FWAHcX39IVb+awNtbJJmWn\
        Ewb+3HwY2pWKMYH6DSKVI0gTIyrizQQeT37Ijwh7q4J07V8Xj4blwGG1sQJ3FX7HtqdEexokBmQQXEND5PYYIO4KmexQJ39GkvGM\
        QNmHg+aWEJ5ElFS29K3oUkTES5xfwk0abiwZpRgaMw==";
    assert_eq!(verdict(Scheme::RsaPkcs1Sha256, pkcs1), Ok(()));
    assert_eq!(verdict(Scheme::RsaPkcs1Sha512, pkcs1), bad);
    assert_eq!(verdict(Scheme::RsaPssSha256, pkcs1), bad);
    let pss = "RyOwGd0Ia0C1GEyfiH64ZhuXP01ACTHMyB3L/lmC1dRFh7nt3BuPV087p0LvB6wbUqPU/IxBK5pbRYKLAWxt2qClYgj6FC9YjCkN\
        JaMUdJHa1WYyEcko0J5XJGAk9K3kdm346flZQIh1icHOsglGyIpUuYrEPMTh7kTLzX6Vx3zEZk0ELYs1vNtxYubuLJrKy69+eab8\
        Hq4j7WsOkkSTc2l+zWy/bkPUz3GBihdTwJgayXXpwtfMmlxPwPaI3sbnw58u/yvZbQTQroTUMMCODUaOwfKZuUKlyJXBeIKO23CR\
        F93cl+HCYTa9brUIxDjJfSf65tIkekhtfz6aDIncaA==";
    assert_eq!(verdict(Scheme::RsaPssSha256, pss), Ok(()));
    assert_eq!(verdict(Scheme::RsaPssSha384, pss), bad);
    assert_eq!(verdict(Scheme::RsaPkcs1Sha256, pss), bad);
    let longest = "Sx+bPL6/D1i+ZEVhkcOQ1gcn4i9/F1bPFBqTISzsTHtRrBTn/sI3AvRp72w3gS3iRTfCDQkbuSLkqpxF06m0qEjximoPV18djGMz\
        fCuKP92SXoiZMin9W2WaeDbCL9nSeVBXMdDrDq+10WWN7WT7og77DEhQRGxHTwsdnKUgJzpmVHgSDkhC1D10wRcbO+MFRgGb8lVh\
        3lw5fOjQXV439n4grbSPMKtJm3Al6dryjFuqiKS6IODvyKr1+xdIYRqalT0LQeyfZIDQQmQO60aMWsXG3j6c6w63J5iinvaLByfl\
        Kfc1NoXe2bxGw1aNcI1eSEgXDpOLG8x+lUOKKSjUZQ==";
    assert_eq!(verdict(Scheme::RsaPssSha256, longest), Ok(()));
    let short = "n6HnvsvUte17JAESWbaUum2AN6GB6+dnKtknMimd6aG3u8P+37ZkN8eqafNBC4ZdoTQBldwUyHN0FYlWzYYluBoUrRVYwziw+50z\
        vaeYTI9lbfFctD7iGMMAOE7Go/RjKyAKp/jY90JtsNRe87vhXipLNtXUGBwh+wBWaooez+UB6MPOFfCQCkMvmK7PTl1Uu16iPXbB\
        EnennJPPKbrJwRwKu5Ua2VIB3V7UC1fM6Nn0gGsrUzB71xINVQO7TOcfWm2oBfX7cWVb8/8sC6mjQUZZhuCeTO/U/npWNuZkEo+i\
        LH4ncjJZd5lm2mz54qTmsUETYIUgOIrWLVn23xzOgg==";
    assert_eq!(verdict(Scheme::RsaPssSha256, short), bad);
}

#[test]
fn private_keys_that_others_wrote() {
    for (private, public, kind) in [
        (
            key_file!("rsa2048-pkcs1.key"),
            key_file!("rsa2048-pkcs1.pub"),
            KeyKind::Rsa2048,
        ),
        (
            key_file!("p521-sec1.key"),
            key_file!("p521-sec1.pub"),
            KeyKind::P521,
        ),
        (
            key_file!("p384-with-parameters.key"),
            key_file!("p384-with-parameters.pub"),
            KeyKind::P384,
        ),
    ] {
        let key = PrivateKey::from_pem(private).unwrap();
        assert_eq!(key.kind(), kind);
        assert_eq!(*key.public_key(), PublicKey::from_pem(public).unwrap());
    }
}

#[test]
fn unsupported_keys_are_refused_by_name() {
    let algorithm = |oid: &str| KeyError::UnsupportedAlgorithm {
        oid: oid.to_owned(),
    };
    for (file, expected) in [
        (key_file!("ed448.pub"), algorithm("1.3.101.113")),
        (
            key_file!("rsa-pss-restricted.pub"),
            algorithm("1.2.840.113549.1.1.10"),
        ),
        (
            key_file!("secp256k1.pub"),
            KeyError::UnsupportedCurve {
                oid: "1.3.132.0.10".to_owned(),
            },
        ),
        (
            key_file!("p256-compressed.pub"),
            KeyError::Malformed { what: "EC point" },
        ),
        (
            key_file!("p256-explicit.pub"),
            KeyError::Malformed {
                what: "named curve",
            },
        ),
        (
            key_file!("rsa1024.pub"),
            KeyError::UnsupportedRsaSize { bits: 1024 },
        ),
        (
            key_file!("rsa2560.pub"),
            KeyError::UnsupportedRsaSize { bits: 2560 },
        ),
        (
            key_file!("rsa2048-exponent3.pub"),
            KeyError::UnsupportedRsaExponent,
        ),
    ] {
        assert_eq!(PublicKey::from_pem(file), Err(expected));
    }
}
