//! What git says of itself: its version, its configuration, its repository.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use signhere_git::config::{GitConfig, MAX_LIST_LEN, Scope, Settings};

use crate::env;
use crate::error::CliError;
use crate::exit::Exit;

/// What git's configuration here says of signing. What cannot be read is not taken for empty: it may name whom to trust
/// and where to sign.
pub(crate) fn settings() -> Result<Settings, CliError> {
    Ok(Settings::read(&config()?, &env::var))
}

/// git's configuration, as it is in force here.
pub(crate) fn config() -> Result<GitConfig, CliError> {
    list(&["--list"])
}

/// What stands in the file of one configuration that git writes to, without what it includes; nothing where there is no
/// such file.
pub(super) fn own(scope: Scope) -> Result<GitConfig, CliError> {
    list(&[flag(scope), "--no-includes", "--get-regexp", "."])
}

fn list(which: &[&str]) -> Result<GitConfig, CliError> {
    let args = ["config", "-z", "--show-scope", "--show-origin"];
    let ran = Ran::git(args.iter().chain(which))?;
    // That there is nothing.
    let list = match ran.code {
        Some(1) if ran.said.is_empty() => Vec::new(),
        _ => ran.succeeded()?,
    };
    GitConfig::parse(&list)
        .map_err(|error| CliError::new(Exit::Failed, "SH-GIT-CONFIG", error.to_string()))
}

/// The option that names a configuration.
pub(super) fn flag(scope: Scope) -> &'static str {
    match scope {
        Scope::Global => "--global",
        Scope::Worktree => "--worktree",
        Scope::System => "--system",
        _ => "--local",
    }
}

/// The first two numbers of git's version.
pub(crate) fn version() -> Option<[u32; 2]> {
    let said = String::from_utf8(git(["version"]).ok()?).ok()?;
    version_of(&said)
}

/// The root of the work tree; `None` outside of one.
pub(crate) fn work_tree() -> Option<PathBuf> {
    one_path(["rev-parse", "--show-toplevel"])
}

/// The folder of the repository; `None` outside of one.
pub(crate) fn repository() -> Option<PathBuf> {
    one_path(["rev-parse", "--absolute-git-dir"])
}

/// Runs git; what it prints.
pub(crate) fn git<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<Vec<u8>, CliError> {
    Ran::git(args)?.succeeded()
}

/// What came of running git.
struct Ran {
    code: Option<i32>,
    said: Vec<u8>,
    complaint: Vec<u8>,
}

impl Ran {
    fn git<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<Self, CliError> {
        let missing = |error: std::io::Error| {
            CliError::new(
                Exit::Failed,
                "SH-GIT-MISSING",
                format!("git cannot be run: {error}"),
            )
        };
        let mut command = Command::new("git");
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(missing)?;
        let limit = u64::try_from(MAX_LIST_LEN).unwrap_or(u64::MAX);
        let mut said = Vec::new();
        let read = child.stdout.take().map(|pipe| {
            // One more than is read tells that there is more.
            pipe.take(limit.saturating_add(1)).read_to_end(&mut said)
        });
        let mut complaint = Vec::new();
        if let Some(pipe) = child.stderr.take() {
            let _ = pipe.take(4096).read_to_end(&mut complaint);
        }
        let status = child.wait().map_err(missing)?;
        read.transpose().map_err(missing)?;
        Ok(Self {
            code: status.code(),
            said,
            complaint,
        })
    }

    fn succeeded(self) -> Result<Vec<u8>, CliError> {
        if self.code == Some(0) {
            return Ok(self.said);
        }
        let complaint = String::from_utf8_lossy(&self.complaint);
        let complaint = complaint.trim().lines().next().unwrap_or_default();
        let complaint = complaint.trim_start_matches("fatal: ");
        Err(CliError::new(
            Exit::Failed,
            "SH-GIT-FAILED",
            format!("git says: {complaint}"),
        ))
    }
}

fn one_path<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Option<PathBuf> {
    let said = String::from_utf8(git(args).ok()?).ok()?;
    let line = said.strip_suffix('\n').unwrap_or(&said);
    (!line.is_empty()).then(|| Path::new(line).to_owned())
}

fn version_of(said: &str) -> Option<[u32; 2]> {
    let numbers = said.trim().strip_prefix("git version ")?;
    let mut numbers = numbers.split(['.', ' ', '-']);
    let mut next = || numbers.next()?.parse().ok();
    Some([next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(version_of("git version 2.39.5\n"), Some([2, 39]));
        assert_eq!(
            version_of("git version 2.50.1 (Apple Git-155)"),
            Some([2, 50])
        );
        assert_eq!(version_of("git version 3.0-rc1"), Some([3, 0]));
        assert_eq!(version_of("git version 2.51.windows.1"), Some([2, 51]));
        assert_eq!(version_of("hub version 1"), None);
    }
}
