//! The small web server that the browser comes back to. It reads request lines and nothing else,
//! answers a plain page, and ends with the first request that carries this login's state.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use url::Url;
use zeroize::Zeroizing;

use super::{OidcError, printable};

/// The path that Sigstore's issuers have on their list.
pub(super) const PATH: &str = "/auth/callback";

/// The longest request read, in bytes.
const MAX_REQUEST: usize = 16 << 10;

/// How long a browser may take over one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How many requests are read at once: browsers open connections ahead of need.
const MAX_CONNECTIONS: usize = 16;

/// What a login expects to come back.
struct Expected {
    state: Zeroizing<String>,
    issuer: String,
}

type Code = Zeroizing<String>;

/// The authorization code that the browser brings to `listener` together with `state`. Requests
/// without that state are answered and forgotten, for any page can make them.
pub(super) async fn receive(
    listener: TcpListener,
    state: &str,
    issuer: &str,
) -> Result<Code, OidcError> {
    let expected = Arc::new(Expected {
        state: Zeroizing::new(state.to_owned()),
        issuer: issuer.to_owned(),
    });
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if conversations.len() < MAX_CONNECTIONS => {
                let (stream, _) = accepted.map_err(|error| OidcError::Listen(error.kind()))?;
                let expected = Arc::clone(&expected);
                conversations.spawn(async move {
                    let talk = converse(stream, &expected);
                    tokio::time::timeout(REQUEST_TIMEOUT, talk).await.unwrap_or(None)
                });
            }
            Some(ended) = conversations.join_next() => {
                if let Ok(Some(outcome)) = ended {
                    return outcome;
                }
            }
        }
    }
}

async fn converse(mut stream: TcpStream, expected: &Expected) -> Option<Result<Code, OidcError>> {
    let request = read_head(&mut stream).await?;
    let (page, outcome) = match judge(&request, expected) {
        Ok(outcome @ Ok(_)) => (Page::Done, Some(outcome)),
        Ok(outcome @ Err(_)) => (Page::Refused, Some(outcome)),
        Err(page) => (page, None),
    };
    // The browser may be gone; what it brought counts all the same.
    let _ = stream.write_all(page.response().as_bytes()).await;
    let _ = stream.shutdown().await;
    outcome
}

/// The request up to the empty line after its headers.
async fn read_head(stream: &mut TcpStream) -> Option<Zeroizing<Vec<u8>>> {
    let mut head = Zeroizing::new(Vec::with_capacity(MAX_REQUEST));
    loop {
        if head.windows(4).any(|window| window == b"\r\n\r\n") {
            return Some(head);
        }
        let mut chunk = Zeroizing::new([0; 2048]);
        let length = stream.read(&mut *chunk).await.ok()?;
        let chunk = chunk.get(..length)?;
        if chunk.is_empty() || chunk.len() > MAX_REQUEST - head.len() {
            return None;
        }
        head.extend_from_slice(chunk);
    }
}

/// What a request brings: an end of the login, or a page for those that are not about it.
fn judge(request: &[u8], expected: &Expected) -> Result<Result<Code, OidcError>, Page> {
    let line = request.split(|&byte| byte == b'\r').next().unwrap_or(b"");
    let line = std::str::from_utf8(line).map_err(|_| Page::BadRequest)?;
    let mut words = line.split(' ');
    let (Some("GET"), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Page::BadRequest);
    };
    let base = "http://localhost";
    let url = Url::parse(&format!("{base}{target}")).map_err(|_| Page::BadRequest)?;
    if url.path() != PATH {
        return Err(Page::NotFound);
    }
    let parameter = |name: &str| {
        let mut values = url.query_pairs().filter(|(key, _)| key == name);
        let value = values.next().map(|(_, value)| value);
        // RFC 6749, section 3.1: no parameter may be there twice.
        match values.next() {
            None => Ok(value),
            Some(_) => Err(Page::BadRequest),
        }
    };
    let state = parameter("state")?.ok_or(Page::BadRequest)?;
    if !constant_time_equal(state.as_bytes(), expected.state.as_bytes()) {
        return Err(Page::BadRequest);
    }
    if let Some(issuer) = parameter("iss")?
        && issuer != expected.issuer
    {
        return Ok(Err(OidcError::Issuer {
            expected: expected.issuer.clone(),
            found: printable(&issuer),
        }));
    }
    if let Some(code) = parameter("error")? {
        return Ok(Err(OidcError::Refused {
            code: printable(&code),
            description: parameter("error_description")?.map(|text| printable(&text)),
        }));
    }
    let code = parameter("code")?.ok_or(Page::BadRequest)?;
    Ok(Ok(Zeroizing::new(code.into_owned())))
}

