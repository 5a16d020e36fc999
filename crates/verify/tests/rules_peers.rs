//! Where published clients disagree, and what is decided here: each disagreement once, by its name.
//!
//! The peers' decisions were observed on changes to real bundles (sigstore-rust 0.11, sigstore-python 4.5.1,
//! sigstore-js 5, in this order). The bundles here are our own, with the same change.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: a failure here is a failed test"
)]

mod forge;

use serde_json::{Value, json};
use signhere_pki::digest::HashAlgorithm;
use signhere_testkit::forge::{
    ARTIFACT, Entry, Evidence, Forge, IDENTITY, ISSUER, Kind, MediaType, RootVersion, Stage,
};
use signhere_verify::verifier::Artifact;

use forge::{PROOF_ONLY, STATEMENT, V2, identity, verifier};

/// What happened, in the peers' order.
const ACCEPT: bool = true;
const REJECT: bool = false;

struct Probe {
    name: &'static str,
    /// sigstore-rust, sigstore-python, sigstore-js.
    peers: [bool; 3],
    /// `None` where the bundle is accepted here.
    ours: Option<&'static str>,
    bundle: fn(&Forge) -> Vec<u8>,
}

const PROBES: [Probe; 36] = [
    Probe {
        name: "both a message signature and an envelope",
        peers: [ACCEPT, REJECT, ACCEPT],
        ours: Some("SH-BUNDLE-FORM"),
        bundle: |forge| {
            let envelope = forge.bundle(STATEMENT).json["dsseEnvelope"].take();
            json(forge, Kind::PLAIN, |bundle| {
                bundle["dsseEnvelope"] = envelope.clone()
            })
        },
    },
    Probe {
        name: "both a certificate and a key hint",
        peers: [ACCEPT, REJECT, REJECT],
        ours: Some("SH-BUNDLE-FORM"),
        bundle: |forge| {
            json(forge, Kind::PLAIN, |bundle| {
                bundle["verificationMaterial"]["publicKey"] = json!({ "hint": "k" });
            })
        },
    },
    Probe {
        name: "the same log entry twice",
        peers: [ACCEPT, REJECT, REJECT],
        ours: Some("SH-LOG-DUPLICATE"),
        bundle: |forge| json(forge, Kind::PLAIN, |bundle| repeat(entries(bundle), 2)),
    },
    Probe {
        name: "200 copies of a log entry",
        peers: [ACCEPT, REJECT, REJECT],
        ours: Some("SH-BUNDLE-LIMIT"),
        bundle: |forge| json(forge, Kind::PLAIN, |bundle| repeat(entries(bundle), 200)),
    },
    Probe {
        name: "a Rekor v2 entry of an unknown log id",
        peers: [ACCEPT, REJECT, ACCEPT],
        ours: Some("SH-LOG-UNKNOWN"),
        bundle: |forge| {
            json(forge, V2, |bundle| {
                entries(bundle)[0]["logId"]["keyId"] = json!("AAAA");
            })
        },
    },
    Probe {
        name: "another outer index in a Rekor v2 entry",
        peers: [ACCEPT, ACCEPT, ACCEPT],
        ours: Some("SH-LOG-INDEX"),
        bundle: |forge| {
            json(forge, V2, |bundle| {
                entries(bundle)[0]["logIndex"] = json!("4711")
            })
        },
    },
    Probe {
        name: "a media type of v0.4",
        peers: [REJECT, REJECT, ACCEPT],
        ours: Some("SH-BUNDLE-VERSION"),
        bundle: |forge| {
            json(forge, V2, |bundle| {
                bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.4+json");
            })
        },
    },
    Probe {
        name: "a proof's tree size that contradicts the checkpoint",
        peers: [REJECT, REJECT, ACCEPT],
        ours: Some("SH-LOG-CHECKPOINT-TREE"),
        // 11 entries were logged; of 12 the same hashes would lead to the same root.
        bundle: |forge| json(forge, V2, |bundle| proof(bundle)["treeSize"] = json!("12")),
    },
    Probe {
        name: "a proof's root that contradicts the checkpoint",
        peers: [REJECT, REJECT, ACCEPT],
        ours: Some("SH-LOG-PROOF"),
        bundle: |forge| {
            json(forge, V2, |bundle| {
                proof(bundle)["rootHash"] = json!(format!("{}=", "A".repeat(43)));
            })
        },
    },
    Probe {
        name: "a time in a Rekor v2 entry",
        peers: [REJECT, ACCEPT, ACCEPT],
        ours: Some("SH-LOG-TIME"),
        bundle: |forge| {
            json(forge, V2, |bundle| {
                entries(bundle)[0]["integratedTime"] = json!("1780315200");
            })
        },
    },
    Probe {
        name: "a timestamp of another signature beside a good one",
        peers: [REJECT, ACCEPT, REJECT],
        ours: Some("SH-TIME-IMPRINT"),
        bundle: |forge| {
            let mut seen = 0;
            spoiled(forge, two_timestamps(), |stage| {
                if let Stage::Stamp(stamp) = stage {
                    seen += 1;
                    if seen == 2 {
                        stamp.message = b"another signature".to_vec();
                    }
                }
            })
        },
    },
    Probe {
        name: "the same timestamp twice",
        peers: [ACCEPT, REJECT, REJECT],
        ours: Some("SH-TIME-DUPLICATE"),
        bundle: |forge| {
            spoiled(forge, V2, |stage| {
                if let Stage::Stamped(timestamps) = stage {
                    let again = timestamps[0].clone();
                    timestamps.push(again);
                }
            })
        },
    },
    Probe {
        name: "another algorithm for the same claimed digest",
        peers: [REJECT, ACCEPT, REJECT],
        ours: Some("SH-BUNDLE-FORM"),
        bundle: |forge| {
            json(forge, V2, |bundle| {
                bundle["messageSignature"]["messageDigest"]["algorithm"] = json!("SHA2_512");
            })
        },
    },
    Probe {
        name: "a claimed digest of another algorithm",
        peers: [REJECT, ACCEPT, REJECT],
        ours: Some("SH-ARTIFACT-ALGORITHM"),
        bundle: |forge| {
            json(forge, V2, |bundle| {
                let digest = HashAlgorithm::Sha512.digest(ARTIFACT);
                bundle["messageSignature"]["messageDigest"] = json!({
                    "algorithm": "SHA2_512",
                    "digest": base64(digest.as_bytes()),
                });
            })
        },
    },
    Probe {
        name: "no claimed digest, which is only a hint",
        peers: [ACCEPT, ACCEPT, REJECT],
        ours: None,
        bundle: |forge| {
            json(forge, V2, |bundle| {
                let signature = bundle["messageSignature"].as_object_mut().unwrap();
                signature.remove("messageDigest").unwrap();
            })
        },
    },
    Probe {
        name: "a name given twice, the bad value first",
        peers: [REJECT, ACCEPT, ACCEPT],
        ours: Some("SH-BUNDLE-JSON"),
        bundle: |forge| {
            text(forge, V2, |text| {
                text.replacen('{', "{\"mediaType\":\"x\",", 1)
            })
        },
    },
    Probe {
        name: "nesting 100,000 deep",
        peers: [REJECT, REJECT, ACCEPT],
        ours: Some("SH-BUNDLE-LIMIT"),
        bundle: |forge| {
            let deep = format!("{{\"x\":{}{},", "[".repeat(100_000), "]".repeat(100_000));
            text(forge, V2, |text| text.replacen('{', &deep, 1))
        },
    },
    Probe {
        name: "v0.1 with a promise and no proof",
        peers: [ACCEPT, REJECT, ACCEPT],
        ours: None,
        bundle: |forge| {
            let mut kind = Kind {
                media_type: MediaType::V0_1,
                ..Kind::PLAIN
            };
            kind.evidence.proof = false;
            forge.bundle(kind).to_bytes()
        },
    },
    Probe {
        name: "a field that nobody knows",
        peers: [ACCEPT, REJECT, ACCEPT],
        ours: None,
        bundle: |forge| json(forge, V2, |bundle| bundle["comment"] = json!("hello")),
    },
    Probe {
        name: "white space inside base64",
        peers: [REJECT, ACCEPT, ACCEPT],
        ours: Some("SH-BUNDLE-FORM"),
        bundle: |forge| {
            json(forge, V2, |bundle| {
                let signature = &mut bundle["messageSignature"]["signature"];
                let (start, end) = signature.as_str().unwrap().split_at(10);
                *signature = json!(format!("{start}\n{end}"));
            })
        },
    },
    Probe {
        name: "base64 of the alphabet for URLs",
        peers: [REJECT, REJECT, ACCEPT],
        ours: None,
        bundle: |forge| {
            json(forge, V2, |bundle| {
                let certificate = &mut bundle["verificationMaterial"]["certificate"]["rawBytes"];
                let text = certificate.as_str().unwrap();
                *certificate = json!(text.replace('+', "-").replace('/', "_"));
            })
        },
    },
    Probe {
        name: "names in snake case",
        peers: [ACCEPT, REJECT, ACCEPT],
        ours: None,
        bundle: |forge| {
            text(forge, V2, |text| {
                text.replace("verificationMaterial", "verification_material")
                    .replace("tlogEntries", "tlog_entries")
                    .replace("canonicalizedBody", "canonicalized_body")
            })
        },
    },
    Probe {
        name: "numbers for 64-bit integers",
        peers: [ACCEPT, REJECT, ACCEPT],
        ours: None,
        bundle: |forge| {
            json(forge, V2, |bundle| {
                entries(bundle)[0]["logIndex"] = json!(5);
                proof(bundle)["treeSize"] = json!(11);
            })
        },
    },
    Probe {
        name: "a second entry with a bad proof",
        peers: [REJECT, REJECT, REJECT],
        ours: Some("SH-LOG-PROOF"),
        bundle: |forge| {
            spoiled(forge, PROOF_ONLY, |stage| {
                if let Stage::Logged(entries) = stage {
                    let mut second = entries[0].clone();
                    // The same entry to a reader of JSON, and another leaf.
                    second.body.push(b' ');
                    second.index += 1;
                    entries.push(second);
                }
            })
        },
    },
    Probe {
        name: "a Rekor v1 time without a promise",
        peers: [REJECT, REJECT, REJECT],
        ours: Some("SH-TIME-MISSING"),
        bundle: |forge| {
            json(forge, Kind::PLAIN, |bundle| {
                let entry = entries(bundle)[0].as_object_mut().unwrap();
                entry.remove("inclusionPromise").unwrap();
            })
        },
    },
    Probe {
        name: "another time in a Rekor v1 entry",
        peers: [REJECT, REJECT, REJECT],
        ours: Some("SH-LOG-PROMISE"),
        bundle: |forge| {
            json(forge, Kind::PLAIN, |bundle| {
                entries(bundle)[0]["integratedTime"] = json!("1780315201");
            })
        },
    },
    Probe {
        name: "another index in a Rekor v1 entry",
        peers: [REJECT, REJECT, REJECT],
        ours: Some("SH-LOG-PROMISE"),
        bundle: |forge| {
            json(forge, Kind::PLAIN, |bundle| {
                entries(bundle)[0]["logIndex"] = json!("4711");
            })
        },
    },
    Probe {
        name: "another kind than the body's",
        peers: [REJECT, REJECT, REJECT],
        ours: Some("SH-LOG-KIND-MISMATCH"),
        bundle: |forge| {
            json(forge, Kind::PLAIN, |bundle| {
                entries(bundle)[0]["kindVersion"]["version"] = json!("0.0.2");
            })
        },
    },
    Probe {
        name: "an envelope without a signature",
        peers: [REJECT, REJECT, REJECT],
        ours: Some("SH-BUNDLE-SIGNATURES"),
        bundle: |forge| {
            json(forge, STATEMENT, |bundle| {
                bundle["dsseEnvelope"]["signatures"] = json!([]);
            })
        },
    },
    Probe {
        name: "an envelope with two signatures",
        peers: [REJECT, REJECT, REJECT],
        ours: Some("SH-BUNDLE-SIGNATURES"),
        bundle: |forge| {
            json(forge, STATEMENT, |bundle| {
                repeat(
                    bundle["dsseEnvelope"]["signatures"].as_array_mut().unwrap(),
                    2,
                );
            })
        },
    },
    Probe {
        name: "another payload type",
        peers: [REJECT, REJECT, REJECT],
        ours: Some("SH-ARTIFACT-PAYLOAD-TYPE"),
        bundle: |forge| {
            json(forge, STATEMENT, |bundle| {
                bundle["dsseEnvelope"]["payloadType"] = json!("text/plain");
            })
        },
    },
    Probe {
        name: "a chain in v0.3",
        peers: [REJECT, REJECT, REJECT],
        ours: Some("SH-BUNDLE-MATERIAL"),
        bundle: |forge| {
            json(forge, V2, |bundle| {
                let material = bundle["verificationMaterial"].as_object_mut().unwrap();
                let leaf = material.remove("certificate").unwrap();
                material.insert(
                    "x509CertificateChain".to_owned(),
                    json!({ "certificates": [leaf] }),
                );
            })
        },
    },
    Probe {
        name: "data after the bundle",
        peers: [REJECT, REJECT, REJECT],
        ours: Some("SH-BUNDLE-JSON"),
        bundle: |forge| text(forge, V2, |text| format!("{text}x")),
    },
    Probe {
        name: "a byte order mark",
        peers: [REJECT, REJECT, REJECT],
        ours: Some("SH-BUNDLE-JSON"),
        bundle: |forge| text(forge, V2, |text| format!("\u{feff}{text}")),
    },
    Probe {
        name: "100,000 hashes in a proof",
        peers: [REJECT, REJECT, REJECT],
        ours: Some("SH-BUNDLE-LIMIT"),
        bundle: |forge| {
            json(forge, V2, |bundle| {
                let hash = json!(format!("{}=", "A".repeat(43)));
                proof(bundle)["hashes"] = json!(vec![hash; 100_000]);
            })
        },
    },
    Probe {
        name: "the bundle without a change",
        peers: [ACCEPT, ACCEPT, ACCEPT],
        ours: None,
        bundle: |forge| forge.bundle(V2).to_bytes(),
    },
];

