//! The log: entries as clients send them, their proofs, and why others are refused.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Running, entry_request, p256, refusal};
use reqwest::StatusCode;
use serde_json::{Value, json};
use signhere_log::checkpoint::SignedCheckpoint;
use signhere_log::merkle::{leaf_hash, verify_inclusion};
use signhere_log::note::NoteVerifier;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::{KeyKind, PrivateKey, Scheme, Signer};
use signhere_verify::bundle::TlogEntry;
use signhere_verify::trust::TrustedRoot;

const PATH: &str = "/api/v2/log/entries";

/// Logs `body` and checks the answer's proof against the trusted root's key.
async fn logged(instance: &Running, body: &Value) -> (TlogEntry, Option<String>) {
    let answer = instance.post_json(PATH, body).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let was_there = answer
        .headers()
        .get("x-log-index")
        .map(|index| index.to_str().unwrap().to_owned());
    let entry = TlogEntry::from_json(&answer.bytes().await.unwrap()).unwrap();

    let trusted = TrustedRoot::parse(
        &instance
            .get("/trusted_root.json")
            .await
            .bytes()
            .await
            .unwrap(),
    )
    .unwrap();
    let log = &trusted.tlogs[0];
    assert_eq!(log.name(), instance.endpoints.log_origin());
    assert_eq!(entry.log_id, log.log_id);
    let proof = entry.proof.as_ref().unwrap();
    assert_eq!(proof.log_index, entry.log_index);
    let leaf = leaf_hash(&entry.body);
    verify_inclusion(
        entry.log_index,
        proof.tree_size,
        &leaf,
        &proof.hashes,
        &proof.root_hash,
    )
    .unwrap();
    let signed = SignedCheckpoint::parse(proof.checkpoint.as_bytes()).unwrap();
    let verifier = NoteVerifier::ed25519(&instance.endpoints.log_origin(), &log.key).unwrap();
    let checkpoint = signed
        .verify(&instance.endpoints.log_origin(), &verifier)
        .unwrap();
    assert_eq!(
        (checkpoint.size, checkpoint.root),
        (proof.tree_size, proof.root_hash)
    );
    (entry, was_there)
}

#[tokio::test]
async fn entries_are_answered_with_their_proof() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let key = p256();
    for index in 0..3u64 {
        let (entry, was_there) =
            logged(&instance, &entry_request(&key, &index.to_be_bytes())).await;
        assert_eq!(entry.log_index, index);
        assert_eq!(entry.integrated_time, 0);
        assert_eq!(
            (entry.kind.as_str(), entry.version.as_str()),
            ("hashedrekord", "0.0.2")
        );
        assert_eq!(was_there, None);
    }
    instance.stop().await;
}

#[tokio::test]
async fn every_field_is_written_as_rekor_writes_it() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let answer: Value = instance
        .post_json(PATH, &entry_request(&p256(), b"message"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["logIndex"], "0");
    assert_eq!(answer["integratedTime"], "0");
    assert_eq!(answer["inclusionPromise"], Value::Null);
    assert_eq!(
        answer["kindVersion"],
        json!({ "kind": "hashedrekord", "version": "0.0.2" })
    );
    assert_eq!(answer["inclusionProof"]["treeSize"], "1");
    assert_eq!(answer["inclusionProof"]["hashes"], json!([]));
    assert!(answer["inclusionProof"]["checkpoint"]["envelope"].is_string());
    assert_eq!(
        STANDARD
            .decode(answer["logId"]["keyId"].as_str().unwrap())
            .unwrap()
            .len(),
        32
    );
    instance.stop().await;
}

#[tokio::test]
async fn the_same_entry_again_gets_its_index_and_a_proof() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let key = p256();
    let body = entry_request(&key, b"one");
    assert_eq!(logged(&instance, &body).await.0.log_index, 0);
    assert_eq!(
        logged(&instance, &entry_request(&key, b"two"))
            .await
            .0
            .log_index,
        1
    );
    let (again, was_there) = logged(&instance, &body).await;
    assert_eq!(again.log_index, 0);
    assert_eq!(again.proof.unwrap().tree_size, 2);
    assert_eq!(was_there.as_deref(), Some("0"));
    instance.stop().await;
}

