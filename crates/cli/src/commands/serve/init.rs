//! `signhere serve init`: a new private Sigstore, and what to tell its clients.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_pki::random::SystemRandom;
use signhere_pki::time::Clock as _;
use signhere_serve::{NewInstance, Setup, UnlockKind};
use url::Url;

use super::unlock::{self, Choice, UnlockArgs};
use super::{DEFAULT_DIR, keep_out_of_git};
use crate::clock::SystemClock;
use crate::commands::Context;
use crate::env;
use crate::error::{CliError, shell_word};
use crate::output::style::{BOLD, DIM, paint, tick};
use crate::output::text::safe;

/// Make a private Sigstore: its keys, its configuration, what its clients need
///
/// Never overwrites an instance. Interrupted, it can be run again.
#[derive(Args, Debug)]
pub(super) struct InitArgs {
    /// The folder of its keys and data; made if absent
    #[arg(default_value = DEFAULT_DIR, value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// The address that it will listen on [default: 127.0.0.1:3003]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// What clients reach it at, such as https://sigstore.example.org [default: the listener's address]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    url: Option<Url>,
    /// Switch on the development issuer, which believes whatever is typed into its login page
    #[arg(long)]
    development: bool,
    /// What its keys are sealed under [default: a passphrase; with nobody to ask and none given, a
    /// file beside the keys]
    #[arg(long, value_enum, value_name = "WHAT")]
    unlock: Option<Choice>,
    #[command(flatten)]
    secret: UnlockArgs,
    /// The organization in its certificates
    #[arg(long, value_name = "NAME", default_value = "signhere", value_parser = organization)]
    organization: String,
}

pub(super) fn run(context: &Context, args: &InitArgs) -> Result<(), CliError> {
    let dir = &*args.dir;
    if signhere_serve::keys::is_made(dir)? {
        // Before anybody is asked for a passphrase.
        return Err(signhere_serve::ServeError::AlreadyMade {
            path: dir.to_path_buf(),
        }
        .into());
    }
    let (unlock, for_want_of_better) = unlock::choose(context, args.unlock, &args.secret)?;
    if for_want_of_better {
        context.output.note(
            "no passphrase was given and nobody can be asked: whoever reads the folder can use its keys (--unlock file)",
        );
    }
    let kind = unlock.kind();
    let mut setup = Setup::new(unlock);
    setup.organization.clone_from(&args.organization);
    setup.config.development = args.development;
    setup.config.url.clone_from(&args.url);
    if let Some(listen) = args.listen {
        setup.config.listen = listen;
    }
    keep_out_of_git(dir)?;
    let made = setup.make(dir, SystemClock.now(), &SystemRandom)?;
    announce(context, dir, kind, &made)
}

/// organizationName has at most 64 characters (RFC 5280, upper bound ub-organization-name).
fn organization(text: &str) -> Result<String, String> {
    let is_fine = (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    match is_fine {
        true => Ok(text.to_owned()),
        false => Err("1 to 64 characters, none of them a control character".to_owned()),
    }
}

fn announce(
    context: &Context,
    dir: &Path,
    unlock: UnlockKind,
    made: &NewInstance,
) -> Result<(), CliError> {
    let output = context.output;
    let lines = lines(dir, made);
    if output.is_json() {
        return output.document(&Document {
            version: 1,
            folder: dir.display().to_string(),
            id: &made.id,
            url: &made.url,
            issuer: made.issuer.as_deref(),
            unlock: unlock.name(),
            witness: &made.witness,
            root_sha256: &made.root_sha256,
            clients: lines
                .iter()
                .map(|(client, command)| Client { client, command })
                .collect(),
        });
    }
    let fact = |name: &str, value: &str| {
        output.line(format_args!(
            "  {}  {}",
            paint(DIM, format_args!("{name:<8}")),
            safe(value)
        ))
    };
    output.line(format_args!(
        "{} {}",
        tick(),
        paint(BOLD, "A private Sigstore is made.")
    ))?;
    fact("folder", &dir.display().to_string())?;
    fact("URL", &made.url)?;
    match &made.issuer {
        Some(issuer) => fact("issuer", &format!("{issuer}, which believes everybody"))?,
        None => fact(
            "issuer",
            "none yet: name one under [issuers] in instance.toml",
        )?,
    }
    fact(
        "keys",
        &format!(
            "sealed, opened by {}",
            match unlock {
                UnlockKind::Passphrase => "a passphrase",
                UnlockKind::Credential => "the credential `signhere` of the service manager",
                UnlockKind::File => "keys/unlock: whoever has the folder has the keys",
            }
        ),
    )?;
    fact("witness", &made.witness)?;
    fact("root", &format!("sha256 {}", made.root_sha256))?;
    let program = shell_word(&env::program());
    let folder = shell_word(&dir.display().to_string());
    output.line(format_args!(
        "\n{}\n  {program} serve {folder}\n\n{}",
        paint(BOLD, "Start it"),
        paint(BOLD, "Tell its clients"),
    ))?;
    for (client, command) in &lines {
        output.line(format_args!(
            "  {}  {}",
            paint(DIM, format_args!("{client:<15}")),
            safe(command)
        ))?;
    }
    output.line("\nGive them root.json, or the SHA-256 of it, by another way than from the instance itself.")
}

/// For each client, the command that makes it use the instance.
fn lines(dir: &Path, made: &NewInstance) -> Vec<(&'static str, String)> {
    let path = |path: &Path| shell_word(&path.display().to_string());
    let program = shell_word(&env::program());
    let url = &made.url;
    let signhere = format!(
        "{program} trust add-instance {url} --fingerprint {}",
        made.root_sha256
    );
    let root = path(&dir.join("root.json"));
    vec![
        ("signhere", signhere),
        (
            "cosign",
            format!("cosign initialize --mirror {url}/tuf --root {root}"),
        ),
        (
            "sigstore-python",
            format!("python -m sigstore --instance {url}/tuf trust-instance {root}"),
        ),
        (
            "sigstore-js",
            format!("npx @sigstore/cli initialize --mirror {url}/tuf --root {root}"),
        ),
        (
            "sigstore-go",
            format!(
                "tuf.New(&tuf.Options{{Root: root, RepositoryBaseURL: \"{url}/tuf\", Fetcher: fetcher.NewDefaultFetcher()}})"
            ),
        ),
        (
            // `gitsign initialize` makes no difference to it: docs/design/gitsign.md.
            "gitsign",
            format!(
                "git config gitsign.fulcio {url} && git config gitsign.rekor {url} && git config gitsign.rekorVersion 2 && \
                 git config gitsign.rekorMode offline && git config gitsign.timestampServerURL {url}/api/v1/timestamp  # and keys as files: docs/guide/clients.md"
            ),
        ),
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    folder: String,
    id: &'a str,
    url: &'a str,
    issuer: Option<&'a str>,
    unlock: &'static str,
    witness: &'a str,
    root_sha256: &'a str,
    clients: Vec<Client<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Client<'a> {
    client: &'a str,
    command: &'a str,
}