#[test]
fn every_disagreement_is_decided_by_a_rule() {
    let forge = Forge::new();
    let verifier = verifier(&forge.trusted_root(RootVersion::V0_1));
    let digests = HashAlgorithm::ALL.map(|algorithm| algorithm.digest(ARTIFACT));
    let mut alone = 0;
    for probe in &PROBES {
        let bundle = (probe.bundle)(&forge);
        for artifact in [Artifact::Bytes(ARTIFACT), Artifact::Digests(&digests)] {
            let verdict = verifier.verify_json(&bundle, &artifact, &identity(IDENTITY, ISSUER));
            let code = verdict
                .failure
                .as_ref()
                .map(|failure| failure.reason.code());
            assert_eq!(code, probe.ours, "{}: {:?}", probe.name, verdict.failure);
        }
        let ours = probe.ours.is_none();
        alone += usize::from(probe.peers.iter().all(|peer| *peer != ours));
    }
    // The index of a Rekor v2 entry that nobody signed, and that all three take.
    assert_eq!(alone, 1);
}

/// sigstore-js takes an identity for a pattern: part of a name, or what matches it, passes there.
#[test]
fn an_identity_is_no_pattern() {
    let forge = Forge::new();
    let verifier = verifier(&forge.trusted_root(RootVersion::V0_1));
    let bundle = forge.bundle(V2).to_bytes();
    for (who, issuer, code) in [
        ("ada@example", ISSUER, "SH-IDENTITY"),
        ("ada@example.tes.", ISSUER, "SH-IDENTITY"),
        (".*", ISSUER, "SH-IDENTITY"),
        (
            IDENTITY,
            "https://issuer.example.test/",
            "SH-IDENTITY-ISSUER",
        ),
        (IDENTITY, "https://.*", "SH-IDENTITY-ISSUER"),
    ] {
        let artifact = Artifact::Bytes(ARTIFACT);
        let verdict = verifier.verify_json(&bundle, &artifact, &identity(who, issuer));
        assert_eq!(
            verdict.failure.unwrap().reason.code(),
            code,
            "{who} {issuer}"
        );
    }
}

