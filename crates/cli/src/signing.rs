//! The one way to a signature: whose it is, and what makes it.

use std::path::PathBuf;
use std::sync::Arc;

use signhere_http::HttpClient;
use signhere_pki::digest::Digest;
use signhere_pki::key::PrivateKey;
use signhere_pki::random::SystemRandom;
use signhere_sign::session::{Payload, Session, Tools};
use signhere_verify::bundle::Bundle;

use crate::clock::SystemClock;
use crate::commands::{Context, block_on};
use crate::error::CliError;
use crate::login::{self, LoginArgs};
use crate::trust::{self, TrustArgs};

/// Who signs, and where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signing {
    /// The files that stand for the instance, if it is not named.
    pub(crate) trust: TrustArgs,
    /// Where to sign, if not where the instance says.
    pub(crate) signing_config: Option<PathBuf>,
    /// Where the identity comes from.
    pub(crate) login: LoginArgs,
}

/// The verified bundle of a keyless signature over an artifact with the SHA-256 `digest`.
///
/// # Errors
/// Exit 41 when nobody is logged in and nobody can be asked to, 40 when a service or the network fails.
pub(crate) fn sign(context: &Context, digest: Digest, how: &Signing) -> Result<Bundle, CliError> {
    context.need_network("signing")?;
    block_on(async {
        let session = session(context, how, None).await?;
        let signed = session.sign(Payload::Artifact(digest)).await?;
        Ok(signed.bundle)
    })
}

/// A session of this process's own: with `key`, or with an identity, for which a person may have to log in.
pub(crate) async fn session(
    context: &Context,
    how: &Signing,
    key: Option<PrivateKey>,
) -> Result<Session, CliError> {
    let http = login::http_client();
    let config = how.signing_config.as_deref();
    let instance = trust::instance(context, &how.trust, config, &http).await?;
    if context.may_ask() && trust::is_public(context, &how.trust, config)? {
        let who = if key.is_some() { "key" } else { "address" };
        context.output.note(format_args!(
            "Your {who} and the digest of the file will stand in the public log of Sigstore's own \
             instance, for ever. To sign on another: --instance\n"
        ));
    }
    if let Some(key) = key {
        return Ok(Session::with_key(&instance, Arc::new(key), tools(http))?);
    }
    let issuer = trust::issuer(&instance)?;
    let token = login::identity(context, &how.login, issuer.as_ref(), &http).await?;
    Ok(Session::keyless(&instance, token, tools(http))?)
}

/// What a session works with: the system's clock and randomness.
pub(crate) fn tools(http: Arc<HttpClient>) -> Tools {
    Tools {
        http,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    }
}
