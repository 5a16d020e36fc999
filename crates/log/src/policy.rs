//! Which cosignatures make a checkpoint believed (C2SP tlog-policy).
//!
//! ```text
//! log <vkey> [<url>]
//! witness <name> <vkey> [<url>]
//! group <name> all|any|<k> <name>...
//! quorum <name>|none
//! ```
//!
//! One definition a line; names are defined before they are used, and each is a member of one group at most, so
//! that a witness counts once.

use std::collections::HashMap;

use signhere_pki::time::Time;

use crate::checkpoint::SignedCheckpoint;
use crate::note::{NoteError, NoteVerifier};

/// The largest policy that is read, in bytes.
pub const MAX_POLICY: usize = 64 * 1024;
/// The most logs of a policy, the most witnesses, and the most groups.
pub const MAX_OF_A_KIND: usize = 64;

/// A policy: the known logs, the known witnesses, and which sets of witnesses are enough.
#[derive(Clone, Debug)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    /// Witnesses and groups in the order of their definition, which is an order of evaluation too.
    parts: Vec<Part>,
    /// The part that decides; none when no cosignature is asked for.
    quorum: Option<usize>,
}

/// A log that a policy names.
#[derive(Clone, Debug)]
pub struct PolicyLog {
    /// Checks its checkpoints; its name is the log's origin.
    pub verifier: NoteVerifier,
    /// Where it is, uninterpreted.
    pub url: Option<Vec<u8>>,
}

/// A witness that a policy names.
#[derive(Clone, Debug)]
pub struct PolicyWitness {
    /// Its name in the policy, which need not be that of its key, nor UTF-8.
    pub name: Vec<u8>,
    /// Checks its cosignatures.
    pub verifier: NoteVerifier,
    /// Where it takes checkpoints (its submission prefix, C2SP tlog-witness), uninterpreted.
    pub url: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Part {
    Witness(usize),
    Group {
        threshold: usize,
        members: Vec<usize>,
    },
}

/// By what a checkpoint satisfies a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Satisfied {
    /// The position of the log in [`Policy::logs`]; none if the policy names no log.
    pub log: Option<usize>,
    /// The position of each witness in [`Policy::witnesses`] that has cosigned, and the time it states.
    pub cosigned: Vec<(usize, Time)>,
}

impl Policy {
    /// The policy in a file.
    ///
    /// # Errors
    /// [`PolicyError`], which names the first line that is wrong.
    pub fn parse(file: &[u8]) -> Result<Self, PolicyError> {
        if file.len() > MAX_POLICY {
            return Err(PolicyError::TooLong {
                limit: MAX_POLICY,
                found: file.len(),
            });
        }
        let mut reader = Reader::default();
        for (line, number) in file.split_inclusive(|byte| *byte == b'\n').zip(1..) {
            let at_line = |fault| PolicyError::Line {
                line: number,
                fault,
            };
            // What is cut off may still be a name: of another group.
            let line = line
                .strip_suffix(b"\n")
                .ok_or_else(|| at_line(PolicyFault::Unterminated))?;
            reader.line(line).map_err(at_line)?;
        }
        let quorum = reader.quorum.ok_or(PolicyError::NoQuorum)?;
        Ok(Self {
            quorum,
            ..reader.policy
        })
    }

