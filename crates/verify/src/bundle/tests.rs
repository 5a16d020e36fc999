use serde_json::{Value, json};

use super::*;
use crate::proto_json::JsonError;

fn document() -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "publicKey": { "hint": "h" },
            "tlogEntries": [entry()],
            "timestampVerificationData": { "rfc3161Timestamps": [{ "signedTimestamp": "AQID" }] },
        },
        "messageSignature": {
            "messageDigest": { "algorithm": "SHA2_256", "digest": hash() },
            "signature": "AQID",
        },
    })
}

fn entry() -> Value {
    json!({
        "logIndex": "5",
        "logId": { "keyId": "AQID" },
        "kindVersion": { "kind": "hashedrekord", "version": "0.0.2" },
        "inclusionProof": {
            "logIndex": "5",
            "rootHash": hash(),
            "treeSize": "6",
            "hashes": [hash()],
            "checkpoint": { "envelope": "note" },
        },
        "canonicalizedBody": "e30=",
    })
}

fn hash() -> String {
    crate::proto_json::base64(&[9; 32])
}

fn parse(document: &Value) -> Result<Bundle, BundleError> {
    Bundle::parse(document.to_string().as_bytes())
}

/// The error once `change` was made to a good document.
fn refused(change: impl FnOnce(&mut Value)) -> BundleError {
    let mut document = document();
    assert!(parse(&document).is_ok());
    change(&mut document);
    parse(&document).unwrap_err()
}

#[test]
fn what_is_read_is_written_again() {
    let bundle = parse(&document()).unwrap();
    assert_eq!(bundle.version, BundleVersion::V0_3);
    assert_eq!(bundle.material.tlog_entries[0].log_index, 5);
    assert_eq!(bundle.signature(), [1, 2, 3]);
    let written: Value = serde_json::from_slice(&bundle.to_json()).unwrap();
    assert_eq!(written, document());
}

#[test]
fn an_answer_of_the_log_is_an_entry() {
    let mut answer = entry();
    answer["inclusionPromise"] = Value::Null;
    answer["integratedTime"] = "0".into();
    let entry = TlogEntry::from_json(answer.to_string().as_bytes()).unwrap();
    assert_eq!(entry.promise, None);
    let written: Value = serde_json::from_slice(&entry.to_json()).unwrap();
    assert_eq!(written, answer);
}

#[test]
fn an_answer_of_the_older_log_is_an_entry() {
    let body = r#"{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}"#;
    let hex = "09".repeat(32);
    let answer = json!({ "24296fb2": {
        "body": crate::proto_json::base64(body.as_bytes()),
        "integratedTime": 1_700_000_000,
        "logID": hex,
        "logIndex": 12,
        "verification": {
            "inclusionProof": {
                "checkpoint": "note", "hashes": [hex], "logIndex": 5, "rootHash": hex, "treeSize": 6,
            },
            "signedEntryTimestamp": "AQID",
        },
    }});
    let entry = TlogEntry::from_rekor_v1_json(answer.to_string().as_bytes()).unwrap();
    assert_eq!(
        entry,
        TlogEntry {
            log_index: 12,
            log_id: vec![9; 32],
            kind: "hashedrekord".to_owned(),
            version: "0.0.1".to_owned(),
            integrated_time: 1_700_000_000,
            promise: Some(vec![1, 2, 3]),
            proof: Some(InclusionProof {
                log_index: 5,
                root_hash: [9; 32],
                tree_size: 6,
                hashes: vec![[9; 32]],
                checkpoint: "note".to_owned(),
            }),
            body: body.as_bytes().to_vec(),
        }
    );
    let two = json!({ "a": {}, "b": {} });
    assert!(matches!(
        TlogEntry::from_rekor_v1_json(two.to_string().as_bytes()),
        Err(BundleError::Json(JsonError::TooMany { found: 2, .. }))
    ));
}

#[test]
fn versions_are_the_known_ones() {
    for media_type in [
        "application/vnd.dev.sigstore.bundle.v0.4+json",
        "application/vnd.dev.sigstore.bundle+json;version=0.4",
        "application/vnd.dev.sigstore.bundle.v0.3+json ",
        "",
    ] {
        assert_eq!(
            refused(|document| document["mediaType"] = media_type.into()),
            BundleError::MediaType {
                found: media_type.to_owned()
            }
        );
    }
    for (media_type, version) in [
        (
            "application/vnd.dev.sigstore.bundle+json;version=0.1",
            BundleVersion::V0_1,
        ),
        (
            "application/vnd.dev.sigstore.bundle+json;version=0.2",
            BundleVersion::V0_2,
        ),
        (
            "application/vnd.dev.sigstore.bundle+json;version=0.3",
            BundleVersion::V0_3,
        ),
    ] {
        let mut document = document();
        document["mediaType"] = media_type.into();
        assert_eq!(parse(&document).unwrap().version, version);
    }
}

