//! The changes to a bundle that a verifier need not refuse, each with the reason. Whatever is not listed here is
//! refused.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;
use signhere_testkit::forge::{Entry, Keying, Kind, MediaType};

use crate::der;
use crate::mutate::{field, is_bytes, is_integer, snake_case};

/// A change that may be accepted.
pub(crate) struct Rule {
    pub(crate) reason: &'static str,
    /// Whether the verdict proves less than before: evidence was taken away, and enough is left.
    pub(crate) lessens: bool,
    applies: fn(Kind, &Difference) -> bool,
}

/// Where the meaning of two bundles differs.
pub(crate) struct Difference {
    path: String,
    old: Option<Value>,
    new: Option<Value>,
}

impl fmt::Debug for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
        let (old, new) = (text(&self.old), text(&self.new));
        let same = old
            .bytes()
            .zip(new.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        let shown = |text: &str| {
            text.chars()
                .skip(same.saturating_sub(16))
                .take(48)
                .collect::<String>()
        };
        write!(
            f,
            "{} from {same}: {} became {}",
            self.path,
            shown(&old),
            shown(&new)
        )
    }
}

/// In the order of the bundle.
pub(crate) const RULES: [Rule; 12] = [
    Rule {
        reason: "another known version whose rules the bundle also meets: the version only says what is required",
        lessens: false,
        applies: |_, d| {
            d.path == "/mediaType" && [&d.old, &d.new].iter().all(|value| is_media_type(value))
        },
    },
    Rule {
        reason: "a hint at a key that the verifier brings: any text will do (DESIGN, section 6: it must not choose the key)",
        lessens: false,
        applies: |_, d| d.path == "/verificationMaterial/publicKey/hint",
    },
    Rule {
        reason: "certificates after the leaf: intermediates come from the trusted root alone",
        lessens: false,
        applies: |_, d| match d
            .path
            .strip_prefix("/verificationMaterial/x509CertificateChain/certificates")
        {
            Some("") => first(&d.old) == first(&d.new),
            Some(rest) => !rest.starts_with("/0"),
            None => false,
        },
    },
    Rule {
        reason: "the index over all shards of Rekor v1, which only a promise signs: the verdict does not report it",
        lessens: false,
        applies: |kind, d| {
            d.path == entry("/logIndex") && !kind.entry.is_v2() && !kind.evidence.promise
        },
    },
    Rule {
        reason: "a time of Rekor v1 without a promise: it proves nothing and the verdict does not report it",
        lessens: false,
        applies: |kind, d| {
            d.path == entry("/integratedTime") && !kind.entry.is_v2() && !kind.evidence.promise
        },
    },
    Rule {
        reason: "a promise taken away where a proof and another time are left",
        lessens: true,
        applies: |kind, d| {
            let is_timed = kind.evidence.timestamps > 0 || kind.keying == Keying::ManagedKey;
            d.path == entry("/inclusionPromise")
                && kind.media_type != MediaType::V0_1
                && d.new.is_none()
                && kind.evidence.proof
                && is_timed
        },
    },
    Rule {
        reason: "a proof or its checkpoint taken away from a v0.1 bundle, which may rest on its promise",
        lessens: true,
        applies: |kind, d| {
            let is_gone = d.new.as_ref().is_none_or(|new| new == "");
            let paths = [
                "/inclusionProof",
                "/inclusionProof/checkpoint",
                "/inclusionProof/checkpoint/envelope",
            ];
            kind.media_type == MediaType::V0_1
                && kind.evidence.promise
                && is_gone
                && paths.iter().any(|path| d.path == entry(path))
        },
    },
    Rule {
        reason: "lines under a checkpoint beside the log's own: whose they are is unknown, even in the log's name (the hint is no authenticator)",
        lessens: false,
        applies: |_, d| {
            d.path == entry("/inclusionProof/checkpoint/envelope")
                && match (split(&d.old), split(&d.new)) {
                    (Some((old, lines)), Some((new, left))) => {
                        old == new && logs_own(&lines).all(|line| left.contains(line))
                    }
                    _ => false,
                }
        },
    },
    Rule {
        reason: "a timestamp taken away or moved where a time is left: each was checked by itself",
        lessens: true,
        applies: |kind, d| {
            let stamps = "/verificationMaterial/timestampVerificationData";
            let is_list = d.path == stamps || d.path == format!("{stamps}/rfc3161Timestamps");
            let (old, new) = (tokens(&d.old), tokens(&d.new));
            let is_timed =
                !new.is_empty() || kind.evidence.promise || kind.keying == Keying::ManagedKey;
            is_list && is_timed && new.iter().all(|token| old.contains(token))
        },
    },
    Rule {
        reason: "parts of a timestamp's DER that its authority does not sign: the reply's status, versions, the list of digest algorithms, embedded certificates",
        lessens: false,
        applies: |_, d| match (&d.old, &d.new) {
            (Some(Value::String(old)), Some(Value::String(new))) => {
                d.path.ends_with("/signedTimestamp")
                    && der::differ_in_unsigned_parts(&hex(old), &hex(new))
            }
            _ => false,
        },
    },
    Rule {
        reason: "the claimed digest taken away: a hint that proves nothing (a wrong one is refused)",
        lessens: false,
        applies: |_, d| d.path == "/messageSignature/messageDigest" && d.new.is_none(),
    },
    Rule {
        reason: "an envelope's key id: a hint that is not signed (intoto 0.0.1 alone logs it with the envelope)",
        lessens: false,
        applies: |kind, d| {
            d.path == "/dsseEnvelope/signatures/0/keyid" && kind.entry != Entry::IntotoV001
        },
    },
];