    /// The logs, in the order of the file.
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses, in the order of the file.
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Whether the cosignatures of these witnesses are enough: one `bool` for each of [`Self::witnesses`],
    /// any that are missing count as `false`.
    pub fn is_quorum(&self, cosigned: &[bool]) -> bool {
        let Some(quorum) = self.quorum else {
            return true;
        };
        let mut met: Vec<bool> = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let is_met = |part: &usize| met.get(*part) == Some(&true);
            let now = match part {
                Part::Witness(witness) => cosigned.get(*witness) == Some(&true),
                Part::Group { threshold, members } => {
                    members.iter().filter(|part| is_met(part)).count() >= *threshold
                }
            };
            met.push(now);
        }
        met.get(quorum) == Some(&true)
    }

    /// Checks a checkpoint: signed by one of the logs under its own origin, if the policy names any, and
    /// cosigned by a quorum. Cosignatures of a time after `latest` do not count.
    ///
    /// # Errors
    /// No log of the policy has signed it, no quorum has cosigned it, or a line that claims to be of a log or
    /// witness of the policy is not.
    pub fn check(
        &self,
        signed: &SignedCheckpoint,
        latest: Time,
    ) -> Result<Satisfied, PolicyRefusal> {
        let mut log = None;
        for (position, known) in self.logs.iter().enumerate() {
            if known.verifier.name() == signed.checkpoint.origin
                && signature(&known.verifier, signed)?.is_some()
            {
                log = Some(position);
                break;
            }
        }
        if log.is_none() && !self.logs.is_empty() {
            return Err(PolicyRefusal::UnknownLog {
                origin: signed.checkpoint.origin.chars().take(128).collect(),
            });
        }
        let cosigned = self.check_quorum(signed, latest)?;
        Ok(Satisfied { log, cosigned })
    }

    /// As [`Self::check`], whatever log has signed the checkpoint: the witnesses and the times they state.
    ///
    /// # Errors
    /// As [`Self::check`], but for the log.
    pub fn check_quorum(
        &self,
        signed: &SignedCheckpoint,
        latest: Time,
    ) -> Result<Vec<(usize, Time)>, PolicyRefusal> {
        let mut counts = vec![false; self.witnesses.len()];
        let mut cosigned = Vec::new();
        for ((position, witness), counts) in self.witnesses.iter().enumerate().zip(&mut counts) {
            let Some(stated) = signature(&witness.verifier, signed)? else {
                continue;
            };
            let time = stated.and_then(|seconds| i64::try_from(seconds).ok());
            let time = time.map(Time::from_unix).filter(|time| *time <= latest);
            if let Some(time) = time {
                *counts = true;
                cosigned.push((position, time));
            }
        }
        if !self.is_quorum(&counts) {
            return Err(PolicyRefusal::NoQuorum {
                cosigned: cosigned.len(),
                known: self.witnesses.len(),
            });
        }
        Ok(cosigned)
    }
}

/// What the signature of this key states: none if there is no line of it.
fn signature(
    verifier: &NoteVerifier,
    signed: &SignedCheckpoint,
) -> Result<Option<Option<u64>>, PolicyRefusal> {
    match verifier.signed_only_at(&signed.note) {
        Ok(time) => Ok(Some(time)),
        Err(NoteError::NotSignedBy { .. }) => Ok(None),
        Err(error) => Err(PolicyRefusal::Signature(error)),
    }
}

/// Why a checkpoint does not satisfy a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyRefusal {
    /// None of the logs has signed it.
    #[error("the policy knows no log {origin:?} that has signed this checkpoint")]
    UnknownLog {
        /// The start of the checkpoint's origin.
        origin: String,
    },
    /// Those that have cosigned are not enough.
    #[error("{cosigned} of {known} witnesses have cosigned, which is no quorum")]
    NoQuorum {
        /// How many of the policy's witnesses have cosigned.
        cosigned: usize,
        /// How many there are.
        known: usize,
    },
    /// A line claims to be of a known key, and is not.
    #[error(transparent)]
    Signature(NoteError),
}

/// Why a file is not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file is longer than [`MAX_POLICY`].
    #[error("the policy has {found} bytes, the limit is {limit}")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
        /// The file's bytes.
        found: usize,
    },
    /// No line says what the quorum is.
    #[error("the policy has no quorum line")]
    NoQuorum,
    /// A line is wrong.
    #[error("line {line}: {fault}")]
    Line {
        /// The line, counted from one.
        line: usize,
        /// What is wrong with it.
        fault: PolicyFault,
    },
}

