use serde::Serialize;
use signhere_log::checkpoint::SignedCheckpoint;
use signhere_pki::cert::Certificate;
use signhere_pki::fulcio;
use signhere_pki::sct::SctList;
use signhere_pki::time::Time;
use signhere_pki::tsp::TimestampToken;

use super::{Bundle, Content, KeyMaterial, TlogEntry};
use crate::entry::{LoggedDigest, LoggedEntry};
use crate::intoto::Statement;
use crate::verdict::ExtensionEvidence;

/// What a bundle says of itself. Nothing of it is verified: whoever made the bundle could write anything.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// The bundle's version, such as `0.3`.
    pub version: &'static str,
    /// `messageSignature` or `dsseEnvelope`.
    pub content: &'static str,
    /// The artifact's digest, as `sha256:<hex>`; of an attestation none.
    pub digest: Option<String>,
    /// What an attestation is about: name, and `algorithm:hex`.
    pub subjects: Vec<SubjectClaim>,
    /// What an attestation says, as a type URI.
    pub predicate_type: Option<String>,
    /// The type of an envelope's payload.
    pub payload_type: Option<String>,
    /// The certificate, where the bundle has one.
    pub certificate: Option<CertificateClaim>,
    /// The hint at a key, where the bundle has no certificate.
    pub key_hint: Option<String>,
    /// The log entries.
    pub log_entries: Vec<LogEntryClaim>,
    /// The timestamps.
    pub timestamps: Vec<TimestampClaim>,
    /// Paths of fields that are not known.
    pub unknown_fields: Vec<String>,
}

/// One subject of an attestation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectClaim {
    /// Its name; may be empty.
    pub name: String,
    /// Its digests, as `algorithm:value`.
    pub digests: Vec<String>,
}

/// What the certificate says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateClaim {
    /// The subject alternative name, where there is exactly one.
    pub identity: Option<String>,
    /// Who vouched for the identity.
    pub issuer: Option<String>,
    /// What else the issuer's token said.
    pub extensions: Vec<ExtensionEvidence>,
    /// Who issued the certificate, by name.
    pub issued_by: String,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
    /// The first second of its validity.
    pub not_before: Time,
    /// The last second of its validity.
    pub not_after: Time,
    /// The certificate logs' statements in it.
    pub scts: Vec<SctClaim>,
}

/// A signed certificate timestamp.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SctClaim {
    /// The log's id, in hexadecimal.
    pub log_id: String,
    /// When the log saw the certificate.
    pub time: Time,
}

/// A log entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntryClaim {
    /// Kind and version, such as `hashedrekord 0.0.2`.
    pub kind: String,
    /// Its index in the log.
    pub index: u64,
    /// The log's id, in hexadecimal.
    pub log_id: String,
    /// When the log took the entry; absent where it does not say.
    pub integrated_time: Option<Time>,
    /// Whether the log's signed promise is there.
    pub promise: bool,
    /// The inclusion proof.
    pub proof: Option<ProofClaim>,
    /// The digest that was logged; absent where the body cannot be read.
    pub digest: Option<String>,
}

/// An inclusion proof.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProofClaim {
    /// The entry's index in the tree.
    pub leaf_index: u64,
    /// The size of the tree.
    pub tree_size: u64,
    /// The root hash, in hexadecimal.
    pub root: String,
    /// The log's name in the checkpoint; absent where that cannot be read.
    pub origin: Option<String>,
}

/// A timestamp.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimestampClaim {
    /// The time that it states; absent where it cannot be read.
    pub time: Option<Time>,
    /// Its serial number, in hexadecimal.
    pub serial: Option<String>,
}

