//! Where an identity token comes from: a flag, a file, the environment, the CI
//! system, or a person who logs in.

mod screen;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueHint};
use signhere_http::{HttpClient, HttpConfig, TokioSleep};
use signhere_pki::random::SystemRandom;
use signhere_pki::time::Clock as _;
use signhere_sign::identity::ambient::{SystemEnv, detect};
use signhere_sign::identity::oidc::{Granted, Login, LoginConfig, OidcError};
use signhere_sign::identity::{AUDIENCE, IdentityToken};
use tokio::sync::oneshot;
use url::Url;
use zeroize::Zeroizing;

use crate::clock::SystemClock;
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::{env, files, visit};

pub(crate) use self::screen::Screen;
use self::screen::has_display;

/// No token file is larger.
const TOKEN_LIMIT: u64 = 128 * 1024;
/// The variable that holds a token, as cosign and sigstore-js know it.
const TOKEN_VARIABLE: &str = "SIGSTORE_ID_TOKEN";
/// How long a person may take to log in for a commit, unless the variable says otherwise.
const PATIENCE: Duration = Duration::from_secs(120);
/// Says how long, in seconds.
const PATIENCE_VARIABLE: &str = "SIGNHERE_LOGIN_TIMEOUT";

/// Who signs.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Identity")]
pub(crate) struct LoginArgs {
    /// Read the identity token from a file; `-` is standard input
    #[arg(long, value_name = "FILE|-", value_hint = ValueHint::FilePath, conflicts_with = "identity_token")]
    pub(crate) identity_token_file: Option<PathBuf>,
    /// The identity token itself. Other users can read it in the list of processes: prefer
    /// SIGSTORE_ID_TOKEN or --identity-token-file
    #[arg(long, value_name = "TOKEN")]
    pub(crate) identity_token: Option<String>,
    /// Log in at this issuer instead of the instance's
    #[arg(long, value_name = "URL")]
    pub(crate) oidc_issuer: Option<Url>,
    /// Log in with a code on another device
    #[arg(long)]
    pub(crate) no_browser: bool,
}

/// An HTTP client with the system's clockwork and randomness.
pub(crate) fn http_client() -> Arc<HttpClient> {
    Arc::new(HttpClient::new(
        HttpConfig::default(),
        Arc::new(TokioSleep),
        Arc::new(SystemRandom),
    ))
}

/// An identity token for Sigstore, from the first place that has one; a person
/// is asked last, to log in at `issuer`.
pub(crate) async fn identity(
    context: &Context,
    args: &LoginArgs,
    issuer: Option<&Url>,
    http: &Arc<HttpClient>,
) -> Result<IdentityToken, CliError> {
    match without_asking(context, args, http).await? {
        Some(token) => Ok(token),
        None => by_person(context, args, issuer, http).await,
    }
}

/// The identity token of a person who logs in at `issuer`, for one run of this program.
pub(crate) async fn by_person(
    context: &Context,
    args: &LoginArgs,
    issuer: Option<&Url>,
    http: &Arc<HttpClient>,
) -> Result<IdentityToken, CliError> {
    if !context.may_ask() {
        return Err(nobody_to_ask());
    }
    let login = login(args.oidc_issuer.as_ref().or(issuer), http)?;
    let granted = by_asking(&Screen::Stderr(context.output), &login, args.no_browser).await?;
    Ok(granted.token)
}

/// The identity token that somebody handed over, or that the system this runs on gives.
pub(crate) async fn without_asking(
    context: &Context,
    args: &LoginArgs,
    http: &Arc<HttpClient>,
) -> Result<Option<IdentityToken>, CliError> {
    if let Some(token) = given(args)? {
        let token = IdentityToken::parse(&token, AUDIENCE, SystemClock.now())?;
        return Ok(Some(token));
    }
    let environment = SystemEnv::new(env::all());
    let ambient = detect(&environment, http, AUDIENCE, SystemClock.now()).await?;
    Ok(ambient.map(|ambient| {
        context
            .output
            .note(format_args!("identity from {}", ambient.provider));
        ambient.token
    }))
}

/// A login that is to last for a working day, of a person who may be anywhere but at this process's standard error.
pub(crate) async fn lasting(
    context: &Context,
    args: &LoginArgs,
    issuer: Option<&Url>,
    http: &Arc<HttpClient>,
) -> Result<Granted, CliError> {
    let screen = Screen::find(context).ok_or_else(nobody_to_ask)?;
    let patience = patience()?;
    let login = lasting_login(args.oidc_issuer.as_ref().or(issuer), patience, http)?;
    let granted = by_asking(&screen, &login, args.no_browser);
    match tokio::time::timeout(patience, granted).await {
        Ok(granted) => granted.map_err(in_a_terminal),
        Err(_) => Err(in_a_terminal(OidcError::TimedOut { patience }.into())),
    }
}

