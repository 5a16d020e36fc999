//! Errors that are kept, to be said again.

use serde::{Deserialize, Serialize};

use super::{CliError, ErrorFields, catalogue};
use crate::exit::Exit;

/// An error as it is kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorRecord {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) expected: Option<String>,
    pub(crate) found: Option<String>,
    pub(crate) mend: Option<String>,
    pub(crate) exit_code: u8,
}

impl ErrorRecord {
    /// What of an error is kept.
    pub(crate) fn of(error: &CliError) -> Self {
        let fields = error.fields();
        Self {
            code: fields.code.to_owned(),
            message: fields.message,
            expected: fields.expected,
            found: fields.found,
            mend: fields.mend,
            exit_code: error.exit().status(),
        }
    }

    /// The error again; `None` where its code or exit code is none of this program's.
    pub(crate) fn error(&self) -> Option<CliError> {
        let entry = catalogue::find(&self.code)?;
        let exit = Exit::of_status(self.exit_code)?;
        let mut error = CliError::new(exit, entry.code, self.message.as_str());
        if let Some(expected) = &self.expected {
            error = error.expected(expected);
        }
        if let Some(found) = &self.found {
            error = error.found(found);
        }
        Some(match &self.mend {
            Some(mend) => error.mend(mend),
            None => error,
        })
    }

    /// The error's fields in a document.
    pub(crate) fn fields(&self) -> Option<ErrorFields> {
        self.error().map(|error| error.fields())
    }
}
