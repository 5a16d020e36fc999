//! Does at the login page of a development issuer what a person does in a
//! browser: opens it, fills in the address, and follows the redirect.
//!
//! The issuer of a private instance believes whoever types an address, so
//! that this needs no secret. It speaks to this machine only.

use std::time::Duration;

use reqwest::header::{LOCATION, ORIGIN};
use reqwest::{Client, Response, redirect};
use url::{Host, Url};

use crate::error::CliError;
use crate::exit::Exit;

/// No login page is larger, in bytes.
const PAGE_LIMIT: usize = 256 * 1024;
/// How long any one answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Logs in at `page` as `email`; the redirect carries the answer to whoever
/// waits for it.
pub(crate) async fn log_in(page: &Url, email: &str) -> Result<(), CliError> {
    if !is_loopback(page) {
        return Err(
            failed("only the login page of an instance on this machine can be filled in")
                .found(page.origin().ascii_serialization()),
        );
    }
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tls_certs_only([])
        .timeout(PATIENCE)
        .build()
        .map_err(|error| CliError::internal(&error))?;

    let html = text(client.get(page.clone()).send().await.map_err(unreachable)?).await?;
    let form = LoginForm::parse(&html).ok_or_else(|| failed("the login page has no form"))?;
    let target = page
        .join(&form.action)
        .ok()
        .filter(|target| target.origin() == page.origin())
        .ok_or_else(|| failed("the login form leads elsewhere").found(form.action.clone()))?;
    let mut fields = form.fields;
    fields.retain(|(name, _)| name != "email");
    fields.push(("email".to_owned(), email.to_owned()));

    let answer = client
        .post(target)
        .header(ORIGIN, page.origin().ascii_serialization())
        .form(&fields)
        .send()
        .await
        .map_err(unreachable)?;
    let callback = answer
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| page.join(location).ok())
        .filter(is_loopback);
    let Some(callback) = callback else {
        return Err(failed("the login was refused").found(format!("HTTP {}", answer.status())));
    };
    match client.get(callback).send().await {
        // Whoever waits may have what it needs before it has answered.
        Err(error) if error.is_connect() => Err(unreachable(error)),
        _ => Ok(()),
    }
}

/// The form of a login page: where it goes, and what it carries.
#[derive(Debug, PartialEq, Eq)]
struct LoginForm {
    action: String,
    fields: Vec<(String, String)>,
}

impl LoginForm {
    /// The first form of the page.
    fn parse(html: &str) -> Option<Self> {
        let start = html.find("<form")?;
        let form = html.get(start..)?;
        let form = form.get(..form.find("</form>")?)?;
        let mut tags = form.split('<').skip(1);
        let action = attribute(tags.next()?, "action").unwrap_or_default();
        let fields = tags
            .filter(|tag| tag.starts_with("input"))
            .filter_map(|tag| {
                let name = attribute(tag, "name")?;
                Some((name, attribute(tag, "value").unwrap_or_default()))
            })
            .collect();
        Some(Self { action, fields })
    }
}

/// The value of a quoted attribute, its character references resolved.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))?;
    let value = tag.get(start..)?.split('"').nth(1)?;
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at(at);
        out.push_str(before);
        let end = reference.find(';')?;
        out.push(character(reference.get(1..end)?)?);
        rest = reference.get(end.checked_add(1)?..)?;
    }
    out.push_str(rest);
    Some(out)
}

fn character(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = reference.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

async fn text(mut response: Response) -> Result<String, CliError> {
    if !response.status().is_success() {
        return Err(
            failed("the login page cannot be had").found(format!("HTTP {}", response.status()))
        );
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len().saturating_add(chunk.len()) > PAGE_LIMIT {
            return Err(failed("the login page is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| failed("the login page is not UTF-8"))
}

fn is_loopback(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
}

fn failed(message: &str) -> CliError {
    CliError::new(Exit::Login, "SH-LOGIN", message)
}

fn unreachable(error: reqwest::Error) -> CliError {
    let error = error.without_url();
    CliError::new(
        Exit::Retry,
        "SH-LOGIN-UNREACHABLE",
        format!("the login page does not answer: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_with_character_references() {
        let html = r#"<p>x</p><form method="post" action="/oidc/auth?a=1&amp;b=2">
            <input type="hidden" name="state" value="&quot;&#x27;&#60;">
            <input type="email" name="email"></form><form action="/other"></form>"#;
        assert_eq!(
            LoginForm::parse(html),
            Some(LoginForm {
                action: "/oidc/auth?a=1&b=2".to_owned(),
                fields: vec![
                    ("state".to_owned(), "\"'<".to_owned()),
                    ("email".to_owned(), String::new()),
                ],
            })
        );
    }

    #[test]
    fn no_form_is_no_login() {
        assert_eq!(LoginForm::parse("<html>not here</html>"), None);
        assert_eq!(LoginForm::parse("<form action=\"/x\">"), None);
    }

    #[test]
    fn only_this_machine() {
        for (url, expected) in [
            ("http://127.0.0.1:3003/oidc/auth", true),
            ("http://localhost:1/", true),
            ("http://[::1]:1/", true),
            ("http://localhost.example.com/", false),
            ("http://10.0.0.1/", false),
            ("https://127.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
