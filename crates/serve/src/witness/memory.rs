//! What a witness remembers: of each log the largest checkpoint that it has cosigned.
//!
//! A witness that forgets can be shown another history. So a memory is made once, together with a mark outside of
//! its folder, and refused ever after when either is missing, or it is damaged or held by somebody else. A copy that is
//! put back has no mark: it may be older than what was cosigned.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use signhere_log::witness::TreeHead;

use crate::error::ServeError;
use crate::state::files::{SECRET, sync_dir, write_durably};

/// The memory of one witness, in a database.
pub(super) struct Memory(Connection);

/// What is remembered of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remembered {
    pub(super) head: TreeHead,
    /// The checkpoint with the log's signatures and the cosignature that was given for it first.
    pub(super) note: String,
}

impl Memory {
    /// The memory in the database at `path`; made if it was never before, which the file `mark` tells.
    pub(super) fn open(path: &Path, mark: &Path) -> Result<Self, ServeError> {
        let refuse = |reason: &dyn ToString| ServeError::WitnessMemory {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        };
        let in_making = path.with_extension("making");
        match (exists(mark)?, exists(path)?) {
            (true, true) => {}
            (false, false) => {
                write_durably(&in_making, b"", SECRET)?;
                write_durably(
                    mark,
                    b"a witness remembers here what it has cosigned\n",
                    SECRET,
                )?;
                put_in_place(&in_making, path)?;
            }
            // Broken off before anything was cosigned.
            (true, false) if exists(&in_making)? => put_in_place(&in_making, path)?,
            (true, false) => {
                return Err(refuse(
                    &"it is missing. A witness that has forgotten can be deceived: restore it, or give the witness a new key",
                ));
            }
            (false, true) => {
                return Err(refuse(
                    &"its mark is missing, as in a copy that was put back. A witness that has forgotten can be deceived: give the witness a new key",
                ));
            }
        }
        let connection = Connection::open(path).map_err(|error| refuse(&error))?;
        Self::prepare(connection).map_err(|error| refuse(&error))
    }

    fn prepare(connection: Connection) -> rusqlite::Result<Self> {
        connection.busy_timeout(Duration::ZERO)?;
        // One holder, and every commit survives a crash of the machine.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS head (
                 origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
             ) STRICT, WITHOUT ROWID;",
        )?;
        let state: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if state != "ok" {
            return Err(rusqlite::Error::InvalidQuery);
        }
        Ok(Self(connection))
    }

    /// What is remembered of the log; none if nothing was ever cosigned.
    pub(super) fn find(&self, origin: &str) -> rusqlite::Result<Option<Remembered>> {
        find(&self.0, origin)
    }

    /// Remembers `new` of the log in place of `old`, as one step. When it returns, it survives a crash.
    ///
    /// False, and nothing is changed, if what is remembered is not `old`.
    pub(super) fn replace(
        &mut self,
        origin: &str,
        old: Option<&TreeHead>,
        new: &Remembered,
    ) -> rusqlite::Result<bool> {
        let transaction = self
            .0
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = find(&transaction, origin)?.map(|remembered| remembered.head);
        if found.as_ref() != old {
            return Ok(false);
        }
        transaction.execute(
            "INSERT OR REPLACE INTO head (origin, size, root, note) VALUES (?1, ?2, ?3, ?4)",
            params![origin, sql_size(new.head.size)?, new.head.root, new.note],
        )?;
        transaction.commit()?;
        Ok(true)
    }

    /// Makes every write fail, as a disk that is full or read-only does.
    #[cfg(test)]
    pub(super) fn refuse_writes(&self, refuse: bool) {
        self.0.pragma_update(None, "query_only", refuse).unwrap();
    }
}

fn find(connection: &Connection, origin: &str) -> rusqlite::Result<Option<Remembered>> {
    let mut query =
        connection.prepare_cached("SELECT size, root, note FROM head WHERE origin = ?1")?;
    query
        .query_row([origin], |row| {
            let head = TreeHead {
                size: row_size(row.get(0)?)?,
                root: row.get(1)?,
            };
            Ok(Remembered {
                head,
                note: row.get(2)?,
            })
        })
        .optional()
}

/// A size as SQLite counts; a tree that is larger is not remembered, and so not cosigned.
fn sql_size(size: u64) -> rusqlite::Result<i64> {
    i64::try_from(size).map_err(|_| rusqlite::Error::InvalidQuery)
}

fn row_size(size: i64) -> rusqlite::Result<u64> {
    u64::try_from(size).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, size))
}

fn put_in_place(made: &Path, path: &Path) -> Result<(), ServeError> {
    fs::rename(made, path).map_err(|error| ServeError::file("put in place", path, &error))?;
    path.parent().map_or(Ok(()), sync_dir)
}

fn exists(path: &Path) -> Result<bool, ServeError> {
    path.try_exists()
        .map_err(|error| ServeError::file("look for", path, &error))
}

/// Where a witness keeps its memory, and where the mark of it.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The database.
    pub(crate) memory: PathBuf,
    /// The file that says that there was one: apart from the database, so that both are not lost at once.
    pub(crate) mark: PathBuf,
}
