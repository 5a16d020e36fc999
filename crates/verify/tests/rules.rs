//! Each rule of verification, broken alone in an otherwise good bundle of our own making.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure here is a failed test"
)]

mod world;

use signhere_log::checkpoint::CheckpointError;
use signhere_log::note::NoteError;
use signhere_pki::chain::ChainError;
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::key::{KeyKind, Scheme, Signer as _};
use signhere_pki::time::Time;
use signhere_pki::tsp::TspError;
use signhere_verify::bundle::{Bundle, BundleVersion, TlogEntry};
use signhere_verify::dsse::{Envelope, INTOTO_PAYLOAD_TYPE};
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verdict::{Failure, Reason, Step, StepName};
use signhere_verify::verifier::{Artifact, Policy, Verifier};

use world::{ARTIFACT, Identity, NOW, World, policy, verify_with};

const KINDS: [KeyKind; 5] = [
    KeyKind::P256,
    KeyKind::P384,
    KeyKind::P521,
    KeyKind::Rsa2048,
    KeyKind::Ed25519,
];

#[test]
fn bundles_of_every_kind_are_accepted() {
    let world = World::new();
    for kind in KINDS {
        for mut who in [world.keyless(kind), world.managed(kind)] {
            if kind == KeyKind::Ed25519 {
                who.key = who.key.with_scheme(Scheme::Ed25519ph).unwrap();
                who.scheme = Scheme::Ed25519ph;
            }
            for bundle in [
                world.sign_v2(&who),
                world.attest_v2(&who),
                world.sign_v1(&who),
            ] {
                let verdict = verify_with(world.root(), &bundle, &who.policy());
                assert_eq!(verdict.failure, None, "{kind}");
            }
        }
    }
    for kind in KINDS {
        let who = world.keyless(kind);
        let verdict = world.verify(&world.attest_v1(&who));
        assert_eq!(verdict.failure, None, "{kind}");
    }
}

#[test]
fn evidence_names_what_was_used() {
    let world = World::new();
    let who = world.keyless(KeyKind::P256);
    let verdict = world.verify(&world.sign_v2(&who));
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["verified"], true);
    assert_eq!(json["failure"], serde_json::Value::Null);
    let step = |name: &str| {
        let steps = json["steps"].as_array().unwrap();
        steps.iter().find(|step| step["step"] == name).unwrap()
    };
    assert_eq!(
        step("artifact")["digest"],
        HashAlgorithm::Sha256.digest(ARTIFACT).to_string()
    );
    assert_eq!(step("signature")["scheme"], "ECDSA P-256 with SHA-256");
    let entry = &step("log")["entries"][0];
    assert_eq!(entry["log"], "https://log.example");
    assert_eq!(entry["index"], 1);
    assert_eq!(entry["proof"]["treeSize"], 2);
    assert_eq!(entry["proof"]["checkpoint"], "log.example");
    assert_eq!(
        step("time")["times"][0]["time"],
        Time::from_unix(NOW).to_string()
    );
    assert_eq!(step("time")["times"][0]["kind"], "timestamp");
    assert_eq!(step("certificate")["authority"], "https://ca.example");
    assert_eq!(step("sct")["log"], "https://ct.example");
    assert_eq!(step("identity")["identity"], world::IDENTITY);
    assert_eq!(step("identity")["kind"], "email");
    assert_eq!(step("identity")["issuer"], world::ISSUER);
}

#[test]
fn log_entries_are_bound_to_the_signature() {
    let world = World::new();
    let who = world.keyless(KeyKind::P256);
    let other = world.keyless(KeyKind::P256);
    let good = world.sign_v2(&who);
    let digest = HashAlgorithm::Sha256.digest(ARTIFACT);
    let signature = good.signature().to_vec();

    let logged = |body: Vec<u8>| with_entry(&good, world.log_v2(&body));
    let again = who.key.sign(ARTIFACT).unwrap();
    assert_ne!(again, signature);
    let bundle = logged(who.rekord(digest, &again).canonical_body());
    assert_eq!(refused(&world, &bundle).reason, Reason::EntrySignature);

    let bundle = logged(other.rekord(digest, &signature).canonical_body());
    assert_eq!(refused(&world, &bundle).reason, Reason::EntryKey);

    let elsewhere = HashAlgorithm::Sha256.digest(b"something else");
    let bundle = logged(who.rekord(elsewhere, &signature).canonical_body());
    let failure = refused(&world, &bundle);
    assert_eq!(
        failure,
        Failure {
            step: StepName::Log,
            reason: Reason::EntryDigest,
            item: Some(0),
            expected: Some(digest.to_string()),
            found: Some(elsewhere.to_string()),
        }
    );
}

