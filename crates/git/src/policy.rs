//! Who may commit where: commits and tags, judged by the `[git]` part of trust files as of the parent.
//!
//! Signatures are proven elsewhere ([`Evidence`]), history is read elsewhere ([`History`]). What is decided here, and the
//! attack that each rule stops, is written down in `docs/design/git-policy.md`.

mod ahead;
mod default_branch;
mod evidence;
mod force;
mod history;
mod judge;
mod kept;
mod merge;
mod report;
mod standing;
#[cfg(test)]
mod tests;

use crate::object::Object;
use crate::proof::Proven;
use crate::repository::RepositoryError;
use crate::verdict::{GitFailure, Missing};

pub use default_branch::{DefaultBranch, revoking};
pub use evidence::Proofs;
pub use force::{InForce, Policy, PolicyError, PolicySource, TRUST_FILE};
pub use history::History;
pub use judge::{Judge, JudgeError, Limits};
pub use report::{Finding, Judgement, MergeFault, Outcome, Refusal, Stand, StandsBy};

/// What is proven of signatures, before anybody is asked who may sign.
pub trait Evidence: Sync {
    /// What is proven of the signature by a certificate that an object carries, at most its own.
    fn signed(&self, object: &Object) -> Signed;

    /// The approvals of a commit or tag: statements about it alone that were proven. What is not proven is left out.
    ///
    /// # Errors
    /// When the repository cannot be read.
    fn approvals(&self, object: &Object) -> Result<Vec<Approval>, RepositoryError>;

    /// What a commit was made of, as somebody attests whom `believes` is true of: statements about it that were proven,
    /// each with the signed commits that it names and that were proven again.
    ///
    /// # Errors
    /// When the repository cannot be read.
    fn carried(
        &self,
        commit: &Object,
        believes: &dyn Fn(&Proven) -> bool,
    ) -> Result<Vec<Carried>, RepositoryError>;
}

/// What is proven of an object's signature by a certificate.
#[derive(Clone, Debug, PartialEq)]
pub enum Signed {
    /// Everything but whether the signer may sign.
    Proven(Box<Proven>),
    /// The signature is good, and this was never brought along.
    Unproven(Vec<Missing>),
    /// Something is wrong.
    Refused(Box<GitFailure>),
}

/// An approval that was proven.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// Who approved.
    pub by: Proven,
}

/// An attestation of what a commit was made of, proven.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried {
    /// Who attests it.
    pub by: Proven,
    /// The signed commits that it names, as they were proven again.
    pub sources: Vec<Signed>,
}
