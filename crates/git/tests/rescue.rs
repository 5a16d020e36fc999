//! Entries that were logged and never embedded: looked for at a log that may lie, proven, kept, used.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use signhere_git::cms::GitSignature;
use signhere_git::object::{Object, ObjectFormat, ObjectId, ObjectKind};
use signhere_git::proof::{LoggedForm, NoProof, Wanted};
use signhere_git::rescue::{RescueError, Rescued, Search};
use signhere_git::verdict::Outcome;
use signhere_git::verifier::GitVerifier;
use signhere_sign::service::Problem;
use signhere_testkit::forge::{Forge, GitSigned, IDENTITY, RootVersion};
use signhere_testkit::network::{client, serve};
use signhere_verify::bundle::Bundle;
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

/// A log that has what it is told to have.
#[derive(Default)]
struct Log {
    /// By name.
    entries: BTreeMap<String, Value>,
    /// What the index finds beside what is asked for.
    also: Vec<String>,
    /// What it answers in place of all else.
    instead: Option<fn() -> Response>,
    /// How often it was asked.
    asked: usize,
}

/// The instance, its log as it answers, and who verifies.
struct World {
    forge: Forge,
    log: Arc<Mutex<Log>>,
    search: Search,
    verifier: GitVerifier,
}

impl World {
    async fn new() -> Self {
        let forge = Forge::new();
        let root = forge.trusted_root(RootVersion::V0_1).to_string();
        let root = TrustedRoot::parse(root.as_bytes()).unwrap();
        let verifier = Verifier::new(root).unwrap();
        let log: Arc<Mutex<Log>> = Arc::default();
        let router = Router::new()
            .route("/api/v1/index/retrieve", post(index))
            .route("/api/v1/log/entries/retrieve", post(entries))
            .with_state(Arc::clone(&log));
        Self {
            forge,
            log,
            search: Search {
                http: Arc::new(client(&Arc::default())),
                log: serve(router).await,
                prover: Arc::new(verifier.clone()),
            },
            verifier: GitVerifier::new(verifier),
        }
    }

    /// The log takes a signature of the signer over `message`.
    fn log(&self, signed: &GitSigned, message: &[u8]) -> String {
        let (name, answer) = self.forge.logged(signed, message);
        self.log
            .lock()
            .unwrap()
            .entries
            .insert(name.clone(), answer);
        name
    }

    async fn rescue(&self, object: &Object) -> Result<Rescued, RescueError> {
        self.search.rescue(&wanted(object)).await
    }

    async fn others(&self, object: &Object) -> Vec<NoProof> {
        match self.rescue(object).await {
            Err(RescueError::Others { found }) => found.into_values().collect(),
            outcome => panic!("{outcome:?}"),
        }
    }
}

/// As the index of Rekor v1 finds: whatever has any of the things asked for.
async fn index(State(log): State<Arc<Mutex<Log>>>, Json(asked): Json<Value>) -> Response {
    let mut log = log.lock().unwrap();
    log.asked += 1;
    if let Some(instead) = log.instead {
        return instead();
    }
    let is_asked_for = |(name, answer): (&String, &Value)| {
        let body = BASE64_STANDARD
            .decode(answer[name]["body"].as_str()?)
            .ok()?;
        let spec = &serde_json::from_slice::<Value>(&body).ok()?["spec"];
        let hash = format!("sha256:{}", spec["data"]["hash"]["value"].as_str()?);
        let key = &spec["signature"]["publicKey"]["content"];
        let found = asked["hash"] == hash || asked["publicKey"]["content"] == *key;
        found.then(|| name.clone())
    };
    let found = log.entries.iter().filter_map(is_asked_for);
    let found: Vec<String> = found.chain(log.also.clone()).collect();
    Json(found).into_response()
}

