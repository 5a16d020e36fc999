//! `kubernetes`: a service account of a cluster.

use signhere_pki::cert::San;

use crate::issuers::claims::{Claims, text_of};
use crate::issuers::disbelief::Disbelief;

const CLAIM: &str = "kubernetes.io";

pub(super) fn san(claims: Claims<'_>) -> Result<San, Disbelief> {
    let claim = claims.value(CLAIM);
    let claim = claim.ok_or_else(|| Disbelief::missing(CLAIM))?;
    if !claim.is_object() {
        return Err(Disbelief::claim(CLAIM, "an object"));
    }
    let namespace = name("namespace", claim.get("namespace"))?;
    let account = claim
        .get("serviceaccount")
        .and_then(|account| account.get("name"));
    let account = name("serviceaccount.name", account)?;
    Ok(San::Uri(format!(
        "https://kubernetes.io/namespaces/{namespace}/serviceaccounts/{account}"
    )))
}

/// A name as Kubernetes gives them (RFC 1123), which cannot be taken for more of the path.
fn name<'a>(path: &str, value: Option<&'a serde_json::Value>) -> Result<&'a str, Disbelief> {
    let path = format!("{CLAIM}.{path}");
    let name = text_of(&path, value)?;
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fine = name.len() <= 253
        && name.chars().all(|c| is_end(c) || c == '-' || c == '.')
        && name.starts_with(is_end)
        && name.ends_with(is_end);
    match fine {
        true => Ok(name),
        false => Err(Disbelief::claim(&path, "a name of Kubernetes")),
    }
}
