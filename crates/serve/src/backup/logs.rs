//! A log of a copy: its lock, and exactly the tiles of the lock's size.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use signhere_log::checkpoint::SignedCheckpoint;
use signhere_log::layout::Layout;
use signhere_log::reader::{LogReader, ReadError};
use signhere_log::tile::{CHECKPOINT_PATH, TileId, TileKind, WIDTH};

use super::files::{Copier, make_dir};
use super::{BackupError, LogSummary, Progress, fail};
use crate::state::manifest::Shard;
use crate::store;

/// How often a tile is looked for that the lock promises: it is put in place right after the lock has moved.
const LOOKS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);
/// The mode of what the log publishes. The folders above are closed.
const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;

impl Copier {
    /// Copies the log of `shard` as it is now, and checks it on the way.
    pub(super) fn log(
        &mut self,
        dir: &Path,
        to: &Path,
        shard: &Shard,
        layout: Layout,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<LogSummary, BackupError> {
        let name = &shard.name;
        let (dir, to) = (dir.join(name), to.join(name));
        let storage = |error| BackupError::Storage {
            log: name.clone(),
            error,
        };
        let checkpoint = |error| BackupError::Checkpoint {
            log: name.clone(),
            error,
        };
        make_dir(&to)?;
        let objects = store::objects(&dir);
        // The lock is never behind what is published: read in this order, neither are these two.
        let published = objects.get(CHECKPOINT_PATH).map_err(storage)?;
        let lock = dir.join("lock");
        let lock = fs::read(&lock).map_err(|e| fail("read", &lock, &e))?;
        self.put(&to.join("lock"), &lock, PRIVATE)?;
        let value = store::lock(&to).map_err(storage)?.unwrap_or_default();
        let lock = SignedCheckpoint::parse(&value)
            .map_err(checkpoint)?
            .checkpoint;

        let mut source = Source {
            name,
            reader: LogReader::new(Arc::clone(&objects), layout),
            layout,
            size: lock.size,
        };
        let tiles = to.join("tiles");
        // What is published may be a batch behind, and the log will ask for the root of that size.
        let behind = published.as_deref().map(SignedCheckpoint::parse);
        if let Some(Ok(behind)) = behind
            && behind.checkpoint.size < lock.size
        {
            source.size = behind.checkpoint.size;
            self.tiles(&source, &tiles, &mut |_| {})?;
            source.size = lock.size;
        }
        self.tiles(&source, &tiles, progress)?;
        let copied = LogReader::new(store::objects(&to), layout);
        if copied
            .root(lock.size)
            .map_err(|error| source.unreadable(error))?
            != lock.root
        {
            return Err(BackupError::Root { log: name.clone() });
        }
        let published = published.unwrap_or(value);
        self.put(&tiles.join(CHECKPOINT_PATH), &published, PUBLIC)?;
        Ok(LogSummary {
            name: name.clone(),
            origin: shard.origin.clone(),
            size: lock.size,
            root: hex::encode(lock.root),
        })
    }

    /// Copies all tiles of the size, entries and the hashes over them first.
    fn tiles(
        &mut self,
        source: &Source<'_>,
        to: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), BackupError> {
        let mut say = |done: u64| {
            progress(Progress {
                log: source.name.to_owned(),
                done: done.min(source.size),
                of: source.size,
            });
        };
        say(0);
        let leaves = TileKind::Hashes { level: 0 };
        for index in 0.. {
            let kind = source.layout.kind();
            let (Some(entries), Some(hashes)) = (
                TileId::of_log(kind, index, source.size),
                TileId::of_log(leaves, index, source.size),
            ) else {
                break;
            };
            let is_there = |id: TileId| id.is_full() && to.join(id.to_string()).is_file();
            if is_there(entries) && is_there(hashes) {
                self.kept = self.kept.saturating_add(2);
            } else {
                let (bundle, leaves) = source.checked(index, hashes)?;
                self.put(&to.join(entries.to_string()), &bundle, PUBLIC)?;
                self.put(&to.join(hashes.to_string()), &leaves, PUBLIC)?;
            }
            say(index.saturating_add(1).saturating_mul(u64::from(WIDTH)));
        }
        for level in 1..64 {
            for index in 0.. {
                let kind = TileKind::Hashes { level };
                let Some(id) = TileId::of_log(kind, index, source.size) else {
                    break;
                };
                let place = to.join(id.to_string());
                if id.is_full() && place.is_file() {
                    self.kept = self.kept.saturating_add(1);
                } else {
                    self.put(&place, &source.hashes(id)?.concat(), PUBLIC)?;
                }
            }
        }
        Ok(())
    }
}

/// A log while it is copied.
struct Source<'a> {
    name: &'a str,
    reader: LogReader,
    layout: Layout,
    size: u64,
}

impl Source<'_> {
    /// The tile of entries `index` and the hashes over it, which fit each other.
    fn checked(&self, index: u64, id: TileId) -> Result<(Vec<u8>, Vec<u8>), BackupError> {
        let entries = self.wait(|| self.reader.entries(index, self.size))?;
        let hashes = self.hashes(id)?;
        let first = index.saturating_mul(u64::from(WIDTH));
        let mut bundle = Vec::new();
        for (index, (entry, hash)) in (first..).zip(entries.iter().zip(&hashes)) {
            let fits = self
                .layout
                .leaf_hash(entry)
                .is_ok_and(|found| found == *hash);
            if !fits || self.layout.push(&mut bundle, entry).is_err() {
                return Err(BackupError::Entry {
                    log: self.name.to_owned(),
                    index,
                });
            }
        }
        if entries.len() != hashes.len() {
            return Err(BackupError::Root {
                log: self.name.to_owned(),
            });
        }
        Ok((bundle, hashes.concat()))
    }

    fn hashes(&self, id: TileId) -> Result<Vec<[u8; 32]>, BackupError> {
        self.wait(|| self.reader.hashes(id))
    }

    /// What a tile holds, as soon as it is there.
    fn wait<T>(&self, read: impl Fn() -> Result<T, ReadError>) -> Result<T, BackupError> {
        let mut looks = 0;
        loop {
            match read() {
                Err(ReadError::Missing { .. }) if looks < LOOKS => {
                    looks = looks.saturating_add(1);
                    std::thread::sleep(PAUSE);
                }
                Err(error) => return Err(self.unreadable(error)),
                Ok(found) => return Ok(found),
            }
        }
    }

    fn unreadable(&self, error: ReadError) -> BackupError {
        BackupError::Read {
            log: self.name.to_owned(),
            error,
        }
    }
}
