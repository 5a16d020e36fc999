//! What a signed list of checksums says about files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_verify::formats::checksums::Checksums;
use signhere_verify::verdict::Verdict;

use super::judge::Verification;
use super::report::Checked;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::output::Output;

/// A file that a verified list names.
pub(super) struct Covered {
    /// Where the file is.
    pub(super) path: PathBuf,
    /// The digests that it should have, one for each algorithm.
    digests: Vec<Digest>,
    /// The list.
    list: PathBuf,
    /// The folder that the file must not lead out of; `None` for a file that the caller named.
    within: Option<PathBuf>,
    /// What was proven of the list.
    verdict: Arc<Verdict>,
    /// The instance that the list was signed on, where it has a name.
    pub(super) instance: Option<String>,
}

/// The files of a list that are there, and the names of those that are not.
pub(super) fn at_hand(
    list: &Path,
    checksums: &Checksums,
    verdict: &Arc<Verdict>,
) -> (Vec<Covered>, Vec<String>) {
    let folder = list.parent().unwrap_or_else(|| Path::new(""));
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for (name, digests) in checksums.files() {
        let path = folder.join(name);
        // A link to nowhere is there, and is no file.
        if path.symlink_metadata().is_err() {
            missing.push(path.display().to_string());
            continue;
        }
        found.push(Covered {
            path,
            digests,
            list: list.to_owned(),
            within: Some(folder.to_owned()),
            verdict: Arc::clone(verdict),
            instance: None,
        });
    }
    (found, missing)
}

/// The line of the list that names `file`: by its path from the list's folder on, else by its name alone, where only
/// one line has that.
pub(super) fn line_of(
    file: &Path,
    list: &Path,
    checksums: &Checksums,
    verdict: &Arc<Verdict>,
) -> Result<Covered, CliError> {
    let covered = |digests: Vec<Digest>| Covered {
        path: file.to_owned(),
        digests,
        list: list.to_owned(),
        within: None,
        verdict: Arc::clone(verdict),
        instance: None,
    };
    let files = checksums.files();
    let folder = list.parent().unwrap_or_else(|| Path::new(""));
    let whole = file.strip_prefix(folder).unwrap_or(file).to_str();
    if let Some((_, digests)) = files.iter().find(|(name, _)| Some(*name) == whole) {
        return Ok(covered(digests.clone()));
    }
    let own = file.file_name().and_then(|name| name.to_str());
    let last = |name: &str| name.rsplit('/').next().map(ToOwned::to_owned);
    let same: Vec<_> = files
        .iter()
        .filter(|(name, _)| own.is_some() && last(name).as_deref() == own)
        .collect();
    let refused =
        |message: String| CliError::new(Exit::NoSignature, "SH-CHECKSUMS-UNLISTED", message);
    let (file, shown) = (file.display(), list.display());
    match same.as_slice() {
        [(_, digests)] => Ok(covered(digests.clone())),
        [] => Err(refused(format!("{file}: {shown} does not name it"))),
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| *name).collect();
            let message = format!("{file}: {shown} names several files that are called so");
            Err(refused(message).found(names.join(", ")))
        }
    }
}

impl Covered {
    /// Whether the file is the one that the list means.
    pub(super) fn check(&self, verification: &Verification<'_>) -> Checked {
        let mut checked = Checked::of(&self.path);
        checked.checksums = Some(self.list.display().to_string());
        let outcome = verification.allows(&self.verdict, self.instance.as_deref(), &self.path);
        checked.error = outcome
            .and_then(|()| self.compare(verification.output))
            .err();
        checked
    }

    fn compare(&self, output: Output) -> Result<(), CliError> {
        if let Some(folder) = &self.within {
            self.stay_within(folder)?;
        }
        let algorithms: Vec<HashAlgorithm> = self.digests.iter().map(Digest::algorithm).collect();
        let found = files::digests(&self.path, &algorithms, output).map_err(|error| match self
            .path
            .exists()
        {
            true => error,
            false => error.exits(Exit::NoArtifact),
        })?;
        match self.digests.iter().zip(&found).find(|(a, b)| a != b) {
            None => Ok(()),
            Some((expected, found)) => Err(CliError::new(
                Exit::NoMatchingSignature,
                "SH-CHECKSUMS-DIGEST",
                format!(
                    "{}: it is not the file that {} means",
                    self.path.display(),
                    self.list.display()
                ),
            )
            .expected(expected.to_string())
            .found(found.to_string())),
        }
    }

    /// A link may lead to a file elsewhere, which is not the one that was downloaded with the list.
    fn stay_within(&self, folder: &Path) -> Result<(), CliError> {
        let folder = match folder == Path::new("") {
            true => Path::new("."),
            false => folder,
        };
        let failed = |error| CliError::file("read", &self.path, &error);
        let folder = folder.canonicalize().map_err(failed)?;
        let file = self.path.canonicalize().map_err(failed)?;
        if file.starts_with(&folder) {
            return Ok(());
        }
        Err(CliError::new(
            Exit::NoMatchingSignature,
            "SH-CHECKSUMS-PATH",
            format!("{}: it leads out of the list's folder", self.path.display()),
        )
        .expected(format!("a file in {}", folder.display()))
        .found(file.display().to_string()))
    }
}
