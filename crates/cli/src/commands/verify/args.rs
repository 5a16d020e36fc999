//! What may be asked, and whom it accepts.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueHint};
use signhere_pki::key::PublicKey;
use signhere_verify::verifier::Policy;

use crate::error::CliError;
use crate::files;
use crate::trust::TrustArgs;

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
    pub(super) artifacts: Vec<PathBuf>,
    /// The bundle [default: FILE.sigstore.json]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) bundle: Option<PathBuf>,
    /// Who must have signed: the e-mail address, URI or other name in the certificate
    #[arg(long, value_name = "ID", visible_alias = "cert-identity")]
    pub(super) certificate_identity: Option<String>,
    /// Who must have vouched for the identity
    #[arg(long, value_name = "URL", visible_alias = "cert-oidc-issuer")]
    pub(super) certificate_oidc_issuer: Option<String>,
    /// Known from cosign, and refused
    #[arg(long, hide = true)]
    pub(super) certificate_identity_regexp: Option<String>,
    /// The public key that must have signed (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["certificate_identity", "certificate_oidc_issuer"])]
    pub(super) key: Option<PathBuf>,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

impl VerifyArgs {
    /// Who must have signed.
    pub(super) fn policy(&self) -> Result<Policy, CliError> {
        if let Some(path) = &self.key {
            let pem = files::read_text(path, KEY_LIMIT)?;
            let key = PublicKey::from_pem(&pem)
                .map_err(|error| CliError::from(error).about(&path.display().to_string()))?;
            return Ok(Policy::Key(key));
        }
        match (&self.certificate_identity, &self.certificate_oidc_issuer) {
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
}