/// Why a verifier may accept `changed` for `bundle`: the rules that cover every difference in meaning, none for another
/// spelling of the same. An error for a difference that no rule covers.
pub(crate) fn explain(
    kind: Kind,
    bundle: &Value,
    changed: &[u8],
) -> Result<Vec<usize>, Difference> {
    let changed: Value = serde_json::from_slice(changed).unwrap();
    let mut differences = Vec::new();
    compare(
        meaning(bundle, ""),
        meaning(&changed, ""),
        String::new(),
        &mut differences,
    );
    differences
        .into_iter()
        .map(|difference| {
            RULES
                .iter()
                .position(|rule| (rule.applies)(kind, &difference))
                .ok_or(difference)
        })
        .collect()
}

/// The messages of a bundle by the field that holds them, with their fields.
const MESSAGES: [(&str, &[&str]); 16] = [
    (
        "",
        &[
            "mediaType",
            "verificationMaterial",
            "messageSignature",
            "dsseEnvelope",
        ],
    ),
    (
        "verificationMaterial",
        &[
            "publicKey",
            "x509CertificateChain",
            "certificate",
            "tlogEntries",
            "timestampVerificationData",
        ],
    ),
    ("publicKey", &["hint"]),
    ("x509CertificateChain", &["certificates"]),
    ("certificates", &["rawBytes"]),
    ("certificate", &["rawBytes"]),
    (
        "tlogEntries",
        &[
            "logIndex",
            "logId",
            "kindVersion",
            "integratedTime",
            "inclusionPromise",
            "inclusionProof",
            "canonicalizedBody",
        ],
    ),
    ("logId", &["keyId"]),
    ("kindVersion", &["kind", "version"]),
    ("inclusionPromise", &["signedEntryTimestamp"]),
    (
        "inclusionProof",
        &["logIndex", "rootHash", "treeSize", "hashes", "checkpoint"],
    ),
    ("checkpoint", &["envelope"]),
    ("timestampVerificationData", &["rfc3161Timestamps"]),
    ("rfc3161Timestamps", &["signedTimestamp"]),
    ("messageSignature", &["messageDigest", "signature"]),
    ("messageDigest", &["algorithm", "digest"]),
];
const ENVELOPE: [(&str, &[&str]); 2] = [
    ("dsseEnvelope", &["payload", "payloadType", "signatures"]),
    ("signatures", &["sig", "keyid"]),
];

