//! Records of earlier runs.

use std::path::Path;

use signhere_git::cache::{Cache, CacheError, Context, Key};
use signhere_git::object::ObjectId;

use super::open::VERDICTS;
use super::record::Record;
use crate::env;

/// The program by whose verdicts these are, and the version of the records.
const PROGRAM: &str = concat!("signhere ", env!("CARGO_PKG_VERSION"), " record 2");

/// Records of earlier runs.
#[derive(Debug)]
pub(super) struct Cached {
    cache: Cache,
    /// The policy, alone and with all notes: notes may prove what was not proven, and nothing else.
    policy: [u8; 32],
    policy_and_notes: [u8; 32],
}

impl Cached {
    /// The records that were reached with this trust for this ref; `None` where there is no home for them.
    pub(super) fn open(
        trust: &[u8; 32],
        reference: &str,
        policy: [u8; 32],
        policy_and_notes: [u8; 32],
        judged: &[&Path],
    ) -> Result<Option<Self>, CacheError> {
        let Some(folder) = env::cache_dir() else {
            return Ok(None);
        };
        let context = Context::new(PROGRAM, trust, reference);
        let cache = Cache::open(&folder.join(VERDICTS), context, judged)?;
        Ok(Some(Self {
            cache,
            policy,
            policy_and_notes,
        }))
    }

    /// The record of an object, if one was kept.
    pub(super) fn find(&self, id: &ObjectId) -> Option<Record> {
        let found = [&self.policy, &self.policy_and_notes]
            .into_iter()
            .find_map(|policy| self.cache.find(&Key::new(id, policy)))?;
        let mut record: Record = serde_json::from_slice(&found).ok()?;
        record.is_kept = true;
        let is_whole = record.object == id.to_string()
            && !(record.verified && record.error.is_some())
            && record
                .error
                .as_ref()
                .is_none_or(|error| error.error().is_some());
        is_whole.then_some(record)
    }

    /// Keeps what was decided. What could not be read was not.
    pub(super) fn keep(&self, id: &ObjectId, record: &Record) -> Result<(), CacheError> {
        let policy = match record.outcome.as_str() {
            "unreadable" => return Ok(()),
            "verified" | "exempt" => &self.policy,
            _ => &self.policy_and_notes,
        };
        let Ok(text) = serde_json::to_vec(record) else {
            return Ok(());
        };
        self.cache.keep(Key::new(id, policy), &text)
    }

    /// Writes what is still to be written.
    pub(super) fn finish(&self) -> Result<(), CacheError> {
        self.cache.flush()
    }
}
