//! Which bundle goes with which artifact.

use std::io;
use std::path::{Path, PathBuf};

use signhere_pki::digest::Digest;

use crate::error::{CliError, shell_word};
use crate::exit::Exit;
use crate::files;

/// The bundle of `artifact`: the one that is `given`, or the one next to it.
pub(super) fn bundle_of(artifact: &Path, given: Option<&Path>) -> Result<PathBuf, CliError> {
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
    let bundle = files::bundle_path(artifact);
    if !bundle.exists() {
        let file = artifact.display().to_string();
        return Err(CliError::new(
            Exit::NoSignature,
            "SH-NO-SIGNATURE",
            format!("{file}: there is no bundle next to it"),
        )
        .expected(bundle.display().to_string())
        .mend(format!("signhere sign {}", shell_word(&file))));
    }
    Ok(bundle)
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