#[test]
fn an_entry_for_an_envelope_does_not_stand_for_an_artifact() {
    let world = World::new();
    let who = world.keyless(KeyKind::P256);
    let attested = world.attest_v1(&who);
    let bundle = with_entry(
        &world.sign_v1(&who),
        attested.material.tlog_entries[0].clone(),
    );
    assert_eq!(refused(&world, &bundle).reason, Reason::EntryContent);
}

#[test]
fn the_second_generation_has_one_index_and_no_time() {
    let world = World::new();
    let good = world.sign_v2(&world.keyless(KeyKind::P256));
    let cases: [(ChangeIn, Reason); 4] = [
        (
            |_, entry| entry.integrated_time = NOW,
            Reason::IntegratedTime,
        ),
        (
            |world, entry| world.promise(entry),
            Reason::PromiseUnexpected,
        ),
        (|_, entry| entry.log_index = 0, Reason::IndexMismatch),
        (|_, entry| entry.proof = None, Reason::ProofMissing),
    ];
    for (change, reason) in cases {
        let mut bundle = good.clone();
        change(&world, &mut bundle.material.tlog_entries[0]);
        assert_eq!(refused(&world, &bundle).reason, reason);
    }
}

#[test]
fn the_first_generation_counts_time_only_under_its_promise() {
    let world = World::new();
    let good = world.sign_v1(&world.keyless(KeyKind::P256));
    let cases: [(Change, Reason); 5] = [
        (|entry| entry.promise = None, Reason::TimeMissing),
        (|entry| entry.integrated_time += 1, Reason::PromiseInvalid),
        (|entry| entry.log_index += 1, Reason::PromiseInvalid),
        (|entry| entry.proof = None, Reason::ProofMissing),
        (
            |entry| proof(entry).checkpoint.clear(),
            Reason::CheckpointMissing,
        ),
    ];
    for (change, reason) in cases {
        let mut bundle = good.clone();
        change(&mut bundle.material.tlog_entries[0]);
        assert_eq!(refused(&world, &bundle).reason, reason);
    }
}

#[test]
fn only_the_oldest_bundles_may_rest_on_a_promise_alone() {
    let world = World::new();
    let mut bundle = world.sign_v1(&world.keyless(KeyKind::P256));
    bundle.material.tlog_entries[0].proof = None;
    let verify = |version| {
        let mut bundle = bundle.clone();
        bundle.version = version;
        let verifier = Verifier::new(world.root()).unwrap();
        let verdict = verifier.verify(&bundle, &Artifact::Bytes(ARTIFACT), &policy());
        verdict.failure.map(|failure| failure.reason)
    };
    assert_eq!(verify(BundleVersion::V0_1), None);
    assert_eq!(verify(BundleVersion::V0_2), Some(Reason::ProofMissing));
    assert_eq!(verify(BundleVersion::V0_3), Some(Reason::ProofMissing));
}

#[test]
fn checkpoints_are_of_the_log_and_of_the_proof() {
    let world = World::new();
    let who = world.keyless(KeyKind::P256);
    let good = world.sign_v2(&who);
    let other = World::new().sign_v2(&who);
    let swap = |from: &str, to: &str| {
        let mut bundle = good.clone();
        let checkpoint = &mut proof(&mut bundle.material.tlog_entries[0]).checkpoint;
        *checkpoint = checkpoint.replace(from, to);
        refused(&world, &bundle).reason
    };
    let name = || "log.example".to_owned();
    assert_eq!(
        swap("log.example\n2\n", "log.example.org\n2\n"),
        Reason::Checkpoint(CheckpointError::Origin {
            expected: name(),
            found: "log.example.org".to_owned(),
        })
    );
    assert_eq!(
        swap("\u{2014} log.example ", "\u{2014} other.example "),
        Reason::Checkpoint(CheckpointError::Note(NoteError::NotSignedBy {
            name: name()
        }))
    );
    assert_eq!(swap("\n2\n", "\n3\n"), Reason::CheckpointMismatch);
    assert_eq!(
        swap("\n\n\u{2014}", "\nan extension\n\n\u{2014}"),
        Reason::Checkpoint(CheckpointError::Note(NoteError::SignatureInvalid {
            name: name()
        }))
    );

    let mut bundle = good.clone();
    proof(&mut bundle.material.tlog_entries[0]).hashes[0][0] ^= 1;
    assert_eq!(refused(&world, &bundle).reason.code(), "SH-LOG-PROOF");

    let bundle = with_entry(&good, other.material.tlog_entries[0].clone());
    assert_eq!(refused(&world, &bundle).reason.code(), "SH-LOG-SIGNATURE");
}

