use serde::Serialize;
use signhere_pki::time::Time;

use super::StepName;

/// A step that was taken, with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Step {
    /// The bundle is well formed and of the sort asked for.
    Bundle(BundleEvidence),
    /// The artifact is what the bundle is about.
    Artifact(ArtifactEvidence),
    /// The signer's key made the signature.
    Signature(SignatureEvidence),
    /// Transparency logs hold the signature.
    Log(LogEvidence),
    /// When the signature was made.
    Time(TimeEvidence),
    /// The certificate was issued by a trusted authority and valid then.
    Certificate(CertificateEvidence),
    /// A certificate log holds the certificate.
    Sct(SctEvidence),
    /// The certificate is the expected identity's.
    Identity(IdentityEvidence),
    /// The key is the one given.
    Key(KeyEvidence),
    /// The signer is listed in a trust file, for this.
    Policy(PolicyEvidence),
}

/// What the bundle consists of.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleEvidence {
    /// The bundle's version, such as `0.3`.
    pub version: &'static str,
    /// `messageSignature` or `dsseEnvelope`.
    pub content: &'static str,
    /// How many log entries it carries.
    pub log_entries: usize,
    /// How many timestamps it carries.
    pub timestamps: usize,
}

/// Which artifact it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactEvidence {
    /// The digest that matched, as `sha256:<hex>`; absent where the artifact itself was signed.
    pub digest: Option<String>,
    /// The matching subject's name, for attestations.
    pub subject: Option<String>,
    /// The predicate's type, for attestations.
    pub predicate_type: Option<String>,
}

/// How the signature was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignatureEvidence {
    /// Scheme and key, such as `ECDSA P-256 with SHA-256`.
    pub scheme: String,
    /// `artifact` or `envelope`.
    pub over: &'static str,
    /// SHA-256 of the key's SubjectPublicKeyInfo, in hexadecimal.
    pub key_id: String,
}

/// The entries in transparency logs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEvidence {
    /// False when the trusted root has no log: then nothing was, or could be, proven here.
    pub required: bool,
    /// The entries, all of them verified.
    pub entries: Vec<LogEntryEvidence>,
}

/// A verified log entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntryEvidence {
    /// The log's URL.
    pub log: String,
    /// The log's id, in hexadecimal.
    pub log_id: String,
    /// Kind and version, such as `hashedrekord 0.0.2`.
    pub kind: String,
    /// The index by which the log's API finds the entry; absent where nothing signed vouches for it.
    pub index: Option<u64>,
    /// The time under the log's promise.
    pub promised_at: Option<Time>,
    /// The inclusion proof.
    pub proof: Option<ProofEvidence>,
}

/// A verified inclusion proof.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProofEvidence {
    /// The entry's index in the tree.
    pub leaf_index: u64,
    /// The size of the tree.
    pub tree_size: u64,
    /// The root hash, in hexadecimal.
    pub root: String,
    /// The origin line of the signed checkpoint; absent where there was none (v0.1 bundles).
    pub checkpoint: Option<String>,
}

/// The proven times.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeEvidence {
    /// All of them; each was checked against every validity that matters.
    pub times: Vec<TimeSource>,
}

/// A proven time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeSource {
    /// The time.
    pub time: Time,
    /// `log` (a signed promise) or `timestamp` (RFC 3161).
    pub kind: &'static str,
    /// The log's or authority's URI.
    pub authority: String,
    /// The timestamp's serial number, in hexadecimal.
    pub serial: Option<String>,
}

/// The certificate and who issued it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateEvidence {
    /// The authority's URI in the trusted root.
    pub authority: String,
    /// The issuing certificate's subject.
    pub issuer: String,
    /// The root's SHA-256, in hexadecimal.
    pub root: String,
    /// The certificate's serial number, in hexadecimal.
    pub serial: String,
    /// The certificate's SHA-256, in hexadecimal.
    pub fingerprint: String,
    /// The first second of its validity.
    pub not_before: Time,
    /// The last second of its validity.
    pub not_after: Time,
}

/// The certificate log's statement.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SctEvidence {
    /// False when the trusted root has no certificate log: then nothing was proven here.
    pub required: bool,
    /// The log's URL.
    pub log: Option<String>,
    /// The log's id, in hexadecimal.
    pub log_id: Option<String>,
    /// When the log saw the certificate.
    pub time: Option<Time>,
}

/// Who signed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityEvidence {
    /// The subject alternative name.
    pub identity: String,
    /// `email`, `uri`, `otherName` or `dns`.
    pub kind: &'static str,
    /// Who vouched for the identity.
    pub issuer: String,
    /// What says so: `certificate`, or `authority` for a certificate that names no issuer: then `issuer` is the
    /// authority's own name in the trusted root.
    pub issuer_from: &'static str,
    /// What else the issuer's token said.
    pub extensions: Vec<ExtensionEvidence>,
}

/// One of Fulcio's certificate extensions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionEvidence {
    /// Its object identifier.
    pub oid: String,
    /// What it is.
    pub name: &'static str,
    /// Its text.
    pub value: String,
}

/// The key that was given.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyEvidence {
    /// SHA-256 of its SubjectPublicKeyInfo, in hexadecimal.
    pub key_id: String,
    /// Its kind, such as `ECDSA P-256`.
    pub kind: String,
}

/// What a trust file says of the signer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyEvidence {
    /// The signer's name in the file.
    pub signer: String,
    /// The file.
    pub file: String,
}

impl Step {
    /// Returns the step's name.
    pub fn name(&self) -> StepName {
        match self {
            Self::Bundle(_) => StepName::Bundle,
            Self::Artifact(_) => StepName::Artifact,
            Self::Signature(_) => StepName::Signature,
            Self::Log(_) => StepName::Log,
            Self::Time(_) => StepName::Time,
            Self::Certificate(_) => StepName::Certificate,
            Self::Sct(_) => StepName::Sct,
            Self::Identity(_) => StepName::Identity,
            Self::Key(_) => StepName::Key,
            Self::Policy(_) => StepName::Policy,
        }
    }
}
