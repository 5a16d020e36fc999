//! A trust file from its text.

use std::collections::BTreeMap;
use std::ops::Range;

use signhere_pki::key::PublicKey;
use signhere_pki::time::Time;

use super::error::{TrustFileError, TrustFileProblem};
use super::file::{
    Instance, Lifetime, MAX_SIGNERS, MAX_TRUST_FILE_BYTES, Signer, TrustFile, Who,
    is_instance_name, is_name,
};
use super::git::read as git;
use super::path::is_unseen;
use super::{FilePattern, FilePatternError, Identity, Issuer};
use crate::toml::{At, Field, Place, Section, TomlProblem};

/// The most values in an array.
const MAX_VALUES: usize = 64;
/// The longest text that is neither identity, issuer nor pattern.
const MAX_TEXT_BYTES: usize = 512;

const TIME: &str = "a time such as 2026-01-31T00:00:00Z";
const FILES: &str = "an array of patterns such as [\"*.tar.gz\"]";
const TYPES: &str = "an array of predicate types such as [\"https://slsa.dev/provenance/v1\"]";
const NAMES: &str = "an array of names such as [\"public\"]";
const COMMITTERS: &str = "an array of addresses such as [\"1234+ada@users.noreply.github.com\"]";
const KEY: &str = "a public key in PEM";
const KEY_FILE: &str = "the path of a public key in PEM, from the folder of the trust file";
const REPOSITORY: &str = "the URL of a repository, such as \"https://github.com/acme/tool\"";
const REPOSITORY_ID: &str = "a repository's number, in quotes";
const IDENTITY: &str = "an e-mail address, a URI or user!domain";
const ISSUER: &str = "an https:// URL";
const URL: &str = "the https:// URL of an instance (http:// on this machine alone)";
const FINGERPRINT: &str = "the SHA-256 of its first root.json, 64 hexadecimal digits";

pub(super) type Step<T> = Result<T, At<TrustFileProblem>>;

