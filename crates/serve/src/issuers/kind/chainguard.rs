//! `chainguard-identity`: whoever the subject is, under the issuer's URL.

use signhere_pki::cert::San;

use crate::issuers::claims::Claims;
use crate::issuers::disbelief::Disbelief;

pub(super) fn san(issuer: &str, claims: Claims<'_>) -> Result<San, Disbelief> {
    let subject = claims.text("sub")?;
    let is_segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,;=".contains(&b))
    };
    if !subject.split('/').all(is_segment) {
        return Err(Disbelief::claim("sub", "a path of a URI"));
    }
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    Ok(San::Uri(format!("{issuer}/{subject}")))
}
