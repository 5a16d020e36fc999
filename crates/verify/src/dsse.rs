//! DSSE envelopes (secure-systems-lab/dsse, protocol 1) with their one signature.

use signhere_pki::digest::HashAlgorithm;

use crate::intoto::Statement;
use crate::proto_json::base64;

/// The payload type of in-toto statements.
pub const INTOTO_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// An envelope: a typed payload and the signature over both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The payload's bytes.
    pub payload: Vec<u8>,
    /// The signature over the [`pae`].
    signature: Vec<u8>,
    /// An unsigned hint at the key.
    pub key_id: String,
}

impl Envelope {
    /// Puts an envelope together; nothing is checked.
    pub fn new(payload_type: String, payload: Vec<u8>, signature: Vec<u8>, key_id: String) -> Self {
        Self {
            payload_type,
            payload,
            signature,
            key_id,
        }
    }

    /// Returns the one signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Returns the envelope's own JSON, as Go's DSSE library writes it and Rekor v1 expects it.
    pub fn to_json(&self) -> String {
        self.json(true)
    }

    /// With or without a `keyid` that is empty: writers differ, and old entries hash the text.
    pub(crate) fn json(&self, with_empty_key_id: bool) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let key_id = if self.key_id.is_empty() && !with_empty_key_id {
            String::new()
        } else {
            format!("\"keyid\":{},", quoted(&self.key_id))
        };
        format!(
            "{{\"payloadType\":{},\"payload\":\"{}\",\"signatures\":[{{{key_id}\"sig\":\"{}\"}}]}}",
            quoted(&self.payload_type),
            base64(&self.payload),
            base64(&self.signature),
        )
    }

    /// Returns the algorithms that the statement's subjects have digests of.
    pub(crate) fn subject_hashes(&self) -> Vec<HashAlgorithm> {
        Statement::parse(&self.payload).map_or_else(
            |_| Vec::new(),
            |statement| {
                HashAlgorithm::ALL
                    .into_iter()
                    .filter(|algorithm| statement.has_algorithm(*algorithm))
                    .collect()
            },
        )
    }

    /// Returns the bytes that the signature is over.
    pub fn pae(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }
}

/// Returns the pre-authentication encoding: what a DSSE signature is over.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoded = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    )
    .into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pae_counts_bytes() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("\u{e9}", b""), "DSSEv1 2 \u{e9} 0 ".as_bytes());
    }
}
