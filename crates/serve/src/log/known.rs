//! Which entries a log holds, by a hash of each: a cache that can always be made anew from the log.
//!
//! When it fails, an entry may be logged twice; nothing is lost by that. So no failure here stops the log,
//! and what it answers is confirmed by the log before it is believed.
//!
//! The newest entries are in memory. When there are many, a thread of their own writes them to the database,
//! in the order of its keys: random insertions one batch at a time would cost a page each, and more the
//! larger the log is.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, OptionalExtension, params};
use signhere_log::merkle::Hash;
use signhere_log::reader::ReadError;
use signhere_log::sequencer::Sequencer;
use thiserror::Error;

/// Entries that are kept in memory before they are written.
const WRITE_AT: usize = 16_384;
/// Entries that are kept in memory while they cannot be written; after that the cache is given up until the
/// log is opened again.
const MAX_UNWRITTEN: usize = 4 * WRITE_AT;
/// How much of a hash is kept: no two entries share that by accident, and if they did on purpose, the
/// log would tell them apart.
type Key = [u8; 16];

/// The cache. Without a database it knows only what it could not write.
pub(super) struct Known {
    path: PathBuf,
    hash: fn(&[u8]) -> Option<Hash>,
    database: Option<Connection>,
    /// What is not in the database.
    recent: HashMap<Key, u64>,
    writing: Option<Writing>,
    /// The entries below this index are known.
    covered: u64,
}

/// A thread that writes to the database.
struct Writing {
    entries: Arc<HashMap<Key, u64>>,
    thread: JoinHandle<rusqlite::Result<()>>,
}

#[derive(Debug, Error)]
enum KnownError {
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error(transparent)]
    Log(#[from] ReadError),
    #[error("the database knows more entries than the log has")]
    Ahead,
}

impl Known {
    /// The cache in the database at `path`, caught up with the log; made anew if it is damaged.
    ///
    /// `hash` says by what an entry is found; one without is not found.
    pub(super) fn open(path: &Path, log: &Sequencer, hash: fn(&[u8]) -> Option<Hash>) -> Self {
        let opened = open_database(path, log.size()).or_else(|_| {
            remove(path);
            open_database(path, log.size())
        });
        let (database, covered) = match opened {
            Ok((database, covered)) => (Some(database), covered),
            Err(_) => (None, log.size()),
        };
        let mut known = Self {
            path: path.to_owned(),
            hash,
            database,
            recent: HashMap::new(),
            writing: None,
            covered,
        };
        known.catch_up(log);
        known
    }

    /// Where the entry is thought to be.
    pub(super) fn find(&self, hash: &Hash) -> Option<u64> {
        let key = key(hash)?;
        let writing = self.writing.as_ref();
        let in_memory = self
            .recent
            .get(&key)
            .or_else(|| writing.and_then(|writing| writing.entries.get(&key)));
        if let Some(index) = in_memory {
            return Some(*index);
        }
        let mut query = self
            .database
            .as_ref()?
            .prepare_cached("SELECT idx FROM entry WHERE hash = ?1")
            .ok()?;
        let found: Option<i64> = query.query_row([key], |row| row.get(0)).optional().ok()?;
        u64::try_from(found?).ok()
    }

    /// Notes where new entries are: all from the end of what is known to `size`.
    pub(super) fn add(&mut self, entries: impl IntoIterator<Item = (Hash, u64)>, size: u64) {
        self.note(entries, size);
        self.settle(false);
    }

    /// Notes entries that the log has and nobody told of. What cannot be read now is read at the next call.
    pub(super) fn catch_up(&mut self, log: &Sequencer) {
        while self.covered < log.size() {
            if self.learn_tile(log).is_err() {
                return;
            }
            self.settle(true);
        }
    }