/// The same for every spelling of a bundle: known fields under one name, bytes as hexadecimal, integers as numbers,
/// nothing for what is absent, and for fields that are not known where they stand.
fn meaning(node: &Value, path: &str) -> Value {
    match node {
        Value::Object(members) => members
            .iter()
            .filter(|(_, member)| !member.is_null() && **member != Value::Array(Vec::new()))
            .filter_map(|(name, member)| {
                let known = fields(path)
                    .iter()
                    .find(|known| *known == name || snake_case(known) == **name)?;
                Some((
                    (*known).to_owned(),
                    meaning(member, &format!("{path}/{known}")),
                ))
            })
            .collect(),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(index, element)| meaning(element, &format!("{path}/{index}")))
            .collect(),
        Value::String(text) if is_integer(path) => text
            .parse::<i64>()
            .map_or_else(|_| node.clone(), Value::from),
        Value::String(text) if is_bytes(path) => {
            let standard = text.replace('-', "+").replace('_', "/");
            let bytes = STANDARD_NO_PAD.decode(standard.trim_end_matches('='));
            bytes.map_or_else(|_| node.clone(), |bytes| hex::encode(bytes).into())
        }
        other => other.clone(),
    }
}

fn fields(path: &str) -> &'static [&'static str] {
    let message = MESSAGES
        .iter()
        .chain(&ENVELOPE)
        .find(|(name, _)| *name == field(path));
    message.map_or(&[], |(_, fields)| fields)
}

fn compare(old: Value, new: Value, path: String, differences: &mut Vec<Difference>) {
    match (old, new) {
        (Value::Object(old), Value::Object(mut new)) => {
            for (name, old) in old {
                let path = format!("{path}/{name}");
                match new.remove(&name) {
                    Some(new) => compare(old, new, path, differences),
                    None => differences.push(Difference {
                        path,
                        old: Some(old),
                        new: None,
                    }),
                }
            }
            for (name, new) in new {
                differences.push(Difference {
                    path: format!("{path}/{name}"),
                    old: None,
                    new: Some(new),
                });
            }
        }
        (Value::Array(old), Value::Array(new))
            if old.len() == new.len() && !is_permutation(&old, &new) =>
        {
            for (index, (old, new)) in old.into_iter().zip(new).enumerate() {
                compare(old, new, format!("{path}/{index}"), differences);
            }
        }
        (old, new) if old == new => {}
        (old, new) => differences.push(Difference {
            path,
            old: Some(old),
            new: Some(new),
        }),
    }
}

fn is_permutation(old: &[Value], new: &[Value]) -> bool {
    old != new && old.iter().all(|element| new.contains(element))
}

fn is_media_type(value: &Option<Value>) -> bool {
    let text = value.as_ref().and_then(Value::as_str).unwrap_or_default();
    MediaType::ALL.iter().any(|known| known.as_str() == text)
}

fn entry(below: &str) -> String {
    format!("/verificationMaterial/tlogEntries/0{below}")
}

fn first(list: &Option<Value>) -> Option<&Value> {
    list.as_ref()?.get(0)
}

/// The text of a checkpoint, and the lines under it.
fn split(envelope: &Option<Value>) -> Option<(&str, Vec<&str>)> {
    let (text, lines) = envelope.as_ref()?.as_str()?.split_once("\n\n")?;
    Some((text, lines.lines().collect()))
}

fn logs_own<'a>(lines: &'a [&str]) -> impl Iterator<Item = &'a &'a str> {
    lines
        .iter()
        .filter(|line| line.contains("rekor.forge.example "))
}

fn tokens(stamps: &Option<Value>) -> Vec<Value> {
    let list = match stamps {
        Some(Value::Object(data)) => data.get("rfc3161Timestamps").cloned(),
        other => other.clone(),
    };
    list.and_then(|list| list.as_array().cloned())
        .unwrap_or_default()
}

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap_or_default()
}
