//! Entries that were logged and never embedded: looked for at a log that may lie, proven, kept, used.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use signhere_git::cms::GitSignature;
use signhere_git::object::{Object, ObjectFormat, ObjectId, ObjectKind};
use signhere_git::proof::{LoggedForm, NoProof, Wanted};
use signhere_git::rescue::{Rescue, RescueError, Rescued};
use signhere_git::verdict::Outcome;
use signhere_git::verifier::GitVerifier;
use signhere_testkit::forge::{Forge, GitSigned, IDENTITY, RootVersion};
use signhere_verify::bundle::{Bundle, TlogEntry};
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verdict::{Reason, Step, StepName};
use signhere_verify::verifier::Verifier;

const COMMIT: &[u8] = b"tree 0123456789abcdef0123456789abcdef01234567
author Ada <ada@example.test> 1780315200 +0000
committer Ada <ada@example.test> 1780315200 +0000

online
";
const TAG: &[u8] = b"object 0123456789abcdef0123456789abcdef01234567
type commit
tag v1
tagger Ada <ada@example.test> 1780315200 +0000

online
";

/// The instance, what its log hands out whatever it is asked for, and who verifies.
struct World {
    forge: Forge,
    log: RefCell<BTreeMap<String, Value>>,
    verifier: GitVerifier,
}

impl World {
    fn new() -> Self {
        let forge = Forge::new();
        let root = forge.trusted_root(RootVersion::V0_1).to_string();
        let root = TrustedRoot::parse(root.as_bytes()).unwrap();
        Self {
            forge,
            log: RefCell::default(),
            verifier: GitVerifier::new(Verifier::new(root).unwrap()),
        }
    }

    /// The log takes a signature of the signer over `message`.
    fn log(&self, signed: &GitSigned, message: &[u8]) -> String {
        let (name, answer) = self.forge.logged(signed, message);
        self.log.borrow_mut().insert(name.clone(), answer);
        name
    }

    fn rescue(&self, object: &Object) -> Result<Rescued, RescueError> {
        let mut rescue = Rescue::new(wanted(object));
        for (name, answer) in &*self.log.borrow() {
            assert!(!rescue.knows(&name[16..]));
            if let Some(rescued) = rescue.take(&self.verifier, entry(answer)) {
                return Ok(rescued);
            }
            assert!(rescue.knows(&name[16..]));
        }
        Err(rescue.end())
    }

    fn others(&self, object: &Object) -> Vec<NoProof> {
        match self.rescue(object) {
            Err(RescueError::Others { found }) => found.into_values().collect(),
            outcome => panic!("{outcome:?}"),
        }
    }
}

fn entry(answer: &Value) -> TlogEntry {
    TlogEntry::from_rekor_v1_json(answer.to_string().as_bytes()).unwrap()
}

fn commit(signed: &GitSigned) -> Object {
    Object::parse(ObjectKind::Commit, signed.object.clone()).unwrap()
}

fn wanted(object: &Object) -> Wanted {
    let signature = GitSignature::from_armor(object.own_signature().unwrap()).unwrap();
    let certificate = signature.certificate().clone();
    Wanted::new(object, certificate, signature.attributes_set().to_vec())
}

fn text(id: &ObjectId) -> Vec<u8> {
    id.to_string().into_bytes()
}

#[test]
fn what_gitsign_logged_online_is_found_and_proves_the_commit_from_then_on() {
    let world = World::new();
    let signed = world.forge.signed_commit(COMMIT);
    let object = commit(&signed);
    let unproven = world.verifier.verify(&object, None).outcome;
    assert!(matches!(unproven, Outcome::Unproven(_)), "{unproven:?}");
    assert_eq!(world.rescue(&object).unwrap_err(), RescueError::NotFound);

    world.log(&signed, &text(&object.id()));
    let rescued = world.rescue(&object).unwrap();
    assert_eq!(rescued.proof.form, LoggedForm::Id);
    let kept = Bundle::parse(&rescued.bundle.to_json()).unwrap();
    let verdict = world.verifier.verify_with(&object, &[kept], None);
    assert_eq!(verdict.outcome, Outcome::Proven);
    assert!(verdict.evidence.as_ref().unwrap().from_note);
    let steps = verdict.steps().unwrap();
    let identity = steps.iter().find_map(|step| match step {
        Step::Identity(identity) => Some(identity.identity.as_str()),
        _ => None,
    });
    assert_eq!(identity, Some(IDENTITY));
}