/// Compares without telling by time where two texts part.
fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    let differences = a.iter().zip(b).fold(0, |seen, (a, b)| seen | (a ^ b));
    a.len() == b.len() && differences == 0
}

/// The answers of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Done,
    Refused,
    BadRequest,
    NotFound,
}

impl Page {
    fn response(self) -> String {
        let (status, text) = match self {
            Self::Done => ("200 OK", "You are logged in. You can close this page."),
            Self::Refused => (
                "200 OK",
                "The login was refused. The terminal says why; you can close this page.",
            ),
            Self::BadRequest => ("400 Bad Request", "This is not part of a login."),
            Self::NotFound => ("404 Not Found", "There is nothing here."),
        };
        let body = format!(
            "<!doctype html><html lang=en><meta charset=utf-8><title>signhere</title><p>{text}\n"
        );
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\
             Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(request: &str) -> Result<Result<String, OidcError>, Page> {
        let expected = Expected {
            state: Zeroizing::new("s1".into()),
            issuer: "https://issuer.example".into(),
        };
        let outcome = judge(request.as_bytes(), &expected)?;
        Ok(outcome.map(|code| code.as_str().to_owned()))
    }

    fn get(query: &str) -> Result<Result<String, OidcError>, Page> {
        verdict(&format!(
            "GET /auth/callback?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ))
    }

    #[test]
    fn the_code_counts_with_the_state() {
        assert_eq!(get("code=c%201&state=s1"), Ok(Ok("c 1".into())));
        assert_eq!(
            get("code=c&state=s1&iss=https://issuer.example"),
            Ok(Ok("c".into()))
        );
    }

    #[test]
    fn requests_without_the_state_are_ignored() {
        for query in [
            "",
            "code=c",
            "code=c&state=s2",
            "code=c&state=s",
            "error=x&state=t",
        ] {
            assert_eq!(get(query), Err(Page::BadRequest), "{query}");
        }
    }

    #[test]
    fn parameters_come_once() {
        for query in [
            "code=c&code=d&state=s1",
            "code=c&state=s1&state=s1",
            "state=s1",
        ] {
            assert_eq!(get(query), Err(Page::BadRequest), "{query}");
        }
    }

    #[test]
    fn refusals_are_told_without_control_characters() {
        assert_eq!(
            get("state=s1&error=access_denied&error_description=no%1b%5b2J%21"),
            Ok(Err(OidcError::Refused {
                code: "access_denied".into(),
                description: Some("no[2J!".into()),
            }))
        );
    }

    #[test]
    fn another_issuer_is_refused() {
        assert_eq!(
            get("code=c&state=s1&iss=https://evil.example"),
            Ok(Err(OidcError::Issuer {
                expected: "https://issuer.example".into(),
                found: "https://evil.example".into(),
            }))
        );
    }

    #[test]
    fn other_requests_get_other_pages() {
        assert_eq!(
            verdict("GET /favicon.ico HTTP/1.1\r\n\r\n"),
            Err(Page::NotFound)
        );
        for request in [
            "",
            "\r\n\r\n",
            "POST /auth/callback HTTP/1.1\r\n\r\n",
            "GET\r\n\r\n",
        ] {
            assert_eq!(verdict(request), Err(Page::BadRequest), "{request:?}");
        }
    }
}
