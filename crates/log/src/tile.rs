//! Tiles (C2SP tlog-tiles): where a log keeps its hashes and entries, and how they are packed.

use std::fmt;
use std::str::FromStr;

use crate::layout::Layout;
use crate::merkle::Hash;

/// The hashes, or entries, of a full tile.
pub const WIDTH: u16 = 256;

/// The levels of a tree that one tile spans: 256 is 2 to the 8.
pub const HEIGHT: u32 = 8;

/// The path of the published checkpoint.
pub const CHECKPOINT_PATH: &str = "checkpoint";

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes of complete subtrees over 256 to the `level` entries each; level 0 holds the leaf hashes.
    Hashes {
        /// The tile level, at most 63.
        level: u8,
    },
    /// Entries, each behind its length (C2SP tlog-tiles entry bundle).
    Entries,
    /// Entries of a certificate log, each as long as its own structure says (C2SP static-ct-api data tile).
    Data,
}

/// A tile's place. Displays as, and parses from, its path below the log's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    kind: TileKind,
    index: u64,
    width: u16,
}

impl TileId {
    /// The tile number `index` of its kind, `width` wide.
    ///
    /// # Errors
    /// The width is zero or over 256, the level over 63.
    pub fn new(kind: TileKind, index: u64, width: u16) -> Result<Self, TileError> {
        if width == 0 || width > WIDTH {
            return Err(TileError::Width { found: width });
        }
        if matches!(kind, TileKind::Hashes { level: 64.. }) {
            return Err(TileError::Path);
        }
        Ok(Self { kind, index, width })
    }

    /// The tile number `index` of its kind as a log of `size` entries has it; none when the log has no such tile yet.
    pub fn of_log(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let level = match kind {
            TileKind::Hashes { level } => u32::from(level),
            TileKind::Entries | TileKind::Data => 0,
        };
        let items = size.checked_shr(level.saturating_mul(HEIGHT)).unwrap_or(0);
        let left = items.checked_sub(index.checked_mul(u64::from(WIDTH))?)?;
        let width = u16::try_from(left).unwrap_or(WIDTH).min(WIDTH);
        Self::new(kind, index, width).ok()
    }

    /// What it holds.
    pub fn kind(self) -> TileKind {
        self.kind
    }

    /// Its number among the tiles of its kind.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many hashes or entries it holds, 1 to 256.
    pub fn width(self) -> u16 {
        self.width
    }

    /// Whether it will never grow.
    pub fn is_full(self) -> bool {
        self.width == WIDTH
    }

    /// The same tile when it is full.
    #[must_use]
    pub fn full(self) -> Self {
        Self {
            width: WIDTH,
            ..self
        }
    }
}

impl TileId {
    /// This partial tile from the bytes of the full one, which begins with it.
    ///
    /// # Errors
    /// The bytes are not those of a full tile.
    pub fn cut(self, mut full: Vec<u8>) -> Result<Vec<u8>, TileError> {
        let length = match self.kind {
            TileKind::Hashes { .. } => {
                unpack_hashes(&full, WIDTH)?;
                usize::from(self.width).saturating_mul(32)
            }
            TileKind::Entries => cut_length(Layout::Entries, &full, self.width)?,
            TileKind::Data => cut_length(Layout::StaticCt, &full, self.width)?,
        };
        full.truncate(length);
        Ok(full)
    }
}

