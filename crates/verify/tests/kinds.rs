//! Every kind of bundle there is: accepted when valid, refused for the right reason when spoiled.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod forge;

use signhere_pki::key::Scheme;
use signhere_testkit::forge::{Content, Forge, Kind, RootVersion};
use signhere_verify::verdict::{Reason, StepName};

use forge::Verifiers;

#[test]
fn every_kind_is_accepted_by_bytes_and_by_digest() {
    let forge = Forge::new();
    let verifiers = [RootVersion::V0_1, RootVersion::V0_2].map(|v| Verifiers::of(&forge, v));
    for kind in Kind::all() {
        let forged = forge.bundle(kind);
        for verifiers in &verifiers {
            assert_eq!(verifiers.verify(&forged).failure, None, "{kind}");
        }
        let by_digest = verifiers[0].verify_by_digest(&forged).failure;
        if kind.scheme == Scheme::Ed25519 && kind.content == Content::Message {
            let failure = by_digest.expect("pure Ed25519 needs the artifact");
            assert_eq!(failure.step, StepName::Artifact, "{kind}");
            assert_eq!(failure.reason, Reason::ArtifactBytesNeeded, "{kind}");
        } else {
            assert_eq!(by_digest, None, "{kind}");
        }
    }
}

#[test]
fn every_sufficient_evidence_is_accepted() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let kinds = Kind::unusual();
    assert!(kinds.len() > 100, "{}", kinds.len());
    for kind in kinds {
        assert_eq!(
            verifiers.verify(&forge.bundle(kind)).failure,
            None,
            "{kind}"
        );
    }
}
