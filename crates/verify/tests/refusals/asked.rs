//! Sound bundles, asked about something else or under another trusted root.

use serde_json::{Value, json};
use signhere_log::checkpoint::CheckpointError;
use signhere_log::note::NoteError;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::KeyKind;
use signhere_testkit::forge::{
    self as made, ARTIFACT, Forge, IDENTITY, ISSUER, Kind, RootVersion, SIGNED_AT, Stage,
};
use signhere_verify::verdict::{Reason, StepName};
use signhere_verify::verifier::Artifact;

use crate::forge::{
    PROOF_ONLY, STATEMENT, V2, V2_KEY, V2_STATEMENT, Verifiers, identity, key, policy, verifier,
};

use crate::{base64, expect};

/// A sound bundle, asked about something else.
#[test]
fn another_artifact_or_policy_is_refused() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let ask = |kind: Kind, claims: bool, artifact: &Artifact<'_>, who: Option<_>| {
        let forged = forge.spoiled(kind, |stage| {
            if let Stage::Sign(plan) = stage {
                plan.claims_digest = claims;
            }
        });
        assert_eq!(verifiers.verify(&forged).failure, None);
        let policy = who.unwrap_or_else(|| policy(&forged));
        let verifier = verifiers.fitting(kind);
        let failure = verifier
            .verify_json(&forged.to_bytes(), artifact, &policy)
            .failure
            .unwrap();
        (failure.step, failure.reason)
    };
    let (right, wrong) = (Artifact::Bytes(ARTIFACT), Artifact::Bytes(b"else"));
    let stranger = key(made::fresh(KeyKind::P256).public_key());
    let unfit = [HashAlgorithm::Sha512.digest(ARTIFACT)];
    let other = [HashAlgorithm::Sha256.digest(b"else")];
    let commit = Artifact::Subject {
        algorithm: "gitCommit",
        value: "0123456789abcdef0123456789abcdef01234567",
    };
    use StepName as S;

    let cases = [
        (
            ask(V2, true, &wrong, None),
            (S::Artifact, Reason::ArtifactMismatch),
        ),
        (
            ask(V2, false, &wrong, None),
            (S::Signature, Reason::SignatureInvalid),
        ),
        (
            ask(STATEMENT, true, &wrong, None),
            (S::Artifact, Reason::SubjectMismatch),
        ),
        (
            ask(V2, false, &Artifact::Digests(&other), None),
            (S::Signature, Reason::SignatureInvalid),
        ),
        (
            ask(V2, true, &Artifact::Digests(&unfit), None),
            (S::Artifact, Reason::ArtifactDigestMissing),
        ),
        (
            ask(STATEMENT, true, &Artifact::Digests(&unfit), None),
            (S::Artifact, Reason::ArtifactDigestMissing),
        ),
        (
            ask(V2, true, &commit, None),
            (S::Artifact, Reason::ArtifactDigestMissing),
        ),
        (
            ask(STATEMENT, true, &commit, None),
            (S::Artifact, Reason::SubjectMismatch),
        ),
        (
            ask(V2, true, &Artifact::Digests(&[]), None),
            (S::Artifact, Reason::ArtifactDigestMissing),
        ),
        (
            ask(V2, true, &right, Some(stranger.clone())),
            (S::Bundle, Reason::PolicyNeedsCertificate),
        ),
        (
            ask(V2_KEY, true, &right, Some(identity(IDENTITY, ISSUER))),
            (S::Bundle, Reason::PolicyNeedsKey),
        ),
        (
            ask(V2_KEY, true, &right, Some(stranger)),
            (S::Signature, Reason::SignatureInvalid),
        ),
        (
            ask(V2, true, &right, Some(identity("eve@example.test", ISSUER))),
            (S::Identity, Reason::IdentityMismatch),
        ),
        (
            ask(V2, true, &right, Some(identity(".*", ISSUER))),
            (S::Identity, Reason::IdentityMismatch),
        ),
        (
            ask(V2, true, &right, Some(identity("", ISSUER))),
            (S::Identity, Reason::IdentityMismatch),
        ),
        (
            ask(V2, true, &right, Some(identity(IDENTITY, ""))),
            (S::Identity, Reason::IssuerMismatch),
        ),
    ];
    for (index, (found, expected)) in cases.into_iter().enumerate() {
        assert_eq!(found, expected, "case {index}");
    }
}

