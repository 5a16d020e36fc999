//! A growing Merkle tree that keeps only its right edge and the tiles of the batch at hand.

use std::collections::BTreeMap;

use crate::merkle::{Hash, node_hash};
use crate::proof::{self, Nodes};
use crate::tile::{HEIGHT, TileId, TileKind, WIDTH};

/// The right edge of a tree, as tiles with all their inner nodes. A leaf costs about one hash.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    size: u64,
    /// The partial tile of each level; its number is the level's count of nodes divided by 256.
    edge: Vec<TileNodes>,
    /// Tiles filled since [`Self::forget_filled`], by level and number.
    filled: BTreeMap<(u8, u64), TileNodes>,
    /// Levels whose partial tile grew since then.
    grown: usize,
}

impl Tree {
    /// The tree of `size` leaves whose partial tiles `tile` reads.
    ///
    /// # Errors
    /// Those of `tile`, which answers exactly the hashes of the tile it is asked for.
    pub fn load<E>(
        size: u64,
        mut tile: impl FnMut(TileId) -> Result<Vec<Hash>, E>,
    ) -> Result<Self, E> {
        let mut tree = Self {
            size,
            ..Self::default()
        };
        for level in 0..LEVELS {
            let items = items(size, level);
            if items == 0 {
                break;
            }
            let index = items / u64::from(WIDTH);
            let mut nodes = TileNodes::default();
            if let Some(id) = TileId::of_log(TileKind::Hashes { level }, index, size) {
                for hash in tile(id)? {
                    nodes.push(hash);
                }
            }
            tree.edge.push(nodes);
        }
        Ok(tree)
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of all leaves.
    ///
    /// # Errors
    /// [`NotKept`] if the edge was loaded with tiles of another size.
    pub fn root(&self) -> Result<Hash, NotKept> {
        proof::root(self, self.size)
    }

    /// Adds a leaf by its hash. False, and nothing done, if the tree is as large as a tree can be.
    pub fn push(&mut self, leaf: Hash) -> bool {
        let Some(size) = self.size.checked_add(1) else {
            return false;
        };
        let mut hash = leaf;
        for level in 0..LEVELS {
            let position = usize::from(level);
            if self.edge.len() <= position {
                self.edge.push(TileNodes::default());
            }
            let Some(nodes) = self.edge.get_mut(position) else {
                break;
            };
            self.grown = self.grown.max(position.saturating_add(1));
            nodes.push(hash);
            let Some(root) = nodes.root() else { break };
            let index = items(self.size, level) / u64::from(WIDTH);
            self.filled.insert((level, index), std::mem::take(nodes));
            hash = root;
        }
        self.size = size;
        true
    }

    /// The hash tiles that changed since [`Self::forget_filled`], with their bytes.
    pub fn changed(&self) -> Vec<(TileId, Vec<u8>)> {
        let mut tiles = self.filled();
        tiles.extend(self.partial_below(self.grown));
        tiles
    }

    /// The hash tiles that were filled since [`Self::forget_filled`], with their bytes.
    pub fn filled(&self) -> Vec<(TileId, Vec<u8>)> {
        let tile = |((level, index), nodes): (&(u8, u64), &TileNodes)| {
            let id = TileId::new(TileKind::Hashes { level: *level }, *index, WIDTH).ok()?;
            Some((id, nodes.to_bytes()))
        };
        self.filled.iter().filter_map(tile).collect()
    }

    /// The partial hash tiles, with their bytes.
    pub fn partial(&self) -> Vec<(TileId, Vec<u8>)> {
        self.partial_below(self.edge.len())
    }

    fn partial_below(&self, levels: usize) -> Vec<(TileId, Vec<u8>)> {
        let tile = |(level, nodes): (u8, &TileNodes)| {
            let index = items(self.size, level) / u64::from(WIDTH);
            let id = TileId::of_log(TileKind::Hashes { level }, index, self.size)?;
            Some((id, nodes.to_bytes()))
        };
        (0..LEVELS)
            .zip(self.edge.iter().take(levels))
            .filter_map(tile)
            .collect()
    }

    /// Gives up the tiles that will not change any more: proofs for their leaves are built from storage now.
    pub fn forget_filled(&mut self) {
        self.filled.clear();
        self.grown = 0;
    }
}

impl Nodes for Tree {
    type Error = NotKept;

    /// A node of the right edge or of a tile that was filled since [`Tree::forget_filled`].
    fn node(&self, level: u32, index: u64) -> Result<Hash, NotKept> {
        let missing = NotKept { level, index };
        let tile_level = u8::try_from(level / HEIGHT).map_err(|_| missing)?;
        let place = Place::of(level, index);
        let nodes = match self.filled.get(&(tile_level, place.tile)) {
            Some(nodes) => Some(nodes),
            None if place.tile == items(self.size, tile_level) / u64::from(WIDTH) => {
                self.edge.get(usize::from(tile_level))
            }
            None => None,
        };
        nodes.and_then(|nodes| nodes.node(place)).ok_or(missing)
    }
}

/// A node that is neither on the right edge nor in the batch at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {index} of level {level} is not in memory")]
pub struct NotKept {
    /// The node's level, leaves being level 0.
    pub level: u32,
    /// Its number on that level.
    pub index: u64,
}

/// Where a node is: its tile's number, and level and position within the tile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) tile: u64,
    level: usize,
    position: usize,
}

impl Place {
    pub(crate) fn of(level: u32, index: u64) -> Self {
        let within = level % HEIGHT;
        let bits = HEIGHT.saturating_sub(within);
        Self {
            tile: index >> bits,
            level: usize::try_from(within).unwrap_or(usize::MAX),
            position: usize::try_from(index & (1_u64 << bits).saturating_sub(1))
                .unwrap_or(usize::MAX),
        }
    }
}

/// The nodes of one tile, level by level: the lowest is the tile's content.
#[derive(Clone, Debug, Default)]
pub(crate) struct TileNodes {
    levels: [Vec<Hash>; 9],
}

impl TileNodes {
    pub(crate) fn push(&mut self, hash: Hash) {
        let mut hash = hash;
        for nodes in &mut self.levels {
            nodes.push(hash);
            let ([.., [left, right]], []) = nodes.as_chunks::<2>() else {
                break;
            };
            hash = node_hash(left, right);
        }
    }

    pub(crate) fn node(&self, place: Place) -> Option<Hash> {
        self.levels.get(place.level)?.get(place.position).copied()
    }

    /// The root of a full tile.
    pub(crate) fn root(&self) -> Option<Hash> {
        self.levels.last()?.first().copied()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let [hashes, ..] = &self.levels;
        hashes.as_flattened().to_vec()
    }
}

/// The tile levels of a tree of 64-bit size.
const LEVELS: u8 = 8;

/// The complete nodes that tiles of this level hold, in a log of `size` entries.
fn items(size: u64, level: u8) -> u64 {
    size.checked_shr(u32::from(level).saturating_mul(HEIGHT))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
