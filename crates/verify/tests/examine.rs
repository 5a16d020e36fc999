//! Checks taken on their own come to the verdict that checks in a row come to, and say more.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod forge;

use serde_json::Value;
use signhere_testkit::forge::{
    ARTIFACT, Entry, Evidence, Forge, Forged, Keying, Kind, RootVersion, Stage, Under,
};
use signhere_verify::bundle::Bundle;
use signhere_verify::verdict::{Reason, StepName};
use signhere_verify::verifier::{Artifact, Check, Examination, Verifier};

use forge::{PROOF_ONLY, Verifiers, verifier};

const BYTES: Artifact<'_> = Artifact::Bytes(ARTIFACT);

/// Takes the checks in both ways, which must agree.
fn examine(verifier: &Verifier, bundle: &Bundle, artifact: &Artifact<'_>) -> Examination {
    let examination = verifier.examine(bundle, artifact);
    let mut proven = verifier.prove(bundle, artifact, None);
    if proven.failure.as_ref().map(|failure| &failure.reason) == Some(&Reason::SignerUnchecked) {
        proven.failure = None;
    }
    if bundle.certificate().is_some() {
        assert_eq!(examination.verdict(), proven);
    } else {
        assert!(examination.verdict().failure.is_some());
    }
    examination
}

fn parsed(forged: &Forged) -> Bundle {
    Bundle::parse(&forged.to_bytes()).unwrap()
}

/// Every document that differs from this one in one value, or lacks one.
fn changed(document: &Value) -> Vec<Value> {
    fn paths(value: &Value, path: String, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    paths(value, format!("{path}/{name}"), found);
                }
            }
            Value::Array(items) => {
                for (position, value) in items.iter().enumerate() {
                    paths(value, format!("{path}/{position}"), found);
                }
            }
            _ => {}
        }
        found.push(path);
    }
    let mut all = Vec::new();
    paths(document, String::new(), &mut all);
    let mut documents = Vec::new();
    for path in all.iter().filter(|path| !path.is_empty()) {
        if let Some(text) = document.pointer(path).and_then(Value::as_str) {
            for part in 0..6 {
                let at = text.len() * part / 6;
                let mut text: Vec<char> = text.chars().collect();
                let Some(character) = text.get_mut(at) else {
                    continue;
                };
                *character = if *character == 'B' { 'C' } else { 'B' };
                let mut changed = document.clone();
                *changed.pointer_mut(path).unwrap() = text.into_iter().collect::<String>().into();
                documents.push(changed);
            }
        }
        let (parent, name) = path.rsplit_once('/').unwrap();
        let mut changed = document.clone();
        match changed.pointer_mut(parent).unwrap() {
            Value::Object(members) => {
                members.remove(name);
            }
            Value::Array(items) => {
                items.remove(name.parse().unwrap());
            }
            _ => unreachable!(),
        }
        documents.push(changed);
    }
    documents
}

#[test]
fn both_ways_agree_on_every_kind() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    for kind in Kind::all() {
        let bundle = parsed(&forge.bundle(kind));
        let examination = examine(verifiers.fitting(kind), &bundle, &BYTES);
        let holds = examination.verdict().failure.is_none();
        assert_eq!(holds, bundle.certificate().is_some(), "{kind}");
        if holds {
            assert_eq!(examination.assumed_time, None, "{kind}");
        }
    }
}

#[test]
fn both_ways_agree_on_whatever_is_changed_or_missing() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let mut failed = 0;
    for kind in [Kind::PLAIN, PROOF_ONLY] {
        for json in changed(&forge.bundle(kind).json) {
            let Ok(bundle) = Bundle::parse(json.to_string().as_bytes()) else {
                continue;
            };
            let examination = examine(verifiers.fitting(kind), &bundle, &BYTES);
            failed += usize::from(examination.verdict().failure.is_some());
        }
        let bundle = parsed(&forge.bundle(kind));
        examine(verifiers.fitting(kind), &bundle, &Artifact::Bytes(b"other"));
        examine(
            Verifiers::of(&Forge::new(), RootVersion::V0_1).fitting(kind),
            &bundle,
            &BYTES,
        );
    }
    assert!(failed > 100, "{failed}");
}

#[test]
fn a_signature_whose_entry_was_never_kept_is_good_and_not_proven() {
    let forge = Forge::new();
    let root = verifier(&forge.trusted_root(RootVersion::V0_1));
    let none = Evidence {
        promise: false,
        proof: false,
        timestamps: 0,
        embeds_certificate: false,
    };
    for under in [Under::Intermediate, Under::Root] {
        let forged = forge.spoiled(
            Kind {
                entry: Entry::None,
                evidence: none,
                keying: Keying::Certificate(under),
                ..Kind::PLAIN
            },
            |stage| {
                if let Stage::Leaf(plan) = stage {
                    plan.sct.embedded = under == Under::Intermediate;
                }
            },
        );
        let bundle = parsed(&forged);
        let found = examine(&root, &bundle, &BYTES);
        assert!(found.signature.proven().is_some());
        assert!(found.certificate.proven().is_some());
        assert!(found.identity.proven().is_some());
        assert_eq!(
            found.assumed_time,
            Some(bundle.certificate().unwrap().not_before())
        );
        assert!(matches!(found.log, Check::Absent(_)));
        assert!(matches!(found.time, Check::Absent(_)));
        match under {
            Under::Intermediate => assert!(found.sct.proven().is_some()),
            _ => assert!(matches!(found.sct, Check::Absent(_))),
        }
        let failure = found.verdict().failure.unwrap();
        assert_eq!(
            (failure.step, failure.reason),
            (StepName::Log, Reason::LogEntryMissing)
        );
    }
}

#[test]
fn a_check_that_fails_does_not_hide_the_others() {
    let forge = Forge::new();
    let root = verifier(&forge.trusted_root(RootVersion::V0_1));
    let bundle = parsed(&forge.bundle(Kind::PLAIN));
    let found = examine(&root, &bundle, &Artifact::Bytes(b"another artifact"));
    assert!(matches!(found.artifact, Check::Failed(_)));
    assert!(matches!(found.signature, Check::Untaken(_)));
    assert!(found.certificate.proven().is_some());
    assert!(found.sct.proven().is_some());

    let stranger = verifier(&Forge::new().trusted_root(RootVersion::V0_1));
    let found = examine(&stranger, &bundle, &BYTES);
    assert!(found.signature.proven().is_some());
    assert!(matches!(found.log, Check::Failed(_)));
    assert!(matches!(found.certificate, Check::Failed(_)));
    assert!(matches!(found.sct, Check::Untaken(_)));
    assert!(found.sct.failure().is_none());
    assert_eq!(found.verdict().failure.unwrap().reason, Reason::LogUnknown);
}
