//! The git program, and how it is called so that nothing but the objects decides what is read.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long git may say nothing, unless something else is asked for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What of the caller's environment git is given: how to find itself, and whose configuration says which folders are safe.
const PASSED: [&str; 7] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "TMPDIR",
    "SUDO_UID",
    "SYSTEMROOT",
    "USERPROFILE",
];

/// Variables that keep git from reading anything else than what it is asked for: no replaced objects, no grafts, no
/// history that ends early and says nothing of it, nothing fetched on the way, nobody asked.
const VARIABLES: [(&str, &str); 11] = [
    ("LC_ALL", "C"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_GRAFT_FILE", "/dev/null"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_PAGER", "cat"),
    ("GIT_SSH_COMMAND", "false"),
    ("GIT_ADVICE", "0"),
];

/// Settings that the repository's own configuration cannot change any more. A commit graph is a copy of what the
/// commits say, which nobody has checked.
const SETTINGS: [&str; 9] = [
    "advice.graftFileDeprecated=false",
    "core.commitGraph=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.useReplaceRefs=false",
    "core.sshCommand=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
];

/// The git program, and what of the caller's environment it may see.
#[derive(Clone, Debug)]
pub struct Git {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
    patience: Duration,
}

/// Where a push waits while hooks judge it (githooks(5), "pre-receive").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// The repository that is pushed to (`GIT_DIR`).
    pub git_dir: PathBuf,
    /// Where the pushed objects are (`GIT_OBJECT_DIRECTORY`).
    pub objects: Option<PathBuf>,
    /// Where all others are (`GIT_ALTERNATE_OBJECT_DIRECTORIES`), as git wrote it.
    pub alternates: Option<OsString>,
}

impl Git {
    /// The program, which is looked for in `PATH` if it is a bare name, with the few variables of `environment` that it
    /// needs.
    pub fn new(
        program: impl Into<PathBuf>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let is_passed = |name: &OsString| PASSED.iter().any(|passed| name == passed);
        Self {
            program: program.into(),
            environment: environment
                .into_iter()
                .filter(|(name, _)| is_passed(name))
                .collect(),
            patience: PATIENCE,
        }
    }

    /// The same, but git is ended when it says nothing for this long.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// What is run.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// How long git may say nothing.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Git in `folder`, which looks for the repository itself, and whether it is safe by the user's configuration.
    pub(super) fn discover(&self, folder: &Path) -> Command {
        let mut command = self.command();
        command.current_dir(folder);
        command
    }

    /// Git in the repository of this directory.
    pub(super) fn at(&self, git_dir: &Path, quarantine: Option<&Quarantine>) -> Command {
        let mut command = self.command();
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_SHALLOW_FILE", "")
            .env("GIT_DIR", git_dir)
            .current_dir(git_dir);
        if let Some(quarantine) = quarantine {
            if let Some(objects) = &quarantine.objects {
                command.env("GIT_OBJECT_DIRECTORY", objects);
            }
            if let Some(alternates) = &quarantine.alternates {
                command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", alternates);
            }
        }
        command
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(VARIABLES)
            .arg("--no-pager");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Quarantine {
    /// The quarantine that git tells a hook of by its variables; `None` where they name no repository. Relative paths are
    /// of the folder `here`. Other places for objects count only while there is a quarantine (`GIT_QUARANTINE_PATH`).
    pub fn from_variables(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        here: &Path,
    ) -> Option<Self> {
        let (mut git_dir, mut objects, mut alternates, mut place_of_push) =
            (None, None, None, None);
        for (name, value) in variables {
            let place = match name.to_str() {
                Some("GIT_DIR") => &mut git_dir,
                Some("GIT_OBJECT_DIRECTORY") => &mut objects,
                Some("GIT_ALTERNATE_OBJECT_DIRECTORIES") => &mut alternates,
                Some("GIT_QUARANTINE_PATH") => &mut place_of_push,
                _ => continue,
            };
            *place = Some(value).filter(|value| !value.is_empty());
        }
        let is_quarantined = place_of_push.is_some();
        Some(Self {
            git_dir: here.join(git_dir?),
            objects: objects
                .filter(|_| is_quarantined)
                .map(|path| here.join(path)),
            alternates: alternates.filter(|_| is_quarantined),
        })
    }
}
