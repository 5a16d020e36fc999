//! `signhere serve`: a private Sigstore until it is stopped.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_pki::random::SystemRandom;
use signhere_serve::{Instance, InstanceConfig};
use tokio::net::TcpListener;

use super::{Context, block_on};
use crate::clock::SystemClock;
use crate::error::{CliError, shell_word};
use crate::exit::Exit;
use crate::output::style::{BOLD, DIM, paint};
use crate::output::text::safe;
use crate::{env, files};

/// Where instances of this folder keep their data.
pub(crate) const DATA: &str = ".signhere";

/// Run a private Sigstore on this machine until it is stopped
///
/// A login page, a certificate authority, a transparency log and a timestamp authority, in one
/// process. Its login page believes any address: it is for development.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// The folder of its keys and data; made if absent
    #[arg(default_value = ".signhere/instance", value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// The loopback address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3003")]
    listen: SocketAddr,
}

pub(crate) fn run(context: &Context, args: &ServeArgs) -> Result<(), CliError> {
    block_on(async {
        let listener = bind(args.listen).await?;
        let instance = open(&args.dir, &listener).await?;
        announce(context, &args.dir, &instance)?;
        instance.serve(listener, stopped()).await?;
        Ok(())
    })
}

/// A listener on `address`.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
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

/// The instance in `dir`, made there if there is none, for `listener`.
pub(crate) async fn open(dir: &Path, listener: &TcpListener) -> Result<Instance, CliError> {
    keep_out_of_git(dir)?;
    let address = listener
        .local_addr()
        .map_err(|error| CliError::internal(&error))?;
    let config = InstanceConfig::new(address);
    let instance =
        Instance::create_or_open(dir, config, Arc::new(SystemClock), Arc::new(SystemRandom))?;
    Ok(instance)
}

/// Instances hold private keys: those in `.signhere` are kept out of git.
fn keep_out_of_git(dir: &Path) -> Result<(), CliError> {
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

fn announce(context: &Context, dir: &Path, instance: &Instance) -> Result<(), CliError> {
    let output = context.output;
    let endpoints = instance.endpoints();
    let trust_config = dir.join("trust_config.json");
    if output.is_json() {
        return output.document(&Announcement {
            version: 1,
            url: endpoints.base(),
            issuer: endpoints.issuer(),
            folder: dir.display().to_string(),
            trust_config: trust_config.display().to_string(),
        });
    }
    let folder = shell_word(&safe(&dir.display().to_string()));
    let trust = shell_word(&safe(&trust_config.display().to_string()));
    let issuer = endpoints.issuer();
    let program = shell_word(&env::program());
    output.line(format_args!(
        "{}\n  {}  {folder}\n  {}     {}\n  {}  {issuer}\n",
        paint(BOLD, "A private Sigstore is running."),
        paint(DIM, "folder"),
        paint(DIM, "URL"),
        endpoints.base(),
        paint(DIM, "issuer"),
    ))?;
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
struct Announcement {
    version: u32,
    url: String,
    issuer: String,
    folder: String,
    trust_config: String,
}
