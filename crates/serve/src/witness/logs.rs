//! The list of the logs that a witness cosigns: a verifier key a line, then the origin if that is not the key's name.
//!
//! ```text
//! # the registry's log
//! log-1.registry.example+1a2b3c4d+AXq…
//! shared-key.example+5e6f7a8b+AQ0…  log.example/2026
//! ```

use signhere_log::note::{NoteError, NoteVerifier};
use thiserror::Error;

/// The largest list that is read, in bytes.
pub(super) const MAX_FILE: usize = 512 * 1024;

/// The most logs of a list.
const MAX_LOGS: usize = 1024;

/// A log that is witnessed.
#[derive(Debug, Clone)]
pub(crate) struct WitnessedLog {
    /// The first line of its checkpoints.
    pub(crate) origin: String,
    /// Checks its signatures.
    pub(crate) verifier: NoteVerifier,
}

/// Why a file is no list of logs to be witnessed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
#[error("line {line}: {fault}")]
pub struct LogsError {
    /// The line, counted from one.
    pub line: usize,
    /// What is wrong with it.
    pub fault: LogsFault,
}

/// What is wrong with a line of a list of logs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogsFault {
    /// The line is not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// More than a key and an origin.
    #[error("a verifier key was expected, and at most an origin after it")]
    Form,
    /// The key cannot be read.
    #[error(transparent)]
    Key(NoteError),
    /// The key is a witness's: what it signs is no log's checkpoint.
    #[error("the key of {name} is a witness's, not a log's")]
    WitnessKey {
        /// The name in the key.
        name: String,
    },
    /// A log of this origin was listed before: whose checkpoints are to be cosigned?
    #[error("the log {origin} is listed twice")]
    Twice {
        /// The origin.
        origin: String,
    },
    /// More lines than are read.
    #[error("more than {limit} logs")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

/// The logs in a list.
pub(super) fn parse(file: &[u8]) -> Result<Vec<WitnessedLog>, LogsError> {
    let mut logs: Vec<WitnessedLog> = Vec::new();
    for (line, number) in file.split(|byte| *byte == b'\n').zip(1..) {
        let at_line = |fault| LogsError {
            line: number,
            fault,
        };
        let line = std::str::from_utf8(line).map_err(|_| at_line(LogsFault::NotUtf8))?;
        let mut words = line.split_ascii_whitespace();
        let Some(key) = words.next().filter(|word| !word.starts_with('#')) else {
            continue;
        };
        let verifier =
            NoteVerifier::parse_vkey(key).map_err(|error| at_line(LogsFault::Key(error)))?;
        let name = verifier.name().to_owned();
        if verifier.is_cosignature() {
            return Err(at_line(LogsFault::WitnessKey { name }));
        }
        let origin = words.next().map_or(name, str::to_owned);
        if words.next().is_some() {
            return Err(at_line(LogsFault::Form));
        }
        if logs.iter().any(|log| log.origin == origin) {
            return Err(at_line(LogsFault::Twice { origin }));
        }
        if logs.len() >= MAX_LOGS {
            return Err(at_line(LogsFault::TooMany { limit: MAX_LOGS }));
        }
        logs.push(WitnessedLog { origin, verifier });
    }
    Ok(logs)
}

#[cfg(test)]
mod tests {
    use signhere_pki::key::{KeyKind, PrivateKey};

    use super::*;

    fn vkeys() -> (String, String) {
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        let log = NoteVerifier::ed25519("log.example", key.public_key()).unwrap();
        let witness = NoteVerifier::cosignature_v1("w.example", key.public_key()).unwrap();
        (log.to_vkey(), witness.to_vkey())
    }

    #[test]
    fn logs_are_listed_by_key_and_origin() {
        let (log, _) = vkeys();
        let file = format!("# a comment\n\n  {log}\n{log}\tlog.example/2\n#{log}\n");
        let origins: Vec<_> = parse(file.as_bytes())
            .unwrap()
            .into_iter()
            .map(|log| (log.origin, log.verifier.to_vkey()))
            .collect();
        let expected = ["log.example", "log.example/2"].map(|o| (o.to_owned(), log.clone()));
        assert_eq!(origins, expected);
        assert!(parse(b"").unwrap().is_empty());
    }

    #[test]
    fn faults_are_named_with_their_line() {
        let (log, witness) = vkeys();
        let name = "w.example".to_owned();
        let origin = "log.example".to_owned();
        let found = "key".to_owned();
        let many: String = (0..=MAX_LOGS).map(|n| format!("{log} {n}\n")).collect();
        let cases = [
            (format!("{log} a b\n"), 1, LogsFault::Form),
            (
                "\nkey\n".to_owned(),
                2,
                LogsFault::Key(NoteError::Vkey { found }),
            ),
            (witness, 1, LogsFault::WitnessKey { name }),
            (format!("{log}\n{log}\n"), 2, LogsFault::Twice { origin }),
            (many, MAX_LOGS + 1, LogsFault::TooMany { limit: MAX_LOGS }),
        ];
        for (file, line, fault) in cases {
            assert_eq!(
                parse(file.as_bytes()).map(|_| ()),
                Err(LogsError { line, fault })
            );
        }
        assert_eq!(
            parse(b"\n\xff\n").map(|_| ()),
            Err(LogsError {
                line: 2,
                fault: LogsFault::NotUtf8
            })
        );
    }
}
