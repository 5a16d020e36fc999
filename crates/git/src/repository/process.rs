//! A git process whose output is read with a limit of time, and which ends with its reader.

use std::io::{self, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::error::RepositoryError;
use super::program::Git;

/// How much is read from git at once, and how many such pieces may wait.
const CHUNK: usize = 64 * 1024;
const WAITING: usize = 4;
/// How much of what git complains about is kept.
const COMPLAINTS: u64 = 2 * 1024;
/// How long is waited for them once git has ended.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// A running git.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    chunks: Receiver<Vec<u8>>,
    current: Vec<u8>,
    position: usize,
    complaints: Receiver<Vec<u8>>,
    patience: Duration,
}

/// What a process left behind.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// The beginning of what it complained about.
    pub(super) complaints: String,
}

impl Process {
    /// Runs `command`; with `has_input`, what is written to [`Self::send`] is its standard input.
    pub(super) fn spawn(
        git: &Git,
        mut command: Command,
        has_input: bool,
    ) -> Result<Self, RepositoryError> {
        let failed = |error: io::Error| RepositoryError::Program {
            program: git.program().to_owned(),
            cause: error.to_string(),
        };
        if has_input {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().map_err(failed)?;
        let input = child.stdin.take();
        let (sender, chunks) = sync_channel(WAITING);
        if let Some(output) = child.stdout.take() {
            thread::spawn(move || pump(output, &sender));
        }
        let (complain, complaints) = sync_channel(1);
        if let Some(errors) = child.stderr.take() {
            thread::spawn(move || drain(errors, &complain));
        }
        Ok(Self {
            child,
            input,
            chunks,
            current: Vec::new(),
            position: 0,
            complaints,
            patience: git.patience(),
        })
    }

    /// Writes to the process, which has to have an input.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.input {
            Some(input) => input.write_all(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Tells the process that nothing more will be written.
    pub(super) fn close_input(&mut self) {
        self.input = None;
    }

    /// The output to the next `end`, without it; `None` where the output ends before.
    pub(super) fn until(
        &mut self,
        end: u8,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, RepositoryError> {
        let mut line = Vec::new();
        loop {
            let rest = self.current.get(self.position..).unwrap_or_default();
            let found = rest.iter().position(|byte| *byte == end);
            let taken = found.unwrap_or(rest.len());
            if line.len().saturating_add(taken) > limit {
                return Err(not_understood(&line));
            }
            line.extend_from_slice(rest.get(..taken).unwrap_or_default());
            self.position = self.position.saturating_add(taken);
            if found.is_some() {
                self.position = self.position.saturating_add(1);
                return Ok(Some(line));
            }
            if !self.refill()? {
                return Ok(None);
            }
        }
    }

    /// The next `count` bytes of output; `None` where it ends before.
    pub(super) fn exactly(&mut self, count: usize) -> Result<Option<Vec<u8>>, RepositoryError> {
        let mut bytes = Vec::with_capacity(count.min(CHUNK));
        while bytes.len() < count {
            let rest = self.current.get(self.position..).unwrap_or_default();
            let wanted = count.saturating_sub(bytes.len()).min(rest.len());
            bytes.extend_from_slice(rest.get(..wanted).unwrap_or_default());
            self.position = self.position.saturating_add(wanted);
            if bytes.len() < count && !self.refill()? {
                return Ok(None);
            }
        }
        Ok(Some(bytes))
    }

    /// All output that is left, as long as it is not more than `limit` bytes.
    pub(super) fn rest(&mut self, limit: usize) -> Result<Vec<u8>, RepositoryError> {
        let mut bytes = Vec::new();
        loop {
            let rest = self.current.get(self.position..).unwrap_or_default();
            if bytes.len().saturating_add(rest.len()) > limit {
                return Err(not_understood(&bytes));
            }
            bytes.extend_from_slice(rest);
            if !self.refill()? {
                return Ok(bytes);
            }
        }
    }

    /// Waits for a process whose output has ended.
    pub(super) fn end(&mut self) -> Result<Ended, RepositoryError> {
        self.input = None;
        let status = self.child.wait().map_err(|error| RepositoryError::Failed {
            cause: error.to_string(),
        })?;
        // Somebody whom git started may hold on to it for longer than git.
        let complaints = self.complaints.recv_timeout(AFTERWARDS).unwrap_or_default();
        Ok(Ended {
            status,
            complaints: String::from_utf8_lossy(&complaints).trim().to_owned(),
        })
    }

    /// Takes the next piece of output; `false` where there is none any more.
    fn refill(&mut self) -> Result<bool, RepositoryError> {
        match self.chunks.recv_timeout(self.patience) {
            Ok(chunk) => {
                self.current = chunk;
                self.position = 0;
                Ok(true)
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.current.clear();
                self.position = 0;
                Ok(false)
            }
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                Err(RepositoryError::Silent {
                    patience: self.patience,
                })
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill, and only its status is left to be taken.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The failure, unless there is none.
    pub(super) fn success(self) -> Result<(), RepositoryError> {
        if self.status.success() {
            return Ok(());
        }
        Err(self.failure())
    }

    /// The failure, in git's words or else by its status.
    pub(super) fn failure(self) -> RepositoryError {
        let cause = match self.complaints.is_empty() {
            true => self.status.to_string(),
            false => in_one_line(&self.complaints),
        };
        RepositoryError::Failed { cause }
    }
}

/// What git says, as a part of a sentence.
pub(super) fn in_one_line(complaints: &str) -> String {
    complaints.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An answer that is not understood: its beginning.
pub(super) fn not_understood(answer: &[u8]) -> RepositoryError {
    let start = answer.get(..answer.len().min(100)).unwrap_or_default();
    RepositoryError::Answer {
        answer: String::from_utf8_lossy(start).into_owned(),
    }
}

fn pump(mut output: impl Read, sender: &SyncSender<Vec<u8>>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        match output.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                let chunk = buffer.get(..count).unwrap_or_default().to_vec();
                if sender.send(chunk).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Keeps the beginning and reads the rest, so that nobody waits to be read.
fn drain(mut errors: impl Read, sender: &SyncSender<Vec<u8>>) {
    let mut kept = Vec::new();
    // What was read before an error is kept.
    let _ = errors.by_ref().take(COMPLAINTS).read_to_end(&mut kept);
    let _ = io::copy(&mut errors, &mut io::sink());
    let _ = sender.send(kept);
}