#[test]
fn every_form_that_was_ever_logged_is_found() {
    let world = World::new();
    let signed = world.forge.signed_commit(COMMIT);
    world.log(&signed, &signed.attributes);
    let object = commit(&signed);
    let rescued = world.rescue(&object).unwrap();
    assert_eq!(rescued.proof.form, LoggedForm::Attributes);
    let verdict = world.verifier.verify_with(&object, &[rescued.bundle], None);
    assert_eq!(verdict.outcome, Outcome::Proven);

    // A tag as it is, and with its signature in a header as it never was.
    let armor_in_header = |signed: &GitSigned| {
        let armor = &signed.object[TAG.len()..];
        let armor = String::from_utf8(armor.to_vec()).unwrap();
        let folded = armor.trim_end().replace('\n', "\n ");
        let payload = String::from_utf8(TAG.to_vec()).unwrap();
        payload.replacen("\n\n", &format!("\ngpgsig {folded}\n\n"), 1)
    };
    let id = |kind, bytes: &[u8]| text(&ObjectId::of(ObjectFormat::Sha1, kind, bytes));
    for (form, kind) in [
        (LoggedForm::Id, ObjectKind::Tag),
        (LoggedForm::HeaderId, ObjectKind::Commit),
        (LoggedForm::HeaderId, ObjectKind::Tag),
    ] {
        let signed = world.forge.signed_tag(TAG);
        let logged = match form {
            LoggedForm::Id => id(kind, &signed.object),
            _ => id(kind, armor_in_header(&signed).as_bytes()),
        };
        world.log(&signed, &logged);
        let object = Object::parse(ObjectKind::Tag, signed.object).unwrap();
        let rescued = world.rescue(&object).unwrap();
        assert_eq!(rescued.proof.form, form);
        let verdict = world.verifier.verify_with(&object, &[rescued.bundle], None);
        assert_eq!(verdict.outcome, Outcome::Proven);
    }
}

#[test]
fn entries_of_others_do_not_count() {
    let world = World::new();
    let signed = world.forge.signed_commit(COMMIT);
    let object = commit(&signed);

    // Somebody else logs a signature of theirs over this commit's name.
    let stranger = world.forge.signed_commit_by(COMMIT, "eve@example.test");
    world.log(&stranger, &text(&object.id()));
    assert_eq!(world.others(&object), [NoProof::Certificate]);

    // The same key signed another commit: found by the certificate (CVE-2024-51746), and no proof of this one.
    let other = ObjectId::of(ObjectFormat::Sha1, ObjectKind::Commit, b"another");
    world.log(&signed, &text(&other));
    let reasons = world.others(&object);
    assert!(reasons.contains(&NoProof::Certificate), "{reasons:?}");
    let is_subject = |reason: &&NoProof| matches!(reason, NoProof::Subject { .. });
    assert_eq!(reasons.iter().filter(is_subject).count(), 1);

    // Among those the right one is found.
    world.log(&signed, &text(&object.id()));
    assert_eq!(world.rescue(&object).unwrap().proof.form, LoggedForm::Id);
}

#[test]
fn entries_that_do_not_hold_do_not_count() {
    let world = World::new();
    let signed = world.forge.signed_commit(COMMIT);
    let object = commit(&signed);
    let name = world.log(&signed, &text(&object.id()));
    let answer = world.log.borrow()[&name].clone();
    let spoil = |change: fn(&mut Value)| {
        let mut answer = answer.clone();
        change(&mut answer[&name]);
        world.log.borrow_mut().insert(name.clone(), answer);
    };
    type Spoil = fn(&mut Value);
    let cases: [(Spoil, StepName); 3] = [
        (|entry| entry["integratedTime"] = json!(1), StepName::Log),
        (
            |entry| entry["verification"]["inclusionProof"]["hashes"][0] = json!("0".repeat(64)),
            StepName::Log,
        ),
        (
            |entry| entry["verification"]["signedEntryTimestamp"] = json!("MAA="),
            StepName::Log,
        ),
    ];
    for (change, step) in cases {
        spoil(change);
        let reasons = world.others(&object);
        let [NoProof::Refused(failure)] = reasons.as_slice() else {
            panic!("{reasons:?}");
        };
        assert_eq!(failure.step, step);
    }
    // Another signature over the same, by somebody else's key.
    let stranger = world.forge.signed_commit_by(COMMIT, "eve@example.test");
    let forged = GitSigned {
        key: stranger.key,
        ..signed
    };
    world.log.borrow_mut().clear();
    world.log(&forged, &text(&object.id()));
    let reasons = world.others(&object);
    let [NoProof::Refused(failure)] = reasons.as_slice() else {
        panic!("{reasons:?}");
    };
    assert_eq!(failure.reason, Reason::SignatureInvalid);
}

#[test]
fn what_cannot_be_read_is_told_and_hides_nothing() {
    let world = World::new();
    let signed = world.forge.signed_commit(COMMIT);
    let object = commit(&signed);
    let mut rescue = Rescue::new(wanted(&object));
    rescue.pass("00", "no JSON".to_owned());
    let name = world.log(&signed, &text(&object.id()));
    let entry = entry(&world.log.borrow()[&name]);
    assert!(rescue.clone().take(&world.verifier, entry).is_some());
    let error = rescue.end();
    assert_eq!(
        error.to_string(),
        "the log has 1 entries, and none is of this signature; 00: what the log answers cannot be read: no JSON"
    );
}

#[test]
fn whichever_bundles_are_beside_an_object_only_its_own_counts() {
    let world = World::new();
    let mut objects = Vec::new();
    for number in 0..6 {
        let payload = [COMMIT, number.to_string().as_bytes(), b"\n"].concat();
        let signed = world.forge.signed_commit(&payload);
        let object = commit(&signed);
        if number % 3 != 0 {
            world.log(&signed, &text(&object.id()));
        }
        objects.push(object);
    }
    let rescued = objects.iter().filter_map(|one| world.rescue(one).ok());
    let all: Vec<Bundle> = rescued.map(|rescued| rescued.bundle).collect();
    assert_eq!(all.len(), 4);
    for (number, object) in objects.iter().enumerate() {
        let verdict = world.verifier.verify_with(object, &all, None);
        assert_eq!(verdict.outcome == Outcome::Proven, number % 3 != 0);
    }
}
