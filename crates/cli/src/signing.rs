//! The one way to a signature: whose it is, and what makes it.
//!
//! A token that was handed over, or that a CI system gives, signs in a session of this process. A person's signatures are
//! made by the agent, so that one login is enough for a day.

mod agent;

use std::path::PathBuf;
use std::sync::Arc;

use signhere_git::cms::SignedAttributes;
use signhere_http::HttpClient;
use signhere_pki::digest::Digest;
use signhere_pki::key::PrivateKey;
use signhere_pki::random::SystemRandom;
use signhere_sign::agent::{GitContent, SignRequest};
use signhere_sign::identity::IdentityToken;
use signhere_sign::session::{Payload, Session, Signed, Tools, accept};
use signhere_verify::bundle::Bundle;

pub(crate) use self::agent::{hand_over, log_in};
use crate::clock::SystemClock;
use crate::commands::{Context, block_on};
use crate::error::CliError;
use crate::exit::Exit;
use crate::login::{self, LoginArgs};
use crate::trust::{self, Known, TrustArgs};

/// Who signs, and where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signing {
    /// The files that stand for the instance, if it is not named.
    pub(crate) trust: TrustArgs,
    /// Where to sign, if not where the instance says.
    pub(crate) signing_config: Option<PathBuf>,
    /// Where the identity comes from.
    pub(crate) login: LoginArgs,
    /// The only identity that will do, as its certificates name it; an agent's login is chosen by it.
    pub(crate) identity: Option<String>,
    /// The identity to take if several are logged in.
    pub(crate) prefer: Option<String>,
    /// Whether no agent is to be used.
    pub(crate) no_agent: bool,
}

/// The verified bundle of a keyless signature over an artifact with the SHA-256 `digest`.
///
/// # Errors
/// Exit 41 when nobody is logged in and nobody can be asked to, 40 when a service or the network fails.
pub(crate) fn sign(context: &Context, digest: Digest, how: &Signing) -> Result<Bundle, CliError> {
    let payload = Payload::Artifact(digest);
    sign_payload(context, payload, request_for(payload)?, how)
}

/// The verified bundle of a keyless signature over what git asks for.
///
/// # Errors
/// As of [`sign`].
pub(crate) fn sign_for_git(
    context: &Context,
    attributes: &SignedAttributes,
    how: &Signing,
) -> Result<Bundle, CliError> {
    let digest = attributes.digest();
    let request = SignRequest {
        git: Some(GitContent {
            sha256: attributes.content().hex(),
            signed_at: attributes.at(),
        }),
        ..SignRequest::of_artifact(&digest)
    };
    sign_payload(context, Payload::Artifact(digest), request, how)
}

/// The verified bundle of a keyless signature over an in-toto statement, in a DSSE envelope.
///
/// # Errors
/// As of [`sign`].
pub(crate) fn sign_statement(
    context: &Context,
    json: &str,
    how: &Signing,
) -> Result<Bundle, CliError> {
    let payload = Payload::Statement(json.as_bytes());
    sign_payload(context, payload, request_for(payload)?, how)
}

fn sign_payload(
    context: &Context,
    payload: Payload<'_>,
    request: SignRequest,
    how: &Signing,
) -> Result<Bundle, CliError> {
    context.need_network("signing")?;
    let http = login::http_client();
    let token = block_on(login::without_asking(context, &how.login, &http))?;
    sign_as(context, payload, request, how, token)
}

/// What is too long for a line to the agent is signed here, with a login of its own.
fn sign_as(
    context: &Context,
    payload: Payload<'_>,
    request: SignRequest,
    how: &Signing,
    token: Option<IdentityToken>,
) -> Result<Bundle, CliError> {
    if token.is_some() || !agent::is_wanted(context, how)? || !agent::takes(&request) {
        return block_on(sign_here(context, payload, how, token));
    }
    agent::sign(context, request, how)
}

/// The verified bundles of keyless signatures over in-toto statements, one for each.
///
/// # Errors
/// As [`sign`], and when a statement is none.
pub(crate) fn sign_statements(
    context: &Context,
    statements: &[&[u8]],
    how: &Signing,
) -> Result<Vec<Bundle>, CliError> {
    context.need_network("signing")?;
    let http = login::http_client();
    if let Some(token) = block_on(login::without_asking(context, &how.login, &http))? {
        return block_on(async {
            let config = how.signing_config.as_deref();
            let instance = trust::instance(context, &how.trust, config, &http).await?;
            let session = Session::keyless(&instance, token, tools(http))?;
            let mut bundles = Vec::with_capacity(statements.len());
            for statement in statements {
                let signed = session.sign(Payload::Statement(statement)).await?;
                bundles.push(signed.bundle);
            }
            Ok(bundles)
        });
    }
    let sign_one = |statement: &&[u8]| {
        let payload = Payload::Statement(statement);
        sign_as(context, payload, request_for(payload)?, how, None)
    };
    statements.iter().map(sign_one).collect()
}

