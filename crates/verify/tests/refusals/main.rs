//! Bundles with one thing wrong, each refused at the step and for the reason that the thing is about.
//!
//! Each row first sees the same kind accepted. What is wrong is put in before it is signed, so that the rest holds.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

#[path = "../forge/mod.rs"]
mod forge;

mod asked;
mod bundle;
mod entry;
mod evidence;
mod signer;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use signhere_testkit::forge::{Forge, Kind, LogEntry, Proof, RootVersion, Stage};
use signhere_verify::verdict::{Failure, Reason, StepName};

use forge::Verifiers;

/// What is wrong with a bundle, and what comes of it.
struct Row {
    about: &'static str,
    kind: Kind,
    spoil: fn(Stage<'_>),
    step: StepName,
    is: fn(&Reason) -> bool,
}

macro_rules! rows {
    ($($about:literal, $kind:expr, |$stage:pat_param| $spoil:expr, $step:ident, $reason:pat,)*) => {
        vec![$($crate::Row {
            about: $about,
            kind: $kind,
            spoil: |stage| if let $stage = stage { $spoil; },
            step: signhere_verify::verdict::StepName::$step,
            is: |reason| matches!(reason, $reason),
        }),*]
    };
}
use rows;

fn check(rows: Vec<Row>) {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    for row in rows {
        let valid = verifiers.verify(&forge.bundle(row.kind));
        assert_eq!(valid.failure, None, "{}: valid", row.about);
        let spoiled = forge.spoiled(row.kind, row.spoil);
        let failure = verifiers.verify(&spoiled).failure.expect(row.about);
        expect(row.about, &failure, row.step, row.is);
    }
}

fn expect(about: &str, failure: &Failure, step: StepName, is: fn(&Reason) -> bool) {
    assert_eq!(failure.step, step, "{about}: {failure:?}");
    assert!(is(&failure.reason), "{about}: {failure:?}");
}

fn remove(value: &mut Value, name: &str) {
    value.as_object_mut().unwrap().remove(name).unwrap();
}

fn double(list: &mut Value) {
    let list = list.as_array_mut().unwrap();
    list.push(list[0].clone());
}

fn proof(entries: &mut [LogEntry]) -> &mut Proof {
    entries[0].proof.as_mut().unwrap()
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
