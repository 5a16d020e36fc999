//! Which entries a log holds, by a hash of each: a cache that can always be made anew from the log.
//!
//! When it fails, an entry may be logged twice; nothing is lost by that. So no failure here stops the log,
//! and what it answers is confirmed by the log before it is believed.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};
use signhere_log::merkle::Hash;
use signhere_log::reader::ReadError;
use signhere_log::sequencer::Sequencer;
use thiserror::Error;

/// Entries kept in memory while the database cannot be written; after that the cache is given up until
/// the log is opened again.
const MAX_UNWRITTEN: usize = 65_536;

/// The cache. Without a database it knows only what it could not write.
pub(crate) struct Known {
    database: Option<Connection>,
    unwritten: HashMap<Hash, u64>,
}

#[derive(Debug, Error)]
enum KnownError {
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error(transparent)]
    Log(#[from] ReadError),
}

impl Known {
    /// The cache in the database at `path`, caught up with the log; made anew if it is damaged.
    ///
    /// `hash` says by what an entry is found; one without is not found.
    pub(crate) fn open(path: &Path, log: &Sequencer, hash: fn(&[u8]) -> Option<Hash>) -> Self {
        let database = open_database(path, log, hash).or_else(|_| {
            remove(path);
            open_database(path, log, hash)
        });
        Self {
            database: database.ok(),
            unwritten: HashMap::new(),
        }
    }

    /// Where the entry is thought to be.
    pub(crate) fn find(&self, hash: &Hash) -> Option<u64> {
        if let Some(index) = self.unwritten.get(hash) {
            return Some(*index);
        }
        let mut query = self
            .database
            .as_ref()?
            .prepare_cached("SELECT idx FROM entry WHERE hash = ?1")
            .ok()?;
        let found: Option<i64> = query.query_row([hash], |row| row.get(0)).optional().ok()?;
        u64::try_from(found?).ok()
    }

    /// Notes where new entries are.
    pub(crate) fn add(&mut self, entries: impl IntoIterator<Item = (Hash, u64)>) {
        self.unwritten.extend(entries);
        let written = match self.database.as_mut() {
            Some(database) => write(
                database,
                self.unwritten.iter().map(|(hash, index)| (*hash, *index)),
            )
            .is_ok(),
            None => false,
        };
        if written {
            self.unwritten.clear();
        } else if self.unwritten.len() > MAX_UNWRITTEN {
            // A gap would never be filled: what is written must stay a beginning of the log.
            self.database = None;
            self.unwritten.clear();
        }
    }
}

fn open_database(
    path: &Path,
    log: &Sequencer,
    hash: fn(&[u8]) -> Option<Hash>,
) -> Result<Connection, KnownError> {
    let mut database = Connection::open(path)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "NORMAL")?;
    database.execute_batch(
        "CREATE TABLE IF NOT EXISTS entry (hash BLOB PRIMARY KEY, idx INTEGER NOT NULL) WITHOUT ROWID;
         CREATE INDEX IF NOT EXISTS entry_idx ON entry (idx);",
    )?;
    let size = log.size();
    database.execute(
        "DELETE FROM entry WHERE idx >= ?1",
        params![sql_integer(size)],
    )?;
    let last: Option<i64> =
        database.query_row("SELECT max(idx) FROM entry", [], |row| row.get(0))?;
    let from = last
        .and_then(|last| u64::try_from(last).ok())
        .map_or(0, |last| last.saturating_add(1));
    catch_up(&mut database, log, hash, from, size)?;
    Ok(database)
}

/// Notes the entries from index `from` on, a tile at a time.
fn catch_up(
    database: &mut Connection,
    log: &Sequencer,
    hash: fn(&[u8]) -> Option<Hash>,
    from: u64,
    size: u64,
) -> Result<(), KnownError> {
    let width = u64::from(signhere_log::tile::WIDTH);
    let mut next = from;
    while next < size {
        let tile = next / width;
        let first = tile.saturating_mul(width);
        let entries = log.reader().entries(tile, size)?;
        let indices = (first..size)
            .zip(&entries)
            .filter(|(index, _)| *index >= from);
        write(
            database,
            indices.filter_map(|(index, entry)| Some((hash(entry)?, index))),
        )?;
        next = first.saturating_add(width);
    }
    Ok(())
}

fn write(
    database: &mut Connection,
    entries: impl Iterator<Item = (Hash, u64)>,
) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    {
        let mut insert = transaction
            .prepare_cached("INSERT OR REPLACE INTO entry (hash, idx) VALUES (?1, ?2)")?;
        for (hash, index) in entries {
            insert.execute(params![hash, sql_integer(index)])?;
        }
    }
    transaction.commit()
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