fn cut_length(layout: Layout, full: &[u8], width: u16) -> Result<usize, TileError> {
    let mut part = Vec::new();
    for entry in layout
        .split(full, WIDTH)?
        .into_iter()
        .take(usize::from(width))
    {
        layout.push(&mut part, entry)?;
    }
    Ok(part.len())
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes { level } => write!(f, "tile/{level}")?,
            TileKind::Entries => f.write_str("tile/entries")?,
            TileKind::Data => f.write_str("tile/data")?,
        }
        let digits = format!("{:03}", self.index);
        let padding = digits
            .len()
            .next_multiple_of(3)
            .saturating_sub(digits.len());
        let digits = format!("{}{digits}", "0".repeat(padding));
        let groups = digits.len() / 3;
        for (number, group) in digits.as_bytes().chunks(3).enumerate() {
            let more = number.saturating_add(1) < groups;
            f.write_str(if more { "/x" } else { "/" })?;
            f.write_str(std::str::from_utf8(group).map_err(|_| fmt::Error)?)?;
        }
        if !self.is_full() {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

impl FromStr for TileId {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        let rest = path.strip_prefix("tile/").ok_or(TileError::Path)?;
        let (kind, rest) = rest.split_once('/').ok_or(TileError::Path)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            "data" => TileKind::Data,
            level => TileKind::Hashes {
                level: level.parse().map_err(|_| TileError::Path)?,
            },
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().map_err(|_| TileError::Path)?),
            None => (rest, WIDTH),
        };
        let digits = number.replace("/x", "");
        let index = digits.strip_prefix('x').unwrap_or(&digits).replace('/', "");
        let index = index.parse().map_err(|_| TileError::Path)?;
        let id = Self::new(kind, index, width)?;
        // Only one spelling of each path is right.
        if id.to_string() != path {
            return Err(TileError::Path);
        }
        Ok(id)
    }
}

/// The hashes in a hash tile that is `width` wide.
///
/// # Errors
/// The tile has not exactly that many hashes.
pub fn unpack_hashes(tile: &[u8], width: u16) -> Result<Vec<Hash>, TileError> {
    let (hashes, rest) = tile.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() != usize::from(width) {
        return Err(TileError::Length {
            expected: usize::from(width) * 32,
            found: tile.len(),
        });
    }
    Ok(hashes.to_vec())
}

/// Adds an entry to an entry bundle: two bytes of length, big-endian, and the entry.
///
/// # Errors
/// The entry is longer than 65,535 bytes.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), TileError> {
    let length =
        u16::try_from(entry.len()).map_err(|_| TileError::EntryTooLong { found: entry.len() })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// The entries of an entry bundle that is `width` wide.
///
/// # Errors
/// The bundle has not exactly that many entries.
pub fn split_entries(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    let mut entries = Vec::with_capacity(usize::from(width.min(WIDTH)));
    let mut rest = bundle;
    for _ in 0..width {
        let (length, tail) = rest.split_first_chunk::<2>().ok_or(TileError::Truncated)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, tail) = tail.split_at_checked(length).ok_or(TileError::Truncated)?;
        entries.push(entry);
        rest = tail;
    }
    if !rest.is_empty() {
        return Err(TileError::TrailingBytes { found: rest.len() });
    }
    Ok(entries)
}

/// Why a tile, or its path, is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// Not the path of a tile.
    #[error("this is not the path of a tile")]
    Path,
    /// No tile is that wide.
    #[error("a tile is 1 to 256 wide, not {found}")]
    Width {
        /// The width asked for.
        found: u16,
    },
    /// A hash tile of another length.
    #[error("the hash tile has {found} bytes instead of {expected}")]
    Length {
        /// The bytes of such a tile.
        expected: usize,
        /// The bytes found.
        found: usize,
    },
    /// The bundle ends within an entry.
    #[error("the entry bundle ends within an entry")]
    Truncated,
    /// The bundle goes on after its last entry.
    #[error("{found} bytes follow the last entry")]
    TrailingBytes {
        /// How many bytes.
        found: usize,
    },
    /// The entry does not fit its form.
    #[error("an entry of {found} bytes is too long")]
    EntryTooLong {
        /// The entry's bytes.
        found: usize,
    },
    /// An entry of a certificate log is malformed.
    #[error("the entry of the certificate log is malformed")]
    MalformedLeaf,
}

#[cfg(test)]
mod tests;