#[test]
fn an_unknown_log_is_refused() {
    let world = World::new();
    let mut bundle = world.sign_v2(&world.keyless(KeyKind::P256));
    bundle.material.tlog_entries[0].log_id[0] ^= 1;
    assert_eq!(refused(&world, &bundle).reason, Reason::LogUnknown);
    bundle.material.tlog_entries.clear();
    assert_eq!(refused(&world, &bundle).reason, Reason::LogEntryMissing);
}

#[test]
fn nothing_counts_twice() {
    let world = World::new();
    let good = world.sign_v2(&world.keyless(KeyKind::P256));
    let mut bundle = good.clone();
    let entry = bundle.material.tlog_entries[0].clone();
    bundle.material.tlog_entries.push(entry);
    let failure = refused(&world, &bundle);
    assert_eq!(
        (failure.reason, failure.item),
        (Reason::LogEntryDuplicate, Some(1))
    );

    let mut bundle = good;
    let timestamp = bundle.material.timestamps[0].clone();
    bundle.material.timestamps.push(timestamp);
    let failure = refused(&world, &bundle);
    assert_eq!(
        (failure.reason, failure.item),
        (Reason::TimestampDuplicate, Some(1))
    );
}

#[test]
fn every_timestamp_has_to_verify() {
    let world = World::new();
    let good = world.sign_v2(&world.keyless(KeyKind::P256));
    let stamped = |timestamp: Vec<u8>| {
        let mut bundle = good.clone();
        bundle.material.timestamps.push(timestamp);
        refused(&world, &bundle)
    };
    let imprint = |bytes: &[u8]| Box::new(HashAlgorithm::Sha256.digest(bytes));
    let failure = stamped(world.timestamp(b"another signature", NOW));
    assert_eq!(failure.item, Some(1));
    assert_eq!(
        failure.reason,
        Reason::Timestamp(TspError::ImprintMismatch {
            expected: imprint(good.signature()),
            found: imprint(b"another signature"),
        })
    );
    let failure = stamped(World::new().timestamp(good.signature(), NOW));
    assert_eq!(failure.step, StepName::Time);

    // Good, but ten minutes after the certificate's end: every proven time counts.
    let failure = stamped(world.timestamp(good.signature(), NOW + 1200));
    assert_eq!(failure.step, StepName::Certificate);
    assert!(matches!(
        failure.reason,
        Reason::Chain(ChainError::Expired { .. })
    ));

    let mut bundle = good.clone();
    bundle.material.timestamps.clear();
    assert_eq!(refused(&world, &bundle).reason, Reason::TimeMissing);
}

#[test]
fn windows_of_the_trusted_root_are_closed_at_both_ends() {
    let world = World::new();
    let who = world.keyless(KeyKind::P256);
    let (v1, v2) = (world.sign_v1(&who), world.sign_v2(&who));
    let cases: [(&Bundle, ChangeRoot, Reason); 5] = [
        (
            &v1,
            |root, end| root.tlogs[0].validity.end = Some(end),
            Reason::LogWindow,
        ),
        (
            &v2,
            |root, end| root.tlogs[1].validity.end = Some(end),
            Reason::LogWindow,
        ),
        (
            &v2,
            |root, end| root.timestamp_authorities[0].validity.end = Some(end),
            Reason::TimestampWindow,
        ),
        (
            &v2,
            |root, end| root.certificate_authorities[0].validity.end = Some(end),
            Reason::AuthorityWindow,
        ),
        (
            &v2,
            |root, end| root.ctlogs[0].validity.end = Some(end),
            Reason::SctWindow,
        ),
    ];
    for (bundle, change, reason) in cases {
        for (end, expected) in [(NOW, None), (NOW - 1, Some(reason))] {
            let mut root = world.root();
            change(&mut root, Time::from_unix(end));
            let failure = verify_with(root, bundle, &policy()).failure;
            assert_eq!(failure.map(|failure| failure.reason), expected);
        }
    }
}

