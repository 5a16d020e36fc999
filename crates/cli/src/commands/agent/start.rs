//! `signhere agent start`: the agent itself.

use std::future::Future;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use signhere_sign::agent::harden::Hardening;
use signhere_sign::agent::{Journal, Keeper, Lifetimes, Limits, Server};

use super::journal::{self, ToFile, ToStderr};
use crate::agent::{self, KnownInstances, READY};
use crate::commands::{Context, block_on};
use crate::config::Config;
use crate::error::CliError;
use crate::login::http_client;
use crate::output::text::safe;
use crate::signing::tools;

/// Start the agent
///
/// It goes on in the background until `signhere agent stop`, or until nobody is logged in and nobody has asked for
/// anything for two hours. What it does stands in ~/.local/state/signhere/agent.log.
#[derive(Args, Debug)]
pub(super) struct StartArgs {
    /// Stay in the foreground, and say on standard error what happens: for a service manager
    #[arg(long)]
    foreground: bool,
    /// Be the process in the background
    #[arg(long, hide = true, conflicts_with = "foreground")]
    detached: bool,
}

pub(super) fn run(context: &Context, args: &StartArgs) -> Result<(), CliError> {
    if args.foreground {
        return serve(context, Arc::new(ToStderr), || {});
    }
    if args.detached {
        return in_background(context);
    }
    let place = agent::place()?;
    let is_new = agent::connect(&place)?.is_none();
    if is_new {
        agent::start(context, &place)?;
    }
    if context.output.is_json() {
        return context.output.document(&Document {
            version: 1,
            started: is_new,
            socket: place.socket().display().to_string(),
            forward_socket: place.forward_socket().display().to_string(),
        });
    }
    let socket = place.socket().display().to_string();
    context.output.line(match is_new {
        true => format!("the agent listens at {}", safe(&socket)),
        false => format!("an agent listens at {} already", safe(&socket)),
    })
}

/// Leaves the terminal and whoever waits for its standard streams behind.
fn in_background(context: &Context) -> Result<(), CliError> {
    close_inherited();
    // In a session of its own already, if that fails.
    let _ = rustix::process::setsid();
    let journal = ToFile::open(&journal::path()?)?;
    serve(context, Arc::new(journal), || {
        // Whoever started this may be gone.
        let _ = writeln!(io::stdout(), "{READY}");
    })
}

/// Closes what whoever started this left open: a file that a script has locked would stay locked all day, and whoever reads
/// from a pipe would wait as long.
#[cfg(target_os = "linux")]
fn close_inherited() {
    /// Is not inherited (O_CLOEXEC): this program's own files.
    const OWN: u32 = 0o2_000_000;

    let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let names = open.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_inherited = |name: &String| {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{name}")).ok();
        let flags = info.as_deref().and_then(|info| {
            let mut lines = info.lines();
            let flags = lines.find_map(|line| line.strip_prefix("flags:"))?;
            u32::from_str_radix(flags.trim(), 8).ok()
        });
        flags.is_some_and(|flags| flags & OWN == 0)
    };
    let inherited: Vec<i32> = names
        .filter(is_inherited)
        .filter_map(|name| name.parse().ok())
        .collect();
    for descriptor in inherited.into_iter().filter(|number| *number > 2) {
        // What cannot be closed is not open.
        let _ = nix::unistd::close(descriptor);
    }
}

/// What is inherited cannot be listed here.
#[cfg(not(target_os = "linux"))]
fn close_inherited() {}

fn serve(
    context: &Context,
    journal: Arc<dyn Journal>,
    ready: impl FnOnce(),
) -> Result<(), CliError> {
    // Before there is anything to protect.
    let hardening = Hardening::apply();
    let config = Config::load(context.global.config.as_deref())?.agent;
    let minutes = |minutes: u32| Duration::from_secs(u64::from(minutes).saturating_mul(60));
    let lifetimes = Lifetimes {
        idle: minutes(config.idle_minutes),
        absolute: minutes(config.lifetime_minutes),
    };
    let place = agent::place()?;
    block_on(async {
        let http = http_client();
        let instances = Arc::new(KnownInstances {
            context: context.clone(),
            http: Arc::clone(&http),
        });
        let ended = stopped()?;
        let bound = place.bind()?;
        let keeper = Keeper::new(instances, journal, lifetimes, hardening, tools(http));
        let server = Server::new(Arc::new(keeper), Limits::default());
        ready();
        Arc::new(server).run(bound, ended).await;
        Ok(())
    })
}

/// Resolves when the process is asked to stop: by Ctrl-C or SIGTERM.
fn stopped() -> Result<impl Future<Output = ()>, CliError> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| CliError::internal(&error));
    let mut interrupted = listen(SignalKind::interrupt())?;
    let mut terminated = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    started: bool,
    socket: String,
    forward_socket: String,
}
