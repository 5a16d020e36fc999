//! What the program prints, and where.
//!
//! - Results go to standard output; everything else to standard error.
//! - `--json`: standard output carries one JSON document and nothing else.
//! - `--quiet`: nothing but errors.
//! - Colour only on a terminal, and never with `NO_COLOR`: `anstream` strips
//!   the styles that the functions here put in.

pub(crate) mod explain;
pub(crate) mod html;
pub(crate) mod progress;
pub(crate) mod sarif;
pub(crate) mod style;
pub(crate) mod text;
pub(crate) mod verdict;

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::args::GlobalArgs;
use crate::error::CliError;

/// How much is printed, and in which form.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    verbose: bool,
    has_bar: bool,
}

impl Output {
    /// The form that the flags ask for.
    pub(crate) fn new(global: &GlobalArgs) -> Self {
        Self {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            has_bar: false,
        }
    }

    /// Whether standard output carries JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Whether all the evidence is asked for.
    pub(crate) fn is_verbose(self) -> bool {
        self.verbose
    }

    /// Whether progress may be drawn: a terminal on standard error, and a
    /// person who wants to see it.
    pub(crate) fn shows_progress(self) -> bool {
        !self.json && !self.quiet && !self.has_bar && io::stderr().is_terminal()
    }

    /// The same, below a bar that is drawn already: one is enough.
    pub(crate) fn below_a_bar(self) -> Self {
        Self {
            has_bar: true,
            ..self
        }
    }

    /// The same, but for results: standard output carries something else.
    pub(crate) fn silent(self) -> Self {
        Self {
            quiet: true,
            ..self
        }
    }

    /// Prints a whole document, byte for byte.
    pub(crate) fn exactly(self, text: &str) -> Result<(), CliError> {
        io::stdout()
            .lock()
            .write_all(text.as_bytes())
            .map_err(|error| CliError::output(&error))
    }

    /// Prints one line of the result, for people.
    pub(crate) fn line(self, line: impl Display) -> Result<(), CliError> {
        if self.json || self.quiet {
            return Ok(());
        }
        self.raw(line)
    }

    /// Prints what was asked for by name (a token, a manual page), whatever the
    /// form.
    pub(crate) fn raw(self, text: impl Display) -> Result<(), CliError> {
        writeln!(anstream::stdout().lock(), "{text}").map_err(|error| CliError::output(&error))
    }

    /// Prints a remark on standard error, for people.
    pub(crate) fn note(self, line: impl Display) {
        if !self.json && !self.quiet {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(anstream::stderr().lock(), "{line}");
        }
    }

    /// Asks a person for something, whatever the form: on standard error.
    pub(crate) fn prompt(self, line: impl Display) {
        // Nobody can be asked when standard error is closed.
        let _ = writeln!(anstream::stderr().lock(), "{line}");
    }

    /// Prints the document of `--json`.
    pub(crate) fn document(self, document: &impl Serialize) -> Result<(), CliError> {
        let mut text =
            serde_json::to_string_pretty(document).map_err(|error| CliError::internal(&error))?;
        text.push('\n');
        io::stdout()
            .lock()
            .write_all(text.as_bytes())
            .map_err(|error| CliError::output(&error))
    }

    /// Prints an error: on standard error, or as a document with `--json`.
    pub(crate) fn error(self, error: &CliError) {
        if error.is_silent() {
            return;
        }
        if self.json {
            let _ = self.document(&error.document());
        } else {
            let _ = write!(anstream::stderr().lock(), "{}", error.render());
        }
    }
}
