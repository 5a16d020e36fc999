//! `signhere serve trust`: the root of trust of an instance, shown, continued, taken offline.

mod show;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueHint};
use serde::Serialize;
use signhere_pki::cosign_key;
use signhere_pki::key::{PrivateKey, PublicKey};
use signhere_pki::random::SystemRandom;
use signhere_pki::time::{Clock as _, Time};
use signhere_serve::tuf::{NewRootKey, NextRoot, RootAdmin};
use signhere_verify::tuf::{Metadata, Role as _, Root};

use self::show::ShowArgs;
use super::unlock::{self, UnlockArgs};
use crate::clock::SystemClock;
use crate::commands::{Context, key};
use crate::error::{CliError, shell_word};
use crate::output::style::tick;
use crate::output::text::safe;
use crate::{files, passphrase};

const DAY: i64 = 24 * 3600;
/// No root, and no file with a public key, is larger.
const LIMIT: u64 = 512 * 1024;

/// Show the root of trust, continue it, take its key offline
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub(super) struct ServeTrustArgs {
    #[command(subcommand)]
    command: TrustCommand,
}

#[derive(Debug, Subcommand)]
enum TrustCommand {
    Show(ShowArgs),
    RotateRoot(RotateArgs),
    RotateOnline(OnlineArgs),
    TakeOffline(TakeOfflineArgs),
    ExportRoot(ExportArgs),
    SignRoot(SignArgs),
    ImportRoot(ImportArgs),
}

/// Sign the next root: valid for longer, and with a new key unless told otherwise
///
/// The instance may run: it takes the new root up within a second. Clients follow from the root that
/// they have pinned. Where several people sign roots, see export-root.
#[derive(Args, Debug)]
struct RotateArgs {
    /// The folder of the instance
    #[arg(value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// Go on with the same root key: only the expiry moves
    #[arg(long, conflicts_with = "new_key")]
    keep_key: bool,
    /// The private key that signs roots from now on; it does not go into the instance
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    new_key: Option<PathBuf>,
    /// The private key that signs roots until now, where it was taken offline; goes on unless --new-key is given
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    root_key: Option<PathBuf>,
    #[command(flatten)]
    life: LifeArgs,
    #[command(flatten)]
    secret: UnlockArgs,
}

/// Replace the keys that the instance signs its repository with, by a root that names new ones
///
/// For keys that were lost, or that others may have. The instance may run: it takes the new root up and signs all of it
/// anew within a second. Where several people sign roots, see export-root.
#[derive(Args, Debug)]
struct OnlineArgs {
    /// The folder of the instance
    #[arg(value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// The private key that signs roots, where it was taken offline
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    root_key: Option<PathBuf>,
    #[command(flatten)]
    life: LifeArgs,
    #[command(flatten)]
    secret: UnlockArgs,
}

/// Move the root key out of the instance, into a file under a passphrase
///
/// The file is in cosign's format. Its passphrase comes from SIGNHERE_KEY_PASSWORD or COSIGN_PASSWORD,
/// or is asked for on the terminal.
#[derive(Args, Debug)]
struct TakeOfflineArgs {
    /// The folder of the instance
    #[arg(value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT.key", value_hint = ValueHint::FilePath)]
    out: PathBuf,
    #[command(flatten)]
    secret: UnlockArgs,
}

/// Write the next root without signatures, to be signed elsewhere
#[derive(Args, Debug)]
struct ExportArgs {
    /// The folder of the instance
    #[arg(value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT.json", value_hint = ValueHint::FilePath)]
    out: PathBuf,
    /// A public key that signs roots from then on (PEM); repeat it for several [default: those of now]
    #[arg(long = "key", value_name = "FILE", value_hint = ValueHint::FilePath)]
    keys: Vec<PathBuf>,
    /// How many of these keys have to sign
    #[arg(long, value_name = "N", default_value_t = 1, requires = "keys", value_parser = clap::value_parser!(u32).range(1..))]
    threshold: u32,
    /// Make new keys for the instance itself to sign with, and name them in the root
    #[arg(long)]
    new_online_keys: bool,
    #[command(flatten)]
    life: LifeArgs,
    #[command(flatten)]
    secret: UnlockArgs,
}

