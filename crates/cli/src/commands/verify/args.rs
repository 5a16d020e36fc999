//! What may be asked, and whom it accepts.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum, ValueHint};
use signhere_pki::key::PublicKey;
use signhere_verify::formats::{NPM_KEYS, RegistryKeys};
use signhere_verify::policy::Question;
use signhere_verify::verifier::Policy;

use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::trust::TrustArgs;
use crate::{files, policy};

/// No public key file is larger.
const KEY_LIMIT: u64 = 64 * 1024;

/// Verify who signed a file
///
/// Without flags, the trust file says who may sign: the repository's .signhere/trust.toml, or your
/// own. Verification is offline, and reads each file once in constant memory. Identities are
/// compared exactly. Reads Sigstore bundles, and the attestations of npm, PyPI, conda and GitHub.
#[derive(Args, Debug)]
#[command(
    override_usage = "signhere verify [OPTIONS] <FILE|DIR|DIGEST>...\n       signhere verify [OPTIONS] --certificate-identity <ID> --certificate-oidc-issuer <URL> <FILE|DIR|DIGEST>...\n       signhere verify [OPTIONS] --key <FILE> <FILE|DIR|DIGEST>..."
)]
#[command(group = ArgGroup::new("policy").args(["certificate_identity", "key", "certificate_identity_regexp", "trust_file"]))]
pub(crate) struct VerifyArgs {
    /// The files; a folder is everything in it, a list of checksums what it names, `sha256:HEX` a
    /// digest, `-` standard input
    #[arg(required = true, value_name = "FILE|DIR|DIGEST", value_hint = ValueHint::AnyPath)]
    pub(super) artifacts: Vec<PathBuf>,
    /// The bundle, or what npm, PyPI, conda or GitHub hands out [default: FILE.sigstore.json, or
    /// what else lies next to the file]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) bundle: Option<PathBuf>,
    /// The signed list of checksums that names the files
    #[arg(long, value_name = "LIST", value_hint = ValueHint::FilePath)]
    pub(super) checksums: Option<PathBuf>,
    /// In a folder, let files be without a signature
    #[arg(long)]
    pub(super) allow_unsigned: bool,
    /// The keys that the package registry signs with [default: those of npm's public registry]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) registry_keys: Option<PathBuf>,
    /// Who may sign [default: .signhere/trust.toml of the repository, and your own]
    #[arg(long = "trust", value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "certificate_oidc_issuer")]
    pub(super) trust_file: Option<PathBuf>,
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
    /// Show the whole chain of evidence as a tree
    #[arg(long)]
    pub(super) explain: bool,
    /// The form of the result
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Write the result in that form to a file, and for people on standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

/// The form of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, on a terminal
    #[default]
    Text,
    /// The document of --json
    Json,
    /// SARIF 2.1.0, for CI systems
    Sarif,
    /// One page that needs nothing else
    Html,
}

impl VerifyArgs {
    /// Whose signature npm's own attestations need.
    pub(super) fn registry_keys(&self) -> Result<RegistryKeys, CliError> {
        let Some(path) = &self.registry_keys else {
            return Ok(RegistryKeys::parse(NPM_KEYS.as_bytes())?);
        };
        let bytes = files::read(path, KEY_LIMIT).map_err(|error| error.exits(Exit::Trust))?;
        RegistryKeys::parse(&bytes)
            .map_err(|error| CliError::from(error).about(&path.display().to_string()))
    }

    /// Whether the document of `--json` is asked for.
    pub(crate) fn wants_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Who must have signed: whom the flags name, or whom the trust files list.
    pub(super) fn policy(&self, context: &Context) -> Result<Policy, CliError> {
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
            (None, _) if self.certificate_identity_regexp.is_some() => Err(CliError::usage(
                "identities are compared exactly: a pattern accepts strangers",
            )
            .expected("--certificate-identity ID, or a trust file: signhere trust import")),
            (None, Some(_)) => Err(CliError::usage(
                "--certificate-identity is needed: an issuer vouches for everybody",
            )),
            (None, None) => {
                let trusted = policy::trusted(self.trust_file.as_deref())?;
                let question = Question::new(trusted);
                Ok(Policy::Trust(
                    match policy::instance(context, &self.trust)? {
                        Some(instance) => question.on(instance),
                        None => question,
                    },
                ))
            }
            (Some(_), None) => Err(CliError::usage(
                "--certificate-oidc-issuer is needed: an identity means something at its issuer only",
            )),
        }
    }
}
