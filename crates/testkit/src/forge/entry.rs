//! The bodies of log entries, as each kind's schema has them.

use serde_json::{Value, json};
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::key::{KeyDetails, PublicKey};
use signhere_pki::pem;

use super::{Entry, Kind, base64};

/// An entry before it is logged.
#[derive(Clone, Debug)]
pub struct EntryPlan {
    /// The kind that the bundle declares.
    pub kind: String,
    /// The version that the bundle declares.
    pub version: String,
    /// The body; its members are written in the order of their names.
    pub body: Value,
}

/// What an entry is about.
pub(super) struct Facts<'a> {
    pub(super) kind: Kind,
    /// What was signed: the artifact, or the envelope's encoding.
    pub(super) signed: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) payload_type: &'a str,
    pub(super) payload: &'a [u8],
    pub(super) key_id: &'a str,
    /// DER.
    pub(super) certificate: Option<&'a [u8]>,
    pub(super) key: &'a PublicKey,
}

impl EntryPlan {
    pub(super) fn new(facts: &Facts<'_>) -> Self {
        let (kind, version) = facts.kind.entry.name();
        Self {
            kind: kind.to_owned(),
            version: version.to_owned(),
            body: json!({ "apiVersion": version, "kind": kind, "spec": facts.spec() }),
        }
    }

    pub(super) fn body_bytes(&self) -> Vec<u8> {
        self.body.to_string().into_bytes()
    }
}

impl Facts<'_> {
    fn spec(&self) -> Value {
        let payload_hash = HashAlgorithm::Sha256.digest(self.payload);
        match self.kind.entry {
            Entry::None => Value::Null,
            Entry::HashedRekordV001 => json!({
                "data": { "hash": hex_digest(&self.signed_digest()) },
                "signature": {
                    "content": base64(self.signature),
                    "publicKey": { "content": self.pem() },
                },
            }),
            Entry::HashedRekordV002 => json!({
                "hashedRekordV002": {
                    "data": digest(&self.signed_digest()),
                    "signature": self.signature_v2(),
                },
            }),
            Entry::DsseV001 => json!({
                "envelopeHash": hex_digest(&self.envelope_digest()),
                "payloadHash": hex_digest(&payload_hash),
                "signatures": [{ "signature": base64(self.signature), "verifier": self.pem() }],
            }),
            Entry::DsseV002 => json!({
                "dsseV002": {
                    "payloadHash": digest(&payload_hash),
                    "signatures": [self.signature_v2()],
                },
            }),
            Entry::IntotoV001 => json!({
                "content": { "hash": hex_digest(&self.envelope_digest()) },
                "publicKey": self.pem(),
            }),
            Entry::IntotoV002 => json!({
                "content": {
                    "envelope": {
                        "payloadType": self.payload_type,
                        "signatures": [{
                            "publicKey": self.pem(),
                            "sig": base64(base64(self.signature).as_bytes()),
                        }],
                    },
                    "hash": hex_digest(&self.envelope_digest()),
                    "payloadHash": hex_digest(&payload_hash),
                },
            }),
        }
    }

    fn signed_digest(&self) -> Digest {
        let hash = self.kind.scheme.hash().unwrap_or(HashAlgorithm::Sha512);
        hash.digest(self.signed)
    }

    /// The SHA-256 of the envelope as Go's DSSE library writes it.
    fn envelope_digest(&self) -> Digest {
        let text = format!(
            r#"{{"payloadType":"{}","payload":"{}","signatures":[{{"keyid":"{}","sig":"{}"}}]}}"#,
            self.payload_type,
            base64(self.payload),
            self.key_id,
            base64(self.signature),
        );
        HashAlgorithm::Sha256.digest(text.as_bytes())
    }

    fn pem(&self) -> String {
        let pem = match self.certificate {
            Some(certificate) => pem::encode("CERTIFICATE", certificate),
            None => self.key.to_pem(),
        };
        base64(pem.as_bytes())
    }

    fn signature_v2(&self) -> Value {
        let details = KeyDetails::of(self.kind.scheme, self.kind.key).expect("key details");
        let mut verifier = json!({ "keyDetails": details.name() });
        match self.certificate {
            Some(leaf) => verifier["x509Certificate"] = json!({ "rawBytes": base64(leaf) }),
            None => verifier["publicKey"] = json!({ "rawBytes": base64(self.key.spki_der()) }),
        }
        json!({ "content": base64(self.signature), "verifier": verifier })
    }
}

fn hex_digest(digest: &Digest) -> Value {
    json!({ "algorithm": digest.algorithm().name(), "value": digest.hex() })
}

fn digest(digest: &Digest) -> Value {
    json!({ "algorithm": protobuf_name(digest.algorithm()), "digest": base64(digest.as_bytes()) })
}

/// The name in the protobuf enum `HashAlgorithm`.
pub(super) fn protobuf_name(hash: HashAlgorithm) -> &'static str {
    match hash {
        HashAlgorithm::Sha256 => "SHA2_256",
        HashAlgorithm::Sha384 => "SHA2_384",
        _ => "SHA2_512",
    }
}
