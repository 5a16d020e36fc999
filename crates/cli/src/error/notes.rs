//! What is kept beside commits: notes, rescued entries, statements.

use signhere_git::carry::{CarryError, PatchError};
use signhere_git::notes::{NOTES_REF, NotesError};
use signhere_git::repository::RepositoryError;
use signhere_git::rescue::RescueError;

use super::CliError;
use crate::exit::Exit;

impl From<NotesError> for CliError {
    fn from(error: NotesError) -> Self {
        let message = error.to_string();
        match error {
            NotesError::Repository(error @ RepositoryError::Missing { .. }) => Self::from(error)
                .mend(format!(
                    "git fetch --refetch --no-filter REMOTE {NOTES_REF}"
                )),
            // Of another kind than notes are.
            NotesError::Repository(RepositoryError::WrongKind { .. }) => {
                Self::new(Exit::Failed, "SH-GIT-NOTES", message)
            }
            NotesError::Repository(error) => error.into(),
            NotesError::Full { .. } => Self::new(Exit::Failed, "SH-GIT-NOTES-FULL", message),
            _ => Self::new(Exit::Failed, "SH-GIT-NOTES", message),
        }
    }
}

impl From<RescueError> for CliError {
    fn from(error: RescueError) -> Self {
        let code = match error {
            RescueError::NotFound => "SH-GIT-RESCUE-NONE",
            _ => "SH-GIT-RESCUE-OTHERS",
        };
        Self::new(Exit::Findings, code, error.to_string())
    }
}

impl From<PatchError> for CliError {
    fn from(error: PatchError) -> Self {
        let message = error.to_string();
        match error {
            PatchError::Repository(error) => error.into(),
            PatchError::Commit { .. } => {
                Self::new(Exit::NoMatchingSignature, "SH-GIT-OBJECT", message)
            }
            _ => Self::new(Exit::Failed, "SH-GIT-CARRY", message),
        }
    }
}

impl From<CarryError> for CliError {
    fn from(error: CarryError) -> Self {
        Self::new(Exit::Failed, "SH-GIT-CARRY", error.to_string())
    }
}
