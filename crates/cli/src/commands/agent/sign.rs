//! `signhere agent sign`: what signing costs, and whether it works, without a repository.

use clap::Args;
use signhere_pki::digest::{Digest, HashAlgorithm};

use super::Context;
use crate::error::CliError;
use crate::login::LoginArgs;
use crate::signing::{self, Signing};
use crate::trust::TrustArgs;

/// Sign a SHA-256 digest and print the bundle
#[derive(Args, Debug)]
pub(crate) struct SignArgs {
    /// The digest, in hexadecimal
    #[arg(value_name = "SHA256")]
    digest: String,
    /// Sign as nobody else
    #[arg(long, value_name = "ADDRESS")]
    identity: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    login: LoginArgs,
}

pub(super) fn run(context: &Context, args: &SignArgs) -> Result<(), CliError> {
    let digest = Digest::from_hex(HashAlgorithm::Sha256, &args.digest)
        .map_err(|error| CliError::usage(format!("no SHA-256 digest: {error}")))?;
    let how = Signing {
        trust: args.trust.clone(),
        login: args.login.clone(),
        identity: args.identity.clone(),
        ..Signing::default()
    };
    let bundle = signing::sign(context, digest, &how)?;
    let json = String::from_utf8(bundle.to_json()).map_err(|error| CliError::internal(&error))?;
    context.output.raw(json)
}
