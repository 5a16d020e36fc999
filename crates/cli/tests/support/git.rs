//! git, with the program under test on its search path and in a home of its own.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::{Ran, Workplace, finish, search_path};

/// Whether git is at hand; where it is not, a line says that the test was skipped.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
pub(crate) fn has_git() -> bool {
    let found = Command::new("git").arg("version").output().is_ok();
    if !found {
        println!("skipped: there is no git on the search path");
    }
    found
}

/// git in one folder.
pub(crate) struct Git {
    pub(crate) folder: PathBuf,
    home: PathBuf,
    variables: Vec<(String, String)>,
}

impl Git {
    pub(crate) fn new(place: &Workplace, folder: &Path) -> Self {
        Self {
            folder: place.path("").join(folder),
            home: place.path(""),
            variables: Vec::new(),
        }
    }

    /// With one more variable in its environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs git, which has to succeed.
    #[track_caller]
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        self.try_run(args).exits(0)
    }

    /// Runs git; the line that it prints.
    #[track_caller]
    pub(crate) fn line<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        self.run(args).stdout.trim_end().to_owned()
    }

    /// Runs git.
    pub(crate) fn try_run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        finish(self.command(args).spawn().unwrap())
    }

    /// Runs git with `input` on its standard input.
    pub(crate) fn feed<S: AsRef<OsStr>>(
        &self,
        input: &[u8],
        args: impl IntoIterator<Item = S>,
    ) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        thread::spawn(move || drop(stdin.write_all(&input)));
        finish(child)
    }

    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_signhere"));
        let mut path = OsString::from(program.parent().unwrap());
        path.push(":");
        path.push(search_path());
        let mut command = Command::new("git");
        command
            .args(args)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("HOME", &self.home)
            .env("PATH", path)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}
