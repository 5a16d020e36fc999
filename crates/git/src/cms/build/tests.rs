use signhere_testkit::forge::{
    Entry, Evidence, Forge, IDENTITY, Kind, RootVersion, SIGNED_AT, Stage,
};
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verifier::Verifier;

use super::*;
use crate::cms::GitSignature;
use crate::verdict::Outcome;
use crate::verifier::GitVerifier;

const PAYLOAD: &[u8] = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\nno line feed at the end";

/// What a session hands out on an instance with a log of the second generation, with a timestamp.
const V2: Kind = Kind {
    entry: Entry::HashedRekordV002,
    evidence: Evidence {
        promise: false,
        proof: true,
        timestamps: 1,
        embeds_certificate: true,
    },
    ..Kind::PLAIN
};

/// The same, of the first: with a promise, and a timestamp beside it.
const V1: Kind = Kind {
    evidence: Evidence {
        promise: true,
        proof: true,
        timestamps: 1,
        embeds_certificate: false,
    },
    ..Kind::PLAIN
};

fn attributes() -> SignedAttributes {
    SignedAttributes::new(PAYLOAD, SIGNED_AT).unwrap()
}

fn bundle(forge: &Forge, kind: Kind, artifact: &[u8]) -> Bundle {
    let forged = forge.spoiled(kind, |stage| {
        if let Stage::Sign(plan) = stage {
            plan.payload = artifact.to_vec();
        }
    });
    Bundle::parse(&forged.to_bytes()).unwrap()
}

#[test]
fn a_bundle_becomes_a_signature_that_a_stranger_verifies() {
    let forge = Forge::new();
    let root = forge.trusted_root(RootVersion::V0_1).to_string();
    let root = TrustedRoot::parse(root.as_bytes()).unwrap();
    let verifier = GitVerifier::new(Verifier::new(root).unwrap());
    let attributes = attributes();
    for kind in [Kind::PLAIN, V1, V2] {
        let bundle = bundle(&forge, kind, attributes.set());
        let armor = embed(&attributes, &bundle).unwrap();

        let read = GitSignature::from_armor(armor.as_bytes()).unwrap();
        assert_eq!(read.attributes_set(), attributes.set());
        assert_eq!(read.signing_time(), Some(SIGNED_AT));
        let back = read.bundle().unwrap();
        assert_eq!(back.material.tlog_entries, bundle.material.tlog_entries);
        assert_eq!(back.material.timestamps, bundle.material.timestamps);
        assert_eq!(back.certificate(), bundle.certificate());
        assert_eq!(back.content, bundle.content);

        let verdict = verifier.verify_signature(armor.as_bytes(), PAYLOAD, None);
        assert_eq!(verdict.outcome, Outcome::Proven, "{kind:?}");
        assert_eq!(
            back.certificate().unwrap().san().unwrap().as_str(),
            IDENTITY
        );
        let other = verifier.verify_signature(armor.as_bytes(), b"tree 0\n\n", None);
        assert!(matches!(other.outcome, Outcome::Refused(_)), "{other:?}");
    }
}

#[test]
fn a_bundle_about_something_else_is_not_embedded() {
    let forge = Forge::new();
    let attributes = attributes();
    let other = bundle(&forge, Kind::PLAIN, b"something else");
    assert_eq!(embed(&attributes, &other), Err(BuildError::OtherContent));

    let mut keyed = bundle(&forge, Kind::PLAIN, attributes.set());
    keyed.material.key = signhere_verify::bundle::KeyMaterial::PublicKeyHint(String::new());
    assert_eq!(embed(&attributes, &keyed), Err(BuildError::NoCertificate));

    let mut stamped = bundle(&forge, V2, attributes.set());
    stamped.material.timestamps = vec![b"no reply".to_vec()];
    assert!(matches!(
        embed(&attributes, &stamped),
        Err(BuildError::Timestamp(_))
    ));
}
