//! Signatures that the agent makes, and the login that it makes them with.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use signhere_sign::agent::protocol::{Kept, REQUEST_LIMIT, Request, encode};
use signhere_sign::agent::socket::Place;
use signhere_sign::agent::{AgentError, Client, LoginRequest, Refusal, SignRequest};
use signhere_sign::identity::IdentityToken;
use signhere_sign::identity::oidc::Granted;
use signhere_verify::bundle::Bundle;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::Signing;
use crate::agent;
use crate::commands::{Context, block_on};
use crate::error::CliError;
use crate::exit::Exit;
use crate::login::{self, LoginArgs, Screen};
use crate::trust::{self, TrustArgs};

/// What one process that logs in holds a lock on.
const LOGIN_LOCK: &str = "login.lock";
/// Bytes of a request that the names of an instance and of signers may take.
const ROOM_FOR_NAMES: usize = 8 << 10;

/// Whether an agent may be asked: it knows instances by their names, not by files.
pub(super) fn is_wanted(context: &Context, how: &Signing) -> Result<bool, CliError> {
    let has_files = how.trust.trusted_root.is_some()
        || how.trust.trust_config.is_some()
        || how.signing_config.is_some();
    Ok(!how.no_agent && !has_files && agent::is_wanted(context)?)
}

/// Whether an agent runs, here or where the environment says.
pub(super) fn runs() -> Result<bool, CliError> {
    Ok(agent::connect(&agent::place()?)?.is_some())
}

/// Whether a request fits a line, whatever names are added to it.
pub(super) fn takes(request: &SignRequest) -> bool {
    encode(&Request::Sign(request.clone()))
        .is_ok_and(|line| line.len().saturating_add(ROOM_FOR_NAMES) <= REQUEST_LIMIT)
}

/// The agent's bundle. A person logs in if nobody is logged in there, and the agent is started if none runs.
pub(super) fn sign(
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