async fn entries(State(log): State<Arc<Mutex<Log>>>, Json(asked): Json<Value>) -> Json<Vec<Value>> {
    let log = log.lock().unwrap();
    let names = asked["entryUUIDs"].as_array().unwrap();
    assert!(names.len() <= 10);
    let names = names.iter().map(|name| name.as_str().unwrap());
    Json(
        names
            .filter_map(|name| log.entries.get(name).cloned())
            .collect(),
    )
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

#[tokio::test]
async fn what_gitsign_logged_online_is_found_and_proves_the_commit_from_then_on() {
    let world = World::new().await;
    let signed = world.forge.signed_commit(COMMIT);
    let object = commit(&signed);
    let unproven = world.verifier.verify(&object, None).outcome;
    assert!(matches!(unproven, Outcome::Unproven(_)), "{unproven:?}");
    assert_eq!(
        world.rescue(&object).await.unwrap_err(),
        RescueError::NotFound
    );

    world.log(&signed, &text(&object.id()));
    let rescued = world.rescue(&object).await.unwrap();
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

#[tokio::test]
async fn every_form_that_was_ever_logged_is_found() {
    let world = World::new().await;
    let signed = world.forge.signed_commit(COMMIT);
    world.log(&signed, &signed.attributes);
    let object = commit(&signed);
    let rescued = world.rescue(&object).await.unwrap();
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
        let rescued = world.rescue(&object).await.unwrap();
        assert_eq!(rescued.proof.form, form);
        let verdict = world.verifier.verify_with(&object, &[rescued.bundle], None);
        assert_eq!(verdict.outcome, Outcome::Proven);
    }
}

#[tokio::test]
async fn entries_of_others_do_not_count() {
    let world = World::new().await;
    let signed = world.forge.signed_commit(COMMIT);
    let object = commit(&signed);

    // Somebody else logs a signature of theirs over this commit's name.
    let stranger = world.forge.signed_commit_by(COMMIT, "eve@example.test");
    world.log(&stranger, &text(&object.id()));
    assert_eq!(world.others(&object).await, [NoProof::Certificate]);

    // The same key signed another commit: found by the certificate (CVE-2024-51746), and no proof of this one.
    let other = ObjectId::of(ObjectFormat::Sha1, ObjectKind::Commit, b"another");
    world.log(&signed, &text(&other));
    let reasons = world.others(&object).await;
    assert!(reasons.contains(&NoProof::Certificate), "{reasons:?}");
    let is_subject = |reason: &&NoProof| matches!(reason, NoProof::Subject { .. });
    assert_eq!(reasons.iter().filter(is_subject).count(), 1);

    // An index that finds what was not asked for does no harm.
    let right = world.log(&signed, &text(&object.id()));
    let all: Vec<String> = world.log.lock().unwrap().entries.keys().cloned().collect();
    world.log.lock().unwrap().also = all;
    assert_eq!(
        world.rescue(&object).await.unwrap().proof.form,
        LoggedForm::Id
    );
    world.log.lock().unwrap().entries.remove(&right);
    assert_eq!(world.others(&object).await.len(), 2);
}

#[tokio::test]
async fn entries_that_do_not_hold_do_not_count() {
    let world = World::new().await;
    let signed = world.forge.signed_commit(COMMIT);
    let object = commit(&signed);
    let name = world.log(&signed, &text(&object.id()));
    let answer = world.log.lock().unwrap().entries[&name].clone();
    let spoil = |change: fn(&mut Value)| {
        let mut answer = answer.clone();
        change(&mut answer[&name]);
        world
            .log
            .lock()
            .unwrap()
            .entries
            .insert(name.clone(), answer);
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
        let reasons = world.others(&object).await;
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
    world.log.lock().unwrap().entries.clear();
    world.log(&forged, &text(&object.id()));
    let reasons = world.others(&object).await;
    let [NoProof::Refused(failure)] = reasons.as_slice() else {
        panic!("{reasons:?}");
    };
    assert_eq!(failure.reason, Reason::SignatureInvalid);
}

#[tokio::test]
async fn a_log_that_is_down_is_not_asked_for_ever() {
    let world = World::new().await;
    let objects: Vec<Object> = (0..20)
        .map(|number| {
            let payload = [COMMIT, number.to_string().as_bytes(), b"\n"].concat();
            commit(&world.forge.signed_commit(&payload))
        })
        .collect();
    world.log.lock().unwrap().instead = Some(|| {
        let page = "<html>This service has moved</html>";
        (StatusCode::OK, [("content-type", "text/html")], page).into_response()
    });
    let mut outcomes = BTreeMap::new();
    let all = objects.iter().map(wanted).collect();
    let each = |id, outcome| {
        outcomes.insert(id, outcome);
    };
    world.search.rescue_all(all, each).await;
    assert_eq!(outcomes.len(), 20);
    let is_page = |outcome: &Result<Rescued, RescueError>| match outcome {
        Err(RescueError::Service(error)) => {
            assert!(matches!(&error.problem, Problem::Unreadable { detail, .. }
                if detail == "it is a web page, and not JSON"));
            true
        }
        Err(RescueError::NotAsked) => false,
        outcome => panic!("{outcome:?}"),
    };
    let asked = outcomes.values().filter(|outcome| is_page(outcome)).count();
    assert!((3..=6).contains(&asked), "{asked}");
    assert_eq!(world.log.lock().unwrap().asked, asked);
}

#[tokio::test]
async fn many_are_rescued_at_once_and_each_gets_its_own() {
    let world = World::new().await;
    let mut objects = Vec::new();
    for number in 0..9 {
        let payload = [COMMIT, number.to_string().as_bytes(), b"\n"].concat();
        let signed = world.forge.signed_commit(&payload);
        let object = commit(&signed);
        if number % 3 != 0 {
            world.log(&signed, &text(&object.id()));
        }
        objects.push(object);
    }
    let mut bundles = BTreeMap::new();
    let all = objects.iter().map(wanted).collect();
    let each = |id, outcome: Result<Rescued, RescueError>| match outcome {
        Ok(rescued) => drop(bundles.insert(id, rescued.bundle)),
        Err(error) => assert_eq!(error, RescueError::NotFound),
    };
    world.search.rescue_all(all, each).await;
    assert_eq!(bundles.len(), 6);
    let all: Vec<Bundle> = bundles.values().cloned().collect();
    for object in &objects {
        // Whichever bundles are beside it, only its own counts.
        let verdict = world.verifier.verify_with(object, &all, None);
        let is_proven = verdict.outcome == Outcome::Proven;
        assert_eq!(is_proven, bundles.contains_key(&object.id()));
    }
}
