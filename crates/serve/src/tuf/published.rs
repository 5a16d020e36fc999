//! What of a repository's folder is served: everything that the published timestamps have led to, within bounds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use signhere_verify::tuf::{Metadata, Role, Snapshot, TargetFile, Targets};

use super::view::TIMESTAMP;
use super::{RepositoryError, Roots, TARGETS, View, root_name};
use crate::error::ServeError;
use crate::state::files;

/// How many versions of snapshot and targets are kept, the current one included. A client that has read a timestamp needs
/// what it leads to for the seconds of its update; a mirror or a cache for longer.
pub(super) const KEPT: u64 = 32;
/// The most bytes of a target.
const MAX_TARGET: u64 = 8 << 20;

/// The current documents, and every file that is served.
pub(super) struct Published {
    pub(super) view: View,
    /// By path under `/tuf`.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

impl Published {
    /// Reads a repository's folder, and checks that the current documents and files hold together: under the newest root,
    /// or under an earlier one if the instance ended before it could sign under those that came after.
    pub(super) fn load(dir: &Path) -> Result<Self, RepositoryError> {
        let mut roots = Roots::read(None, &mut reader(dir))?;
        let newest = Self::load_under(roots.clone(), dir);
        let unsigned = match newest {
            Err(error) if error.is_unsigned() => error,
            other => return other,
        };
        while roots.step_back() {
            match Self::load_under(roots.clone(), dir) {
                Err(error) if error.is_unsigned() => {}
                other => return other,
            }
        }
        Err(unsigned)
    }

    /// The same, under roots that are known.
    pub(super) fn load_under(roots: Roots, dir: &Path) -> Result<Self, RepositoryError> {
        let mut read = reader(dir);
        let view = View::read_under(roots, &mut read)?;
        let mut files = BTreeMap::new();
        for root in view.roots.iter() {
            files.insert(root_name(root.version()), root.bytes().to_vec());
        }
        files.insert(TIMESTAMP.to_owned(), view.timestamp.bytes().to_vec());
        files.insert(view.snapshot_name(), view.snapshot.bytes().to_vec());
        files.insert(view.targets_name(), view.targets.bytes().to_vec());
        for (name, file) in &view.targets.signed().targets {
            let path = target_path(name, file);
            let content = read_target(dir, &path)?;
            let content = content.ok_or_else(|| RepositoryError::missing(&path))?;
            let matches = file.check(name, &content);
            matches.map_err(RepositoryError::document(&path))?;
            files.insert(path, content);
        }

        for version in earlier(view.snapshot.version()) {
            let name = format!("{version}.snapshot.json");
            let snapshot = read(&name, Snapshot::MAX_BYTES)?;
            files.extend(snapshot.map(|bytes| (name, bytes)));
        }
        for version in earlier(view.targets.version()) {
            let name = format!("{version}.targets.json");
            let Some(bytes) = read(&name, Targets::MAX_BYTES)? else {
                continue;
            };
            let targets: Metadata<Targets> =
                Metadata::parse(&bytes).map_err(RepositoryError::document(&name))?;
            files.insert(name, bytes);
            for (name, file) in &targets.signed().targets {
                let path = target_path(name, file);
                if !files.contains_key(&path) {
                    let content = read_target(dir, &path)?;
                    files.extend(content.map(|content| (path, content)));
                }
            }
        }
        Ok(Self { view, files })
    }

    /// Removes what is served no longer. What cannot be removed does no harm and is tried again the next time.
    pub(super) fn remove_others(&self, dir: &Path) {
        for (folder, prefix) in [
            (dir.to_path_buf(), String::new()),
            (dir.join(TARGETS), format!("{TARGETS}/")),
        ] {
            let Ok(entries) = fs::read_dir(folder) else {
                continue;
            };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                // A root that somebody puts here at this moment is not known yet.
                let is_root = name.contains(".root.");
                let is_served = self.files.contains_key(&format!("{prefix}{name}"));
                if !is_root && !is_served && entry.path().is_file() {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }
}

/// Reads files of the folder `dir` by name.
pub(super) fn reader(
    dir: &Path,
) -> impl FnMut(&str, usize) -> Result<Option<Vec<u8>>, RepositoryError> {
    move |name, limit| {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let bytes = files::read_bounded(&dir.join(name), limit)?;
        Ok(bytes.map(|bytes| bytes.to_vec()))
    }
}

/// The path of a target under the repository's root.
pub(super) fn target_path(name: &str, file: &TargetFile) -> String {
    let hash = file.hashes.first().map(|hash| hash.hex());
    format!("{TARGETS}/{}.{name}", hash.unwrap_or_default())
}

fn read_target(dir: &Path, path: &str) -> Result<Option<Vec<u8>>, ServeError> {
    let bytes = files::read_bounded(&dir.join(path), MAX_TARGET)?;
    Ok(bytes.map(|bytes| bytes.to_vec()))
}

fn earlier(version: u64) -> std::ops::Range<u64> {
    version.saturating_sub(KEPT.saturating_sub(1)).max(1)..version
}
