//! Signatures of every shape, judged by trust files: nobody gets a yes who is not listed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod forge;

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use signhere_pki::key::KeyKind;
use signhere_testkit::forge::{
    self as made, ARTIFACT, Entry, Forge, Forged, IDENTITY, ISSUER, Keying, Kind, RootVersion,
};
use signhere_verify::bundle::Bundle;
use signhere_verify::policy::{
    Identity, Issuer, Question, Signer, TrustFile, Trusted, Who, propose,
};
use signhere_verify::verdict::{Reason, Step, StepName, Verdict};
use signhere_verify::verifier::{Artifact, Policy, Verifier};

use crate::forge::{V2, V2_KEY, Verifiers};

fn listing(who: impl IntoIterator<Item = Who>) -> Policy {
    let named = |(n, who)| Signer::new(format!("s{n}"), who);
    let signers = who.into_iter().enumerate().map(named);
    let file = TrustFile::new("trust.toml", None, signers.collect());
    Policy::Trust(Question::new(Arc::new(Trusted::new(vec![file]))))
}

fn by_identity(identity: &str, issuer: &str) -> Who {
    Who::Identity {
        identity: Identity::parse(identity).unwrap(),
        issuer: Issuer::parse(issuer).unwrap(),
        repository: None,
        repository_id: None,
    }
}

fn listed(forged: &Forged) -> Who {
    match forged.kind.keying {
        Keying::Certificate(_) => by_identity(IDENTITY, ISSUER),
        Keying::ManagedKey => Who::Key(forged.key.clone()),
    }
}

fn verify(verifier: &Verifier, forged: &Forged, policy: &Policy) -> Verdict {
    verifier.verify_json(&forged.to_bytes(), &Artifact::Bytes(ARTIFACT), policy)
}

#[test]
fn every_shape_is_accepted_from_the_listed_and_from_nobody_else() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let stranger = Who::Key(made::fresh(KeyKind::P256).public_key().clone());
    let other = by_identity("nobody@elsewhere.example", "https://accounts.google.com");
    for kind in Kind::all() {
        let forged = forge.bundle(kind);
        let verifier = verifiers.fitting(kind);
        let verdict = verify(
            verifier,
            &forged,
            &listing([other.clone(), listed(&forged)]),
        );
        assert_eq!(verdict.failure, None, "{kind:?}");
        let Some(Step::Policy(policy)) = verdict.steps.last() else {
            panic!("{kind:?}")
        };
        assert_eq!(
            (policy.signer.as_str(), policy.file.as_str()),
            ("s1", "trust.toml")
        );

        for policy in [
            Policy::Trust(Question::new(Arc::default())),
            listing([]),
            listing([stranger.clone(), other.clone()]),
        ] {
            let verdict = verify(verifier, &forged, &policy);
            let failure = verdict.failure.as_ref().unwrap();
            // Who made a bare signature that no log knows cannot be said at all.
            let is_bare = kind.keying == Keying::ManagedKey && kind.entry == Entry::None;
            match &failure.reason {
                Reason::PolicyNeedsKey => assert!(is_bare && verdict.steps.is_empty(), "{kind:?}"),
                Reason::SignerUnlisted { .. } => {
                    let signer = [StepName::Identity, StepName::Key].map(|step| verdict.step(step));
                    assert!(!is_bare && signer.iter().flatten().count() == 1, "{kind:?}");
                }
                other => panic!("{kind:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_is_proven_proposes_its_signer_and_what_is_not_proposes_nobody() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    for kind in [V2, V2_KEY] {
        let forged = forge.bundle(kind);
        let bundle = Bundle::parse(&forged.to_bytes()).unwrap();
        let verifier = verifiers.fitting(kind);
        let verdict = verifier.prove(&bundle, &Artifact::Bytes(ARTIFACT), None);
        assert!(!verdict.is_verified());
        let failure = verdict.failure.as_ref().unwrap();
        assert_eq!(
            (failure.step, &failure.reason),
            (StepName::Policy, &Reason::SignerUnchecked)
        );
        let signer = propose(&verdict, bundle.logged_key().as_ref(), None).unwrap();
        assert_eq!(signer.who, listed(&forged));
        assert!(verify(verifier, &forged, &listing([signer.who])).is_verified());

        let verdict = verifier.prove(&bundle, &Artifact::Bytes(b"else"), None);
        assert!(propose(&verdict, bundle.logged_key().as_ref(), None).is_err());
        // A key that was named is the one, whatever the bundle says.
        let stranger = made::fresh(KeyKind::P256);
        let key = Some(stranger.public_key());
        let verdict = verifier.prove(&bundle, &Artifact::Bytes(ARTIFACT), key);
        assert_ne!(verdict.failure.unwrap().step, StepName::Policy);
    }
}

/// However a bundle is spoiled and whoever is listed: a yes means that the signer is listed and that the same
/// bundle holds for the policy that names this signer alone.
#[test]
fn a_yes_names_a_listed_signer() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let forged = [V2, V2_KEY].map(|kind| forge.bundle(kind));
    let other = by_identity("nobody@elsewhere.example", "https://accounts.google.com");
    let artifact = Artifact::Bytes(ARTIFACT);
    let strategy = (0_usize..10_000, any::<u8>(), any::<bool>(), 0_usize..2);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(200));
    let outcome = runner.run(&strategy, |(at, with, lists_signer, which)| {
        let forged = &forged[which];
        let mut bytes = forged.to_bytes();
        let at = at % bytes.len();
        bytes[at] = with;
        let who = [Some(other.clone()), lists_signer.then(|| listed(forged))];
        let verifier = verifiers.fitting(forged.kind);
        let policy = listing(who.into_iter().flatten());
        let verdict = verifier.verify_json(&bytes, &artifact, &policy);
        let alone = verifier.verify_json(&bytes, &artifact, &forge::policy(forged));
        prop_assert_eq!(verdict.is_verified(), lists_signer && alone.is_verified());
        Ok(())
    });
    outcome.unwrap();
}