/// How long a person may take.
pub(crate) fn patience() -> Result<Duration, CliError> {
    let Some(text) = env::var(PATIENCE_VARIABLE) else {
        return Ok(PATIENCE);
    };
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| (1..=3600).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| {
        CliError::usage(format!("{PATIENCE_VARIABLE} is no number of seconds"))
            .expected("1 to 3600")
            .found(text)
    })
}

/// A login is needed, and nobody can be asked to log in.
pub(crate) fn nobody_to_ask() -> CliError {
    CliError::new(
        Exit::Login,
        "SH-LOGIN-NEEDED",
        "a login is needed, and there is no terminal to ask on",
    )
    .mend(format!(
        "set {TOKEN_VARIABLE}, or use --identity-token-file"
    ))
}

/// The identity token of a person who logs in: with the browser of this machine, or on another device.
async fn by_asking(screen: &Screen, login: &Login, no_browser: bool) -> Result<Granted, CliError> {
    let granted = if no_browser || !has_display() {
        match login.with_device(|prompt| screen.show_device(prompt)).await {
            Err(OidcError::NotOffered { .. }) if !no_browser => {
                login.with_browser(|page| screen.show_page(page)).await
            }
            other => other,
        }
    } else {
        login
            .with_browser(|page| {
                screen.show_page(page);
                open_browser(page);
            })
            .await
    };
    Ok(granted?)
}

/// A failed login of which nobody may have seen anything.
fn in_a_terminal(error: CliError) -> CliError {
    match error.code() {
        "SH-LOGIN-TIMEOUT" => error.mend("signhere agent login, in a terminal"),
        _ => error,
    }
}

/// A login at `issuer` that has not begun.
pub(crate) fn login(issuer: Option<&Url>, http: &Arc<HttpClient>) -> Result<Login, CliError> {
    Ok(begin(LoginConfig::new(issuer_of(issuer)?), http))
}

/// A login at `issuer` that has not begun, and is to last where the issuer lets it.
pub(crate) fn lasting_login(
    issuer: Option<&Url>,
    patience: Duration,
    http: &Arc<HttpClient>,
) -> Result<Login, CliError> {
    let mut config = LoginConfig::new(issuer_of(issuer)?);
    config.stay = true;
    config.patience = patience;
    Ok(begin(config, http))
}

fn begin(config: LoginConfig, http: &Arc<HttpClient>) -> Login {
    let http = Arc::clone(http);
    Login::new(config, http, Arc::new(SystemClock), Arc::new(SystemRandom))
}

fn issuer_of(issuer: Option<&Url>) -> Result<Url, CliError> {
    issuer.cloned().ok_or_else(|| {
        CliError::new(
            Exit::Login,
            "SH-LOGIN-NO-ISSUER",
            "the signing config names no issuer to log in at",
        )
        .mend("--oidc-issuer URL, or an identity token")
    })
}

/// Logs in at an instance's development issuer by filling in its login page,
/// as soon as `email` is known; `shown` is given the page first.
pub(crate) async fn by_form(
    login: &Login,
    shown: impl FnOnce(&Url) -> oneshot::Receiver<String>,
) -> Result<Granted, CliError> {
    let (failed, failure) = oneshot::channel();
    let granted = login.with_browser(|page| {
        let page = page.clone();
        let email = shown(&page);
        tokio::spawn(async move {
            // Nobody typed anything: the browser may still come back.
            let Ok(email) = email.await else { return };
            if let Err(error) = visit::log_in(&page, &email).await {
                // Nobody waits any more when the browser was quicker.
                let _ = failed.send(error);
            }
        });
    });
    tokio::select! {
        granted = granted => Ok(granted?),
        Ok(error) = failure => Err(error),
    }
}

/// A token that somebody handed over, if there is one.
fn given(args: &LoginArgs) -> Result<Option<Zeroizing<String>>, CliError> {
    if let Some(token) = &args.identity_token {
        return Ok(Some(Zeroizing::new(token.clone())));
    }
    if let Some(path) = &args.identity_token_file {
        let bytes = if path == Path::new("-") {
            files::read_from(io::stdin().lock(), path, TOKEN_LIMIT)?
        } else {
            files::read(path, TOKEN_LIMIT)?
        };
        let text = String::from_utf8(bytes).map_err(|_| {
            CliError::new(
                Exit::Login,
                "SH-TOKEN",
                format!("{}: this is no identity token", path.display()),
            )
        })?;
        return Ok(Some(Zeroizing::new(text)));
    }
    Ok(env::var(TOKEN_VARIABLE).map(Zeroizing::new))
}

/// Starts the browser. The page's address is on the screen too: it is no error
/// when no browser starts.
fn open_browser(page: &Url) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let _ = Command::new(opener)
        .arg(page.as_str())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}