impl TrustFile {
    /// Reads a trust file that is called `label`, whose patterns with a `/` begin in the folder `base`.
    ///
    /// `key_file` returns the content of a file that the trust file names, by its path there: relative, with
    /// `/` between segments, and never leading out of the folder.
    ///
    /// # Errors
    /// [`TrustFileError`] with the line that is wrong.
    pub fn parse(
        text: &str,
        label: &str,
        base: Option<&str>,
        key_file: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, TrustFileError> {
        if text.len() > MAX_TRUST_FILE_BYTES {
            return Err(TrustFileError {
                label: label.to_owned(),
                place: None,
                problem: Box::new(TrustFileProblem::Size),
            });
        }
        let content = read(text, key_file).map_err(|(span, problem)| TrustFileError {
            label: label.to_owned(),
            place: Some(Box::new(Place::of(text, span))),
            problem: Box::new(problem),
        })?;
        Ok(Self {
            label: label.to_owned(),
            base: base.map(ToOwned::to_owned),
            ..content
        })
    }
}

fn read(text: &str, key_file: &dyn Fn(&str) -> Result<String, String>) -> Step<TrustFile> {
    let document = crate::toml::parse(text).map_err(generic)?;
    let mut top = Section::top(text, document.as_table());
    let mut instances = BTreeMap::new();
    for section in top.tables("instances").map_err(generic)? {
        let name = named(&section, is_instance_name)?;
        instances.insert(name, instance(section)?);
    }
    let tables = top.tables("signers").map_err(generic)?;
    if tables.len() > MAX_SIGNERS {
        return Err((0..0, TrustFileProblem::Signers));
    }
    let signers = tables.into_iter().map(|section| signer(section, key_file));
    let mut file = TrustFile::new("", None, signers.collect::<Result<_, _>>()?);
    file.instances = instances;
    if let Some(section) = top.table("git").map_err(generic)? {
        file.git = Some(git::policy(section, &file, key_file)?);
    }
    top.finish().map_err(generic)?;
    Ok(file)
}

fn instance(mut section: Section<'_>) -> Step<Instance> {
    let field = section.need("url", URL).map_err(generic)?;
    let url = field.text(URL).map_err(generic)?;
    if Issuer::parse(url).is_err() {
        return Err(generic(field.invalid(URL)));
    }
    let field = section.need("fingerprint", FINGERPRINT).map_err(generic)?;
    let fingerprint = field.text(FINGERPRINT).map_err(generic)?;
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if fingerprint.len() != 64 || !fingerprint.chars().all(is_hex) {
        return Err(generic(field.invalid(FINGERPRINT)));
    }
    section.finish().map_err(generic)?;
    Ok(Instance {
        url: url.to_owned(),
        fingerprint: fingerprint.to_owned(),
    })
}

fn signer(
    mut section: Section<'_>,
    key_file: &dyn Fn(&str) -> Result<String, String>,
) -> Step<Signer> {
    let name = named(&section, is_name)?;
    let who = who(&mut section, &name, key_file)?;
    let files = section
        .take("files")
        .map(|field| files(&field))
        .transpose()?;
    let types = section.take("attestations");
    let attestations = types.map(|field| words("attestations", &field, TYPES, is_word));
    let on = section.take("instances");
    let instances = on.map(|field| words("instances", &field, NAMES, is_instance_name));
    let (from, until, revoked) = (
        section.take("from"),
        section.take("until"),
        section.take("revoked"),
    );
    let committers = match section.take("committers") {
        Some(field) => words("committers", &field, COMMITTERS, is_address)?,
        None => Vec::new(),
    };
    let span = until.as_ref().map(|field| field.span.clone());
    let lifetime = Lifetime {
        from: from.map(|field| time(&field)).transpose()?,
        until: until.map(|field| time(&field)).transpose()?,
        revoked: revoked.map(|field| time(&field)).transpose()?,
    };
    if let (Some(from), Some(until)) = (lifetime.from, lifetime.until)
        && until < from
    {
        return Err((span.unwrap_or_default(), TrustFileProblem::Window));
    }
    section.finish().map_err(generic)?;
    Ok(Signer {
        name,
        who,
        files,
        attestations: attestations.transpose()?,
        instances: instances.transpose()?,
        lifetime,
        committers,
    })
}

fn who(
    section: &mut Section<'_>,
    name: &str,
    key_file: &dyn Fn(&str) -> Result<String, String>,
) -> Step<Who> {
    let (identity, key, file) = (
        section.take("identity"),
        section.take("key"),
        section.take("key_file"),
    );
    let problem = || TrustFileProblem::Who {
        signer: name.to_owned(),
    };
    match (identity, key, file) {
        (Some(identity), None, None) => by_identity(section, &identity),
        (None, Some(field), None) => {
            let pem = field.text(KEY).map_err(generic)?;
            public_key(pem).map_err(|problem| (field.span.clone(), problem))
        }
        (None, None, Some(field)) => {
            let path = field.text(KEY_FILE).map_err(generic)?;
            // What a pattern of files may be but for stars: relative, and nowhere upwards.
            if path.contains('*') || FilePattern::parse(path).is_err() {
                return Err(generic(field.invalid(KEY_FILE)));
            }
            let pem = key_file(path).map_err(|reason| TrustFileProblem::Key { reason });
            let key = pem.and_then(|pem| public_key(&pem));
            key.map_err(|problem| (field.span.clone(), problem))
        }
        _ => Err((section.span.clone(), problem())),
    }
}

fn public_key(pem: &str) -> Result<Who, TrustFileProblem> {
    let key = PublicKey::from_pem(pem).map_err(|error| TrustFileProblem::Key {
        reason: error.to_string(),
    })?;
    Ok(Who::Key(key))
}

fn by_identity(section: &mut Section<'_>, field: &Field<'_>) -> Step<Who> {
    let text = field.text(IDENTITY).map_err(generic)?;
    let identity = Identity::parse(text).map_err(|error| {
        let span = field.inside(&field.span, text, error.span);
        (span, TrustFileProblem::Identity(error.problem))
    })?;
    let field = section.need("issuer", ISSUER).map_err(generic)?;
    let issuer = Issuer::parse(field.text(ISSUER).map_err(generic)?)
        .map_err(|error| (field.span.clone(), TrustFileProblem::Issuer(error)))?;
    let exact =
        |text: &str| Identity::parse(text).is_ok_and(|id| id.is_exact()) && text.contains("://");
    let repository = match section.take("repository") {
        Some(field) => {
            let text = field.text(REPOSITORY).map_err(generic)?;
            Some(text)
                .filter(|text| exact(text))
                .ok_or_else(|| generic(field.invalid(REPOSITORY)))?;
            Some(text.to_owned())
        }
        None => None,
    };
    let is_number =
        |text: &&str| (1..=32).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit());
    let repository_id = match section.take("repository_id") {
        Some(field) => {
            let text = field.text(REPOSITORY_ID).map_err(generic)?;
            let id = Some(text).filter(is_number);
            Some(
                id.ok_or_else(|| generic(field.invalid(REPOSITORY_ID)))?
                    .to_owned(),
            )
        }
        None => None,
    };
    Ok(Who::Identity {
        identity,
        issuer,
        repository,
        repository_id,
    })
}

