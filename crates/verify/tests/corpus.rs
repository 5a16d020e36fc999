//! Real bundles of others, decided right and for the right reason, by artifact and by digest.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::fs;

use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::PublicKey;
use signhere_testkit::corpus::{BundleCase, bundle_cases, folder_or_skip};
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verdict::{Reason, Step, StepName, Verdict};
use signhere_verify::verifier::{Artifact, Policy, Verifier};

/// What each case to be refused is about: the step that fails, and why.
const REFUSALS: [(&str, StepName, &str); 23] = [
    (
        "bundle-empty-certificate-chain_fail",
        StepName::Bundle,
        "SH-BUNDLE-NO-KEY",
    ),
    (
        "bundle-malformed-json_fail",
        StepName::Bundle,
        "SH-BUNDLE-JSON",
    ),
    (
        "bundle-with-root-cert_fail",
        StepName::Bundle,
        "SH-BUNDLE-ROOT",
    ),
    (
        "checkpoint-wrong-roothash_fail",
        StepName::Log,
        "SH-LOG-CHECKPOINT-TREE",
    ),
    (
        "inclusion-proof-corrupted-hash_fail",
        StepName::Log,
        "SH-LOG-PROOF",
    ),
    (
        "invalid-checkpoint-signature_fail",
        StepName::Log,
        "SH-LOG-CHECKPOINT-SIGNATURE",
    ),
    (
        "set-invalid-signature_fail",
        StepName::Log,
        "SH-LOG-PROMISE",
    ),
    (
        "wrong-hashedrekord-artifact_fail",
        StepName::Log,
        "SH-LOG-DIGEST",
    ),
    // The promise is real: the log put the entry after the certificate's end.
    (
        "integrated-time-in-future_fail",
        StepName::Certificate,
        "SH-CERT-EXPIRED",
    ),
    (
        "signature-mismatch_fail",
        StepName::Signature,
        "SH-SIGNATURE",
    ),
    (
        "wrong-material_fail",
        StepName::Artifact,
        "SH-ARTIFACT-DIGEST",
    ),
    ("dsse-invalid-sig_fail", StepName::Signature, "SH-SIGNATURE"),
    (
        "dsse-mismatch-envelope_fail",
        StepName::Log,
        "SH-LOG-DIGEST",
    ),
    // Valid from 2030, logged in 2023.
    (
        "intoto-expired-certificate_fail",
        StepName::Certificate,
        "SH-CERT-NOT-YET-VALID",
    ),
    (
        "intoto-missing-inclusion-proof_fail",
        StepName::Log,
        "SH-LOG-PROOF-MISSING",
    ),
    (
        "managed-key-no-key_fail",
        StepName::Bundle,
        "SH-POLICY-NEEDS-KEY",
    ),
    // Without its origin line the root hash stands where the size should.
    (
        "rekor2-checkpoint-missing-origin_fail",
        StepName::Log,
        "SH-LOG-CHECKPOINT",
    ),
    (
        "rekor2-checkpoint-missing-log-signature_fail",
        StepName::Log,
        "SH-LOG-CHECKPOINT-SIGNATURE",
    ),
    (
        "rekor2-dsse-invalid-sig_fail",
        StepName::Signature,
        "SH-SIGNATURE",
    ),
    (
        "rekor2-no-timestamp_fail",
        StepName::Time,
        "SH-TIME-MISSING",
    ),
    (
        "rekor2-timestamp-outside-tsa-cert-validity_fail",
        StepName::Time,
        "SH-TIME-CHAIN",
    ),
    (
        "rekor2-timestamp-payload-mismatch_fail",
        StepName::Time,
        "SH-TIME-IMPRINT",
    ),
    (
        "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail",
        StepName::Time,
        "SH-TIME-UNTRUSTED",
    ),
];

#[test]
fn every_case_is_decided_right() {
    let Some(corpus) = folder_or_skip("the bundle corpus") else {
        return;
    };
    let cases = bundle_cases(&corpus);
    assert_eq!(cases.len(), 35);
    for case in &cases {
        let expected = REFUSALS
            .iter()
            .find(|(name, ..)| *name == case.name)
            .map(|(_, step, code)| (*step, *code));
        assert_eq!(expected.is_none(), case.accept, "{}", case.name);
        for by_digest in [false, true] {
            let verdict = verify(case, by_digest);
            let found = verdict
                .failure
                .as_ref()
                .map(|failure| (failure.step, failure.reason.code()));
            assert_eq!(found, expected, "{} {by_digest} {verdict:#?}", case.name);
            let taken: Vec<_> = verdict.steps.iter().map(|step| step.name()).collect();
            if case.accept {
                assert_eq!(taken, all_steps(case), "{}", case.name);
            }
        }
    }
}

/// The artifact of another case is refused for being another artifact, whatever else is right.
#[test]
fn another_artifact_is_refused() {
    let Some(corpus) = folder_or_skip("the bundle corpus") else {
        return;
    };
    let mut refused = 0;
    for mut case in bundle_cases(&corpus) {
        if !case.accept {
            continue;
        }
        case.artifact.push(b'!');
        for by_digest in [false, true] {
            let failure = verify(&case, by_digest).failure.unwrap();
            assert_eq!(failure.step, StepName::Artifact, "{}", case.name);
            refused += 1;
        }
    }
    assert_eq!(refused, 24);
}

