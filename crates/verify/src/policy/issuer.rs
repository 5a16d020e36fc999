//! Who vouches for an identity: a URL, compared exactly.

use std::fmt;

/// The longest issuer, in bytes.
const MAX_ISSUER_BYTES: usize = 512;

/// Issuers with a short name for the command line. The file has the URL.
pub const KNOWN_ISSUERS: [(&str, &str); 9] = [
    ("github", "https://token.actions.githubusercontent.com"),
    ("github-login", "https://github.com/login/oauth"),
    ("gitlab", "https://gitlab.com"),
    ("google", "https://accounts.google.com"),
    ("microsoft", "https://login.microsoftonline.com"),
    ("sigstore", "https://oauth2.sigstore.dev/auth"),
    ("buildkite", "https://agent.buildkite.com"),
    ("codefresh", "https://oidc.codefresh.io"),
    ("buddy", "https://api.buddy.works"),
];

/// Who vouches for an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

/// Why a text is no issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// More than 512 bytes.
    #[error("an issuer has at most {MAX_ISSUER_BYTES} bytes")]
    Length,
    /// A `*`.
    #[error("an issuer is exact: whoever is matched by * vouches for anybody")]
    Wildcard,
    /// No plain web address.
    #[error(
        "an issuer is an https:// URL in plain characters (http:// on this machine alone), or an authority's host name"
    )]
    Url,
}

impl Issuer {
    /// Reads an issuer's URL.
    ///
    /// # Errors
    /// [`IssuerError`] for what is no plain `https://` URL.
    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        if text.len() > MAX_ISSUER_BYTES {
            return Err(IssuerError::Length);
        }
        if text.contains('*') {
            return Err(IssuerError::Wildcard);
        }
        // What an authority vouches for itself goes by the authority's name.
        if super::identity::is_host(text) && text.contains('.') {
            return Ok(Self(text.to_owned()));
        }
        // A slash at the end is part of some issuers' names, and the only empty segment.
        let plain = text.strip_suffix('/').unwrap_or(text);
        let is_plain = plain.starts_with("http")
            && !plain.contains('@')
            && super::Identity::parse(plain).is_ok();
        match is_plain {
            true => Ok(Self(text.to_owned())),
            false => Err(IssuerError::Url),
        }
    }

    /// The issuer that goes by a short name on the command line, or by its URL.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn named(text: &str) -> Result<Self, IssuerError> {
        let known = KNOWN_ISSUERS.iter().find(|(name, _)| *name == text);
        Self::parse(known.map_or(text, |(_, url)| url))
    }

    /// Its URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its short name, if it has one.
    pub fn short(&self) -> Option<&'static str> {
        let known = KNOWN_ISSUERS.iter().find(|(_, url)| *url == self.0);
        known.map(|(name, _)| *name)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
