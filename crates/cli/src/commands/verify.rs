//! `signhere verify`: who signed this?

use std::io;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueHint};
use serde::Serialize;
use signhere_pki::digest::Digest;
use signhere_pki::key::PublicKey;
use signhere_verify::bundle::Bundle;
use signhere_verify::verdict::{Failure, Reason, Verdict};
use signhere_verify::verifier::{Artifact, Policy, Verifier};

use super::Context;
use crate::error::{CliError, ErrorFields, shell_word};
use crate::exit::Exit;
use crate::files;
use crate::output::{Output, progress, verdict};
use crate::trust::{self, TrustArgs};

/// No bundle is larger.
pub(crate) const BUNDLE_LIMIT: u64 = 16 * 1024 * 1024;
/// No artifact is larger that has to be in memory.
const BYTES_LIMIT: u64 = 256 * 1024 * 1024;
/// No public key file is larger.
const KEY_LIMIT: u64 = 64 * 1024;

/// Verify who signed a file
///
/// Verification is offline, and reads each file once in constant memory. Identities are compared
/// exactly.
#[derive(Args, Debug)]
#[command(
    override_usage = "signhere verify [OPTIONS] --certificate-identity <ID> --certificate-oidc-issuer <URL> <FILE|DIGEST>...\n       signhere verify [OPTIONS] --key <FILE> <FILE|DIGEST>..."
)]
#[command(group = ArgGroup::new("policy").required(true).args(["certificate_identity", "key", "certificate_identity_regexp"]))]
pub(crate) struct VerifyArgs {
    /// The files; `sha256:HEX` is a digest, `-` standard input
    #[arg(required = true, value_name = "FILE|DIGEST", value_hint = ValueHint::FilePath)]
    artifacts: Vec<PathBuf>,
    /// The bundle [default: FILE.sigstore.json]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    bundle: Option<PathBuf>,
    /// Who must have signed: the e-mail address, URI or other name in the certificate
    #[arg(long, value_name = "ID", visible_alias = "cert-identity")]
    certificate_identity: Option<String>,
    /// Who must have vouched for the identity
    #[arg(long, value_name = "URL", visible_alias = "cert-oidc-issuer")]
    certificate_oidc_issuer: Option<String>,
    /// Known from cosign, and refused
    #[arg(long, hide = true)]
    certificate_identity_regexp: Option<String>,
    /// The public key that must have signed (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["certificate_identity", "certificate_oidc_issuer"])]
    key: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
}

pub(crate) fn run(context: &Context, args: &VerifyArgs) -> Result<(), CliError> {
    if args.bundle.is_some() && args.artifacts.len() > 1 {
        return Err(CliError::usage("--bundle goes with one file only"));
    }
    let many = args.artifacts.len() > 1;
    let verification = Verification {
        bundle: args.bundle.as_deref(),
        policy: policy(args)?,
        verifier: Verifier::new(trust::trusted_root(context, &args.trust)?)?,
        output: match many {
            true => context.output.below_a_bar(),
            false => context.output,
        },
    };

    let bar = progress::files(context.output, "verifying", args.artifacts.len());
    let mut results = Vec::new();
    for artifact in &args.artifacts {
        let checked = verification.check(artifact);
        bar.suspend(|| checked.show(context))?;
        bar.inc(1);
        results.push(checked);
    }
    bar.finish_and_clear();

    let failed = results
        .iter()
        .find_map(|result| result.error.as_ref().map(CliError::exit));
    if context.output.is_json() {
        context.output.document(&Report {
            version: 1,
            verified: failed.is_none(),
            results: results.iter().map(Checked::report).collect(),
        })?;
    }
    failed.map_or(Ok(()), |exit| Err(CliError::reported(exit)))
}

/// What all artifacts are verified with.
struct Verification<'a> {
    bundle: Option<&'a Path>,
    policy: Policy,
    verifier: Verifier,
    output: Output,
}

impl Verification<'_> {
    fn check(&self, artifact: &Path) -> Checked {
        let mut checked = Checked {
            subject: artifact.display().to_string(),
            bundle: None,
            verdict: None,
            error: None,
        };
        let outcome = self.bundle_of(artifact).and_then(|path| {
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

    fn bundle_of(&self, artifact: &Path) -> Result<PathBuf, CliError> {
        if let Some(bundle) = self.bundle {
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
}

/// What became of one artifact.
struct Checked {
    subject: String,
    bundle: Option<PathBuf>,
    verdict: Option<Verdict>,
    error: Option<CliError>,
}

impl Checked {
    fn show(&self, context: &Context) -> Result<(), CliError> {
        let output = context.output;
        if output.is_json() {
            return Ok(());
        }
        if let (Some(verdict), None) = (&self.verdict, &self.error) {
            output.line(verdict::summary(&self.subject, verdict))?;
        }
        if let (Some(verdict), true) = (&self.verdict, output.is_verbose()) {
            output.line(verdict::steps(verdict, true))?;
        }
        if let Some(error) = &self.error {
            output.error(error);
        }
        Ok(())
    }

    fn report(&self) -> Outcome<'_> {
        Outcome {
            artifact: &self.subject,
            bundle: self.bundle.as_ref().map(|path| path.display().to_string()),
            verified: self.error.is_none(),
            verdict: self.verdict.as_ref(),
            error: self.error.as_ref().map(CliError::fields),
        }
    }
}

fn missing_artifact(artifact: &Path, error: CliError) -> CliError {
    if artifact.exists() || artifact == Path::new("-") {
        error
    } else {
        error.exits(Exit::NoArtifact)
    }
}

/// The digest that `artifact` writes out, `ALGORITHM:HEX`, if it does.
fn as_digest(artifact: &Path) -> Result<Option<Digest>, CliError> {
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

fn policy(args: &VerifyArgs) -> Result<Policy, CliError> {
    if let Some(path) = &args.key {
        let pem = files::read_text(path, KEY_LIMIT)?;
        let key = PublicKey::from_pem(&pem)
            .map_err(|error| CliError::from(error).about(&path.display().to_string()))?;
        return Ok(Policy::Key(key));
    }
    match (&args.certificate_identity, &args.certificate_oidc_issuer) {
        (Some(identity), Some(issuer)) => Ok(Policy::Identity {
            identity: identity.clone(),
            issuer: issuer.clone(),
        }),
        (None, _) => Err(CliError::usage(
            "identities are compared exactly: a pattern accepts strangers",
        )
        .expected("--certificate-identity ID")),
        (Some(_), None) => Err(CliError::usage(
            "--certificate-oidc-issuer is needed: an identity means something at its issuer only",
        )),
    }
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    verified: bool,
    results: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
struct Outcome<'a> {
    artifact: &'a str,
    bundle: Option<String>,
    verified: bool,
    verdict: Option<&'a Verdict>,
    error: Option<ErrorFields>,
}
