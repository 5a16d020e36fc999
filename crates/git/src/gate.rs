//! A push, judged while it waits: each ref that it would move, and every commit and tag that comes with it.
//!
//! Nothing is let through that could not be judged. What is decided, and the attack that each rule stops, is written down
//! in `docs/design/git-policy.md`.

mod update;

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use signhere_pki::time::Time;
use signhere_verify::policy::GitRule;

use crate::notes::NOTES_REF;
use crate::object::{Object, ObjectError, ObjectId, ObjectKind};
use crate::policy::{
    DefaultBranch, Evidence, History, InForce, Judge, JudgeError, Judgement, Limits, Policy,
    PolicyError, PolicySource,
};
use crate::repository::{Repository, RepositoryError};

pub use update::{MAX_UPDATES, Update, UpdateError};

/// The longest chain of tags of tags.
const MAX_TAGS: usize = 8;
/// So many times what is judged of one ref is judged of a whole push.
const REFS_AT_MOST: usize = 10;
const BRANCHES: &str = "refs/heads";
const TAGS: &str = "refs/tags/";
const REPLACEMENTS: &str = "refs/replace/";

/// Judges pushes to a repository.
pub struct Gate<'a> {
    repository: &'a Repository,
    evidence: &'a dyn Evidence,
    /// A trust file that was named, which holds for everything.
    named: Option<Arc<Policy>>,
    /// Whether the refs are in this repository, so that it knows where they are.
    is_here: bool,
    default: Option<DefaultBranch>,
    /// The policy there.
    default_policy: Option<Arc<Policy>>,
    /// Where branches are.
    branches: OnceCell<Vec<ObjectId>>,
    /// How many commits and tags were judged.
    judged: Cell<usize>,
    now: Time,
    limits: Limits<'a>,
}

