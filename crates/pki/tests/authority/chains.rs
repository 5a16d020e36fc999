use signhere_pki::{
    build::CertificateAuthority,
    chain::{Chain, ChainError, MAX_CHAIN_LEN, Purpose},
    key::{KeyKind, PrivateKey},
    random::SystemRandom,
    time::Validity,
};

use crate::support::{
    NOW, intermediate, key, leaf, request, root, subject, ten_minutes, tsa, years,
};

const LEAF: &str = "ada@example.test";

#[test]
fn every_certificate_must_be_valid_at_the_time() {
    let root = root(KeyKind::P256);
    let ca_key = PrivateKey::generate(KeyKind::P256).unwrap();
    let ca = |validity| {
        root.create_intermediate(
            subject("intermediate"),
            Box::new(ca_key.clone()),
            validity,
            &SystemRandom,
        )
        .unwrap()
    };
    let narrow = ca(Validity {
        start: NOW.plus_seconds(120),
        end: Some(NOW.plus_seconds(480)),
    });
    let signer = key(KeyKind::P256);
    // Issued by the same key under a certificate with a longer life.
    let leaf = leaf(&ca(years(1)), &request(signer.public_key()));
    let chain = Chain::new(&[narrow.certificate().clone(), root.certificate().clone()]).unwrap();
    let at = |seconds| chain.verify_leaf(&leaf, NOW.plus_seconds(seconds), Purpose::CodeSigning);
    let not_yet_valid = |subject: &str, start, seconds| ChainError::NotYetValid {
        subject: subject.to_owned(),
        not_before: NOW.plus_seconds(start),
        at: NOW.plus_seconds(seconds),
    };
    let expired = |subject: &str, end, seconds| ChainError::Expired {
        subject: subject.to_owned(),
        not_after: NOW.plus_seconds(end),
        at: NOW.plus_seconds(seconds),
    };

    assert_eq!(at(-1), Err(not_yet_valid(LEAF, 0, -1)));
    assert_eq!(
        at(119),
        Err(not_yet_valid("CN=intermediate,O=example.test", 120, 119))
    );
    assert_eq!(at(120), Ok(narrow.certificate()));
    assert_eq!(at(480), Ok(narrow.certificate()));
    assert_eq!(
        at(481),
        Err(expired("CN=intermediate,O=example.test", 480, 481))
    );
    assert_eq!(at(601), Err(expired(LEAF, 600, 601)));
    for seconds in [-1, 119, 120, 480, 481, 601] {
        assert_eq!(
            chain.verify_validity(&leaf, NOW.plus_seconds(seconds)),
            at(seconds).map(drop)
        );
    }
}

#[test]
fn a_leaf_may_hang_under_any_ca_of_the_chain() {
    let root = root(KeyKind::P256);
    let expired = Validity {
        start: NOW,
        end: Some(NOW.plus_seconds(10)),
    };
    let ca = root
        .create_intermediate(
            subject("intermediate"),
            key(KeyKind::P256),
            expired,
            &SystemRandom,
        )
        .unwrap();
    let signer = key(KeyKind::P256);
    let leaf = leaf(&root, &request(signer.public_key()));
    let chain = Chain::new(&[ca.certificate().clone(), root.certificate().clone()]).unwrap();
    // What is not above the leaf does not matter to it.
    let at = NOW.plus_seconds(300);
    assert_eq!(
        chain.verify_leaf(&leaf, at, Purpose::CodeSigning),
        Ok(root.certificate())
    );
}

#[test]
fn a_leaf_of_another_issuer_is_refused() {
    let (ours, theirs) = (root(KeyKind::P256), root(KeyKind::P256));
    let signer = key(KeyKind::P256);
    let theirs_leaf = leaf(&theirs, &request(signer.public_key()));
    let chain = Chain::new(&[ours.certificate().clone()]).unwrap();
    assert_eq!(
        chain.verify_leaf(&theirs_leaf, NOW, Purpose::CodeSigning),
        Err(ChainError::SignatureInvalid {
            subject: LEAF.to_owned()
        })
    );

    let below = leaf(
        &intermediate(&ours, KeyKind::P256),
        &request(signer.public_key()),
    );
    assert_eq!(
        chain.verify_leaf(&below, NOW, Purpose::CodeSigning),
        Err(ChainError::IssuerMismatch {
            expected: "CN=root,O=example.test".to_owned(),
            found: "CN=intermediate,O=example.test".to_owned(),
        })
    );
}

