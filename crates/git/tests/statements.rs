//! Approvals, carry-over, source provenance and summaries: made, proven, and everything that lies.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

use serde_json::{Value, json};
use signhere_git::approve::{APPROVAL, approval, approval_in, approvals};
use signhere_git::attest::{
    Actor, Expected, Facts, LEVEL, PolicyFacts, SIGNED_BY_LISTED, SOURCE_PROVENANCE, TWO_PEOPLE,
    Unmet, VERIFIER, provenance_in, summary_in,
};
use signhere_git::carry::{
    CARRY_OVER, CarryError, Method, Source, carried, carried_in, carry_over, follow,
};
use signhere_git::object::{Object, ObjectId, ObjectKind};
use signhere_git::statement::NotAttested;
use signhere_git::verdict::Outcome;
use signhere_git::verifier::GitVerifier;
use signhere_pki::digest::HashAlgorithm;
use signhere_testkit::forge::{
    Content, Entry, Forge, IDENTITY, ISSUER, Kind, RootVersion, SIGNED_AT, Stage,
};
use signhere_verify::bundle::Bundle;
use signhere_verify::policy::{Question, TrustFile, Trusted};
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verdict::{Reason, StepName};
use signhere_verify::verifier::Verifier;

const STATEMENT: Kind = Kind {
    content: Content::Dsse,
    entry: Entry::DsseV001,
    ..Kind::PLAIN
};
const TREE: &str = "0123456789abcdef0123456789abcdef01234567";

fn payload(tree: &str, message: &str) -> Vec<u8> {
    format!(
        "tree {tree}\nauthor Ada <ada@example.test> 1780315200 +0000\ncommitter Ada <ada@example.test> 1780315200 +0000\n\n{message}\n"
    )
    .into_bytes()
}

fn commit(bytes: impl Into<Vec<u8>>) -> Object {
    Object::parse(ObjectKind::Commit, bytes).unwrap()
}

struct World {
    forge: Forge,
    verifier: GitVerifier,
    commit: Object,
}

impl World {
    fn new() -> Self {
        let forge = Forge::new();
        let root = forge.trusted_root(RootVersion::V0_1).to_string();
        let root = TrustedRoot::parse(root.as_bytes()).unwrap();
        Self {
            verifier: GitVerifier::new(Verifier::new(root).unwrap()),
            commit: commit(payload(TREE, "a commit")),
            forge,
        }
    }

    /// The bundle of a statement, signed by somebody of the instance.
    fn signed(&self, statement: &[u8]) -> Bundle {
        let forged = self.forge.spoiled(STATEMENT, |stage| {
            if let Stage::Sign(plan) = stage {
                plan.payload = statement.to_vec();
            }
        });
        Bundle::parse(&forged.to_bytes()).unwrap()
    }

    /// The bundle of a statement that somebody has changed before it was signed.
    fn changed(&self, statement: &[u8], change: impl Fn(&mut Value)) -> Bundle {
        let mut statement: Value = serde_json::from_slice(statement).unwrap();
        change(&mut statement);
        self.signed(statement.to_string().as_bytes())
    }

    fn approves(&self, bundle: &Bundle) -> Result<(), NotAttested> {
        let id = self.commit.id();
        let alone = approval_in(&self.verifier, (ObjectKind::Commit, &id), bundle).map(drop);
        let among = approvals(
            &self.verifier,
            (ObjectKind::Commit, &id),
            std::slice::from_ref(bundle),
        );
        assert_eq!(among.len(), usize::from(alone.is_ok()));
        alone
    }

    fn carries(&self, bundle: &Bundle) -> Result<(), CarryError> {
        let alone = carried_in(&self.verifier, &self.commit, bundle).map(drop);
        let among = carried(&self.verifier, &self.commit, std::slice::from_ref(bundle));
        assert_eq!(among.len(), usize::from(alone.is_ok()));
        alone
    }