fn files(field: &Field<'_>) -> Step<Vec<FilePattern>> {
    let texts = field.texts(FILES).map_err(generic)?;
    bounded("files", field, texts.len())?;
    let pattern = |(text, span): (&str, Range<usize>)| {
        let problem = |error: FilePatternError| (span, TrustFileProblem::File(error));
        FilePattern::parse(text).map_err(problem)
    };
    texts.into_iter().map(pattern).collect()
}

pub(super) fn words(
    key: &'static str,
    field: &Field<'_>,
    expected: &'static str,
    accept: fn(&str) -> bool,
) -> Step<Vec<String>> {
    let texts = field.texts(expected).map_err(generic)?;
    bounded(key, field, texts.len())?;
    let word = |(text, span): (&str, Range<usize>)| match accept(text) {
        true => Ok(text.to_owned()),
        false => Err((span, generic(field.invalid(expected)).1)),
    };
    texts.into_iter().map(word).collect()
}

pub(super) fn bounded(key: &'static str, field: &Field<'_>, found: usize) -> Step<()> {
    if found > MAX_VALUES {
        let problem = TrustFileProblem::Many {
            key,
            most: MAX_VALUES,
        };
        return Err((field.span.clone(), problem));
    }
    Ok(())
}

fn is_word(text: &str) -> bool {
    (1..=MAX_TEXT_BYTES).contains(&text.len())
        && !text.contains('*')
        && !text.chars().any(|c| is_unseen(c) || c.is_whitespace())
}

/// What git can write between `<` and `>`.
fn is_address(text: &str) -> bool {
    is_word(text) && text.contains('@') && !text.contains(['<', '>'])
}

fn time(field: &Field<'_>) -> Step<Time> {
    let native = field.datetime();
    let text = match &native {
        Some(native) => native,
        None => field.text(TIME).map_err(generic)?,
    };
    Time::parse_rfc3339(text).map_err(|_| generic(field.invalid(TIME)))
}

pub(super) fn named(section: &Section<'_>, accept: fn(&str) -> bool) -> Step<String> {
    if accept(&section.key) {
        return Ok(section.key.clone());
    }
    let found = crate::excerpt::excerpt(&section.key);
    Err((section.span.clone(), TrustFileProblem::Name { found }))
}

pub(super) fn generic((span, problem): At<TomlProblem>) -> At<TrustFileProblem> {
    (span, TrustFileProblem::Toml(problem))
}
