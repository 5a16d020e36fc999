use std::cell::RefCell;

use signhere_pki::{
    build::{BuildError, CertificateAuthority, IssueError, LeafRequest},
    cert::San,
    chain::{Chain, ChainError, Purpose},
    fulcio,
    key::{KeyKind, PrivateKey},
    random::SystemRandom,
    sct::{POISON_EXTENSION, Sct, SctError, SctList, SignedEntry, precert_tbs},
    time::Validity,
};

use crate::support::{
    NOW, SCT_EXTENSIONS, intermediate, key, promise, request, root, subject, ten_minutes, years,
};

#[test]
fn a_leaf_of_every_kind_of_key_verifies() {
    for kind in [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Ed25519,
        KeyKind::Rsa2048,
    ] {
        let root = root(kind);
        let ca = intermediate(&root, kind);
        let chain = Chain::new(&[ca.certificate().clone(), root.certificate().clone()]).unwrap();
        let log = key(KeyKind::P256);
        let signer = PrivateKey::generate(kind).unwrap();
        let leaf = ca
            .issue(
                &request(signer.public_key()),
                &SystemRandom,
                |precertificate| promise(log.as_ref(), precertificate),
            )
            .unwrap();

        let issuer = chain.verify_leaf(&leaf, NOW, Purpose::CodeSigning).unwrap();
        assert_eq!(issuer, ca.certificate());
        assert_eq!(chain.issuer_of(&leaf), Some(issuer));
        let scts = SctList::from_certificate(&leaf).unwrap();
        let [sct] = scts.as_slice() else {
            panic!("{scts:?}")
        };
        assert_eq!(sct.timestamp_ms, 1_795_358_220_123);
        assert_eq!(sct.extensions, SCT_EXTENSIONS);
        sct.verify(&leaf, issuer, log.public_key()).unwrap();
        assert_eq!(&leaf.public_key().unwrap(), signer.public_key());
    }
}

#[test]
fn a_certificate_is_the_precertificate_with_timestamps_and_by_the_same_ca() {
    let root = root(KeyKind::P256);
    let ca = intermediate(&root, KeyKind::P256);
    let (log, signer) = (key(KeyKind::P256), key(KeyKind::P256));
    let request = request(signer.public_key());
    let precertificate = ca.precertify(&request, &SystemRandom).unwrap();
    let sct = promise(log.as_ref(), &precertificate).unwrap();
    let leaf = ca
        .complete(&precertificate, std::slice::from_ref(&sct))
        .unwrap();
    assert_eq!(precert_tbs(&leaf).as_deref(), Ok(precertificate.tbs()));
    assert_eq!(leaf.serial(), precertificate.certificate().serial());

    let other_key = intermediate(&root, KeyKind::P256);
    for other in [&root, &other_key] {
        let refused = other.complete(&precertificate, std::slice::from_ref(&sct));
        assert_eq!(refused, Err(BuildError::OtherKey));
    }
}

#[test]
fn the_parts_of_a_timestamp_are_those_that_a_log_answers_with() {
    let log = key(KeyKind::P256);
    let certificate = root(KeyKind::P256).certificate().der().to_vec();
    let entry = SignedEntry::Certificate(&certificate);
    let sct = Sct::sign_entry(log.as_ref(), entry, 7, vec![1, 2]).unwrap();
    sct.verify_entry(entry, log.public_key()).unwrap();
    let signed = sct.digitally_signed().unwrap();
    let parts = |signed: &[u8]| Sct::from_parts(sct.log_id, 7, vec![1, 2], signed);
    assert_eq!(parts(&signed).as_ref(), Ok(&sct));
    assert_eq!(parts(&signed[1..]), Err(SctError::Malformed));
    assert_eq!(
        parts(&[&signed[..], &[0]].concat()),
        Err(SctError::Malformed)
    );

    // The same bytes as another kind of entry are signed for as something else.
    let other = SignedEntry::Precertificate {
        tbs: &certificate,
        issuer_key_hash: &[0; 32],
    };
    let refused = sct.verify_entry(other, log.public_key());
    assert_eq!(refused, Err(SctError::SignatureInvalid));
}