/// A sound bundle under a trusted root that does not vouch for it.
#[test]
fn another_trusted_root_is_refused() {
    const RETIRED: fn(&mut Value) =
        |window| window["end"] = json!(SIGNED_AT.plus_seconds(-1).to_string());
    const FUTURE: fn(&mut Value) =
        |window| window["start"] = json!(SIGNED_AT.plus_seconds(1).to_string());
    type Change = fn(&mut Value);
    let log: [Change; 2] = [|root| both(root, RETIRED), |root| both(root, FUTURE)];
    type Row = (&'static str, Kind, Change, StepName, fn(&Reason) -> bool);
    let mut rows: Vec<Row> = Vec::new();
    for change in log {
        rows.push(("log at promise", Kind::PLAIN, change, StepName::Log, |r| {
            *r == Reason::LogWindow
        }));
        rows.push(("log at timestamp", V2, change, StepName::Time, |r| {
            *r == Reason::LogWindow
        }));
        rows.push((
            "v1 log at timestamp",
            PROOF_ONLY,
            change,
            StepName::Time,
            |r| *r == Reason::LogWindow,
        ));
    }
    rows.push((
        "retired log without a time",
        V2_KEY,
        log[0],
        StepName::Time,
        |r| *r == Reason::TimeMissing,
    ));
    rows.push((
        "retired authority",
        V2,
        |root| RETIRED(&mut root["certificateAuthorities"][0]["validFor"]),
        StepName::Certificate,
        |r| *r == Reason::AuthorityWindow,
    ));
    rows.push((
        "future authority",
        V2,
        |root| FUTURE(&mut root["certificateAuthorities"][0]["validFor"]),
        StepName::Certificate,
        |r| *r == Reason::AuthorityWindow,
    ));
    rows.push((
        "retired timestamp authority",
        V2,
        |root| RETIRED(&mut root["timestampAuthorities"][0]["validFor"]),
        StepName::Time,
        |r| *r == Reason::TimestampWindow,
    ));
    rows.push((
        "future timestamp authority",
        V2,
        |root| FUTURE(&mut root["timestampAuthorities"][0]["validFor"]),
        StepName::Time,
        |r| *r == Reason::TimestampWindow,
    ));
    rows.push((
        "future certificate log",
        V2,
        |root| FUTURE(&mut root["ctlogs"][0]["publicKey"]["validFor"]),
        StepName::Sct,
        |r| *r == Reason::SctWindow,
    ));
    rows.push((
        "no timestamp authority",
        V2,
        |root| root["timestampAuthorities"] = json!([]),
        StepName::Time,
        |r| *r == Reason::TimestampUntrusted,
    ));
    rows.push((
        "no authority",
        V2,
        |root| root["certificateAuthorities"] = json!([]),
        StepName::Certificate,
        |r| *r == Reason::CertificateUntrusted,
    ));
    rows.push((
        "another log's key",
        V2,
        |root| {
            let key = made::ed25519("another");
            root["tlogs"][1]["publicKey"]["rawBytes"] = json!(base64(key.public_key().spki_der()));
        },
        StepName::Log,
        |r| {
            matches!(
                r,
                Reason::Checkpoint(CheckpointError::Note(NoteError::NotSignedBy { .. }))
            )
        },
    ));
    rows.push((
        "another log's name",
        V2,
        |root| root["tlogs"][1]["baseUrl"] = json!("https://log.example"),
        StepName::Log,
        |r| matches!(r, Reason::Checkpoint(CheckpointError::Origin { .. })),
    ));

    let forge = Forge::new();
    for (about, kind, change, step, is) in rows {
        let forged = forge.bundle(kind);
        let mut root = forge.trusted_root(RootVersion::V0_1);
        let verify = |root: &Value| {
            verifier(root).verify_json(
                &forged.to_bytes(),
                &Artifact::Bytes(ARTIFACT),
                &policy(&forged),
            )
        };
        assert_eq!(verify(&root).failure, None, "{about}: valid");
        change(&mut root);
        expect(about, &verify(&root).failure.expect(about), step, is);
    }
}

/// The ends of a window belong to it.
#[test]
fn windows_are_closed_at_both_ends() {
    let forge = Forge::new();
    let mut root = forge.trusted_root(RootVersion::V0_1);
    let instant = json!({ "start": SIGNED_AT.to_string(), "end": SIGNED_AT.to_string() });
    for log in ["/tlogs/0", "/tlogs/1"] {
        root.pointer_mut(log).unwrap()["publicKey"]["validFor"] = instant.clone();
    }
    root["certificateAuthorities"][0]["validFor"] = instant.clone();
    root["timestampAuthorities"][0]["validFor"] = instant;
    for kind in [Kind::PLAIN, V2, STATEMENT, V2_STATEMENT] {
        let forged = forge.bundle(kind);
        let verdict = verifier(&root).verify_json(
            &forged.to_bytes(),
            &Artifact::Bytes(ARTIFACT),
            &policy(&forged),
        );
        assert_eq!(verdict.failure, None, "{kind}");
    }
    for (kind, at) in [(Kind::PLAIN, 540), (Kind::PLAIN, -60), (V2, 540), (V2, -60)] {
        let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
        let forged = forge.spoiled(kind, |stage| match stage {
            Stage::Log(log) if log.integrated_time != 0 => log.integrated_time += at,
            Stage::Stamp(stamp) => stamp.at = SIGNED_AT.plus_seconds(at),
            _ => {}
        });
        assert_eq!(verifiers.verify(&forged).failure, None, "{kind} {at}");
    }
}

fn both(root: &mut Value, change: fn(&mut Value)) {
    for index in 0..2 {
        change(&mut root["tlogs"][index]["publicKey"]["validFor"]);
    }
}
