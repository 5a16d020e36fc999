//! What can keep an instance from being made, opened or served.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use signhere_log::policy::PolicyError;
use signhere_log::sequencer::SequencerError;
use signhere_log::storage::StorageError;
use signhere_pki::time::Time;
use thiserror::Error;

use crate::config::ConfigError;
use crate::store::Place;
use crate::tuf::RepositoryError;
pub use crate::witness::logs::{LogsError, LogsFault};

use crate::state::seal::UnlockKind;

/// A fact that keeps an instance from being made, opened or served.
#[derive(Debug, Clone, Error, PartialEq)]
#[non_exhaustive]
pub enum ServeError {
    /// A file operation in the state folder failed.
    #[error("cannot {action} {path}: {kind}", path = path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        kind: io::ErrorKind,
    },
    /// Another process, or another instance in this one, holds the folder.
    #[error("{path} is in use by another instance", path = path.display())]
    InUse {
        /// The state folder.
        path: PathBuf,
    },
    /// There is no instance in the folder.
    #[error("there is no instance in {path}", path = path.display())]
    NoInstance {
        /// The folder.
        path: PathBuf,
    },
    /// There is an instance in the folder already.
    #[error("there is an instance in {path} already, and it is not overwritten", path = path.display())]
    AlreadyMade {
        /// The folder.
        path: PathBuf,
    },
    /// The configuration file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder has files that no instance made.
    #[error("{path} is not an instance: it holds {found}", path = path.display())]
    NotAnInstance {
        /// The state folder.
        path: PathBuf,
        /// The first name that does not belong.
        found: String,
    },
    /// The folder has logs, but the keys they were signed with are gone.
    #[error("{path} holds {found} but no keys: restore its `keys` folder", path = path.display())]
    KeysMissing {
        /// The state folder.
        path: PathBuf,
        /// The part that was found.
        found: String,
    },
    /// One file of the instance's keys and certificates is missing or unreadable as what it should be.
    #[error("{path} is not {expected}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
    },
    /// A key and the certificate that names it do not belong together.
    #[error("the key in {key} is not the one certified in {certificate}", key = key.display(), certificate = certificate.display())]
    KeyMismatch {
        /// The key file.
        key: PathBuf,
        /// The certificate file.
        certificate: PathBuf,
    },
    /// A private key was taken away, or never came back.
    #[error("the private key {path} is not there", path = path.display())]
    KeyAbsent {
        /// The key file.
        path: PathBuf,
    },
    /// The secret is not the one that the keys were sealed under.
    #[error("this {unlock} does not open {path}", path = path.display())]
    WrongSecret {
        /// The sealed file.
        path: PathBuf,
        /// What was tried.
        unlock: UnlockKind,
    },
    /// The secret that opens the keys is missing or empty.
    #[error("the {unlock} that opens the keys is missing or empty: {path}", path = path.display())]
    SecretMissing {
        /// What is missing.
        unlock: UnlockKind,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The keys were sealed under another kind of secret.
    #[error("the keys are opened by a {expected}, not by a {found}")]
    OtherUnlock {
        /// What opens them.
        expected: UnlockKind,
        /// What was given.
        found: UnlockKind,
    },
    /// A new key of a role would begin before the latest one.
    #[error("{name} cannot start at {start}: the one before it starts at {before}")]
    ShardTooEarly {
        /// The name of the new key.
        name: String,
        /// When it was to begin.
        start: Time,
        /// When the latest one begins.
        before: Time,
    },
    /// The listener's certificate or its key cannot be used.
    #[error("TLS: {path}: {reason}", path = path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why not; holds no secret.
        reason: String,
    },
    /// A secret file or folder can be read by others.
    #[error("{path} is open to others (mode {mode:03o}), it must be closed to all but its owner", path = path.display())]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else's folder: what this process wrote there, its owner could not read.
    #[error("{path} belongs to user {owner}, and this process is user {user}", path = path.display())]
    Owner {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who this process is.
        user: u32,
    },
    /// The folder was written by a version of signhere that this one does not know.
    #[error("{path} has state version {found}, this signhere knows {expected}", path = path.display())]
    StateVersion {
        /// The description file.
        path: PathBuf,
        /// The version in it.
        found: u64,
        /// The version that can be read.
        expected: u64,
    },
    /// The clock is earlier than the moment the instance was made.
    #[error("the clock says {now}, but the instance was made at {created}")]
    ClockBehind {
        /// When the instance was made.
        created: Time,
        /// What the clock said.
        now: Time,
    },
    /// The clock is earlier than a timestamp that was given.
    #[error("the clock says {now}, but a timestamp was given at {given}")]
    ClockSetBack {
        /// The time of that timestamp.
        given: Time,
        /// What the clock said.
        now: Time,
        /// The file that remembers it.
        mark: PathBuf,
    },
    /// Without TLS an instance listens on loopback only.
    #[error("{address} is not a loopback address")]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The listener handed to `serve` is not the one the instance was opened for.
    #[error("the instance was opened for {expected}, the listener is on {found}")]
    OtherListener {
        /// The address in the configuration.
        expected: SocketAddr,
        /// The address of the listener.
        found: SocketAddr,
    },
    /// A service is switched on without one that it needs.
    #[error("the service {service} needs {needs}")]
    ServiceNeeds {
        /// The service that is on.
        service: &'static str,
        /// The service that is off.
        needs: &'static str,
    },
    /// Keys or certificates could not be made.
    #[error("cannot make {what}: {reason}")]
    Make {
        /// What was being made.
        what: &'static str,
        /// The reason given by the cryptographic layer; holds no secret.
        reason: String,
    },
    /// A log refused to open or to go on.
    #[error("the {log} log cannot be opened: {reason}")]
    Log {
        /// Which of the instance's logs.
        log: &'static str,
        /// The reason given by the sequencer or its storage.
        reason: String,
    },
    /// A log has entries, but the mark of how far it had got is not there: the folder may be an older copy.
    #[error("the {log} log cannot be opened: it has {size} entries, but its high-water mark {mark} is missing", mark = mark.display())]
    MarkMissing {
        /// Which of the instance's logs.
        log: &'static str,
        /// How many entries it has.
        size: u64,
        /// Where the mark is kept.
        mark: PathBuf,
        /// The published checkpoint, which can be made the mark.
        checkpoint: PathBuf,
    },
    /// A log has fewer entries than it has signed for: the folder is an older copy.
    #[error("the {log} log cannot be opened: it has signed for {marked} entries, but {folder} holds {size}", folder = folder.display())]
    RolledBack {
        /// Which of the instance's logs.
        log: &'static str,
        /// The size of its high-water mark.
        marked: u64,
        /// How many entries it has.
        size: u64,
        /// Where the log is kept.
        folder: PathBuf,
    },
    /// The policy of a log's witnesses cannot be read.
    #[error("{path}: {error}", path = path.display())]
    WitnessPolicy {
        /// The file.
        path: PathBuf,
        /// The line, and what is wrong with it.
        error: PolicyError,
    },
    /// The list of the logs that the instance witnesses cannot be read.
    #[error("{path}: {error}", path = path.display())]
    WitnessedLogs {
        /// The file.
        path: PathBuf,
        /// The line, and what is wrong with it.
        error: LogsError,
    },
    /// The policy gives a witness an address that cannot be asked.
    #[error(
        "the witness {witness} has the address {found:?}: http:// or https:// and a host were expected"
    )]
    WitnessUrl {
        /// The witness's name in the policy.
        witness: String,
        /// The start of the address.
        found: String,
    },
    /// The witnesses of the policy that have an address are no quorum.
    #[error("the policy's quorum needs witnesses that it gives no address")]
    QuorumOutOfReach,
    /// The memory of the instance as a witness is missing or damaged.
    #[error("the witness's memory {path} cannot be used: {reason}", path = path.display())]
    WitnessMemory {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The path of the control socket does not fit into what the system takes (`sun_path`).
    #[error("{path} is too long for a socket: the limit is {limit} bytes", path = path.display())]
    SocketPath {
        /// The socket.
        path: PathBuf,
        /// The most bytes a path may have.
        limit: usize,
    },
    /// A task of the instance panicked. A defect.
    #[error("a task of the instance panicked")]
    Panicked,
    /// The TUF repository cannot be read or changed.
    #[error("the TUF repository: {0}")]
    Tuf(RepositoryError),
    /// The address of the metrics cannot be listened on.
    #[error("cannot listen on {address} for metrics: {kind}")]
    MetricsListener {
        /// The address in the configuration.
        address: SocketAddr,
        /// Why not.
        kind: io::ErrorKind,
    },
    /// The listener or the runtime failed.
    #[error("cannot serve: {kind}")]
    Listener {
        /// Why.
        kind: io::ErrorKind,
    },
}

