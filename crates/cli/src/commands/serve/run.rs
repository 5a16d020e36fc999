//! `signhere serve DIR`: a private Sigstore until it is stopped.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_pki::random::SystemRandom;
use signhere_serve::{Instance, InstanceConfig, ServeError, Unlock};
use tokio::net::{TcpListener, TcpSocket};

use super::DEFAULT_DIR;
use super::events;
use super::notify;
use super::unlock::{self, UnlockArgs};
use crate::clock::SystemClock;
use crate::commands::{Context, block_on};
use crate::error::{CliError, shell_word};
use crate::exit::Exit;
use crate::output::style::{BOLD, DIM, paint};
use crate::output::text::safe;
use crate::{env, files};

/// Connections that may wait to be accepted. One more is not refused but tried again after a second or three, which
/// is what a burst of others would cost an honest caller.
const BACKLOG: u32 = 4096;

/// Where instances of this folder keep their data.
const DATA: &str = ".signhere";

#[derive(Args, Debug)]
pub(super) struct RunArgs {
    /// The folder of its keys and data, made by `serve init`
    #[arg(default_value = DEFAULT_DIR, value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// The address to listen on; port 0 takes a free one [default: that of instance.toml]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    secret: UnlockArgs,
}

pub(super) fn run(context: &Context, args: &RunArgs) -> Result<(), CliError> {
    let unlock = unlock::find(context, &args.dir, &args.secret)?;
    let config = InstanceConfig::load(&args.dir, args.listen).map_err(ServeError::from)?;
    let (development, login) = (config.services.oidc, config.issuers.login.clone());
    if !context.global.quiet {
        events::start(config.logging);
    }
    block_on(async {
        let listener = bind(config.address).await?;
        let instance = open(&args.dir, config, &unlock, &listener)?;
        let issuer = match development {
            true => Some(instance.endpoints().issuer()),
            false => login.map(|url| url.to_string()),
        };
        announce(context, &args.dir, &instance.endpoints().base(), issuer)?;
        let ready = || {
            if let Err(error) = notify::ready() {
                let failed = format!("cannot tell the service manager: {error}");
                context.output.note(&failed);
            }
        };
        instance.serve_from(listener, stopped(), ready).await?;
        Ok(())
    })
}

/// A listener on `address`.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, CliError> {
    listen(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => CliError::new(
            Exit::Retry,
            "SH-PORT-TAKEN",
            format!("{address} is in use by another program"),
        )
        .mend(format!("--listen {}:0 takes a free port", address.ip())),
        _ => CliError::new(
            Exit::Failed,
            "SH-LISTEN",
            format!("cannot listen on {address}: {error}"),
        ),
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A port that connections of the run before still linger on.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The instance in `dir`, for `listener`.
pub(crate) fn open(
    dir: &Path,
    mut config: InstanceConfig,
    unlock: &Unlock,
    listener: &TcpListener,
) -> Result<Instance, CliError> {
    let address = listener.local_addr();
    config.address = address.map_err(|error| CliError::internal(&error))?;
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    Ok(Instance::open(dir, config, unlock, clock, random)?)
}

/// Instances hold private keys: those in `.signhere` are kept out of git.
pub(crate) fn keep_out_of_git(dir: &Path) -> Result<(), CliError> {
    let Some(parent) = dir.parent().filter(|parent| parent.ends_with(DATA)) else {
        return Ok(());
    };
    let ignore = parent.join(".gitignore");
    if ignore.exists() {
        return Ok(());
    }
    fs::create_dir_all(parent).map_err(|error| CliError::file("make", parent, &error))?;
    files::write_atomically(&ignore, b"/.gitignore\n/instance/\n/quickstart/\n")
}

/// Resolves when the process is asked to stop: by Ctrl-C or SIGTERM.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}

fn announce(
    context: &Context,
    dir: &Path,
    url: &str,
    issuer: Option<String>,
) -> Result<(), CliError> {
    let output = context.output;
    let trust_config = dir.join("trust_config.json");
    if output.is_json() {
        return output.document(&Announcement {
            version: 1,
            url,
            issuer,
            folder: dir.display().to_string(),
            trust_config: trust_config.display().to_string(),
        });
    }
    let folder = shell_word(&safe(&dir.display().to_string()));
    let trust = shell_word(&safe(&trust_config.display().to_string()));
    let program = shell_word(&env::program());
    output.line(format_args!(
        "{}\n  {}  {folder}\n  {}     {url}\n  {}  {}\n",
        paint(BOLD, "A private Sigstore is running."),
        paint(DIM, "folder"),
        paint(DIM, "URL"),
        paint(DIM, "issuer"),
        issuer.as_deref().unwrap_or("none named in instance.toml"),
    ))?;
    let issuer = issuer.as_deref().unwrap_or("URL");
    output.line(format_args!(
        "{}    {program} --instance {folder} sign FILE\n\
         {}  {program} --instance {folder} verify FILE \\\n\
         \x20           --certificate-identity you@example.com --certificate-oidc-issuer {issuer}\n\
         {}  python -m sigstore --trust-config {trust} sign FILE\n",
        paint(DIM, "sign"),
        paint(DIM, "verify"),
        paint(DIM, "python"),
    ))?;
    output.line("Ctrl-C stops it.")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Announcement<'a> {
    version: u32,
    url: &'a str,
    issuer: Option<String>,
    folder: String,
    trust_config: String,
}
