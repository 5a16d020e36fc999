//! Runs the real binary: in a folder of its own, in a clean environment, and
//! never for longer than a minute.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "each test binary uses a part of this; a test may fail loudly"
)]

pub(crate) mod git;

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// Who signs in these tests.
pub(crate) const ALICE: &str = "alice@example.com";
/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a run of the program left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// The document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// A folder to work in, which is also the home.
pub(crate) struct Workplace {
    dir: TempDir,
}

impl Workplace {
    pub(crate) fn new() -> Self {
        let this = Self {
            dir: TempDir::new().unwrap(),
        };
        // What ships with the program is never too old here: no test asks the Internet.
        for name in ["public", "github", "staging"] {
            let folder = this.path(".local/share/signhere/tuf").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            let checked = "{\"tried\": 0, \"succeeded\": 4000000000}";
            std::fs::write(folder.join("checked.json"), checked).unwrap();
        }
        this
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The program, to be run here; nothing of the caller's environment
    /// reaches it but the search path.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signhere"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.dir.path())
            .env("PATH", search_path())
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        finish(self.command(args).spawn().unwrap())
    }

    /// Runs the program to its end, with one more variable in its environment.
    pub(crate) fn run_with<S: AsRef<OsStr>>(
        &self,
        variable: (&str, &str),
        args: impl IntoIterator<Item = S>,
    ) -> Ran {
        let (name, value) = variable;
        finish(self.command(args).env(name, value).spawn().unwrap())
    }

    /// Runs the program to its end, with `input` on its standard input.
    pub(crate) fn pipe<S: AsRef<OsStr>>(
        &self,
        input: &[u8],
        args: impl IntoIterator<Item = S>,
    ) -> Ran {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A program that does not read its input closes it: no failure of ours.
        thread::spawn(move || drop(stdin.write_all(&input)));
        finish(child)
    }
}

/// The caller's search path.
pub(crate) fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// Waits for a child, but not for ever.
pub(crate) fn finish(mut child: Child) -> Ran {
    let stdout = drain(child.stdout.take().unwrap());
    let stderr = child.stderr.take().map(drain);
    // The pipes close when the program ends; whoever still holds them then hangs.
    let wait = |pipe: mpsc::Receiver<String>, child: &mut Child| {
        pipe.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            child.kill().unwrap();
            panic!("the program did not end in {PATIENCE:?}")
        })
    };
    let stdout = wait(stdout, &mut child);
    let stderr = stderr.map_or_else(String::new, |stderr| wait(stderr, &mut child));
    Ran {
        code: child.wait().unwrap().code().unwrap_or(-1),
        stdout,
        stderr,
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        sender
            .send(String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
    });
    receiver
}

/// `signhere serve` on a free port, ended when this is dropped.
pub(crate) struct Instance {
    child: Child,
    pub(crate) folder: PathBuf,
    pub(crate) url: String,
    pub(crate) issuer: String,
}

impl Instance {
    pub(crate) fn start(place: &Workplace) -> Self {
        let folder = place.path("instance");
        let init = ["serve", "init", "--development", "--unlock", "file"];
        finish(place.command(init).arg(&folder).spawn().unwrap()).exits(0);
        let mut command = place.command(["--json", "serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.arg(&folder).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut documents = serde_json::Deserializer::from_reader(stdout).into_iter::<Value>();
            sender.send(documents.next()).unwrap_or_default();
        });
        let Ok(Some(Ok(announced))) = receiver.recv_timeout(PATIENCE) else {
            child.kill().unwrap();
            let mut stderr = String::new();
            let mut pipe = child.stderr.take().unwrap();
            pipe.read_to_string(&mut stderr).unwrap();
            panic!("the instance did not start: {stderr}");
        };
        let text = |name: &str| announced[name].as_str().unwrap().to_owned();
        Self {
            child,
            folder,
            url: text("url"),
            issuer: text("issuer"),
        }
    }

    /// The folder, as an argument.
    pub(crate) fn name(&self) -> &str {
        self.folder.to_str().unwrap()
    }

    /// An identity token of Alice's.
    pub(crate) fn token(&self, place: &Workplace) -> String {
        let ran = place.run(["token", "--instance", self.name(), "--email", ALICE]);
        ran.exits(0).stdout.trim().to_owned()
    }

    /// Signs a file as Alice.
    pub(crate) fn sign(&self, place: &Workplace, file: &Path) -> Ran {
        let token = self.token(place);
        let file = file.to_str().unwrap();
        place.run_with(
            ("SIGSTORE_ID_TOKEN", &token),
            ["sign", "--instance", self.name(), file],
        )
    }

    /// The flags that expect a signature of Alice's on this instance.
    pub(crate) fn expecting_alice(&self) -> [&str; 6] {
        [
            "--instance",
            self.name(),
            "--certificate-identity",
            ALICE,
            "--certificate-oidc-issuer",
            &self.issuer,
        ]
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every field of a document is in the reference.
pub(crate) fn is_documented(document: &Value) {
    match document {
        Value::Object(members) => {
            for (name, member) in members {
                let written = format!("`{name}`");
                let nested = format!(".{name}`");
                let list = format!("`{name}[]");
                let reference = include_str!("../../../../docs/reference/json.md");
                let known = [written, nested, list]
                    .iter()
                    .any(|text| reference.contains(text));
                assert!(known, "{name} is not in docs/reference/json.md");
                is_documented(member);
            }
        }
        Value::Array(items) => items.iter().for_each(is_documented),
        _ => {}
    }
}