#[test]
fn a_leaf_has_fulcios_profile() {
    let ca = root(KeyKind::P256);
    let log = key(KeyKind::P256);
    let signer = key(KeyKind::P256);
    let seen = RefCell::new(None);
    let leaf = ca
        .issue(
            &request(signer.public_key()),
            &SystemRandom,
            |precertificate| {
                seen.replace(Some(precertificate.clone()));
                promise(log.as_ref(), precertificate)
            },
        )
        .unwrap();

    assert_eq!(leaf.subject(), "");
    assert_eq!(leaf.san(), Some(San::Email("ada@example.test".to_owned())));
    assert_eq!(leaf.serial().len(), 20);
    assert_eq!(leaf.validity(), ten_minutes());
    assert!(!leaf.is_ca());
    assert_eq!(
        fulcio::issuer(&leaf).as_deref(),
        Some("https://issuer.test")
    );
    assert_eq!(
        fulcio::all(&leaf),
        [
            (1, "Issuer (V1)", "https://issuer.test".to_owned()),
            (8, "Issuer", "https://issuer.test".to_owned()),
            (24, "Token Subject", "ada".to_owned()),
        ]
    );
    let extensions: Vec<_> = leaf
        .extensions()
        .map(|(id, critical, _)| (id.to_string(), critical))
        .collect();
    assert_eq!(
        extensions,
        [
            ("2.5.29.15", true),
            ("2.5.29.37", false),
            ("2.5.29.14", false),
            ("2.5.29.35", false),
            ("2.5.29.17", true),
            ("1.3.6.1.4.1.57264.1.1", false),
            ("1.3.6.1.4.1.57264.1.8", false),
            ("1.3.6.1.4.1.57264.1.24", false),
            ("1.3.6.1.4.1.11129.2.4.2", false),
        ]
        .map(|(id, critical)| (id.to_owned(), critical))
    );

    let precertificate = seen.take().unwrap();
    let chain = Chain::new(&[ca.certificate().clone()]).unwrap();
    assert!(
        precertificate
            .certificate()
            .extension(&POISON_EXTENSION)
            .is_some()
    );
    assert_eq!(
        chain.verify_leaf(precertificate.certificate(), NOW, Purpose::CodeSigning),
        Err(ChainError::UnknownCriticalExtension {
            subject: "ada@example.test".to_owned(),
            oid: POISON_EXTENSION,
        })
    );
}

#[test]
fn a_user_name_is_an_other_name() {
    let ca = root(KeyKind::P256);
    let signer = key(KeyKind::P256);
    let san = San::OtherName {
        oid: fulcio::USERNAME,
        value: "ada!example.test".to_owned(),
    };
    let mut request = request(signer.public_key());
    request.san = san.clone();
    let leaf = crate::support::leaf(&ca, &request);
    assert_eq!(leaf.san(), Some(san));
}

#[test]
fn an_sct_holds_for_its_certificate_issuer_and_log_alone() {
    let ca = root(KeyKind::P256);
    let log = key(KeyKind::P256);
    let signer = key(KeyKind::P256);
    let issue = || {
        ca.issue(
            &request(signer.public_key()),
            &SystemRandom,
            |precertificate| promise(log.as_ref(), precertificate),
        )
        .unwrap()
    };
    let (leaf, other) = (issue(), issue());
    let [sct] = SctList::from_certificate(&leaf)
        .unwrap()
        .as_slice()
        .to_vec()
        .try_into()
        .unwrap();

    let issuer = ca.certificate();
    assert_eq!(sct.verify(&leaf, issuer, log.public_key()), Ok(()));
    assert_eq!(
        sct.verify(&other, issuer, log.public_key()),
        Err(SctError::SignatureInvalid)
    );
    assert_eq!(
        sct.verify(&leaf, &leaf, log.public_key()),
        Err(SctError::SignatureInvalid)
    );
    assert_eq!(
        sct.verify(&leaf, issuer, signer.public_key()),
        Err(SctError::OtherLog {
            expected: signer.public_key().key_id(),
            found: log.public_key().key_id(),
        })
    );
    for change in [
        |sct: &mut signhere_pki::sct::Sct| sct.timestamp_ms += 1,
        |sct: &mut signhere_pki::sct::Sct| sct.extensions.clear(),
    ] {
        let mut changed = sct.clone();
        change(&mut changed);
        assert_eq!(
            changed.verify(&leaf, issuer, log.public_key()),
            Err(SctError::SignatureInvalid)
        );
    }
}

