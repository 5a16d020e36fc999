//! Removes partial tiles that nobody needs any more: those whose full tile has been there for a while.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use signhere_log::tile::{TileId, TileKind, WIDTH};
use signhere_pki::time::Time;

/// For so many seconds after a tile is full its partial ones stay, for those who build on an older checkpoint.
const DELAY: i64 = 600;
/// Tiles looked at in one go.
const LOOKS: u32 = 512;
/// Files removed in one go, or a few more.
const REMOVALS: u32 = 512;

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

    /// Does a bounded part of what there is to do in a log that has published `size` entries. What cannot be
    /// removed is left: it does no harm.
    pub(crate) fn sweep(&mut self, size: u64, now: Time) {
        let (mut looks, mut removals) = (LOOKS, REMOVALS);
        for (kind, next) in &mut self.next {
            while looks > 0 && removals > 0 {
                let Some(id) = TileId::of_log(*kind, *next, size).filter(|id| id.is_full()) else {
                    break;
                };
                looks = looks.saturating_sub(1);
                let full = self.tiles.join(id.to_string());
                let mut partial = full.clone().into_os_string();
                partial.push(".p");
                let partial = PathBuf::from(partial);
                if partial.is_dir() {
                    if !is_old(&full, now) {
                        break;
                    }
                    removals = removals.saturating_sub(remove(&partial));
                }
                *next = next.saturating_add(1);
            }
        }
    }
}

fn is_old(full: &Path, now: Time) -> bool {
    let written = fs::metadata(full)
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_secs()).ok());
    written.is_some_and(|written| written.saturating_add(DELAY) <= now.unix())
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
