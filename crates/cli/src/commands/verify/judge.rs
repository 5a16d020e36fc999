//! One artifact is judged by its bundle.

use std::path::Path;

use signhere_verify::bundle::Bundle;
use signhere_verify::verdict::{Failure, Reason, Verdict};
use signhere_verify::verifier::{Artifact, Policy, Verifier};

use super::discover::{as_digest, bundle_of, missing_artifact};
use super::report::Checked;
use crate::error::CliError;
use crate::files;
use crate::output::Output;

/// No bundle is larger.
pub(crate) const BUNDLE_LIMIT: u64 = 16 * 1024 * 1024;
/// No artifact is larger that has to be in memory.
const BYTES_LIMIT: u64 = 256 * 1024 * 1024;

/// What all artifacts are verified with.
pub(super) struct Verification<'a> {
    /// The one bundle that was named, if one was.
    pub(super) bundle: Option<&'a Path>,
    /// Who must have signed.
    pub(super) policy: Policy,
    /// What signatures are proven with.
    pub(super) verifier: Verifier,
    /// Where progress is shown.
    pub(super) output: Output,
}

impl Verification<'_> {
    /// What became of `artifact`.
    pub(super) fn check(&self, artifact: &Path) -> Checked {
        let mut checked = Checked {
            subject: artifact.display().to_string(),
            bundle: None,
            verdict: None,
            error: None,
        };
        let outcome = bundle_of(artifact, self.bundle).and_then(|path| {
            let path = checked.bundle.insert(path);
            self.judge(artifact, path)
        });
        match outcome {
            Ok(verdict) => {
                checked.error = verdict
                    .failure
                    .as_ref()
                    .map(|failure| CliError::from(failure).about(&checked.subject));
                checked.verdict = Some(verdict);
            }
            Err(error) => checked.error = Some(error),
        }
        checked
    }

    fn judge(&self, artifact: &Path, bundle: &Path) -> Result<Verdict, CliError> {
        let verify = |bundle: &Bundle, artifact: &Artifact<'_>| {
            self.verifier.verify(bundle, artifact, &self.policy)
        };
        let digest = as_digest(artifact)?;
        let bundle = match Bundle::parse(&files::read(bundle, BUNDLE_LIMIT)?) {
            Ok(bundle) => bundle,
            Err(error) => return Ok(Verdict::unreadable(error)),
        };
        if let Some(digest) = digest {
            return Ok(verify(&bundle, &Artifact::Digests(&[digest])));
        }
        let digests = files::digests(artifact, &bundle.required_hashes(), self.output)
            .map_err(|error| missing_artifact(artifact, error))?;
        let verdict = verify(&bundle, &Artifact::Digests(&digests));
        let needs_bytes = |failure: &Failure| failure.reason == Reason::ArtifactBytesNeeded;
        if verdict.failure.as_ref().is_some_and(needs_bytes) && artifact != Path::new("-") {
            // Pure Ed25519 (RFC 8032) reads the message twice: it has to be in memory.
            let bytes = files::read(artifact, BYTES_LIMIT)?;
            return Ok(verify(&bundle, &Artifact::Bytes(&bytes)));
        }
        Ok(verdict)
    }
}