/// Where the refs are that are to be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'r> {
    /// In this repository.
    Here,
    /// In another one, whose branches were fetched as those of this remote. Unknown places of its refs count as its default
    /// branch.
    Remote(&'r str),
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
    /// The ref is not where whoever pushes says.
    #[error("it is not at {} any more", at(stated.as_ref()))]
    Moved {
        /// Where it is said to be.
        stated: Option<ObjectId>,
    },
    /// The ref is another name of one that other rules may be for.
    #[error("it is another name of {target}")]
    Symbolic {
        /// The ref that would be moved.
        target: String,
    },
    /// What is there stands in for other objects, and no rule says who may.
    #[error("it replaces objects by others, and no rule is for it")]
    Replacement,
    /// The ref would be at a trust file that nobody on the way there may bring back.
    #[error("its trust file is not the one that is in force, and would judge what comes next")]
    OtherPolicy,
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

fn at(stated: Option<&ObjectId>) -> String {
    stated.map_or_else(|| "nothing".to_owned(), ToString::to_string)
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
    /// A gate for the refs at `place`, as this repository knows them. `named` is a trust file that holds instead of those
    /// in the repository.
    ///
    /// # Errors
    /// [`RefRefusal::Policy`] when the default branch's trust file cannot be used, and [`RefRefusal::Undecided`] when the
    /// repository cannot be read: then everything is to be refused.
    pub fn new(
        repository: &'a Repository,
        place: Place<'_>,
        evidence: &'a dyn Evidence,
        named: Option<Arc<Policy>>,
        now: Time,
        limits: Limits<'a>,
    ) -> Result<Self, RefRefusal> {
        let default = match place {
            Place::Here => DefaultBranch::of_server(repository)?,
            Place::Remote(remote) => DefaultBranch::of_remote(repository, remote)?,
        };
        let default_policy = match (&named, &default) {
            (None, Some(branch)) => branch.in_force(repository)?.policy().cloned(),
            _ => None,
        };
        Ok(Self {
            repository,
            evidence,
            named,
            is_here: place == Place::Here,
            default,
            default_policy,
            branches: OnceCell::new(),
            judged: Cell::new(0),
            now,
            limits,
        })
    }

    /// Whether it is known which branch new refs begin at.
    pub fn has_default(&self) -> bool {
        self.default.is_some()
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
        if (self.limits.is_over)() {
            return Err(JudgeError::TooLong { done: 0, all: 1 }.into());
        }
        let reference = update.reference.as_str();
        if self.is_here {
            self.is_there(update)?;
        }
        let base = self.base(update.old.as_ref())?;
        let policies: Vec<&Policy> = [base.as_ref(), self.revoking()]
            .into_iter()
            .filter_map(|policy| Some(&**policy?))
            .collect();
        // The rules at the base and those of the default branch.
        let rules = || {
            let policies = policies.iter();
            policies.flat_map(|policy| policy.rules_for(reference))
        };
        let refusing = |allows: fn(&GitRule) -> bool| -> Vec<String> {
            let rules = rules().filter(|rule| !allows(rule));
            let mut names: Vec<String> = rules.map(|rule| rule.name.clone()).collect();
            names.sort();
            names.dedup();
            names
        };
        let has_rule = rules().next().is_some();
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
            let default = self.default.as_ref().map(|branch| branch.name.as_str());
            return match default == Some(reference) && self.named.is_none() {
                true => Err(RefRefusal::DefaultBranch),
                false => Ok(()),
            };
        };
        if reference.starts_with(REPLACEMENTS) && !has_rule {
            return Err(RefRefusal::Replacement);
        }
        let policy = InForce::Policy(policy);
        if let Some(name) = reference.strip_prefix(TAGS) {
            if update.old.is_some() {
                let rules = refusing(|rule| rule.may_rewrite);
                if !rules.is_empty() || !has_rule {
                    return Err(RefRefusal::TagMoved { rules });
                }
            }
            let lightweight = || refusing(|rule| rule.may_be_lightweight);
            return self.judge_tag(reference, name, &new, &policy, decision, &lightweight);
        }
        let object = self.object(&new)?;
        if object.kind() != ObjectKind::Commit {
            let found = object.kind();
            return Err(RefRefusal::NoCommit { found });
        }
        let (bases, follows) = match update.old {
            Some(old) if self.is_commit(&old)? => {
                let follows = self.repository.is_ancestor(&old, &new)?;
                if !follows {
                    let rules = refusing(|rule| rule.may_rewrite);
                    if !rules.is_empty() {
                        decision.refusals.push(RefRefusal::Rewrite { rules });
                    }
                }
                (vec![old], follows)
            }
            _ => (
                self.default.iter().map(|branch| branch.tip).collect(),
                false,
            ),
        };
        let at_tip = self.judge_commits(Some(reference), &policy, &bases, new, decision)?;
        match has_rule && !follows && !self.carries(&object, &at_tip)? {
            true => Err(RefRefusal::OtherPolicy),
            false => Ok(()),
        }
    }

    /// Holds what is said of a ref against the repository: whoever pushes says where it was, and git leaves it at that where
    /// the ref is to be deleted.
    fn is_there(&self, update: &Update) -> Result<(), RefRefusal> {
        let reference = update.reference.as_str();
        if let Some(target) = self.repository.symbolic(reference)? {
            return Err(RefRefusal::Symbolic { target });
        }
        match self.repository.reference(reference)? == update.old {
            true => Ok(()),
            false => Err(RefRefusal::Moved { stated: update.old }),
        }
    }

    /// Whether a tip has the trust file that is in force there, or none.
    fn carries(&self, tip: &Object, in_force: &InForce) -> Result<bool, RefRefusal> {
        match (in_force, tip.tree()) {
            (InForce::Policy(policy), Some(tree)) if self.named.is_none() => Ok(policy
                .is_in(self.repository, tree)?
                || InForce::at(self.repository, tip)?.policy().is_none()),
            _ => Ok(true),
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
        self.judge_commits(reference, &InForce::Policy(policy), &[base], head, decision)?;
        Ok(())
    }

    /// The policy that is in force after all of them.
    fn judge_commits(
        &self,
        reference: Option<&str>,
        base: &InForce,
        bases: &[ObjectId],
        tip: ObjectId,
        decision: &mut Decision,
    ) -> Result<InForce, RefRefusal> {
        let judge = self.judge_of(reference, base);
        let judgements = &mut decision.judgements;
        let at_tip = judge.range(&tip, bases, &mut |judgement| judgements.push(judgement))?;
        let all = self.judged.get().saturating_add(judgements.len());
        self.judged.set(all);
        let limit = self.limits.commits.saturating_mul(REFS_AT_MOST);
        if all > limit {
            judgements.clear();
            return Err(JudgeError::TooMany { limit }.into());
        }
        if self.named.is_some() || reference.is_none() {
            return Ok(at_tip);
        }
        match InForce::at(self.repository, &self.object(&tip)?) {
            Ok(_) => Ok(at_tip),
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
        self.judge_commits(None, base, self.branches()?, object.id(), decision)?;
        Ok(())
    }

    fn branches(&self) -> Result<&[ObjectId], RefRefusal> {
        if let Some(known) = self.branches.get() {
            return Ok(known);
        }
        let found = self.repository.references(&[BRANCHES])?.into_iter();
        Ok(self
            .branches
            .get_or_init(|| found.map(|one| one.id).collect()))
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
        if self.named.is_some() {
            return Ok(self.named.clone());
        }
        if let Some(old) = old
            && self.is_commit(old)?
            && let InForce::Policy(policy) = InForce::at(self.repository, &self.object(old)?)?
        {
            return Ok(Some(policy));
        }
        Ok(self.revoking().cloned())
    }

    /// The policy whose revocations count on every ref.
    fn revoking(&self) -> Option<&Arc<Policy>> {
        self.default_policy.as_ref()
    }

    fn is_commit(&self, id: &ObjectId) -> Result<bool, RefRefusal> {
        Ok(self.repository.object(id)?.kind == ObjectKind::Commit)
    }

    fn object(&self, id: &ObjectId) -> Result<Object, RefRefusal> {
        let read = History::object(self.repository, id)?;
        read.map_err(|error| RefRefusal::Unreadable { id: *id, error })
    }
}
