//! Documents that carry bundles, in the forms that registries and clients hand them out, and lists of checksums.
//!
//! Reading one proves nothing. Each bundle in it is verified on its own; what its form says beyond that, such as
//! the name that a statement has to give its file, is held against the statement afterwards
//! ([`Attestation::hold_to_form`]). `docs/design/formats.md` says which rules there are.

pub mod checksums;
mod npm;
mod pypi;
#[cfg(test)]
mod tests;

use crate::bundle::{Bundle, BundleError, Content, KeyMaterial, MAX_BUNDLE_BYTES};
use crate::error::Reason;
use crate::excerpt::excerpt;
use crate::intoto::Statement;
use crate::proto_json::{self, JsonError, Message, Top};
use crate::verdict::{Failure, StepName, Verdict};

pub use npm::{NPM_KEYS, RegistryKeys, RegistryKeysError};

/// The most attestations that a document may hold.
pub const MAX_ATTESTATIONS: usize = 256;

/// The predicate of conda's publish attestation (CEP 27).
const CONDA_PUBLISH: &str = "https://schemas.conda.org/attestations-publish-1.schema.json";

/// A document with the bundles in it.
#[derive(Clone, Debug)]
pub struct Document {
    /// What kind of document it is.
    pub form: Form,
    /// Its bundles, in order; never none.
    pub attestations: Vec<Attestation>,
}

/// The forms that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// One Sigstore bundle.
    Bundle,
    /// One DSSE envelope with nothing beside it.
    Envelope,
    /// Bundles or envelopes, one a line, as `gh attestation download` writes them.
    Lines,
    /// A JSON array of bundles, as conda (CEP 50) and RubyGems serve them.
    List,
    /// `attestations` with a `bundle` each, as GitHub's API answers.
    GitHub,
    /// The attestations of npm's registry.
    Npm,
    /// A provenance object of PEP 740, or one attestation of it.
    PyPi,
}

/// One bundle of a document.
#[derive(Clone, Debug)]
pub struct Attestation {
    /// Where in the document it is; `None` when it is the whole document.
    pub place: Option<String>,
    /// The bundle, or why it cannot be read.
    pub bundle: Result<Bundle, BundleError>,
    form: Form,
    /// What the document, unsigned, says of the statement.
    claimed_predicate: Option<String>,
    /// The name that all attestations of the document are about.
    package: Option<String>,
}

impl Document {
    /// Reads a document of any known form.
    ///
    /// # Errors
    /// [`BundleError`] when the document as a whole is of no known form. A single bundle among others that cannot be
    /// read is no error of the document: it is kept with its own.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(BundleError::Json(JsonError::TooLarge {
                limit: MAX_BUNDLE_BYTES,
                found: bytes.len(),
            }));
        }
        if is_lines(bytes) {
            return lines(bytes);
        }
        match proto_json::one_or_many(bytes, MAX_BUNDLE_BYTES, MAX_ATTESTATIONS)? {
            Top::Many(elements) => Self::of(
                Form::List,
                elements.into_iter().enumerate().map(|(index, element)| {
                    Attestation::new(Form::List, format!("bundle {}", index.saturating_add(1)))
                        .with(bundle_or_envelope(element))
                }),
            ),
            Top::One(message) => object(message),
        }
    }

    fn of(
        form: Form,
        attestations: impl IntoIterator<Item = Attestation>,
    ) -> Result<Self, BundleError> {
        let attestations: Vec<_> = attestations.into_iter().collect();
        if attestations.is_empty() {
            return Err(BundleError::NoBundle);
        }
        Ok(Self { form, attestations })
    }

    fn whole(form: Form, bundle: Result<Bundle, BundleError>) -> Result<Self, BundleError> {
        let mut attestation = Attestation::new(form, String::new()).with(Ok(bundle?));
        attestation.place = None;
        Self::of(form, [attestation])
    }
}

impl Form {
    /// Returns the form's name in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Envelope => "envelope",
            Self::Lines => "jsonl",
            Self::List => "list",
            Self::GitHub => "github",
            Self::Npm => "npm",
            Self::PyPi => "pypi",
        }
    }
}

impl Attestation {
    fn new(form: Form, place: String) -> Self {
        Self {
            place: Some(place),
            bundle: Err(BundleError::NoBundle),
            form,
            claimed_predicate: None,
            package: None,
        }
    }

    fn with(mut self, bundle: Result<Bundle, BundleError>) -> Self {
        self.bundle = bundle;
        self
    }

    /// Tells whether the package registry itself should have signed, with a key of its own ([`RegistryKeys`]).
    pub fn is_registrys(&self) -> bool {
        let bare = |bundle: &Bundle| matches!(bundle.material.key, KeyMaterial::PublicKeyHint(_));
        self.form == Form::Npm && self.bundle.as_ref().is_ok_and(bare)
    }

