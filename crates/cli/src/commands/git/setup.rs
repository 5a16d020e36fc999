//! `signhere git setup`: git signs with this program from now on.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use signhere_git::config::{Entry, GitConfig, Scope};

use super::configured;
use super::kept::{self, Change};
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::output::style::{WARN, paint, tick};
use crate::output::text::safe;
use crate::policy;

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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    version: u32,
    scope: &'static str,
    changes: Vec<Change>,
    overridden: Vec<String>,
    trust_file: Option<String>,
}

pub(crate) fn run(context: &Context, args: &SetupArgs) -> Result<(), CliError> {
    let scope = args.place.scope()?;
    let wanted = wanted();
    let changes = kept::apply(scope, &wanted)?;
    let overridden = overridden(&configured::config()?, &wanted);
    let trust_file = match args.ref_policy {
        true => begin_trust_file()?,
        false => None,
    };
    if context.output.is_json() {
        return context.output.document(&Report {
            version: 1,
            scope: scope.as_str(),
            changes,
            overridden: overridden.iter().map(|entry| entry.key.clone()).collect(),
            trust_file: trust_file.map(|path| path.display().to_string()),
        });
    }
    tell(context, scope, &changes)?;
    for entry in overridden {
        let value = entry.value.as_deref().unwrap_or("true");
        let line = format!(
            "{} is {value} in the {} configuration ({}), and that counts",
            entry.key, entry.scope, entry.origin
        );
        let (mark, line) = (paint(WARN, "!"), safe(&line));
        context.output.line(format_args!("{mark} {line}"))?;
    }
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

/// What says something else than is wanted, and counts: another configuration that git reads later.
fn overridden(config: &GitConfig, wanted: &[(&'static str, String)]) -> Vec<Entry> {
    let counts = wanted.iter().filter_map(|(key, value)| {
        let entry = config.find(key)?;
        let is_same = match value.as_str() {
            "true" => entry.truth() == Some(true),
            value => entry.value.as_deref() == Some(value),
        };
        (!is_same).then(|| entry.clone())
    });
    counts.collect()
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

/// What the doctor tells git beside that.
pub(super) fn of_the_doctor() -> [(&'static str, String); 1] {
    [("gpg.mintrustlevel", "fully".to_owned())]
}

/// Whether a program's name is this program's, wherever it lies.
pub(super) fn is_own(program: &str) -> bool {
    let name = Path::new(program).file_stem();
    name.is_some_and(|name| name == PROGRAM)
}
