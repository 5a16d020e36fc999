//! `signhere bundle upgrade`: from old forms to v0.3.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use signhere_verify::bundle::{Bundle, Parts};

use super::super::Context;
use super::make::{self, MakeArgs, PART_LIMIT};
use crate::error::CliError;
use crate::files;

/// Bring an old bundle up to v0.3
///
/// Reads bundles of v0.1 and v0.2, the file that cosign wrote before there were bundles, and
/// cosign's signature files (.sig) with their certificate. Where the log's inclusion proof is
/// missing, the error says what would fetch it. What is made is proven before it is written, and
/// nothing is overwritten.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    signhere bundle upgrade old.sigstore.json -o new.sigstore.json\n  \
    signhere bundle upgrade cosign.bundle --log-entry entry.json -o app.sigstore.json\n  \
    signhere bundle upgrade app.sig --certificate app.pem --log-entry entry.json -o app.sigstore.json")]
pub(super) struct UpgradeArgs {
    /// The old bundle or signature
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// The certificate or public key, where the file has none
    #[arg(long, visible_alias = "key", value_name = "FILE", value_hint = ValueHint::FilePath)]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    make: MakeArgs,
}

pub(super) fn run(context: &Context, args: &UpgradeArgs) -> Result<(), CliError> {
    let bytes = files::read(&args.file, PART_LIMIT)?;
    let refused = |error| make::part(&args.file, &error);
    let mut parts = match Bundle::parse(&bytes) {
        Ok(bundle) => Parts::of(bundle),
        Err(error) if bytes.trim_ascii().starts_with(b"{") => match Parts::from_cosign(&bytes) {
            Ok(parts) => parts,
            // An envelope by itself is a signature too.
            Err(_) => match Parts::from_signature(&bytes) {
                Ok(parts) => parts,
                Err(_) => return Err(CliError::from(error)),
            },
        },
        Err(_) => Parts::from_signature(&bytes).map_err(refused)?,
    };
    make::add(&mut parts, args.certificate.as_ref(), &args.make)?;
    make::write(context, parts, &args.make)
}
