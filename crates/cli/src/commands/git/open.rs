//! The repository that a command is about, and by whom its signatures are verified.

use std::path::{Path, PathBuf};

use signhere_git::policy::Policy;
use signhere_git::repository::{Git, Repository};
use signhere_git::verifier::{GitVerifier, Instance};

use crate::commands::Context;
use crate::error::CliError;
use crate::policy::AtHand;
use crate::trust::{self, TrustArgs};
use crate::{env, files};

/// The folder of kept verdicts in the user's cache.
pub(crate) const VERDICTS: &str = "git-verdicts";
/// No file that a trust file names is larger, in bytes.
const MAX_BESIDE: u64 = 1 << 20;
/// The program that reads repositories.
const GIT: &str = "git";

/// Opens the repository that `folder` is in, or the one here.
pub(crate) fn repository(folder: Option<&Path>) -> Result<Repository, CliError> {
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    Ok(Repository::open(git(), &folder)?)
}

/// The git program, with the little of the environment that it needs.
pub(crate) fn git() -> Git {
    Git::new(GIT, env::all_raw())
}

/// The folders of a repository: its own, and the work tree around it.
pub(crate) fn folders(repository: &Repository) -> Vec<PathBuf> {
    let own = repository.git_dir();
    let mut folders = vec![own.to_owned()];
    if own.file_name().is_some_and(|name| name == ".git") {
        folders.extend(own.parent().map(Path::to_owned));
    }
    folders
}

/// The verifier of all instances that are known or named, and a digest of whom it trusts.
pub(crate) fn verifier(
    context: &Context,
    args: &TrustArgs,
) -> Result<(GitVerifier, [u8; 32]), CliError> {
    let known = trust::known(context, args)?.all()?;
    let mut instances = known.instances.into_iter().map(|chosen| Instance {
        name: chosen.instance,
        verifier: chosen.verifier.as_ref().clone(),
    });
    let first = instances
        .next()
        .ok_or_else(|| CliError::internal(&"no instance is known"))?;
    Ok((GitVerifier::of_instances(first, instances), known.digest))
}

/// The policy of a trust file that was named; what it names is beside it.
pub(crate) fn policy(path: &Path) -> Result<Policy, CliError> {
    policy_of(AtHand::load(path)?)
}

/// The policy of a trust file that was read.
pub(crate) fn policy_of(found: AtHand) -> Result<Policy, CliError> {
    let base = found.file.base.clone().unwrap_or_default();
    let read = |name: &str| files::read_text(&Path::new(&base).join(name), MAX_BESIDE).ok();
    Policy::of_file(found.file, &read).map_err(|error| CliError::from(&error))
}