#[tokio::test]
async fn a_crowd_gets_one_index_each_and_duplicates_share_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let key = p256();
    let bodies: Vec<_> = (0..40u8)
        .map(|number| entry_request(&key, &[number / 2]))
        .collect();
    // Signatures are randomised, so a pair is made by sending one request twice.
    let requests = bodies.iter().step_by(2).flat_map(|body| [body, body]);
    let mut answers = Vec::new();
    for request in requests {
        let sent = instance
            .client
            .post(format!("{}{PATH}", instance.base))
            .json(request)
            .send();
        answers.push(tokio::spawn(sent));
    }
    let mut indices = Vec::new();
    for answer in answers {
        let answer: Value = answer.await.unwrap().unwrap().json().await.unwrap();
        indices.push(answer["logIndex"].as_str().unwrap().parse::<u64>().unwrap());
    }
    assert!(
        indices.chunks(2).all(|pair| pair[0] == pair[1]),
        "{indices:?}"
    );
    indices.sort_unstable();
    indices.dedup();
    assert_eq!(indices, (0..20).collect::<Vec<_>>());
    instance.stop().await;
}

#[tokio::test]
async fn the_log_and_what_it_knows_outlive_a_restart_on_another_port() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let key = p256();
    let bodies: Vec<_> = (0..5u8)
        .map(|number| entry_request(&key, &[number]))
        .collect();
    let first = Running::start(&state).await;
    for body in &bodies {
        logged(&first, body).await;
    }
    let trusted_root = first.get("/trusted_root.json").await.bytes().await.unwrap();
    let (origin, base) = (first.endpoints.log_origin(), first.base.clone());
    first.stop().await;

    // The second restart has lost its cache, the third finds rubbish there.
    for cache in ["kept", "lost", "damaged"] {
        let path = state.join("log-1/known.sqlite");
        match cache {
            "lost" => std::fs::remove_file(&path).unwrap(),
            "damaged" => std::fs::write(&path, "rubbish ".repeat(1000)).unwrap(),
            _ => {}
        }
        let again = Running::start(&state).await;
        assert_ne!(again.base, base);
        assert_eq!(again.endpoints.log_origin(), origin);
        for (index, body) in (0..).zip(&bodies) {
            let (entry, was_there) = logged(&again, body).await;
            assert_eq!(
                (entry.log_index, was_there),
                (index, Some(index.to_string())),
                "{cache}"
            );
        }
        let now = TrustedRoot::parse(&again.get("/trusted_root.json").await.bytes().await.unwrap())
            .unwrap();
        let then = TrustedRoot::parse(&trusted_root).unwrap();
        assert_eq!(now.tlogs[0].base_url, then.tlogs[0].base_url);
        assert_eq!(now.tlogs[0].log_id, then.tlogs[0].log_id);
        again.stop().await;
    }
}

#[tokio::test]
async fn names_in_either_spelling_and_every_scheme_that_rekor_takes() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let schemes = [
        (
            KeyKind::P256,
            Scheme::EcdsaP256Sha256,
            "PKIX_ECDSA_P256_SHA_256",
        ),
        (
            KeyKind::P384,
            Scheme::EcdsaP384Sha384,
            "PKIX_ECDSA_P384_SHA_384",
        ),
        (
            KeyKind::P521,
            Scheme::EcdsaP521Sha512,
            "PKIX_ECDSA_P521_SHA_512",
        ),
        (
            KeyKind::Rsa2048,
            Scheme::RsaPkcs1Sha256,
            "PKIX_RSA_PKCS1V15_2048_SHA256",
        ),
        (KeyKind::Ed25519, Scheme::Ed25519ph, "PKIX_ED25519_PH"),
    ];
    for (index, (kind, scheme, details)) in (0..).zip(schemes) {
        let key = PrivateKey::generate(kind)
            .unwrap()
            .with_scheme(scheme)
            .unwrap();
        let digest = scheme.hash().unwrap().digest(b"message");
        let body = json!({ "hashed_rekord_request_v002": {
            "digest": STANDARD.encode(digest.as_bytes()),
            "signature": {
                "content": STANDARD.encode(key.sign(b"message").unwrap()),
                "verifier": {
                    "public_key": { "raw_bytes": STANDARD.encode(key.public_key().spki_der()) },
                    "key_details": details,
                },
            },
        } });
        assert_eq!(
            logged(&instance, &body).await.0.log_index,
            index,
            "{details}"
        );
    }
    instance.stop().await;
}

