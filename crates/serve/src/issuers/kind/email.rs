//! `email`: a person, by an address that the issuer says is theirs.

use std::str::FromStr;

use serde_json::Value;
use signhere_pki::cert::San;

use crate::email::EmailAddress;
use crate::issuers::claims::{Claims, text_of};
use crate::issuers::disbelief::Disbelief;

/// What the configuration says of an `email` issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::issuers) struct Email {
    /// Where the token names the issuer behind this one.
    pub(in crate::issuers) issuer_claim: Option<IssuerClaim>,
    /// Whether an address counts that the issuer does not call verified.
    pub(in crate::issuers) skip_verification: bool,
}

impl Email {
    pub(super) fn subject(&self, claims: Claims<'_>) -> Result<(San, Option<String>), Disbelief> {
        let text = claims.text("email")?;
        let email = EmailAddress::parse(text).filter(|parsed| parsed.as_str() == text);
        let email = email.ok_or_else(|| Disbelief::claim("email", "an e-mail address"))?;
        if !self.skip_verification && claims.value("email_verified") != Some(&Value::Bool(true)) {
            return Err(Disbelief::claim("email_verified", "true"));
        }
        let issuer = self.issuer_claim.as_ref();
        let issuer = issuer.map(|path| path.find(claims)).transpose()?;
        let san = San::Email(email.as_str().to_owned());
        Ok((san, issuer.map(str::to_owned)))
    }
}

/// The place of a claim in a token: `$.federated_claims.connector_id`, of JSONPath (RFC 9535) the part that leads
/// from name to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::issuers) struct IssuerClaim(Vec<String>);

impl FromStr for IssuerClaim {
    type Err = ();

    fn from_str(path: &str) -> Result<Self, ()> {
        let names = path.strip_prefix("$.").ok_or(())?;
        let names: Vec<_> = names.split('.').map(str::to_owned).collect();
        let is_name = |name: &String| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
        };
        if names.len() > 8 || !names.iter().all(is_name) {
            return Err(());
        }
        Ok(Self(names))
    }
}

impl IssuerClaim {
    fn find<'a>(&self, claims: Claims<'a>) -> Result<&'a str, Disbelief> {
        let mut names = self.0.iter();
        let mut value = names.next().and_then(|first| claims.value(first));
        for name in names {
            value = value.and_then(|outer| outer.get(name));
        }
        text_of(&self.0.join("."), value)
    }
}