    fn learn_tile(&mut self, log: &Sequencer) -> Result<(), KnownError> {
        let width = u64::from(signhere_log::tile::WIDTH);
        let tile = self.covered / width;
        let first = tile.saturating_mul(width);
        let entries = log.reader().entries(tile, log.size())?;
        let end = first.saturating_add(u64::try_from(entries.len()).unwrap_or(width));
        let known = self.covered;
        let hashes = (first..end)
            .zip(&entries)
            .filter(|(index, _)| *index >= known)
            .filter_map(|(index, entry)| Some(((self.hash)(entry)?, index)));
        let hashes: Vec<_> = hashes.collect();
        self.note(hashes, end);
        Ok(())
    }

    fn note(&mut self, entries: impl IntoIterator<Item = (Hash, u64)>, size: u64) {
        self.covered = size;
        let keyed = entries
            .into_iter()
            .filter_map(|(hash, index)| Some((key(&hash)?, index)));
        self.recent.extend(keyed);
    }

    /// Writes what has become too much for memory; waits for that only if it is told to.
    fn settle(&mut self, wait: bool) {
        if let Some(writing) = self
            .writing
            .take_if(|writing| wait || writing.thread.is_finished())
        {
            let written = writing.thread.join();
            if !matches!(written, Ok(Ok(()))) {
                let entries = writing.entries.iter();
                self.recent
                    .extend(entries.map(|(key, index)| (*key, *index)));
            }
        }
        if self.recent.len() < WRITE_AT || self.writing.is_some() {
            return;
        }
        if self.database.is_none() || self.recent.len() > MAX_UNWRITTEN {
            // A gap would never be filled: what is written must stay a beginning of the log.
            self.database = None;
            self.recent.clear();
            return;
        }
        let entries = Arc::new(std::mem::take(&mut self.recent));
        let (path, of_thread, covered) = (self.path.clone(), Arc::clone(&entries), self.covered);
        let thread = thread::Builder::new()
            .name("known entries".to_owned())
            .spawn(move || write(&path, &of_thread, covered));
        match thread {
            Ok(thread) => self.writing = Some(Writing { entries, thread }),
            Err(_) => self.recent = HashMap::clone(&entries),
        }
    }
}

/// What is being written is written before the log is let go of.
impl Drop for Known {
    fn drop(&mut self) {
        if let Some(writing) = self.writing.take() {
            let _ = writing.thread.join();
        }
    }
}

/// The database, and how many entries it knows.
fn open_database(path: &Path, size: u64) -> Result<(Connection, u64), KnownError> {
    let database = connect(path)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.execute_batch(
        "CREATE TABLE IF NOT EXISTS entry (hash BLOB PRIMARY KEY, idx INTEGER NOT NULL) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS covered (size INTEGER NOT NULL);",
    )?;
    let covered: Option<i64> =
        database.query_row("SELECT max(size) FROM covered", [], |row| row.get(0))?;
    let covered = covered.map_or(0, |covered| u64::try_from(covered).unwrap_or(u64::MAX));
    if covered > size {
        return Err(KnownError::Ahead);
    }
    Ok((database, covered))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let database = Connection::open(path)?;
    database.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(database)
}

fn write(path: &Path, entries: &HashMap<Key, u64>, covered: u64) -> rusqlite::Result<()> {
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_unstable();
    let mut database = connect(path)?;
    let transaction = database.transaction()?;
    {
        let mut insert =
            transaction.prepare("INSERT OR REPLACE INTO entry (hash, idx) VALUES (?1, ?2)")?;
        for (key, index) in sorted {
            insert.execute(params![key, sql_integer(*index)])?;
        }
    }
    transaction.execute("DELETE FROM covered", [])?;
    transaction.execute(
        "INSERT INTO covered (size) VALUES (?1)",
        params![sql_integer(covered)],
    )?;
    transaction.commit()
}

fn key(hash: &Hash) -> Option<Key> {
    hash.first_chunk().copied()
}

/// No log grows past what SQLite can count.
fn sql_integer(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// What cannot be removed cannot be opened either, and the cache does without.
fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let _ = fs::remove_file(PathBuf::from(name));
    }
}