    /// A commit as gitsign signs online, and the entry that proves it.
    fn source(&self, message: &str) -> Source {
        let signed = self.forge.signed_commit(&payload(TREE, message));
        let object = commit(signed.object.clone());
        let (_, answer) = self
            .forge
            .logged(&signed, object.id().to_string().as_bytes());
        let entry =
            signhere_verify::bundle::TlogEntry::from_rekor_v1_json(answer.to_string().as_bytes());
        let signature =
            signhere_git::cms::GitSignature::from_armor(object.own_signature().unwrap()).unwrap();
        let wanted = signhere_git::proof::Wanted::new(
            &object,
            signature.certificate().clone(),
            signature.attributes_set().to_vec(),
        );
        Source {
            bundles: vec![wanted.bundle(entry.unwrap()).unwrap()],
            object,
        }
    }
}

#[test]
fn an_approval_is_of_one_commit_and_its_signer_s() {
    let world = World::new();
    let statement = approval((ObjectKind::Commit, &world.commit.id()));
    let bundle = world.signed(&statement);
    world.approves(&bundle).unwrap();

    // Everything else is none, whoever put it into the note.
    let other = ObjectId::of(world.commit.format(), ObjectKind::Commit, b"another");
    let replayed = world.signed(&approval((ObjectKind::Commit, &other)));
    let expected = format!("gitCommit:{}", world.commit.id());
    assert_eq!(
        world.approves(&replayed),
        Err(NotAttested::Subject {
            expected: expected.clone()
        })
    );
    let tag = world.changed(&statement, |statement| {
        let id = statement["subject"][0]["digest"]["gitCommit"].take();
        statement["subject"][0]["digest"] = json!({ "gitTag": id });
    });
    assert_eq!(world.approves(&tag), Err(NotAttested::Subject { expected }));
    let two = world.changed(&statement, |statement| {
        let one = statement["subject"][0].clone();
        statement["subject"].as_array_mut().unwrap().push(one);
    });
    assert_eq!(
        world.approves(&two),
        Err(NotAttested::Subjects { found: 2 })
    );
    let typed = world.changed(&statement, |statement| {
        statement["predicateType"] = json!(SOURCE_PROVENANCE);
    });
    let found = SOURCE_PROVENANCE.to_owned();
    assert_eq!(world.approves(&typed), Err(NotAttested::Type { found }));
    for predicate in [
        json!({}),
        json!({ "decision": "rejected" }),
        json!("approved"),
    ] {
        let said = world.changed(&statement, |statement| {
            statement["predicate"] = predicate.clone();
        });
        let refused = world.approves(&said);
        assert!(
            matches!(refused, Err(NotAttested::Predicate { .. })),
            "{refused:?}"
        );
    }
    let plain = Bundle::parse(&world.forge.bundle(Kind::PLAIN).to_bytes()).unwrap();
    assert_eq!(world.approves(&plain), Err(NotAttested::Signature));
    let garbage = world.signed(b"{}");
    assert!(matches!(
        world.approves(&garbage),
        Err(NotAttested::Statement(_))
    ));

    // Signed elsewhere, or over something else.
    let stranger = World::new().signed(&statement);
    let Err(NotAttested::Refused(failure)) = world.approves(&stranger) else {
        panic!("a stranger's instance");
    };
    assert_eq!(failure.step, StepName::Log);
    let mut tampered = World::new().signed(&approval((ObjectKind::Commit, &other)));
    tampered.material = bundle.material.clone();
    let Err(NotAttested::Subject { .. }) = world.approves(&tampered) else {
        panic!("another's statement");
    };
    let mut tampered = world.signed(&typed_like(&statement));
    tampered.material = bundle.material;
    let Err(NotAttested::Refused(failure)) = world.approves(&tampered) else {
        panic!("another's key");
    };
    assert_eq!(failure.reason, Reason::SignatureInvalid);
}