#[test]
fn logs_sign_with_p256_or_rsa() {
    let ca = root(KeyKind::P256);
    let signer = key(KeyKind::P256);
    for (kind, expected) in [
        (KeyKind::Rsa2048, None),
        (KeyKind::P384, Some(SctError::LogKey)),
        (KeyKind::Ed25519, Some(SctError::LogKey)),
    ] {
        let log = key(kind);
        let result = ca.issue(
            &request(signer.public_key()),
            &SystemRandom,
            |precertificate| promise(log.as_ref(), precertificate),
        );
        match expected {
            Some(error) => assert_eq!(result, Err(IssueError::Log(error))),
            None => {
                let leaf = result.unwrap();
                let scts = SctList::from_certificate(&leaf).unwrap();
                assert_eq!(
                    scts.as_slice()[0].verify(&leaf, ca.certificate(), log.public_key()),
                    Ok(())
                );
            }
        }
    }
}

type Change = Box<dyn Fn(&mut LeafRequest<'_>)>;

#[test]
fn what_cannot_be_issued_is_refused_before_the_log_hears_of_it() {
    let ca = root(KeyKind::P256);
    let signer = key(KeyKind::P256);
    let long = Validity {
        start: NOW,
        end: Some(NOW.plus_seconds(11 * 365 * 24 * 3600)),
    };
    let backwards = Validity {
        start: NOW.plus_seconds(2),
        end: Some(NOW.plus_seconds(1)),
    };
    let endless = Validity {
        start: NOW,
        end: None,
    };
    let cut = "ada@example.test\0.evil";
    let cases: [(Change, BuildError); 6] = [
        (
            Box::new(move |request| request.san = San::Email(cut.to_owned())),
            BuildError::ControlCharacter {
                found: cut.to_owned(),
            },
        ),
        (
            Box::new(|request| request.san = San::Uri(String::new())),
            BuildError::EmptyName,
        ),
        (
            Box::new(move |request| request.validity = endless),
            BuildError::Validity,
        ),
        (
            Box::new(move |request| request.validity = backwards),
            BuildError::Validity,
        ),
        (
            Box::new(move |request| request.validity = long),
            BuildError::OutsideIssuer {
                expected: ca.certificate().validity(),
                found: long,
            },
        ),
        (
            Box::new(|request| {
                let again = request.extensions[0].clone();
                request.extensions.push(again);
            }),
            BuildError::Certificate(signhere_pki::cert::CertificateError::DuplicateExtension {
                oid: fulcio::ARC.push_arc(1).unwrap(),
            }),
        ),
    ];
    for (change, expected) in cases {
        let mut request = request(signer.public_key());
        change(&mut request);
        let result = ca.issue::<SctError>(&request, &SystemRandom, |_| panic!("asked the log"));
        assert_eq!(result, Err(IssueError::Build(expected)));
    }
}

#[test]
fn an_authority_needs_a_ca_certificate_and_its_key() {
    let ca = root(KeyKind::P256);
    let signer = PrivateKey::generate(KeyKind::P256).unwrap();
    let tsa = ca
        .issue_tsa(subject("tsa"), signer.public_key(), years(1), &SystemRandom)
        .unwrap();
    let error = |certificate| {
        CertificateAuthority::new(certificate, Box::new(signer.clone()))
            .map(drop)
            .unwrap_err()
    };
    assert_eq!(
        error(tsa),
        BuildError::NotCa {
            subject: "CN=tsa,O=example.test".to_owned()
        }
    );
    assert_eq!(error(ca.certificate().clone()), BuildError::OtherKey);
}

#[test]
fn a_validity_past_2049_is_written_and_read() {
    let validity = years(60);
    let ca = CertificateAuthority::create_root(
        subject("root"),
        key(KeyKind::P256),
        validity,
        &SystemRandom,
    )
    .unwrap();
    assert_eq!(ca.certificate().validity(), validity);
}
