//! Commits and tags signed as gitsign signs them, in its online mode: nothing of the log is in them.

use der::asn1::ObjectIdentifier;
use serde_json::{Value, json};
use signhere_log::merkle::leaf_hash;
use signhere_pki::cert::{Certificate, San};
use signhere_pki::cms::{DetachedParts, SignedAttributes, detached};
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::{KeyKind, PrivateKey, Signer as _};
use signhere_pki::pem;

use super::entry::Facts;
use super::{EntryPlan, Forge, IDENTITY, Kind, LogEntry, SIGNED_AT, Stage, base64, fresh};

/// A signed commit or tag, and who signed it.
#[derive(Clone, Debug)]
pub struct GitSigned {
    /// The object's bytes, signature included.
    pub object: Vec<u8>,
    /// The signer's key.
    pub key: PrivateKey,
    /// The signer's certificate, DER.
    pub certificate: Vec<u8>,
    /// What the signature is over: the signed attributes, as a SET OF.
    pub attributes: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// PKCS #7 data (RFC 5652 section 4).
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");

impl Forge {
    /// A commit with this content, signed by [`IDENTITY`].
    pub fn signed_commit(&self, payload: &[u8]) -> GitSigned {
        self.signed_commit_by(payload, IDENTITY)
    }

    /// A commit with this content, signed by somebody.
    pub fn signed_commit_by(&self, payload: &[u8], identity: &str) -> GitSigned {
        let (mut signed, armor) = self.git_signature(payload, identity);
        let headers = position(payload, b"\n\n") + 1;
        let (before, after) = payload.split_at(headers);
        let folded = armor.trim_end().replace('\n', "\n ");
        signed.object = [before, b"gpgsig ", folded.as_bytes(), b"\n", after].concat();
        signed
    }

    /// A tag with this content, signed by [`IDENTITY`].
    pub fn signed_tag(&self, payload: &[u8]) -> GitSigned {
        let (mut signed, armor) = self.git_signature(payload, IDENTITY);
        signed.object = [payload, armor.as_bytes()].concat();
        signed
    }

    /// The log's answer for a new signature of the same key over `message`: the entry's name, and the entry under it,
    /// as Rekor v1 answers.
    pub fn logged(&self, signed: &GitSigned, message: &[u8]) -> (String, Value) {
        let signature = signed.key.sign(message).expect("a signature");
        self.logged_as(signed, message, &signature)
    }

    /// The same for a signature that there is.
    pub fn logged_as(
        &self,
        signed: &GitSigned,
        message: &[u8],
        signature: &[u8],
    ) -> (String, Value) {
        let entry = EntryPlan::new(&Facts {
            kind: Kind::PLAIN,
            signed: message,
            signature,
            payload_type: "",
            payload: message,
            key_id: "",
            certificate: Some(&signed.certificate),
            key: signed.key.public_key(),
        });
        let entry = self.rekor_v1.plan(SIGNED_AT).append(&entry);
        let name = format!("{:016x}{}", 1, hex::encode(leaf_hash(&entry.body)));
        let answer = json!({ &name: entry.to_rekor_v1() });
        (name, answer)
    }

    fn git_signature(&self, payload: &[u8], identity: &str) -> (GitSigned, String) {
        let key = fresh(KeyKind::P256);
        let mut spoil = |stage: Stage<'_>| {
            if let Stage::Leaf(plan) = stage {
                plan.san = San::Email(identity.to_owned());
            }
        };
        let certificate = self.certificate(Kind::PLAIN, &key, &mut spoil);
        let certificate = certificate.expect("the plain kind has one");
        let digest = HashAlgorithm::Sha256.digest(payload);
        let attributes = SignedAttributes::with_signing_time(DATA, &digest, SIGNED_AT);
        let attributes = attributes.expect("attributes");
        let set = attributes.to_set().expect("a set");
        let signature = key.sign(&set).expect("a signature");
        let message = detached(&DetachedParts {
            attributes: &attributes,
            scheme: key.scheme(),
            signature: &signature,
            certificate: &Certificate::from_der(&certificate).expect("a certificate"),
            unsigned: &[],
        });
        let armor = pem::encode("SIGNED MESSAGE", &message.expect("a message"));
        let signed = GitSigned {
            object: Vec::new(),
            key,
            certificate,
            attributes: set,
            signature,
        };
        (signed, armor)
    }
}

impl LogEntry {
    /// As Rekor v1 answers with it: hexadecimal, and the promise beside the proof.
    fn to_rekor_v1(&self) -> Value {
        let proof = self.proof.as_ref().expect("a proof");
        json!({
            "body": base64(&self.body),
            "integratedTime": self.integrated_time,
            "logID": hex::encode(&self.log_id),
            "logIndex": self.index,
            "verification": {
                "signedEntryTimestamp": base64(self.promise.as_ref().expect("a promise")),
                "inclusionProof": {
                    "checkpoint": proof.checkpoint,
                    "hashes": proof.hashes.iter().map(hex::encode).collect::<Vec<_>>(),
                    "logIndex": proof.index,
                    "rootHash": hex::encode(&proof.root),
                    "treeSize": proof.size,
                },
            },
        })
    }
}

fn position(bytes: &[u8], part: &[u8]) -> usize {
    let found = bytes.windows(part.len()).position(|window| window == part);
    found.expect("an object has headers and a message")
}