#[test]
fn another_signer_is_refused() {
    let Some(corpus) = folder_or_skip("the bundle corpus") else {
        return;
    };
    for case in bundle_cases(&corpus) {
        if !case.accept || case.key.is_some() {
            continue;
        }
        let changes: [Change; 4] = [
            (|case| case.identity.push('x'), Reason::IdentityMismatch),
            (
                |case| {
                    case.identity.pop();
                },
                Reason::IdentityMismatch,
            ),
            (|case| case.issuer.push('/'), Reason::IssuerMismatch),
            (
                |case| case.key = Some(KEY.to_owned()),
                Reason::PolicyNeedsCertificate,
            ),
        ];
        for (change, reason) in changes {
            let mut case = case.clone();
            change(&mut case);
            assert_eq!(verify(&case, false).failure.unwrap().reason, reason);
        }
    }
}

/// GitHub's own instance has no transparency log and no certificate log; the verdict says so. The certificate of its
/// releases names no issuer: nobody but the authority vouches for it, by the name that the trusted root gives.
#[test]
fn an_instance_without_logs_proves_what_it_can() {
    let Some(corpus) = folder_or_skip("GitHub's attestation") else {
        return;
    };
    let json = fs::read(corpus.join("bundles-github/github-private-attestation.sigstore.json"));
    let json = json.unwrap();
    let verifier = github(&corpus);
    // Each of its five files; the release itself, by its commit, is no file.
    let digest = "sha256:76f1fe8593bf227cca2c089e3c16dc95014a8d3e89c5dd220530469ca043c428";
    let verify = |digest: &str, identity: &str, issuer: &str| {
        let policy = Policy::Identity {
            identity: identity.to_owned(),
            issuer: issuer.to_owned(),
        };
        let digests = [digest.parse().unwrap()];
        verifier.verify_json(&json, &Artifact::Digests(&digests), &policy)
    };
    let verdict = verify(digest, RELEASES, "fulcio.githubapp.com");
    assert_eq!(verdict.failure, None);
    let names: Vec<_> = verdict.steps.iter().map(|step| step.name()).collect();
    let mut expected = Vec::from(LOGGED);
    expected.extend([StepName::Certificate, StepName::Sct, StepName::Identity]);
    assert_eq!(names, expected);
    for step in &verdict.steps {
        match step {
            Step::Artifact(artifact) => assert_eq!(artifact.digest.as_deref(), Some(digest)),
            Step::Log(log) => assert!(!log.required && log.entries.is_empty()),
            Step::Sct(sct) => assert!(!sct.required && sct.log.is_none()),
            Step::Identity(identity) => assert_eq!(identity.issuer_from, "authority"),
            _ => {}
        }
    }
    let other = digest.replace("76f1", "76f2");
    for (digest, identity, issuer, reason) in [
        (digest, RELEASES, ACTIONS, Reason::IssuerMismatch),
        (digest, RELEASES, "", Reason::IssuerMismatch),
        (
            digest,
            RELEASES,
            "https://fulcio.githubapp.com",
            Reason::IssuerMismatch,
        ),
        (
            digest,
            "https://releases.github.com",
            "fulcio.githubapp.com",
            Reason::IdentityMismatch,
        ),
        (
            &other,
            RELEASES,
            "fulcio.githubapp.com",
            Reason::SubjectMismatch,
        ),
    ] {
        let failure = verify(digest, identity, issuer).failure.unwrap();
        assert_eq!(failure.reason, reason, "{digest} {identity} {issuer}");
    }
    // Neither the public-good instance nor its twin knows GitHub's authorities.
    for root in ["public-good", "staging"] {
        let root = fs::read(corpus.join(format!("trust/{root}.trusted_root.json"))).unwrap();
        let verifier = Verifier::new(TrustedRoot::parse(&root).unwrap()).unwrap();
        let digests = [digest.parse().unwrap()];
        let policy = Policy::Identity {
            identity: RELEASES.to_owned(),
            issuer: "fulcio.githubapp.com".to_owned(),
        };
        let verdict = verifier.verify_json(&json, &Artifact::Digests(&digests), &policy);
        assert!(!verdict.is_verified());
    }
}

const RELEASES: &str = "https://dotcom.releases.github.com";
const ACTIONS: &str = "https://token.actions.githubusercontent.com";
const LOGGED: [StepName; 5] = [
    StepName::Bundle,
    StepName::Artifact,
    StepName::Signature,
    StepName::Log,
    StepName::Time,
];

fn github(corpus: &std::path::Path) -> Verifier {
    let root = fs::read(corpus.join("trust/github.trusted_root.json")).unwrap();
    Verifier::new(TrustedRoot::parse(&root).unwrap()).unwrap()
}

type Change = (fn(&mut BundleCase), Reason);

/// A key that signed nothing here.
const KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=
-----END PUBLIC KEY-----
";

fn all_steps(case: &BundleCase) -> Vec<StepName> {
    let mut steps = Vec::from(LOGGED);
    if case.key.is_some() {
        steps.push(StepName::Key);
    } else {
        steps.extend([StepName::Certificate, StepName::Sct, StepName::Identity]);
    }
    steps
}

fn verify(case: &BundleCase, by_digest: bool) -> Verdict {
    let policy = match &case.key {
        Some(pem) => Policy::Key(PublicKey::from_pem(pem).unwrap()),
        None => Policy::Identity {
            identity: case.identity.clone(),
            issuer: case.issuer.clone(),
        },
    };
    let digests = [HashAlgorithm::Sha256.digest(&case.artifact)];
    let artifact = if by_digest {
        Artifact::Digests(&digests)
    } else {
        Artifact::Bytes(&case.artifact)
    };
    let verifier = Verifier::new(TrustedRoot::parse(&case.trusted_root).unwrap()).unwrap();
    verifier.verify_json(&case.bundle, &artifact, &policy)
}