#[test]
fn a_retired_log_needs_a_time_even_for_a_bare_key() {
    let world = World::new();
    let who = world.managed(KeyKind::P256);
    let mut bundle = world.sign_v2(&who);
    bundle.material.timestamps.clear();
    let mut root = world.root();
    assert_eq!(
        verify_with(root.clone(), &bundle, &who.policy()).failure,
        None
    );
    root.tlogs[1].validity.end = Some(Time::from_unix(NOW));
    let failure = verify_with(root, &bundle, &who.policy()).failure.unwrap();
    assert_eq!(failure.reason, Reason::TimeMissing);
}

#[test]
fn an_instance_may_have_no_logs() {
    let world = World::new();
    let who = world.keyless(KeyKind::P256);
    let mut bundle = world.sign_v2(&who);
    let mut root = world.root();
    root.tlogs.clear();
    root.ctlogs.clear();
    let failure = verify_with(root.clone(), &bundle, &policy())
        .failure
        .unwrap();
    assert_eq!(failure.reason, Reason::LogUnknown);

    bundle.material.tlog_entries.clear();
    let verdict = verify_with(root.clone(), &bundle, &policy());
    assert_eq!(verdict.failure, None);
    let Some(Step::Log(log)) = verdict.step(StepName::Log) else {
        panic!("no log step");
    };
    assert!(!log.required);

    root.timestamp_authorities.clear();
    let failure = verify_with(root, &bundle, &policy()).failure.unwrap();
    assert_eq!(failure.reason, Reason::TimestampUntrusted);
}

#[test]
fn certificates_and_their_logs_are_the_trusted_roots() {
    let world = World::new();
    let bundle = world.sign_v2(&world.keyless(KeyKind::P256));
    let stranger = World::new().root();

    let mut root = world.root();
    root.certificate_authorities = stranger.certificate_authorities;
    let failure = verify_with(root, &bundle, &policy()).failure.unwrap();
    // The stranger's authority has the same name and another key.
    assert!(matches!(
        failure.reason,
        Reason::Chain(ChainError::SignatureInvalid { .. })
    ));

    let mut root = world.root();
    root.certificate_authorities.clear();
    let failure = verify_with(root, &bundle, &policy()).failure.unwrap();
    assert_eq!(failure.reason, Reason::CertificateUntrusted);

    let mut root = world.root();
    root.ctlogs = stranger.ctlogs;
    let failure = verify_with(root, &bundle, &policy()).failure.unwrap();
    assert_eq!(failure.reason, Reason::SctUnknownLog);
}

#[test]
fn the_policy_decides_between_key_and_certificate() {
    let world = World::new();
    let (keyless, managed) = (world.keyless(KeyKind::P256), world.managed(KeyKind::P256));
    let reason = |who: &Identity, policy: &Policy| {
        let failure = verify_with(world.root(), &world.sign_v2(who), policy).failure;
        failure.unwrap().reason
    };
    assert_eq!(
        reason(&keyless, &managed.policy()),
        Reason::PolicyNeedsCertificate
    );
    assert_eq!(reason(&managed, &policy()), Reason::PolicyNeedsKey);
    // The hint is the same for both: it never chooses the key.
    let other = world.managed(KeyKind::P256);
    assert_eq!(reason(&managed, &other.policy()), Reason::SignatureInvalid);
    let identity = |identity: &str, issuer: &str| Policy::Identity {
        identity: identity.to_owned(),
        issuer: issuer.to_owned(),
    };
    for wrong in [
        "dev@example.co",
        "dev@example.com.org",
        "Dev@example.com",
        ".*",
        "",
    ] {
        let policy = identity(wrong, world::ISSUER);
        assert_eq!(reason(&keyless, &policy), Reason::IdentityMismatch);
    }
    for wrong in ["https://issuer.example/", "https://issuer", ""] {
        let policy = identity(world::IDENTITY, wrong);
        assert_eq!(reason(&keyless, &policy), Reason::IssuerMismatch);
    }
}

