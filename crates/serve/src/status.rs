//! What an instance knows of itself at one moment, and what follows from it.
//!
//! The assembly states [`Facts`]; [`report::Report`] is what people and programs are shown: the same facts,
//! what is wrong, and the last entries.

pub(crate) mod entries;
pub(crate) mod judge;
pub mod report;
#[cfg(test)]
pub(crate) mod sample;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use signhere_log::checkpoint::SignedCheckpoint;
use signhere_log::layout::Layout;
use signhere_log::merkle::Hash;
use signhere_log::reader::LogReader;
use signhere_log::storage::Objects;
use signhere_log::tile::CHECKPOINT_PATH;
use signhere_pki::time::Time;

use crate::issuers::IssuerHealth;

/// The target of the events that name people, `tracing`'s way: shown only where addresses may be.
pub const NAMES_PEOPLE: &str = "signhere::identity";

pub(crate) use report::{ExpiryKind, LogKind, ServiceState};

/// Gives the facts of the moment. Cheap, but it may read files.
pub(crate) type Source = Arc<dyn Fn() -> Facts + Send + Sync>;

/// What the assembly knows of the instance at one moment.
pub(crate) struct Facts {
    /// The id of the state folder.
    pub(crate) id: String,
    /// What clients use.
    pub(crate) url: String,
    pub(crate) started: Time,
    pub(crate) now: Time,
    pub(crate) services: Vec<ServiceFacts>,
    pub(crate) logs: Vec<LogFacts>,
    /// Of what is in use: nothing retired.
    pub(crate) expiries: Vec<Expiry>,
    pub(crate) issuers: Vec<IssuerFacts>,
    pub(crate) witnesses: Vec<WitnessFacts>,
    /// How the log stands with its witnesses together, if it asks any.
    pub(crate) quorum: Option<QuorumFacts>,
    /// What is wrong with the clock, if anything.
    pub(crate) clock: Option<String>,
    /// Why keys are not taken into use and metadata is not signed again, if so.
    pub(crate) upkeep: Option<String>,
}

/// A service of the instance.
pub(crate) struct ServiceFacts {
    /// `ca`, `ct`, `log`, `tsa`, `tuf`, `oidc` or `witness`.
    pub(crate) name: &'static str,
    pub(crate) state: ServiceState,
    pub(crate) url: Option<String>,
    /// Why it does not answer as it should.
    pub(crate) problem: Option<String>,
}

/// A log, and where it can be read.
#[derive(Clone)]
pub(crate) struct LogFacts {
    /// The shard's name: `log-1`.
    pub(crate) name: String,
    pub(crate) kind: LogKind,
    pub(crate) origin: String,
    /// The path on this listener under which its checkpoint and tiles are read: empty, or `/log-1`.
    pub(crate) prefix: String,
    /// Whether new entries go there.
    pub(crate) active: bool,
    pub(crate) end: Option<Time>,
    pub(crate) failure: Option<String>,
    /// Whether only a restart mends that.
    pub(crate) has_ended: bool,
    /// Entries in its queue.
    pub(crate) waiting: Option<usize>,
    /// The folder of the log.
    pub(crate) folder: PathBuf,
    pub(crate) objects: Arc<dyn Objects>,
}

/// When something in use ends.
pub(crate) struct Expiry {
    pub(crate) kind: ExpiryKind,
    /// A role's or a certificate's name: `timestamp`, `ca-1`.
    pub(crate) what: String,
    pub(crate) at: Time,
}

/// An issuer of identities, and how it was last reached.
pub(crate) struct IssuerFacts {
    pub(crate) url: String,
    pub(crate) keys_fetched: Option<Time>,
    pub(crate) failing_since: Option<Time>,
}

impl From<IssuerHealth> for IssuerFacts {
    fn from(health: IssuerHealth) -> Self {
        Self {
            url: health.url,
            keys_fetched: health.keys_fetched,
            failing_since: health.failing_since,
        }
    }
}

/// A witness, and how it last answered.
pub(crate) struct WitnessFacts {
    pub(crate) name: String,
    pub(crate) cosigned_at: Option<Time>,
    pub(crate) failing_since: Option<Time>,
    /// Requests that brought no cosignature, since the start.
    pub(crate) failures: u64,
}

/// A log's witnesses together.
#[derive(Clone, Copy)]
pub(crate) struct QuorumFacts {
    /// Whether checkpoints are published without a quorum.
    pub(crate) fails_open: bool,
    /// Since when no quorum has cosigned; none while one does.
    pub(crate) missing_since: Option<Time>,
}

/// The checkpoint that a log has published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) size: u64,
    pub(crate) root: Hash,
    /// The signed note.
    pub(crate) note: String,
}

impl LogFacts {
    /// The published checkpoint, or why it cannot be read. Blocks.
    pub(crate) fn published(&self) -> Result<Published, String> {
        let bytes = self
            .objects
            .get(CHECKPOINT_PATH)
            .map_err(|error| error.to_string())?
            .ok_or_else(|| "no checkpoint is published".to_owned())?;
        let signed = SignedCheckpoint::parse(&bytes).map_err(|error| error.to_string())?;
        Ok(Published {
            size: signed.checkpoint.size,
            root: signed.checkpoint.root,
            note: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }

    /// When the checkpoint was put in place, by the file system. Blocks.
    pub(crate) fn published_at(&self) -> Option<Time> {
        modified(&self.folder.join("tiles").join(CHECKPOINT_PATH))
    }

    /// The log's entries and hashes.
    pub(crate) fn reader(&self) -> LogReader {
        let layout = match self.kind {
            LogKind::Signatures => Layout::Entries,
            LogKind::Certificates => Layout::StaticCt,
        };
        LogReader::new(Arc::clone(&self.objects), layout)
    }
}

fn modified(path: &Path) -> Option<Time> {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    let since = modified.ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Time::from_unix(i64::try_from(since.as_secs()).ok()?))
}
