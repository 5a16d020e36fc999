use der::asn1::ObjectIdentifier;
use signhere_pki::{
    cert::{Certificate, CertificateError, San},
    chain::{Chain, ChainError, Purpose},
    fulcio,
    key::{KeyKind, PrivateKey, PublicKey},
    sct::{self, Sct, SctError, SctList},
};

use crate::make::{
    AT, CODE_SIGNING, ECDSA_SHA384, Parts, alternative_names, email, extension, hex, key, name,
    octets, purpose, seq, tlv,
};

const SCT_LIST: &str = "060a2b06010401d679020402";

fn usual() -> Vec<Vec<u8>> {
    vec![
        alternative_names(&[&email("ada@example.test")]),
        purpose(CODE_SIGNING),
    ]
}

#[test]
fn what_is_made_by_hand_is_good_until_it_is_changed() {
    let (ca, signer) = (key(), key());
    let root = Parts::root(&ca).certificate(&ca);
    let leaf = Parts::leaf(&signer, &usual()).certificate(&ca);
    let chain = Chain::new(std::slice::from_ref(&root)).unwrap();
    assert_eq!(
        chain.verify_leaf(&leaf, AT, Purpose::CodeSigning),
        Ok(&root)
    );
}

#[test]
fn forms_that_rfc_5280_does_not_have_are_not_read() {
    type Change = fn(&mut Parts);
    let (ca, signer) = (key(), key());
    let refused = |change: Change| {
        let mut parts = Parts::leaf(&signer, &usual());
        change(&mut parts);
        Certificate::from_der(&parts.signed(&ca)).unwrap_err()
    };
    let mismatch: [Change; 3] = [
        |parts| parts.outer_algorithm = seq(&[&hex(ECDSA_SHA384)]),
        |parts| parts.inner_algorithm = seq(&[&hex(ECDSA_SHA384)]),
        |parts| parts.outer_algorithm = seq(&[&parts.outer_algorithm[2..], &hex("0500")]),
    ];
    for change in mismatch {
        assert_eq!(refused(change), CertificateError::AlgorithmMismatch);
    }
    let version: [Change; 4] = [
        |parts| parts.version.clear(),
        |parts| parts.version = hex("a003020100"),
        |parts| parts.version = hex("a003020101"),
        |parts| parts.version = hex("a003020103"),
    ];
    for change in version {
        assert_eq!(refused(change), CertificateError::Version);
    }
    let oid = ObjectIdentifier::new_unwrap("2.5.29.17");
    assert_eq!(
        refused(|parts| {
            let other = alternative_names(&[&email("eve@example.test")]);
            parts.extensions.insert(0, other);
        }),
        CertificateError::DuplicateExtension { oid }
    );
    let malformed: [Change; 14] = [
        |parts| parts.unused_bits = 1,
        |parts| parts.after_signature = hex("0500"),
        |parts| parts.after_extensions = hex("0500"),
        |parts| parts.after_extensions = hex("a3023000"),
        |parts| parts.unique_ids = hex("810200ff"),
        |parts| parts.serial = hex("02020007"),
        |parts| parts.serial = hex("0200"),
        |parts| parts.version = hex("a00402020002"),
        |parts| parts.extensions.push(hex("0500")),
        // The default FALSE written out, and a TRUE that is not 0xff.
        |parts| parts.extensions[0] = seq(&[&hex("0603551d11010100"), &octets(&seq(&[]))]),
        |parts| parts.extensions[0] = seq(&[&hex("0603551d11010101"), &octets(&seq(&[]))]),
        // A path length of 256, which is not 0.
        |parts| parts.extensions[0] = extension("0603551d13", true, &hex("30070101ff02020100")),
        |parts| parts.extensions[0] = alternative_names(&[&email("ä@example.test")]),
        |parts| {
            let local = tlv(0x17, &[b"250101000000+0100"]);
            parts.validity = seq(&[&local, &local]);
        },
    ];
    for (index, change) in malformed.into_iter().enumerate() {
        let error = refused(change);
        assert!(
            matches!(error, CertificateError::Malformed(_)),
            "{index}: {error}"
        );
    }
}

#[test]
fn indefinite_and_overlong_lengths_are_not_read() {
    let ca = key();
    let der = Parts::leaf(&ca, &usual()).signed(&ca);
    assert_eq!(der[1], 0x82);
    let indefinite = [&[0x30, 0x80], &der[4..], &[0, 0]].concat();
    let overlong = [&[0x30, 0x83, 0], &der[2..]].concat();
    let trailing = [&der[..], &[0]].concat();
    for der in [indefinite, overlong, trailing] {
        let error = Certificate::from_der(&der).unwrap_err();
        assert!(matches!(error, CertificateError::Malformed(_)), "{error}");
    }
}