/// What is wrong with a line of a policy. Texts are cut to their start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFault {
    /// The last line does not end with a newline.
    #[error("the line does not end: the file may be cut off")]
    Unterminated,
    /// A control character other than tab.
    #[error("the control character {byte:#04x} is not allowed")]
    ControlCharacter {
        /// The byte.
        byte: u8,
    },
    /// The line defines nothing that is known.
    #[error("{found:?} is none of log, witness, group and quorum")]
    Keyword {
        /// Its first word.
        found: String,
    },
    /// Too few words or too many.
    #[error("the form of such a line is: {expected}")]
    Form {
        /// The words that were expected.
        expected: &'static str,
    },
    /// A key cannot be read.
    #[error(transparent)]
    Key(NoteError),
    /// A witness has the key of a log, or a log that of a witness.
    #[error("the key of {name:?} is not one of a {expected}")]
    KeyForm {
        /// The name in the key.
        name: String,
        /// `log` or `witness`.
        expected: &'static str,
    },
    /// The same key twice, under whatever name.
    #[error("the key of {name:?} was there already, on line {line}")]
    DuplicateKey {
        /// The name in the key.
        name: String,
        /// The line that had it.
        line: usize,
    },
    /// The name is defined already, or is `none`.
    #[error("the name {name:?} is taken")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The name is not defined on a line before.
    #[error("{name:?} is not defined on a line before")]
    Undefined {
        /// The name.
        name: String,
    },
    /// The name is a member of a group already.
    #[error("{name:?} is a member of a group already, and counts once")]
    MemberTwice {
        /// The name.
        name: String,
    },
    /// The threshold is not between one and the number of members.
    #[error("{found:?} is no threshold for {members} members")]
    Threshold {
        /// The word.
        found: String,
        /// The number of members.
        members: usize,
    },
    /// A second quorum line.
    #[error("there is a quorum line already")]
    SecondQuorum,
    /// More definitions of this kind than [`MAX_OF_A_KIND`].
    #[error("more than {MAX_OF_A_KIND} lines of this kind")]
    TooMany,
}

/// A policy as far as it has been read.
#[derive(Default)]
struct Reader {
    lines: usize,
    policy: Policy,
    groups: usize,
    /// The parts by name.
    names: HashMap<Vec<u8>, usize>,
    /// Which parts are members of a group.
    members: Vec<usize>,
    /// The line of each key, by its SPKI and whether it is a witness's.
    keys: HashMap<(bool, Vec<u8>), usize>,
    quorum: Option<Option<usize>>,
}

