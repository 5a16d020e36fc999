//! `signhere serve rotate`: a new key for a service, while clients go on.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum, ValueHint};
use serde::Serialize;
use signhere_pki::random::SystemRandom;
use signhere_serve::control::{Rotate, Rotated};
use signhere_serve::{InstanceConfig, Role, ServeError};

use super::control::Control;
use super::unlock::{self, UnlockArgs};
use crate::clock::SystemClock;
use crate::commands::{Context, block_on};
use crate::error::CliError;

/// Give a service a new key, and tell clients through TUF before it is used
///
/// Works on a running instance, which goes on without a pause, and on one that is stopped.
#[derive(Args, Debug)]
pub(crate) struct RotateArgs {
    /// The service
    service: Service,
    /// The folder of the instance
    #[arg(default_value = super::DEFAULT_DIR, value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// Seconds between the publication of the new trusted root and the first use of the new key
    /// [default: `lead` under [rotation] in instance.toml]
    #[arg(long, value_name = "SECONDS")]
    lead: Option<u32>,
    #[command(flatten)]
    secret: UnlockArgs,
}

/// A service whose key can be replaced.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Service {
    /// The certificate authority: a new intermediate under the same root
    Ca,
    /// The certificate transparency log: a new shard
    Ct,
    /// The signature transparency log: a new shard; the old one stays readable
    Log,
    /// The timestamp authority: a new certificate under the same root
    Tsa,
}

pub(crate) fn run(context: &Context, args: &RotateArgs) -> Result<(), CliError> {
    let request = Rotate {
        role: args.service.into(),
        lead_seconds: args.lead,
    };
    let rotated = block_on(async {
        match Control::of(&args.dir).await? {
            Some(control) => control.ask("/rotate", &request).await,
            None => rotate_stopped(context, args, request),
        }
    })?;
    announce(context, &rotated)
}

fn rotate_stopped(
    context: &Context,
    args: &RotateArgs,
    request: Rotate,
) -> Result<Rotated, CliError> {
    let unlock = unlock::find(context, &args.dir, &args.secret)?;
    let config = InstanceConfig::load(&args.dir, None).map_err(ServeError::from)?;
    let rotated = signhere_serve::rotate(
        &args.dir,
        config,
        &unlock,
        request,
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
    )?;
    Ok(rotated)
}

fn announce(context: &Context, rotated: &Rotated) -> Result<(), CliError> {
    if context.output.is_json() {
        return context.output.document(&Document {
            version: 1,
            rotated,
        });
    }
    context.output.line(format_args!(
        "{} is published, and signs from {} on.",
        rotated.shard, rotated.start
    ))
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    #[serde(flatten)]
    rotated: &'a Rotated,
}

impl From<Service> for Role {
    fn from(service: Service) -> Self {
        match service {
            Service::Ca => Self::Ca,
            Service::Ct => Self::Ct,
            Service::Log => Self::Log,
            Service::Tsa => Self::Tsa,
        }
    }
}
