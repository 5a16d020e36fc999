//! `username`: somebody within the issuer's domain who has no address, as `name!domain` in an otherName.

use signhere_pki::cert::San;
use signhere_pki::fulcio;

use crate::email::EmailAddress;
use crate::issuers::claims::Claims;
use crate::issuers::disbelief::Disbelief;

/// The domain of a `username` issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::issuers) struct Username {
    pub(in crate::issuers) domain: String,
}

impl Username {
    pub(super) fn san(&self, claims: Claims<'_>) -> Result<San, Disbelief> {
        let name = claims.text("sub")?;
        if name.contains('!') {
            return Err(Disbelief::claim("sub", "free of `!`"));
        }
        if EmailAddress::parse(name).is_some() {
            let expected = "a user name: it is an e-mail address";
            return Err(Disbelief::claim("sub", expected));
        }
        Ok(San::OtherName {
            oid: fulcio::USERNAME,
            value: format!("{name}!{}", self.domain),
        })
    }
}
