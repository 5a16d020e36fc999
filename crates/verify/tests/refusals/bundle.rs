//! The form of the bundle, what is signed, and the signature.

use serde_json::{Value, json};
use signhere_pki::key::KeyKind;
use signhere_testkit::forge::{
    self as made, EntryPlan, Forge, Forged, Kind, MediaType, RootVersion, Stage,
};
use signhere_verify::JsonError;
use signhere_verify::bundle::BundleError;
use signhere_verify::entry::EntryError;
use signhere_verify::intoto::StatementError;
use signhere_verify::verdict::Reason;

use crate::forge::{STATEMENT, V2, V2_KEY, V2_STATEMENT, Verifiers};

use crate::{base64, check, double, proof, remove, rows};

/// The bundle's form.
#[test]
fn bundle() {
    use BundleError as E;
    use Reason::Bundle as B;
    check(rows![
        "unknown version",
        Kind::PLAIN,
        |Stage::Bundle(b)| b["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.4+json"),
        Bundle,
        B(E::MediaType { .. }),
        "chain in v0.3",
        Kind {
            media_type: MediaType::V0_2,
            ..Kind::PLAIN
        },
        |Stage::Bundle(b)| b["mediaType"] = json!(MediaType::V0_3.as_str()),
        Bundle,
        B(E::KeyMaterialForVersion {
            version: "0.3",
            found: "x509CertificateChain"
        }),
        "certificate in v0.2",
        Kind::PLAIN,
        |Stage::Bundle(b)| b["mediaType"] = json!(MediaType::V0_2.as_str()),
        Bundle,
        B(E::KeyMaterialForVersion {
            version: "0.2",
            found: "certificate"
        }),
        "certificate and key",
        Kind::PLAIN,
        |Stage::Bundle(b)| b["verificationMaterial"]["publicKey"] = json!({ "hint": "" }),
        Bundle,
        B(E::Json(JsonError::OneOf { .. })),
        "two contents",
        Kind::PLAIN,
        |Stage::Bundle(b)| b["dsseEnvelope"] = json!({}),
        Bundle,
        B(E::Json(JsonError::OneOf { .. })),
        "no content",
        Kind::PLAIN,
        |Stage::Bundle(b)| remove(b, "messageSignature"),
        Bundle,
        B(E::NoContent),
        "no key",
        V2_KEY,
        |Stage::Bundle(b)| remove(&mut b["verificationMaterial"], "publicKey"),
        Bundle,
        B(E::NoKeyMaterial),
        "empty chain",
        Kind {
            media_type: MediaType::V0_1,
            ..Kind::PLAIN
        },
        |Stage::Bundle(b)| b["verificationMaterial"]["x509CertificateChain"]["certificates"] =
            json!([]),
        Bundle,
        B(E::EmptyChain),
        "no signature",
        STATEMENT,
        |Stage::Bundle(b)| b["dsseEnvelope"]["signatures"] = json!([]),
        Bundle,
        B(E::EnvelopeSignatures { found: 0 }),
        "two signatures",
        STATEMENT,
        |Stage::Bundle(b)| double(&mut b["dsseEnvelope"]["signatures"]),
        Bundle,
        B(E::EnvelopeSignatures { found: 2 }),
        "33 log entries",
        Kind::PLAIN,
        |Stage::Logged(entries)| entries.resize(33, entries[0].clone()),
        Bundle,
        B(E::Json(JsonError::TooMany {
            limit: 32,
            found: 33,
            ..
        })),
        "33 timestamps",
        V2,
        |Stage::Stamped(stamps)| stamps.resize(33, stamps[0].clone()),
        Bundle,
        B(E::Json(JsonError::TooMany {
            limit: 32,
            found: 33,
            ..
        })),
        "65 hashes",
        Kind::PLAIN,
        |Stage::Logged(entries)| proof(entries).hashes.resize(65, vec![7; 32]),
        Bundle,
        B(E::Json(JsonError::TooMany {
            limit: 64,
            found: 65,
            ..
        })),
        "short root hash",
        Kind::PLAIN,
        |Stage::Logged(entries)| proof(entries).root.truncate(31),
        Bundle,
        B(E::HashLength {
            expected: 32,
            found: 31,
            ..
        }),
        "unknown digest",
        Kind::PLAIN,
        |Stage::Bundle(b)| b["messageSignature"]["messageDigest"]["algorithm"] = json!("SHA3_256"),
        Bundle,
        B(E::DigestAlgorithm { .. }),
        "negative index",
        Kind::PLAIN,
        |Stage::Bundle(b)| b["verificationMaterial"]["tlogEntries"][0]["logIndex"] = json!("-1"),
        Bundle,
        B(E::Json(JsonError::Value { .. })),
    ]);
}

