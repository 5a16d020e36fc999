//! `uri`: somebody by a URI under the scheme and host of the configuration.

use signhere_pki::cert::San;
use url::{Host, Url};

use crate::issuers::claims::Claims;
use crate::issuers::disbelief::Disbelief;

/// The scheme and host under which all subjects of a `uri` issuer are: `https://example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::issuers) struct SubjectUri(String);

impl SubjectUri {
    /// The place that `domain` names: a scheme and a host, with or without a port, and nothing else.
    pub(in crate::issuers) fn parse(domain: &str) -> Option<Self> {
        let url = Url::parse(domain).ok()?;
        let base = domain.strip_suffix('/').unwrap_or(domain);
        let is_bare = url.as_str().strip_suffix('/').unwrap_or(url.as_str()) == base;
        let has_host = matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_)));
        let plain = url.path().len() <= 1 && url.username().is_empty() && url.query().is_none();
        (is_bare && has_host && plain).then(|| Self(base.to_owned()))
    }

    /// Compared letter by letter and not by a parser, so that no two readers can disagree about the host.
    pub(super) fn san(&self, claims: Claims<'_>) -> Result<San, Disbelief> {
        let uri = claims.text("sub")?;
        let under = || Disbelief::claim("sub", format!("a URI under {}", self.0));
        let rest = uri.strip_prefix(&self.0).ok_or_else(under)?;
        if !rest.is_empty() && !rest.starts_with(['/', '?', '#']) {
            return Err(under());
        }
        if !rest.bytes().all(is_uri_character) {
            return Err(Disbelief::claim("sub", "a URI of RFC 3986"));
        }
        Ok(San::Uri(uri.to_owned()))
    }
}

/// RFC 3986 appendix A.
pub(super) fn is_uri_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

/// Whether an issuer at `issuer` may speak for subjects at `subject`: the same host, or one with the same last two
/// labels, as Fulcio has it.
pub(in crate::issuers) fn may_speak_for(issuer: &str, subject: &str) -> bool {
    if issuer == subject {
        return true;
    }
    let last_two = |host: &str| {
        let mut labels = host.rsplit('.').map(str::to_owned);
        labels.next().zip(labels.next())
    };
    last_two(issuer).is_some() && last_two(issuer) == last_two(subject)
}
