//! Bundles and what is in them, trusted roots, signing configs: JSON.

use std::sync::OnceLock;

use serde_json::Value;
use signhere_verify::bundle::{Bundle, Content, MAX_LOG_ENTRIES, MAX_TIMESTAMPS, TlogEntry};
use signhere_verify::dsse::{Envelope, pae};
use signhere_verify::entry::LoggedEntry;
use signhere_verify::formats::checksums::Checksums;
use signhere_verify::formats::{Document, RegistryKeys};
use signhere_verify::intoto::{MAX_SUBJECTS, Statement};
use signhere_verify::trust::{ClientTrustConfig, SigningConfig, TrustedRoot};
use signhere_verify::verdict::Step;
use signhere_verify::verifier::{Artifact, Policy, Verifier};

/// The trusted root of the bundles in `corpus/verify`.
const TRUSTED_ROOT: &[u8] = include_bytes!("../trusted_root.json");
/// What they are over, whose they are, and who vouches for that.
const ARTIFACT: &[u8] = b"the artifact of the forge\n";
const IDENTITY: &str = "ada@example.test";
const ISSUER: &str = "https://issuer.example.test";

pub(crate) const BUNDLE_TOKENS: &[&str] = &[
    "\"mediaType\":",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "\"verificationMaterial\":",
    "\"publicKey\":{\"hint\":\"\"}",
    "\"certificate\":",
    "\"x509CertificateChain\":",
    "\"tlogEntries\":[]",
    "\"timestampVerificationData\":{}",
    "\"rfc3161Timestamps\":[",
    "\"inclusionProof\":null",
    "\"inclusionPromise\":null",
    "\"messageSignature\":",
    "\"dsseEnvelope\":",
    "\"log_index\":",
    "-9223372036854775808",
    "9223372036854775807",
    "1e400",
    "\\ud800",
    "\\u0000",
    "[[[[[[[[",
    "]]]]]]]]",
];

pub(crate) const ENTRY_TOKENS: &[&str] = &[
    "\"apiVersion\":\"0.0.1\"",
    "\"apiVersion\":\"0.0.2\"",
    "\"kind\":\"hashedrekord\"",
    "\"kind\":\"dsse\"",
    "\"kind\":\"intoto\"",
    "\"hashedRekordV002\":",
    "\"dsseV002\":",
    "\"keyDetails\":\"PKIX_ED25519\"",
    "\"sha256\"",
    "LS0tLS1CRUdJTi",
    "null",
    "{}",
];

pub(crate) const STATEMENT_TOKENS: &[&str] = &[
    "\"_type\":\"https://in-toto.io/Statement/v1\"",
    "\"_type\":\"https://in-toto.io/Statement/v0.1\"",
    "\"subject\":[",
    "\"digest\":{\"sha256\":\"",
    "\"predicateType\":\"\"",
    "\"predicate\":null",
    "{},",
    "\\u0000",
];

pub(crate) const CHECKSUMS_TOKENS: &[&str] = &[
    "SHA256 (",
    ") = ",
    "SHA2-512(",
    "  ",
    " *",
    "\\",
    "\\n",
    "../",
    "./",
    "\r\n",
    "\u{202e}",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
];

pub(crate) const TRUST_TOKENS: &[&str] = &[
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
    "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    "\"tlogs\":[",
    "\"ctlogs\":[",
    "\"validFor\":{\"start\":\"1970-01-01T00:00:00Z\"}",
    "\"9999-12-31T23:59:60Z\"",
    "\"keyDetails\":\"PKIX_ECDSA_P256_SHA_256\"",
    "\"majorApiVersion\":",
    "\"selector\":\"ANY\"",
    "\"count\":4294967295",
];

/// A bundle is read back from what is written of it.
pub(crate) fn bundle(input: &[u8]) {
    if let Ok(entry) = TlogEntry::from_json(input) {
        assert_eq!(TlogEntry::from_json(&entry.to_json()), Ok(entry));
    }
    let _ = TlogEntry::from_rekor_v1_json(input);
    let Ok(bundle) = Bundle::parse(input) else {
        return;
    };
    // Whatever is taken is JSON to others too.
    assert!(serde_json::from_slice::<Value>(input).is_ok());
    assert!(bundle.material.tlog_entries.len() <= MAX_LOG_ENTRIES);
    assert!(bundle.material.timestamps.len() <= MAX_TIMESTAMPS);
    bundle.required_hashes();
    let again = Bundle::parse(&bundle.to_json());
    let again = again.unwrap_or_else(|error| panic!("not read back: {error}"));
    assert_eq!(again.content, bundle.content);
    assert_eq!(again.material.tlog_entries, bundle.material.tlog_entries);
    assert_eq!(again.material.timestamps, bundle.material.timestamps);
    assert_eq!(again.certificate(), bundle.certificate());
}

/// What is accepted has the signer and the artifact that were asked for.
pub(crate) fn verify(input: &[u8]) {
    static VERIFIER: OnceLock<Verifier> = OnceLock::new();
    let verifier = VERIFIER.get_or_init(|| {
        let root = TrustedRoot::parse(TRUSTED_ROOT).unwrap_or_else(|error| panic!("{error}"));
        Verifier::new(root).unwrap_or_else(|error| panic!("{error}"))
    });
    let policy = Policy::Identity {
        identity: IDENTITY.to_owned(),
        issuer: ISSUER.to_owned(),
    };
    let verdict = verifier.verify_json(input, &Artifact::Bytes(ARTIFACT), &policy);
    let text = serde_json::to_string(&verdict).unwrap_or_default();
    assert!(text.len() < 64 << 10, "{} characters", text.len());
    if !verdict.is_verified() {
        return;
    }
    let signer = verdict.steps.iter().find_map(|step| match step {
        Step::Identity(evidence) => Some((evidence.identity.as_str(), evidence.issuer.as_str())),
        _ => None,
    });
    assert_eq!(signer, Some((IDENTITY, ISSUER)));
    // Another artifact is never covered by the same bundle.
    let other = verifier.verify_json(input, &Artifact::Bytes(b"another"), &policy);
    assert!(!other.is_verified());
}

