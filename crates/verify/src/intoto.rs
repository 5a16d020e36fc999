//! in-toto statements: what an attestation is about.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use signhere_pki::digest::{Digest, HashAlgorithm};

use crate::excerpt::excerpt;
use crate::proto_json::{JsonError, Key, Node, Seed, duplicate, parse_as};

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
        let mut draft = Draft::default();
        let parsed = parse_as(json, |values, deserializer| {
            let draft = &mut draft;
            deserializer.deserialize_map(StatementVisitor { values, draft })
        });
        if draft.has_too_many {
            return Err(StatementError::TooManySubjects {
                limit: MAX_SUBJECTS,
            });
        }
        parsed?;
        let missing = |path: &str| JsonError::Missing {
            path: path.to_owned(),
        };
        let statement_type = draft.statement_type.ok_or_else(|| missing("_type"))?;
        if !TYPES.contains(&statement_type.as_str()) {
            return Err(StatementError::Type {
                found: excerpt(&statement_type),
            });
        }
        let subjects = draft.subjects.ok_or_else(|| missing("subject"))?;
        let predicate_type = draft.predicate_type;
        let predicate_type = predicate_type.ok_or_else(|| missing("predicateType"))?;
        if subjects.is_empty() {
            return Err(StatementError::NoSubject);
        }
        Ok(Self {
            subjects,
            predicate_type,
        })
    }

    /// Returns the first subject that has this digest.
    pub fn subject_with(&self, digest: &Digest) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.has(digest))
    }

    /// Returns the first subject whose digest set has this name and value, compared as text.
    pub fn subject_named(&self, algorithm: &str, value: &str) -> Option<&Subject> {
        let is_it = |(name, found): &(String, String)| name == algorithm && found == value;
        let mut subjects = self.subjects.iter();
        subjects.find(|subject| subject.digests.iter().any(is_it))
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
    #[error("the statement: {0}")]
    Json(#[from] JsonError),
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

/// The members that are kept, as far as they were read.
#[derive(Default)]
struct Draft {
    statement_type: Option<String>,
    predicate_type: Option<String>,
    subjects: Option<Vec<Subject>>,
    has_too_many: bool,
}

/// Reads a statement member by member: of what is not kept, only one member is in memory at a time.
struct StatementVisitor<'s, 'd> {
    values: Seed<'s>,
    draft: &'d mut Draft,
}

impl<'de> Visitor<'de> for StatementVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a statement")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<(), A::Error> {
        let mut names = Vec::new();
        while let Some(Key(name)) = access.next_key()? {
            let values = self.values.inside()?;
            match name.as_ref() {
                "subject" => {
                    let draft = &mut *self.draft;
                    access.next_value_seed(Subjects { values, draft })?;
                }
                "_type" => self.draft.statement_type = Some(text(access.next_value_seed(values)?)?),
                "predicateType" => {
                    self.draft.predicate_type = Some(text(access.next_value_seed(values)?)?);
                }
                _ => drop(access.next_value_seed(values)?),
            }
            names.push(name);
        }
        match duplicate(&names, |name| name) {
            Some(name) => Err(self.values.refuse(JsonError::Duplicate { name })),
            None => Ok(()),
        }
    }
}

struct Subjects<'s, 'd> {
    values: Seed<'s>,
    draft: &'d mut Draft,
}

impl<'de> DeserializeSeed<'de> for Subjects<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Subjects<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of subjects")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<(), A::Error> {
        let mut subjects = Vec::new();
        while let Some(node) = access.next_element_seed(self.values.inside()?)? {
            if subjects.len() == MAX_SUBJECTS {
                self.draft.has_too_many = true;
                return Err(A::Error::custom("too many subjects"));
            }
            subjects.push(subject(node)?);
        }
        self.draft.subjects = Some(subjects);
        Ok(())
    }
}

fn subject<E: Error>(node: Node<'_>) -> Result<Subject, E> {
    let Node::Object(members) = node else {
        return Err(E::custom("a subject is an object"));
    };
    let mut subject = Subject {
        name: String::new(),
        digests: Vec::new(),
    };
    for (name, member) in members {
        match (name.as_ref(), member) {
            ("name", Node::Null) => {}
            ("name", member) => subject.name = text(member)?,
            ("digest", Node::Object(digests)) if digests.len() <= MAX_DIGESTS => {
                for (algorithm, value) in digests {
                    subject.digests.push((algorithm.into_owned(), text(value)?));
                }
            }
            ("digest", _) => return Err(E::custom("a digest set is an object, and short")),
            _ => {}
        }
    }
    Ok(subject)
}

fn text<E: Error>(node: Node<'_>) -> Result<String, E> {
    match node {
        Node::String(text) => Ok(text.into_owned()),
        _ => Err(E::custom("a text was expected")),
    }
}

#[cfg(test)]
mod tests;
