//! Errors of TUF metadata and repositories, as a person is told of them.

use signhere_serve::tuf::RepositoryError;
use signhere_sign::tuf::ClientError;
use signhere_verify::tuf::TufError;
use signhere_verify::tuf::client::UpdateError;

use super::CliError;
use crate::exit::Exit;

impl From<TufError> for CliError {
    fn from(error: TufError) -> Self {
        Self::new(Exit::Trust, "SH-TUF", error.to_string())
    }
}

impl From<RepositoryError> for CliError {
    fn from(error: RepositoryError) -> Self {
        let message = error.to_string();
        match error {
            RepositoryError::Folder(error) => (*error).into(),
            RepositoryError::NoRootKey => Self::new(Exit::Failed, "SH-TUF-ROOT-KEY", message).mend(
                "name the file that it was taken offline to: --root-key FILE; where several people sign: signhere serve trust export-root",
            ),
            RepositoryError::RootExists { .. } => {
                Self::new(Exit::Retry, "SH-TUF-ROOT-EXISTS", message)
                    .mend("look at it: signhere serve trust show DIR; then begin again")
            }
            RepositoryError::Missing { .. } => Self::new(Exit::Trust, "SH-TUF-MISSING", message)
                .mend("start the instance once: its repository is made then"),
            RepositoryError::Document {
                error: TufError::Threshold { .. },
                ..
            } => Self::new(Exit::Trust, "SH-TUF-UNSIGNED", message).mend(
                "have it signed by the keys of the root before it and by its own: signhere serve trust sign-root FILE --key KEY",
            ),
            RepositoryError::Unreachable { .. } => Self::new(Exit::Usage, "SH-USAGE", message),
            _ => Self::new(Exit::Trust, "SH-TUF", message),
        }
    }
}

impl From<UpdateError> for CliError {
    fn from(error: UpdateError) -> Self {
        let message = error.to_string();
        let code = match &error {
            UpdateError::Document {
                error: TufError::Expired { .. },
                ..
            } => "SH-TUF-EXPIRED",
            UpdateError::Document {
                error: TufError::Threshold { .. },
                ..
            } => "SH-TUF-UNSIGNED",
            UpdateError::Rollback { .. } | UpdateError::Unlisted { .. } => "SH-TUF-ROLLBACK",
            UpdateError::Missing { .. } => "SH-TUF-MISSING",
            UpdateError::NotCached { .. } => "SH-TUF-NOT-CACHED",
            UpdateError::NoTarget { .. } => "SH-TUF-NO-TARGET",
            _ => "SH-TUF",
        };
        Self::new(Exit::Trust, code, message)
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Update(error) => error.into(),
            ClientError::Service(error) => error.into(),
            ClientError::File {
                doing,
                path,
                kind,
                detail,
            } => Self::file(doing, &path, &std::io::Error::new(kind, detail)),
            error => Self::new(Exit::Trust, "SH-TUF", error.to_string()),
        }
    }
}