/// A root is for the verifier to choose. npm's clients of 2023 put it into v0.1 bundles: there the verifier's own is
/// let be, and used for nothing.
#[test]
fn a_root_in_the_bundle_is_refused() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let [intermediate, own] = forge.ca.chain();
    let [_, other] = Forge::new().ca.chain();
    let root = Some(Reason::Bundle(BundleError::RootCertificate));
    for (media_type, carried, expected) in [
        (MediaType::V0_1, &own, None),
        (MediaType::V0_1, &other, root.clone()),
        (MediaType::V0_2, &own, root.clone()),
        (MediaType::V0_2, &other, root.clone()),
        (MediaType::V0_2, &intermediate, None),
    ] {
        let kind = Kind {
            media_type,
            ..Kind::PLAIN
        };
        let chain = |place: usize| {
            forge.spoiled(kind, |stage| {
                if let Stage::Bundle(bundle) = stage {
                    let material = &mut bundle["verificationMaterial"];
                    let chain = material["x509CertificateChain"]["certificates"].as_array_mut();
                    chain.unwrap()[place]["rawBytes"] = json!(base64(carried.der()));
                }
            })
        };
        let reason = |forged: &Forged| {
            let failure = verifiers.verify(forged).failure;
            failure.map(|failure| failure.reason)
        };
        assert_eq!(reason(&chain(1)), expected, "{media_type:?}");
        // Never in the signer's place.
        if carried.is_self_issued() {
            assert_eq!(reason(&chain(0)), root, "{media_type:?}");
        }
    }
}

/// What the signature is about, and the signature.
#[test]
fn artifact_and_signature() {
    check(rows![
        "claim of another artifact",
        Kind::PLAIN,
        |Stage::Bundle(b)| b["messageSignature"]["messageDigest"]["digest"] =
            json!(base64(&[7; 32])),
        Artifact,
        Reason::ArtifactMismatch,
        "claim by another algorithm",
        Kind::PLAIN,
        |Stage::Bundle(b)| b["messageSignature"]["messageDigest"] =
            json!({ "algorithm": "SHA2_512", "digest": base64(&[7; 64]) }),
        Artifact,
        Reason::ArtifactDigestAlgorithm,
        "claimed digest, signed another",
        Kind::PLAIN,
        |Stage::Sign(s)| s.instead = Some(b"another".to_vec()),
        Signature,
        Reason::SignatureInvalid,
        "payload of another type",
        STATEMENT,
        |Stage::Sign(s)| s.payload_type = "text/plain".to_owned(),
        Artifact,
        Reason::PayloadType,
        "statement about something else",
        STATEMENT,
        |Stage::Sign(s)| s.payload = statement(json!([subject("sha256", 64)])),
        Artifact,
        Reason::SubjectMismatch,
        "statement by an unknown digest",
        STATEMENT,
        |Stage::Sign(s)| s.payload = statement(json!([subject("sha3_256", 64)])),
        Artifact,
        Reason::ArtifactDigestMissing,
        "statement about nothing",
        STATEMENT,
        |Stage::Sign(s)| s.payload = statement(json!([])),
        Artifact,
        Reason::Statement(StatementError::NoSubject),
        "1,025 subjects",
        STATEMENT,
        |Stage::Sign(s)| s.payload = statement(vec![subject("sha256", 64); 1025].into()),
        Artifact,
        Reason::Statement(StatementError::TooManySubjects { limit: 1024 }),
        "statement of another type",
        STATEMENT,
        |Stage::Sign(s)| s.payload =
            json!({ "_type": "https://in-toto.io/Link/v1", "subject": [], "predicateType": "" })
                .to_string()
                .into_bytes(),
        Artifact,
        Reason::Statement(StatementError::Type { .. }),
        "signed by another key",
        Kind::PLAIN,
        |Stage::Sign(s)| s.signer = made::fresh(KeyKind::P256),
        Signature,
        Reason::SignatureInvalid,
        "envelope signed by another key",
        V2_STATEMENT,
        |Stage::Sign(s)| s.signer = made::fresh(KeyKind::P256),
        Signature,
        Reason::SignatureInvalid,
        "certificate for another key",
        Kind::PLAIN,
        |Stage::Leaf(l)| l.key = made::fresh(KeyKind::P256).public_key().clone(),
        Signature,
        Reason::SignatureInvalid,
        "payload signed without its type",
        STATEMENT,
        |Stage::Sign(s)| s.instead = Some(s.payload.clone()),
        Signature,
        Reason::SignatureInvalid,
        "details of another curve",
        V2,
        |Stage::Entry(e)| *details(e) = json!("PKIX_ECDSA_P384_SHA_384"),
        Signature,
        Reason::Scheme,
        "details of another algorithm",
        V2_KEY,
        |Stage::Entry(e)| *details(e) = json!("PKIX_ED25519"),
        Log,
        Reason::Entry(EntryError::Key(_)),
    ]);
}

/// The key details of a hashedrekord 0.0.2.
fn details(entry: &mut EntryPlan) -> &mut Value {
    &mut entry.body["spec"]["hashedRekordV002"]["signature"]["verifier"]["keyDetails"]
}

fn subject(algorithm: &str, digits: usize) -> Value {
    json!({ "name": "else", "digest": { algorithm: "7".repeat(digits) } })
}

fn statement(subjects: Value) -> Vec<u8> {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://forge.example/predicate/v1",
        "subject": subjects,
    });
    statement.to_string().into_bytes()
}
