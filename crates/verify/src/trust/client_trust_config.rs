use serde_json::json;

use super::{MAX_TRUST_BYTES, SigningConfig, TrustError, TrustedRoot, window};
use crate::proto_json;

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";

/// Everything a client needs to know about an instance: whom to trust, where to sign.
#[derive(Clone, Debug)]
pub struct ClientTrustConfig {
    /// Whom to trust.
    pub trusted_root: TrustedRoot,
    /// Where to sign.
    pub signing_config: SigningConfig,
    /// Paths of fields that this program does not know and ignored.
    pub unknown_fields: Vec<String>,
}

impl ClientTrustConfig {
    /// Reads a client trust config (v0.1) from its JSON.
    ///
    /// # Errors
    /// [`TrustError`] for the first rule that the document breaks.
    pub fn parse(json: &[u8]) -> Result<Self, TrustError> {
        let mut message = proto_json::document(json, MAX_TRUST_BYTES)?;
        window::media_type(&mut message, MEDIA_TYPE, &[])?;
        let mut root = message.required_message("trustedRoot")?;
        let trusted_root = TrustedRoot::read(&mut root)?;
        root.finish();
        let mut config = message.required_message("signingConfig")?;
        let signing_config = SigningConfig::read(&mut config)?;
        config.finish();
        Ok(Self {
            trusted_root,
            signing_config,
            unknown_fields: message.finish_document(),
        })
    }

    /// Returns the config as v0.1 JSON.
    pub fn to_json(&self) -> Vec<u8> {
        json!({
            "mediaType": MEDIA_TYPE,
            "trustedRoot": self.trusted_root.to_value(),
            "signingConfig": self.signing_config.to_value(),
        })
        .to_string()
        .into_bytes()
    }
}
