use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signhere_pki::cert::Certificate;
use signhere_pki::key::PublicKey;

use super::{
    Bundle, BundleError, BundleVersion, Content, KeyMaterial, MAX_BUNDLE_BYTES, MAX_LOG_ENTRIES,
    MAX_TIMESTAMPS, Material, TlogEntry, read,
};
use crate::entry::{LoggedDigest, LoggedEntry};
use crate::excerpt::excerpt;
use crate::proto_json::{self, JsonError, Message};

/// What a bundle is made of, from wherever it comes: an old bundle, cosign's files, or the parts one by one.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The signature or the envelope.
    pub content: Content,
    /// Whose key made it, where that is known.
    pub key: Option<KeyMaterial>,
    /// Entries of transparency logs, perhaps without their proofs.
    pub tlog_entries: Vec<TlogEntry>,
    /// RFC 3161 timestamp responses, DER.
    pub timestamps: Vec<Vec<u8>>,
}

/// Why parts make no bundle.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PartsError {
    /// A part could not be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A signature is neither base64 nor an envelope.
    #[error("the signature is neither base64 nor a DSSE envelope")]
    Signature,
    /// Neither PEM nor DER of a certificate or public key.
    #[error("neither a certificate nor a public key, in PEM or DER")]
    Signer,
    /// There is neither a certificate nor a key.
    #[error("there is neither a certificate nor a public key")]
    SignerMissing,
    /// An entry has no inclusion proof with a checkpoint.
    #[error("the log entry {log_index} has no inclusion proof under a checkpoint")]
    ProofMissing {
        /// The entry's index in its log.
        log_index: u64,
    },
    /// An entry is about another signature than the one at hand.
    #[error("the log entry {log_index} is about another signature")]
    OtherSignature {
        /// The entry's index in its log.
        log_index: u64,
    },
    /// More log entries or timestamps than a bundle may carry.
    #[error("too many log entries or timestamps")]
    TooMany,
}

impl Parts {
    /// Takes an old bundle apart.
    pub fn of(bundle: Bundle) -> Self {
        Self {
            content: bundle.content,
            key: Some(bundle.material.key),
            tlog_entries: bundle.material.tlog_entries,
            timestamps: bundle.material.timestamps,
        }
    }

    /// Reads a signature as tools write it to files: base64, raw bytes, or a DSSE envelope.
    ///
    /// # Errors
    /// [`PartsError`] when it is none of them.
    pub fn from_signature(file: &[u8]) -> Result<Self, PartsError> {
        if file.len() > MAX_BUNDLE_BYTES {
            return Err(BundleError::Json(JsonError::TooLarge {
                limit: MAX_BUNDLE_BYTES,
                found: file.len(),
            })
            .into());
        }
        let trimmed = file.trim_ascii();
        let decoded = match trimmed.first() {
            Some(b'{') | None => trimmed.to_vec(),
            Some(_) if !trimmed.is_ascii() => file.to_vec(),
            Some(_) => STANDARD
                .decode(trimmed)
                .map_err(|_| PartsError::Signature)?,
        };
        Ok(Self {
            content: content(decoded)?,
            key: None,
            tlog_entries: Vec::new(),
            timestamps: Vec::new(),
        })
    }

    /// Reads what cosign wrote before it wrote bundles: `base64Signature`, `cert`, `rekorBundle`.
    ///
    /// # Errors
    /// [`PartsError`] when it is not of that form.
    pub fn from_cosign(json: &[u8]) -> Result<Self, PartsError> {
        let mut message =
            proto_json::document(json, MAX_BUNDLE_BYTES).map_err(BundleError::Json)?;
        let read = |error: JsonError| PartsError::Bundle(BundleError::Json(error));
        let signature = message.required_bytes("base64Signature").map_err(read)?;
        let signer = message.bytes("cert").map_err(read)?;
        let entry = match message.message("rekorBundle").map_err(read)? {
            Some(entry) => Some(cosign_entry(entry)?),
            None => None,
        };
        let mut parts = Self {
            content: content(signature)?,
            key: None,
            tlog_entries: entry.into_iter().collect(),
            timestamps: Vec::new(),
        };
        if !signer.is_empty() {
            parts.key = Some(signer_of(&signer)?);
        }
        Ok(parts)
    }

    /// Sets whose key made the signature: a certificate or a public key, in PEM, DER or base64 of either.
    ///
    /// # Errors
    /// [`PartsError::Signer`] when it is neither.
    pub fn set_signer(&mut self, file: &[u8]) -> Result<(), PartsError> {
        self.key = Some(signer_of(file)?);
        Ok(())
    }

    /// Adds a log entry, in the JSON of Rekor v2 and of bundles, or as Rekor v1's API answers. One that is
    /// there already (the same body in the same log) is replaced: the new one has the proof.
    ///
    /// # Errors
    /// [`PartsError`] when it is neither, or is about another signature.
    pub fn add_log_entry(&mut self, json: &[u8]) -> Result<(), PartsError> {
        let entry = match TlogEntry::from_json(json) {
            Ok(entry) => entry,
            Err(error) => TlogEntry::from_rekor_v1_json(json).map_err(|_| error)?,
        };
        let logged = LoggedEntry::parse(&entry.kind, &entry.version, &entry.body).ok();
        let signature = match &self.content {
            Content::MessageSignature { signature, .. } => signature.as_slice(),
            Content::Dsse(envelope) => envelope.signature(),
        };
        let is_of_another = logged
            .iter()
            .flat_map(|(logged, _)| &logged.signatures)
            .filter_map(|logged| logged.signature.as_deref())
            .any(|logged| logged != signature);
        if is_of_another {
            return Err(PartsError::OtherSignature {
                log_index: entry.log_index,
            });
        }
        match self
            .tlog_entries
            .iter_mut()
            .find(|old| old.body == entry.body)
        {
            Some(old) => *old = entry,
            None => self.tlog_entries.push(entry),
        }
        Ok(())
    }

