//! Logging in at the private instance: in the browser, by typing an address,
//! or by itself where nobody is there.

use std::io::{self, BufRead as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use signhere_http::HttpClient;
use signhere_sign::identity::IdentityToken;
use tokio::sync::oneshot;
use url::Url;

use crate::commands::Context;
use crate::env;
use crate::error::CliError;
use crate::login;
use crate::output::style::{BOLD, paint};

/// A token for `identity`, or for whom the person chooses to be.
pub(super) async fn log_in(
    context: &Context,
    identity: Option<&str>,
    issuer: Option<&Url>,
    http: &Arc<HttpClient>,
) -> Result<IdentityToken, CliError> {
    let login = login::login(issuer, http)?;
    let granted = login::by_form(&login, |page| {
        let (sender, receiver) = oneshot::channel();
        let choice = match identity {
            Some(identity) => Some(identity.to_owned()),
            None if context.may_ask() => None,
            None => Some(default_identity()),
        };
        match choice {
            Some(identity) => drop(sender.send(identity)),
            None => ask(context, page, sender),
        }
        receiver
    })
    .await?;
    Ok(granted.token)
}

/// Offers the login page, and meanwhile listens for an address on the
/// terminal. The thread ends with the process if nobody types.
fn ask(context: &Context, page: &Url, sender: oneshot::Sender<String>) {
    let default = default_identity();
    context.output.prompt(format_args!(
        "   Open this page in a browser and say who you are:\n\n   {}\n\n   \
         Or type an address here. Enter alone: {}",
        paint(BOLD, page),
        paint(BOLD, &default),
    ));
    let output = context.output;
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            let identity = match line.trim() {
                "" => default,
                typed if is_plain_address(typed) => typed.to_owned(),
                _ => {
                    output.prompt("   This is no e-mail address. Try again:");
                    continue;
                }
            };
            // Nobody waits for it when the browser was quicker.
            let _ = sender.send(identity);
            return;
        }
    });
}

/// The address in the git configuration, or one made of the user's name.
fn default_identity() -> String {
    git_address().unwrap_or_else(|| {
        let user = env::var("USER").or_else(|| env::var("LOGNAME"));
        let name: String = user
            .unwrap_or_default()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
            .take(64)
            .collect();
        let name = if name.is_empty() { "you" } else { &name };
        format!("{name}@example.com")
    })
}

fn git_address() -> Option<String> {
    let answer = Command::new("git")
        .args(["config", "--get", "user.email"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|answer| answer.status.success())?;
    let address = String::from_utf8(answer.stdout).ok()?;
    let address = address.trim();
    is_plain_address(address).then(|| address.to_owned())
}

/// Whether the login page will take it: one `@`, a dotted host, nothing odd.
fn is_plain_address(address: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
    };
    address.len() <= 254
        && address
            .split_once('@')
            .is_some_and(|(name, host)| plain(name) && plain(host) && host.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_addresses_are_not_proposed() {
        assert!(is_plain_address("alice+git@mail.example.com"));
        for odd in [
            "",
            "alice",
            "alice@localhost",
            "a b@example.com",
            "a@b@example.com",
        ] {
            assert!(!is_plain_address(odd), "{odd}");
        }
    }
}
