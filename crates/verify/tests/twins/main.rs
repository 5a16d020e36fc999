//! Valid bundles and their twins, which differ from them in one thing: each is decided as its row says, by us and beside
//! us by `sigstore-verify`. `docs/design/twins.md` is the table of all of them, `docs/design/differential.md` has the
//! reason for each on which the two verifiers differ. Both are held against what happens here;
//! `WRITE_TWINS=1` writes the first anew.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

#[path = "../forge/mod.rs"]
mod forge;

mod document;
mod identities;
mod json;
mod keys;
mod logs;
mod oracle;
mod statements;
mod times;
mod trust;

use std::collections::BTreeSet;

use serde_json::Value;
use signhere_testkit::forge::{
    ARTIFACT, EntryPlan, Forge, Forged, IDENTITY, ISSUER, Kind, LeafPlan, LogEntry, LogPlan,
    RootVersion, SignPlan, Stage, StampPlan,
};
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verifier::{Artifact, Policy, Verifier};

use document::Row;

/// A change to a bundle, or to what it is verified with.
pub(crate) struct Twin {
    name: &'static str,
    kind: Kind,
    /// What changes, for a reader.
    what: &'static str,
    how: How,
    /// The code that we refuse it with; empty for what is still the same.
    expected: &'static str,
}

pub(crate) const fn of(
    name: &'static str,
    kind: Kind,
    what: &'static str,
    how: How,
    expected: &'static str,
) -> Twin {
    Twin {
        name,
        kind,
        what,
        how,
        expected,
    }
}

/// Where the change is made. What comes after it is signed over it.
pub(crate) enum How {
    Leaf(fn(&mut LeafPlan)),
    Sign(fn(&mut SignPlan)),
    Entry(fn(&mut EntryPlan)),
    Log(fn(&mut LogPlan)),
    Logged(fn(&mut Vec<LogEntry>)),
    Stamp(fn(&mut StampPlan)),
    Stamped(fn(&mut Vec<Vec<u8>>)),
    Bundle(fn(&mut Value)),
    Text(fn(&str) -> String),
    /// In several places, or with parts of another bundle.
    Made(fn(&Forge, Kind) -> Forged),
    /// To the trusted root; the bundle stays.
    Root(fn(&mut Value)),
    /// To what is asked: artifact, identity and issuer.
    Asked(fn(&mut Case)),
}

/// What both verifiers get.
pub(crate) struct Case {
    pub(crate) json: String,
    pub(crate) root: Value,
    pub(crate) artifact: Vec<u8>,
    pub(crate) identity: String,
    pub(crate) issuer: String,
    pub(crate) forged: Forged,
}

impl Case {
    fn new(forge: &Forge, twin: &Twin) -> Self {
        let forged = match twin.how {
            How::Made(make) => make(forge, twin.kind),
            _ => forge.spoiled(twin.kind, |stage| match (stage, &twin.how) {
                (Stage::Leaf(plan), How::Leaf(change)) => change(plan),
                (Stage::Sign(plan), How::Sign(change)) => change(plan),
                (Stage::Entry(plan), How::Entry(change)) => change(plan),
                (Stage::Log(plan), How::Log(change)) => change(plan),
                (Stage::Logged(entries), How::Logged(change)) => change(entries),
                (Stage::Stamp(plan), How::Stamp(change)) => change(plan),
                (Stage::Stamped(stamps), How::Stamped(change)) => change(stamps),
                (Stage::Bundle(bundle), How::Bundle(change)) => change(bundle),
                _ => {}
            }),
        };
        let mut case = Self {
            json: forged.json.to_string(),
            root: forge.trusted_root(RootVersion::V0_1),
            artifact: ARTIFACT.to_vec(),
            identity: IDENTITY.to_owned(),
            issuer: ISSUER.to_owned(),
            forged,
        };
        match twin.how {
            How::Text(change) => case.json = change(&case.json),
            How::Root(change) => change(&mut case.root),
            How::Asked(change) => change(&mut case),
            _ => {}
        }
        case
    }

