//! `signhere agent stop`: everything is forgotten.

use clap::Args;
use serde::Serialize;

use crate::agent;
use crate::commands::Context;
use crate::error::CliError;

/// Forget every login and end the agent
#[derive(Args, Debug)]
pub(super) struct StopArgs {}

pub(super) fn run(context: &Context) -> Result<(), CliError> {
    let client = agent::connect(&agent::place()?)?;
    let was_running = client.is_some();
    if let Some(mut client) = client {
        client.stop()?;
    }
    if context.output.is_json() {
        return context.output.document(&Document {
            version: 1,
            stopped: was_running,
        });
    }
    context.output.line(match was_running {
        true => "the agent has ended",
        false => "no agent runs",
    })
}

#[derive(Serialize)]
struct Document {
    version: u32,
    stopped: bool,
}