    /// Puts a v0.3 bundle together. Its form is right; nothing in it is verified.
    ///
    /// # Errors
    /// [`PartsError`] for what is missing: the signer, or an entry's inclusion proof.
    pub fn into_bundle(mut self) -> Result<Bundle, PartsError> {
        if self.tlog_entries.len() > MAX_LOG_ENTRIES || self.timestamps.len() > MAX_TIMESTAMPS {
            return Err(PartsError::TooMany);
        }
        let proven = |entry: &&TlogEntry| {
            let proof = entry.proof.as_ref();
            proof.is_some_and(|proof| !proof.checkpoint.is_empty())
        };
        if let Some(entry) = self.tlog_entries.iter().find(|entry| !proven(entry)) {
            return Err(PartsError::ProofMissing {
                log_index: entry.log_index,
            });
        }
        let key = self.key.ok_or(PartsError::SignerMissing)?;
        if let Content::MessageSignature { digest, .. } = &mut self.content
            && digest.is_none()
        {
            *digest = self.tlog_entries.iter().find_map(logged_digest);
        }
        let bundle = Bundle {
            version: BundleVersion::V0_3,
            material: Material {
                key: match key {
                    KeyMaterial::Certificate(chain) => {
                        // A v0.3 bundle holds the leaf alone.
                        KeyMaterial::Certificate(chain.into_iter().take(1).collect())
                    }
                    hint @ KeyMaterial::PublicKeyHint(_) => hint,
                },
                tlog_entries: self.tlog_entries,
                timestamps: self.timestamps,
            },
            content: self.content,
            unknown_fields: Vec::new(),
        };
        // What is written has to be readable, by the rules of reading.
        Ok(Bundle::parse(&bundle.to_json())?)
    }
}

fn content(signature: Vec<u8>) -> Result<Content, PartsError> {
    if signature.first() == Some(&b'{') {
        let message =
            proto_json::document(&signature, MAX_BUNDLE_BYTES).map_err(BundleError::Json)?;
        return Ok(Content::Dsse(read::envelope(message)?));
    }
    if signature.is_empty() {
        return Err(PartsError::Signature);
    }
    Ok(Content::MessageSignature {
        digest: None,
        signature,
    })
}

fn logged_digest(entry: &TlogEntry) -> Option<signhere_pki::digest::Digest> {
    let (logged, _) = LoggedEntry::parse(&entry.kind, &entry.version, &entry.body).ok()?;
    match logged.digest {
        LoggedDigest::Signed(digest) => Some(digest),
        LoggedDigest::Payload(_) | LoggedDigest::Envelope(_) => None,
    }
}

/// cosign's own files hold the base64 of PEM, others PEM or DER.
fn signer_of(file: &[u8]) -> Result<KeyMaterial, PartsError> {
    let decoded;
    let trimmed = file.trim_ascii();
    let file = match STANDARD.decode(trimmed) {
        Ok(bytes) => {
            decoded = bytes;
            decoded.as_slice()
        }
        Err(_) => file,
    };
    if let Ok(text) = std::str::from_utf8(file) {
        if let Some(leaf) = Certificate::list_from_pem(text)
            .ok()
            .and_then(|list| list.into_iter().next())
        {
            return Ok(KeyMaterial::Certificate(vec![leaf]));
        }
        if let Ok(key) = PublicKey::from_pem(text) {
            return Ok(hint(&key));
        }
    }
    if let Ok(leaf) = Certificate::from_der(file) {
        return Ok(KeyMaterial::Certificate(vec![leaf]));
    }
    PublicKey::from_spki_der(file)
        .map(|key| hint(&key))
        .map_err(|_| PartsError::Signer)
}

/// As cosign hints at keys: the SHA-256 of the key, in base64.
fn hint(key: &PublicKey) -> KeyMaterial {
    KeyMaterial::PublicKeyHint(STANDARD.encode(key.key_id()))
}

/// `{SignedEntryTimestamp, Payload: {body, integratedTime, logIndex, logID}}`: a promise without a proof.
fn cosign_entry(mut message: Message<'_>) -> Result<TlogEntry, BundleError> {
    let promise = message.required_bytes("SignedEntryTimestamp")?;
    let mut payload = message.required_message("Payload")?;
    let body = payload.required_bytes("body")?;
    let log_id = payload.required_string("logID")?;
    let log_id = hex::decode(&log_id).map_err(|_| {
        BundleError::Json(JsonError::Value {
            path: excerpt(&payload.path("logID")),
            expected: "hexadecimal",
        })
    })?;
    let mut opened = proto_json::document(&body, MAX_BUNDLE_BYTES)?;
    Ok(TlogEntry {
        log_index: payload.count("logIndex")?,
        log_id,
        kind: opened.required_string("kind")?,
        version: opened.required_string("apiVersion")?,
        integrated_time: payload.int64("integratedTime")?,
        promise: Some(promise),
        proof: None,
        body,
    })
}