#[test]
fn digests_stand_in_where_the_scheme_allows() {
    let world = World::new();
    let verify = |bundle: &Bundle, policy: &Policy, digests: &[Digest]| {
        let verifier = Verifier::new(world.root()).unwrap();
        let verdict = verifier.verify(bundle, &Artifact::Digests(digests), policy);
        verdict.failure.map(|failure| failure.reason)
    };
    let who = world.keyless(KeyKind::P384);
    let bundle = world.sign_v2(&who);
    assert_eq!(bundle.required_hashes(), [HashAlgorithm::Sha384]);
    let sha256 = HashAlgorithm::Sha256.digest(ARTIFACT);
    let sha384 = HashAlgorithm::Sha384.digest(ARTIFACT);
    assert_eq!(verify(&bundle, &policy(), &[sha384]), None);
    assert_eq!(
        verify(&bundle, &policy(), &[sha256]),
        Some(Reason::ArtifactDigestMissing)
    );

    let bundle = world.attest_v2(&who);
    assert_eq!(bundle.required_hashes(), [HashAlgorithm::Sha256]);
    assert_eq!(verify(&bundle, &policy(), &[sha256]), None);
    assert_eq!(
        verify(&bundle, &policy(), &[sha384]),
        Some(Reason::ArtifactDigestMissing)
    );

    // Pure Ed25519, which no log can hold: an instance without one.
    let who = world.managed(KeyKind::Ed25519);
    let signature = who.key.sign(ARTIFACT).unwrap();
    let bundle = who.bundle().message_signature(sha256, signature);
    let mut root = world.root();
    root.tlogs.clear();
    let verifier = Verifier::new(root).unwrap();
    let verify = |artifact| verifier.verify(&bundle, &artifact, &who.policy()).failure;
    assert_eq!(verify(Artifact::Bytes(ARTIFACT)), None);
    let failure = verify(Artifact::Digests(&[sha256])).unwrap();
    assert_eq!(failure.reason, Reason::ArtifactBytesNeeded);
}

#[test]
fn envelopes_hold_statements_about_the_artifact() {
    let world = World::new();
    let who = world.keyless(KeyKind::P256);
    let attested = |envelope: Envelope| {
        let digest = HashAlgorithm::Sha256.digest(&envelope.pae());
        let body = who.rekord(digest, envelope.signature()).canonical_body();
        let timestamp = world.timestamp(envelope.signature(), NOW);
        let bundle = who
            .bundle()
            .log_entry(world.log_v2(&body))
            .timestamp(timestamp)
            .envelope(envelope);
        world.verify(&bundle).failure.map(|failure| failure.reason)
    };
    assert_eq!(attested(who.envelope()), None);
    let other = who.envelope_of("application/json", &world::statement());
    assert_eq!(attested(other), Some(Reason::PayloadType));
    let text = String::from_utf8(world::statement()).unwrap();
    let digest = HashAlgorithm::Sha256.digest(ARTIFACT).hex();
    let elsewhere = text.replace(&digest, &"0".repeat(64));
    let other = who.envelope_of(INTOTO_PAYLOAD_TYPE, elsewhere.as_bytes());
    assert_eq!(attested(other), Some(Reason::SubjectMismatch));
    // The same value under the name of another algorithm is another digest.
    let elsewhere = text.replace("sha256", "sha512");
    let other = who.envelope_of(INTOTO_PAYLOAD_TYPE, elsewhere.as_bytes());
    assert_eq!(attested(other), Some(Reason::SubjectMismatch));
}

type Change = fn(&mut TlogEntry);
type ChangeIn = fn(&World, &mut TlogEntry);
type ChangeRoot = fn(&mut TrustedRoot, Time);

fn refused(world: &World, bundle: &Bundle) -> Failure {
    world.verify(bundle).failure.expect("refused")
}

fn with_entry(bundle: &Bundle, entry: TlogEntry) -> Bundle {
    let mut bundle = bundle.clone();
    bundle.material.tlog_entries = vec![entry];
    bundle
}

fn proof(entry: &mut TlogEntry) -> &mut signhere_verify::bundle::InclusionProof {
    entry.proof.as_mut().expect("a proof")
}