#[test]
fn exactly_one_key_and_one_content() {
    assert_eq!(
        refused(|document| document["verificationMaterial"]["publicKey"] = Value::Null),
        BundleError::NoKeyMaterial
    );
    assert_eq!(
        refused(|document| document["verificationMaterial"]["certificate"] = json!({})),
        BundleError::Json(JsonError::OneOf {
            first: "verificationMaterial.publicKey".to_owned(),
            second: "verificationMaterial.certificate".to_owned(),
        })
    );
    assert_eq!(
        refused(|document| document["messageSignature"] = Value::Null),
        BundleError::NoContent
    );
    assert_eq!(
        refused(|document| document["dsseEnvelope"] = json!({})),
        BundleError::Json(JsonError::OneOf {
            first: "messageSignature".to_owned(),
            second: "dsseEnvelope".to_owned(),
        })
    );
}

#[test]
fn certificates_come_in_the_form_of_their_version() {
    let chain = |document: &mut Value, media_type: &str| {
        document["mediaType"] = media_type.into();
        document["verificationMaterial"]["publicKey"] = Value::Null;
        document["verificationMaterial"]["x509CertificateChain"] = json!({ "certificates": [] });
    };
    assert_eq!(
        refused(|document| chain(document, "application/vnd.dev.sigstore.bundle.v0.3+json")),
        BundleError::KeyMaterialForVersion {
            version: "0.3",
            found: "x509CertificateChain",
        }
    );
    assert_eq!(
        refused(|document| chain(
            document,
            "application/vnd.dev.sigstore.bundle+json;version=0.2"
        )),
        BundleError::EmptyChain
    );
}

#[test]
fn envelopes_have_one_signature() {
    for found in [0, 2] {
        let signatures = vec![json!({ "sig": "AQID" }); found];
        let error = refused(|document| {
            document["messageSignature"] = Value::Null;
            document["dsseEnvelope"] =
                json!({ "payload": "e30=", "payloadType": "t", "signatures": signatures });
        });
        assert_eq!(error, BundleError::EnvelopeSignatures { found });
    }
}

#[test]
fn lists_have_their_limits() {
    let too_many = |path: &str, limit: usize| {
        BundleError::Json(JsonError::TooMany {
            path: path.to_owned(),
            limit,
            found: limit + 1,
        })
    };
    let material = "verificationMaterial";
    assert_eq!(
        refused(|document| document[material]["tlogEntries"] = vec![entry(); 33].into()),
        too_many("verificationMaterial.tlogEntries", 32)
    );
    assert_eq!(
        refused(|document| {
            document[material]["timestampVerificationData"]["rfc3161Timestamps"] =
                vec![json!({ "signedTimestamp": "AQID" }); 33].into();
        }),
        too_many(
            "verificationMaterial.timestampVerificationData.rfc3161Timestamps",
            32
        )
    );
    assert_eq!(
        refused(|document| {
            document[material]["tlogEntries"][0]["inclusionProof"]["hashes"] =
                vec![hash(); 65].into();
        }),
        too_many(
            "verificationMaterial.tlogEntries[0].inclusionProof.hashes",
            64
        )
    );
}

#[test]
fn hashes_have_their_length() {
    let short = || Value::from("AQID");
    assert_eq!(
        refused(|document| document["messageSignature"]["messageDigest"]["digest"] = short()),
        BundleError::HashLength {
            path: "messageSignature.messageDigest.digest".to_owned(),
            expected: 32,
            found: 3,
        }
    );
    assert_eq!(
        refused(|document| {
            document["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["rootHash"] =
                short();
        }),
        BundleError::HashLength {
            path: "verificationMaterial.tlogEntries[0].inclusionProof.rootHash".to_owned(),
            expected: 32,
            found: 3,
        }
    );
    assert_eq!(
        refused(|document| document["messageSignature"]["messageDigest"]["algorithm"] = 4.into()),
        BundleError::DigestAlgorithm {
            found: "SHA3_256".to_owned()
        }
    );
}

#[test]
fn unknown_fields_are_ignored_and_named() {
    let mut document = document();
    document["verificationMaterial"]["tlogEntries"][0]["new"] = 1.into();
    let bundle = parse(&document).unwrap();
    assert_eq!(
        bundle.unknown_fields,
        ["verificationMaterial.tlogEntries[0].new"]
    );
}
