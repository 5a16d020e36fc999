//! What the log entry is about.

use serde_json::json;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::KeyKind;
use signhere_testkit::forge::{self as made, Entry, Forge, Kind, RootVersion, Stage};
use signhere_verify::JsonError;
use signhere_verify::entry::EntryError;
use signhere_verify::verdict::{Reason, StepName};

use crate::forge::{STATEMENT, V2, V2_KEY, V2_STATEMENT, Verifiers};

use crate::{base64, check, double, rows};

/// What the log holds.
#[test]
fn log_entry() {
    check(rows![
        "no entry",
        Kind::PLAIN,
        |Stage::Logged(entries)| entries.clear(),
        Log,
        Reason::LogEntryMissing,
        "the same entry twice",
        Kind::PLAIN,
        |Stage::Logged(entries)| entries.push(entries[0].clone()),
        Log,
        Reason::LogEntryDuplicate,
        "the same entry at another index",
        Kind::PLAIN,
        |Stage::Logged(entries)| {
            let mut again = entries[0].clone();
            again.index += 1;
            entries.push(again);
        },
        Log,
        Reason::LogEntryDuplicate,
        "unknown kind",
        Kind::PLAIN,
        |Stage::Entry(e)| e.kind = "rekord".to_owned(),
        Log,
        Reason::Entry(EntryError::Unsupported { .. }),
        "unknown version",
        Kind::PLAIN,
        |Stage::Entry(e)| e.version = "0.0.3".to_owned(),
        Log,
        Reason::Entry(EntryError::Unsupported { .. }),
        "declared as another kind",
        STATEMENT,
        |Stage::Entry(e)| e.kind = "hashedrekord".to_owned(),
        Log,
        Reason::Entry(EntryError::KindMismatch { .. }),
        "body of another version",
        V2,
        |Stage::Entry(e)| e.body["apiVersion"] = json!("0.0.1"),
        Log,
        Reason::Entry(EntryError::KindMismatch { .. }),
        "no body worth the name",
        Kind::PLAIN,
        |Stage::Entry(e)| e.body["spec"] = json!({}),
        Log,
        Reason::Entry(EntryError::Json(JsonError::Missing { .. })),
        "other data",
        Kind::PLAIN,
        |Stage::Entry(e)| e.body["spec"]["data"]["hash"]["value"] = json!("07".repeat(32)),
        Log,
        Reason::EntryDigest,
        "other data in v2",
        V2,
        |Stage::Entry(e)| e.body["spec"]["hashedRekordV002"]["data"]["digest"] =
            json!(base64(&[7; 32])),
        Log,
        Reason::EntryDigest,
        "other payload",
        STATEMENT,
        |Stage::Entry(e)| e.body["spec"]["payloadHash"]["value"] = json!("07".repeat(32)),
        Log,
        Reason::EntryDigest,
        "other envelope",
        Kind {
            entry: Entry::IntotoV001,
            ..STATEMENT
        },
        |Stage::Entry(e)| e.body["spec"]["content"]["hash"]["value"] = json!("07".repeat(32)),
        Log,
        Reason::EntryDigest,
        "other signature",
        Kind::PLAIN,
        |Stage::Entry(e)| e.body["spec"]["signature"]["content"] = json!(base64(b"other")),
        Log,
        Reason::EntrySignature,
        "other signature in v2",
        V2,
        |Stage::Entry(e)| e.body["spec"]["hashedRekordV002"]["signature"]["content"] =
            json!(base64(b"other")),
        Log,
        Reason::EntrySignature,
        "other signature of an envelope",
        STATEMENT,
        |Stage::Entry(e)| e.body["spec"]["signatures"][0]["signature"] = json!(base64(b"other")),
        Log,
        Reason::EntrySignature,
        "other key",
        V2_KEY,
        |Stage::Entry(e)| {
            let key = made::fresh(KeyKind::P256);
            e.body["spec"]["hashedRekordV002"]["signature"]["verifier"]["publicKey"]["rawBytes"] =
                json!(base64(key.public_key().spki_der()));
        },
        Log,
        Reason::EntryKey,
        "a key in place of the certificate",
        Kind::PLAIN,
        |Stage::Entry(e)| {
            let key = made::fresh(KeyKind::P256);
            e.body["spec"]["signature"]["publicKey"]["content"] =
                json!(base64(key.public_key().to_pem().as_bytes()));
        },
        Log,
        Reason::EntryKey,
        "entry of an envelope for an artifact",
        Kind::PLAIN,
        |Stage::Entry(e)| {
            let (signature, verifier) = (
                e.body["spec"]["signature"]["content"].take(),
                e.body["spec"]["signature"]["publicKey"]["content"].take(),
            );
            let hash = e.body["spec"]["data"]["hash"].take();
            e.kind = "dsse".to_owned();
            e.body = json!({ "apiVersion": "0.0.1", "kind": "dsse", "spec": {
                "payloadHash": hash, "signatures": [{ "signature": signature, "verifier": verifier }],
            }});
        },
        Log,
        Reason::EntryContent,
        "two signatures in an entry",
        STATEMENT,
        |Stage::Entry(e)| double(&mut e.body["spec"]["signatures"]),
        Log,
        Reason::EntrySignatures,
        "unknown log",
        Kind::PLAIN,
        |Stage::Log(l)| l.log_id[0] ^= 1,
        Log,
        Reason::LogUnknown,
        "no log id",
        V2,
        |Stage::Log(l)| l.log_id.clear(),
        Log,
        Reason::LogUnknown,
    ]);
}

/// An envelope in hashedrekord 0.0.2 is logged by the digest of its encoding: that of its payload binds too little.
#[test]
fn the_digest_of_a_payload_does_not_stand_for_its_envelope() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let mut payload = Vec::new();
    let spoiled = forge.spoiled(V2_STATEMENT, |stage| match stage {
        Stage::Sign(plan) => payload = plan.payload.clone(),
        Stage::Entry(entry) => {
            let digest = HashAlgorithm::Sha256.digest(&payload);
            let data = &mut entry.body["spec"]["hashedRekordV002"]["data"];
            data["digest"] = json!(base64(digest.as_bytes()));
        }
        _ => {}
    });
    let failure = verifiers.verify(&spoiled).failure.unwrap();
    assert_eq!(failure.step, StepName::Log);
    assert_eq!(failure.reason, Reason::EntryDigest);
}
