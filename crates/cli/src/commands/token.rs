//! `signhere token`: an identity token, for clients that take one.

use clap::Args;
use serde::Serialize;
use tokio::sync::oneshot;

use super::{Context, block_on};
use crate::error::CliError;
use crate::login::{self, LoginArgs};
use crate::trust::{self, TrustArgs};

/// Log in and print the identity token
///
/// For clients that take a token: python -m sigstore sign --identity-token "$(signhere token)" FILE.
/// Whoever has the token can sign as you until it expires.
#[derive(Args, Debug)]
pub(crate) struct TokenArgs {
    /// Fill in the login page of a private instance on this machine with this address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    #[command(flatten)]
    login: LoginArgs,
    #[command(flatten)]
    trust: TrustArgs,
}

pub(crate) fn run(context: &Context, args: &TokenArgs) -> Result<(), CliError> {
    context.need_network("a login")?;
    let token = block_on(async {
        let http = login::http_client();
        let instance = trust::instance(context, &args.trust, None, &http).await?;
        let issuer = trust::issuer(&instance)?;
        match &args.email {
            None => login::identity(context, &args.login, issuer.as_ref(), &http).await,
            Some(email) => {
                let issuer = args.login.oidc_issuer.as_ref().or(issuer.as_ref());
                let login = login::login(issuer, &http)?;
                login::by_form(&login, |_| {
                    let (sender, receiver) = oneshot::channel();
                    // The receiver is right here: it cannot be gone.
                    let _ = sender.send(email.clone());
                    receiver
                })
                .await
                .map(|granted| granted.token)
            }
        }
    })?;
    if context.output.is_json() {
        return context.output.document(&Document {
            version: 1,
            token: token.secret(),
            issuer: token.issuer(),
            expires_at: token.expires_at().to_string(),
        });
    }
    context.output.raw(token.secret())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    token: &'a str,
    issuer: &'a str,
    expires_at: String,
}