/// A field that nobody knows is ignored, and named.
#[test]
fn what_is_ignored_is_named() {
    let forge = Forge::new();
    let verifier = verifier(&forge.trusted_root(RootVersion::V0_1));
    let bundle = json(&forge, V2, |bundle| bundle["comment"] = json!("hello"));
    let artifact = Artifact::Bytes(ARTIFACT);
    let verdict = verifier.verify_json(&bundle, &artifact, &identity(IDENTITY, ISSUER));
    assert_eq!(verdict.unknown_fields, ["comment"]);
}

fn two_timestamps() -> Kind {
    Kind {
        entry: Entry::HashedRekordV002,
        evidence: Evidence {
            timestamps: 2,
            ..V2.evidence
        },
        ..V2
    }
}

fn spoiled(forge: &Forge, kind: Kind, spoil: impl FnMut(Stage<'_>)) -> Vec<u8> {
    forge.spoiled(kind, spoil).to_bytes()
}

fn json(forge: &Forge, kind: Kind, mut change: impl FnMut(&mut Value)) -> Vec<u8> {
    let mut bundle = forge.bundle(kind);
    change(&mut bundle.json);
    bundle.to_bytes()
}

fn text(forge: &Forge, kind: Kind, change: impl Fn(&str) -> String) -> Vec<u8> {
    change(&forge.bundle(kind).json.to_string()).into_bytes()
}

fn entries(bundle: &mut Value) -> &mut Vec<Value> {
    let entries = &mut bundle["verificationMaterial"]["tlogEntries"];
    entries.as_array_mut().unwrap()
}

fn proof(bundle: &mut Value) -> &mut Value {
    &mut entries(bundle)[0]["inclusionProof"]
}

fn repeat(values: &mut Vec<Value>, count: usize) {
    let first = values[0].clone();
    values.resize(count, first);
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
