//! The one way to a signature: whose it is, and what makes it.
//!
//! A token that was handed over, or that a CI system gives, signs in a session of this process. A person's signatures are
//! made by the agent, so that one login is enough for a day.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use signhere_http::HttpClient;
use signhere_pki::digest::Digest;
use signhere_pki::key::PrivateKey;
use signhere_pki::random::SystemRandom;
use signhere_sign::agent::protocol::{Kept, REQUEST_LIMIT, Request, encode};
use signhere_sign::agent::socket::Place;
use signhere_sign::agent::{AgentError, Client, LoginRequest, Refusal, SignRequest};
use signhere_sign::identity::IdentityToken;
use signhere_sign::identity::oidc::Granted;
use signhere_sign::session::{Payload, Session, Tools};
use signhere_verify::bundle::Bundle;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::agent;
use crate::clock::SystemClock;
use crate::commands::{Context, block_on};
use crate::error::CliError;
use crate::exit::Exit;
use crate::login::{self, LoginArgs, Screen};
use crate::trust::{self, TrustArgs};

/// What one process that logs in holds a lock on.
const LOGIN_LOCK: &str = "login.lock";
/// Bytes of a request that the names of an instance and of signers may take.
const ROOM_FOR_NAMES: usize = 8 << 10;

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
    let request = SignRequest {
        sha256: digest.hex(),
        ..SignRequest::default()
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
    let request = SignRequest::of_statement(json);
    // What is too long for a line is signed here, with a login of its own.
    let is_long = encode(&Request::Sign(request.clone()))
        .is_ok_and(|line| line.len().saturating_add(ROOM_FOR_NAMES) > REQUEST_LIMIT);
    let how = &Signing {
        no_agent: how.no_agent || is_long,
        ..how.clone()
    };
    sign_payload(context, Payload::Statement(json.as_bytes()), request, how)
}

fn sign_payload(
    context: &Context,
    payload: Payload<'_>,
    request: SignRequest,
    how: &Signing,
) -> Result<Bundle, CliError> {
    context.need_network("signing")?;
    let http = login::http_client();
    if let Some(token) = block_on(login::without_asking(context, &how.login, &http))? {
        return block_on(sign_here(context, payload, how, Some(token)));
    }
    let has_files = how.trust.trusted_root.is_some()
        || how.trust.trust_config.is_some()
        || how.signing_config.is_some();
    // The agent knows instances by their names.
    if how.no_agent || has_files || !agent::is_wanted(context)? {
        return block_on(sign_here(context, payload, how, None));
    }
    sign_with_agent(context, request, how)
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
        let json = std::str::from_utf8(statement).map_err(|error| CliError::internal(&error))?;
        sign_statement(context, json, how)
    };
    statements.iter().map(sign_one).collect()
}

/// Logs a person in, so that the login lasts: at the issuer of the instance, with the address `email` if that is given.
pub(crate) async fn log_in(
    context: &Context,
    args: &LoginArgs,
    email: Option<&str>,
) -> Result<Handed, CliError> {
    let http = login::http_client();
    if let Some(token) = login::without_asking(context, args, &http).await? {
        return Ok(Handed::Token(token));
    }
    let trust = TrustArgs::default();
    let instance = trust::instance(context, &trust, None, &http).await?;
    let issuer = trust::issuer(&instance)?;
    let issuer = args.oidc_issuer.as_ref().or(issuer.as_ref());
    if let Some(email) = email {
        let login = login::lasting_login(issuer, login::patience()?, &http)?;
        let granted = login::by_form(&login, |_| {
            let (sender, receiver) = oneshot::channel();
            // The receiver is right here: it cannot be gone.
            let _ = sender.send(email.to_owned());
            receiver
        });
        return Ok(Handed::Granted(granted.await?));
    }
    if trust::is_public(context, &trust, None)?
        && let Some(screen) = Screen::find(context)
    {
        screen.say(
            "Your address and the digests of what you sign will stand in the public log of Sigstore's own instance, for \
             ever. To sign on another: --instance\n",
        );
    }
    login::lasting(context, args, issuer, &http)
        .await
        .map(Handed::Granted)
}