/// The same statement in other bytes.
fn typed_like(statement: &[u8]) -> Vec<u8> {
    [statement, b"\n"].concat()
}

#[test]
fn a_carry_over_holds_the_commits_and_they_are_verified_again() {
    let world = World::new();
    let sources = [world.source("second"), world.source("first")];
    let statement = carry_over(&world.commit, Method::Tree, &sources).unwrap();
    let bundle = world.signed(&statement);
    let [found] = carried(&world.verifier, &world.commit, &[bundle])
        .try_into()
        .unwrap();
    assert_eq!(found.method, Method::Tree);
    for (source, expected) in found.sources.iter().zip(&sources) {
        assert_eq!(source.object, expected.object);
        let outcome = |bundles: &[Bundle]| {
            let verifier = &world.verifier;
            verifier.verify_with(&source.object, bundles, None).outcome
        };
        assert_eq!(outcome(&source.bundles), Outcome::Proven);
        // The entry of the other one proves nothing, and neither does none.
        assert!(matches!(outcome(&[]), Outcome::Unproven(_)));
    }
    let other =
        world
            .verifier
            .verify_with(&found.sources[0].object, &found.sources[1].bundles, None);
    assert!(matches!(other.outcome, Outcome::Unproven(_)));
}

#[test]
fn a_carry_over_counts_by_a_carrier_and_of_nobody_but_listed_signers() {
    let world = World::new();
    let sources = [world.source("second"), world.source("first")];
    let counts = |sources: &[Source], files: &[&str]| {
        let statement = carry_over(&world.commit, Method::Tree, sources).unwrap();
        let files = files.iter().map(|text| {
            let none = |_: &str| Err(String::new());
            TrustFile::parse(text, "trust.toml", None, &none).unwrap()
        });
        let question = Question::new(Trusted::new(files.collect()).into());
        let bundles = [world.signed(&statement)];
        follow(&world.verifier, &question, &world.commit, &bundles).map(|found| found.carrier)
    };
    let signer = |name: &str, identity: &str| {
        format!("[signers.{name}]\nidentity = \"{identity}\"\nissuer = \"{ISSUER}\"\n")
    };
    let carriers = "[git]\ncarriers = [\"ci\"]\n";
    let listed = signer("ci", IDENTITY);
    let carrier = listed.clone() + carriers;
    assert_eq!(counts(&sources, &[&carrier]), Some("ci".to_owned()));
    assert_eq!(counts(&sources, &[&listed]), None);
    // Whom another file calls the same is somebody else.
    let other = signer("ci", "other@example.test") + carriers;
    assert_eq!(counts(&sources, &[&other, &listed]), None);
    // One commit that nobody proves, or that a stranger signed, spoils it.
    let [mut unproven, proven] = sources.clone();
    unproven.bundles.clear();
    assert_eq!(counts(&[unproven, proven], &[&carrier]), None);
    let until = format!("{listed}until = 2020-01-01T00:00:00Z\n{carriers}");
    assert_eq!(counts(&sources, &[&until]), None);
}

