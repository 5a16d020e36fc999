//! Git's other plumbing, for what is written beside history.

use std::ffi::OsStr;

use super::process::Process;
use super::{Repository, RepositoryError};

impl Repository {
    /// Runs git with these arguments and variables and this standard input, and returns what it prints. Like all else it
    /// is run without hooks and without the configuration of users; what it writes must be plumbing's own work.
    ///
    /// Git must read its input before it prints more than a little.
    ///
    /// # Errors
    /// [`RepositoryError::Failed`] when git says so, [`RepositoryError::TooMany`] when it prints more than `limit` bytes;
    /// the others when it cannot be run or stays silent.
    pub fn run(
        &self,
        arguments: &[&str],
        variables: &[(&str, &OsStr)],
        input: &[u8],
        limit: usize,
    ) -> Result<Vec<u8>, RepositoryError> {
        let mut command = self.source.git();
        command.args(arguments).envs(variables.iter().copied());
        let mut process = Process::spawn(&self.source.git, command, true)?;
        // A git that has ended says why by its status.
        let _ = process.send(input);
        process.close_input();
        let output = process.rest(limit).map_err(|error| match error {
            RepositoryError::Answer { .. } => RepositoryError::TooMany {
                what: "bytes in git's answer",
                limit,
            },
            error => error,
        })?;
        process.end()?.success()?;
        Ok(output)
    }
}