#[test]
fn a_name_counts_only_if_it_is_the_only_one_and_whole() {
    let ca = key();
    let san = |names: &[&[u8]]| {
        let extensions = [alternative_names(names), purpose(CODE_SIGNING)];
        Parts::leaf(&ca, &extensions).certificate(&ca).san()
    };
    let ada = email("ada@example.test");
    let whole = |address: &str| Some(San::Email(address.to_owned()));
    assert_eq!(san(&[&ada]), whole("ada@example.test"));
    // Nothing is cut at a NUL or trimmed.
    for address in [
        "ada@example.test\0",
        "ada@example.test\0.evil",
        " ada@example.test",
    ] {
        assert_eq!(san(&[&email(address)]), whole(address));
    }
    let ip = tlv(0x87, &[&[127, 0, 0, 1]]);
    let directory = tlv(0xa4, &[&name("ada@example.test")]);
    // An otherName whose value is not a UTF8String.
    let other = tlv(
        0xa0,
        &[&hex("06032a0304"), &tlv(0xa0, &[&tlv(0x16, &[b"ada"])])],
    );
    for second in [&ada, &ip, &directory, &other] {
        assert_eq!(san(&[&ada, second]), None);
        assert_eq!(san(&[second, &ada]), None);
    }
    for only in [&ip, &directory, &other] {
        assert_eq!(san(&[only]), None);
    }
    assert_eq!(san(&[]), None);
}

#[test]
fn the_issuer_is_not_read_from_the_old_extension_beside_a_broken_new_one() {
    let ca = key();
    let issuer = |extensions: &[Vec<u8>]| {
        let certificate = Parts::leaf(&ca, extensions).certificate(&ca);
        fulcio::issuer(&certificate)
    };
    let old = extension("060a2b0601040183bf300101", false, b"https://old.test");
    let new = |value: &[u8]| extension("060a2b0601040183bf300108", false, value);
    let good = new(&tlv(0x0c, &[b"https://new.test"]));
    let expected = Some("https://new.test".to_owned());
    assert_eq!(issuer(&[old.clone(), good]), expected);
    let broken = [
        tlv(0x16, &[b"https://old.test"]),
        tlv(0x0c, &[&[0xff]]),
        [tlv(0x0c, &[b"https://old.test"]), vec![0]].concat(),
        b"https://old.test".to_vec(),
        Vec::new(),
    ];
    for value in broken {
        assert_eq!(issuer(&[old.clone(), new(&value)]), None);
    }
    assert_eq!(issuer(&[old]), Some("https://old.test".to_owned()));
}

#[test]
fn numbers_beyond_what_is_counted_do_not_panic() {
    let ca = key();
    // 1.3.6.1.4.1.57264.1 and a number of 35 bits; a number of 32 bits under the arc.
    for oid in [
        "060e2b0601040183bf3001ffffffff7f",
        "060e2b0601040183bf30018fffffff7f",
    ] {
        let extensions = [extension(oid, false, &tlv(0x0c, &[b"x"]))];
        let read = Certificate::from_der(&Parts::leaf(&ca, &extensions).signed(&ca));
        if let Ok(certificate) = read {
            assert!(fulcio::all(&certificate).len() <= 1);
            assert!(!format!("{certificate:?}").is_empty());
        }
    }
    let negative = Parts {
        serial: hex("0201ff"),
        ..Parts::leaf(&ca, &usual())
    };
    assert_eq!(negative.certificate(&ca).serial_hex(), "ff");
}

#[test]
fn a_signature_of_another_kind_of_key_is_not_tried() {
    let (ca, signer) = (key(), key());
    let root = Parts::root(&ca).certificate(&ca);
    let chain = Chain::new(std::slice::from_ref(&root)).unwrap();
    let algorithms = [
        "06092a864886f70d01010b", // sha256WithRSAEncryption
        "06032b6570",             // Ed25519
        "06072a8648ce3d0201",     // id-ecPublicKey, which names no hash
        "06072a8648ce3d0401",     // ecdsa-with-SHA1
    ];
    for algorithm in algorithms {
        let algorithm = seq(&[&hex(algorithm)]);
        let leaf = Parts {
            inner_algorithm: algorithm.clone(),
            outer_algorithm: algorithm,
            ..Parts::leaf(&signer, &usual())
        };
        assert!(matches!(
            chain.verify_leaf(&leaf.certificate(&ca), AT, Purpose::CodeSigning),
            Err(ChainError::SignatureAlgorithm { .. })
        ));
    }
}

