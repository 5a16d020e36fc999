use serde_json::{Map, Value, json};
use signhere_pki::cert::Certificate;
use signhere_pki::key::{KeyDetails, KeyError, PublicKey};
use signhere_pki::time::Validity;

use super::{MAX_TRUST_BYTES, TrustError, window};
use crate::names;
use crate::proto_json::{self, Message, base64};

/// Written by [`TrustedRoot::to_json`]; the form that every published client reads.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";

const OTHER_MEDIA_TYPES: [&str; 2] = [
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

/// The most logs or authorities of one kind.
const MAX_INSTANCES: usize = 64;
/// The most certificates in an authority's chain.
const MAX_CHAIN: usize = 16;

/// The keys and certificates of one Sigstore instance.
#[derive(Clone, Debug, Default)]
pub struct TrustedRoot {
    /// The signature transparency logs (Rekor).
    pub tlogs: Vec<TransparencyLog>,
    /// The certificate authorities (Fulcio).
    pub certificate_authorities: Vec<CertificateAuthority>,
    /// The certificate transparency logs.
    pub ctlogs: Vec<TransparencyLog>,
    /// The timestamp authorities (RFC 3161).
    pub timestamp_authorities: Vec<CertificateAuthority>,
    /// Logs left out because this program does not know their kind of key: nothing they sign is
    /// believed, and what they should have signed is still asked for.
    pub unsupported: Vec<UnsupportedLog>,
    /// Paths of fields that this program does not know and ignored.
    pub unknown_fields: Vec<String>,
}

/// A transparency log and the key it signs with.
#[derive(Clone, Debug)]
pub struct TransparencyLog {
    /// The log's URL; its host and path are the log's name in checkpoints.
    pub base_url: String,
    /// The log's key.
    pub key: PublicKey,
    /// How the key signs.
    pub details: KeyDetails,
    /// When the log used the key, closed at both ends.
    pub validity: Validity,
    /// The id that entries and SCTs name the log by.
    pub log_id: Vec<u8>,
    /// The id in checkpoints, where it differs from `log_id`.
    pub checkpoint_key_id: Option<Vec<u8>>,
    /// Who runs the log.
    pub operator: String,
}

/// A log that a trusted root lists with a kind of key that this program does not know.
#[derive(Clone, Debug, PartialEq)]
pub struct UnsupportedLog {
    /// What the log records.
    pub records: Records,
    /// The key's place in the trusted root.
    pub path: String,
    /// What is not known about it.
    pub error: KeyError,
}

/// What a log records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// Signatures (Rekor).
    Signatures,
    /// Certificates (RFC 6962).
    Certificates,
}

/// A certificate or timestamp authority.
#[derive(Clone, Debug)]
pub struct CertificateAuthority {
    /// The authority's URI.
    pub uri: String,
    /// The certificate that signs first, the root last.
    pub chain: Vec<Certificate>,
    /// When the authority may be relied on, closed at both ends.
    pub validity: Validity,
    /// Who runs the authority.
    pub operator: String,
}

impl TrustedRoot {
    /// Reads a trusted root (v0.1 or v0.2) from its JSON.
    ///
    /// # Errors
    /// [`TrustError`] for the first rule that the document breaks.
    pub fn parse(json: &[u8]) -> Result<Self, TrustError> {
        let mut message = proto_json::document(json, MAX_TRUST_BYTES)?;
        let mut root = Self::read(&mut message)?;
        root.unknown_fields = message.finish_document();
        Ok(root)
    }

    /// Tells whether the root lists a log of this sort, be its key supported or not.
    pub fn lists_log_of(&self, records: Records) -> bool {
        let supported = match records {
            Records::Signatures => &self.tlogs,
            Records::Certificates => &self.ctlogs,
        };
        !supported.is_empty() || self.unsupported.iter().any(|log| log.records == records)
    }

    /// Returns the trusted root as v0.1 JSON, without its unsupported logs.
    pub fn to_json(&self) -> Vec<u8> {
        self.to_value().to_string().into_bytes()
    }

    pub(super) fn read(message: &mut Message<'_>) -> Result<Self, TrustError> {
        window::media_type(message, MEDIA_TYPE, &OTHER_MEDIA_TYPES)?;
        let mut unsupported = Vec::new();
        Ok(Self {
            tlogs: logs(message, "tlogs", Records::Signatures, &mut unsupported)?,
            certificate_authorities: authorities(message, "certificateAuthorities")?,
            ctlogs: logs(message, "ctlogs", Records::Certificates, &mut unsupported)?,
            timestamp_authorities: authorities(message, "timestampAuthorities")?,
            unsupported,
            unknown_fields: Vec::new(),
        })
    }

    pub(super) fn to_value(&self) -> Value {
        let logs = |logs: &[TransparencyLog]| -> Vec<Value> {
            logs.iter().map(TransparencyLog::to_value).collect()
        };
        let authorities = |authorities: &[CertificateAuthority]| -> Vec<Value> {
            authorities
                .iter()
                .map(CertificateAuthority::to_value)
                .collect()
        };
        json!({
            "mediaType": MEDIA_TYPE,
            "tlogs": logs(&self.tlogs),
            "certificateAuthorities": authorities(&self.certificate_authorities),
            "ctlogs": logs(&self.ctlogs),
            "timestampAuthorities": authorities(&self.timestamp_authorities),
        })
    }
}

impl TransparencyLog {
    /// Returns the log's name: its URL without scheme and closing slash.
    pub fn name(&self) -> &str {
        let url = self.base_url.as_str();
        url.split_once("://")
            .map_or(url, |(_, rest)| rest)
            .trim_end_matches('/')
    }

