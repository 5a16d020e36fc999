//! Reading a log from its stored tiles: entries and proofs, each for a given size.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::layout::Layout;
use crate::merkle::Hash;
use crate::proof::{self, Nodes};
use crate::storage::{Objects, StorageError};
use crate::tile::{self, HEIGHT, TileError, TileId, TileKind, WIDTH};
use crate::tree::{Place, TileNodes};

/// The bytes of a hash in a tile.
const HASH_BYTES: u64 = 32;

/// A log's stored tiles. What it answers holds only as far as it is checked against a checkpoint.
#[derive(Clone)]
pub struct LogReader {
    objects: Arc<dyn Objects>,
    layout: Layout,
}

impl LogReader {
    /// The log in `objects`, its entries in `layout`.
    pub fn new(objects: Arc<dyn Objects>, layout: Layout) -> Self {
        Self { objects, layout }
    }

    /// The objects that are read.
    pub fn objects(&self) -> &Arc<dyn Objects> {
        &self.objects
    }

    /// Entry `index` of the log at `size`.
    ///
    /// # Errors
    /// The log is not that large, or its tile is missing or malformed.
    pub fn entry(&self, index: u64, size: u64) -> Result<Vec<u8>, ReadError> {
        let beyond = || ReadError::Beyond { index, size };
        let kind = self.layout.kind();
        let (tile, position) = place(index, size).ok_or_else(beyond)?;
        let (bytes, stored) = self.tile(TileId::of_log(kind, tile, size).ok_or_else(beyond)?)?;
        let entries = self.split(&bytes, stored)?;
        let entry = entries.get(position).ok_or_else(beyond)?;
        Ok(entry.to_vec())
    }

    /// The leaf hash of entry `index` of the log at `size`: 32 bytes are read, however large the entries are.
    ///
    /// # Errors
    /// As [`Self::entry`].
    pub fn leaf_hash(&self, index: u64, size: u64) -> Result<Hash, ReadError> {
        let beyond = || ReadError::Beyond { index, size };
        let kind = TileKind::Hashes { level: 0 };
        let (tile, position) = place(index, size).ok_or_else(beyond)?;
        let id = TileId::of_log(kind, tile, size).ok_or_else(beyond)?;
        let offset = u64::try_from(position)
            .unwrap_or(u64::MAX)
            .saturating_mul(HASH_BYTES);
        for id in [id, id.full()] {
            let path = id.to_string();
            let Some(part) = self.objects.part(&path, offset, size_of::<Hash>())? else {
                continue;
            };
            let expected = u64::from(id.width()).saturating_mul(HASH_BYTES);
            return match Hash::try_from(part.bytes) {
                Ok(hash) if part.total == expected => Ok(hash),
                _ => Err(ReadError::Tile {
                    path,
                    error: TileError::Length {
                        expected: usize::try_from(expected).unwrap_or(usize::MAX),
                        found: usize::try_from(part.total).unwrap_or(usize::MAX),
                    },
                }),
            };
        }
        Err(ReadError::Missing {
            path: id.to_string(),
        })
    }

    /// The entries of tile number `tile` of the log at `size`.
    ///
    /// # Errors
    /// As [`Self::entry`].
    pub fn entries(&self, tile: u64, size: u64) -> Result<Vec<Vec<u8>>, ReadError> {
        let Some(id) = TileId::of_log(self.layout.kind(), tile, size) else {
            let index = tile.saturating_mul(u64::from(WIDTH));
            return Err(ReadError::Beyond { index, size });
        };
        // A partial tile may be gone once the full one is there, which starts with the same entries.
        let (bytes, stored) = self.tile(id)?;
        let mut entries = self.split(&bytes, stored)?;
        entries.truncate(usize::from(id.width()));
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// The hashes of a hash tile.
    ///
    /// # Errors
    /// The tile is missing or malformed.
    pub fn hashes(&self, id: TileId) -> Result<Vec<Hash>, ReadError> {
        let (bytes, stored) = self.tile(id)?;
        let mut hashes =
            tile::unpack_hashes(&bytes, stored.width()).map_err(|error| ReadError::Tile {
                path: stored.to_string(),
                error,
            })?;
        hashes.truncate(usize::from(id.width()));
        Ok(hashes)
    }

    /// The proof that entry `index` is in the log at `size`.
    ///
    /// # Errors
    /// The log is not that large, or a tile is missing or malformed.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, ReadError> {
        if index >= size {
            return Err(ReadError::Beyond { index, size });
        }
        proof::inclusion(&StoredNodes::new(self, size), index, size)
    }