#[test]
fn a_purpose_is_needed_and_nested() {
    let root = root(KeyKind::P256);
    let ca = intermediate(&root, KeyKind::P256);
    let signer = key(KeyKind::P256);
    let chain = Chain::new(&[ca.certificate().clone(), root.certificate().clone()]).unwrap();

    let code_signing = leaf(&ca, &request(signer.public_key()));
    let Err(ChainError::MissingEku {
        subject,
        expected,
        found,
    }) = chain.verify_leaf(&code_signing, NOW, Purpose::TimeStamping)
    else {
        panic!("a code signing leaf passed for a time stamping authority");
    };
    assert_eq!((subject.as_str(), expected), (LEAF, Purpose::TimeStamping));
    assert_eq!(found.len(), 1);

    // An intermediate for code signing issues a time stamping authority.
    let tsa = ca
        .issue_tsa(
            subject_tsa(),
            signer.public_key(),
            ten_minutes(),
            &SystemRandom,
        )
        .unwrap();
    let Err(ChainError::MissingEku { subject, .. }) =
        chain.verify_leaf(&tsa, NOW, Purpose::TimeStamping)
    else {
        panic!("the purpose was not nested");
    };
    assert_eq!(subject, "CN=intermediate,O=example.test");
}

fn subject_tsa() -> signhere_pki::build::Subject<'static> {
    subject("tsa")
}

#[test]
fn the_list_must_be_a_chain() {
    let root = root(KeyKind::P256);
    let ca = intermediate(&root, KeyKind::P256);
    let below = ca
        .create_intermediate(
            subject("below"),
            key(KeyKind::P256),
            ten_minutes(),
            &SystemRandom,
        )
        .unwrap();
    let [root, ca, below] = [&root, &ca, &below].map(|authority| authority.certificate().clone());
    let error = |list: &[_]| Chain::new(list).map(drop).unwrap_err();

    assert_eq!(error(&[]), ChainError::Empty);
    assert_eq!(
        error(&vec![root.clone(); MAX_CHAIN_LEN + 1]),
        ChainError::TooLong {
            found: MAX_CHAIN_LEN + 1,
            max: MAX_CHAIN_LEN
        }
    );
    assert_eq!(
        error(&[root.clone(), ca.clone()]),
        ChainError::IssuerMismatch {
            expected: "CN=intermediate,O=example.test".to_owned(),
            found: "CN=root,O=example.test".to_owned(),
        }
    );
    assert_eq!(
        error(&[below.clone(), ca.clone(), root.clone()]),
        ChainError::PathLength {
            subject: "CN=intermediate,O=example.test".to_owned(),
            max: 0,
            found: 1,
        }
    );
    let (tsa, tsa_root) = tsa(KeyKind::P256);
    let not_ca = ChainError::NotCa {
        subject: "CN=tsa,O=example.test".to_owned(),
    };
    assert_eq!(error(std::slice::from_ref(&tsa.certificate)), not_ca);
    assert_eq!(error(&[tsa_root.clone(), tsa.certificate.clone()]), not_ca);
    // The listed leaf is checked too: this root has the name, and not the key.
    assert_eq!(
        error(&[tsa.certificate, root]),
        ChainError::SignatureInvalid {
            subject: "CN=tsa,O=example.test".to_owned()
        }
    );
}

#[test]
fn a_ca_is_no_leaf() {
    let root = root(KeyKind::P256);
    let ca = intermediate(&root, KeyKind::P256);
    let chain = Chain::new(&[root.certificate().clone()]).unwrap();
    assert_eq!(
        chain.verify_leaf(ca.certificate(), NOW, Purpose::CodeSigning),
        Err(ChainError::LeafIsCa {
            subject: "CN=intermediate,O=example.test".to_owned()
        })
    );
}

#[test]
fn secrets_are_not_shown() {
    let signer = key(KeyKind::P256);
    let authority =
        CertificateAuthority::create_root(subject("root"), signer, ten_minutes(), &SystemRandom)
            .unwrap();
    let shown = format!("{authority:?}");
    assert!(
        shown.starts_with("CertificateAuthority { certificate: Certificate {"),
        "{shown}"
    );
    assert!(!shown.contains("signer"), "{shown}");
}
