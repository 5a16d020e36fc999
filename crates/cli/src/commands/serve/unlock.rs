//! What opens the keys of an instance: a passphrase, a credential of the service manager, or a file
//! beside them. Never a word on the command line, which other users can read.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use signhere_serve::{Unlock, UnlockKind, keys};
use zeroize::Zeroizing;

use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::{env, files, passphrase};

/// Where a passphrase may come from.
const VARIABLE: &str = "SIGNHERE_PASSPHRASE";
/// Where systemd puts credentials, and the name of ours.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const CREDENTIAL: &str = "signhere";
/// No passphrase file is larger.
const LIMIT: u64 = 64 * 1024;

/// How the keys of an instance are opened.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct UnlockArgs {
    /// The file that holds the passphrase of the keys [or: SIGNHERE_PASSPHRASE, or it is asked for]
    #[arg(long, value_name = "FILE", env = "SIGNHERE_PASSPHRASE_FILE", value_hint = ValueHint::FilePath)]
    passphrase_file: Option<PathBuf>,
}

/// What new keys are sealed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// A passphrase
    Passphrase,
    /// The credential `signhere` of the service manager
    Credential,
    /// A file beside the keys: for an instance that is thrown away
    File,
}

/// What opens the instance in `dir`. Its folder says of which kind that is.
pub(crate) fn find(context: &Context, dir: &Path, args: &UnlockArgs) -> Result<Unlock, CliError> {
    match keys::unlock_kind(dir)? {
        UnlockKind::File => Ok(Unlock::File),
        UnlockKind::Credential => credential(),
        UnlockKind::Passphrase => match given(args)? {
            Some(passphrase) => Ok(Unlock::Passphrase(passphrase)),
            None => ask(context, &format!("Passphrase of {}: ", dir.display())),
        },
    }
}

/// What a new instance is sealed under. Unless it is said: the passphrase that is given, or else what a
/// person types, or else, with nobody to ask, a file; `true` says that the last was chosen for want of better.
pub(crate) fn choose(
    context: &Context,
    choice: Option<Choice>,
    args: &UnlockArgs,
) -> Result<(Unlock, bool), CliError> {
    let unlock = match choice {
        Some(Choice::File) => return Ok((Unlock::File, false)),
        Some(Choice::Credential) => credential()?,
        Some(Choice::Passphrase) | None => match given(args)? {
            Some(passphrase) => Unlock::Passphrase(passphrase),
            None if choice.is_none() && !context.may_ask() => return Ok((Unlock::File, true)),
            None => new_passphrase(context)?,
        },
    };
    Ok((unlock, false))
}

/// The passphrase in the file that is named, or in the environment.
fn given(args: &UnlockArgs) -> Result<Option<Zeroizing<String>>, CliError> {
    let passphrase = match &args.passphrase_file {
        Some(path) => {
            let mut text = Zeroizing::new(files::read_text(path, LIMIT)?);
            let length = text.trim_end_matches(['\r', '\n']).len();
            text.truncate(length);
            text
        }
        None => match env::set_var(VARIABLE) {
            Some(passphrase) => Zeroizing::new(passphrase),
            None => return Ok(None),
        },
    };
    match passphrase.is_empty() {
        true => Err(failed("an empty passphrase protects nothing")),
        false => Ok(Some(passphrase)),
    }
}

fn credential() -> Result<Unlock, CliError> {
    let folder = env::var(CREDENTIALS).ok_or_else(|| {
        failed("there are no credentials: CREDENTIALS_DIRECTORY is not set").mend(
            "in the systemd unit: LoadCredentialEncrypted=signhere; by hand, while the service runs: runuser -u signhere -- env CREDENTIALS_DIRECTORY=/run/credentials/signhere.service signhere ...",
        )
    })?;
    Ok(Unlock::Credential(Path::new(&folder).join(CREDENTIAL)))
}

fn ask(context: &Context, prompt: &str) -> Result<Unlock, CliError> {
    if !context.may_ask() {
        return Err(failed(
            "the keys are sealed under a passphrase, and there is no terminal to ask for it",
        )
        .mend("set SIGNHERE_PASSPHRASE, or name a file with --passphrase-file"));
    }
    passphrase::prompt(prompt).map(Unlock::Passphrase)
}

fn new_passphrase(context: &Context) -> Result<Unlock, CliError> {
    if !context.may_ask() {
        return Err(
            failed("there is no passphrase, and no terminal to ask for one")
                .mend("set SIGNHERE_PASSPHRASE, or name a file with --passphrase-file"),
        );
    }
    let first = passphrase::prompt("New passphrase for the keys: ")?;
    if first.is_empty() {
        return Err(failed("an empty passphrase protects nothing")
            .mend("for an instance that is thrown away: --unlock file"));
    }
    if *first != *passphrase::prompt("The same again: ")? {
        return Err(failed("the two passphrases differ"));
    }
    Ok(Unlock::Passphrase(first))
}

fn failed(message: &str) -> CliError {
    CliError::new(Exit::Failed, "SH-INSTANCE-LOCKED", message)
}
