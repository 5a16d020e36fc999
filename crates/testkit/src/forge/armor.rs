//! Signatures over commits and tags, in every form in which they were ever written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use signhere_pki::cert::San;
use signhere_pki::digest::sha256;
use signhere_pki::pem;
use signhere_pki::time::Time;

use super::{Entry, Evidence, Forge, Kind, LogEntry, SIGNED_AT, Stage};
use crate::der::Tlv;

/// A signature over a commit or tag before it is made.
#[derive(Clone, Copy, Debug)]
pub struct GitPlan {
    /// What evidence is embedded: a message signature with a certificate, by P-256.
    pub kind: Kind,
    /// How the log entry is embedded.
    pub form: GitForm,
    /// Whether timestamps are embedded as whole replies.
    pub whole_replies: bool,
    /// The time that the signer claims; `None` for none.
    pub claimed: Option<Time>,
    /// Changes the set of signed attributes before it is signed.
    pub attributes: fn(&mut Tlv),
    /// Changes the message after everything.
    pub finish: fn(&mut Tlv),
}

/// How a log entry is embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitForm {
    /// As a protocol buffer with everything.
    Whole,
    /// As a protocol buffer without the body, and of the version that gitsign writes.
    WithoutBody,
    /// As nine attributes, numbered from here: as gitsign did in January 2023.
    Separate(u8),
}

impl GitPlan {
    /// What this program writes on an instance with a log of the second generation.
    pub const OURS: Self = Self {
        kind: Kind {
            entry: Entry::HashedRekordV002,
            evidence: Evidence {
                promise: false,
                proof: true,
                timestamps: 1,
                embeds_certificate: true,
            },
            ..Kind::PLAIN
        },
        form: GitForm::Whole,
        whole_replies: false,
        claimed: Some(SIGNED_AT),
        attributes: |_| {},
        finish: |_| {},
    };

    /// What gitsign writes when it is told to embed the entry.
    pub const GITSIGN: Self = Self {
        kind: Kind::PLAIN,
        form: GitForm::WithoutBody,
        ..Self::OURS
    };

    /// What gitsign writes when it is not.
    pub const ONLINE: Self = Self {
        kind: Kind {
            entry: Entry::None,
            evidence: Evidence {
                promise: false,
                proof: false,
                timestamps: 0,
                embeds_certificate: false,
            },
            ..Kind::PLAIN
        },
        ..Self::OURS
    };
}

