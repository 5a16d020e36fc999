//! What the agent tells of itself: a line for each event, with its time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use signhere_pki::time::Clock as _;
use signhere_sign::agent::{Event, Journal};

use crate::clock::SystemClock;
use crate::env;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::output::text::safe;

/// A journal that has more bytes than this is put aside, in the place of the one before.
const LIMIT: u64 = 4 << 20;

/// Lines on standard error.
pub(super) struct ToStderr;

/// Lines in a file of the user's own.
pub(super) struct ToFile {
    path: PathBuf,
    file: Mutex<File>,
}

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
            files::make_private_folder(folder).map_err(fail)?;
        }
        let file = Mutex::new(open(path).map_err(fail)?);
        let path = path.to_owned();
        Ok(Self { path, file })
    }
}

impl Journal for ToFile {
    fn note(&self, event: &Event<'_>) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.metadata().is_ok_and(|file| file.len() > LIMIT) {
            // It goes on where it is when it cannot be put aside.
            let aside = fs::rename(&self.path, self.path.with_extension("log.1"));
            if let Ok(new) = aside.and_then(|()| open(&self.path)) {
                *file = new;
            }
        }
        // A full disk is no reason not to sign.
        let _ = file.write_all(line(event).as_bytes());
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path)
}

impl Journal for ToStderr {
    fn note(&self, event: &Event<'_>) {
        let _ = io::stderr().write_all(line(event).as_bytes());
    }
}

fn line(event: &Event<'_>) -> String {
    format!("{} {}\n", SystemClock.now(), safe(&event.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_journal_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.log");
        let journal = ToFile::open(&path).unwrap();
        journal.note(&Event::Started);
        let first = fs::read_to_string(&path).unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(LIMIT + 1)
            .unwrap();
        journal.note(&Event::Stopped);
        let aside = fs::read(folder.path().join("agent.log.1")).unwrap();
        assert!(aside.starts_with(first.as_bytes()));
        let now = fs::read_to_string(&path).unwrap();
        assert!(
            now.ends_with("Z stopped\n") && now.lines().count() == 1,
            "{now}"
        );
    }
}
