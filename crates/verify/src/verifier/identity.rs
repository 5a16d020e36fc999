//! Whom the certificate names and who vouches for it; where somebody is expected, that one and no other.

use signhere_pki::cert::{Certificate, San};
use signhere_pki::fulcio;

use super::{Step, failed};
use crate::error::Reason;
use crate::verdict::{ExtensionEvidence, IdentityEvidence, StepName};

/// Compares both exactly: no prefix, no pattern, no folding of case.
pub(super) fn check(
    leaf: &Certificate,
    authority: &str,
    expected: Option<(&str, &str)>,
) -> Step<IdentityEvidence> {
    let refused = |reason| failed(StepName::Identity, reason);
    let missing = |reason, expected: Option<&str>| match expected {
        Some(expected) => refused(reason).expected(expected),
        None => refused(reason),
    };
    let Some(san) = leaf.san().filter(is_known) else {
        let expected = expected.map(|(identity, _)| identity);
        return Err(missing(Reason::IdentityMissing, expected));
    };
    if let Some((identity, _)) = expected
        && san.as_str() != identity
    {
        return Err(refused(Reason::IdentityMismatch)
            .expected(identity)
            .found(san));
    }
    let Some((found, from)) = issuer_of(leaf, authority) else {
        let expected = expected.map(|(_, issuer)| issuer);
        return Err(missing(Reason::IssuerMissing, expected));
    };
    if let Some((_, issuer)) = expected
        && found != issuer
    {
        return Err(refused(Reason::IssuerMismatch)
            .expected(issuer)
            .found(found));
    }
    let extensions = fulcio::all(leaf)
        .into_iter()
        .map(|(number, name, value)| ExtensionEvidence {
            oid: format!("{}.{number}", fulcio::ARC),
            name,
            value,
        })
        .collect();
    Ok(IdentityEvidence {
        kind: kind(&san),
        identity: san.as_str().to_owned(),
        issuer: found,
        issuer_from: from,
        extensions,
    })
}

/// Who vouches for the identity, and what says so: the certificate, by its extensions. One that has neither of them
/// was issued without a login, as GitHub does for its releases: then nobody but the authority itself vouches, by the
/// name that the trusted root gives it. An extension that cannot be read is not taken for none.
pub(super) fn issuer_of(leaf: &Certificate, authority: &str) -> Option<(String, &'static str)> {
    if fulcio::has_issuer(leaf) {
        return fulcio::issuer(leaf).map(|issuer| (issuer, "certificate"));
    }
    Some((authority.to_owned(), "authority")).filter(|(issuer, _)| !issuer.is_empty())
}

/// The kinds of names that certificates for signatures have. An authority may give a name of another kind, of a host or an
/// otherName that is not Fulcio's, to anybody: it is not a name that anybody asked for.
fn is_known(san: &San) -> bool {
    match san {
        San::Email(_) | San::Uri(_) => true,
        San::OtherName { oid, .. } => *oid == fulcio::USERNAME,
        _ => false,
    }
}

fn kind(san: &San) -> &'static str {
    match san {
        San::Email(_) => "email",
        San::Uri(_) => "uri",
        San::OtherName { .. } => "otherName",
        _ => "other",
    }
}