impl Forge {
    /// The armor of a signature over `payload`, which `spoil` may change at any stage.
    pub fn git_armor(
        &self,
        payload: &[u8],
        plan: &GitPlan,
        mut spoil: impl FnMut(Stage<'_>),
    ) -> String {
        let mut attributes = signed_attributes(payload, plan);
        (plan.attributes)(&mut attributes);
        let set = attributes.to_der();
        let mut entries = Vec::new();
        let mut timestamps = Vec::new();
        let forged = self.spoiled(plan.kind, |mut stage| {
            if let Stage::Sign(sign) = &mut stage {
                sign.payload.clone_from(&set);
            }
            match stage {
                Stage::Logged(logged) => {
                    spoil(Stage::Logged(logged));
                    entries.clone_from(logged);
                }
                Stage::Stamped(stamped) => {
                    spoil(Stage::Stamped(stamped));
                    timestamps.clone_from(stamped);
                }
                stage => spoil(stage),
            }
        });
        let bytes = |pointer: &str| {
            let value = forged.json.pointer(pointer).and_then(Value::as_str);
            let text = value.expect("a bundle with a certificate");
            STANDARD.decode(text).expect("base64")
        };
        let certificate = bytes("/verificationMaterial/certificate/rawBytes");
        let signature = bytes("/messageSignature/signature");

        let mut unsigned = Vec::new();
        for entry in &entries {
            match plan.form {
                GitForm::Whole | GitForm::WithoutBody => {
                    let message = protobuf(entry, plan.form);
                    unsigned.push(attribute(&sigstore(1), Tlv::octets(message)));
                }
                GitForm::Separate(first) => unsigned.extend(separate(entry, first)),
            }
        }
        for reply in &timestamps {
            let mut reply = Tlv::parse(reply).expect("a reply");
            let value = match plan.whole_replies {
                true => reply,
                false => reply.child(1).clone(),
            };
            unsigned.push(attribute(&TIMESTAMP, value));
        }
        attributes.tag = 0xa0;
        let mut message = message(&certificate, attributes, signature, unsigned);
        (plan.finish)(&mut message);
        pem::encode("SIGNED MESSAGE", &message.to_der())
    }

    /// A commit that somebody of this name has signed, with everything that proves it. `payload` is the commit without a
    /// signature.
    pub fn commit_by(&self, identity: &str, payload: &[u8]) -> Vec<u8> {
        commit(payload, &self.signature_by(identity, payload))
    }

    /// The same for a tag.
    pub fn tag_by(&self, identity: &str, payload: &[u8]) -> Vec<u8> {
        tag(payload, &self.signature_by(identity, payload))
    }

    /// The armor of a signature by somebody of this name, with everything that proves it.
    pub fn signature_by(&self, identity: &str, payload: &[u8]) -> String {
        self.git_armor(payload, &GitPlan::OURS, |stage| {
            if let Stage::Leaf(plan) = stage {
                plan.san = San::Email(identity.to_owned());
            }
        })
    }
}

/// A commit with its signature, as git puts them together.
pub fn commit(payload: &[u8], armor: &str) -> Vec<u8> {
    let end = payload
        .windows(2)
        .position(|window| window == b"\n\n")
        .map_or(payload.len(), |end| end + 1);
    let (headers, message) = payload.split_at(end);
    let folded = armor.trim_end_matches('\n').replace('\n', "\n ");
    [headers, b"gpgsig ", folded.as_bytes(), b"\n", message].concat()
}

/// A tag with its signature, as git puts them together.
pub fn tag(payload: &[u8], armor: &str) -> Vec<u8> {
    [payload, armor.as_bytes()].concat()
}

const SIGNED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const CONTENT_TYPE: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const MESSAGE_DIGEST: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const SIGNING_TIME: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5];
/// 1.2.840.113549.1.9.16.2.14
const TIMESTAMP: [u8; 11] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 14];
const SHA_256: [u8; 9] = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const ECDSA_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

/// 1.3.6.1.4.1.57264.3 and a number.
fn sigstore(number: u8) -> [u8; 10] {
    [0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 3, number]
}

fn attribute(id: &[u8], value: Tlv) -> Tlv {
    Tlv::sequence(vec![Tlv::oid(id), Tlv::of(0x31, vec![value])])
}

/// A SET OF, in DER's order.
fn set(tag: u8, mut members: Vec<Tlv>) -> Tlv {
    members.sort_by_key(Tlv::to_der);
    Tlv::of(tag, members)
}

fn signed_attributes(payload: &[u8], plan: &GitPlan) -> Tlv {
    let mut attributes = vec![
        attribute(&CONTENT_TYPE, Tlv::oid(&DATA)),
        attribute(&MESSAGE_DIGEST, Tlv::octets(sha256(payload))),
    ];
    attributes.extend(plan.claimed.map(|claimed| {
        // 2026-06-01T12:00:00Z as UTCTime
        let digits = claimed.to_string().replace(['-', ':', 'T'], "");
        let short = digits.strip_prefix("20").expect("a time of this century");
        attribute(&SIGNING_TIME, Tlv::new(0x17, short))
    }));
    set(0x31, attributes)
}

