//! Our verdict beside that of `sigstore-verify` on changed bundles of others. Each difference is
//! listed here, and explained in `docs/design/differential.md`.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use serde_json::{Value, json};
use signhere_testkit::corpus::{BundleCase, bundle_cases, folder_or_skip};
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verifier::{Artifact, Policy, Verifier};

/// The changes that only one of the two accepts.
const DIFFERENCES: &[(&str, Bundles, Accepts)] = &[
    ("same entry twice", Bundles::All, Accepts::Theirs),
    ("33 entries", Bundles::All, Accepts::Theirs),
    ("both keys", Bundles::All, Accepts::Theirs),
    ("unknown name given twice", Bundles::All, Accepts::Theirs),
    ("deep nesting", Bundles::All, Accepts::Theirs),
    ("unknown log", Bundles::RekorV2, Accepts::Theirs),
    ("integrated time", Bundles::RekorV2, Accepts::Theirs),
    ("tree size", Bundles::RekorV2, Accepts::Theirs),
    ("root hash", Bundles::RekorV2, Accepts::Theirs),
    ("same timestamp twice", Bundles::RekorV2, Accepts::Theirs),
    ("snake case", Bundles::RekorV2, Accepts::Ours),
];

#[derive(PartialEq)]
enum Bundles {
    All,
    RekorV2,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Accepts {
    Ours,
    Theirs,
    Both,
    Neither,
}

type Change = (&'static str, fn(&mut Value));

const CHANGES: &[Change] = &[
    ("nothing", |_| ()),
    ("same entry twice", |bundle| repeat(entries(bundle), 2)),
    ("33 entries", |bundle| repeat(entries(bundle), 33)),
    ("unknown log", |bundle| {
        entry(bundle)["logId"]["keyId"] = "AAAA".into()
    }),
    ("outer index", |bundle| {
        entry(bundle)["logIndex"] = "7".into()
    }),
    ("integrated time", |bundle| {
        entry(bundle)["integratedTime"] = "1758000000".into()
    }),
    ("no promise", |bundle| {
        entry(bundle)["inclusionPromise"] = Value::Null
    }),
    ("no proof", |bundle| {
        entry(bundle)["inclusionProof"] = Value::Null
    }),
    ("no checkpoint", |bundle| {
        entry(bundle)["inclusionProof"]["checkpoint"] = Value::Null
    }),
    ("tree size", |bundle| {
        entry(bundle)["inclusionProof"]["treeSize"] = "99999999999".into()
    }),
    ("root hash", |bundle| {
        entry(bundle)["inclusionProof"]["rootHash"] =
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into();
    }),
    ("kind", |bundle| {
        entry(bundle)["kindVersion"]["kind"] = "intoto".into()
    }),
    ("kind version", |bundle| {
        entry(bundle)["kindVersion"]["version"] = "0.0.9".into()
    }),
    ("no entries", |bundle| {
        material(bundle)["tlogEntries"] = json!([])
    }),
    ("media type 0.4", |bundle| {
        bundle["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json".into();
    }),
    ("both keys", |bundle| {
        material(bundle)["publicKey"] = json!({ "hint": "h" })
    }),
    ("both contents", |bundle| {
        bundle["dsseEnvelope"] =
            json!({ "payload": "e30=", "payloadType": "t", "signatures": [{ "sig": "AAAA" }] });
        bundle["messageSignature"] = json!({ "signature": "AAAA" });
    }),
    ("no claimed digest", |bundle| {
        if let Some(signature) = bundle.get_mut("messageSignature") {
            signature["messageDigest"] = Value::Null;
        }
    }),
    ("claimed algorithm", |bundle| {
        if let Some(signature) = bundle.get_mut("messageSignature") {
            signature["messageDigest"]["algorithm"] = "SHA2_512".into();
        }
    }),
    ("claimed digest", |bundle| {
        if let Some(signature) = bundle.get_mut("messageSignature") {
            signature["messageDigest"]["digest"] =
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into();
        }
    }),
    ("payload type", |bundle| {
        if let Some(envelope) = bundle.get_mut("dsseEnvelope") {
            envelope["payloadType"] = "text/plain".into();
        }
    }),
    ("two signatures", |bundle| {
        if let Some(envelope) = bundle.get_mut("dsseEnvelope") {
            repeat(&mut envelope["signatures"], 2);
        }
    }),
    ("no signatures", |bundle| {
        if let Some(envelope) = bundle.get_mut("dsseEnvelope") {
            envelope["signatures"] = json!([]);
        }
    }),
    ("no timestamps", |bundle| {
        material(bundle)["timestampVerificationData"] = Value::Null
    }),
    ("same timestamp twice", |bundle| {
        if let Some(data) = material(bundle).get_mut("timestampVerificationData") {
            repeat(&mut data["rfc3161Timestamps"], 2);
        }
    }),
    ("integers as numbers", |bundle| {
        let entry = entry(bundle);
        for name in ["logIndex", "integratedTime"] {
            if let Some(text) = entry[name].as_str() {
                entry[name] = text.parse::<i64>().unwrap().into();
            }
        }
    }),
    ("unknown field", |bundle| bundle["new"] = 1.into()),
    ("snake case", |bundle| {
        let value = bundle["mediaType"].take();
        bundle.as_object_mut().unwrap().remove("mediaType");
        bundle["media_type"] = value;
    }),
    ("base64url", |bundle| {
        rewrite_id(bundle, |text| text.replace('+', "-").replace('/', "_"))
    }),
    ("base64 unpadded", |bundle| {
        rewrite_id(bundle, |text| text.replace('=', ""))
    }),
    ("base64 with a newline", |bundle| {
        rewrite_id(bundle, |text| text + "\n")
    }),
];

type TextChange = (&'static str, fn(&str) -> String);

const TEXT_CHANGES: &[TextChange] = &[
    ("trailing data", |text| format!("{text}{{}}")),
    ("byte order mark", |text| format!("\u{feff}{text}")),
    ("name given twice", |text| {
        text.replacen('{', r#"{"mediaType":"x","#, 1)
    }),
    ("unknown name given twice", |text| {
        text.replacen('{', r#"{"x":1,"x":2,"#, 1)
    }),
    ("deep nesting", |text| {
        let deep = "[".repeat(100) + &"]".repeat(100);
        text.replacen('{', &format!(r#"{{"x":{deep},"#), 1)
    }),
];

#[test]
fn every_difference_is_known() {
    let Some(corpus) = folder_or_skip("the differential test") else {
        return;
    };
    let kinds = [
        "happy-path-v0.3",
        "happy-path-intoto-in-dsse-v3",
        "rekor2-happy-path",
        "rekor2-dsse-happy-path",
    ];
    let mut compared = 0;
    for case in bundle_cases(&corpus) {
        if !kinds.contains(&case.name.as_str()) {
            continue;
        }
        let document: Value = serde_json::from_slice(&case.bundle).unwrap();
        let texts = CHANGES.iter().map(|(name, change)| {
            let mut changed = document.clone();
            change(&mut changed);
            (*name, changed.to_string())
        });
        let more = TEXT_CHANGES
            .iter()
            .map(|(name, change)| (*name, change(&document.to_string())));
        for (name, text) in texts.chain(more) {
            let found = match (ours(&case, &text), theirs(&case, &text)) {
                (true, true) => Accepts::Both,
                (true, false) => Accepts::Ours,
                (false, true) => Accepts::Theirs,
                (false, false) => Accepts::Neither,
            };
            let second_generation = case.name.starts_with("rekor2");
            let known = DIFFERENCES.iter().find(|(change, bundles, _)| {
                *change == name && (*bundles == Bundles::All || second_generation)
            });
            match known {
                Some((_, _, expected)) => assert_eq!(found, *expected, "{}: {name}", case.name),
                None => assert!(
                    matches!(found, Accepts::Both | Accepts::Neither),
                    "{}: {name}: {found:?}",
                    case.name
                ),
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 4 * (CHANGES.len() + TEXT_CHANGES.len()));
}

fn ours(case: &BundleCase, json: &str) -> bool {
    let verifier = Verifier::new(TrustedRoot::parse(&case.trusted_root).unwrap()).unwrap();
    let policy = Policy::Identity {
        identity: case.identity.clone(),
        issuer: case.issuer.clone(),
    };
    let artifact = Artifact::Bytes(&case.artifact);
    verifier
        .verify_json(json.as_bytes(), &artifact, &policy)
        .is_verified()
}

fn theirs(case: &BundleCase, json: &str) -> bool {
    use sigstore_verify::VerificationPolicy;
    use sigstore_verify::trust_root::TrustedRoot;
    use sigstore_verify::types::Bundle;

    let root = TrustedRoot::from_json(str::from_utf8(&case.trusted_root).unwrap()).unwrap();
    let verifier = sigstore_verify::Verifier::new(&root).unwrap();
    let policy = VerificationPolicy::any_identity()
        .require_identity(case.identity.as_str())
        .require_issuer(case.issuer.as_str());
    Bundle::from_json(json).is_ok_and(|bundle| {
        verifier
            .verify(case.artifact.as_slice(), &bundle, &policy)
            .is_ok()
    })
}

fn material(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]
}

fn entries(bundle: &mut Value) -> &mut Value {
    &mut material(bundle)["tlogEntries"]
}

fn entry(bundle: &mut Value) -> &mut Value {
    &mut entries(bundle)[0]
}

fn repeat(list: &mut Value, times: usize) {
    let first = list[0].clone();
    if !first.is_null() {
        *list = vec![first; times].into();
    }
}

fn rewrite_id(bundle: &mut Value, rewrite: fn(String) -> String) {
    let id = &mut entry(bundle)["logId"]["keyId"];
    *id = rewrite(id.as_str().unwrap().to_owned()).into();
}
