//! From a kind to a bundle, in stages that a test may change.

use serde_json::{Value, json};
use signhere_pki::cert::San;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::{PrivateKey, PublicKey, Signer as _};
use signhere_pki::time::Validity;

use super::entry::{Facts, protobuf_name};
use super::{
    ARTIFACT, Content, Entry, EntryPlan, Forge, IDENTITY, ISSUER, Keying, Kind, LeafPlan, LogEntry,
    LogPlan, SIGNED_AT, SctPlan, StampPlan, base64, fresh,
};

/// A part that is about to be made, or has been made and is about to be used.
#[derive(Debug)]
pub enum Stage<'a> {
    /// The certificate is about to be issued.
    Leaf(&'a mut LeafPlan),
    /// The signature is about to be made.
    Sign(&'a mut SignPlan),
    /// The entry is about to be sent to the log.
    Entry(&'a mut EntryPlan),
    /// The log is about to take the entry.
    Log(&'a mut LogPlan),
    /// The log has answered.
    Logged(&'a mut Vec<LogEntry>),
    /// A timestamp is about to be made.
    Stamp(&'a mut StampPlan),
    /// All timestamps are made.
    Stamped(&'a mut Vec<Vec<u8>>),
    /// The bundle is about to be written.
    Bundle(&'a mut Value),
}

/// A signature before it is made.
#[derive(Clone, Debug)]
pub struct SignPlan {
    /// The artifact, or the envelope's payload.
    pub payload: Vec<u8>,
    /// The envelope's payload type.
    pub payload_type: String,
    /// What is signed in place of the artifact or the envelope.
    pub instead: Option<Vec<u8>>,
    /// The key.
    pub signer: PrivateKey,
    /// The envelope's hint at the key.
    pub key_id: String,
    /// The claimed digest of the artifact.
    pub claims_digest: bool,
    /// Changes the signature before it is logged.
    pub finish: fn(Vec<u8>) -> Vec<u8>,
}

/// A bundle, and what it should be verified with.
#[derive(Clone, Debug)]
pub struct Forged {
    /// Its kind.
    pub kind: Kind,
    /// Its JSON.
    pub json: Value,
    /// The signer's key.
    pub key: PublicKey,
}

impl Forged {
    /// The bundle's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.json.to_string().into_bytes()
    }
}

impl Forge {
    /// A valid bundle over [`ARTIFACT`].
    pub fn bundle(&self, kind: Kind) -> Forged {
        self.spoiled(kind, |_| {})
    }

    /// A bundle that `spoil` may change at any stage.
    pub fn spoiled(&self, kind: Kind, mut spoil: impl FnMut(Stage<'_>)) -> Forged {
        let signer = fresh(kind.key).with_scheme(kind.scheme).expect("a signer");
        let certificate = self.certificate(kind, &signer, &mut spoil);
        let mut sign = SignPlan::new(kind, signer.clone());
        spoil(Stage::Sign(&mut sign));
        let signed = sign.signed(kind);
        let signature = (sign.finish)(sign.signer.sign(&signed).expect("a signature"));

        let facts = Facts {
            kind,
            signed: &signed,
            signature: &signature,
            payload_type: &sign.payload_type,
            payload: &sign.payload,
            key_id: &sign.key_id,
            certificate: certificate.as_deref(),
            key: signer.public_key(),
        };
        let entries = self.log(&facts, &mut spoil);
        let timestamps = self.stamp(kind, &signature, &mut spoil);

        let mut json = json!({
            "mediaType": kind.media_type.as_str(),
            "verificationMaterial": self.material(kind, certificate.as_deref(), &entries, &timestamps),
        });
        match kind.content {
            Content::Message => json["messageSignature"] = sign.message_signature(kind, &signature),
            Content::Dsse => json["dsseEnvelope"] = sign.envelope(&signature),
        }
        spoil(Stage::Bundle(&mut json));
        Forged {
            kind,
            json,
            key: signer.public_key().clone(),
        }
    }

    pub(super) fn certificate(
        &self,
        kind: Kind,
        signer: &PrivateKey,
        spoil: &mut impl FnMut(Stage<'_>),
    ) -> Option<Vec<u8>> {
        let Keying::Certificate(under) = kind.keying else {
            return None;
        };
        let mut plan = LeafPlan {
            san: San::Email(IDENTITY.to_owned()),
            issuer: Some(ISSUER.to_owned()),
            key: signer.public_key().clone(),
            validity: Validity {
                start: SIGNED_AT.plus_seconds(-60),
                end: Some(SIGNED_AT.plus_seconds(540)),
            },
            under,
            sct: SctPlan {
                embedded: true,
                signer: self.ct.clone(),
                at: SIGNED_AT.plus_seconds(-60),
                // leaf_index of C2SP static-ct-api: type 0, five bytes of index.
                extensions: vec![0, 0, 5, 0, 0, 0, 0, 7],
                of_another: false,
                log_id: None,
                edit: |_| {},
            },
            edit: |_| {},
            finish: |_| {},
        };
        spoil(Stage::Leaf(&mut plan));
        Some(self.ca.issue(&plan))
    }

    fn log(&self, facts: &Facts<'_>, spoil: &mut impl FnMut(Stage<'_>)) -> Vec<LogEntry> {
        let kind = facts.kind;
        let mut entries = Vec::new();
        if kind.entry != Entry::None {
            let mut entry = EntryPlan::new(facts);
            spoil(Stage::Entry(&mut entry));
            let log = if kind.entry.is_v2() {
                &self.rekor_v2
            } else {
                &self.rekor_v1
            };
            let mut plan = log.plan(SIGNED_AT);
            plan.promises = kind.evidence.promise;
            plan.proves = kind.evidence.proof;
            spoil(Stage::Log(&mut plan));
            entries.push(plan.append(&entry));
        }
        spoil(Stage::Logged(&mut entries));
        entries
    }

    fn stamp(
        &self,
        kind: Kind,
        signature: &[u8],
        spoil: &mut impl FnMut(Stage<'_>),
    ) -> Vec<Vec<u8>> {
        let mut timestamps = Vec::new();
        for _ in 0..kind.evidence.timestamps {
            let mut plan = StampPlan {
                message: signature.to_vec(),
                at: SIGNED_AT,
                embeds_certificate: kind.evidence.embeds_certificate,
                by_stranger: false,
                by_impostor: false,
                certificate: |_| {},
                info: |_| {},
                attributes: |_| {},
                reply: |_| {},
            };
            spoil(Stage::Stamp(&mut plan));
            timestamps.push(self.tsa.stamp(&plan));
        }
        spoil(Stage::Stamped(&mut timestamps));
        timestamps
    }

    fn material(
        &self,
        kind: Kind,
        certificate: Option<&[u8]>,
        entries: &[LogEntry],
        timestamps: &[Vec<u8>],
    ) -> Value {
        let raw = |der: &[u8]| json!({ "rawBytes": base64(der) });
        let [intermediate, _] = self.ca.chain();
        let mut material = match certificate {
            None => json!({ "publicKey": { "hint": "a key of the forge" } }),
            Some(leaf) if kind.media_type.holds_chain() => {
                let certificates = [raw(leaf), raw(intermediate.der())];
                json!({ "x509CertificateChain": { "certificates": certificates } })
            }
            Some(leaf) => json!({ "certificate": raw(leaf) }),
        };
        let entries: Vec<Value> = entries.iter().map(LogEntry::to_value).collect();
        material["tlogEntries"] = entries.into();
        if !timestamps.is_empty() {
            let timestamps: Vec<Value> = timestamps
                .iter()
                .map(|der| json!({ "signedTimestamp": base64(der) }))
                .collect();
            material["timestampVerificationData"] = json!({ "rfc3161Timestamps": timestamps });
        }
        material
    }
}

impl SignPlan {
    fn new(kind: Kind, signer: PrivateKey) -> Self {
        let (payload, payload_type) = match kind.content {
            Content::Message => (ARTIFACT.to_vec(), ""),
            Content::Dsse => (statement(), "application/vnd.in-toto+json"),
        };
        Self {
            payload,
            payload_type: payload_type.to_owned(),
            instead: None,
            signer,
            key_id: String::new(),
            claims_digest: true,
            finish: |signature| signature,
        }
    }

    /// The artifact, or the envelope's pre-authentication encoding (DSSE protocol 1).
    fn signed(&self, kind: Kind) -> Vec<u8> {
        if let Some(instead) = &self.instead {
            return instead.clone();
        }
        match kind.content {
            Content::Message => self.payload.clone(),
            Content::Dsse => {
                let header = format!(
                    "DSSEv1 {} {} {} ",
                    self.payload_type.len(),
                    self.payload_type,
                    self.payload.len()
                );
                [header.as_bytes(), &self.payload].concat()
            }
        }
    }

    fn message_signature(&self, kind: Kind, signature: &[u8]) -> Value {
        let mut value = json!({ "signature": base64(signature) });
        if self.claims_digest {
            let hash = kind.scheme.hash().unwrap_or(HashAlgorithm::Sha256);
            value["messageDigest"] = json!({
                "algorithm": protobuf_name(hash),
                "digest": base64(hash.digest(&self.payload).as_bytes()),
            });
        }
        value
    }

    fn envelope(&self, signature: &[u8]) -> Value {
        let mut line = json!({ "sig": base64(signature) });
        if !self.key_id.is_empty() {
            line["keyid"] = self.key_id.as_str().into();
        }
        json!({
            "payload": base64(&self.payload),
            "payloadType": self.payload_type,
            "signatures": [line],
        })
    }
}

/// An in-toto statement about [`ARTIFACT`].
fn statement() -> Vec<u8> {
    let digest = HashAlgorithm::Sha256.digest(ARTIFACT);
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicate": { "by": "the forge" },
        "predicateType": "https://forge.example/predicate/v1",
        "subject": [{ "digest": { "sha256": digest.hex() }, "name": "artifact" }],
    })
    .to_string()
    .into_bytes()
}
