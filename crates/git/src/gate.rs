//! A push, judged while it waits: each ref that it would move, and every commit and tag that comes with it.
//!
//! Nothing is let through that could not be judged. What is decided, and the attack that each rule stops, is written down
//! in `docs/design/git-policy.md`.

mod update;

use std::sync::Arc;

use signhere_pki::time::Time;

use crate::notes::NOTES_REF;
use crate::object::{Object, ObjectError, ObjectId, ObjectKind};
use crate::policy::{
    Evidence, History, InForce, Judge, JudgeError, Judgement, Limits, Policy, PolicyError,
    PolicySource,
};
use crate::repository::{Repository, RepositoryError};

pub use update::{MAX_UPDATES, Update, UpdateError};

/// The longest chain of tags of tags.
const MAX_TAGS: usize = 8;
const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";

/// Judges pushes to a repository.
pub struct Gate<'a> {
    repository: &'a Repository,
    evidence: &'a dyn Evidence,
    /// A trust file that was named, which holds for everything.
    named: Option<InForce>,
    /// The default branch: its name and its tip.
    default: Option<(String, ObjectId)>,
    /// The policy there.
    default_policy: Option<InForce>,
    now: Time,
    limits: Limits<'a>,
}

/// What was decided of a ref.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The ref and where it would be moved.
    pub update: Update,
    /// The policy that it begins with; `None` where there was none, or nothing to judge.
    pub policy: Option<PolicySource>,
    /// What is wrong with moving it.
    pub refusals: Vec<RefRefusal>,
    /// What was decided of each commit and tag, parents first.
    pub judgements: Vec<Judgement>,
}

/// Why a ref must not be moved so.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RefRefusal {
    /// There is no trust file that says who may.
    #[error("no trust file says who may commit")]
    NoPolicy,
    /// The trust file at the base cannot be used.
    #[error("the trust file cannot be used: {0}")]
    Policy(PolicyError),
    /// Nothing could be decided.
    #[error("it could not be judged: {0}")]
    Undecided(JudgeError),
    /// The ref would be moved to what does not follow from where it is.
    #[error("it does not follow from what is there{}", by(rules))]
    Rewrite {
        /// The rules that do not allow it.
        rules: Vec<String>,
    },
    /// A tag would be moved.
    #[error("a tag is not moved{}", by(rules))]
    TagMoved {
        /// The rules that do not allow it.
        rules: Vec<String>,
    },
    /// The ref would be deleted.
    #[error("it is not deleted{}", by(rules))]
    Delete {
        /// The rules that do not allow it.
        rules: Vec<String>,
    },
    /// The default branch would be deleted, whose trust file judges new refs.
    #[error("the default branch is not deleted: its trust file judges what is new")]
    DefaultBranch,
    /// The tag object is another tag's.
    #[error("the tag object is that of {found:?}")]
    TagName {
        /// The name that the ref asks for.
        expected: String,
        /// The name in the object.
        found: String,
    },
    /// A tag without an object of its own, which nobody can have signed.
    #[error("a tag here has a signed object of its own{}", by(rules))]
    Lightweight {
        /// The rules that do not allow it.
        rules: Vec<String>,
    },
    /// A branch of something else than a commit, or a chain of tags that is too long.
    #[error("it would be at a {found}")]
    NoCommit {
        /// What it would be at.
        found: ObjectKind,
    },
    /// It cannot be read.
    #[error("the object {id} cannot be read: {error}")]
    Unreadable {
        /// The object.
        id: ObjectId,
        /// Why.
        error: ObjectError,
    },
    /// With the new tip the trust file could not be used: nothing could be pushed any more.
    #[error("its trust file cannot be used: {0}")]
    TipPolicy(PolicyError),
}

fn by(rules: &[String]) -> String {
    match rules {
        [] => String::new(),
        rules => format!(" (rule {})", rules.join(", ")),
    }
}

impl From<JudgeError> for RefRefusal {
    fn from(error: JudgeError) -> Self {
        Self::Undecided(error)
    }
}

impl From<RepositoryError> for RefRefusal {
    fn from(error: RepositoryError) -> Self {
        Self::Undecided(error.into())
    }
}

impl From<PolicyError> for RefRefusal {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Repository(error) => error.into(),
            error => Self::Policy(error),
        }
    }
}

impl Decision {
    /// Whether the ref may be moved.
    pub fn is_allowed(&self) -> bool {
        self.refusals.is_empty() && self.judgements.iter().all(Judgement::is_allowed)
    }

    fn new(update: &Update) -> Self {
        Self {
            update: update.clone(),
            policy: None,
            refusals: Vec::new(),
            judgements: Vec::new(),
        }
    }
}