#[test]
fn a_carry_over_that_contradicts_itself_is_none() {
    let world = World::new();
    let source = world.source("a source");
    let statement = carry_over(&world.commit, Method::Tree, std::slice::from_ref(&source)).unwrap();
    world.carries(&world.signed(&statement)).unwrap();
    let refused = |change: &dyn Fn(&mut Value)| {
        let bundle = world.changed(&statement, |statement| change(&mut statement["predicate"]));
        world.carries(&bundle).unwrap_err()
    };

    assert_eq!(
        refused(&|predicate| predicate["sources"] = json!([])),
        CarryError::Count { found: 0 }
    );
    let many = |predicate: &mut Value| {
        let one = json!({ "id": "", "commit": "" });
        predicate["sources"] = vec![one; 257].into();
    };
    assert_eq!(refused(&many), CarryError::Count { found: 257 });
    let huge = |predicate: &mut Value| {
        predicate["sources"][0]["commit"] = "A".repeat((2 << 20) + 1).into();
    };
    assert_eq!(refused(&huge), CarryError::TooLarge);
    assert_eq!(
        refused(&|predicate| predicate["sources"][0]["commit"] = json!("?")),
        CarryError::Base64
    );
    let wrong = |predicate: &mut Value| predicate["sources"][0]["id"] = json!(TREE);
    let (expected, found) = (TREE.to_owned(), source.object.id());
    assert_eq!(refused(&wrong), CarryError::WrongId { expected, found });
    let bundles = |predicate: &mut Value| predicate["sources"][0]["bundles"] = json!([{}]);
    assert!(matches!(refused(&bundles), CarryError::Bundle(_)));
    let object = |predicate: &mut Value| predicate["sources"][0]["commit"] = json!("AAAA");
    assert!(matches!(refused(&object), CarryError::Object(_)));
    assert!(matches!(
        refused(&|predicate| predicate["method"] = json!("trust me")),
        CarryError::NotAttested(NotAttested::Predicate { .. })
    ));

    // About a commit with another tree: told by the commits themselves.
    let other_tree = "1".repeat(40);
    let merged = commit(payload(&other_tree, "merged"));
    let error = carry_over(&merged, Method::Tree, std::slice::from_ref(&source)).unwrap_err();
    let expected = CarryError::Tree {
        merged: other_tree.parse().unwrap(),
        source_tree: TREE.parse().unwrap(),
    };
    assert_eq!(error, expected);
    let lie = world.changed(&statement, |statement| {
        statement["subject"][0]["digest"]["gitCommit"] = json!(merged.id().to_string());
    });
    let error = carried_in(&world.verifier, &merged, &lie).unwrap_err();
    assert_eq!(error, expected);
    // It may say that the changes are equal; whether to believe that is for the policy to say.
    let patch = carry_over(&merged, Method::Patch, std::slice::from_ref(&source)).unwrap();
    carried_in(&world.verifier, &merged, &world.signed(&patch)).unwrap();
    // Nobody came from themselves.
    let itself = carry_over(&source.object, Method::Tree, std::slice::from_ref(&source));
    assert_eq!(itself.unwrap_err(), CarryError::Itself);
    // An approval is none, and the reverse.
    let approving = world.signed(&approval((ObjectKind::Commit, &world.commit.id())));
    let found = APPROVAL.to_owned();
    let not_one = CarryError::NotAttested(NotAttested::Type { found });
    assert_eq!(world.carries(&approving), Err(not_one));
    let found = CARRY_OVER.to_owned();
    let not_one = NotAttested::Type { found };
    assert_eq!(world.approves(&world.signed(&statement)), Err(not_one));
}

