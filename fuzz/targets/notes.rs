//! Notes beside commits, and what is stated in them.

use signhere_git::approve::approval_in;
use signhere_git::attest::{provenance_in, summary_in};
use signhere_git::carry::carried_in;
use signhere_git::notes::{MAX_LINES, Note};
use signhere_git::object::{Object, ObjectKind};
use signhere_git::proof::{Prove, Proven};
use signhere_git::statement::attested;
use signhere_verify::bundle::Bundle;
use signhere_verify::verdict::Verdict;
use signhere_verify::verifier::Artifact;

/// The commit that the notes of the corpus are about.
const COMMIT: &[u8] = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
author Ada <ada@example.test> 1780315200 +0000
committer Ada <ada@example.test> 1780315200 +0000

noted
";

pub(crate) const TOKENS: &[&str] = &[
    "\n",
    "{}\n",
    "\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\"",
    "\"dsseEnvelope\":",
    "\"payload\":",
    "\"payloadType\":\"application/vnd.in-toto+json\"",
    "\"signatures\":[",
    "\"verificationMaterial\":",
    "eyJfdHlwZSI6",
];

/// Believes every signature, so that what is signed is read too.
struct Credulous;

impl Prove for Credulous {
    fn prove(&self, _: &Bundle, _: &Artifact<'_>) -> Proven {
        Proven {
            verdict: Verdict {
                steps: Vec::new(),
                failure: None,
                unknown_fields: Vec::new(),
            },
            instance: None,
        }
    }
}

/// A note gives no more than it has lines, and one of each reader at most understands a statement.
pub(crate) fn note(input: &[u8]) {
    let note = Note::parse(input);
    assert!(note.bundles.len() + note.faults.len() <= MAX_LINES + 1);
    let commit = Object::parse(ObjectKind::Commit, COMMIT).unwrap_or_else(|e| panic!("{e}"));
    let id = commit.id();
    for bundle in &note.bundles {
        let understood = [
            approval_in(&Credulous, (ObjectKind::Commit, &id), bundle).is_ok(),
            summary_in(&Credulous, &id, bundle).is_ok(),
            provenance_in(&Credulous, &id, bundle).is_ok(),
            carried_in(&Credulous, &commit, bundle).is_ok(),
        ];
        let count = understood.iter().filter(|is| **is).count();
        assert!(count <= 1);
        if count == 1 {
            let is_statement = attested(&Credulous, (ObjectKind::Commit, &id), bundle).is_ok();
            assert!(is_statement);
        }
    }
}
