//! `signhere agent login`: the login that the day's signatures rest on.

use clap::Args;
use serde::Serialize;
use signhere_sign::agent::LogoutRequest;
use signhere_sign::agent::protocol::Kept;

use super::status::Login as LoginDocument;
use crate::agent;
use crate::commands::{Context, block_on};
use crate::error::CliError;
use crate::exit::Exit;
use crate::login;
use crate::output::text::safe;
use crate::signing;

/// Log in, and stay logged in for a working day
///
/// The login lasts ten hours, and two without any use, where the issuer gives refresh tokens; elsewhere as long as the
/// identity token or the last certificate that it got.
#[derive(Args, Debug)]
pub(super) struct KeepArgs {
    /// Keep the login only if it is this identity's
    #[arg(long, value_name = "ADDRESS")]
    identity: Option<String>,
    /// Fill in the login page of a private instance on this machine with this address
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["identity_token", "identity_token_file"])]
    email: Option<String>,
    #[command(flatten)]
    login: login::LoginArgs,
}

pub(super) fn run(context: &Context, args: &KeepArgs) -> Result<(), CliError> {
    context.need_network("a login")?;
    let place = agent::place()?;
    let mut client = agent::connect_or_start(context, &place)?;
    let granted = block_on(signing::log_in(context, &args.login, args.email.as_deref()))?;
    let kept = signing::hand_over(context, &mut client, granted)?;
    if let Some(wanted) = &args.identity
        && *wanted != kept.identity
    {
        client.logout(LogoutRequest {
            instance: Some(kept.instance),
            identity: Some(kept.identity.clone()),
        })?;
        return Err(CliError::new(
            Exit::Login,
            "SH-AGENT-IDENTITY",
            "somebody else logged in, and the login is not kept",
        )
        .expected(wanted.clone())
        .found(kept.identity)
        .mend("log in as the other, or choose another account at the issuer"));
    }
    tell(context, &kept)
}

fn tell(context: &Context, kept: &Kept) -> Result<(), CliError> {
    if context.output.is_json() {
        return context.output.document(&Document {
            version: 1,
            login: LoginDocument::from(kept),
        });
    }
    let why = match kept.renews {
        true => "",
        false => ": no refresh token came with the login",
    };
    context.output.line(format_args!(
        "{} is logged in for {}, until {}{why}",
        safe(&kept.identity),
        safe(&kept.instance),
        kept.signs_until,
    ))
}

#[derive(Serialize)]
struct Document {
    version: u32,
    login: LoginDocument,
}