#[test]
fn provenance_and_summary_say_what_was_verified_and_no_more() {
    let world = World::new();
    let actor = |name: &str| Actor {
        identity: format!("{name}@example.test"),
        issuer: "https://issuer.example.test".to_owned(),
    };
    let digest = HashAlgorithm::Sha256.digest(b"the trust file");
    let listed = PolicyFacts {
        digest: Some(digest),
        uri: ".signhere/trust.toml".to_owned(),
    };
    let none = PolicyFacts {
        digest: None,
        uri: "none".to_owned(),
    };
    let refs = ["refs/heads/main".to_owned()];
    let (ada, bob) = (actor("ada"), actor("bob"));
    let id = world.commit.id();
    let cases: [(&PolicyFacts, usize, &[&str]); 4] = [
        (&none, 2, &[LEVEL]),
        (&listed, 0, &[LEVEL]),
        (&listed, 1, &[LEVEL, SIGNED_BY_LISTED]),
        (&listed, 2, &[LEVEL, SIGNED_BY_LISTED, TWO_PEOPLE]),
    ];
    for (policy, people, levels) in cases {
        let (signers, approvers) = ([ada.clone()], [bob.clone()]);
        let facts = Facts {
            commit: &world.commit,
            repository: "git+https://forge.example.test/hello",
            refs: &refs,
            signers: &signers,
            approvers: &approvers,
            people,
            signed_at: Some(SIGNED_AT),
            policy,
            at: SIGNED_AT,
        };
        let provenance = world.signed(&facts.source_provenance());
        let read = provenance_in(&world.verifier, &id, &provenance).unwrap();
        assert_eq!(
            (read.signers, read.approvers),
            (vec![ada.clone()], approvers.to_vec())
        );
        assert_eq!(read.repository, facts.repository);

        let input = HashAlgorithm::Sha256.digest(&provenance.to_json());
        let summary = world.signed(&facts.verification_summary(&[input]));
        let read = summary_in(&world.verifier, &id, &summary).unwrap();
        assert!(read.passed);
        assert_eq!(read.verified_levels, levels);
        assert_eq!(read.policy_digest, policy.digest.map(|digest| digest.hex()));
        assert_eq!(
            (read.verifier.as_str(), &read.source_refs[..]),
            (VERIFIER, &refs[..])
        );
        let other = ObjectId::of(world.commit.format(), ObjectKind::Commit, b"another");
        let error = summary_in(&world.verifier, &other, &summary).unwrap_err();
        assert!(matches!(error, NotAttested::Subject { .. }));
        let error = summary_in(&world.verifier, &id, &provenance).unwrap_err();
        assert!(matches!(error, NotAttested::Type { .. }));
    }
}

