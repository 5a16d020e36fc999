//! `spiffe`: a workload, by its SPIFFE ID in the trust domain of the configuration.

use signhere_pki::cert::San;

use crate::issuers::claims::Claims;
use crate::issuers::disbelief::Disbelief;

/// A trust domain (SPIFFE-ID section 2.1): small letters, digits, dots, dashes and underscores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::issuers) struct TrustDomain(String);

impl TrustDomain {
    /// The domain in `text`, with `spiffe://` before it or without.
    pub(in crate::issuers) fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("spiffe://").unwrap_or(text);
        let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
        let fine = (1..=255).contains(&name.len()) && name.bytes().all(is_letter);
        fine.then(|| Self(name.to_owned()))
    }

    pub(in crate::issuers) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn san(&self, claims: Claims<'_>) -> Result<San, Disbelief> {
        let id = claims.text("sub")?;
        let no_id = || Disbelief::claim("sub", "a SPIFFE ID");
        let rest = id.strip_prefix("spiffe://").ok_or_else(no_id)?;
        let (domain, path) = rest
            .split_once('/')
            .map_or((rest, None), |(d, p)| (d, Some(p)));
        if Self::parse(domain).as_ref() != Some(self) {
            let expected = format!("a SPIFFE ID of the trust domain {}", self.0);
            return Err(Disbelief::claim("sub", expected));
        }
        // SPIFFE-ID section 2.2: no empty segment, none of dots alone.
        let is_segment = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        };
        if !path.is_none_or(|path| path.split('/').all(is_segment)) {
            return Err(no_id());
        }
        Ok(San::Uri(id.to_owned()))
    }
}