#[tokio::test]
async fn wrong_entries_are_refused_and_not_logged() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let key = p256();
    let good = entry_request(&key, b"message");
    let changed = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let other_digest = STANDARD.encode(HashAlgorithm::Sha256.digest(b"other").as_bytes());
    let other_key = STANDARD.encode(p256().public_key().spki_der());
    let request = "/hashedRekordRequestV002";
    let mut unknown = good.clone();
    unknown["hashedRekordRequestV002"]["extra"] = json!(1);
    for (body, expected) in [
        (json!({}), "`hashedRekordRequestV002` is missing"),
        (json!([]), "`document` is an array, not an object"),
        (unknown, "unknown field `hashedRekordRequestV002.extra`"),
        (
            changed(&format!("{request}/digest"), json!(other_digest)),
            "the signature does not verify",
        ),
        (
            changed(&format!("{request}/digest"), json!("AAAA")),
            "the digest has 3 bytes where 32 were expected",
        ),
        (
            changed(&format!("{request}/signature/content"), json!("AAAA")),
            "the signature does not verify",
        ),
        (
            changed(
                &format!("{request}/signature/verifier/publicKey/rawBytes"),
                json!(other_key),
            ),
            "the signature does not verify",
        ),
        (
            changed(
                &format!("{request}/signature/verifier/publicKey/rawBytes"),
                json!("AAAA"),
            ),
            "malformed key: SubjectPublicKeyInfo",
        ),
        (
            changed(
                &format!("{request}/signature/verifier/keyDetails"),
                json!("PKIX_ECDSA_P384_SHA_384"),
            ),
            "the key is ECDSA P-256 where PKIX_ECDSA_P384_SHA_384 was declared",
        ),
        (
            changed(
                &format!("{request}/signature/verifier"),
                json!({ "keyDetails": "PKIX_ECDSA_P256_SHA_256" }),
            ),
            "`hashedRekordRequestV002.signature.verifier.x509Certificate` is missing",
        ),
    ] {
        assert_eq!(
            refusal(instance.post_json(PATH, &body).await).await,
            (400, expected.to_owned())
        );
    }
    assert_eq!(logged(&instance, &good).await.0.log_index, 0);
    instance.stop().await;
}

#[tokio::test]
async fn pure_ed25519_and_pss_are_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    for (kind, scheme, details, message) in [
        (
            KeyKind::Rsa2048,
            Scheme::RsaPssSha256,
            "PKIX_RSA_PSS_2048_SHA256",
            "keyDetails PKIX_RSA_PSS_2048_SHA256 are not taken",
        ),
        (
            KeyKind::Ed25519,
            Scheme::Ed25519,
            "PKIX_ED25519",
            "PKIX_ED25519 signatures have no digest to log",
        ),
    ] {
        let key = PrivateKey::generate(kind)
            .unwrap()
            .with_scheme(scheme)
            .unwrap();
        let mut body = entry_request(&key, b"message");
        body["hashedRekordRequestV002"]["signature"]["verifier"]["keyDetails"] = json!(details);
        assert_eq!(
            refusal(instance.post_json(PATH, &body).await).await,
            (400, message.to_owned())
        );
    }
    instance.stop().await;
}

#[tokio::test]
async fn requests_that_are_no_requests_have_their_own_status() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let url = format!("{}{PATH}", instance.base);
    let get = instance.client.get(&url).send().await.unwrap();
    assert_eq!(refusal(get).await, (405, "Method Not Allowed".to_owned()));
    let form = instance
        .client
        .post(&url)
        .form(&[("a", "b")])
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(form).await,
        (415, "the media type must be application/json".to_owned())
    );
    let huge = instance
        .client
        .post(&url)
        .header("content-type", "application/json")
        .body(vec![b' '; 4 << 20 | 1]);
    let huge = huge.send().await.unwrap();
    assert_eq!(
        refusal(huge).await,
        (413, "the request is larger than 4194304 bytes".to_owned())
    );
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = instance
        .client
        .post(&url)
        .header("content-type", "application/json")
        .body(deep)
        .send()
        .await
        .unwrap();
    assert_eq!(deep.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        refusal(instance.get("/api/v2/nothing").await).await,
        (404, "Not Found".to_owned())
    );
    instance.stop().await;
}

#[tokio::test]
async fn tiles_and_checkpoint_are_read_at_both_places() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let (entry, _) = logged(&instance, &entry_request(&p256(), b"message")).await;
    for prefix in ["", "/api/v2"] {
        let checkpoint = instance.get(&format!("{prefix}/checkpoint")).await;
        assert_eq!(checkpoint.headers()["cache-control"], "no-cache");
        assert_eq!(
            checkpoint.text().await.unwrap(),
            entry.proof.as_ref().unwrap().checkpoint
        );
        let hashes = instance.get(&format!("{prefix}/tile/0/000.p/1")).await;
        assert_eq!(
            hashes.bytes().await.unwrap(),
            leaf_hash(&entry.body).as_slice()
        );
        let entries = instance
            .get(&format!("{prefix}/tile/entries/000.p/1"))
            .await
            .bytes()
            .await
            .unwrap();
        assert_eq!(&entries[2..], entry.body);
        assert_eq!(
            instance.get(&format!("{prefix}/tile/0/000")).await.status(),
            StatusCode::NOT_FOUND
        );
    }
    instance.stop().await;
}
