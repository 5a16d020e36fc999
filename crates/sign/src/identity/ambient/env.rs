//! The environment as data: variables, small files, short commands.

use std::{
    collections::HashMap, io::Read as _, path::Path, pin::Pin, process::Stdio, time::Duration,
};

use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

/// The most read from a file or a command, in bytes: more than any token that is accepted.
const MAX_LENGTH: u64 = 128 << 10;

/// How long a command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// What ambient identities are looked for in.
pub trait Env: Send + Sync {
    /// The value of an environment variable, if it is set.
    fn var(&self, name: &str) -> Option<String>;

    /// The contents of a small file.
    fn read(&self, path: &Path) -> Result<Vec<u8>, EnvError>;

    /// What a program found on the PATH writes to standard output.
    fn run<'a>(&'a self, program: &'a str, arguments: &'a [&'a str]) -> Running<'a>;
}

/// The future of [`Env::run`].
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, EnvError>> + Send + 'a>>;

/// A file or a command fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvError {
    /// A file cannot be read.
    #[error("{path}: {kind}")]
    File {
        /// Its path.
        path: String,
        /// Why not.
        kind: std::io::ErrorKind,
    },
    /// A file or an output is longer than any token.
    #[error("{source_name} is longer than {MAX_LENGTH} bytes")]
    TooLong {
        /// The file or program.
        source_name: String,
    },
    /// A program cannot be started.
    #[error("`{program}` cannot be run: {kind}")]
    NotRun {
        /// Its name.
        program: String,
        /// Why not.
        kind: std::io::ErrorKind,
    },
    /// A program fails.
    #[error("`{program}` failed ({status})")]
    Failed {
        /// Its name.
        program: String,
        /// Its exit status.
        status: String,
    },
    /// A program takes too long.
    #[error("`{program}` did not end in time")]
    TimedOut {
        /// Its name.
        program: String,
    },
}

/// The real files and programs, with the variables it is given.
#[derive(Clone, Default)]
pub struct SystemEnv {
    variables: HashMap<String, String>,
}

impl SystemEnv {
    /// An environment with these variables, usually those of the process.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            variables: variables.into_iter().collect(),
        }
    }
}

impl Env for SystemEnv {
    fn var(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, EnvError> {
        let fail = |error: std::io::Error| EnvError::File {
            path: path.display().to_string(),
            kind: error.kind(),
        };
        let mut contents = Vec::new();
        let file = std::fs::File::open(path).map_err(fail)?;
        let mut bounded = file.take(MAX_LENGTH + 1);
        bounded.read_to_end(&mut contents).map_err(fail)?;
        if bounded.limit() == 0 {
            return Err(EnvError::TooLong {
                source_name: path.display().to_string(),
            });
        }
        Ok(contents)
    }

    fn run<'a>(&'a self, program: &'a str, arguments: &'a [&'a str]) -> Running<'a> {
        Box::pin(async move {
            let run = run(program, arguments);
            let ended = tokio::time::timeout(COMMAND_TIMEOUT, run).await;
            ended.unwrap_or_else(|_| {
                Err(EnvError::TimedOut {
                    program: program.to_owned(),
                })
            })
        })
    }
}

/// Standard input is closed and standard error is ours, so that a program can say what it lacks.
async fn run(program: &str, arguments: &[&str]) -> Result<Vec<u8>, EnvError> {
    let not_run = |error: std::io::Error| EnvError::NotRun {
        program: program.to_owned(),
        kind: error.kind(),
    };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(not_run)?;
    let mut output = Zeroizing::new(Vec::new());
    if let Some(stdout) = child.stdout.take() {
        let mut bounded = stdout.take(MAX_LENGTH + 1);
        bounded.read_to_end(&mut output).await.map_err(not_run)?;
        if bounded.limit() == 0 {
            return Err(EnvError::TooLong {
                source_name: program.to_owned(),
            });
        }
    }
    let status = child.wait().await.map_err(not_run)?;
    match status.success() {
        true => Ok(std::mem::take(&mut *output)),
        false => Err(EnvError::Failed {
            program: program.to_owned(),
            status: status.to_string(),
        }),
    }
}