impl<'a> Gate<'a> {
    /// A gate of this repository. `named` is a trust file that holds instead of those in the repository.
    ///
    /// # Errors
    /// [`RefRefusal::Policy`] when the default branch's trust file cannot be used, and [`RefRefusal::Undecided`] when the
    /// repository cannot be read: then everything is to be refused.
    pub fn new(
        repository: &'a Repository,
        evidence: &'a dyn Evidence,
        named: Option<Arc<Policy>>,
        now: Time,
        limits: Limits<'a>,
    ) -> Result<Self, RefRefusal> {
        let mut default = None;
        if let Some(name) = repository.current_branch()? {
            match repository.resolve(&name) {
                Ok(tip) => default = Some((name, tip)),
                // Not born yet.
                Err(RepositoryError::UnknownRevision { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let named = named.map(InForce::Policy);
        let mut this = Self {
            repository,
            evidence,
            named,
            default,
            default_policy: None,
            now,
            limits,
        };
        if let (None, Some((_, tip))) = (&this.named, &this.default) {
            this.default_policy = Some(InForce::at(repository, &this.commit(tip)?)?);
        }
        Ok(this)
    }

    /// The same gate as a remote repository would have it, as far as its default branch is known here; `None` where it is
    /// not. Unknown places of the remote's refs count as that branch.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn as_of_remote(&self, remote: &str) -> Result<Option<Self>, RefRefusal> {
        let mut default = None;
        for name in ["HEAD", "main", "master"] {
            let tracked = format!("refs/remotes/{remote}/{name}");
            match self.repository.resolve(&tracked) {
                Ok(tip) => {
                    default = Some((tracked, tip));
                    break;
                }
                Err(RepositoryError::UnknownRevision { .. } | RepositoryError::Revision { .. }) => {
                }
                Err(error) => return Err(error.into()),
            }
        }
        let Some((name, tip)) = default else {
            return Ok(None);
        };
        let default_policy = match &self.named {
            Some(_) => None,
            None => Some(InForce::at(self.repository, &self.commit(&tip)?)?),
        };
        Ok(Some(Self {
            repository: self.repository,
            evidence: self.evidence,
            named: self.named.clone(),
            default: Some((name, tip)),
            default_policy,
            now: self.now,
            limits: self.limits,
        }))
    }

    /// Judges one ref of a push.
    pub fn decide(&self, update: &Update) -> Decision {
        let mut decision = Decision::new(update);
        if let Err(refusal) = self.judge(update, &mut decision) {
            decision.refusals.push(refusal);
        }
        decision
    }

    /// Judges what `head` has and `base` has not, as a pull request to `reference` whose tip is `base`.
    pub fn propose(&self, reference: &str, base: &ObjectId, head: &ObjectId) -> Decision {
        let update = Update {
            reference: reference.to_owned(),
            old: Some(*base),
            new: Some(*head),
        };
        let mut decision = Decision::new(&update);
        if let Err(refusal) = self.judge_range(&update, *base, *head, &mut decision) {
            decision.refusals.push(refusal);
        }
        decision
    }

    fn judge(&self, update: &Update, decision: &mut Decision) -> Result<(), RefRefusal> {
        let reference = update.reference.as_str();
        let base = self.base(update.old.as_ref())?;
        let policies: Vec<&Policy> = [base.as_ref(), self.revoking()]
            .into_iter()
            .filter_map(|policy| Some(&**policy?))
            .collect();
        // The rules at the base and those of the default branch.
        let refusing = |allows: fn(&signhere_verify::policy::GitRule) -> bool| -> Vec<String> {
            let rules = policies
                .iter()
                .flat_map(|policy| policy.rules_for(reference));
            let mut names: Vec<String> = rules
                .filter(|rule| !allows(rule))
                .map(|rule| rule.name.clone())
                .collect();
            names.sort();
            names.dedup();
            names
        };
        let has_rule = policies
            .iter()
            .any(|policy| policy.rules_for(reference).next().is_some());
        // Whatever is in a note proves itself, or is of no use.
        if reference == NOTES_REF && !has_rule {
            return Ok(());
        }
        let policy = base.clone().ok_or(RefRefusal::NoPolicy)?;
        decision.policy = Some(policy.source().clone());

        let Some(new) = update.new else {
            let rules = refusing(|rule| rule.may_delete);
            if !rules.is_empty() {
                return Err(RefRefusal::Delete { rules });
            }
            let is_default = self
                .default
                .as_ref()
                .is_some_and(|(name, _)| name == reference);
            return match is_default && self.named.is_none() {
                true => Err(RefRefusal::DefaultBranch),
                false => Ok(()),
            };
        };
        if let Some(name) = reference.strip_prefix(TAGS) {
            if update.old.is_some() {
                let rules = refusing(|rule| rule.may_rewrite);
                if !rules.is_empty() || !has_rule {
                    return Err(RefRefusal::TagMoved { rules });
                }
            }
            return self.judge_tag(
                reference,
                name,
                &new,
                &InForce::Policy(policy),
                decision,
                &|| refusing(|rule| rule.may_be_lightweight),
            );
        }
        let object = self.object(&new)?;
        if object.kind() != ObjectKind::Commit {
            let found = object.kind();
            return Err(RefRefusal::NoCommit { found });
        }
        match update.old {
            Some(old) if self.is_commit(&old)? => {
                if !self.repository.is_ancestor(&old, &new)? {
                    let rules = refusing(|rule| rule.may_rewrite);
                    if !rules.is_empty() {
                        decision.refusals.push(RefRefusal::Rewrite { rules });
                    }
                }
                self.judge_range(update, old, new, decision)
            }
            _ => {
                let bases: Vec<ObjectId> = self.default.iter().map(|(_, tip)| *tip).collect();
                self.judge_commits(
                    Some(reference),
                    &InForce::Policy(policy),
                    &bases,
                    new,
                    decision,
                )
            }
        }
    }

    fn judge_range(
        &self,
        update: &Update,
        base: ObjectId,
        head: ObjectId,
        decision: &mut Decision,
    ) -> Result<(), RefRefusal> {
        let policy = self.base(Some(&base))?.ok_or(RefRefusal::NoPolicy)?;
        decision.policy = Some(policy.source().clone());
        let reference = Some(update.reference.as_str());
        self.judge_commits(reference, &InForce::Policy(policy), &[base], head, decision)
    }

    fn judge_commits(
        &self,
        reference: Option<&str>,
        base: &InForce,
        bases: &[ObjectId],
        tip: ObjectId,
        decision: &mut Decision,
    ) -> Result<(), RefRefusal> {
        let judge = self.judge_of(reference, base);
        let judgements = &mut decision.judgements;
        judge.range(&tip, bases, &mut |judgement| judgements.push(judgement))?;
        if self.named.is_some() || reference.is_none() {
            return Ok(());
        }
        match InForce::at(self.repository, &self.commit(&tip)?) {
            Ok(_) => Ok(()),
            Err(PolicyError::Repository(error)) => Err(error.into()),
            Err(error) => Err(RefRefusal::TipPolicy(error)),
        }
    }

    /// Judges a tag by the rules of its ref, and the commits below it that no branch has as on a ref without rules.
    fn judge_tag(
        &self,
        reference: &str,
        name: &str,
        new: &ObjectId,
        base: &InForce,
        decision: &mut Decision,
        lightweight: &dyn Fn() -> Vec<String>,
    ) -> Result<(), RefRefusal> {
        let mut object = self.object(new)?;
        match object.tag_name() {
            Some(found) if found != name => {
                return Err(RefRefusal::TagName {
                    expected: name.to_owned(),
                    found: found.to_owned(),
                });
            }
            Some(_) => {}
            None => {
                let rules = lightweight();
                if !rules.is_empty() {
                    return Err(RefRefusal::Lightweight { rules });
                }
            }
        }
        let judge = self.judge_of(Some(reference), base);
        for _ in 0..MAX_TAGS {
            let Some((kind, target)) = object.target() else {
                break;
            };
            let (kind, target) = (kind, *target);
            decision.judgements.push(judge.tag(&object)?);
            match kind {
                ObjectKind::Commit | ObjectKind::Tag => object = self.object(&target)?,
                // Of a tree or a file there is no more to say.
                ObjectKind::Tree | ObjectKind::Blob => return Ok(()),
            }
        }
        if object.kind() != ObjectKind::Commit {
            let found = object.kind();
            return Err(RefRefusal::NoCommit { found });
        }
        let branches = self
            .repository
            .references(&[BRANCHES.trim_end_matches('/')])?;
        let bases: Vec<ObjectId> = branches.into_iter().map(|branch| branch.id).collect();
        self.judge_commits(None, base, &bases, object.id(), decision)
    }

    fn judge_of<'j>(&'j self, reference: Option<&'j str>, base: &'j InForce) -> Judge<'j> {
        Judge {
            history: self.repository,
            evidence: self.evidence,
            reference,
            base,
            revoking: self.revoking().map(|policy| &**policy),
            now: self.now,
            limits: self.limits,
        }
    }

    /// The policy at the ref's old tip, or else at the default branch's.
    fn base(&self, old: Option<&ObjectId>) -> Result<Option<Arc<Policy>>, RefRefusal> {
        if let Some(named) = &self.named {
            return Ok(named.policy().cloned());
        }
        if let Some(old) = old
            && self.is_commit(old)?
            && let InForce::Policy(policy) = InForce::at(self.repository, &self.commit(old)?)?
        {
            return Ok(Some(policy));
        }
        Ok(self.revoking().cloned())
    }

    /// The policy whose revocations count on every ref.
    fn revoking(&self) -> Option<&Arc<Policy>> {
        self.default_policy.as_ref().and_then(InForce::policy)
    }

    fn is_commit(&self, id: &ObjectId) -> Result<bool, RefRefusal> {
        Ok(self.repository.object(id)?.kind == ObjectKind::Commit)
    }

    fn commit(&self, id: &ObjectId) -> Result<Object, RefRefusal> {
        self.object(id)
    }

    fn object(&self, id: &ObjectId) -> Result<Object, RefRefusal> {
        let read = History::object(self.repository, id)?;
        read.map_err(|error| RefRefusal::Unreadable { id: *id, error })
    }
}
