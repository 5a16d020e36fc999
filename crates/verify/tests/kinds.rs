//! Every kind of bundle there is: accepted when valid, refused for the right reason when spoiled.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod forge;

use signhere_pki::chain::ChainError;
use signhere_pki::key::Scheme;
use signhere_testkit::forge::{Content, Evidence, Forge, Kind, RootVersion, SIGNED_AT, Stage};
use signhere_verify::verdict::{Reason, StepName};

use forge::{PROOF_ONLY, Verifiers};

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

#[test]
fn a_verifier_that_is_kept_says_what_a_new_one_says() {
    let forge = Forge::new();
    let kept = Verifiers::of(&forge, RootVersion::V0_1);
    for kind in Kind::all() {
        let forged = forge.bundle(kind);
        let first = kept.verify(&forged);
        assert_eq!(kept.verify(&forged), first, "{kind}");
        assert_eq!(
            Verifiers::of(&forge, RootVersion::V0_1).verify(&forged),
            first,
            "{kind}"
        );
    }
}

/// The certificate is the same in both: that its authority issued it is remembered, its validity is looked at again.
#[test]
fn a_certificate_that_was_met_before_is_held_to_its_validity() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let evidence = Evidence {
        timestamps: 2,
        ..PROOF_ONLY.evidence
    };
    let mut times = [SIGNED_AT, SIGNED_AT.plus_seconds(541)].into_iter();
    let mut late = forge.spoiled(
        Kind {
            evidence,
            ..PROOF_ONLY
        },
        |stage| {
            if let Stage::Stamp(plan) = stage {
                plan.at = times.next().unwrap();
            }
        },
    );
    let data = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
    let mut in_time = late.clone();
    let stamps = in_time.json.pointer_mut(data).unwrap();
    let late_stamp = stamps.as_array_mut().unwrap().remove(1);

    assert_eq!(verifiers.verify(&in_time).failure, None);
    for _ in 0..2 {
        let failure = verifiers.verify(&late).failure.unwrap();
        assert!(
            matches!(failure.reason, Reason::Chain(ChainError::Expired { .. })),
            "{failure}"
        );
        *late.json.pointer_mut(data).unwrap() = [late_stamp.clone()].into_iter().collect();
    }
}
