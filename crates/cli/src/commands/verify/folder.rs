//! A folder: which of its files are signed, and which are not.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use super::discover::{SUFFIXES, is_digest_name};
use crate::error::CliError;
use crate::exit::Exit;

/// No folder is deeper.
const MAX_DEPTH: usize = 64;
/// No folder has more files and folders in it.
const MAX_ENTRIES: usize = 100_000;

/// What is in a folder, each list in the order of names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Folder {
    /// Files with a bundle next to them, or that may have one under their digest.
    pub(super) signed: Vec<PathBuf>,
    /// Files without.
    pub(super) unsigned: Vec<PathBuf>,
    /// What is not looked at: links, which may lead anywhere; what is no file; git's own folder; bundles of files that
    /// are not there.
    pub(super) skipped: Vec<PathBuf>,
    entries: usize,
}

impl Folder {
    /// Looks through `folder` and all folders below it.
    pub(super) fn walk(folder: &Path) -> Result<Self, CliError> {
        let mut this = Self::default();
        this.visit(folder, 0)?;
        Ok(this)
    }

    fn visit(&mut self, folder: &Path, depth: usize) -> Result<(), CliError> {
        if depth > MAX_DEPTH {
            return Err(too_large(folder).expected(format!("at most {MAX_DEPTH} folders deep")));
        }
        let failed = |error| CliError::file("read", folder, &error);
        let mut files: BTreeSet<OsString> = BTreeSet::new();
        let mut folders = BTreeSet::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry: DirEntry = entry.map_err(failed)?;
            self.entries = self.entries.saturating_add(1);
            if self.entries > MAX_ENTRIES {
                return Err(too_large(folder).expected(format!("at most {MAX_ENTRIES} files")));
            }
            let kind = entry.file_type().map_err(failed)?;
            let name = entry.file_name();
            if kind.is_file() {
                files.insert(name);
            } else if kind.is_dir() && name != OsStr::new(".git") {
                folders.insert(name);
            } else {
                self.skipped.push(folder.join(name));
            }
        }
        let has_digest_names = files.iter().any(|name| is_digest_name(name));
        for name in &files {
            let path = folder.join(name);
            match Role::of(name, &files) {
                Role::Bundle => {}
                Role::Orphan => self.skipped.push(path),
                Role::Signed => self.signed.push(path),
                Role::Unsigned if has_digest_names => self.signed.push(path),
                Role::Unsigned => self.unsigned.push(path),
            }
        }
        for name in folders {
            self.visit(&folder.join(name), depth.saturating_add(1))?;
        }
        Ok(())
    }
}

/// What a file is among the others of its folder.
#[derive(Debug, PartialEq, Eq)]
enum Role {
    Signed,
    Unsigned,
    /// The bundle of another file here.
    Bundle,
    /// The bundle of a file that is not here.
    Orphan,
}

impl Role {
    fn of(name: &OsStr, files: &BTreeSet<OsString>) -> Self {
        if is_digest_name(name) {
            return Self::Bundle;
        }
        let has = |name: OsString| files.contains(&name);
        let text = name.as_encoded_bytes();
        let base = |suffix: &&str| {
            let stem = text.strip_suffix(suffix.as_bytes())?;
            std::str::from_utf8(stem)
                .ok()
                .filter(|stem| !stem.is_empty())
        };
        if SUFFIXES
            .iter()
            .filter_map(base)
            .any(|stem| has(OsString::from(stem)))
        {
            return Self::Bundle;
        }
        let is_signed = SUFFIXES.iter().any(|suffix| {
            let mut bundle = name.to_owned();
            bundle.push(suffix);
            has(bundle)
        });
        // Other endings are given to other files as well.
        let is_bundle = [".sigstore.json", ".sigstore"]
            .iter()
            .any(|suffix| base(suffix).is_some());
        match (is_signed, is_bundle) {
            (true, _) => Self::Signed,
            (false, true) => Self::Orphan,
            (false, false) => Self::Unsigned,
        }
    }
}

fn too_large(folder: &Path) -> CliError {
    CliError::new(
        Exit::Failed,
        "SH-FOLDER-TOO-LARGE",
        format!("there is too much in {}", folder.display()),
    )
    .mend("name the folders or files one by one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, others: &[&str]) -> Role {
        let files = others.iter().chain([&name]).map(OsString::from).collect();
        Role::of(OsStr::new(name), &files)
    }

    #[test]
    fn roles() {
        assert_eq!(role("a", &["a.sigstore.json"]), Role::Signed);
        assert_eq!(role("a.jar", &["a.jar.sigstore.json"]), Role::Signed);
        assert_eq!(role("a", &["a.jsonl"]), Role::Signed);
        assert_eq!(role("a", &["b", "b.sigstore.json"]), Role::Unsigned);
        assert_eq!(role("a.sigstore.json", &["a"]), Role::Bundle);
        assert_eq!(role("a.whl.publish.attestation", &["a.whl"]), Role::Bundle);
        assert_eq!(role("a.sigstore.json", &["b"]), Role::Orphan);
        assert_eq!(role(".sigstore.json", &["b"]), Role::Unsigned);
        assert_eq!(role("a.bundle", &["b"]), Role::Unsigned);
        assert_eq!(role("a.jsonl", &["b"]), Role::Unsigned);
        let digest = format!("sha256:{}.jsonl", "0".repeat(64));
        assert_eq!(role(&digest, &[]), Role::Bundle);
        assert_eq!(role("sha256:12.jsonl", &[]), Role::Unsigned);
    }
}