/// The agent's request for a payload of which nothing more is known.
fn request_for(payload: Payload<'_>) -> Result<SignRequest, CliError> {
    match payload {
        Payload::Artifact(digest) => Ok(SignRequest::of_artifact(&digest)),
        Payload::Statement(json) => {
            let json = std::str::from_utf8(json).map_err(|error| CliError::internal(&error))?;
            Ok(SignRequest::of_statement(json))
        }
        _ => Err(CliError::internal(&"the agent cannot sign this")),
    }
}

async fn sign_here(
    context: &Context,
    payload: Payload<'_>,
    how: &Signing,
    token: Option<IdentityToken>,
) -> Result<Bundle, CliError> {
    let http = login::http_client();
    let config = how.signing_config.as_deref();
    let instance = trust::instance(context, &how.trust, config, &http).await?;
    let token = match token {
        Some(token) => token,
        None => {
            let issuer = trust::issuer(&instance)?;
            login::lasting(context, &how.login, issuer.as_ref(), &http)
                .await?
                .token
        }
    };
    let session = Session::keyless(&instance, token, tools(http))?;
    if let Some(wanted) = &how.identity {
        let found = session.enroll().await?.identity;
        if found != *wanted {
            return Err(CliError::new(
                Exit::Login,
                "SH-AGENT-IDENTITY",
                "somebody else is logged in, and nothing is signed",
            )
            .expected(wanted.clone())
            .found(found)
            .mend("log in as the other, or choose another account at the issuer"));
        }
    }
    Ok(session.sign(payload).await?.bundle)
}

/// What signs files.
pub(crate) enum Maker {
    /// A session of this process's own: with a key, a token, or a login for this run.
    Session(Box<Session>),
    /// The agent of somebody who is logged in, or is asked to.
    Agent(Arc<ByAgent>),
}

/// What the agent needs to be told, and what its bundles are verified with.
pub(crate) struct ByAgent {
    context: Context,
    how: Signing,
    known: Known,
}

/// What signs with `key`, or with an identity, for which a person may have to log in. An agent that runs is asked as git
/// asks it; none is started, for nobody who signs a file expects a process to stay.
pub(crate) async fn maker(
    context: &Context,
    how: &Signing,
    key: Option<PrivateKey>,
) -> Result<Maker, CliError> {
    let http = login::http_client();
    let config = how.signing_config.as_deref();
    if context.may_ask() && trust::is_public(context, &how.trust, config)? {
        let who = if key.is_some() { "key" } else { "address" };
        context.output.note(format_args!(
            "Your {who} and the digest of the file will stand in the public log of Sigstore's own \
             instance, for ever. To sign on another: --instance\n"
        ));
    }
    let instance = || trust::instance(context, &how.trust, config, &http);
    let session = match key {
        Some(key) => {
            Session::with_key(&instance().await?, Arc::new(key), tools(Arc::clone(&http)))?
        }
        None => {
            let token = login::without_asking(context, &how.login, &http).await?;
            if token.is_none() && agent::is_wanted(context, how)? && agent::runs()? {
                return Ok(Maker::Agent(Arc::new(ByAgent::new(context, how).await?)));
            }
            let instance = instance().await?;
            let token = match token {
                Some(token) => token,
                None => {
                    let issuer = trust::issuer(&instance)?;
                    login::by_person(context, &how.login, issuer.as_ref(), &http).await?
                }
            };
            Session::keyless(&instance, token, tools(Arc::clone(&http)))?
        }
    };
    Ok(Maker::Session(Box::new(session)))
}

impl Maker {
    /// The signature, verified.
    pub(crate) async fn sign(&self, payload: Payload<'_>) -> Result<Signed, CliError> {
        match self {
            Self::Session(session) => Ok(session.sign(payload).await?),
            Self::Agent(agent) => {
                let agent = Arc::clone(agent);
                match payload {
                    Payload::Statement(json) => {
                        let json = json.to_vec();
                        blocking(move || agent.sign(Payload::Statement(&json))).await
                    }
                    Payload::Artifact(digest) => {
                        blocking(move || agent.sign(Payload::Artifact(digest))).await
                    }
                    _ => Err(CliError::internal(&"the agent cannot sign this")),
                }
            }
        }
    }
}

impl ByAgent {
    async fn new(context: &Context, how: &Signing) -> Result<Self, CliError> {
        let (context, how) = (context.clone(), how.clone());
        blocking(move || {
            let known = trust::known(&context, &how.trust)?;
            Ok(Self {
                context,
                how,
                known,
            })
        })
        .await
    }

    /// The agent's bundle, verified here: what answers may not be the agent.
    fn sign(&self, payload: Payload<'_>) -> Result<Signed, CliError> {
        let request = request_for(payload)?;
        let bundle = sign_as(&self.context, payload, request, &self.how, None)?;
        let chosen = self.known.choose(&bundle)?;
        Ok(accept(&chosen.verifier, bundle, payload)?)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CliError> + Send + 'static,
) -> Result<T, CliError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| CliError::internal(&error))?
}

/// What a session works with: the system's clock and randomness.
pub(crate) fn tools(http: Arc<HttpClient>) -> Tools {
    Tools {
        http,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    }
}
