//! The passphrase of a key file: from the environment, or asked for without
//! an echo. Never from the command line, which other users can read.

use zeroize::Zeroizing;

use crate::commands::Context;
use crate::env;
use crate::error::CliError;
use crate::exit::Exit;

/// A passphrase, forgotten when it is dropped.
pub(crate) type Passphrase = Zeroizing<Vec<u8>>;

/// Where a passphrase may come from, in this order.
const VARIABLES: [&str; 2] = ["SIGNHERE_KEY_PASSWORD", "COSIGN_PASSWORD"];

/// The passphrase of a key file that exists.
pub(crate) fn for_reading(
    context: &Context,
    path: &std::path::Path,
) -> Result<Passphrase, CliError> {
    match from_environment() {
        Some(passphrase) => Ok(passphrase),
        None => ask(context, &format!("Passphrase of {}: ", path.display())),
    }
}

/// The passphrase of a key file to be made: asked for twice, and not empty.
pub(crate) fn for_writing(context: &Context) -> Result<Passphrase, CliError> {
    if let Some(passphrase) = from_environment() {
        return Ok(passphrase);
    }
    let first = ask(context, "Passphrase for the private key: ")?;
    if first.is_empty() {
        return Err(failed("an empty passphrase protects nothing")
            .mend("to have none on purpose: COSIGN_PASSWORD= signhere key generate"));
    }
    if *first != *ask(context, "The same again: ")? {
        return Err(failed("the two passphrases differ"));
    }
    Ok(first)
}

fn from_environment() -> Option<Passphrase> {
    VARIABLES
        .iter()
        .find_map(|name| env::set_var(name))
        .map(|passphrase| Zeroizing::new(passphrase.into_bytes()))
}

fn ask(context: &Context, prompt: &str) -> Result<Passphrase, CliError> {
    if !context.may_ask() {
        return Err(failed(
            "the key file needs a passphrase, and there is no terminal to ask for it",
        )
        .mend("set SIGNHERE_KEY_PASSWORD or COSIGN_PASSWORD"));
    }
    let passphrase = self::prompt(prompt)?;
    Ok(Zeroizing::new(passphrase.as_bytes().to_vec()))
}

/// What is typed on the terminal, which does not show it.
pub(crate) fn prompt(prompt: &str) -> Result<Zeroizing<String>, CliError> {
    rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .map_err(|error| failed(&format!("cannot read the passphrase: {error}")))
}

fn failed(message: &str) -> CliError {
    CliError::new(Exit::Failed, "SH-KEY-PASSPHRASE", message)
}
