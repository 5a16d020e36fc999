//! The full check of a stored log: everything recomputed from the entries up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::layout::Layout;
use crate::merkle::Hash;
use crate::note::NoteVerifier;
use crate::proof::{self, Nodes};
use crate::reader::{LogReader, ReadError};
use crate::storage::{Objects, StorageError};
use crate::tile::{CHECKPOINT_PATH, HEIGHT, TileError, TileId, TileKind, WIDTH};
use crate::tree::{NotKept, Place, TileNodes, Tree};

/// Checks that the stored log is what its published checkpoint says: every entry, every tile, the root and the
/// signature. On one thread; see [`fsck_with`].
///
/// # Errors
/// The first thing that is missing or differs.
pub fn fsck(
    objects: &Arc<dyn Objects>,
    layout: Layout,
    origin: &str,
    verifier: &NoteVerifier,
) -> Result<FsckReport, FsckError> {
    fsck_with(objects, layout, origin, verifier, 1, &|_, _| {})
}

/// As [`fsck`], with `jobs` threads that read entries; `progress` is told how many tiles of entries are done, of
/// how many.
///
/// Each thread has one tile of entries in memory, so memory does not grow with the log.
///
/// # Errors
/// The first thing that is missing or differs, in the order of the log.
pub fn fsck_with(
    objects: &Arc<dyn Objects>,
    layout: Layout,
    origin: &str,
    verifier: &NoteVerifier,
    jobs: usize,
    progress: &dyn Fn(u64, u64),
) -> Result<FsckReport, FsckError> {
    let bytes = objects.get(CHECKPOINT_PATH)?;
    let bytes = bytes.ok_or_else(|| FsckError::Missing {
        path: CHECKPOINT_PATH.to_owned(),
    })?;
    let checkpoint = SignedCheckpoint::parse(&bytes)?
        .verify(origin, verifier)?
        .clone();
    let size = checkpoint.size;
    let total = size.div_ceil(u64::from(WIDTH));
    let work = Work {
        reader: LogReader::new(Arc::clone(objects), layout),
        layout,
        size,
        total,
        next: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    };
    let jobs = jobs.clamp(1, 64);
    let mut above = Above::default();
    let mut tiles = thread::scope(|scope| {
        let (results, inbox) = sync_channel(jobs);
        for _ in 0..jobs {
            let results = results.clone();
            let work = &work;
            scope.spawn(move || work.run(&results));
        }
        drop(results);
        let mut early = BTreeMap::new();
        let mut done = 0_u64;
        let mut tiles = 0_u64;
        for (tile, checked) in inbox {
            early.insert(tile, checked);
            while let Some(checked) = early.remove(&done) {
                let compared = checked.and_then(|nodes| above.add(objects, nodes));
                match compared {
                    Ok(count) => tiles = tiles.saturating_add(count),
                    Err(error) => {
                        work.is_over.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                }
                done = done.saturating_add(1);
                progress(done, total);
            }
        }
        Ok(tiles)
    })?;
    tiles = tiles.saturating_add(compare(objects, above.partial())?);
    let found = proof::root(&above, size)?;
    if found != checkpoint.root {
        return Err(FsckError::Root {
            expected: checkpoint.root,
            found,
        });
    }
    Ok(FsckReport { checkpoint, tiles })
}

/// The lowest tiles, which any number of threads may check in any order.
struct Work {
    reader: LogReader,
    layout: Layout,
    size: u64,
    total: u64,
    next: AtomicU64,
    is_over: AtomicBool,
}

impl Work {
    fn run(&self, results: &SyncSender<(u64, Result<TileNodes, FsckError>)>) {
        while !self.is_over.load(Ordering::Relaxed) {
            let tile = self.next.fetch_add(1, Ordering::Relaxed);
            // Nobody listens any more once something was found.
            if tile >= self.total || results.send((tile, self.check(tile))).is_err() {
                return;
            }
        }
    }

    /// The hashes of a tile of entries, after a look at the tile where they are stored.
    fn check(&self, tile: u64) -> Result<TileNodes, FsckError> {
        let first = tile.saturating_mul(u64::from(WIDTH));
        let mut nodes = TileNodes::default();
        for (index, entry) in (first..).zip(self.reader.entries(tile, self.size)?) {
            let leaf = self.layout.leaf_hash(&entry);
            nodes.push(leaf.map_err(|error| FsckError::Entry { index, error })?);
        }
        let kind = TileKind::Hashes { level: 0 };
        if let Some(id) = TileId::of_log(kind, tile, self.size) {
            compare(self.reader.objects(), vec![(id, nodes.to_bytes())])?;
        }
        Ok(nodes)
    }
}

/// The tree above the lowest tiles, whose roots are its leaves, and the last of them if it is not full.
#[derive(Default)]
struct Above {
    tree: Tree,
    last: TileNodes,
}

impl Above {
    /// Adds the next of the lowest tiles; the number of tiles that are in order with it.
    fn add(&mut self, objects: &Arc<dyn Objects>, nodes: TileNodes) -> Result<u64, FsckError> {
        // Its entries and its hashes.
        let mut tiles = 2_u64;
        match nodes.root() {
            Some(root) => {
                self.tree.push(root);
            }
            None => self.last = nodes,
        }
        tiles = tiles.saturating_add(compare(objects, raised(self.tree.filled()))?);
        self.tree.forget_filled();
        Ok(tiles)
    }

    fn partial(&self) -> Vec<(TileId, Vec<u8>)> {
        raised(self.tree.partial())
    }
}

impl Nodes for Above {
    type Error = NotKept;

    fn node(&self, level: u32, index: u64) -> Result<Hash, NotKept> {
        match level.checked_sub(HEIGHT) {
            Some(level) => self.tree.node(level, index),
            None => {
                let place = Place::of(level, index);
                let is_last = place.tile == self.tree.size();
                let node = if is_last { self.last.node(place) } else { None };
                node.ok_or(NotKept { level, index })
            }
        }
    }
}

/// Tiles of a tree over the roots of tiles, as the log has them: one level further up.
fn raised(tiles: Vec<(TileId, Vec<u8>)>) -> Vec<(TileId, Vec<u8>)> {
    let raise = |(id, bytes): (TileId, Vec<u8>)| {
        let TileKind::Hashes { level } = id.kind() else {
            return None;
        };
        let level = level.checked_add(1)?;
        let id = TileId::new(TileKind::Hashes { level }, id.index(), id.width()).ok()?;
        Some((id, bytes))
    };
    tiles.into_iter().filter_map(raise).collect()
}

/// The number of tiles, each of which is stored as it should be.
fn compare(objects: &Arc<dyn Objects>, expected: Vec<(TileId, Vec<u8>)>) -> Result<u64, FsckError> {
    let mut tiles = 0_u64;
    for (id, bytes) in expected {
        let path = id.to_string();
        let mut stored = objects.get(&path)?;
        // A log that goes on meanwhile removes partial tiles once the full one is there, which begins like them.
        if stored.is_none() && !id.is_full() {
            stored = objects.get(&id.full().to_string())?;
            stored = stored.map(|full| id.cut(full).unwrap_or_default());
        }
        match stored {
            None => return Err(FsckError::Missing { path }),
            Some(stored) if stored != bytes => return Err(FsckError::Differs { path }),
            Some(_) => tiles = tiles.saturating_add(1),
        }
    }
    Ok(tiles)
}

/// What was found in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FsckReport {
    /// The published checkpoint.
    pub checkpoint: Checkpoint,
    /// How many tiles it covers, of hashes and of entries.
    pub tiles: u64,
}

/// What is wrong with a stored log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FsckError {
    /// An object is not there.
    #[error("{path} is missing")]
    Missing {
        /// Its path.
        path: String,
    },
    /// A tile is not what follows from the entries.
    #[error("{path} is not what follows from the entries")]
    Differs {
        /// Its path.
        path: String,
    },
    /// The entries lead to another root.
    #[error("the entries do not lead to the root of the checkpoint")]
    Root {
        /// The checkpoint's root.
        expected: Hash,
        /// The root of the entries.
        found: Hash,
    },
    /// An entry is not one of this layout.
    #[error("entry {index}: {error}")]
    Entry {
        /// The entry's index.
        index: u64,
        /// What is wrong with it.
        error: TileError,
    },
    /// The published checkpoint is refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A tile of entries is missing or malformed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The tree misses a node. A defect of this crate.
    #[error(transparent)]
    NotKept(#[from] NotKept),
}
