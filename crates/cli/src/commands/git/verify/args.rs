//! What may be asked of `git verify`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueHint};

use crate::trust::TrustArgs;

/// Verify who signed commits and tags
///
/// Without flags, the trust file says who may sign: the repository's .signhere/trust.toml, or your own. Objects are read
/// as they are stored and nothing is fetched; verdicts are kept, so that a second look is free.
#[derive(Args, Debug)]
#[command(
    override_usage = "signhere git verify [OPTIONS] [A..B|COMMIT|TAG]...\n       signhere git verify [OPTIONS] --all"
)]
#[command(group = ArgGroup::new("who").args(["certificate_identity", "trust_file"]))]
pub(crate) struct GitVerifyArgs {
    /// The commits and tags: a range is what B has and A has not [default: HEAD]
    #[arg(value_name = "A..B|COMMIT|TAG")]
    pub(super) revisions: Vec<String>,
    /// All commits and annotated tags that a branch, a tag or another ref leads to, but for notes
    #[arg(long, conflicts_with = "revisions")]
    pub(super) all: bool,
    /// The ref that they are for, such as refs/heads/main or main
    #[arg(long = "ref", value_name = "REF")]
    pub(super) reference: Option<String>,
    /// Verify the commit that a tag leads to, too
    #[arg(long)]
    pub(super) targets: bool,
    /// The repository's folder [default: the one here]
    #[arg(long, short = 'C', value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) repository: Option<PathBuf>,
    /// Who may sign [default: .signhere/trust.toml of the repository, and your own]
    #[arg(long = "trust", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) trust_file: Option<PathBuf>,
    /// Who must have signed: the e-mail address, URI or other name in the certificate
    #[arg(long, value_name = "ID", requires = "certificate_oidc_issuer")]
    pub(super) certificate_identity: Option<String>,
    /// Who must have vouched for that identity
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    pub(super) certificate_oidc_issuer: Option<String>,
    /// Whose SSH keys count for signatures by SSH keys (ssh-keygen(1), ALLOWED SIGNERS)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) allowed_signers: Option<PathBuf>,
    /// Show the whole chain of evidence of each as a tree
    #[arg(long)]
    pub(super) explain: bool,
    /// Write a SARIF 2.1.0 log to a file, or with - to standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) sarif: Option<PathBuf>,
    /// Look up and keep no verdicts
    #[arg(long)]
    pub(super) no_cache: bool,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}
