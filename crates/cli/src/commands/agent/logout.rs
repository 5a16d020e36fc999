//! `signhere agent logout`: logins are forgotten.

use clap::Args;
use serde::Serialize;
use signhere_sign::agent::LogoutRequest;

use crate::agent;
use crate::commands::Context;
use crate::error::CliError;
use crate::trust;

/// Forget logins
///
/// All of them, unless --identity or --instance says which.
#[derive(Args, Debug)]
pub(super) struct LogoutArgs {
    /// Only the login of this identity
    #[arg(long, value_name = "ADDRESS")]
    identity: Option<String>,
}

pub(super) fn run(context: &Context, args: &LogoutArgs) -> Result<(), CliError> {
    let instance = match context.global.instance {
        Some(_) => trust::portable_name(context)?,
        None => None,
    };
    let count = match agent::connect(&agent::place()?)? {
        Some(mut client) => client.logout(LogoutRequest {
            instance,
            identity: args.identity.clone(),
        })?,
        None => 0,
    };
    if context.output.is_json() {
        return context.output.document(&Document { version: 1, count });
    }
    context.output.line(match count {
        0 => "nobody was logged in".to_owned(),
        1 => "logged out".to_owned(),
        count => format!("{count} logins forgotten"),
    })
}

#[derive(Serialize)]
struct Document {
    version: u32,
    count: usize,
}
