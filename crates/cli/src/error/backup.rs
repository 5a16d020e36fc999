//! Why there is no copy of an instance, for people.

use signhere_serve::backup::BackupError;

use super::CliError;
use crate::exit::Exit;

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        let message = error.to_string();
        match error {
            BackupError::Folder(error) => error.into(),
            BackupError::InUse { .. } => Self::new(Exit::Retry, "SH-BACKUP-IN-USE", message)
                .mend("wait until the other one is done"),
            BackupError::Inside { .. } | BackupError::Other { .. } => {
                Self::new(Exit::Failed, "SH-BACKUP-FOLDER", message).mend("name another folder")
            }
            BackupError::Entry { .. } | BackupError::Root { .. } => {
                Self::new(Exit::Failed, "SH-BACKUP-DAMAGED", message)
                    .mend("take the log's tiles from an older copy: they never change")
            }
            _ => Self::new(Exit::Failed, "SH-BACKUP", message),
        }
    }
}
