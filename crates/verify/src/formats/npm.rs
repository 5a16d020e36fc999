//! The attestations of npm's registry: of the registry itself that it published a package, signed with a key of its
//! own, and perhaps of the build that made the package.

use serde::Deserialize;
use signhere_pki::key::{KeyDetails, KeyError, PublicKey};
use signhere_pki::time::{Time, Validity};

use super::{Attestation, Document, Form, failed, only_subject};
use crate::bundle::{Bundle, BundleError, Content, KeyMaterial};
use crate::error::Reason;
use crate::excerpt::excerpt;
use crate::intoto::{Statement, StatementError};
use crate::proto_json::{self, JsonError, Message};
use crate::verdict::{Failure, Step, StepName, Verdict};

/// The keys that npm's public registry signs attestations with, as Sigstore's public-good instance publishes them.
pub const NPM_KEYS: &str = include_str!("npm_keys.json");

/// The predicate of the registry's own attestation.
const PUBLISH: &str = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";
/// What a key for attestations is called where keys have several uses.
const USAGE: &str = "npm:attestations";
/// The package URL of everything in an npm registry begins so.
const PURL: &str = "pkg:npm/";
const MAX_KEYS: usize = 64;
const MAX_KEYS_BYTES: usize = 256 << 10;

/// The keys of a package registry.
#[derive(Clone, Debug)]
pub struct RegistryKeys {
    keys: Vec<RegistryKey>,
}

#[derive(Clone, Debug)]
struct RegistryKey {
    id: String,
    key: PublicKey,
    validity: Validity,
}

impl RegistryKeys {
    /// Reads the keys as a registry serves them (`/-/npm/v1/keys`), or as Sigstore's TUF repository does.
    ///
    /// # Errors
    /// [`RegistryKeysError`] when the document is malformed, or holds no key for attestations.
    pub fn parse(json: &[u8]) -> Result<Self, RegistryKeysError> {
        let mut message = proto_json::document(json, MAX_KEYS_BYTES)?;
        let mut keys = Vec::new();
        for element in message.messages("keys", MAX_KEYS)? {
            keys.extend(RegistryKey::read(element)?);
        }
        if keys.is_empty() {
            return Err(RegistryKeysError::NoKey);
        }
        Ok(Self { keys })
    }

    /// Verifies what the registry signed: one of its keys made the signature, and was valid then.
    ///
    /// `verify` verifies the bundle with one key. The bundle's hint only says whose failure is told when no key fits.
    pub fn verify(&self, bundle: &Bundle, verify: impl Fn(&PublicKey) -> Verdict) -> Verdict {
        let hint = match &bundle.material.key {
            KeyMaterial::PublicKeyHint(hint) => hint.as_str(),
            KeyMaterial::Certificate(_) => "",
        };
        let mut nearest: Option<Verdict> = None;
        for key in &self.keys {
            let verdict = verify(&key.key);
            if verdict.is_verified() {
                return key.within_validity(verdict);
            }
            if nearest.is_none() || key.id == hint {
                nearest = Some(verdict);
            }
        }
        nearest.unwrap_or_else(|| Verdict::unreadable(Reason::PolicyNeedsKey))
    }
}

impl RegistryKey {
    /// `None` for a key that is for something else.
    fn read(mut message: Message<'_>) -> Result<Option<Self>, RegistryKeysError> {
        if message.has("publicKey") {
            Self::of_tuf(message)
        } else {
            let path = message.path("key");
            let id = message.required_string("keyid")?;
            let key = PublicKey::from_spki_der(&message.required_bytes("key")?)
                .map_err(|error| RegistryKeysError::Key { path, error })?;
            let validity = Validity {
                start: Time::from_unix(0),
                end: message.time("expires")?,
            };
            Ok(Some(Self { id, key, validity }))
        }
    }

    fn of_tuf(mut message: Message<'_>) -> Result<Option<Self>, RegistryKeysError> {
        let id = message.required_string("keyId")?;
        if message.string("keyUsage")? != USAGE {
            return Ok(None);
        }
        let path = message.path("publicKey");
        let mut public = message.required_message("publicKey")?;
        let unusable = |error| RegistryKeysError::Key {
            path: path.clone(),
            error,
        };
        let details: KeyDetails = public.key_details("keyDetails")?.map_err(unusable)?;
        let key = details
            .read_key(&public.required_bytes("rawBytes")?)
            .map_err(unusable)?;
        let mut window = public.required_message("validFor")?;
        let start = window.time("start")?.ok_or_else(|| JsonError::Missing {
            path: window.path("start"),
        })?;
        let end = window.time("end")?;
        let validity = Validity { start, end };
        Ok(Some(Self { id, key, validity }))
    }