    /// Our code; empty for a bundle that is accepted.
    fn ours(&self) -> String {
        let Ok(root) = TrustedRoot::parse(self.root.to_string().as_bytes()) else {
            return "the root".to_owned();
        };
        let Ok(verifier) = Verifier::new(root) else {
            return "the root".to_owned();
        };
        let policy = match forge::policy(&self.forged) {
            Policy::Identity { .. } => forge::identity(&self.identity, &self.issuer),
            policy => policy,
        };
        let artifact = Artifact::Bytes(&self.artifact);
        let verdict = verifier.verify_json(self.json.as_bytes(), &artifact, &policy);
        let code = verdict.failure.map(|failure| failure.reason.code());
        code.unwrap_or_default().to_owned()
    }
}

fn twins() -> impl Iterator<Item = &'static Twin> {
    [
        json::TWINS,
        statements::TWINS,
        keys::TWINS,
        logs::TWINS,
        times::TWINS,
        identities::TWINS,
        trust::TWINS,
    ]
    .into_iter()
    .flatten()
}

#[test]
fn every_twin_is_decided_as_its_row_says() {
    let forge = Forge::new();
    let names: BTreeSet<&str> = twins().map(|twin| twin.name).collect();
    assert_eq!(names.len(), twins().count(), "a name stands for one change");
    assert!(names.len() >= 200, "{} kinds of change", names.len());
    let kinds: Vec<Kind> = twins().fold(Vec::new(), |mut kinds, twin| {
        if !kinds.contains(&twin.kind) {
            kinds.push(twin.kind);
        }
        kinds
    });
    for kind in kinds {
        let same = of("", kind, "", How::Text(str::to_owned), "");
        let case = Case::new(&forge, &same);
        assert_eq!(case.ours(), "", "{kind}: unchanged");
        assert_eq!(oracle::accepts(&case), Ok(()), "{kind}: unchanged");
    }

    let all: Vec<&Twin> = twins().collect();
    let halves = std::thread::scope(|scope| {
        let halves = all.chunks(all.len().div_ceil(2));
        let halves = halves.map(|half| scope.spawn(|| decide(&forge, half)));
        let halves: Vec<_> = halves.collect();
        let halves = halves.into_iter().map(|half| half.join().unwrap());
        halves.collect::<Vec<_>>()
    });
    let (rows, wrong): (Vec<_>, Vec<_>) = halves.into_iter().unzip();
    let (rows, wrong) = (rows.concat(), wrong.concat());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    document::check_table(&rows);
    document::check_reasons(&rows);
}

/// Rows for the documents, and what is not as expected.
fn decide(forge: &Forge, twins: &[&Twin]) -> (Vec<Row>, Vec<String>) {
    let mut rows = Vec::new();
    let mut wrong = Vec::new();
    for twin in twins {
        let case = Case::new(forge, twin);
        let ours = case.ours();
        if ours != twin.expected {
            let (name, expected) = (twin.name, twin.expected);
            wrong.push(format!("{name}: {expected:?}, found {ours:?}"));
        }
        rows.push(Row::new(twin, oracle::accepts(&case).is_ok()));
    }
    (rows, wrong)
}

// What the tables share.

fn material(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]
}

/// The log entry.
fn at(bundle: &mut Value) -> &mut Value {
    &mut material(bundle)["tlogEntries"][0]
}

fn proof(bundle: &mut Value) -> &mut Value {
    &mut at(bundle)["inclusionProof"]
}

fn remove(value: &mut Value, name: &str) {
    value.as_object_mut().unwrap().remove(name).unwrap();
}

fn rename(value: &mut Value, from: &str, to: &str) {
    let member = value.as_object_mut().unwrap().remove(from).unwrap();
    value[to] = member;
}

/// As often as that, the first one.
fn repeat(list: &mut Value, times: usize) {
    *list = vec![list[0].clone(); times].into();
}

fn respell(bundle: &mut Value, pointer: &str, change: fn(String) -> String) {
    let value = bundle.pointer_mut(pointer).unwrap();
    *value = change(value.as_str().unwrap().to_owned()).into();
}

fn base64(bytes: &[u8]) -> Value {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .encode(bytes)
        .into()
}

fn unbase64(value: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    engine.decode(value.as_str().unwrap()).unwrap()
}
