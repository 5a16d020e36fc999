//! What git runs to sign and to verify (`gpg.x509.program`): its contract is in `signhere_git::program`.
//!
//! git captures standard output and standard error. The signature and the status lines go where git reads them;
//! what a person has to know of a failure goes to the terminal itself, where there is one.

mod sign;
mod verify;

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;
use signhere_git::config::Settings;
use signhere_git::object::MAX_OBJECT_LEN;
use signhere_git::program::{Action, Call, CallError, Content};

use super::{configured, failure, instance};
use crate::args::Cli;
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;

/// Does what git asks for.
pub(crate) fn run(call: Result<Call, CallError>) -> ExitCode {
    let failed = |error: &CliError| {
        report(error, false, None);
        ExitCode::from(error.exit().status())
    };
    let call = match call {
        Ok(call) => call,
        Err(error) => {
            let error = CliError::usage(format!("git's call is not understood: {error}"));
            return failed(&error.mend("signhere git doctor"));
        }
    };
    let mut status = match Status::open(call.status_fd) {
        Ok(status) => status,
        Err(error) => return failed(&error),
    };
    let prepared = prepared();
    match call.action {
        Action::Sign { .. } => {
            let log = prepared.as_ref().ok().and_then(Prepared::log);
            let signed = prepared.and_then(|ready| sign::run(&ready, &mut status));
            match signed {
                Ok(()) => {
                    failure::forget();
                    ExitCode::SUCCESS
                }
                Err(error) => {
                    report(&error, true, log.as_deref());
                    failure::keep(&error);
                    ExitCode::from(error.exit().status())
                }
            }
        }
        Action::Verify { signature, content } => {
            match verify::run(prepared, &signature, &content, &mut status) {
                Ok(exit) => ExitCode::from(exit.map_or(0, Exit::status)),
                Err(error) => failed(&error),
            }
        }
        _ => failed(&CliError::internal(&"git asks for something new")),
    }
}

/// What git's configuration and the environment ask for.
struct Prepared {
    context: Context,
    settings: Settings,
}

/// Nothing that cannot be read is left out: it may say where to sign, and a public log forgets nothing.
fn prepared() -> Result<Prepared, CliError> {
    let settings = configured::settings()?;
    // No argument: what has a variable gets its value.
    let of_variables = Cli::try_parse_from(["signhere", "git", "status"]);
    let mut global = of_variables
        .map_err(|error| CliError::usage(error.to_string().trim_start_matches("error: ")))?
        .global;
    global.json = false;
    global.quiet = true;
    if global.instance.is_none() {
        global.instance = settings.instance.as_ref().map(|named| named.value.clone());
    }
    Ok(Prepared {
        context: Context::new(global),
        settings,
    })
}

impl Prepared {
    /// The context with the instance that is named.
    fn context(&self) -> Result<Context, CliError> {
        instance::named(&self.context, &self.settings)
    }

    fn log(&self) -> Option<PathBuf> {
        let source = self.settings.log_path.as_ref()?;
        Some(PathBuf::from(&source.value))
    }
}

/// What is signed, whole.
fn content(from: &Content) -> Result<Vec<u8>, CliError> {
    let limit = u64::try_from(MAX_OBJECT_LEN).unwrap_or(u64::MAX);
    match from {
        Content::File(path) => files::read(path, limit),
        _ => files::read_from(io::stdin().lock(), Path::new("standard input"), limit),
    }
}

/// Where the status lines go.
enum Status {
    Nowhere,
    Output,
    Error,
    File(File),
}

impl Status {
    /// The descriptor that git named, before anything is done: a signature that git does not hear of is in the log for
    /// nothing.
    fn open(descriptor: Option<u32>) -> Result<Self, CliError> {
        let other = match descriptor {
            None => return Ok(Self::Nowhere),
            Some(1) => return Ok(Self::Output),
            Some(2) => return Ok(Self::Error),
            Some(other) => other,
        };
        let path = Path::new("/dev/fd").join(other.to_string());
        let opened = OpenOptions::new().append(true).open(&path);
        opened.map(Self::File).map_err(|error| {
            CliError::new(
                Exit::Failed,
                "SH-GIT-STATUS",
                format!("cannot write to the file descriptor {other} for status lines: {error}"),
            )
        })
    }

    fn write(&mut self, lines: &str) -> Result<(), CliError> {
        let written = match self {
            Self::Nowhere => Ok(()),
            Self::Output => write_all(&mut io::stdout().lock(), lines),
            Self::Error => write_all(&mut io::stderr().lock(), lines),
            Self::File(file) => write_all(file, lines),
        };
        written.map_err(|error| {
            CliError::new(
                Exit::Failed,
                "SH-GIT-STATUS",
                format!("cannot write the status lines: {error}"),
            )
        })
    }
}

fn write_all(to: &mut dyn io::Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}

/// Says what failed: on standard error, which git keeps to itself when it signs and is older than 2.40; therefore on
/// the terminal as well when `on_terminal`, and in gitsign's log file where one is set.
fn report(error: &CliError, on_terminal: bool, log: Option<&Path>) {
    let styled = error.render();
    let plain = anstream::adapter::strip_str(&styled).to_string();
    // Nobody is left to tell where this fails.
    if io::stderr().is_terminal() {
        let _ = anstream::stderr().write_all(styled.as_bytes());
    } else {
        let _ = io::stderr().write_all(plain.as_bytes());
        let is_shown = configured::version().is_some_and(|version| version >= [2, 40]);
        if on_terminal
            && !is_shown
            && let Ok(mut terminal) = OpenOptions::new().write(true).open("/dev/tty")
        {
            let _ = terminal.write_all(plain.as_bytes());
        }
    }
    if let Some(path) = log
        && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path)
    {
        let _ = file.write_all(plain.as_bytes());
    }
}