impl Claims {
    /// Returns what the bundle says.
    pub fn of(bundle: &Bundle) -> Self {
        let mut claims = Self {
            version: bundle.version.as_str(),
            content: "messageSignature",
            digest: None,
            subjects: Vec::new(),
            predicate_type: None,
            payload_type: None,
            certificate: bundle.certificate().map(CertificateClaim::of),
            key_hint: match &bundle.material.key {
                KeyMaterial::PublicKeyHint(hint) => Some(hint.clone()),
                KeyMaterial::Certificate(_) => None,
            },
            log_entries: bundle
                .material
                .tlog_entries
                .iter()
                .map(LogEntryClaim::of)
                .collect(),
            timestamps: bundle
                .material
                .timestamps
                .iter()
                .map(|der| TimestampClaim::of(der))
                .collect(),
            unknown_fields: bundle.unknown_fields.clone(),
        };
        match &bundle.content {
            Content::MessageSignature { digest, .. } => {
                let logged = || claims.log_entries.iter().find_map(|e| e.digest.clone());
                claims.digest = digest.as_ref().map(ToString::to_string).or_else(logged);
            }
            Content::Dsse(envelope) => {
                claims.content = "dsseEnvelope";
                claims.payload_type = Some(envelope.payload_type.clone());
                if let Ok(statement) = Statement::parse(&envelope.payload) {
                    claims.subjects = statement.subjects.iter().map(SubjectClaim::of).collect();
                    claims.predicate_type = Some(statement.predicate_type);
                }
            }
        }
        claims
    }
}

impl SubjectClaim {
    fn of(subject: &crate::intoto::Subject) -> Self {
        let digests = subject.digests.iter();
        Self {
            name: subject.name.clone(),
            digests: digests
                .map(|(name, value)| format!("{name}:{value}"))
                .collect(),
        }
    }
}

impl CertificateClaim {
    fn of(leaf: &Certificate) -> Self {
        let extensions = fulcio::all(leaf).into_iter();
        let scts = SctList::from_certificate(leaf);
        Self {
            identity: leaf.san().map(|san| san.as_str().to_owned()),
            issuer: fulcio::issuer(leaf),
            extensions: extensions
                .map(|(number, name, value)| ExtensionEvidence {
                    oid: format!("{}.{number}", fulcio::ARC),
                    name,
                    value,
                })
                .collect(),
            issued_by: leaf.issuer(),
            serial: leaf.serial_hex(),
            fingerprint: hex::encode(leaf.fingerprint()),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            scts: scts
                .iter()
                .flat_map(|list| list.as_slice())
                .map(SctClaim::of)
                .collect(),
        }
    }
}

impl SctClaim {
    fn of(sct: &signhere_pki::sct::Sct) -> Self {
        let seconds = i64::try_from(sct.timestamp_ms / 1000).unwrap_or(i64::MAX);
        Self {
            log_id: hex::encode(sct.log_id),
            time: Time::from_unix(seconds),
        }
    }
}

impl LogEntryClaim {
    fn of(entry: &TlogEntry) -> Self {
        let logged = LoggedEntry::parse(&entry.kind, &entry.version, &entry.body).ok();
        Self {
            kind: format!("{} {}", entry.kind, entry.version),
            index: entry.log_index,
            log_id: hex::encode(&entry.log_id),
            integrated_time: (entry.integrated_time != 0)
                .then(|| Time::from_unix(entry.integrated_time)),
            promise: entry.promise.is_some(),
            proof: entry.proof.as_ref().map(|proof| ProofClaim {
                leaf_index: proof.log_index,
                tree_size: proof.tree_size,
                root: hex::encode(proof.root_hash),
                origin: SignedCheckpoint::parse(proof.checkpoint.as_bytes())
                    .ok()
                    .map(|signed| signed.checkpoint.origin),
            }),
            digest: logged.map(|(logged, _)| match logged.digest {
                LoggedDigest::Signed(digest)
                | LoggedDigest::Payload(digest)
                | LoggedDigest::Envelope(digest) => digest.to_string(),
            }),
        }
    }
}

impl TimestampClaim {
    fn of(der: &[u8]) -> Self {
        let token = TimestampToken::from_response(der).ok();
        Self {
            time: token.as_ref().map(TimestampToken::gen_time),
            serial: token.as_ref().map(TimestampToken::serial_hex),
        }
    }
}
