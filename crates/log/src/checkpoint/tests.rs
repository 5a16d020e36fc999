use std::sync::Arc;
use std::time::Duration;

use signhere_pki::key::{KeyKind, PrivateKey, PublicKey, Signer as _};
use signhere_pki::time::{Clock, Time};

use super::*;
use crate::merkle::{ProofError, leaf_hash, verify_inclusion};

fn checkpoint() -> Checkpoint {
    Checkpoint {
        origin: "log.example".to_owned(),
        size: 1234,
        root: [7; 32],
        extensions: vec!["Timestamp: 1".to_owned()],
    }
}

#[test]
fn a_text_comes_back_as_it_was() {
    assert_eq!(
        Checkpoint::parse_text(&checkpoint().to_text()),
        Ok(checkpoint())
    );
}

#[test]
fn malformed_texts_are_refused_each_for_its_reason() {
    let root = STANDARD.encode([7; 32]);
    let cases = [
        (String::new(), CheckpointError::Truncated),
        ("\n1\n".to_owned(), CheckpointError::NoOrigin),
        ("o\n".to_owned(), CheckpointError::Truncated),
        ("o\n1\n".to_owned(), CheckpointError::Truncated),
        (format!("o\n1\n{root}"), CheckpointError::Truncated),
        (
            format!("o\n01\n{root}\n"),
            CheckpointError::Size {
                found: "01".to_owned(),
            },
        ),
        (
            format!("o\n+1\n{root}\n"),
            CheckpointError::Size {
                found: "+1".to_owned(),
            },
        ),
        (
            format!("o\n\n{root}\n"),
            CheckpointError::Size {
                found: String::new(),
            },
        ),
        (
            format!("o\n18446744073709551616\n{root}\n"),
            CheckpointError::Size {
                found: "18446744073709551616".to_owned(),
            },
        ),
        (
            "o\n1\nAAAA\n".to_owned(),
            CheckpointError::Root {
                found: "AAAA".to_owned(),
            },
        ),
        (
            format!("o\n1\n{root}\n\nx\n"),
            CheckpointError::EmptyExtension,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(Checkpoint::parse_text(&text), Err(expected), "{text:?}");
    }
}

#[test]
fn a_checkpoint_counts_by_origin_and_key() {
    let key = Box::new(PrivateKey::generate(KeyKind::Ed25519).unwrap());
    let signer = NoteSigner::new("log.example", key).unwrap();
    let signed = checkpoint().sign(&signer).unwrap();
    let signed = SignedCheckpoint::parse(signed.as_bytes()).unwrap();
    assert_eq!(
        signed.verify("log.example", signer.verifier()),
        Ok(&checkpoint())
    );
    assert_eq!(
        signed.verify("another.example", signer.verifier()),
        Err(CheckpointError::Origin {
            expected: "another.example".to_owned(),
            found: "log.example".to_owned(),
        })
    );
}

#[test]
fn only_rekor_v1_adds_a_tree_number_to_its_origin() {
    let key = Box::new(PrivateKey::generate(KeyKind::P256).unwrap());
    let signer = NoteSigner::new("rekor.example", key).unwrap();
    let verify = |origin: &str| {
        let checkpoint = Checkpoint {
            origin: origin.to_owned(),
            ..checkpoint()
        };
        let signed = checkpoint.sign(&signer).unwrap();
        let signed = SignedCheckpoint::parse(signed.as_bytes()).unwrap();
        signed.verify_rekor_v1(signer.verifier()).map(|_| ())
    };
    assert_eq!(verify("rekor.example - 1193050959916656506"), Ok(()));
    assert_eq!(verify("rekor.example"), Ok(()));
    for origin in [
        "rekor.example - ",
        "rekor.example - 1a",
        "rekor.example -1",
        "x",
    ] {
        let (expected, found) = ("rekor.example".to_owned(), origin.to_owned());
        assert_eq!(
            verify(origin),
            Err(CheckpointError::Origin { expected, found })
        );
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Time {
        Time::from_unix(43_200)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn a_certificate_log_signs_a_tree_head_with_its_time() {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let public = key.public_key().clone();
    let signer = NoteSigner::rfc6962("ct.example", Box::new(key), Arc::new(Noon)).unwrap();
    let plain = Checkpoint {
        extensions: Vec::new(),
        ..checkpoint()
    };
    let note = Note::parse(plain.sign(&signer).unwrap().as_bytes()).unwrap();
    assert_eq!(signer.verifier().signed_at(&note), Ok(Some(43_200_000)));
    // Key id type 5 over the log id, not the hint that Rekor v1 uses for the same key.
    let rekor = NoteVerifier::ecdsa("ct.example", &public).unwrap();
    let name = "ct.example".to_owned();
    assert_eq!(rekor.verify(&note), Err(NoteError::NotSignedBy { name }));
    // A tree head does not cover extension lines.
    assert_eq!(
        checkpoint().sign(&signer),
        Err(CheckpointError::Note(NoteError::NotACheckpoint))
    );
}

#[test]
fn a_cosignature_verifies_with_its_time() {
    let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let verifier = NoteVerifier::cosignature_v1("witness.example", key.public_key()).unwrap();
    let text = checkpoint().to_text();
    let signature = key
        .sign(crate::cosignature::message(77, &text).as_bytes())
        .unwrap();
    let hint = {
        let raw = key.public_key().spki_der().last_chunk::<32>().unwrap();
        let id = signhere_pki::digest::sha256(&[b"witness.example\n\x04", &raw[..]].concat());
        id[..4].to_vec()
    };
    let line = |time: u64| STANDARD.encode([&hint[..], &time.to_be_bytes(), &signature].concat());
    let note = |time| format!("{text}\n\u{2014} witness.example {}\n", line(time));
    let parse = |note: String| Note::parse(note.as_bytes()).unwrap();
    assert_eq!(verifier.signed_at(&parse(note(77))), Ok(Some(77)));
    let name = "witness.example".to_owned();
    assert_eq!(
        verifier.signed_at(&parse(note(78))),
        Err(NoteError::SignatureInvalid { name })
    );
}

/// Real checkpoints of every kind; the corpus says which of them are to be refused.
#[test]
fn real_checkpoints() {
    let Some(corpus) = signhere_testkit::corpus::folder_or_skip("real checkpoints") else {
        return;
    };
    let public_good = corpus.join("trust/public-good.trusted_root.json");
    let mut verified = 0;
    for case in std::fs::read_dir(corpus.join("bundles")).unwrap() {
        let folder = case.unwrap().path();
        let Ok(bundle) = std::fs::read(folder.join("bundle.sigstore.json")) else {
            continue;
        };
        let Ok(bundle) = serde_json::from_slice::<serde_json::Value>(&bundle) else {
            continue;
        };
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
        let Some(envelope) = entry["inclusionProof"]["checkpoint"]["envelope"].as_str() else {
            continue;
        };
        let root = std::fs::read(folder.join("trusted_root.json"))
            .or_else(|_| std::fs::read(&public_good))
            .unwrap();
        let root: serde_json::Value = serde_json::from_slice(&root).unwrap();
        let log = root["tlogs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|log| log["logId"] == entry["logId"]);
        let Some(log) = log else { continue };
        let spki = STANDARD
            .decode(log["publicKey"]["rawBytes"].as_str().unwrap())
            .unwrap();
        let key = PublicKey::from_spki_der(&spki).unwrap();
        let host = log["baseUrl"]
            .as_str()
            .unwrap()
            .split_once("://")
            .unwrap()
            .1;
        let verifier = NoteVerifier::for_key(host, &key).unwrap();
        let outcome = SignedCheckpoint::parse(envelope.as_bytes()).and_then(|signed| {
            if key.kind() == KeyKind::Ed25519 {
                signed.verify(host, &verifier).cloned()
            } else {
                signed.verify_rekor_v1(&verifier).cloned()
            }
        });
        match name.as_str() {
            "rekor2-checkpoint-missing-log-signature_fail" => {
                assert_eq!(outcome, Err(CheckpointError::Note(NoteError::NoSignatures)));
            }
            "rekor2-checkpoint-missing-origin_fail" => {
                assert!(
                    matches!(outcome, Err(CheckpointError::Size { .. })),
                    "{outcome:?}"
                );
            }
            "invalid-checkpoint-signature_fail" => {
                let invalid = NoteError::SignatureInvalid {
                    name: host.to_owned(),
                };
                assert_eq!(outcome, Err(CheckpointError::Note(invalid)));
            }
            _ => {
                let checkpoint = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
                let proven = prove(entry, &checkpoint);
                if ODD_PROOFS.contains(&name.as_str()) {
                    assert!(proven.is_err(), "{name}");
                } else {
                    assert_eq!(proven, Ok(()), "{name}");
                }
                verified += 1;
            }
        }
    }
    assert!(verified > 15, "only {verified} checkpoints in the corpus");
}

/// Cases whose checkpoint is right, and whose proof does not lead to it.
const ODD_PROOFS: [&str; 2] = [
    "checkpoint-wrong-roothash_fail",
    "inclusion-proof-corrupted-hash_fail",
];

/// Checks the inclusion proof of an entry in a bundle against its checkpoint.
fn prove(entry: &serde_json::Value, checkpoint: &Checkpoint) -> Result<(), ProofError> {
    let decode = |value: &serde_json::Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let proof = &entry["inclusionProof"];
    let hashes = proof["hashes"].as_array().unwrap().iter();
    let hashes: Vec<Hash> = hashes
        .map(|hash| decode(hash).try_into().unwrap())
        .collect();
    let leaf = leaf_hash(&decode(&entry["canonicalizedBody"]));
    let index = proof["logIndex"]
        .as_str()
        .map_or_else(|| proof["logIndex"].as_u64(), |i| i.parse().ok());
    verify_inclusion(
        index.unwrap_or(0),
        checkpoint.size,
        &leaf,
        &hashes,
        &checkpoint.root,
    )
}
