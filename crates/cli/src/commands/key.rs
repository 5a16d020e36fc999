//! `signhere key`: key pairs in files, in cosign's format.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use serde::Serialize;
use signhere_pki::cosign_key;
use signhere_pki::key::{KeyKind, PrivateKey};
use signhere_pki::random::SystemRandom;
use signhere_sign::keys;
use zeroize::Zeroizing;

use super::Context;
use crate::error::{CliError, shell_word};
use crate::output::style::{BOLD, paint, tick};
use crate::{files, passphrase};

/// No key file is larger.
const KEY_LIMIT: u64 = 64 * 1024;

/// Make and read key pairs
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    Generate(GenerateArgs),
    Public(PublicArgs),
}

/// Make a key pair: PREFIX.key, encrypted, and PREFIX.pub
///
/// The files are those of cosign. The passphrase comes from SIGNHERE_KEY_PASSWORD or
/// COSIGN_PASSWORD, or is asked for on the terminal.
#[derive(Args, Debug)]
struct GenerateArgs {
    /// The beginning of the two files' names
    #[arg(long, value_name = "PREFIX", default_value = "cosign", value_hint = ValueHint::FilePath)]
    output_key_prefix: PathBuf,
    /// The kind of key
    #[arg(long, value_enum, default_value_t = Kind::P256)]
    kind: Kind,
}

/// Print the public key of a private key
#[derive(Args, Debug)]
struct PublicArgs {
    /// The private key: a PEM file, encrypted by cosign or not at all
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    P256,
    P384,
    P521,
    Ed25519,
    Rsa2048,
    Rsa3072,
    Rsa4096,
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::P256 => Self::P256,
            Kind::P384 => Self::P384,
            Kind::P521 => Self::P521,
            Kind::Ed25519 => Self::Ed25519,
            Kind::Rsa2048 => Self::Rsa2048,
            Kind::Rsa3072 => Self::Rsa3072,
            Kind::Rsa4096 => Self::Rsa4096,
        }
    }
}

pub(crate) fn run(context: &Context, args: &KeyArgs) -> Result<(), CliError> {
    match &args.command {
        KeyCommand::Generate(args) => generate(context, args),
        KeyCommand::Public(args) => public(context, args),
    }
}

/// The private key in a file; asks for its passphrase when it has one.
pub(crate) fn load(context: &Context, path: &Path) -> Result<PrivateKey, CliError> {
    let pem = Zeroizing::new(files::read_text(path, KEY_LIMIT)?);
    let passphrase = match cosign_key::is_encrypted_key(&pem) {
        true => Some(passphrase::for_reading(context, path)?),
        false => None,
    };
    keys::load(&pem, || passphrase)
        .map_err(|error| CliError::from(error).about(&path.display().to_string()))
}

fn generate(context: &Context, args: &GenerateArgs) -> Result<(), CliError> {
    let private_path = with_extension(&args.output_key_prefix, ".key");
    let public_path = with_extension(&args.output_key_prefix, ".pub");
    for path in [&private_path, &public_path] {
        // Asked before the passphrase is: `create_new` decides in the end.
        if path.exists() {
            return Err(CliError::exists(path));
        }
    }
    let passphrase = passphrase::for_writing(context)?;
    let pair = keys::generate(args.kind.into(), &passphrase, &SystemRandom)?;
    files::create_new(&private_path, pair.private_pem.as_bytes(), true)?;
    if let Err(error) = files::create_new(&public_path, pair.public_pem.as_bytes(), false) {
        // Half a pair is of no use to anybody.
        let _ = fs::remove_file(&private_path);
        return Err(error);
    }

    if context.output.is_json() {
        return context.output.document(&Generated {
            version: 1,
            private_key: private_path.display().to_string(),
            public_key: public_path.display().to_string(),
        });
    }
    let output = context.output;
    output.line(format_args!(
        "{} {}  the private key, encrypted: keep it",
        tick(),
        paint(BOLD, private_path.display())
    ))?;
    output.line(format_args!(
        "{} {}  the public key: give it away",
        tick(),
        paint(BOLD, public_path.display())
    ))?;
    output.line(format_args!(
        "\nnext  signhere sign --key {} FILE\n      signhere verify --key {} FILE",
        shell_word(&private_path.display().to_string()),
        shell_word(&public_path.display().to_string())
    ))
}

fn public(context: &Context, args: &PublicArgs) -> Result<(), CliError> {
    let pem = load(context, &args.key)?.public_key().to_pem();
    if context.output.is_json() {
        return context.output.document(&Public {
            version: 1,
            public_key: pem,
        });
    }
    context.output.raw(pem.trim_end())
}

fn with_extension(prefix: &Path, extension: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(extension);
    PathBuf::from(name)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Generated {
    version: u32,
    private_key: String,
    public_key: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Public {
    version: u32,
    public_key: String,
}
