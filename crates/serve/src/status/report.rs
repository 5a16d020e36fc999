//! The document of `GET /api/status`, which `signhere serve status` and the web page show.

use serde::{Deserialize, Serialize};
use signhere_pki::time::Time;

/// The version of this form. It changes when a field changes its meaning.
pub const VERSION: u32 = 1;

/// An instance at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// The version of signhere that runs.
    pub program: String,
    /// The id of the state folder.
    pub id: String,
    /// What clients use.
    pub url: String,
    /// When the report was made, by the instance's clock.
    pub now: Time,
    /// When the instance was started.
    pub started: Time,
    /// Whether there is no fault.
    pub ready: bool,
    /// What is wrong, faults first.
    pub problems: Vec<Problem>,
    /// The services, those that are off too.
    pub services: Vec<Service>,
    /// The logs, active ones first.
    pub logs: Vec<Log>,
    /// When what is in use ends, soonest first.
    pub expiries: Vec<Expiry>,
    /// Who vouches for identities.
    pub issuers: Vec<Issuer>,
    /// Who watches the logs.
    pub witnesses: Vec<Witness>,
    /// The newest entries of the active signature log, newest first.
    pub entries: Vec<Entry>,
}

/// Something that is wrong, or soon will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Whether it keeps the instance from working.
    pub severity: Severity,
    /// What kind of problem it is, stable: for programs.
    pub code: String,
    /// What has it: the name of a service, log, certificate, role, issuer or witness.
    pub what: String,
    /// What is wrong: for people.
    pub message: String,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Some of the instance does not work.
    Fault,
    /// All works; somebody should act.
    Warning,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// `ca`, `ct`, `log`, `tsa`, `tuf`, `oidc` or `witness`.
    pub name: String,
    /// Whether it is part of this instance.
    pub state: ServiceState,
    /// Where it is.
    pub url: Option<String>,
    /// Why it does not answer as it should.
    pub problem: Option<String>,
}

/// Whether a service is part of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ServiceState {
    /// It runs here.
    On,
    /// There is none.
    Off,
    /// Another takes its place.
    External,
}

/// A log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// The shard's name: `log-1`.
    pub name: String,
    /// What it holds.
    pub kind: LogKind,
    /// The name it signs under.
    pub origin: String,
    /// Where its checkpoint and tiles are read.
    pub url: String,
    /// Whether new entries go there.
    pub active: bool,
    /// When its key stops being used.
    pub end: Option<Time>,
    /// Entries under the published checkpoint.
    pub size: Option<u64>,
    /// The root hash of the published checkpoint, lower-case hexadecimal.
    pub root: Option<String>,
    /// When the checkpoint was published.
    pub checkpoint_at: Option<Time>,
    /// Entries that wait to be logged.
    pub waiting: Option<u64>,
    /// Why it has stopped.
    pub failure: Option<String>,
}

/// What a log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LogKind {
    /// Signatures: Rekor's entries.
    Signatures,
    /// Certificates.
    Certificates,
}

/// When something in use ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expiry {
    /// What kind of thing it is.
    pub kind: ExpiryKind,
    /// Its name: a certificate's, or a TUF role's.
    pub what: String,
    /// Its end.
    pub at: Time,
    /// Whole days until then; negative when it is past.
    pub days_left: i64,
    /// How urgent it is; `None` when there is time.
    pub severity: Option<Severity>,
}

/// What can expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExpiryKind {
    /// A certificate of a CA or a timestamp authority, or of TLS.
    Certificate,
    /// The metadata of a TUF role.
    Tuf,
}

/// Who vouches for identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// Its URL, as it stands in tokens.
    pub url: String,
    /// When its keys were last fetched.
    pub keys_fetched: Option<Time>,
    /// Since when they cannot be fetched.
    pub failing_since: Option<Time>,
}

/// Who watches the logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Witness {
    /// The name of its key.
    pub name: String,
    /// When it last cosigned.
    pub cosigned_at: Option<Time>,
    /// Since when it does not.
    pub failing_since: Option<Time>,
    /// Requests that brought no cosignature, since the start.
    pub failures: u64,
}

/// An entry of a signature log, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The log's name.
    pub log: String,
    /// Where it stands.
    pub index: u64,
    /// The algorithm of the digest: `sha256`.
    pub algorithm: Option<String>,
    /// The digest of what was signed, lower-case hexadecimal.
    pub digest: Option<String>,
    /// Who signed: the certificate's name. `None` with a bare key.
    pub identity: Option<String>,
    /// Who vouched for the name.
    pub issuer: Option<String>,
    /// From when the certificate was valid.
    pub not_before: Option<Time>,
    /// Until when the certificate was valid.
    pub not_after: Option<Time>,
    /// SHA-256 of the bare key's SPKI, lower-case hexadecimal.
    pub key: Option<String>,
}

impl Report {
    /// Whether there is any fault.
    pub fn faults(&self) -> impl Iterator<Item = &Problem> {
        let faults = |problem: &&Problem| problem.severity == Severity::Fault;
        self.problems.iter().filter(faults)
    }
}
