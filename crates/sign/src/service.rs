//! What every client of a service shares: how a failure is told.

use std::fmt;

use signhere_http::{HttpAnswer, HttpError, shown};
use url::Url;

/// How much of an answer's text an error keeps, in characters.
const EXCERPT: usize = 400;

/// The kinds of services that signing talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// The OpenID Connect issuer, or the CI platform's token endpoint.
    Oidc,
    /// The certificate authority (Fulcio).
    Ca,
    /// The transparency log (Rekor).
    Log,
    /// The timestamp authority (RFC 3161).
    Tsa,
    /// A signhere instance's description of itself.
    Instance,
    /// A TUF repository.
    Tuf,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Oidc => "identity provider",
            Self::Ca => "certificate authority",
            Self::Log => "transparency log",
            Self::Tsa => "timestamp authority",
            Self::Instance => "instance",
            Self::Tuf => "TUF repository",
        })
    }
}

/// A service did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{service} {url}: {problem}")]
pub struct ServiceError {
    /// What kind of service.
    pub service: Service,
    /// Which one, without user, query and fragment.
    pub url: String,
    /// What went wrong.
    pub problem: Problem,
}

/// What went wrong with a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The service refuses or fails.
    #[error("status {status}: {excerpt}")]
    Status {
        /// The HTTP status code.
        status: u16,
        /// The beginning of the answer's text, without control characters and tokens.
        excerpt: String,
    },
    /// The answer is not of the form it must have.
    #[error("the answer's {what} cannot be read: {detail}")]
    Unreadable {
        /// The part that cannot be read.
        what: &'static str,
        /// What the parser says.
        detail: String,
    },
    /// The answer contradicts the request, or is proven false.
    #[error("the answer does not hold: {what}: {detail}")]
    Lie {
        /// What is wrong.
        what: &'static str,
        /// The facts.
        detail: String,
    },
    /// The log has the entry already, and does not prove it again.
    #[error("the log has this entry already{}", .index.map(|index| format!(" (number {index})")).unwrap_or_default())]
    Duplicate {
        /// The entry's index, if the log tells.
        index: Option<u64>,
    },
    /// The service works in a way that we do not accept.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl ServiceError {
    /// An error of `service` at `url`.
    pub(crate) fn new(service: Service, url: &Url, problem: impl Into<Problem>) -> Self {
        Self {
            service,
            url: shown(url),
            problem: problem.into(),
        }
    }

    /// The error for an answer with an unwelcome status.
    pub(crate) fn status(service: Service, url: &Url, answer: &HttpAnswer) -> Self {
        let problem = Problem::Status {
            status: answer.status,
            excerpt: excerpt(&answer.body),
        };
        Self::new(service, url, problem)
    }

    /// The error for an answer that cannot be read.
    pub(crate) fn unreadable(
        service: Service,
        url: &Url,
        what: &'static str,
        detail: &dyn fmt::Display,
    ) -> Self {
        let detail = excerpt(detail.to_string().as_bytes());
        Self::new(service, url, Problem::Unreadable { what, detail })
    }

    /// The error for an answer that is not true.
    pub(crate) fn lie(
        service: Service,
        url: &Url,
        what: &'static str,
        detail: &dyn fmt::Display,
    ) -> Self {
        let detail = excerpt(detail.to_string().as_bytes());
        Self::new(service, url, Problem::Lie { what, detail })
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match &self.problem {
            Problem::Http(error) => error.is_transient(),
            Problem::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

/// The URL of `path` under a service's base URL, which may have a path of its own.
pub(crate) fn endpoint(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// The beginning of a text, printable: control characters become spaces, and whatever looks like
/// a JWT is taken out, for services quote what they refuse.
pub(crate) fn excerpt(body: &[u8]) -> String {
    // A token longer than the window would be cut within; it is looked for in the longer text.
    let window = &body[..body.len().min(128 << 10)];
    let text = String::from_utf8_lossy(window);
    let words = text.split(|c: char| c.is_control() || c.is_whitespace());
    let words = words.filter(|word| !word.is_empty()).map(without_tokens);
    let text = words.collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `word` with each run of base64url characters and dots that begins as a JSON object does in
/// base64 (`eyJ`, RFC 7519) replaced.
fn without_tokens(word: &str) -> String {
    let mut clean = String::new();
    let mut rest = word;
    while let Some(start) = rest.find("eyJ") {
        let (before, token) = rest.split_at(start);
        clean.push_str(before);
        clean.push_str("(token)");
        let end = token.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.=+/%".contains(c)));
        rest = end.map_or("", |end| &token[end..]);
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_printable() {
        assert_eq!(excerpt(b"a\x1b[31m\n\tb\xff"), "a [31m b\u{fffd}");
        let long = excerpt("ä".repeat(1000).as_bytes());
        assert_eq!(long.chars().count(), EXCERPT + 1);
    }

    #[test]
    fn excerpts_hold_no_token() {
        let body = br#"{"error":"bad token eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln","t":"eyJh"}"#;
        assert_eq!(
            excerpt(body),
            r#"{"error":"bad token (token)","t":"(token)"}"#
        );
    }
}
