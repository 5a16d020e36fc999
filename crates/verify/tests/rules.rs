//! What a verdict says, to the letter, and the rules that need more than one bundle to be seen.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod forge;

use serde_json::{Value, json};
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::key::{KeyKind, Scheme};
use signhere_testkit::forge::{
    ARTIFACT, Content, Entry, Forge, Forged, IDENTITY, ISSUER, Kind, LogEntry, RootVersion,
    SIGNED_AT, Stage,
};
use signhere_verify::bundle::Bundle;
use signhere_verify::verdict::{Failure, Reason, Step, StepName, Verdict};
use signhere_verify::verifier::{Artifact, Policy};

use forge::{PROOF_ONLY, STATEMENT, V2, V2_KEY, Verifiers, identity, policy, reason, verifier};

fn verify(root: &Value, forged: &Forged, who: &Policy) -> Verdict {
    verifier(root).verify_json(&forged.to_bytes(), &Artifact::Bytes(ARTIFACT), who)
}

#[test]
fn evidence_names_what_was_used() {
    let forge = Forge::new();
    let forged = forge.bundle(V2);
    let root = forge.trusted_root(RootVersion::V0_1);
    let verdict = verify(&root, &forged, &policy(&forged));
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["verified"], true);
    assert_eq!(json["failure"], Value::Null);
    let step = |name: &str| {
        let steps = json["steps"].as_array().unwrap();
        steps.iter().find(|step| step["step"] == name).unwrap()
    };
    let digest = HashAlgorithm::Sha256.digest(ARTIFACT);
    assert_eq!(step("artifact")["digest"], digest.to_string());
    assert_eq!(step("signature")["scheme"], "ECDSA P-256 with SHA-256");
    assert_eq!(step("signature")["keyId"], hex::encode(forged.key.key_id()));
    let entry = &step("log")["entries"][0];
    assert_eq!(entry["log"], forge.rekor_v2.base_url);
    assert_eq!(entry["index"], 5);
    assert_eq!(entry["proof"]["treeSize"], 11);
    assert_eq!(entry["proof"]["checkpoint"], forge.rekor_v2.name());
    let time = &step("time")["times"][0];
    assert_eq!(time["time"], SIGNED_AT.to_string());
    assert_eq!(time["kind"], "timestamp");
    assert_eq!(time["authority"], "https://tsa.forge.example");
    assert_eq!(
        step("certificate")["authority"],
        "https://fulcio.forge.example"
    );
    assert_eq!(step("sct")["log"], "https://ct.forge.example");
    assert_eq!(step("identity")["identity"], IDENTITY);
    assert_eq!(step("identity")["kind"], "email");
    assert_eq!(step("identity")["issuer"], ISSUER);
}

#[test]
fn a_failure_says_what_was_expected_and_what_was_found() {
    let forge = Forge::new();
    let elsewhere = HashAlgorithm::Sha256.digest(b"something else");
    let forged = forge.spoiled(Kind::PLAIN, |stage| {
        if let Stage::Entry(entry) = stage {
            entry.body["spec"]["data"]["hash"]["value"] = json!(elsewhere.hex());
        }
    });
    let root = forge.trusted_root(RootVersion::V0_1);
    let failure = Failure {
        step: StepName::Log,
        reason: Reason::EntryDigest,
        item: Some(0),
        expected: Some(HashAlgorithm::Sha256.digest(ARTIFACT).to_string()),
        found: Some(elsewhere.to_string()),
        nearest: None,
    };
    assert_eq!(
        verify(&root, &forged, &policy(&forged)).failure,
        Some(failure)
    );
}

/// Neither a part of a name, nor more than it, nor a pattern for it.
#[test]
fn names_are_compared_whole() {
    let forge = Forge::new();
    let forged = forge.bundle(V2);
    let root = forge.trusted_root(RootVersion::V0_1);
    let reason = |identity_: &str, issuer: &str| {
        let failure = verify(&root, &forged, &identity(identity_, issuer)).failure;
        failure.map(|failure| failure.reason)
    };
    assert_eq!(reason(IDENTITY, ISSUER), None);
    for wrong in [
        "ada@example.tes",
        "ada@example.test.org",
        "da@example.test",
        "Ada@example.test",
        " ada@example.test",
        "ada@example\u{2e}test\0",
        "*",
        "^ada@example.test$",
    ] {
        assert_eq!(reason(wrong, ISSUER), Some(Reason::IdentityMismatch));
    }
    for wrong in [
        "https://issuer.example.test/",
        "https://issuer",
        "http://issuer.example.test",
        "issuer.example.test",
    ] {
        assert_eq!(reason(IDENTITY, wrong), Some(Reason::IssuerMismatch));
    }
}