/// The first line is the kind and version that the entry declares, the rest its body.
pub(crate) fn entry(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (declared, body) = input.split_at(end.unwrap_or(0));
    let declared = String::from_utf8_lossy(declared);
    let (kind, version) = declared.split_once(' ').unwrap_or_default();
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    if let Ok((logged, _)) = LoggedEntry::parse(kind, version, body) {
        for signature in &logged.signatures {
            let _ = signature.key.public_key();
        }
    }
}

/// The first line is the payload type, the rest the payload: their encoding can be taken apart in one way alone.
pub(crate) fn dsse(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (payload_type, payload) = input.split_at(end);
    let payload_type = String::from_utf8_lossy(payload_type).into_owned();
    let encoded = pae(&payload_type, payload);
    assert_eq!(
        split_pae(&encoded),
        Some((payload_type.as_bytes(), payload))
    );
    let envelope = Envelope::new(payload_type, payload.to_vec(), vec![7], String::new());
    // Its own JSON is JSON, and reads as the envelope of a bundle.
    let json: Value = serde_json::from_str(&envelope.to_json()).unwrap_or_default();
    let bundle = serde_json::json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "publicKey": {} },
        "dsseEnvelope": json,
    });
    let read = Bundle::parse(bundle.to_string().as_bytes()).map(|bundle| bundle.content);
    assert_eq!(read, Ok(Content::Dsse(envelope)));
}

fn split_pae(encoded: &[u8]) -> Option<(&[u8], &[u8])> {
    let field = |bytes: &mut &[u8]| -> Option<usize> {
        let end = bytes.iter().position(|byte| *byte == b' ')?;
        let length = str::from_utf8(bytes.get(..end)?).ok()?.parse().ok();
        *bytes = bytes.get(end + 1..)?;
        length
    };
    let mut rest = encoded.strip_prefix(b"DSSEv1 ")?;
    let length = field(&mut rest)?;
    let (payload_type, after) = rest.split_at_checked(length)?;
    let mut rest = after.strip_prefix(b" ")?;
    let length = field(&mut rest)?;
    (rest.len() == length).then_some((payload_type, rest))
}

/// A statement that is read is one to others, with the same subjects.
pub(crate) fn statement(input: &[u8]) {
    let Ok(statement) = Statement::parse(input) else {
        return;
    };
    assert!((1..=MAX_SUBJECTS).contains(&statement.subjects.len()));
    let json: Value = serde_json::from_slice(input).unwrap_or_default();
    let subjects = json["subject"].as_array().map_or(0, Vec::len);
    assert_eq!(subjects, statement.subjects.len());
    for (read, json) in statement
        .subjects
        .iter()
        .zip(json["subject"].as_array().into_iter().flatten())
    {
        for (algorithm, value) in &read.digests {
            assert_eq!(json["digest"][algorithm], **value);
        }
    }
}

/// What registries answer with: each attestation in it is read or refused by itself.
pub(crate) fn attestations(input: &[u8]) {
    let _ = RegistryKeys::parse(input);
    if let Ok(document) = Document::parse(input) {
        for attestation in &document.attestations {
            if let Ok(bundle) = &attestation.bundle {
                assert!(Bundle::parse(&bundle.to_json()).is_ok());
            }
        }
    }
}

/// A list names files below its folder, as they are shown, and each once by an algorithm.
pub(crate) fn checksums(input: &[u8]) {
    let Ok(list) = Checksums::parse(input) else {
        return;
    };
    let mut seen = Vec::new();
    for entry in &list.entries {
        let parts: Vec<&str> = entry.path.split('/').collect();
        assert!(parts.iter().all(|part| !matches!(*part, "" | "." | "..")));
        assert!(!entry.path.contains(['\\', '\0', '\n', '\u{202e}']));
        let named = (entry.path.as_str(), entry.digest.algorithm());
        assert!(!seen.contains(&named), "{named:?}");
        seen.push(named);
    }
    let digests: usize = list.files().iter().map(|(_, digests)| digests.len()).sum();
    assert_eq!(digests, list.entries.len());
}

/// A root that is read is prepared or refused, and read back from what is written of it.
pub(crate) fn trusted_root(input: &[u8]) {
    if let Ok(root) = TrustedRoot::parse(input) {
        let again = TrustedRoot::parse(&root.to_json());
        let again = again.unwrap_or_else(|error| panic!("not read back: {error}"));
        assert_eq!(again.tlogs.len(), root.tlogs.len());
        let _ = Verifier::new(root);
    }
    let _ = ClientTrustConfig::parse(input);
}

/// Services are chosen at any time.
pub(crate) fn signing_config(input: &[u8]) {
    use signhere_pki::time::Time;
    if let Ok(config) = SigningConfig::parse(input) {
        assert!(SigningConfig::parse(&config.to_json()).is_ok());
        for at in [0, 1_780_315_200, i64::MAX] {
            let _ = config.select(Time::from_unix(at));
        }
    }
}