impl ServeError {
    pub(crate) fn file(action: &'static str, path: &Path, source: &io::Error) -> Self {
        Self::File {
            action,
            path: path.to_path_buf(),
            kind: source.kind(),
        }
    }

    pub(crate) fn make(what: &'static str, reason: &impl ToString) -> Self {
        Self::Make {
            what,
            reason: reason.to_string(),
        }
    }

    /// Why what `log` keeps cannot be written; a file is named as such.
    /// Whether nothing is wrong but that a disk has no room.
    pub(crate) fn is_for_want_of_room(&self) -> bool {
        match self {
            Self::File { kind, .. } => is_full(*kind),
            Self::Tuf(RepositoryError::Folder(error)) => error.is_for_want_of_room(),
            _ => false,
        }
    }

    pub(crate) fn storage(log: &'static str, error: &StorageError) -> Self {
        match error {
            StorageError::Io {
                operation,
                path,
                kind,
                ..
            } => Self::File {
                action: operation,
                path: path.into(),
                kind: *kind,
            },
            error => Self::log(log, error),
        }
    }

    pub(crate) fn log(log: &'static str, reason: &impl ToString) -> Self {
        Self::Log {
            log,
            reason: reason.to_string(),
        }
    }

    /// Why the log at `place` does not open.
    pub(crate) fn open_log(log: &'static str, place: &Place, error: &SequencerError) -> Self {
        match error {
            SequencerError::Storage(error) => Self::storage(log, error),
            SequencerError::HighWaterMissing { size } => Self::MarkMissing {
                log,
                size: *size,
                mark: place.high_water.clone(),
                checkpoint: place.checkpoint(),
            },
            SequencerError::RolledBack { marked, lock } => Self::RolledBack {
                log,
                marked: *marked,
                size: *lock,
                folder: place.folder.clone(),
            },
            error => Self::log(log, error),
        }
    }
}

/// Whether an operation has failed for want of room.
pub(crate) fn is_full(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
