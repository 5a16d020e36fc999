//! in-toto statements: what an attestation is about.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use signhere_pki::digest::{Digest, HashAlgorithm};

use crate::excerpt::excerpt;
use crate::proto_json::MAX_DEPTH;

/// The most subjects that a statement may have.
pub const MAX_SUBJECTS: usize = 1024;
/// The most digests that one subject may have.
const MAX_DIGESTS: usize = 32;

/// The statement types that are read.
const TYPES: [&str; 2] = [
    "https://in-toto.io/Statement/v0.1",
    "https://in-toto.io/Statement/v1",
];

/// A statement's subjects and predicate type; the predicate itself is left unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What the statement is about.
    pub subjects: Vec<Subject>,
    /// What the statement says, as a type URI.
    pub predicate_type: String,
}

/// Something a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its name; may be empty.
    pub name: String,
    /// Its digests by algorithm, as written.
    pub digests: Vec<(String, String)>,
}

impl Statement {
    /// Reads a statement (v0.1 or v1) from its JSON.
    ///
    /// # Errors
    /// [`StatementError`] when it is malformed, of another type, has no subject, or passes a cap.
    pub fn parse(json: &[u8]) -> Result<Self, StatementError> {
        if nesting(json) > MAX_DEPTH {
            return Err(StatementError::TooDeep { limit: MAX_DEPTH });
        }
        let raw: RawStatement =
            serde_json::from_slice(json).map_err(|error| StatementError::Json {
                line: error.line(),
                column: error.column(),
            })?;
        if !TYPES.contains(&raw.statement_type.as_str()) {
            return Err(StatementError::Type {
                found: excerpt(&raw.statement_type),
            });
        }
        let Capped::Within(subjects) = raw.subject else {
            return Err(StatementError::TooManySubjects {
                limit: MAX_SUBJECTS,
            });
        };
        if subjects.is_empty() {
            return Err(StatementError::NoSubject);
        }
        Ok(Self {
            subjects,
            predicate_type: raw.predicate_type,
        })
    }

    /// Returns the first subject that has this digest.
    pub fn subject_with(&self, digest: &Digest) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.has(digest))
    }

    /// Tells whether any subject has a digest of this algorithm.
    pub fn has_algorithm(&self, algorithm: HashAlgorithm) -> bool {
        self.subjects
            .iter()
            .flat_map(|subject| &subject.digests)
            .any(|(name, _)| name == algorithm.name())
    }
}

impl Subject {
    /// Tells whether the subject has this digest, by algorithm and value.
    pub fn has(&self, digest: &Digest) -> bool {
        self.digests.iter().any(|(name, value)| {
            name == digest.algorithm().name()
                && Digest::from_hex(digest.algorithm(), value).as_ref() == Ok(digest)
        })
    }
}

/// Why a statement could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Not JSON, or not of a statement's form.
    #[error("the statement is malformed at line {line}, column {column}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Values are nested more deeply than the limit.
    #[error("the statement's values are nested more than {limit} deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The statement is of a type that is not known.
    #[error("unknown statement type `{found}`")]
    Type {
        /// The type found.
        found: String,
    },
    /// The statement is about nothing.
    #[error("the statement has no subject")]
    NoSubject,
    /// The statement has too many subjects.
    #[error("the statement has more than {limit} subjects")]
    TooManySubjects {
        /// The limit.
        limit: usize,
    },
}

/// Serde refuses a member that is given twice.
#[derive(Deserialize)]
struct RawStatement {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Capped,
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Deserialize)]
struct RawSubject {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    digest: Digests,
}

#[derive(Default)]
struct Digests(Vec<(String, String)>);

enum Capped {
    Within(Vec<Subject>),
    TooMany,
}

impl<'de> Deserialize<'de> for Capped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Subjects;

        impl<'de> Visitor<'de> for Subjects {
            type Value = Capped;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of subjects")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Capped, A::Error> {
                let mut subjects = Vec::new();
                while let Some(raw) = access.next_element::<RawSubject>()? {
                    if subjects.len() == MAX_SUBJECTS {
                        while access.next_element::<IgnoredAny>()?.is_some() {}
                        return Ok(Capped::TooMany);
                    }
                    subjects.push(Subject {
                        name: raw.name.unwrap_or_default(),
                        digests: raw.digest.0,
                    });
                }
                Ok(Capped::Within(subjects))
            }
        }

        deserializer.deserialize_seq(Subjects)
    }
}

impl<'de> Deserialize<'de> for Digests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DigestVisitor)
    }
}

struct DigestVisitor;

impl<'de> Visitor<'de> for DigestVisitor {
    type Value = Digests;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAX_DIGESTS} distinct digests")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Digests, A::Error> {
        let mut digests: Vec<(String, String)> = Vec::new();
        while let Some((name, value)) = access.next_entry::<String, String>()? {
            if digests.len() == MAX_DIGESTS || digests.iter().any(|(other, _)| *other == name) {
                return Err(A::Error::invalid_length(digests.len(), &self));
            }
            digests.push((name, value));
        }
        Ok(Digests(digests))
    }
}

/// Returns how deeply brackets nest, without reading what is between them.
fn nesting(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests;