#[test]
fn a_summary_with_anything_wrong_is_none() {
    let world = World::new();
    let id = world.commit.id();
    let policy = PolicyFacts {
        digest: Some(HashAlgorithm::Sha256.digest(b"the trust file")),
        uri: ".signhere/trust.toml".to_owned(),
    };
    let (uri, reference) = ("git+https://forge.example.test/hello", "refs/heads/main");
    let refs = [reference.to_owned()];
    let facts = Facts {
        commit: &world.commit,
        repository: uri,
        refs: &refs,
        signers: &[],
        approvers: &[],
        people: 1,
        signed_at: None,
        policy: &policy,
        at: SIGNED_AT,
    };
    let right = facts.verification_summary(&[]);
    let read = |change: &dyn Fn(&mut Value)| {
        let bundle = world.changed(&right, change);
        summary_in(&world.verifier, &id, &bundle)
    };

    // Of another form: a member of the predicate, and what it must not be.
    let forms: [(&str, Value, &str); 23] = [
        ("verifier", json!(null), "invalid type: null"),
        ("verifier", json!({}), "missing field `id`"),
        ("verifier", json!({ "id": "" }), "verifier.id is no URI"),
        ("verifier", json!({ "id": "a b" }), "verifier.id is no URI"),
        (
            "verifier",
            json!({ "id": "a:b", "version": 1 }),
            "invalid type",
        ),
        (
            "verifier",
            json!({ "id": "a:b", "version": { "": "1" } }),
            "by nothing",
        ),
        ("timeVerified", json!(1), "invalid type"),
        ("timeVerified", json!("yesterday"), "timeVerified: "),
        ("resourceUri", json!(null), "invalid type: null"),
        ("resourceUri", json!(""), "resourceUri is no URI"),
        ("policy", json!(null), "invalid type: null"),
        ("policy", json!({}), "missing field `uri`"),
        (
            "policy",
            json!({ "uri": "a", "digest": [] }),
            "invalid type",
        ),
        (
            "inputAttestations",
            json!([{ "uri": "a" }]),
            "missing field `digest`",
        ),
        (
            "inputAttestations",
            json!([{ "digest": {} }]),
            "has no digest",
        ),
        ("verificationResult", json!("passed"), "unknown variant"),
        (
            "verifiedLevels",
            json!("SLSA_SOURCE_LEVEL_1"),
            "invalid type",
        ),
        (
            "verifiedLevels",
            json!(["ORG_SOURCE_X"]),
            "no SLSA_SOURCE_LEVEL_ is verified",
        ),
        (
            "verifiedLevels",
            json!(["SLSA_SOURCE_LEVEL_1", "SLSA_SOURCE_LEVEL_2"]),
            "two levels",
        ),
        (
            "verifiedLevels",
            json!(["SLSA_SOURCE_LEVEL_1", "SLSA_OURS"]),
            "is no level of SLSA",
        ),
        (
            "verifiedLevels",
            json!(["SLSA_SOURCE_LEVEL_1", "FAILED"]),
            "has FAILED",
        ),
        (
            "dependencyLevels",
            json!({ "SLSA_OURS": 1 }),
            "is no level of SLSA",
        ),
        ("slsaVersion", json!("1"), "slsaVersion is"),
    ];
    for (member, value, words) in forms {
        let change = |statement: &mut Value| statement["predicate"][member] = value.clone();
        let Err(NotAttested::Predicate { detail }) = read(&change) else {
            panic!("{member}: {value} is read");
        };
        assert!(detail.contains(words), "{member}: {value}: {detail}");
    }
    let short = |statement: &mut Value| {
        statement["subject"][0]["annotations"]["sourceRefs"] = json!(["main"]);
    };
    assert!(matches!(read(&short), Err(NotAttested::Predicate { .. })));

    // What the specification leaves to those who write may be there or not.
    let bare = |statement: &mut Value| {
        let predicate = statement["predicate"].as_object_mut().unwrap();
        for member in ["timeVerified", "inputAttestations", "slsaVersion"] {
            predicate.remove(member);
        }
        predicate.insert("https://example.test/more".to_owned(), json!(1));
    };
    let levels = [LEVEL.to_owned(), SIGNED_BY_LISTED.to_owned()];
    let expected = Expected {
        resource_uri: Some(uri),
        reference: Some(reference),
        levels: &levels,
    };
    assert_eq!(read(&bare).unwrap().meets(&expected), Ok(()));
    assert_eq!(read(&|_| {}).unwrap().meets(&expected), Ok(()));

    // Of that form, and not what is expected.
    let text = |text: &str| text.to_owned();
    let others: [(&str, Value, Unmet); 4] = [
        ("verificationResult", json!("FAILED"), Unmet::Failed),
        (
            "verifier",
            json!({ "id": "https://example.test" }),
            Unmet::Verifier {
                found: text("https://example.test"),
            },
        ),
        (
            "resourceUri",
            json!("git+https://forge.example.test/fork"),
            Unmet::Resource {
                expected: text(uri),
                found: text("git+https://forge.example.test/fork"),
            },
        ),
        (
            "verifiedLevels",
            json!([LEVEL]),
            Unmet::Level {
                expected: text(SIGNED_BY_LISTED),
            },
        ),
    ];
    for (member, value, unmet) in others {
        let change = |statement: &mut Value| statement["predicate"][member] = value.clone();
        assert_eq!(read(&change).unwrap().meets(&expected), Err(unmet));
    }
    let branch = |statement: &mut Value| {
        statement["subject"][0]["annotations"]["sourceRefs"] = json!(["refs/heads/topic"]);
    };
    let found = vec![text("refs/heads/topic")];
    let unmet = Unmet::Reference {
        expected: text(reference),
        found,
    };
    assert_eq!(read(&branch).unwrap().meets(&expected), Err(unmet));
    let much = |statement: &mut Value| {
        statement["predicate"]["verifiedLevels"] = json!(["SLSA_SOURCE_LEVEL_3"]);
    };
    let found = text("SLSA_SOURCE_LEVEL_3");
    let unmet = Unmet::Excessive { found };
    assert_eq!(read(&much).unwrap().meets(&Expected::default()), Err(unmet));
}