/// Add a signature to a root that export-root wrote
#[derive(Args, Debug)]
struct SignArgs {
    /// The root; the signature is added to the file
    #[arg(value_name = "FILE.json", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// The private key: a PEM file, encrypted by cosign or not at all
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
}

/// Make a signed root the instance's next one
#[derive(Args, Debug)]
struct ImportArgs {
    /// The folder of the instance
    #[arg(value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// The root, with all the signatures that it needs
    #[arg(value_name = "FILE.json", value_hint = ValueHint::FilePath)]
    file: PathBuf,
}

#[derive(Args, Clone, Copy, Debug)]
struct LifeArgs {
    /// Days until the new root expires
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: i64,
}

impl LifeArgs {
    fn expires(self, now: Time) -> Time {
        now.plus_seconds(self.days.saturating_mul(DAY))
    }
}

pub(super) fn run(context: &Context, args: &ServeTrustArgs) -> Result<(), CliError> {
    match &args.command {
        TrustCommand::Show(args) => show::run(context, args),
        TrustCommand::RotateRoot(args) => rotate(context, args),
        TrustCommand::RotateOnline(args) => rotate_online(context, args),
        TrustCommand::TakeOffline(args) => take_offline(context, args),
        TrustCommand::ExportRoot(args) => export(context, args),
        TrustCommand::SignRoot(args) => sign(context, args),
        TrustCommand::ImportRoot(args) => import(context, args),
    }
}

fn rotate(context: &Context, args: &RotateArgs) -> Result<(), CliError> {
    let (admin, now) = (RootAdmin::new(&args.dir), SystemClock.now());
    let expires = args.life.expires(now);
    let load = |path: &Option<PathBuf>| {
        let key = path.as_ref().map(|path| load_key(context, path));
        key.transpose()
    };
    let current = load(&args.root_key)?;
    let new = match load(&args.new_key)? {
        Some(key) => NewRootKey::Given(key),
        None if args.keep_key || current.is_some() => NewRootKey::Same,
        None => NewRootKey::Made,
    };
    let unlock = unlock::find(context, &args.dir, &args.secret)?;
    let root = admin.rotate(&unlock, current.as_ref(), new, expires, now)?;
    published(context, &root)
}

fn rotate_online(context: &Context, args: &OnlineArgs) -> Result<(), CliError> {
    let (admin, now) = (RootAdmin::new(&args.dir), SystemClock.now());
    let key = args.root_key.as_ref().map(|path| load_key(context, path));
    let key = key.transpose()?;
    let unlock = unlock::find(context, &args.dir, &args.secret)?;
    let root = admin.rotate_online(&unlock, key.as_ref(), args.life.expires(now), now)?;
    published(context, &root)
}

fn take_offline(context: &Context, args: &TakeOfflineArgs) -> Result<(), CliError> {
    let admin = RootAdmin::new(&args.dir);
    let unlock = unlock::find(context, &args.dir, &args.secret)?;
    let key = admin.root_key(&unlock)?;
    if args.out.exists() {
        return Err(CliError::exists(&args.out));
    }
    let passphrase = passphrase::for_writing(context)?;
    let pem = cosign_key::encrypt(&key, &passphrase, &SystemRandom)?;
    files::create_new(&args.out, pem.as_bytes(), true)?;
    // The only copy is removed after the other has been read back.
    let written = files::read_text(&args.out, LIMIT)?;
    let read = cosign_key::decrypt(&written, &passphrase)?;
    if read.public_key() != key.public_key() {
        return Err(CliError::internal(
            &"the key that was written is another one",
        ));
    }
    admin.remove_root_key(&unlock)?;

    let (dir, out) = (shown(&args.dir), shown(&args.out));
    if context.output.is_json() {
        return context.output.document(&Offline {
            version: 1,
            root_key: args.out.display().to_string(),
        });
    }
    context.output.line(format_args!(
        "{} the root key is in {out} and no longer in {dir}\n\
         \x20 keep two copies away from this machine, and the passphrase elsewhere\n\
         next  signhere serve trust rotate-root {dir} --root-key {out}   once a year",
        tick()
    ))
}

