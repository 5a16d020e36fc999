//! No change to a bundle of our own making is accepted, whatever byte it is in; the few bytes
//! that nothing signs change nothing that is proven.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod world;

use std::ops::Range;

use serde_json::Value;
use signhere_pki::key::KeyKind;
use signhere_verify::bundle::Bundle;
use signhere_verify::verdict::Verdict;
use signhere_verify::verifier::{Artifact, Policy, Verifier};

use world::{ARTIFACT, World};

struct Case {
    name: &'static str,
    verifier: Verifier,
    bundle: Bundle,
    policy: Policy,
}

impl Case {
    fn all() -> Vec<Self> {
        let world = World::new();
        let (keyless, managed) = (world.keyless(KeyKind::P256), world.managed(KeyKind::P256));
        let case = |name, bundle, who: &world::Identity| Self {
            name,
            verifier: Verifier::new(world.root()).unwrap(),
            bundle,
            policy: who.policy(),
        };
        vec![
            case("v2", world.sign_v2(&keyless), &keyless),
            case("v2 dsse", world.attest_v2(&keyless), &keyless),
            case("v1", world.sign_v1(&keyless), &keyless),
            case("v1 dsse", world.attest_v1(&keyless), &keyless),
            case("key", world.sign_v2(&managed), &managed),
        ]
    }

    fn verify(&self, json: &[u8]) -> Verdict {
        self.verifier
            .verify_json(json, &Artifact::Bytes(ARTIFACT), &self.policy)
    }
}

/// Every fifth byte of the JSON changed in turn, each to a neighbour in its class, and in each
/// bundle at other places.
#[test]
fn no_changed_byte_of_the_text_is_accepted() {
    for (number, case) in Case::all().into_iter().enumerate() {
        let json = case.bundle.to_json();
        let text = String::from_utf8(json.clone()).unwrap();
        assert!(case.verify(&json).is_verified(), "{}", case.name);
        let free = free_ranges(&text);
        let stamps = text.find("signedTimestamp\":\"").map_or(0, |at| at + 18);
        let stamps = stamps..stamps + text[stamps..].find('"').unwrap();
        let before = case.verify(&json);
        for (at, byte) in json.iter().enumerate().skip(number).step_by(5) {
            let mut changed = json.clone();
            changed[at] = match byte {
                b'9' | b'Z' | b'z' => byte - 1,
                byte if byte.is_ascii_alphanumeric() => byte + 1,
                b'+' => b'/',
                b'/' => b'+',
                byte => byte ^ 1,
            };
            let after = case.verify(&changed);
            if !after.is_verified() {
                continue;
            }
            let place = &text[at.saturating_sub(30)..at + 1];
            if stamps.contains(&at) {
                assert_eq!(after.steps, before.steps, "{} {place}", case.name);
                continue;
            }
            assert!(
                free.iter().any(|range| range.contains(&at)),
                "{} {place}",
                case.name
            );
        }
    }
}

/// Each bit of each signed or hashed value, decoded, turned.
#[test]
fn no_turned_bit_is_accepted() {
    for case in Case::all() {
        let document: Value = serde_json::from_slice(&case.bundle.to_json()).unwrap();
        let mut turned = 0;
        for (pointer, bytes) in values(&document) {
            // Certificates and tokens are DER within DER: their own crate turns every bit.
            let step = if bytes.len() > 100 { 31 } else { 5 };
            for bit in (0..bytes.len() * 8).step_by(step) {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let mut document = document.clone();
                *document.pointer_mut(&pointer).unwrap() = world::b64(&changed).into();
                let after = case.verify(document.to_string().as_bytes());
                if pointer.ends_with("signedTimestamp") && after.is_verified() {
                    // The wrapper of a token is not signed: status, lists of algorithms.
                    let before = case.verify(&case.bundle.to_json());
                    assert_eq!(after.steps, before.steps);
                    continue;
                }
                assert!(!after.is_verified(), "{} {pointer} bit {bit}", case.name);
                turned += 1;
            }
        }
        assert!(turned > 300, "{}", case.name);
    }
}

/// Cut anywhere, a bundle is refused.
#[test]
fn no_truncated_bundle_is_accepted() {
    for case in Case::all() {
        let json = case.bundle.to_json();
        for length in (0..json.len()).step_by(17) {
            assert!(!case.verify(&json[..length]).is_verified());
        }
    }
}

/// Every member of every object left out, in turn.
#[test]
fn no_missing_member_is_accepted() {
    for case in Case::all() {
        let document: Value = serde_json::from_slice(&case.bundle.to_json()).unwrap();
        for pointer in members(&document, "") {
            let mut changed = document.clone();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            changed
                .pointer_mut(parent)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(name);
            let verdict = case.verify(changed.to_string().as_bytes());
            let free = FREE_MEMBERS.contains(&pointer.as_str())
                || case.name == "key" && FREE_MEMBERS_OF_KEYS.contains(&pointer.as_str());
            assert_eq!(verdict.is_verified(), free, "{} {pointer}", case.name);
        }
    }
}

/// Claims that prove nothing: without them nothing is lost.
const FREE_MEMBERS: [&str; 2] = [
    "/messageSignature/messageDigest",
    "/verificationMaterial/publicKey/hint",
];

/// A bare key needs no proven time.
const FREE_MEMBERS_OF_KEYS: [&str; 2] = [
    "/verificationMaterial/timestampVerificationData",
    "/verificationMaterial/timestampVerificationData/rfc3161Timestamps",
];

/// Where in the text the names of these members stand, and the hint's value.
fn free_ranges(text: &str) -> Vec<Range<usize>> {
    let mut free = vec!["messageDigest"];
    if text.contains("publicKey\":{\"hint") {
        free.extend([
            r#"hint":"mine"#,
            "timestampVerificationData",
            "rfc3161Timestamps",
        ]);
    }
    free.into_iter()
        .filter_map(|name| text.find(name).map(|at| at..at + name.len()))
        .collect()
}

/// The strings of a document that are base64 of something, with their JSON pointers.
fn values(document: &Value) -> Vec<(String, Vec<u8>)> {
    use base64::Engine as _;
    let names = [
        "rawBytes",
        "keyId",
        "rootHash",
        "hashes",
        "canonicalizedBody",
        "signature",
        "payload",
        "sig",
        "signedTimestamp",
        "signedEntryTimestamp",
    ];
    leaves(document, "")
        .into_iter()
        .filter(|(pointer, _)| {
            names
                .iter()
                .any(|name| pointer.contains(&format!("/{name}")))
        })
        .filter_map(|(pointer, text)| {
            let engine = base64::engine::general_purpose::STANDARD;
            Some((pointer, engine.decode(text).ok()?))
        })
        .collect()
}

fn leaves(value: &Value, pointer: &str) -> Vec<(String, String)> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| leaves(value, &format!("{pointer}/{name}")))
            .collect(),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .flat_map(|(index, value)| leaves(value, &format!("{pointer}/{index}")))
            .collect(),
        Value::String(text) => vec![(pointer.to_owned(), text.clone())],
        _ => Vec::new(),
    }
}

fn members(value: &Value, pointer: &str) -> Vec<String> {
    match value {
        Value::Object(members_of) => members_of
            .iter()
            .flat_map(|(name, value)| {
                let path = format!("{pointer}/{name}");
                let mut paths = members(value, &path);
                paths.push(path);
                paths
            })
            .collect(),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .flat_map(|(index, value)| members(value, &format!("{pointer}/{index}")))
            .collect(),
        _ => Vec::new(),
    }
}
