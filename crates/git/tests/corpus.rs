//! Real commits and tags, signed by others with gitsign.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use signhere_git::object::Object;
use signhere_git::verdict::{Embedded, GitVerdict, Missing, Outcome};
use signhere_git::verifier::GitVerifier;
use signhere_testkit::corpus;
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verifier::{Check, Verifier};

struct Corpus {
    objects: PathBuf,
    expected: Vec<Value>,
    verifier: GitVerifier,
}

fn corpus() -> Option<Corpus> {
    let folder = corpus::folder_or_skip("commits and tags of gitsign")?;
    let root = fs::read(folder.join("trust/public-good.trusted_root.json")).unwrap();
    let verifier = Verifier::new(TrustedRoot::parse(&root).unwrap()).unwrap();
    let expected = fs::read_to_string(folder.join("git/expected.jsonl")).unwrap();
    Some(Corpus {
        objects: folder.join("git/objects"),
        expected: expected
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
        verifier: GitVerifier::new(verifier),
    })
}

impl Corpus {
    fn read(&self, expected: &Value) -> Vec<u8> {
        fs::read(self.objects.join(expected["oid"].as_str().unwrap())).unwrap()
    }

    fn verify(&self, bytes: &[u8]) -> GitVerdict {
        let object = Object::parse_any(bytes).unwrap();
        self.verifier.verify(&object, None)
    }
}

#[test]
fn every_object_is_decided_as_expected() {
    let Some(corpus) = corpus() else { return };
    let mut proven = 0;
    for expected in &corpus.expected {
        let bytes = corpus.read(expected);
        let verdict = corpus.verify(&bytes);
        assert_eq!(verdict.id.to_string(), expected["oid"]);
        let evidence = verdict.evidence.as_ref().unwrap();
        let found = &evidence.examination;
        assert_eq!(evidence.content, Ok(()), "{}", verdict.id);
        assert!(found.signature.proven().is_some(), "{}", verdict.id);
        assert!(found.certificate.proven().is_some(), "{}", verdict.id);
        let has_sct = expected["sct"] == "valid";
        assert_eq!(found.sct.proven().is_some(), has_sct, "{}", verdict.id);
        match expected["log"].as_str().unwrap() {
            "absent" => {
                let mut missing = vec![Missing::Log, Missing::Time];
                missing.extend((!has_sct).then_some(Missing::Sct));
                assert_eq!(
                    verdict.outcome,
                    Outcome::Unproven(missing),
                    "{}",
                    verdict.id
                );
                assert!(matches!(found.log, Check::Absent(_)), "{}", verdict.id);
            }
            _ => {
                assert_eq!(verdict.outcome, Outcome::Proven, "{}", verdict.id);
                assert!(matches!(
                    evidence.embedded,
                    Embedded::Read { entries: 1, .. }
                ));
                assert_eq!(verdict.steps().unwrap().len(), 8);
                proven += 1;
            }
        }
    }
    assert_eq!(proven, 8);
}

/// What a signature covers cannot be changed, and what it embeds is not proven any more when it is.
#[test]
fn no_object_is_still_what_it_was_with_a_byte_changed() {
    let Some(corpus) = corpus() else { return };
    for expected in &corpus.expected {
        let bytes = corpus.read(expected);
        let is_embedded = expected["log"] != "absent";
        let step = if is_embedded { 101 } else { 997 };
        for bit in (0..bytes.len() * 8).step_by(step) {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let Ok(object) = Object::parse_any(&changed) else {
                continue;
            };
            let verdict = corpus.verifier.verify(&object, None);
            let holds = match verdict.outcome {
                Outcome::Proven => true,
                // An entry under another name is none.
                Outcome::Unproven(_) => !is_embedded,
                _ => false,
            };
            assert!(!holds, "{} with bit {bit} changed", expected["oid"]);
        }
    }
}
