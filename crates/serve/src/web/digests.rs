//! Which entries are about a digest: a table beside the log that can always be made anew from it.
//!
//! The thread that sequences the log knows nothing of it. It follows the published checkpoint when
//! somebody searches, a bounded number of entries at a time, and what it answers is confirmed by the entry itself.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use signhere_log::reader::LogReader;
use signhere_log::tile::WIDTH;
use signhere_pki::digest::{Digest, HashAlgorithm};
use tokio::time::Instant;

use crate::http::problem::Problem;
use crate::status::report::Entry;
use crate::status::{LogFacts, entries};

const FILE: &str = "digests.sqlite";
/// Time that a search may spend on entries that were never looked at.
const CATCH_UP: Duration = Duration::from_secs(5);
/// Entries that one search finds.
const MOST: usize = 100;

/// A digest that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sought(Digest);

impl FromStr for Sought {
    type Err = &'static str;

    /// `sha256:HEX`, or the hexadecimal digits alone, whose number tells the algorithm.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORMS: &str = "a digest is sha256:, sha384: or sha512: and its hexadecimal digits";
        let text = text.trim();
        let (algorithm, hex) = match text.split_once(':') {
            Some((name, hex)) => (HashAlgorithm::from_name(name), hex),
            None => (
                [
                    HashAlgorithm::Sha256,
                    HashAlgorithm::Sha384,
                    HashAlgorithm::Sha512,
                ]
                .into_iter()
                .find(|algorithm| algorithm.len().saturating_mul(2) == text.len()),
                text,
            ),
        };
        let digest = Digest::from_hex(algorithm.ok_or(FORMS)?, &hex.to_ascii_lowercase());
        Ok(Self(digest.map_err(|_| FORMS)?))
    }
}

impl fmt::Display for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.algorithm().name(), self.0.hex())
    }
}

/// The tables of all signature logs.
#[derive(Default)]
pub(super) struct Digests {
    tables: Mutex<HashMap<PathBuf, Arc<Mutex<Option<Table>>>>>,
}

impl Digests {
    /// The entries of `log` for a digest, oldest first, at most [`MOST`]. Blocks.
    pub(super) fn find(&self, log: &LogFacts, sought: &Sought) -> Result<Vec<Entry>, Problem> {
        let size = log.published().map_err(Problem::unavailable)?.size;
        let table = {
            let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(tables.entry(log.folder.clone()).or_default())
        };
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = log.reader();
        let indices = match Table::search(&mut table, &log.folder, &reader, size, sought) {
            Ok(indices) => indices,
            Err(TableError::Behind) => {
                return Err(Problem::busy("the entries are being read; try again"));
            }
            Err(TableError::Unusable) => {
                return Err(Problem::unavailable("the entries cannot be searched"));
            }
        };
        let mut found = Vec::new();
        for index in indices {
            let body = reader
                .entry(index, size)
                .map_err(|_| Problem::unavailable("the log cannot be read"))?;
            if entries::digest(&body).as_ref() == Some(&sought.0) {
                found.push(entries::summary(&log.name, index, &body));
            }
        }
        Ok(found)
    }
}

/// Rows of the first eight bytes of a digest and an index.
struct Table {
    database: Connection,
    /// Entries that have been looked at: a beginning of the log.
    read: u64,
}

enum TableError {
    /// There is more to read than one search may.
    Behind,
    /// The log or the database fails.
    Unusable,
}

impl From<rusqlite::Error> for TableError {
    fn from(_: rusqlite::Error) -> Self {
        Self::Unusable
    }
}

impl Table {
    /// Where the digest may stand. A table that fails is made anew, once.
    fn search(
        table: &mut Option<Self>,
        folder: &Path,
        reader: &LogReader,
        size: u64,
        sought: &Sought,
    ) -> Result<Vec<u64>, TableError> {
        let path = folder.join(FILE);
        let search = |table: &mut Option<Self>| {
            let table = match table {
                Some(table) if table.read <= size => table,
                table => table.insert(Self::open(&path, size)?),
            };
            table.catch_up(reader, size)?;
            table.rows(sought)
        };
        match search(table) {
            Err(TableError::Unusable) => {
                *table = None;
                remove(&path);
                search(table)
            }
            found => found,
        }
    }

    fn open(path: &Path, size: u64) -> Result<Self, TableError> {
        let database = Connection::open(path)?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "NORMAL")?;
        database.execute_batch(
            "CREATE TABLE IF NOT EXISTS digest (start INTEGER, idx INTEGER, PRIMARY KEY (start, idx)) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), entries INTEGER NOT NULL);",
        )?;
        let found: Option<i64> = database
            .query_row("SELECT entries FROM progress", [], |row| row.get(0))
            .optional()?;
        let read = found
            .map_or(Ok(0), u64::try_from)
            .map_err(|_| TableError::Unusable)?;
        // A table of a longer log is of another one.
        if read > size {
            return Err(TableError::Unusable);
        }
        Ok(Self { database, read })
    }

    fn catch_up(&mut self, reader: &LogReader, size: u64) -> Result<(), TableError> {
        let until = Instant::now() + CATCH_UP;
        let width = u64::from(WIDTH);
        while self.read < size {
            if Instant::now() >= until {
                return Err(TableError::Behind);
            }
            let transaction = self.database.transaction()?;
            let mut next = self.read;
            {
                let mut insert = transaction
                    .prepare_cached("INSERT OR IGNORE INTO digest (start, idx) VALUES (?1, ?2)")?;
                // A few tiles a transaction: one is too small to be worth its sync.
                for tile in (next / width..).take(16) {
                    let first = tile.saturating_mul(width);
                    if first >= size {
                        break;
                    }
                    let entries = reader
                        .entries(tile, size)
                        .map_err(|_| TableError::Unusable)?;
                    for (index, body) in (first..).zip(entries) {
                        if index < next {
                            continue;
                        }
                        if let Some(digest) = entries::digest(&body) {
                            insert.execute(params![start(&digest), sql_integer(index)?])?;
                        }
                        next = index.saturating_add(1);
                    }
                }
            }
            if next == self.read {
                return Err(TableError::Unusable);
            }
            transaction.execute(
                "INSERT INTO progress (one, entries) VALUES (1, ?1)
                 ON CONFLICT (one) DO UPDATE SET entries = excluded.entries",
                params![sql_integer(next)?],
            )?;
            transaction.commit()?;
            self.read = next;
        }
        Ok(())
    }

    fn rows(&self, sought: &Sought) -> Result<Vec<u64>, TableError> {
        let mut query = self
            .database
            .prepare_cached("SELECT idx FROM digest WHERE start = ?1 ORDER BY idx LIMIT ?2")?;
        let limit = i64::try_from(MOST).unwrap_or(i64::MAX);
        let rows = query.query_map(params![start(&sought.0), limit], |row| row.get::<_, i64>(0))?;
        rows.map(|row| u64::try_from(row?).map_err(|_| TableError::Unusable))
            .collect()
    }
}

/// The first eight bytes of a digest, as SQLite keeps integers.
fn start(digest: &Digest) -> i64 {
    let first = digest.as_bytes().first_chunk::<8>();
    first.map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

fn sql_integer(index: u64) -> Result<i64, TableError> {
    i64::try_from(index).map_err(|_| TableError::Unusable)
}

/// What cannot be removed cannot be opened either, which the next search says.
fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let _ = fs::remove_file(PathBuf::from(name));
    }
}
