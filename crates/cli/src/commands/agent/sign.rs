//! `signhere agent sign`: what signing costs, and whether it works, without a repository.

use std::path::PathBuf;

use clap::Args;
use signhere_pki::digest::{Digest, HashAlgorithm};

use super::Context;
use crate::error::CliError;
use crate::files;
use crate::login::LoginArgs;
use crate::signing::{self, Signing};
use crate::trust::TrustArgs;

/// No statement is larger.
const STATEMENT_LIMIT: u64 = 16 * 1024 * 1024;

/// Sign a SHA-256 digest and print the bundle
#[derive(Args, Debug)]
pub(crate) struct SignArgs {
    /// The digest, in hexadecimal
    #[arg(value_name = "SHA256", required_unless_present = "statement")]
    digest: Option<String>,
    /// Sign this in-toto statement instead
    #[arg(long, value_name = "FILE", conflicts_with = "digest")]
    statement: Option<PathBuf>,
    /// Sign as nobody else
    #[arg(long, value_name = "ADDRESS")]
    identity: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    login: LoginArgs,
}

pub(super) fn run(context: &Context, args: &SignArgs) -> Result<(), CliError> {
    let how = Signing {
        trust: args.trust.clone(),
        login: args.login.clone(),
        identity: args.identity.clone(),
        ..Signing::default()
    };
    let bundle = match (&args.statement, &args.digest) {
        (Some(path), _) => {
            signing::sign_statement(context, &files::read_text(path, STATEMENT_LIMIT)?, &how)?
        }
        (None, digest) => {
            let digest = digest.as_deref().unwrap_or_default();
            let digest = Digest::from_hex(HashAlgorithm::Sha256, digest)
                .map_err(|error| CliError::usage(format!("no SHA-256 digest: {error}")))?;
            signing::sign(context, digest, &how)?
        }
    };
    let json = String::from_utf8(bundle.to_json()).map_err(|error| CliError::internal(&error))?;
    context.output.raw(json)
}
