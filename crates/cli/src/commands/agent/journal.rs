//! What the agent tells of itself: a line for each event, with its time.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use signhere_pki::time::Clock as _;
use signhere_sign::agent::{Event, Journal};

use crate::clock::SystemClock;
use crate::env;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::text::safe;

/// A journal that has more bytes than this begins anew.
const LIMIT: u64 = 4 << 20;

/// Lines on standard error.
pub(super) struct ToStderr;

/// Lines in a file of the user's own.
pub(super) struct ToFile(Mutex<File>);

/// Where the journal is kept.
pub(super) fn path() -> Result<PathBuf, CliError> {
    let folder = env::state_dir().ok_or_else(|| {
        CliError::new(
            Exit::Failed,
            "SH-AGENT-START",
            "there is no place for the journal",
        )
        .mend("set HOME or XDG_STATE_HOME")
    })?;
    Ok(folder.join("agent.log"))
}

impl ToFile {
    /// The journal at `path`, which nobody else can read.
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let fail = |error: io::Error| CliError::file("write", path, &error);
        if let Some(folder) = path.parent() {
            let mut builder = DirBuilder::new();
            builder
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(fail)?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path);
        Ok(Self(Mutex::new(file.map_err(fail)?)))
    }
}

impl Journal for ToFile {
    fn note(&self, event: &Event<'_>) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if file.metadata().is_ok_and(|file| file.len() > LIMIT) {
            // It goes on where it is when it cannot be cut.
            let _ = file.set_len(0);
        }
        // A full disk is no reason not to sign.
        let _ = file.write_all(line(event).as_bytes());
    }
}

impl Journal for ToStderr {
    fn note(&self, event: &Event<'_>) {
        let _ = io::stderr().write_all(line(event).as_bytes());
    }
}

fn line(event: &Event<'_>) -> String {
    format!("{} {}\n", SystemClock.now(), safe(&event.to_string()))
}
