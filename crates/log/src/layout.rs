//! How a log stores and hashes its entries: the one difference between a log of anything and one of certificates.

use crate::merkle::{Hash, leaf_hash};
use crate::static_ct::TileLeaf;
use crate::tile::{self, TileError, TileKind};

/// The largest entry of a certificate log, in bytes: a full data tile stays below 64 MiB.
pub const MAX_STATIC_CT_ENTRY: usize = 240 << 10;

/// The form of a log's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Entry bundles, the leaf hash being that of the entry's bytes (C2SP tlog-tiles).
    Entries,
    /// Data tiles, every entry an encoded [`TileLeaf`] (C2SP static-ct-api).
    StaticCt,
}

impl Layout {
    /// The kind of tile that holds the entries.
    pub fn kind(self) -> TileKind {
        match self {
            Self::Entries => TileKind::Entries,
            Self::StaticCt => TileKind::Data,
        }
    }

    /// The hash of `entry` in the Merkle tree.
    ///
    /// # Errors
    /// The entry is too long or malformed for this layout.
    pub fn leaf_hash(self, entry: &[u8]) -> Result<Hash, TileError> {
        match self {
            Self::Entries if u16::try_from(entry.len()).is_err() => {
                Err(TileError::EntryTooLong { found: entry.len() })
            }
            Self::Entries => Ok(leaf_hash(entry)),
            Self::StaticCt if entry.len() > MAX_STATIC_CT_ENTRY => {
                Err(TileError::EntryTooLong { found: entry.len() })
            }
            Self::StaticCt => match TileLeaf::decode(entry)? {
                (leaf, []) => leaf.hash(),
                (_, rest) => Err(TileError::TrailingBytes { found: rest.len() }),
            },
        }
    }

    /// Adds `entry` to the bytes of a tile.
    ///
    /// # Errors
    /// The entry is too long for this layout.
    pub fn push(self, tile: &mut Vec<u8>, entry: &[u8]) -> Result<(), TileError> {
        match self {
            Self::Entries => tile::push_entry(tile, entry),
            Self::StaticCt => {
                tile.extend_from_slice(entry);
                Ok(())
            }
        }
    }

    /// The entries in the bytes of a tile that is `width` wide.
    ///
    /// # Errors
    /// The tile has not exactly that many entries.
    pub fn split(self, tile: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
        if self == Self::Entries {
            return tile::split_entries(tile, width);
        }
        let mut entries = Vec::with_capacity(usize::from(width.min(tile::WIDTH)));
        let mut rest = tile;
        for _ in 0..width {
            let (_, tail) = TileLeaf::decode(rest)?;
            let length = rest.len().saturating_sub(tail.len());
            let (entry, tail) = rest.split_at_checked(length).ok_or(TileError::Truncated)?;
            entries.push(entry);
            rest = tail;
        }
        if !rest.is_empty() {
            return Err(TileError::TrailingBytes { found: rest.len() });
        }
        Ok(entries)
    }
}