    /// `Ok(None)` for a key of a kind that is not supported.
    fn read(
        mut message: Message<'_>,
        records: Records,
        unsupported: &mut Vec<UnsupportedLog>,
    ) -> Result<Option<Self>, TrustError> {
        let base_url = message.string("baseUrl")?;
        // Every log known hashes with SHA-256 (RFC 6962, section 2.1); another would not verify.
        message.enumeration("hashAlgorithm", &names::HASH_ALGORITHMS)?;
        let log_id = read_key_id(&mut message, "logId")?.unwrap_or_default();
        let checkpoint_key_id = read_key_id(&mut message, "checkpointKeyId")?;
        let operator = message.string("operator")?;
        let path = message.path("publicKey");
        let mut key_message = message.required_message("publicKey")?;
        let raw = key_message.required_bytes("rawBytes")?;
        let details = key_message.key_details("keyDetails")?;
        let validity = window::read(&mut key_message)?;
        key_message.finish();
        message.finish();
        let details = match details {
            Ok(details) => details,
            Err(error) => {
                unsupported.push(UnsupportedLog {
                    records,
                    path,
                    error,
                });
                return Ok(None);
            }
        };
        let key = details
            .read_key(&raw)
            .map_err(|error| TrustError::Key { path, error })?;
        Ok(Some(Self {
            base_url,
            key,
            details,
            validity,
            log_id,
            checkpoint_key_id,
            operator,
        }))
    }

    /// Keys are written as SubjectPublicKeyInfo, whatever they were read from.
    fn written_details(&self) -> &'static str {
        KeyDetails::of(self.details.scheme(), self.key.kind())
            .unwrap_or(self.details)
            .name()
    }

    fn to_value(&self) -> Value {
        let mut value = Map::new();
        value.insert("baseUrl".to_owned(), self.base_url.as_str().into());
        value.insert("hashAlgorithm".to_owned(), "SHA2_256".into());
        value.insert(
            "publicKey".to_owned(),
            json!({
                "rawBytes": base64(self.key.spki_der()),
                "keyDetails": self.written_details(),
                "validFor": window::to_value(&self.validity),
            }),
        );
        value.insert("logId".to_owned(), json!({ "keyId": base64(&self.log_id) }));
        if let Some(id) = &self.checkpoint_key_id {
            value.insert("checkpointKeyId".to_owned(), json!({ "keyId": base64(id) }));
        }
        if !self.operator.is_empty() {
            value.insert("operator".to_owned(), self.operator.as_str().into());
        }
        Value::Object(value)
    }
}

impl CertificateAuthority {
    fn read(mut message: Message<'_>) -> Result<Self, TrustError> {
        let uri = message.string("uri")?;
        let operator = message.string("operator")?;
        let validity = window::read(&mut message)?;
        if let Some(mut subject) = message.message("subject")? {
            subject.string("organization")?;
            subject.string("commonName")?;
            subject.finish();
        }
        let mut chain_message = message.required_message("certChain")?;
        let mut chain = Vec::new();
        for mut certificate in chain_message.messages("certificates", MAX_CHAIN)? {
            let der = certificate.required_bytes("rawBytes")?;
            chain.push(
                Certificate::from_der(&der).map_err(|error| TrustError::Certificate {
                    path: certificate.path("rawBytes"),
                    error,
                })?,
            );
            certificate.finish();
        }
        chain_message.finish();
        message.finish();
        Ok(Self {
            uri,
            chain,
            validity,
            operator,
        })
    }

    fn to_value(&self) -> Value {
        let certificates: Vec<Value> = self
            .chain
            .iter()
            .map(|certificate| json!({ "rawBytes": base64(certificate.der()) }))
            .collect();
        // Clients that check the form (sigstore-python) refuse an authority without a subject: its root's.
        let root = self.chain.last();
        let organization = root.and_then(Certificate::subject_organization);
        let common_name = root.and_then(Certificate::subject_common_name);
        let mut value = Map::new();
        value.insert(
            "subject".to_owned(),
            json!({
                "organization": organization.unwrap_or_default(),
                "commonName": common_name.unwrap_or_default(),
            }),
        );
        value.insert("uri".to_owned(), self.uri.as_str().into());
        value.insert(
            "certChain".to_owned(),
            json!({ "certificates": certificates }),
        );
        value.insert("validFor".to_owned(), window::to_value(&self.validity));
        if !self.operator.is_empty() {
            value.insert("operator".to_owned(), self.operator.as_str().into());
        }
        Value::Object(value)
    }
}

fn logs(
    message: &mut Message<'_>,
    name: &str,
    records: Records,
    unsupported: &mut Vec<UnsupportedLog>,
) -> Result<Vec<TransparencyLog>, TrustError> {
    let mut logs = Vec::new();
    for log in message.messages(name, MAX_INSTANCES)? {
        logs.extend(TransparencyLog::read(log, records, unsupported)?);
    }
    Ok(logs)
}

fn authorities(
    message: &mut Message<'_>,
    name: &str,
) -> Result<Vec<CertificateAuthority>, TrustError> {
    message
        .messages(name, MAX_INSTANCES)?
        .into_iter()
        .map(CertificateAuthority::read)
        .collect()
}

fn read_key_id(message: &mut Message<'_>, name: &str) -> Result<Option<Vec<u8>>, TrustError> {
    let Some(mut log_id) = message.message(name)? else {
        return Ok(None);
    };
    let bytes = log_id.bytes("keyId")?;
    log_id.finish();
    Ok(Some(bytes))
}
