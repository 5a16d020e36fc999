//! From a signature that was proven to the entry that would list its signer. Nothing is added here.

use signhere_pki::key::PublicKey;

use super::file::{Signer, Who, is_instance_name};
use super::identity::{Identity, IdentityError, Part};
use super::issuer::{Issuer, IssuerError};
use super::judge::extension;
use crate::error::Reason;
use crate::verdict::{IdentityEvidence, Step, StepName, Verdict};

/// Fulcio's extension "Source Repository URI".
const REPOSITORY: u32 = 12;

/// Why a signer is not proposed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unlistable {
    /// The signature was not proven.
    #[error("what is not proven proposes nobody")]
    Unproven,
    /// A trust file cannot have such an identity.
    #[error("its identity is none that a trust file can have: {0}")]
    Identity(IdentityError),
    /// A trust file cannot have such an issuer.
    #[error("its issuer is none that a trust file can have: {0}")]
    Issuer(IssuerError),
    /// Whoever opens a pull request has such an identity.
    #[error("it was made for a pull request, which anybody can open")]
    PullRequest,
    /// The instance has no name that an entry could be limited to.
    #[error("it was signed on an instance that has no name here")]
    Instance,
}

/// Returns the signer of a bundle as a trust file would list it, called after who it is.
///
/// The verdict has to be one in which all but the policy held. The name of a tag becomes `*`, as the next
/// release has another one; everything else is exact. `key` is the one that the bundle was proven with where
/// it has no certificate. `instance` is the one that the bundle belongs to, where that is known.
///
/// # Errors
/// [`Unlistable`] for what is not proven or cannot be listed safely.
pub fn propose(
    verdict: &Verdict,
    key: Option<&PublicKey>,
    instance: Option<&str>,
) -> Result<Signer, Unlistable> {
    if !is_proven(verdict) {
        return Err(Unlistable::Unproven);
    }
    let mut signer = match (verdict.step(StepName::Identity), key) {
        (Some(Step::Identity(found)), _) => return by_identity(found, instance),
        (_, Some(key)) => {
            let id = hex::encode(key.key_id());
            let start: String = id.chars().take(8).collect();
            Signer::new(format!("key-{start}"), Who::Key(key.clone()))
        }
        _ => return Err(Unlistable::Unproven),
    };
    set_instance(&mut signer, instance)?;
    Ok(signer)
}

/// The public instances need no word of it; an entry for another one that cannot be named would count on those.
fn set_instance(signer: &mut Signer, instance: Option<&str>) -> Result<(), Unlistable> {
    match instance {
        Some(name) if !signer.is_on(name) && !is_instance_name(name) => Err(Unlistable::Instance),
        Some(name) if !signer.is_on(name) => {
            signer.instances = Some(vec![name.to_owned()]);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether everything held but for the policy.
fn is_proven(verdict: &Verdict) -> bool {
    let is_policy = |reason: &Reason| {
        matches!(
            reason,
            Reason::SignerUnchecked
                | Reason::SignerUnlisted { .. }
                | Reason::IdentityMismatch
                | Reason::IssuerMismatch
                | Reason::SignerNotAllowed { .. }
        )
    };
    verdict
        .failure
        .as_ref()
        .is_none_or(|failure| failure.step == StepName::Policy && is_policy(&failure.reason))
}

/// Returns the entry of a proven identity.
pub(super) fn by_identity(
    found: &IdentityEvidence,
    instance: Option<&str>,
) -> Result<Signer, Unlistable> {
    let text = found.identity.as_str();
    // First as it stands: what `*` may be put into has to be plain.
    let exact = Identity::parse(text).map_err(Unlistable::Identity)?;
    if !exact.is_exact() || exact.kind().as_str() != found.kind {
        return Err(Unlistable::Unproven);
    }
    let identity = match text.split_once("@refs/") {
        Some((workflow, name)) if name.starts_with("tags/") => {
            let any = Identity::parse(&format!("{workflow}@refs/tags/*"));
            any.ok()
                .filter(|any| any.matches(text, found.kind))
                .unwrap_or(exact)
        }
        Some((_, name)) if !name.starts_with("heads/") => return Err(Unlistable::PullRequest),
        _ => exact,
    };
    let issuer = Issuer::parse(&found.issuer).map_err(Unlistable::Issuer)?;
    // A workflow that others call signs for whoever calls it.
    let repository = extension(found, REPOSITORY)
        .filter(|repository| text.contains("@refs/") && !is_inside(text, repository))
        .filter(|repository| Identity::parse(repository).is_ok_and(|id| id.is_exact()))
        .map(ToOwned::to_owned);
    let mut signer = Signer::new(
        name_of(text),
        Who::Identity {
            identity,
            issuer,
            repository,
            repository_id: None,
        },
    );
    set_instance(&mut signer, instance)?;
    Ok(signer)
}

fn is_inside(identity: &str, repository: &str) -> bool {
    identity
        .strip_prefix(repository)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// A name for somebody in a trust file: what people would call it, in the characters that a name has.
pub fn name_of(identity: &str) -> String {
    let parts = Part::of(identity);
    let text = |name: &str| {
        let part = parts.iter().find(|part| part.name == name)?;
        identity.get(part.span.clone())
    };
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    let name = match (
        text("repository").or_else(|| text("project")),
        text("workflow"),
    ) {
        (Some(repository), Some(workflow)) => {
            let workflow = last(workflow);
            let stem = workflow.split('.').next().unwrap_or_default();
            format!("{}-{stem}", last(repository))
        }
        (Some(repository), None) => last(repository),
        (None, _) => text("name")
            .or_else(|| text("path"))
            .map(last)
            .filter(|name| !name.is_empty())
            .or_else(|| text("host").map(ToOwned::to_owned))
            .unwrap_or_default(),
    };
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
        _ => '-',
    };
    let name: String = name.chars().map(plain).take(48).collect();
    let name = name.trim_matches('-');
    match name.is_empty() {
        true => "signer".to_owned(),
        false => name.to_owned(),
    }
}
