//! Real attestations of builds, registries and a policy, as far as a signature decides them: signature, log, time,
//! certificate, the artifact's digest, and the names that a form asks for.
//!
//! What a case expects beyond that is about what the statement says (source, branch, tag, builder, level). Those cases
//! are here with what the signature decides: they are refused by the policy on builds, not by `verify`.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::key::PublicKey;
use signhere_testkit::corpus::folder_or_skip;
use signhere_verify::bundle::Bundle;
use signhere_verify::formats::{Attestation, Document, Form, NPM_KEYS, RegistryKeys};
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verdict::Verdict;
use signhere_verify::verifier::{Artifact, Policy, Verifier};

const ACTIONS: &str = "https://token.actions.githubusercontent.com";

/// The errors of the corpus that are about what a statement says, and not about its signature.
const ABOUT_THE_BUILD: [&str; 9] = [
    "ErrorInvalidBuilderID",
    "ErrorInvalidRef",
    "ErrorMismatchBranch",
    "ErrorMismatchPackageName",
    "ErrorMismatchPackageVersion",
    "ErrorMismatchSource",
    "ErrorMismatchVersionedTag",
    "ErrorNotSupported",
    "ErrorUntrustedReusableWorkflow",
];

#[test]
fn every_signature_of_a_build_is_decided_right() {
    let Some(corpus) = folder_or_skip("the provenance corpus") else {
        return;
    };
    let root = fs::read(corpus.join("trust/public-good.trusted_root.json")).unwrap();
    let verifier = Verifier::new(TrustedRoot::parse(&root).unwrap()).unwrap();
    let folder = corpus.join("provenance");
    let text = fs::read_to_string(folder.join("cases.jsonl")).unwrap();
    let mut decided = BTreeSet::new();
    let mut cases = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if case["family"] == "vsa" {
            continue;
        }
        cases += 1;
        let error = case["error"].as_str();
        let holds = match error {
            None => true,
            Some("ErrorInvalidSignature") => false,
            Some(error) => {
                assert!(ABOUT_THE_BUILD.contains(&error), "{error}");
                true
            }
        };
        let attestation = folder.join(case["attestation"].as_str().unwrap());
        for artifact in case["artifacts"].as_array().unwrap() {
            let artifact = folder.join(artifact.as_str().unwrap());
            if !decided.insert((artifact.clone(), attestation.clone(), holds)) {
                continue;
            }
            let verdicts = judge(&verifier, &artifact, &attestation);
            let all_hold = verdicts.iter().all(Verdict::is_verified);
            assert_eq!(all_hold, holds, "{artifact:?} {verdicts:#?}");
        }
    }
    assert_eq!(cases, 268);
    assert!(decided.len() > 15, "{}", decided.len());
}

/// One byte more, and no bundle is about the file any more.
#[test]
fn another_artifact_is_refused() {
    let Some(corpus) = folder_or_skip("the provenance corpus") else {
        return;
    };
    let root = fs::read(corpus.join("trust/public-good.trusted_root.json")).unwrap();
    let verifier = Verifier::new(TrustedRoot::parse(&root).unwrap()).unwrap();
    let path = corpus.join("provenance/npm/gha/gundam-visor-cli-v1-tag.tgz.json");
    let document = Document::parse(&fs::read(path).unwrap()).unwrap();
    assert_eq!((document.form, document.attestations.len()), (Form::Npm, 2));
    let digests = HashAlgorithm::ALL.map(|algorithm| algorithm.digest(b"another package"));
    for attestation in &document.attestations {
        let failure = decide(&verifier, attestation, &digests, None)
            .failure
            .unwrap();
        assert_eq!(failure.reason.code(), "SH-ARTIFACT-SUBJECT");
    }
}

/// A summary that a verifier signed with a key, outside of any log: its signature is right, and that it was logged is
/// not proven. It is about a disk image that is no file. It comes with the policy on builds.
#[test]
fn a_bare_envelope_is_never_sold_as_logged() {
    let Some(corpus) = folder_or_skip("the verification summary") else {
        return;
    };
    let folder = corpus.join("provenance/vsa/gce/v1");
    let bytes = fs::read(folder.join("gke-gce-pre.bcid-vsa.jsonl")).unwrap();
    let document = Document::parse(&bytes).unwrap();
    assert_eq!(document.form, Form::Envelope);
    let pem = fs::read_to_string(folder.join("vsa_signing_public_key.pem")).unwrap();
    let policy = Policy::Key(PublicKey::from_pem(&pem).unwrap());
    let bundle = document.attestations[0].bundle.as_ref().unwrap();
    let root = fs::read(corpus.join("trust/public-good.trusted_root.json")).unwrap();
    let verifier = Verifier::new(TrustedRoot::parse(&root).unwrap()).unwrap();
    let digests = HashAlgorithm::ALL.map(|algorithm| algorithm.digest(b""));
    let failure = verifier
        .verify(bundle, &Artifact::Digests(&digests), &policy)
        .failure
        .unwrap();
    assert_eq!(failure.reason.code(), "SH-ARTIFACT-DIGEST-MISSING");
}

/// What becomes of each attestation in the document, when its own signer is expected.
fn judge(verifier: &Verifier, artifact: &Path, attestation: &PathBuf) -> Vec<Verdict> {
    let bytes = fs::read(artifact).unwrap();
    let digests = HashAlgorithm::ALL.map(|algorithm| algorithm.digest(&bytes));
    let document = Document::parse(&fs::read(attestation).unwrap()).unwrap();
    let name = artifact.file_name().and_then(|name| name.to_str());
    document
        .attestations
        .iter()
        .map(|attestation| decide(verifier, attestation, &digests, name))
        .collect()
}

fn decide(
    verifier: &Verifier,
    attestation: &Attestation,
    digests: &[Digest],
    name: Option<&str>,
) -> Verdict {
    let bundle = attestation.bundle.as_ref().unwrap();
    let artifact = Artifact::Digests(digests);
    let verdict = match attestation.is_registrys() {
        true => RegistryKeys::parse(NPM_KEYS.as_bytes())
            .unwrap()
            .verify(bundle, |key| {
                verifier.verify(bundle, &artifact, &Policy::Key(key.clone()))
            }),
        false => verifier.verify(bundle, &artifact, &own_policy(bundle)),
    };
    attestation.hold_to_form(verdict, name)
}

/// The identity that the certificate names: who that should be is not what is decided here.
fn own_policy(bundle: &Bundle) -> Policy {
    let leaf = bundle.certificate().expect("a certificate");
    Policy::Identity {
        identity: leaf.san().expect("a name").as_str().to_owned(),
        issuer: ACTIONS.to_owned(),
    }
}