    /// Holds a verified statement to what its form asks for; `file_name` is the artifact's, where it has one.
    ///
    /// A verdict that is a refusal already stays as it is.
    #[must_use]
    pub fn hold_to_form(&self, mut verdict: Verdict, file_name: Option<&str>) -> Verdict {
        if verdict.failure.is_none()
            && let Ok(bundle) = &self.bundle
            && let Content::Dsse(envelope) = &bundle.content
        {
            let outcome = Statement::parse(&envelope.payload)
                .map_err(|error| Failure::new(StepName::Artifact, error))
                .and_then(|statement| self.check(&statement, &envelope.payload, file_name));
            verdict.failure = outcome.err().map(|failure| *failure);
        }
        verdict
    }

    fn check(
        &self,
        statement: &Statement,
        payload: &[u8],
        file_name: Option<&str>,
    ) -> Result<(), Box<Failure>> {
        let found = &statement.predicate_type;
        if let Some(claimed) = self.claimed_predicate.as_ref().filter(|it| *it != found) {
            return Err(failed(Reason::PredicateMismatch)
                .expected(excerpt(claimed))
                .found(excerpt(found)));
        }
        match self.form {
            Form::Npm => npm::check(statement, payload, self.package.as_deref()),
            Form::PyPi => {
                let name = only_subject(statement)?;
                names(name, file_name, pypi::is_same_file)
            }
            _ if found == CONDA_PUBLISH => {
                let name = only_subject(statement)?;
                names(name, file_name, |subject, file| subject == file)
            }
            _ => Ok(()),
        }
    }
}

/// What one object is, by the names in it.
fn object(mut message: Message<'_>) -> Result<Document, BundleError> {
    if message.has("mediaType") {
        return Document::whole(Form::Bundle, Bundle::read(message));
    }
    if message.has("attestationBundles") {
        return pypi::provenance(message);
    }
    if message.has("envelope") && message.has("verificationMaterial") {
        return Document::whole(Form::PyPi, Bundle::read_pep_740(message));
    }
    if message.has("attestations") {
        let elements = message.messages("attestations", MAX_ATTESTATIONS)?;
        message.finish();
        let form = match elements.iter().any(|element| element.has("predicateType")) {
            true => Form::Npm,
            false => Form::GitHub,
        };
        return npm::attestations(form, elements);
    }
    if message.has("payloadType") {
        return Document::whole(Form::Envelope, Bundle::read_bare_envelope(message));
    }
    // Whatever else it is, it is no bundle, and the reader of bundles says why.
    Document::whole(Form::Bundle, Bundle::read(message))
}

fn bundle_or_envelope(message: Message<'_>) -> Result<Bundle, BundleError> {
    if message.has("mediaType") || !message.has("payloadType") {
        Bundle::read(message)
    } else {
        Bundle::read_bare_envelope(message)
    }
}

/// Several objects, each whole on a line of its own: a bundle printed over many lines has no such line.
fn is_lines(bytes: &[u8]) -> bool {
    let mut whole = numbered(bytes).map(|(_, line)| line.starts_with(b"{") && line.ends_with(b"}"));
    whole.next() == Some(true) && whole.next() == Some(true)
}

/// The lines that are not empty, with their numbers.
fn numbered(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    bytes
        .split(|byte| *byte == b'\n')
        .zip(1..)
        .map(|(line, number)| (number, line.trim_ascii()))
        .filter(|(_, line)| !line.is_empty())
}

fn lines(bytes: &[u8]) -> Result<Document, BundleError> {
    let found = numbered(bytes).count();
    if found > MAX_ATTESTATIONS {
        return Err(BundleError::Json(JsonError::TooMany {
            path: "lines".to_owned(),
            limit: MAX_ATTESTATIONS,
            found,
        }));
    }
    let read = |line| bundle_or_envelope(proto_json::document(line, MAX_BUNDLE_BYTES)?);
    Document::of(
        Form::Lines,
        numbered(bytes).map(|(number, line)| {
            Attestation::new(Form::Lines, format!("line {number}")).with(read(line))
        }),
    )
}

fn only_subject(statement: &Statement) -> Result<&str, Box<Failure>> {
    match statement.subjects.as_slice() {
        [subject] => Ok(&subject.name),
        subjects => Err(failed(Reason::SubjectCount)
            .expected("one subject")
            .found(format!("{} subjects", subjects.len()))),
    }
}

fn names(
    subject: &str,
    file_name: Option<&str>,
    is_same: impl Fn(&str, &str) -> bool,
) -> Result<(), Box<Failure>> {
    match file_name {
        Some(file) if !is_same(subject, file) => Err(failed(Reason::SubjectName)
            .expected(file)
            .found(excerpt(subject))),
        _ => Ok(()),
    }
}

fn failed(reason: Reason) -> Box<Failure> {
    Failure::new(StepName::Artifact, reason)
}
