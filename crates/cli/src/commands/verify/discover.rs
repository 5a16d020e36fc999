//! Which bundle goes with which artifact.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use signhere_pki::digest::{Digest, HashAlgorithm};

use crate::error::{CliError, shell_word};
use crate::exit::Exit;
use crate::files;
use crate::output::Output;

/// What a file's bundle is called: the file's name with one of these. The first that is there is taken.
pub(super) const SUFFIXES: [&str; 11] = [
    files::BUNDLE_EXTENSION, // Sigstore's clients, Maven, Gradle
    ".sigstore",             // the same, formerly
    ".bundle",               // cosign
    ".sigs",                 // conda (CEP 50)
    ".provenance",           // PyPI's Integrity API
    ".publish.attestation",  // PyPI's clients
    ".slsa.attestation",     // the same
    ".jsonl",                // attestations, one a line
    ".intoto.jsonl",         // the same, by in-toto's recommendation
    ".intoto.sigstore",      // SLSA's builders
    ".intoto.build.slsa",    // the same
];

/// The bundle of `artifact`: the one that is `given`, or the one next to it.
pub(super) fn bundle_of(
    artifact: &Path,
    given: Option<&Path>,
    output: Output,
) -> Result<PathBuf, CliError> {
    if let Some(bundle) = given {
        return Ok(bundle.to_owned());
    }
    if artifact == Path::new("-") || as_digest(artifact)?.is_some() {
        return Err(CliError::usage(format!(
            "--bundle is needed: {} has no file next to it",
            artifact.display()
        )));
    }
    if !artifact.exists() {
        return Err(missing_artifact(
            artifact,
            CliError::file("read", artifact, &io::ErrorKind::NotFound.into()),
        ));
    }
    let beside = SUFFIXES.iter().map(|suffix| with_suffix(artifact, suffix));
    if let Some(bundle) = beside.into_iter().find(|path| path.is_file()) {
        return Ok(bundle);
    }
    match by_digest(artifact, output)? {
        Some(bundle) => Ok(bundle),
        None => Err(unsigned(artifact)),
    }
}

/// The file that `gh attestation download` names after the artifact's digest, next to it or in the current folder.
fn by_digest(artifact: &Path, output: Output) -> Result<Option<PathBuf>, CliError> {
    let mut folders = vec![
        artifact.parent().unwrap_or_else(|| Path::new("")),
        Path::new(""),
    ];
    folders.dedup();
    folders.retain(|folder| has_digest_names(folder));
    if folders.is_empty() {
        return Ok(None);
    }
    let digests = files::digests(artifact, &[HashAlgorithm::Sha256], output)?;
    let names = digests
        .iter()
        .flat_map(|digest| [':', '-'].map(|mark| format!("sha256{mark}{}.jsonl", digest.hex())));
    let names: Vec<String> = names.collect();
    Ok(folders
        .iter()
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|path| path.is_file()))
}

/// Whether any file of the folder is named after a digest: only then is it worth a digest to look for one.
fn has_digest_names(folder: &Path) -> bool {
    let folder = match folder == Path::new("") {
        true => Path::new("."),
        false => folder,
    };
    // A folder that cannot be listed has nothing to offer; what is missing is told by the caller.
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .filter_map(Result::ok)
            .any(|entry| is_digest_name(&entry.file_name()))
    })
}

/// Whether this is the name of a file that is named after a digest.
pub(super) fn is_digest_name(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let digest = name
        .strip_suffix(".jsonl")
        .and_then(|name| name.strip_prefix("sha256"))
        .and_then(|name| name.strip_prefix([':', '-']));
    digest.is_some_and(|digest| Digest::from_hex(HashAlgorithm::Sha256, digest).is_ok())
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    PathBuf::from(name)
}

fn unsigned(artifact: &Path) -> CliError {
    let file = artifact.display().to_string();
    CliError::new(
        Exit::NoSignature,
        "SH-NO-SIGNATURE",
        format!("{file}: there is no bundle next to it"),
    )
    .expected(files::bundle_path(artifact).display().to_string())
    .mend(format!("signhere sign {}", shell_word(&file)))
}

/// The digest that `artifact` writes out, `ALGORITHM:HEX`, if it does.
pub(super) fn as_digest(artifact: &Path) -> Result<Option<Digest>, CliError> {
    let Some(text) = artifact.to_str() else {
        return Ok(None);
    };
    if !["sha256:", "sha384:", "sha512:"]
        .iter()
        .any(|prefix| text.starts_with(prefix))
    {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| {
        CliError::usage(format!("{text} is no digest: {error}"))
            .expected("sha256: and 64 hexadecimal digits")
            .mend(format!("for a file of this name: ./{text}"))
    })
}

/// `error`, with the code that says so if it is because there is no artifact.
pub(super) fn missing_artifact(artifact: &Path, error: CliError) -> CliError {
    if artifact.exists() || artifact == Path::new("-") {
        error
    } else {
        error.exits(Exit::NoArtifact)
    }
}
