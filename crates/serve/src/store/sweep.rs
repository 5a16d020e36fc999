//! Removes partial tiles that nobody needs any more: those whose full tile is there, and survives a crash.
//!
//! C2SP tlog-tiles allows it from the moment that the full tile can be read, which begins with them. They go at
//! once, for a busy log writes several kilobytes of them for each entry.

use std::fs;
use std::path::{Path, PathBuf};

use signhere_log::tile::{TileId, TileKind, WIDTH};

/// Tiles looked at in one go.
const LOOKS: u32 = 256;
/// Files removed in one go, or a few more: more than a batch writes, and little enough not to hold up the next.
const REMOVALS: u32 = 128;

/// What of one log has been swept.
#[derive(Debug)]
pub(crate) struct Sweeper {
    tiles: PathBuf,
    /// The first tile of each kind that has not been swept since the log was opened.
    next: Vec<(TileKind, u64)>,
}

impl Sweeper {
    /// The partial tiles of the log in `folder`, whose entries are in tiles of kind `entries`.
    pub(crate) fn new(folder: &Path, entries: TileKind) -> Self {
        let hashes = (0..5).map(|level| TileKind::Hashes { level });
        Self {
            tiles: folder.join("tiles"),
            next: std::iter::once(entries)
                .chain(hashes)
                .map(|kind| (kind, 0))
                .collect(),
        }
    }

    /// Does a bounded part of what there is to do in a log that has settled at `size` entries. What cannot be
    /// removed is left: it does no harm.
    pub(crate) fn sweep(&mut self, size: u64) {
        let (mut looks, mut removals) = (LOOKS, REMOVALS);
        for (kind, next) in &mut self.next {
            while looks > 0 && removals > 0 {
                let Some(id) = TileId::of_log(*kind, *next, size).filter(|id| id.is_full()) else {
                    break;
                };
                looks = looks.saturating_sub(1);
                let mut partial = self.tiles.join(id.to_string()).into_os_string();
                partial.push(".p");
                removals = removals.saturating_sub(remove(Path::new(&partial)));
                *next = next.saturating_add(1);
            }
        }
    }
}

/// How many files were removed: never more than a tile is wide.
fn remove(partial: &Path) -> u32 {
    let Ok(files) = fs::read_dir(partial) else {
        return 0;
    };
    let mut removed = 0_u32;
    for file in files.flatten().take(usize::from(WIDTH)) {
        if fs::remove_file(file.path()).is_ok() {
            removed = removed.saturating_add(1);
        }
    }
    // Anything else in there keeps the folder.
    let _ = fs::remove_dir(partial);
    removed
}