impl Default for Policy {
    /// A policy that knows nobody and asks for nothing.
    fn default() -> Self {
        Self {
            logs: Vec::new(),
            witnesses: Vec::new(),
            parts: Vec::new(),
            quorum: None,
        }
    }
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), PolicyFault> {
        self.lines = self.lines.saturating_add(1);
        if let Some(byte) = line
            .iter()
            .find(|b| (**b < b' ' && **b != b'\t') || **b == 0x7f)
        {
            return Err(PolicyFault::ControlCharacter { byte: *byte });
        }
        let words: Vec<&[u8]> = line
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .filter(|word| !word.is_empty())
            .collect();
        let Some((keyword, words)) = words.split_first() else {
            return Ok(());
        };
        match *keyword {
            comment if comment.starts_with(b"#") => Ok(()),
            b"log" => self.log(words),
            b"witness" => self.witness(words),
            b"group" => self.group(words),
            b"quorum" => self.set_quorum(words),
            other => Err(PolicyFault::Keyword {
                found: shown(other),
            }),
        }
    }

    fn log(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let (key, url) = match words {
            [key] => (key, None),
            [key, url] => (key, Some(url.to_vec())),
            _ => {
                return Err(PolicyFault::Form {
                    expected: "log <vkey> [<url>]",
                });
            }
        };
        let verifier = self.key(key, false)?;
        room(self.policy.logs.len())?;
        self.policy.logs.push(PolicyLog { verifier, url });
        Ok(())
    }

    fn witness(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let (name, key, url) = match words {
            [name, key] => (name, key, None),
            [name, key, url] => (name, key, Some(url.to_vec())),
            _ => {
                return Err(PolicyFault::Form {
                    expected: "witness <name> <vkey> [<url>]",
                });
            }
        };
        let verifier = self.key(key, true)?;
        let position = self.policy.witnesses.len();
        room(position)?;
        self.define(name, Part::Witness(position))?;
        let name = name.to_vec();
        self.policy.witnesses.push(PolicyWitness {
            name,
            verifier,
            url,
        });
        Ok(())
    }

    fn group(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let [name, threshold, members @ ..] = words else {
            return Err(GROUP_FORM);
        };
        if members.is_empty() {
            return Err(GROUP_FORM);
        }
        room(self.groups)?;
        self.groups = self.groups.saturating_add(1);
        let threshold = match *threshold {
            b"all" => members.len(),
            b"any" => 1,
            k => decimal(k)
                .filter(|k| (1..=members.len()).contains(k))
                .ok_or_else(|| PolicyFault::Threshold {
                    found: shown(k),
                    members: members.len(),
                })?,
        };
        let mut parts = Vec::with_capacity(members.len());
        for member in members {
            let part = self.defined(member)?;
            if self.members.contains(&part) {
                return Err(PolicyFault::MemberTwice {
                    name: shown(member),
                });
            }
            self.members.push(part);
            parts.push(part);
        }
        self.define(
            name,
            Part::Group {
                threshold,
                members: parts,
            },
        )
    }

    fn set_quorum(&mut self, words: &[&[u8]]) -> Result<(), PolicyFault> {
        let [name] = words else {
            return Err(PolicyFault::Form {
                expected: "quorum <name>",
            });
        };
        if self.quorum.is_some() {
            return Err(PolicyFault::SecondQuorum);
        }
        self.quorum = Some(match *name {
            b"none" => None,
            name => Some(self.defined(name)?),
        });
        Ok(())
    }

    /// The key of a log or a witness, which none before it has.
    fn key(&mut self, word: &[u8], of_witness: bool) -> Result<NoteVerifier, PolicyFault> {
        let text = std::str::from_utf8(word)
            .map_err(|_| PolicyFault::Key(NoteError::Vkey { found: shown(word) }))?;
        let verifier = NoteVerifier::parse_vkey(text).map_err(PolicyFault::Key)?;
        let name = verifier.name().to_owned();
        if verifier.is_cosignature() != of_witness {
            let expected = if of_witness { "witness" } else { "log" };
            return Err(PolicyFault::KeyForm { name, expected });
        }
        let key = (of_witness, verifier.key().spki_der().to_vec());
        if let Some(line) = self.keys.insert(key, self.lines) {
            return Err(PolicyFault::DuplicateKey { name, line });
        }
        Ok(verifier)
    }

    fn define(&mut self, name: &[u8], part: Part) -> Result<(), PolicyFault> {
        if name == b"none" || self.names.contains_key(name) {
            return Err(PolicyFault::NameTaken { name: shown(name) });
        }
        self.names.insert(name.to_vec(), self.policy.parts.len());
        self.policy.parts.push(part);
        Ok(())
    }

    fn defined(&self, name: &[u8]) -> Result<usize, PolicyFault> {
        let part = self.names.get(name).copied();
        part.ok_or_else(|| PolicyFault::Undefined { name: shown(name) })
    }
}

const GROUP_FORM: PolicyFault = PolicyFault::Form {
    expected: "group <name> all|any|<k> <name>...",
};

fn room(taken: usize) -> Result<(), PolicyFault> {
    if taken >= MAX_OF_A_KIND {
        return Err(PolicyFault::TooMany);
    }
    Ok(())
}

fn decimal(word: &[u8]) -> Option<usize> {
    if word.starts_with(b"0") || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The start of a word, for an error to quote.
fn shown(word: &[u8]) -> String {
    String::from_utf8_lossy(word).chars().take(64).collect()
}

#[cfg(test)]
mod tests;
