//! The trusted root that verifies what the forge makes.

use serde_json::{Value, json};
use signhere_pki::cert::Certificate;
use signhere_pki::digest::sha256;
use signhere_pki::key::{KeyDetails, PrivateKey, Signer as _};

use super::{Forge, Log, SIGNED_AT, base64};

/// The version of a trusted root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootVersion {
    /// v0.1: a log has one id.
    V0_1,
    /// v0.2: the id in checkpoints may be another.
    V0_2,
}

impl Forge {
    /// The JSON of the instance's trusted root, for a test to change.
    pub fn trusted_root(&self, version: RootVersion) -> Value {
        let media_type = match version {
            RootVersion::V0_1 => "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            RootVersion::V0_2 => "application/vnd.dev.sigstore.trustedroot.v0.2+json",
        };
        json!({
            "mediaType": media_type,
            "tlogs": [tlog(&self.rekor_v1, version), tlog(&self.rekor_v2, version)],
            "certificateAuthorities": [authority("https://fulcio.forge.example", &self.ca.chain())],
            "ctlogs": [log(
                "https://ct.forge.example",
                &self.ct,
                &sha256(self.ct.public_key().spki_der()),
            )],
            "timestampAuthorities": [authority("https://tsa.forge.example", &self.tsa.chain())],
        })
    }
}

fn tlog(of: &Log, version: RootVersion) -> Value {
    let spki_id = sha256(of.key.public_key().spki_der());
    match version {
        RootVersion::V0_1 => log(&of.base_url, &of.key, &of.id()),
        RootVersion::V0_2 => {
            let mut value = log(&of.base_url, &of.key, &spki_id);
            value["checkpointKeyId"] = json!({ "keyId": base64(&of.id()) });
            value
        }
    }
}

fn log(url: &str, key: &PrivateKey, id: &[u8; 32]) -> Value {
    let details = KeyDetails::of(key.scheme(), key.kind()).expect("key details");
    json!({
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": base64(key.public_key().spki_der()),
            "keyDetails": details.name(),
            "validFor": valid_for(),
        },
        "logId": { "keyId": base64(id) },
    })
}

fn authority(uri: &str, chain: &[Certificate]) -> Value {
    let certificates: Vec<Value> = chain
        .iter()
        .map(|certificate| json!({ "rawBytes": base64(certificate.der()) }))
        .collect();
    json!({
        "subject": { "organization": "forge", "commonName": "forge" },
        "uri": uri,
        "certChain": { "certificates": certificates },
        "validFor": valid_for(),
    })
}

fn valid_for() -> Value {
    json!({ "start": SIGNED_AT.plus_seconds(-3600).to_string() })
}
