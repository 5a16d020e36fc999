//! `signhere bundle create`: from parts.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueHint};
use signhere_verify::bundle::Parts;

use super::super::Context;
use super::make::{self, MakeArgs, PART_LIMIT};
use crate::error::CliError;
use crate::files;

/// Put a bundle together from its parts
///
/// What is made is read again and proven before it is written. Nothing is overwritten.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("signer").required(true).args(["certificate", "key"]))]
#[command(after_help = "Example:\n  \
    signhere bundle create --signature app.sig --certificate app.pem --log-entry entry.json \\\n      \
    --timestamp app.tsr -o app.sigstore.json")]
pub(super) struct CreateArgs {
    /// The signature (base64 or raw), or a DSSE envelope
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    signature: PathBuf,
    /// The signer's certificate (PEM or DER)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    certificate: Option<PathBuf>,
    /// The signer's public key (PEM or DER)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,
    #[command(flatten)]
    make: MakeArgs,
}

pub(super) fn run(context: &Context, args: &CreateArgs) -> Result<(), CliError> {
    let signature = files::read(&args.signature, PART_LIMIT)?;
    let mut parts =
        Parts::from_signature(&signature).map_err(|error| make::part(&args.signature, &error))?;
    make::add(
        &mut parts,
        args.certificate.as_ref().or(args.key.as_ref()),
        &args.make,
    )?;
    make::write(context, parts, &args.make)
}
