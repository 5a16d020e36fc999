//! Attestations of Python's package index (PEP 740).

use std::collections::BTreeSet;

use super::{Attestation, Document, Form, MAX_ATTESTATIONS};
use crate::bundle::{Bundle, BundleError};
use crate::proto_json::{JsonError, Message};

/// Reads a provenance object: the attestations of one file, grouped by who published it. Who that is the index says
/// and nobody signs; the certificate says it too, and there it counts.
pub(super) fn provenance(mut message: Message<'_>) -> Result<Document, BundleError> {
    let version = message.uint32("version")?;
    if version != 1 {
        return Err(BundleError::DocumentVersion {
            path: message.path("version"),
            found: version,
        });
    }
    let mut attestations = Vec::new();
    for mut publisher in message.messages("attestationBundles", MAX_ATTESTATIONS)? {
        for element in publisher.messages("attestations", MAX_ATTESTATIONS)? {
            let number = attestations.len().saturating_add(1);
            if number > MAX_ATTESTATIONS {
                return Err(BundleError::Json(JsonError::TooMany {
                    path: publisher.path("attestations"),
                    limit: MAX_ATTESTATIONS,
                    found: number,
                }));
            }
            attestations.push(
                Attestation::new(Form::PyPi, format!("attestation {number}"))
                    .with(Bundle::read_pep_740(element)),
            );
        }
    }
    Document::of(Form::PyPi, attestations)
}

/// Tells whether two names of distributions mean one file: projects are named without regard to case and to the
/// kind of their separators, and the tags of a wheel have no order.
pub(super) fn is_same_file(subject: &str, file: &str) -> bool {
    let same = |other: Option<Distribution>| {
        other.is_some_and(|other| Distribution::parse(subject) == Some(other))
    };
    subject == file || same(Distribution::parse(file))
}

/// A distribution by its file's name.
#[derive(PartialEq, Eq)]
struct Distribution {
    kind: &'static str,
    project: String,
    version: String,
    build: String,
    tags: Vec<BTreeSet<String>>,
}

impl Distribution {
    fn parse(file: &str) -> Option<Self> {
        if let Some(stem) = file.strip_suffix(".whl") {
            return Self::wheel(stem);
        }
        [".tar.gz", ".zip"].into_iter().find_map(|kind| {
            let (project, version) = file.strip_suffix(kind)?.rsplit_once('-')?;
            Some(Self {
                kind,
                project: normalised(project),
                version: version.to_lowercase(),
                build: String::new(),
                tags: Vec::new(),
            })
        })
    }

    /// `PROJECT-VERSION[-BUILD]-PYTHON-ABI-PLATFORM`.
    fn wheel(stem: &str) -> Option<Self> {
        let parts: Vec<&str> = stem.split('-').collect();
        let (project, version, build, tags) = match parts.as_slice() {
            [project, version, tags @ ..] if tags.len() == 3 => (project, version, "", tags),
            [project, version, build, tags @ ..] if tags.len() == 3 => {
                (project, version, *build, tags)
            }
            _ => return None,
        };
        let set = |tag: &&str| tag.split('.').map(str::to_lowercase).collect();
        Some(Self {
            kind: ".whl",
            project: normalised(project),
            version: version.to_lowercase(),
            build: build.to_lowercase(),
            tags: tags.iter().map(set).collect(),
        })
    }
}

/// A project's name in the form that all its spellings share: lower case, each run of `-`, `_` and `.` a hyphen.
fn normalised(project: &str) -> String {
    let mut name = String::with_capacity(project.len());
    for character in project.chars().flat_map(char::to_lowercase) {
        match character {
            '-' | '_' | '.' if name.ends_with('-') => {}
            '-' | '_' | '.' => name.push('-'),
            other => name.push(other),
        }
    }
    name
}