/// The ContentInfo (RFC 5652 sections 3 and 5.1).
fn message(certificate: &[u8], attributes: Tlv, signature: Vec<u8>, unsigned: Vec<Tlv>) -> Tlv {
    let mut certificate = Tlv::parse(certificate).expect("a certificate");
    let sha_256 = Tlv::sequence(vec![Tlv::oid(&SHA_256)]);
    let one = Tlv::new(2, [1]);
    let mut signer = vec![
        one.clone(),
        Tlv::sequence(vec![
            certificate.at(&[0, 3]).clone(),
            certificate.at(&[0, 1]).clone(),
        ]),
        sha_256.clone(),
        attributes,
        Tlv::sequence(vec![Tlv::oid(&ECDSA_SHA256)]),
        Tlv::octets(signature),
    ];
    if !unsigned.is_empty() {
        signer.push(set(0xa1, unsigned));
    }
    let signed_data = Tlv::sequence(vec![
        one,
        Tlv::of(0x31, vec![sha_256]),
        Tlv::sequence(vec![Tlv::oid(&DATA)]),
        Tlv::of(0xa0, vec![certificate]),
        Tlv::of(0x31, vec![Tlv::sequence(signer)]),
    ]);
    Tlv::sequence(vec![
        Tlv::oid(&SIGNED_DATA),
        Tlv::of(0xa0, vec![signed_data]),
    ])
}

/// `dev.sigstore.rekor.v1.TransparencyLogEntry`, by the numbers in sigstore_rekor.proto.
fn protobuf(entry: &LogEntry, form: GitForm) -> Vec<u8> {
    let version = match form {
        GitForm::WithoutBody => "0.0.1",
        _ => entry.version.as_str(),
    };
    let kind_version = [
        bytes(1, entry.kind.as_bytes()),
        bytes(2, version.as_bytes()),
    ]
    .concat();
    let mut message = number(1, entry.index);
    message.extend(bytes(2, &bytes(1, &entry.log_id)));
    message.extend(bytes(3, &kind_version));
    if entry.integrated_time != 0 {
        message.extend(number(4, entry.integrated_time.unsigned_abs()));
    }
    // gitsign writes a promise that is none as an empty message.
    match (&entry.promise, form) {
        (Some(promise), _) => message.extend(bytes(5, &bytes(1, promise))),
        (None, GitForm::WithoutBody) => message.extend(bytes(5, &[])),
        (None, _) => {}
    }
    if let Some(proof) = &entry.proof {
        let mut inner = number(1, proof.index);
        inner.extend(bytes(2, &proof.root));
        inner.extend(number(3, proof.size));
        for hash in &proof.hashes {
            inner.extend(bytes(4, hash));
        }
        let checkpoint = proof.checkpoint.as_deref().unwrap_or_default();
        inner.extend(bytes(5, &bytes(1, checkpoint.as_bytes())));
        message.extend(bytes(6, &inner));
    }
    if form == GitForm::Whole {
        message.extend(bytes(7, &entry.body));
    }
    message
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
    out
}

fn number(field: u64, value: u64) -> Vec<u8> {
    match value {
        0 => Vec::new(),
        value => [varint(field << 3), varint(value)].concat(),
    }
}

fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    let length = u64::try_from(value.len()).expect("a short field");
    [varint(field << 3 | 2), varint(length), value.to_vec()].concat()
}

/// The nine attributes of January 2023.
fn separate(entry: &LogEntry, first: u8) -> Vec<Tlv> {
    let proof = entry.proof.as_ref().expect("an entry with a proof");
    let integer = |value: u64| {
        let bytes = value.to_be_bytes();
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(7);
        let (_, bytes) = bytes.split_at(start);
        let sign: &[u8] = if bytes[0] > 0x7f { &[0] } else { &[] };
        Tlv::new(2, [sign, bytes].concat())
    };
    let text = |tag: u8, text: &str| Tlv::new(tag, text.as_bytes());
    let hashes = proof
        .hashes
        .iter()
        .map(|hash| text(0x13, &hex::encode(hash)));
    let values = [
        integer(entry.integrated_time.unsigned_abs()),
        text(0x13, &hex::encode(&entry.log_id)),
        integer(entry.index),
        Tlv::octets(entry.promise.clone().unwrap_or_default()),
        text(0x0c, proof.checkpoint.as_deref().unwrap_or_default()),
        Tlv::sequence(hashes.collect()),
        text(0x13, &hex::encode(&proof.root)),
        integer(proof.size),
        integer(proof.index),
    ];
    (first..)
        .zip(values)
        .map(|(number, value)| attribute(&sigstore(number), value))
        .collect()
}
