//! `signhere agent status`: who is logged in, where, and until when.

use clap::Args;
use serde::Serialize;
use signhere_sign::agent::harden::{Hardening, MemoryLock};
use signhere_sign::agent::protocol::{Kept, Status};

use crate::agent;
use crate::commands::Context;
use crate::error::CliError;
use crate::output::style::{BOLD, DIM, paint};
use crate::output::text::{bytes, safe};

/// Show who is logged in, where, and until when
#[derive(Args, Debug)]
pub(super) struct StatusArgs {}

pub(super) fn run(context: &Context) -> Result<(), CliError> {
    let place = agent::place()?;
    let status = match agent::connect(&place)? {
        Some(mut client) => Some(client.status()?),
        None => None,
    };
    let socket = place.socket().display().to_string();
    let forward_socket = place.forward_socket().display().to_string();
    if context.output.is_json() {
        return context.output.document(&Document {
            version: 1,
            running: status.is_some(),
            socket,
            forward_socket,
            process: status.as_ref().map(Process::from),
            logins: status
                .iter()
                .flat_map(|status| &status.logins)
                .map(Login::from)
                .collect(),
        });
    }
    let Some(status) = status else {
        return context
            .output
            .line(format_args!("no agent runs at {}", safe(&socket)));
    };
    let line = |name: &str, text: &str| {
        let name = paint(DIM, format_args!("{name:>9}"));
        context.output.line(format_args!("{name}  {}", safe(text)))
    };
    let Status {
        pid,
        program,
        since,
        hardening,
        ..
    } = &status;
    line(
        "agent",
        &format!("process {pid}, version {program}, since {since}"),
    )?;
    line("socket", &socket)?;
    // What was forwarded is not forwarded from here.
    if place.forward_socket().exists() {
        line("forward", &forward_socket)?;
    }
    line("memory", &memory(hardening))?;
    line(
        "crashes",
        match hardening {
            Hardening {
                no_core_dumps: true,
                not_dumpable: true,
                ..
            } => "leave no trace, and debuggers are kept out",
            Hardening {
                no_core_dumps: true,
                ..
            } => "leave no trace, but this user's debuggers may look in",
            _ => "may leave what is in memory on the disk",
        },
    )?;
    if status.logins.is_empty() {
        line("login", "nobody is logged in: signhere agent login")?;
    }
    for kept in &status.logins {
        tell(context, kept)?;
    }
    Ok(())
}

fn tell(context: &Context, kept: &Kept) -> Result<(), CliError> {
    let Kept {
        instance,
        identity,
        issuer,
        until,
        idle_until,
        signs_until,
        certificate_until,
        signatures,
        certificates,
        ..
    } = kept;
    let lasts = match kept.renews {
        true => format!("until {until}, or {idle_until} if it is not used before"),
        false => format!("until {signs_until}: no refresh token came with the login"),
    };
    context.output.line(format_args!(
        "\n{}  {}\n  instance      {}\n  logged in     {}\n  certificate   until {certificate_until}\n  made          {signatures} signatures with {certificates} certificates",
        paint(BOLD, safe(identity)),
        paint(DIM, safe(issuer)),
        safe(instance),
        safe(&lasts),
    ))
}

/// Whether secrets may come to the disk, in words.
fn memory(hardening: &Hardening) -> String {
    match &hardening.memory {
        MemoryLock::Locked => "locked: none of it comes to the swap".to_owned(),
        MemoryLock::LimitTooLow { limit } => format!(
            "not locked, and may come to the swap: this user may lock {} only (ulimit -l)",
            bytes(*limit)
        ),
        MemoryLock::Refused { error } => {
            format!("not locked, and may come to the swap: {error}")
        }
        _ => "not locked, and may come to the swap: this system offers no way".to_owned(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    running: bool,
    socket: String,
    forward_socket: String,
    process: Option<Process>,
    logins: Vec<Login>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    pid: u32,
    program: String,
    since: String,
    idle_seconds: u64,
    lifetime_seconds: u64,
    memory_locked: bool,
    memory: String,
    no_core_dumps: bool,
    not_dumpable: bool,
}

/// A login, in documents.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Login {
    instance: String,
    identity: String,
    issuer: String,
    since: String,
    until: String,
    idle_until: String,
    signs_until: String,
    certificate_until: String,
    renews: bool,
    signatures: u64,
    certificates: u64,
}

impl From<&Status> for Process {
    fn from(status: &Status) -> Self {
        let hardening = &status.hardening;
        Self {
            pid: status.pid,
            program: status.program.clone(),
            since: status.since.to_string(),
            idle_seconds: status.idle_seconds,
            lifetime_seconds: status.lifetime_seconds,
            memory_locked: hardening.memory == MemoryLock::Locked,
            memory: memory(hardening),
            no_core_dumps: hardening.no_core_dumps,
            not_dumpable: hardening.not_dumpable,
        }
    }
}

impl From<&Kept> for Login {
    fn from(kept: &Kept) -> Self {
        Self {
            instance: kept.instance.clone(),
            identity: kept.identity.clone(),
            issuer: kept.issuer.clone(),
            since: kept.since.to_string(),
            until: kept.until.to_string(),
            idle_until: kept.idle_until.to_string(),
            signs_until: kept.signs_until.to_string(),
            certificate_until: kept.certificate_until.to_string(),
            renews: kept.renews,
            signatures: kept.signatures,
            certificates: kept.certificates,
        }
    }
}
