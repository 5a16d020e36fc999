//! `signhere git setup`: git signs with this program from now on.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use signhere_git::config::{GitConfig, Scope};

use super::configured;
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::output::style::tick;
use crate::output::text::safe;
use crate::policy;

/// Where git keeps what a key said before.
pub(super) const BEFORE: &str = "signhere.before-";

/// The program's name, where the search path leads to it.
pub(super) const PROGRAM: &str = "signhere";

/// Let git sign commits and tags with the identity you already have
///
/// Sets gpg.format, gpg.x509.program, commit.gpgsign, tag.gpgsign and tag.forceSignAnnotated, and says what it changed.
/// What stood there before is kept in git's configuration, and `signhere git unset` puts it back.
#[derive(Args, Debug)]
pub(crate) struct SetupArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Begin a trust file, .signhere/trust.toml, where the repository has none
    #[arg(long)]
    ref_policy: bool,
}

/// Whose configuration.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct PlaceArgs {
    /// For all your repositories
    #[arg(long, conflicts_with = "local")]
    global: bool,
    /// For this repository [default where there is one]
    #[arg(long)]
    local: bool,
}

impl PlaceArgs {
    /// The configuration that is meant: this repository's, or the user's outside of one.
    pub(super) fn scope(self) -> Result<Scope, CliError> {
        let is_here = configured::repository().is_some();
        match (self.global, self.local, is_here) {
            (true, ..) | (false, false, false) => Ok(Scope::Global),
            (false, _, true) => Ok(Scope::Local),
            (false, true, false) => Err(CliError::new(
                Exit::Usage,
                "SH-GIT-FAILED",
                "--local goes with a repository, and there is none here",
            )
            .mend("signhere git setup --global")),
        }
    }
}

/// A key that was set.
#[derive(Debug, Serialize)]
pub(super) struct Change {
    pub(super) key: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    version: u32,
    scope: &'static str,
    changes: Vec<Change>,
    trust_file: Option<String>,
}

pub(crate) fn run(context: &Context, args: &SetupArgs) -> Result<(), CliError> {
    let scope = args.place.scope()?;
    let config = configured::config()?;
    let changes = apply(&config, scope, &wanted())?;
    let trust_file = match args.ref_policy {
        true => begin_trust_file()?,
        false => None,
    };
    if context.output.is_json() {
        return context.output.document(&Report {
            version: 1,
            scope: scope.as_str(),
            changes,
            trust_file: trust_file.map(|path| path.display().to_string()),
        });
    }
    tell(context, scope, &changes)?;
    if let Some(path) = trust_file {
        let path = path.display().to_string();
        context
            .output
            .line(format_args!("{} began {}", tick(), safe(&path)))?;
    }
    context
        .output
        .note("\nNext: signhere git doctor, or just: git commit");
    Ok(())
}

/// What git is to be told.
pub(super) fn wanted() -> [(&'static str, String); 5] {
    [
        ("gpg.format", "x509".to_owned()),
        ("gpg.x509.program", program()),
        ("commit.gpgsign", "true".to_owned()),
        ("tag.gpgsign", "true".to_owned()),
        ("tag.forcesignannotated", "true".to_owned()),
    ]
}

/// Sets the keys in one configuration, and keeps what they said there; those that say it already are left alone.
pub(super) fn apply(
    config: &GitConfig,
    scope: Scope,
    wanted: &[(&'static str, String)],
) -> Result<Vec<Change>, CliError> {
    let mut changes = Vec::new();
    for (key, value) in wanted {
        let here = |key: &str| {
            let found = config.all(key).rfind(|entry| entry.scope == scope);
            found.map(|entry| entry.value.clone().unwrap_or_else(|| "true".to_owned()))
        };
        let before = here(key);
        if before.as_deref() == Some(value.as_str()) {
            continue;
        }
        // Only what was there before the first time: not what this program wrote.
        let kept = kept_as(key);
        if here(&kept).is_none() {
            set(scope, &kept, before.as_deref().unwrap_or_default())?;
        }
        set(scope, key, value)?;
        changes.push(Change {
            key: (*key).to_owned(),
            before,
            after: Some(value.clone()),
        });
    }
    Ok(changes)
}

/// The key that remembers what `key` said.
pub(super) fn kept_as(key: &str) -> String {
    format!("{BEFORE}{}", key.replace('.', "-"))
}

pub(super) fn set(scope: Scope, key: &str, value: &str) -> Result<(), CliError> {
    configured::git(["config", flag(scope), "--replace-all", key, value]).map(drop)
}

pub(super) fn unset(scope: Scope, key: &str) -> Result<(), CliError> {
    configured::git(["config", flag(scope), "--unset-all", key]).map(drop)
}

fn flag(scope: Scope) -> &'static str {
    match scope {
        Scope::Global => "--global",
        Scope::Worktree => "--worktree",
        Scope::System => "--system",
        _ => "--local",
    }
}

pub(super) fn tell(context: &Context, scope: Scope, changes: &[Change]) -> Result<(), CliError> {
    if changes.is_empty() {
        return context.output.line(format_args!(
            "{} nothing to change in the {scope} configuration",
            tick()
        ));
    }
    for change in changes {
        let after = match &change.after {
            Some(value) => safe(value).into_owned(),
            None => "not set".to_owned(),
        };
        let before = match &change.before {
            Some(value) => format!(" (was {})", safe(value)),
            None => String::new(),
        };
        let key = safe(&change.key);
        context
            .output
            .line(format_args!("{} {scope}: {key} = {after}{before}", tick()))?;
    }
    Ok(())
}

/// This program as git finds it: by name where the search path leads here, else by its path.
fn program() -> String {
    let Ok(own) = std::env::current_exe().and_then(|path| path.canonicalize()) else {
        return PROGRAM.to_owned();
    };
    match on_path(PROGRAM) {
        Some(found) if found == own => PROGRAM.to_owned(),
        _ => own.display().to_string(),
    }
}

/// The program that a name leads to, by the search path.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = crate::env::var("PATH")?;
    let mut found = std::env::split_paths(&path).map(|folder| folder.join(name));
    found.find(|path| is_program(path))?.canonicalize().ok()
}

pub(super) fn is_program(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else {
        return false;
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    metadata.is_file()
}

/// Lays down a trust file that lists nobody, where the repository has none.
fn begin_trust_file() -> Result<Option<PathBuf>, CliError> {
    if configured::work_tree().is_none() {
        return Err(CliError::new(
            Exit::Usage,
            "SH-GIT-FAILED",
            "--ref-policy goes with a repository, and there is none here",
        ));
    }
    let path = policy::place_here();
    if path.exists() {
        return Ok(None);
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| CliError::file("make", folder, &error))?;
    }
    files::create_new(&path, START.as_bytes(), false)?;
    Ok(Some(path))
}

/// The beginning of a trust file for commits.
const START: &str = "\
# Who may sign here. What may stand in this file: docs/reference/trust.toml.md
# To list somebody: signhere trust add --email ADDRESS --issuer google
# Then uncomment the rules below, and name the signers.

# [git]
# since = \"COMMIT\"                  # this commit and its ancestors are not judged
#
# [git.teams]
# maintainers = [\"NAME\"]
#
# [git.rules.main]
# refs = [\"refs/heads/main\"]
# signers = [\"maintainers\"]
# threshold = 1
";

/// Whether a program's name is this program's, wherever it lies.
pub(super) fn is_own(program: &str) -> bool {
    let name = Path::new(program).file_stem();
    name.is_some_and(|name| name == PROGRAM)
}