fn export(context: &Context, args: &ExportArgs) -> Result<(), CliError> {
    let keys: Vec<PublicKey> = args
        .keys
        .iter()
        .map(|path| {
            let pem = files::read_text(path, LIMIT)?;
            PublicKey::from_pem(&pem)
                .map_err(|error| CliError::from(error).about(&path.display().to_string()))
        })
        .collect::<Result<_, _>>()?;
    let admin = RootAdmin::new(&args.dir);
    let online = match args.new_online_keys {
        true => {
            let unlock = unlock::find(context, &args.dir, &args.secret)?;
            Some(admin.make_online_keys(&unlock)?)
        }
        false => None,
    };
    let next = NextRoot {
        keys: (!keys.is_empty()).then_some((keys, args.threshold)),
        online,
        expires: args.life.expires(SystemClock.now()),
    };
    write_draft(context, &args.dir, &args.out, &next)
}

fn write_draft(context: &Context, dir: &Path, out: &Path, next: &NextRoot) -> Result<(), CliError> {
    let draft = RootAdmin::new(dir).draft(next)?;
    files::create_new(out, draft.bytes(), false)?;
    if context.output.is_json() {
        return context.output.document(&Drafted {
            version: 1,
            file: out.display().to_string(),
            root_version: draft.version(),
            expires: draft.expires(),
        });
    }
    let (dir, out) = (shown(dir), shown(out));
    context.output.line(format_args!(
        "{} root {} is in {out}, without signatures; it expires {}\n\
         next  signhere serve trust sign-root {out} --key KEY      by the keys of now, and by the new ones\n\
         \x20     signhere serve trust import-root {dir} {out}",
        tick(),
        draft.version(),
        draft.expires(),
    ))
}

fn sign(context: &Context, args: &SignArgs) -> Result<(), CliError> {
    let bytes = files::read(&args.file, LIMIT)?;
    let root = Metadata::<Root>::parse(&bytes);
    let name = args.file.display().to_string();
    let mut root = root.map_err(|error| CliError::from(error).about(&name))?;
    let key = load_key(context, &args.key)?;
    let known = root.signed().keys.clone();
    root.sign(&key, &known)?;
    files::write_atomically(&args.file, root.bytes())?;
    let signatures = root.signatures().len();
    if context.output.is_json() {
        return context.output.document(&Signed {
            version: 1,
            file: name,
            root_version: root.version(),
            signatures,
        });
    }
    context.output.line(format_args!(
        "{} {} has {signatures} signature{}",
        tick(),
        shown(&args.file),
        if signatures == 1 { "" } else { "s" }
    ))
}

fn import(context: &Context, args: &ImportArgs) -> Result<(), CliError> {
    let bytes = files::read(&args.file, LIMIT)?;
    let root = RootAdmin::new(&args.dir).import(&bytes, SystemClock.now())?;
    published(context, &root)
}

fn published(context: &Context, root: &Metadata<Root>) -> Result<(), CliError> {
    if context.output.is_json() {
        return context.output.document(&Published {
            version: 1,
            root_version: root.version(),
            expires: root.expires(),
        });
    }
    context.output.line(format_args!(
        "{} {} {} is in force; it expires {}",
        tick(),
        Root::TYPE,
        root.version(),
        root.expires()
    ))
}

/// The private key in a file, signing as keys of its kind do in TUF: elsewhere Ed25519 keys in files sign a hash.
fn load_key(context: &Context, path: &Path) -> Result<PrivateKey, CliError> {
    let key = key::load(context, path)?;
    let scheme = key.public_key().default_scheme();
    Ok(key.with_scheme(scheme)?)
}

/// A path as it may stand on a command line.
fn shown(path: &Path) -> String {
    shell_word(&safe(&path.display().to_string()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Offline {
    version: u32,
    root_key: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Drafted {
    version: u32,
    file: String,
    root_version: u64,
    expires: Time,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    version: u32,
    file: String,
    root_version: u64,
    signatures: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    version: u32,
    root_version: u64,
    expires: Time,
}
