//! in-toto statements about commits and tags: written to be signed, and read back from bundles that hold.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use signhere_verify::bundle::{Bundle, Content};
use signhere_verify::intoto::{Statement, StatementError};
use signhere_verify::verdict::Failure;
use signhere_verify::verifier::Artifact;

use crate::object::{ObjectId, ObjectKind};
use crate::proof::{Prove, Proven};

/// The type of the statements that are written.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// A statement about one object, proven to be its signer's.
#[derive(Clone, Debug)]
pub struct Attested {
    /// What kind of statement it is, as a type URI.
    pub predicate_type: String,
    /// What it says, as it was signed.
    pub predicate: Box<RawValue>,
    /// Refs that the statement says led to the object.
    pub source_refs: Vec<String>,
    /// Who says it, and what of that was proven.
    pub proven: Proven,
}

/// Why a bundle is no statement about an object.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAttested {
    /// It is the signature over some artifact.
    #[error("it is no attestation")]
    Signature,
    /// It is not of in-toto's form.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// It says something else.
    #[error("it is of type {found}")]
    Type {
        /// The type that it is of.
        found: String,
    },
    /// It is about several things, or about nothing.
    #[error("it is about {found} things, where it must be about one")]
    Subjects {
        /// How many.
        found: usize,
    },
    /// It is about another object.
    #[error("it is about something else than {expected}")]
    Subject {
        /// The object, as the statement would have to name it.
        expected: String,
    },
    /// What it says is not of the form that its type has.
    #[error("its predicate: {detail}")]
    Predicate {
        /// What is wrong.
        detail: String,
    },
    /// It does not hold.
    #[error("it does not hold: {0}")]
    Refused(Box<Failure>),
}

/// How in-toto's digest sets name an object: `gitCommit` or `gitTag`, and the id.
pub(crate) fn digest_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Commit => "gitCommit",
        ObjectKind::Tag => "gitTag",
        ObjectKind::Tree => "gitTree",
        ObjectKind::Blob => "gitBlob",
    }
}

/// The JSON of a statement about one object.
pub(crate) fn statement(
    object: (ObjectKind, &ObjectId),
    annotations: Map<String, Value>,
    predicate_type: &str,
    predicate: &Value,
) -> Vec<u8> {
    let (kind, id) = object;
    let mut subject = json!({ "digest": { digest_name(kind): id.to_string() } });
    if !annotations.is_empty() {
        subject["annotations"] = Value::Object(annotations);
    }
    let statement = json!({
        "_type": STATEMENT,
        "subject": [subject],
        "predicateType": predicate_type,
        "predicate": predicate,
    });
    statement.to_string().into_bytes()
}

/// Reads and proves a bundle as a statement about one object and nothing else.
///
/// # Errors
/// [`NotAttested`] for the first thing that is not so.
pub fn attested(
    prover: &dyn Prove,
    object: (ObjectKind, &ObjectId),
    bundle: &Bundle,
) -> Result<Attested, NotAttested> {
    let Content::Dsse(envelope) = &bundle.content else {
        return Err(NotAttested::Signature);
    };
    let statement = Statement::parse(&envelope.payload)?;
    let [subject] = statement.subjects.as_slice() else {
        return Err(NotAttested::Subjects {
            found: statement.subjects.len(),
        });
    };
    let (kind, id) = object;
    let (algorithm, value) = (digest_name(kind), id.to_string());
    let is_it = |(name, found): &(String, String)| name == algorithm && *found == value;
    if !subject.digests.iter().any(is_it) {
        let expected = format!("{algorithm}:{value}");
        return Err(NotAttested::Subject { expected });
    }
    let artifact = Artifact::Subject {
        algorithm,
        value: &value,
    };
    let proven = prover.prove(bundle, &artifact);
    let proven = proven.held().map_err(NotAttested::Refused)?;

    let rest: Rest = serde_json::from_slice(&envelope.payload).map_err(|error| {
        let detail = error.to_string();
        NotAttested::Predicate { detail }
    })?;
    Ok(Attested {
        predicate_type: statement.predicate_type,
        source_refs: rest.source_refs(),
        predicate: rest.predicate,
        proven,
    })
}

/// As [`attested`], of one type, and what it says.
pub(crate) fn attested_as<T: serde::de::DeserializeOwned>(
    prover: &dyn Prove,
    object: (ObjectKind, &ObjectId),
    bundle: &Bundle,
    predicate_type: &str,
) -> Result<(T, Attested), NotAttested> {
    // Before anything is verified, so that many of another type cost nothing.
    if let Content::Dsse(envelope) = &bundle.content {
        let found = Statement::parse(&envelope.payload)?.predicate_type;
        if found != predicate_type {
            return Err(NotAttested::Type { found });
        }
    }
    let attested = attested(prover, object, bundle)?;
    let predicate = serde_json::from_str(attested.predicate.get());
    let predicate = predicate.map_err(|error| NotAttested::Predicate {
        detail: error.to_string(),
    })?;
    Ok((predicate, attested))
}

/// What [`Statement`] leaves unread.
#[derive(serde::Deserialize)]
struct Rest {
    predicate: Box<RawValue>,
    #[serde(default)]
    subject: Vec<Annotated>,
}

#[derive(serde::Deserialize)]
struct Annotated {
    #[serde(default)]
    annotations: Map<String, Value>,
}

impl Rest {
    /// By the name of SLSA 1.2, and by the one that its drafts had.
    fn source_refs(&self) -> Vec<String> {
        let annotations = self.subject.first().map(|subject| &subject.annotations);
        let mut names = ["sourceRefs", "source_refs"].into_iter();
        let refs = names.find_map(|name| annotations?.get(name)?.as_array());
        let refs = refs.into_iter().flatten();
        refs.filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    }
}