    /// The proof that the log at `new` continues the log at `old`.
    ///
    /// # Errors
    /// `old` is larger than `new`, or a tile is missing or malformed.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, ReadError> {
        if old > new {
            return Err(ReadError::Beyond {
                index: old,
                size: new,
            });
        }
        proof::consistency(&StoredNodes::new(self, new), old, new)
    }

    /// The root that the stored hash tiles give for the log at `size`.
    ///
    /// # Errors
    /// A tile is missing or malformed.
    pub fn root(&self, size: u64) -> Result<Hash, ReadError> {
        proof::root(&StoredNodes::new(self, size), size)
    }

    fn split<'a>(&self, bytes: &'a [u8], stored: TileId) -> Result<Vec<&'a [u8]>, ReadError> {
        let split = self.layout.split(bytes, stored.width());
        split.map_err(|error| ReadError::Tile {
            path: stored.to_string(),
            error,
        })
    }

    fn tile(&self, id: TileId) -> Result<(Vec<u8>, TileId), ReadError> {
        if let Some(bytes) = self.objects.get(&id.to_string())? {
            return Ok((bytes, id));
        }
        let full = if id.is_full() {
            None
        } else {
            self.objects.get(&id.full().to_string())?
        };
        full.map(|bytes| (bytes, id.full()))
            .ok_or_else(|| ReadError::Missing {
                path: id.to_string(),
            })
    }
}

/// In which tile entry `index` is, and where in it; none beyond the log.
fn place(index: u64, size: u64) -> Option<(u64, usize)> {
    let width = u64::from(WIDTH);
    let position = usize::try_from(index % width).ok()?;
    (index < size).then_some((index / width, position))
}

/// Why a log cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The log does not reach that far.
    #[error("{index} is beyond the log's size {size}")]
    Beyond {
        /// The index, or size, asked for.
        index: u64,
        /// The log's size.
        size: u64,
    },
    /// A tile is not there.
    #[error("{path} is missing")]
    Missing {
        /// The tile's path.
        path: String,
    },
    /// A tile is malformed.
    #[error("{path}: {error}")]
    Tile {
        /// The tile's path.
        path: String,
        /// What is wrong with it.
        error: TileError,
    },
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The nodes in the stored tiles of a log at one size; each tile is read once.
struct StoredNodes<'a> {
    reader: &'a LogReader,
    size: u64,
    tiles: RefCell<HashMap<TileId, TileNodes>>,
}

impl<'a> StoredNodes<'a> {
    fn new(reader: &'a LogReader, size: u64) -> Self {
        Self {
            reader,
            size,
            tiles: RefCell::default(),
        }
    }
}

impl Nodes for StoredNodes<'_> {
    type Error = ReadError;

    fn node(&self, level: u32, index: u64) -> Result<Hash, ReadError> {
        let beyond = ReadError::Beyond {
            index,
            size: self.size,
        };
        let Ok(tile_level) = u8::try_from(level / HEIGHT) else {
            return Err(beyond);
        };
        let place = Place::of(level, index);
        let kind = TileKind::Hashes { level: tile_level };
        let Some(id) = TileId::of_log(kind, place.tile, self.size) else {
            return Err(beyond);
        };
        if let Some(nodes) = self.tiles.borrow().get(&id) {
            return nodes.node(place).ok_or(beyond);
        }
        let mut nodes = TileNodes::default();
        for hash in self.reader.hashes(id)? {
            nodes.push(hash);
        }
        let hash = nodes.node(place).ok_or(beyond);
        self.tiles.borrow_mut().insert(id, nodes);
        hash
    }
}