#[test]
fn keys_that_prove_nothing_are_not_read() {
    // An even modulus of 2048 bits.
    let even = [&[0xff; 255][..], &[0xfe]].concat();
    let exponent = [1, 0, 1];
    assert!(PublicKey::from_rsa_components(&even, &exponent).is_err());
    for exponent in [&[1][..], &[2], &[3], &[1, 0, 2]] {
        assert!(PublicKey::from_rsa_components(&[0xff; 256], exponent).is_err());
    }
    // The eight points of small order of Ed25519, and their other encodings (RFC 8032 section 5.1.3).
    let small = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    for point in small {
        assert!(
            PublicKey::from_ed25519_bytes(&hex(point)).is_err(),
            "{point}"
        );
    }
    // Coordinates of zero, and beyond the field.
    for coordinate in [0, 0xff] {
        let point = [&[4][..], &[coordinate; 64]].concat();
        assert!(PublicKey::from_ec_point(KeyKind::P256, &point).is_err());
    }
}

/// A list of timestamps as TLS writes it, in its OCTET STRING.
fn list(scts: &[u8]) -> Vec<u8> {
    let length = u16::try_from(scts.len()).unwrap().to_be_bytes();
    octets(&[&length[..], scts].concat())
}

fn entry(sct: &[u8]) -> Vec<u8> {
    let length = u16::try_from(sct.len()).unwrap().to_be_bytes();
    [&length[..], sct].concat()
}

fn promise(log: &PrivateKey, tbs: &[u8], issuer: &Certificate) -> Sct {
    let hash = signhere_pki::digest::sha256(issuer.spki_der());
    Sct::sign(log, tbs, &hash, 1_893_456_000_000, Vec::new()).unwrap()
}

#[test]
fn the_signed_part_is_rebuilt_whatever_its_length() {
    let (ca, log) = (key(), key());
    let root = Parts::root(&ca).certificate(&ca);
    // Lengths around which the encoding of a length, of the extension and of what holds it, grows.
    for padding in (0..300).chain(65_000 - 500..65_000 - 490).step_by(3) {
        let mut extensions = usual();
        extensions.insert(1, extension("06032a0304", false, &vec![0; padding]));
        let before = Parts::leaf(&ca, &extensions);
        let sct = promise(&log, &before.tbs(), &root);
        for position in [0, 1, 3] {
            let mut after = before.clone();
            let value = SctList::to_list_extension(std::slice::from_ref(&sct)).unwrap();
            let embedded = extension(SCT_LIST, false, &value);
            after.extensions.insert(position, embedded);
            let certificate = after.certificate(&ca);
            assert_eq!(sct::precert_tbs(&certificate), Ok(before.tbs()));
            let read = SctList::from_certificate(&certificate).unwrap();
            assert_eq!(read.as_slice(), std::slice::from_ref(&sct));
            assert_eq!(sct.verify(&certificate, &root, log.public_key()), Ok(()));
        }
    }
}

#[test]
fn lists_with_anything_left_over_are_not_read() {
    let (ca, log) = (key(), key());
    let root = Parts::root(&ca).certificate(&ca);
    let good = promise(&log, b"tbs", &root).to_bytes().unwrap();
    let two = [entry(&good), entry(&good)].concat();
    let read = SctList::from_extension(&list(&two)).unwrap();
    assert_eq!(read.as_slice().len(), 2);

    let trailing = [&good[..], &[0]].concat();
    let mut beyond = list(&entry(&good));
    beyond[3] += 1; // the list's own length
    let malformed = [
        list(&[]),
        list(&[0]),
        list(&[0, 0]),
        list(&entry(&trailing)),
        list(&entry(&good[..good.len() - 1])),
        list(&[entry(&good), vec![0]].concat()),
        [list(&entry(&good)), vec![0]].concat(),
        octets(&[&two.len().to_be_bytes()[6..], &two, &[0]].concat()),
        octets(&[]),
        beyond,
        entry(&good),
    ];
    for value in malformed {
        let refused = SctList::from_extension(&value);
        assert_eq!(refused, Err(SctError::Malformed), "{}", hex::encode(value));
    }
    let mut later = good.clone();
    later[0] = 1;
    let refused = SctList::from_extension(&list(&entry(&later)));
    assert_eq!(refused, Err(SctError::Version));
    let many = entry(&good).repeat(33);
    let refused = SctList::from_extension(&list(&many));
    assert_eq!(refused, Err(SctError::TooMany));
}