/// The certificate log's window is about the SCT's time, a minute before the signature's; milliseconds do not count.
#[test]
fn the_window_of_a_certificate_log_is_closed_at_both_ends() {
    let forge = Forge::new();
    let forged = forge.bundle(V2);
    for (start, end, expected) in [
        (-60, -60, None),
        (-3600, -61, Some(Reason::SctWindow)),
        (-59, 0, Some(Reason::SctWindow)),
    ] {
        let mut root = forge.trusted_root(RootVersion::V0_1);
        root["ctlogs"][0]["publicKey"]["validFor"] = json!({
            "start": SIGNED_AT.plus_seconds(start).to_string(),
            "end": SIGNED_AT.plus_seconds(end).to_string(),
        });
        assert_eq!(reason(&root, &forged), expected, "{start} to {end}");
    }
}

/// Who streams an artifact is told which digests to bring, and they are enough.
#[test]
fn the_digests_asked_for_are_enough() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let p384 = Kind {
        key: KeyKind::P384,
        scheme: Scheme::EcdsaP384Sha384,
        ..V2
    };
    let prehashed = Kind {
        key: KeyKind::Ed25519,
        scheme: Scheme::Ed25519ph,
        ..V2_KEY
    };
    let pure = Kind {
        entry: Entry::None,
        key: KeyKind::Ed25519,
        scheme: Scheme::Ed25519,
        ..V2_KEY
    };
    let attested = Kind {
        content: Content::Dsse,
        ..p384
    };
    use HashAlgorithm::{Sha256, Sha384, Sha512};
    for (kind, hashes) in [
        (V2, vec![Sha256]),
        (p384, vec![Sha384]),
        (prehashed, vec![Sha512]),
        (attested, vec![Sha256]),
        (STATEMENT, vec![Sha256]),
        (pure, vec![]),
    ] {
        let forged = forge.bundle(kind);
        let bundle = Bundle::parse(&forged.to_bytes()).unwrap();
        // Nothing of a bare key is known here but the claimed digest.
        if kind != pure {
            assert_eq!(bundle.required_hashes(), hashes, "{kind}");
        }
        let digests: Vec<Digest> = hashes.iter().map(|hash| hash.digest(ARTIFACT)).collect();
        let failure = verifiers
            .fitting(kind)
            .verify(&bundle, &Artifact::Digests(&digests), &policy(&forged))
            .failure;
        let needs_bytes =
            failure.map(|failure| failure.reason) == Some(Reason::ArtifactBytesNeeded);
        assert_eq!(needs_bytes, kind == pure, "{kind}");
    }
}

/// A second entry with a proof that does not hold is not carried by the first one.
#[test]
fn every_entry_has_to_be_proven() {
    let forge = Forge::new();
    let with = |change: fn(&mut LogEntry)| {
        forge.spoiled(PROOF_ONLY, |stage| {
            if let Stage::Logged(entries) = stage {
                let mut second = entries[0].clone();
                // The same entry to a reader of JSON, and another leaf.
                second.body.push(b' ');
                second.index += 1;
                change(&mut second);
                entries.push(second);
            }
        })
    };
    let root = forge.trusted_root(RootVersion::V0_1);
    for (forged, code) in [
        (with(|_| {}), "SH-LOG-PROOF"),
        (with(|entry| entry.proof = None), "SH-LOG-PROOF-MISSING"),
        (with(|entry| entry.log_id[0] ^= 1), "SH-LOG-UNKNOWN"),
        (
            with(|entry| entry.promise = Some(vec![7])),
            "SH-LOG-PROMISE",
        ),
    ] {
        let failure = verify(&root, &forged, &policy(&forged)).failure.unwrap();
        assert_eq!((failure.item, failure.reason.code()), (Some(1), code));
    }
}

/// Indexes are 64 bits wide, and Rekor v1 signs the one that counts over shards.
#[test]
fn large_indexes_are_kept_whole() {
    let forge = Forge::new();
    let root = forge.trusted_root(RootVersion::V0_1);
    for index in [1 << 32, (1 << 53) + 1, i64::MAX.unsigned_abs()] {
        let forged = forge.spoiled(Kind::PLAIN, |stage| {
            if let Stage::Log(log) = stage {
                log.index = index;
            }
        });
        let verdict = verify(&root, &forged, &policy(&forged));
        assert_eq!(verdict.failure, None);
        let Some(Step::Log(evidence)) = verdict.step(StepName::Log) else {
            unreachable!("a verified bundle has a log step");
        };
        assert_eq!(evidence.entries[0].index, Some(index));
        let leaf = evidence.entries[0].proof.as_ref().unwrap().leaf_index;
        assert_eq!(leaf, 5);
    }
}
