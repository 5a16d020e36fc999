//! The full check of a stored log: everything recomputed from the entries up.

use std::sync::Arc;

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::layout::Layout;
use crate::merkle::Hash;
use crate::note::NoteVerifier;
use crate::reader::{LogReader, ReadError};
use crate::storage::{Objects, StorageError};
use crate::tile::{CHECKPOINT_PATH, TileError, TileId, WIDTH};
use crate::tree::{NotKept, Tree};

/// Checks that the stored log is what its published checkpoint says: every entry, every tile, the root and the signature.
///
/// Reads one tile of entries at a time, so that memory does not grow with the log.
///
/// # Errors
/// The first thing that is missing or differs.
pub fn fsck(
    objects: &Arc<dyn Objects>,
    layout: Layout,
    origin: &str,
    verifier: &NoteVerifier,
) -> Result<FsckReport, FsckError> {
    let bytes = objects.get(CHECKPOINT_PATH)?;
    let bytes = bytes.ok_or_else(|| FsckError::Missing {
        path: CHECKPOINT_PATH.to_owned(),
    })?;
    let checkpoint = SignedCheckpoint::parse(&bytes)?
        .verify(origin, verifier)?
        .clone();
    let size = checkpoint.size;
    let reader = LogReader::new(Arc::clone(objects), layout);
    let mut tree = Tree::default();
    let mut tiles = 0_u64;

    for tile in 0..size.div_ceil(u64::from(WIDTH)) {
        for (position, entry) in (0..).zip(reader.entries(tile, size)?) {
            let leaf = layout.leaf_hash(&entry).map_err(|error| FsckError::Entry {
                index: tile
                    .saturating_mul(u64::from(WIDTH))
                    .saturating_add(position),
                error,
            })?;
            tree.push(leaf);
        }
        tiles = tiles.saturating_add(1);
        tiles = tiles.saturating_add(compare(objects, tree.filled())?);
        tree.forget_filled();
    }
    tiles = tiles.saturating_add(compare(objects, tree.partial())?);
    let found = tree.root()?;
    if found != checkpoint.root {
        return Err(FsckError::Root {
            expected: checkpoint.root,
            found,
        });
    }
    Ok(FsckReport { checkpoint, tiles })
}

/// The number of tiles, each of which is stored as it should be.
fn compare(objects: &Arc<dyn Objects>, expected: Vec<(TileId, Vec<u8>)>) -> Result<u64, FsckError> {
    let mut tiles = 0_u64;
    for (id, bytes) in expected {
        let path = id.to_string();
        match objects.get(&path)? {
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