/// What is handed over to the agent.
pub(crate) enum Handed {
    /// A token alone.
    Token(IdentityToken),
    /// What came of a login.
    Granted(Granted),
}

/// Gives a login to the agent.
pub(crate) fn hand_over(
    context: &Context,
    client: &mut Client,
    handed: Handed,
) -> Result<Kept, CliError> {
    let (token, refresh) = match handed {
        Handed::Token(token) => (token, None),
        Handed::Granted(granted) => (granted.token, granted.refresh),
    };
    let secret = |text: &str| Zeroizing::new(text.to_owned());
    Ok(client.login(LoginRequest {
        instance: trust::portable_name(context)?,
        token: secret(token.secret()),
        refresh_token: refresh.as_ref().map(|refresh| secret(refresh.secret())),
    })?)
}

fn sign_with_agent(
    context: &Context,
    request: SignRequest,
    how: &Signing,
) -> Result<Bundle, CliError> {
    let instance = match trust::portable_name(context) {
        Ok(name) => name,
        // The machine that the socket leads to may know what this one does not.
        Err(error) if error.code() == "SH-INSTANCE-UNKNOWN" && agent::is_elsewhere() => {
            context.global.instance.clone()
        }
        Err(error) => return Err(error),
    };
    let request = SignRequest {
        instance,
        identity: how.identity.clone(),
        prefer: how.prefer.clone(),
        ..request
    };
    let place = agent::place()?;
    if let Some(bundle) = ask(&place, &request)? {
        return Ok(bundle);
    }
    if agent::is_elsewhere() {
        return Err(login_on_the_other_machine(&place)?);
    }
    let screen = Screen::find(context);
    if screen.is_none() {
        return Err(login::nobody_to_ask().mend("signhere agent login, in a terminal"));
    }
    place.prepare()?;
    let _turn = login_turn(&place)?;
    // Somebody may have logged in meanwhile.
    if let Some(bundle) = ask(&place, &request)? {
        return Ok(bundle);
    }
    let mut client = agent::connect_or_start(context, &place)?;
    let granted = block_on(log_in(context, &how.login, None))?;
    // The agent may have waited for the person longer than it waits for a caller.
    drop(client);
    client = agent::connect_or_start(context, &place)?;
    hand_over(context, &mut client, granted)?;
    Ok(client.sign(&request)?)
}

/// The agent's bundle; none when nobody is logged in there, or no agent runs.
fn ask(place: &Place, request: &SignRequest) -> Result<Option<Bundle>, CliError> {
    let Some(mut client) = agent::connect(place)? else {
        return Ok(None);
    };
    match client.sign(request) {
        Ok(bundle) => Ok(Some(bundle)),
        Err(AgentError::Refused(Refusal::LoginNeeded { .. })) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn login_on_the_other_machine(place: &Place) -> Result<CliError, CliError> {
    if agent::connect(place)?.is_none() {
        return Ok(agent::nobody_answers(place));
    }
    Ok(CliError::new(
        Exit::Login,
        "SH-LOGIN-NEEDED",
        format!(
            "nobody is logged in at the agent at {}",
            place.socket().display()
        ),
    )
    .mend("signhere agent login, on the machine that the socket leads to"))
}

/// The turn to ask the person to log in: two processes would open two pages, and one login is enough.
fn login_turn(place: &Place) -> Result<File, CliError> {
    let path = place.folder().join(LOGIN_LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    let file = file.map_err(|error| CliError::file("open", &path, &error))?;
    // Whoever has the turn has as long for the login, and a little for what comes after.
    let patience = login::patience()?.saturating_add(Duration::from_secs(30));
    let (sender, receiver) = mpsc::channel();
    // If the turn never comes, the thread ends with the process.
    thread::spawn(move || {
        let locked = file.lock();
        let _ = sender.send(locked.map(|()| file));
    });
    match receiver.recv_timeout(patience) {
        Ok(locked) => locked.map_err(|error| CliError::file("lock", &path, &error)),
        Err(_) => Err(CliError::new(
            Exit::Login,
            "SH-LOGIN-TIMEOUT",
            "another process asks for a login, and it does not end",
        )
        .mend("signhere agent login, in a terminal")),
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
