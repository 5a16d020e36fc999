use serde_json::{Map, Value, json};

use super::{Bundle, Content, KeyMaterial, TlogEntry};
use crate::names;
use crate::proto_json::base64;

pub(super) const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

pub(super) fn bundle(bundle: &Bundle) -> Vec<u8> {
    let (member, content) = content(&bundle.content);
    let mut document = Map::new();
    document.insert("mediaType".to_owned(), MEDIA_TYPE.into());
    document.insert("verificationMaterial".to_owned(), material(bundle));
    document.insert(member.to_owned(), content);
    Value::Object(document).to_string().into_bytes()
}

fn material(bundle: &Bundle) -> Value {
    let mut material = Map::new();
    match &bundle.material.key {
        KeyMaterial::Certificate(chain) => {
            if let Some(leaf) = chain.first() {
                let value = json!({ "rawBytes": base64(leaf.der()) });
                material.insert("certificate".to_owned(), value);
            }
        }
        KeyMaterial::PublicKeyHint(hint) => {
            material.insert("publicKey".to_owned(), json!({ "hint": hint }));
        }
    }
    let entries: Vec<Value> = bundle.material.tlog_entries.iter().map(entry).collect();
    material.insert("tlogEntries".to_owned(), entries.into());
    if !bundle.material.timestamps.is_empty() {
        let timestamps: Vec<Value> = bundle
            .material
            .timestamps
            .iter()
            .map(|der| json!({ "signedTimestamp": base64(der) }))
            .collect();
        material.insert(
            "timestampVerificationData".to_owned(),
            json!({ "rfc3161Timestamps": timestamps }),
        );
    }
    Value::Object(material)
}

/// Leaves out what is absent, as the other writers of bundles do.
fn entry(entry: &TlogEntry) -> Value {
    let mut value = entry.to_value();
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
        if entry.integrated_time == 0 {
            members.remove("integratedTime");
        }
    }
    value
}

fn content(content: &Content) -> (&'static str, Value) {
    match content {
        Content::MessageSignature { digest, signature } => {
            let mut value = Map::new();
            if let Some(digest) = digest {
                value.insert(
                    "messageDigest".to_owned(),
                    json!({
                        "algorithm": names::hash_name(digest.algorithm()),
                        "digest": base64(digest.as_bytes()),
                    }),
                );
            }
            value.insert("signature".to_owned(), base64(signature).into());
            ("messageSignature", Value::Object(value))
        }
        Content::Dsse(envelope) => {
            let mut signature = json!({ "sig": base64(envelope.signature()) });
            if !envelope.key_id.is_empty() {
                signature["keyid"] = envelope.key_id.as_str().into();
            }
            let value = json!({
                "payload": base64(&envelope.payload),
                "payloadType": envelope.payload_type,
                "signatures": [signature],
            });
            ("dsseEnvelope", value)
        }
    }
}