    /// Refuses a signature of a time when the key was not in use. Without any proven time only a key that is
    /// in use still will do.
    fn within_validity(&self, mut verdict: Verdict) -> Verdict {
        let times: Vec<Time> = match verdict.step(StepName::Time) {
            Some(Step::Time(time)) => time.times.iter().map(|source| source.time).collect(),
            _ => Vec::new(),
        };
        let outside = times.iter().find(|time| !self.validity.contains(**time));
        let unproven = times.is_empty() && self.validity.end.is_some();
        if outside.is_some() || unproven {
            let mut failure =
                Failure::new(StepName::Key, Reason::KeyWindow).expected(self.validity);
            failure.found = outside.map(ToString::to_string);
            verdict.failure = Some(*failure);
        }
        verdict
    }
}

/// Why the keys of a registry could not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryKeysError {
    /// Not acceptable as JSON, or not of the form.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A key cannot be used.
    #[error("`{path}`: {error}")]
    Key {
        /// The field.
        path: String,
        /// What is wrong with it.
        error: KeyError,
    },
    /// No key is for attestations.
    #[error("there is no key for attestations")]
    NoKey,
}

/// Reads `attestations` with a `bundle` each, which npm and GitHub share.
pub(super) fn attestations(
    form: Form,
    elements: Vec<Message<'_>>,
) -> Result<Document, BundleError> {
    let mut attestations = Vec::new();
    for (mut element, number) in elements.into_iter().zip(1..) {
        let mut attestation = Attestation::new(form, format!("attestation {number}"));
        if form == Form::Npm {
            attestation.claimed_predicate = Some(element.required_string("predicateType")?);
        }
        let bundle = element.required_message("bundle")?;
        attestations.push(attestation.with(Bundle::read(bundle)));
    }
    if form == Form::Npm {
        let package = attestations.iter().find_map(subject);
        for attestation in &mut attestations {
            attestation.package.clone_from(&package);
        }
    }
    Document::of(form, attestations)
}

fn subject(attestation: &Attestation) -> Option<String> {
    let Content::Dsse(envelope) = &attestation.bundle.as_ref().ok()?.content else {
        return None;
    };
    let statement = Statement::parse(&envelope.payload).ok()?;
    Some(statement.subjects.first()?.name.clone())
}

/// One package, the same in all attestations, and named as the registry's own attestation names it.
pub(super) fn check(
    statement: &Statement,
    payload: &[u8],
    package: Option<&str>,
) -> Result<(), Box<Failure>> {
    let name = only_subject(statement)?;
    if !name.starts_with(PURL) {
        return Err(failed(Reason::SubjectName)
            .expected(format!("{PURL}NAME@VERSION"))
            .found(excerpt(name)));
    }
    if let Some(package) = package.filter(|package| *package != name) {
        return Err(failed(Reason::SubjectName)
            .expected(excerpt(package))
            .found(excerpt(name)));
    }
    if statement.predicate_type == PUBLISH {
        let published: Published = serde_json::from_slice(payload)
            .map_err(|error| failed(statement_error(&error).into()))?;
        let expected = published.predicate.purl();
        if expected != name {
            return Err(failed(Reason::SubjectName)
                .expected(excerpt(&expected))
                .found(excerpt(name)));
        }
    }
    Ok(())
}

fn statement_error(error: &serde_json::Error) -> StatementError {
    StatementError::Json(JsonError::Syntax {
        line: error.line(),
        column: error.column(),
    })
}

#[derive(Deserialize)]
struct Published {
    predicate: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

impl Package {
    /// The package URL, whose scope's `@` is escaped.
    fn purl(&self) -> String {
        let name = match self.name.strip_prefix('@') {
            Some(scoped) => format!("%40{scoped}"),
            None => self.name.clone(),
        };
        format!("{PURL}{name}@{}", self.version)
    }
}
