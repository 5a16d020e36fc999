//! Git repositories for tests: in folders that go away, made by the real git, the same in every run.

#![expect(
    clippy::expect_used,
    reason = "a repository that cannot be made must fail the test"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// When commits and tags are made unless a test says otherwise: in seconds of Unix time, in UTC.
pub const WHEN: &str = "1700000000 +0000";

/// A repository in a folder of its own.
#[derive(Debug)]
pub struct GitRepository {
    folder: TempDir,
    path: PathBuf,
}

impl GitRepository {
    /// A new repository with a work tree and the branch `main`, which is not born yet.
    ///
    /// # Panics
    /// When git cannot be run.
    #[must_use]
    pub fn new() -> Self {
        Self::init(&[])
    }

    /// The same, with objects that are named by SHA-256.
    ///
    /// # Panics
    /// When git cannot be run.
    #[must_use]
    pub fn sha256() -> Self {
        Self::init(&["--object-format=sha256"])
    }

    /// A bare repository.
    ///
    /// # Panics
    /// When git cannot be run.
    #[must_use]
    pub fn bare() -> Self {
        Self::init(&["--bare"])
    }

    /// A clone of `other` by its `file://` address, with more `flags` such as `--depth=1`.
    ///
    /// # Panics
    /// When git fails.
    #[must_use]
    pub fn cloned(other: &Path, flags: &[&str]) -> Self {
        let this = Self::nowhere();
        let address = format!("file://{}", other.display());
        let mut arguments = vec!["clone", "-q"];
        arguments.extend(flags);
        arguments.extend([address.as_str(), "."]);
        this.git(&arguments);
        this
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder beside it, which goes away with it.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs git in it, with nobody's configuration but the repository's, and returns what it prints, trimmed.
    ///
    /// # Panics
    /// When git fails.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, &[], b"")
    }

    /// The same with more variables, and with standard input.
    ///
    /// # Panics
    /// When git fails, or prints what is not UTF-8.
    pub fn git_with(&self, arguments: &[&str], variables: &[(&str, &str)], input: &[u8]) -> String {
        let output = self.try_git(arguments, variables, input);
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).expect("git prints UTF-8");
        text.trim_end().to_owned()
    }

    /// The same, whatever becomes of it.
    ///
    /// # Panics
    /// When git cannot be run.
    pub fn try_git(&self, arguments: &[&str], variables: &[(&str, &str)], input: &[u8]) -> Output {
        let mut command = self.command("git");
        command.args(arguments).envs(variables.iter().copied());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("git runs");
        // Who does not read closes its end.
        let _ = child.stdin.take().expect("piped").write_all(input);
        child.wait_with_output().expect("git ends")
    }

    /// A program that is run in the folder, with nobody's git configuration but the repository's.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(&self.path)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@example.com")
            .env("GIT_AUTHOR_DATE", WHEN)
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", "ada@example.com")
            .env("GIT_COMMITTER_DATE", WHEN)
            .env("LC_ALL", "C");
        command
    }

    /// Writes a file of the work tree.
    ///
    /// # Panics
    /// When that fails.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path.join(name);
        let folder = path.parent().expect("below the repository");
        std::fs::create_dir_all(folder).expect("a folder can be made");
        std::fs::write(path, content).expect("a file can be written");
    }

    /// Commits all that is in the work tree, and returns the commit's id.
    ///
    /// # Panics
    /// When git fails.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Stores these bytes as an object of a kind, whatever they say, and returns its id.
    ///
    /// # Panics
    /// When git fails.
    pub fn store(&self, kind: &str, bytes: &[u8]) -> String {
        let arguments = ["hash-object", "-w", "--literally", "-t", kind, "--stdin"];
        self.git_with(&arguments, &[], bytes)
    }

    fn init(flags: &[&str]) -> Self {
        let this = Self::nowhere();
        let mut arguments = vec!["init", "-q", "--initial-branch=main"];
        arguments.extend(flags);
        this.git(&arguments);
        this
    }

    fn nowhere() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("repository");
        std::fs::create_dir(&path).expect("a folder can be made");
        let path = path.canonicalize().expect("it is there");
        Self { folder, path }
    }
}

impl Default for GitRepository {
    fn default() -> Self {
        Self::new()
    }
}
