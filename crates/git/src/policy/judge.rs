//! Commits and tags, judged one after the other, parents first.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use signhere_pki::time::Time;
use signhere_verify::policy::GitRule;

use super::Evidence;
use super::ahead::{AT_ONCE, Ahead};
use super::force::{InForce, Policy, PolicyError, PolicySource};
use super::history::History;
use super::merge::{Paths, own_changes, tree_of};
use super::report::{Finding, Judgement, MergeFault, Outcome, Refusal, Stand, StandsBy, standing};
use super::standing::{Asked, Signer, platform};
use crate::object::{Object, ObjectId, ObjectKind};
use crate::repository::RepositoryError;

/// The longest first line of a message that is kept, in characters.
const MAX_SUBJECT: usize = 120;

/// How much is judged at most.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// How many commits.
    pub commits: usize,
    /// Says when it has taken too long.
    pub is_over: &'a dyn Fn() -> bool,
}

/// Judges what comes to a ref.
pub struct Judge<'a> {
    /// The repository.
    pub history: &'a dyn History,
    /// What is proven of signatures.
    pub evidence: &'a dyn Evidence,
    /// The ref whose rules apply; `None`: no rule does, and every listed signer will do.
    pub reference: Option<&'a str>,
    /// The policy at the base.
    pub base: &'a InForce,
    /// Another policy whose revocations count as well: the default branch's.
    pub revoking: Option<&'a Policy>,
    /// The time, for signatures that prove none.
    pub now: Time,
    /// How much is judged.
    pub limits: Limits<'a>,
}

/// Why nothing could be decided. Then nothing is let through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JudgeError {
    /// The repository cannot be read.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The policy at the base cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// There are too many commits.
    #[error("there are more than {limit} commits to judge")]
    TooMany {
        /// The most that are judged.
        limit: usize,
    },
    /// It took too long.
    #[error("judging took too long: {done} of {all} commits were judged")]
    TooLong {
        /// How many were judged.
        done: usize,
        /// How many there are.
        all: usize,
    },
}

/// What is known of commits that were judged already.
#[derive(Default)]
struct Judged {
    /// What the range begins after.
    bases: Vec<ObjectId>,
    /// The policy for the commits after each.
    after: HashMap<ObjectId, InForce>,
    /// Who stands for each.
    stands: HashMap<ObjectId, Vec<Stand>>,
    /// What each policy does not judge, by the commit that it names.
    old: HashMap<String, Arc<HashSet<ObjectId>>>,
}

impl Judge<'_> {
    /// Judges the commits that can be reached from `tip` and not from `bases`, parents first, and hands each judgement to
    /// `each`. Returns the policy that is in force after `tip`.
    ///
    /// # Errors
    /// [`JudgeError`] where nothing can be decided: all of it must be refused then.
    pub fn range(
        &self,
        tip: &ObjectId,
        bases: &[ObjectId],
        each: &mut dyn FnMut(Judgement),
    ) -> Result<InForce, JudgeError> {
        let mut commits = self.history.history(&[*tip], bases)?;
        if commits.len() > self.limits.commits {
            let limit = self.limits.commits;
            return Err(JudgeError::TooMany { limit });
        }
        commits.reverse();
        let mut judged = Judged {
            bases: bases.to_vec(),
            ..Judged::default()
        };
        let ahead = Ahead::new(self.evidence);
        let judge = Judge {
            evidence: &ahead,
            ..*self
        };
        for (done, id) in commits.iter().enumerate() {
            if (self.limits.is_over)() {
                let all = commits.len();
                return Err(JudgeError::TooLong { done, all });
            }
            if done.is_multiple_of(AT_ONCE) {
                let next = commits.iter().skip(done).take(AT_ONCE);
                ahead.look(self.history, &self.judged_of(next, &commits, &mut judged)?);
            }
            each(judge.commit(id, &commits, &mut judged)?);
        }
        let at_tip = judged.after.remove(tip);
        Ok(at_tip.unwrap_or_else(|| self.base.clone()))
    }

    /// Which of some commits the policy at the base judges.
    fn judged_of<'c>(
        &self,
        commits: impl Iterator<Item = &'c ObjectId>,
        range: &[ObjectId],
        judged: &mut Judged,
    ) -> Result<Vec<ObjectId>, JudgeError> {
        let Some(policy) = self.base.policy() else {
            return Ok(Vec::new());
        };
        let old = self.old(policy, range, judged)?;
        Ok(commits.filter(|id| !old.contains(id)).copied().collect())
    }

    /// Judges a tag by the rules of its ref that are not about paths.
    ///
    /// # Errors
    /// As [`Self::range`].
    pub fn tag(&self, tag: &Object) -> Result<Judgement, JudgeError> {
        let mut judgement = judgement(tag, self.base);
        let Some(policy) = self.base.policy() else {
            judgement.outcome = Outcome::Refused(vec![Refusal::NoPolicy]);
            return Ok(judgement);
        };
        self.decide(tag, policy, &Judged::default(), &mut judgement)?;
        Ok(judgement)
    }

    fn commit(
        &self,
        id: &ObjectId,
        range: &[ObjectId],
        judged: &mut Judged,
    ) -> Result<Judgement, JudgeError> {
        let object = match self.history.object(id)? {
            Ok(object) if object.kind() == ObjectKind::Commit => object,
            Ok(_) => return Ok(unreadable(id, "it is no commit".to_owned())),
            Err(error) => return Ok(unreadable(id, error.to_string())),
        };
        let parent = object.parents().first();
        let in_force = parent.and_then(|parent| judged.after.get(parent));
        let in_force = in_force.unwrap_or(self.base).clone();
        let mut judgement = judgement(&object, &in_force);
        let Some(policy) = in_force.policy() else {
            judgement.outcome = Outcome::Refused(vec![Refusal::NoPolicy]);
            judged.after.insert(*id, in_force);
            return Ok(judgement);
        };
        // Neither what is older than the cut-over nor its policy counts.
        if self.old(policy, range, judged)?.contains(id) {
            judgement.outcome = Outcome::BeforeCutOver;
            return Ok(judgement);
        }
        let name = id.to_string();
        let git = policy.git();
        if git.is_some_and(|git| git.grandfathered.contains(&name)) {
            judgement.outcome = Outcome::Grandfathered;
        } else {
            self.decide(&object, policy, judged, &mut judgement)?;
        }
        let after = match self.after(&object, policy)? {
            // What must not be there changes nothing.
            Ok(_) if !judgement.is_allowed() => in_force,
            Ok(after) => after,
            Err(error) => {
                let error = Box::new(error);
                refuse(&mut judgement, Refusal::BreaksPolicy { error });
                in_force
            }
        };
        judged.after.insert(*id, after);
        judged.stands.insert(*id, judgement.stands.clone());
        Ok(judgement)
    }

    /// The policy that the commits after this one are judged by. It changes with a commit alone whose first parent had
    /// exactly the one in force: what a side line brings from long ago never counts.
    fn after(
        &self,
        commit: &Object,
        policy: &Arc<Policy>,
    ) -> Result<Result<InForce, PolicyError>, JudgeError> {
        let same = || Ok(InForce::Policy(Arc::clone(policy)));
        let (Some(tree), Some(parent)) = (commit.tree(), commit.parents().first()) else {
            return Ok(same());
        };
        if matches!(policy.source(), PolicySource::Named { .. })
            || policy.is_in(self.history, tree)?
            || !policy.is_in(self.history, &tree_of(self.history, parent)?)?
        {
            return Ok(same());
        }
        match InForce::at(self.history, commit) {
            Err(PolicyError::Repository(error)) => Err(error.into()),
            decided => Ok(decided),
        }
    }

    /// The commits of the range that the policy does not judge: the one of its cut-over, and those before it.
    fn old(
        &self,
        policy: &Policy,
        range: &[ObjectId],
        judged: &mut Judged,
    ) -> Result<Arc<HashSet<ObjectId>>, JudgeError> {
        let Some(since) = policy.git().and_then(|git| git.since.as_deref()) else {
            return Ok(Arc::default());
        };
        if let Some(known) = judged.old.get(since) {
            return Ok(Arc::clone(known));
        }
        let in_range: HashSet<&ObjectId> = range.iter().collect();
        let old = match since.parse::<ObjectId>() {
            Ok(id) if self.history.has(&id)? => {
                let all = self.history.history(&[id], &judged.bases)?;
                all.into_iter().filter(|id| in_range.contains(id)).collect()
            }
            // A repository without that commit has no old history.
            _ => HashSet::new(),
        };
        let old = Arc::new(old);
        judged.old.insert(since.to_owned(), Arc::clone(&old));
        Ok(old)
    }

    /// Decides of a commit or tag that is judged.
    fn decide(
        &self,
        object: &Object,
        policy: &Policy,
        judged: &Judged,
        judgement: &mut Judgement,
    ) -> Result<(), JudgeError> {
        let rules: Vec<_> = self
            .reference
            .into_iter()
            .flat_map(|reference| policy.rules_for(reference))
            .collect();
        let asked = Asked {
            policy,
            revoking: self.revoking,
            evidence: self.evidence,
            rules: &rules,
            now: self.now,
        };
        let is_commit = object.kind() == ObjectKind::Commit;
        let mut changed = None;
        if is_commit && rules.iter().any(|rule| rule.paths.is_some()) {
            changed = Some(own_changes(self.history, object)?);
        }
        let first = self.stand_first(object, &asked, judged, &mut changed, judgement)?;
        match first {
            Some(nobody) => self.hold_to_rules(object, &asked, nobody, changed, judgement),
            None => Ok(()),
        }
    }

    /// Who stands for it by its signature, and by what it was made of. Returns what is to be said if nobody does, after
    /// approvals too; nothing where it is refused already.
    fn stand_first(
        &self,
        object: &Object,
        asked: &Asked<'_>,
        judged: &Judged,
        changed: &mut Option<Paths>,
        judgement: &mut Judgement,
    ) -> Result<Option<Refusal>, JudgeError> {
        let policy = asked.policy;
        let mut nobody = Refusal::Unsigned;
        match asked.signer(object) {
            Ok(Signer::Listed(stand)) => {
                let may = |name: &String| policy.signer(name).is_some_and(|s| asked.may_commit(s));
                if !stand.names.iter().any(may) {
                    let signer = stand.names.into_iter().next().unwrap_or_default();
                    refuse(judgement, Refusal::Limited { signer });
                    return Ok(None);
                }
                self.tie(object, policy, &stand, asked.rules, judgement);
                judgement.stands.push(stand);
            }
            Ok(Signer::Platform { name }) => {
                match self.merged(object, &name, asked, judged, changed)? {
                    Ok(stands) => judgement.stands.extend(stands),
                    Err(fault) => nobody = platform(&name, fault),
                }
            }
            Err(refusal @ (Refusal::Unsigned | Refusal::Foreign { .. })) => {
                nobody = refusal;
            }
            // A signature that does not hold, or of somebody who may not, is no better for what others say.
            Err(refusal) => {
                refuse(judgement, refusal);
                return Ok(None);
            }
        }
        let has_signer = !judgement.stands.is_empty() || matches!(nobody, Refusal::Platform { .. });
        if object.kind() == ObjectKind::Commit {
            judgement.stands.extend(asked.carried(object)?);
        }
        if !has_signer && judgement.stands.is_empty() {
            refuse(judgement, nobody);
            return Ok(None);
        }
        Ok(Some(nobody))
    }

    /// Holds who stands for it against the rules, and asks for approvals where they want more people.
    fn hold_to_rules(
        &self,
        object: &Object,
        asked: &Asked<'_>,
        nobody: Refusal,
        changed: Option<Paths>,
        judgement: &mut Judgement,
    ) -> Result<(), JudgeError> {
        let applies = |rule: &&&GitRule| match (&rule.paths, &changed) {
            (None, _) => true,
            (Some(_), Some(changed)) => rule.is_about(changed.iter().map(Vec::as_slice)),
            (Some(_), None) => false,
        };
        let rules: Vec<_> = asked.rules.iter().filter(applies).copied().collect();
        let people = asked.policy.file().people();
        let have = |stands: &[Stand], rule: &GitRule| -> Vec<String> {
            standing(stands, &|name| {
                people.of(name).filter(|_| rule.signers.contains(name))
            })
        };
        let is_met = |stands: &[Stand], rule: &GitRule| have(stands, rule).len() >= rule.threshold;
        // The notes are asked only where their word is needed.
        let is_enough = rules.iter().all(|rule| is_met(&judgement.stands, rule));
        if judgement.stands.is_empty() || !is_enough {
            judgement.stands.extend(asked.approvals(object)?);
        }
        if judgement.stands.is_empty() {
            refuse(judgement, nobody);
        }
        for rule in rules {
            if is_met(&judgement.stands, rule) {
                continue;
            }
            let is_about = |path: &&Vec<u8>| rule.is_about([path.as_slice()]);
            let path = match &rule.paths {
                Some(_) => changed.iter().flatten().find(is_about).cloned(),
                None => None,
            };
            let refusal = Refusal::Rule {
                rule: rule.name.clone(),
                threshold: rule.threshold,
                of: rule.signers.iter().cloned().collect(),
                have: have(&judgement.stands, rule),
                path,
            };
            refuse(judgement, refusal);
        }
        judgement.people = standing(&judgement.stands, &|name| people.of(name)).len();
        Ok(())
    }

    /// Holds the committer's address against those of the signer.
    fn tie(
        &self,
        object: &Object,
        policy: &Policy,
        stand: &Stand,
        rules: &[&GitRule],
        judgement: &mut Judgement,
    ) {
        let Some(address) = object.committer().map(|person| person.email.clone()) else {
            return;
        };
        let people = policy.file().people();
        let persons: BTreeSet<usize> = stand.names.iter().filter_map(|n| people.of(n)).collect();
        let owners = policy.file().signers.iter();
        let owners = owners.filter(|entry| {
            let mut own = entry.addresses();
            // As those compare them who show whose a commit is.
            own.any(|own| own.eq_ignore_ascii_case(&address))
        });
        let (mut owner, mut is_own) = (None, false);
        for entry in owners {
            match people.of(&entry.name) {
                Some(person) if persons.contains(&person) => is_own = true,
                _ => owner = Some(entry.name.clone()),
            }
        }
        if is_own {
            return;
        }
        let signer = stand.names.first().cloned().unwrap_or_default();
        let strict = rules.iter().find(|rule| rule.is_strict);
        match (owner, strict) {
            (Some(owner), _) => refuse(
                judgement,
                Refusal::Impersonation {
                    address,
                    owner,
                    signer,
                },
            ),
            (None, Some(rule)) => {
                let rule = rule.name.clone();
                refuse(
                    judgement,
                    Refusal::Committer {
                        address,
                        signer,
                        rule,
                    },
                );
            }
            (None, None) => {
                judgement
                    .findings
                    .push(Finding::Committer { address, signer });
            }
        }
    }

    /// Who stands for a merge that a forge signed: whoever stands for its second parent.
    fn merged(
        &self,
        object: &Object,
        name: &str,
        asked: &Asked<'_>,
        judged: &Judged,
        changed: &mut Option<Paths>,
    ) -> Result<Result<Vec<Stand>, MergeFault>, JudgeError> {
        let [_, second] = object.parents() else {
            return Ok(Err(MergeFault::NoMerge));
        };
        let own = match changed {
            Some(own) => own,
            None => changed.insert(own_changes(self.history, object)?),
        };
        if let Some(path) = own.first().cloned() {
            return Ok(Err(MergeFault::NotPlain { path }));
        }
        let stands = match judged.stands.get(second) {
            Some(stands) => stands.clone(),
            None => match self
                .history
                .object(second)?
                .map(|parent| asked.signer(&parent))
            {
                Ok(Ok(Signer::Listed(stand))) => vec![stand],
                _ => Vec::new(),
            },
        };
        let names: Vec<Stand> = stands
            .into_iter()
            .filter(|stand| stand.by != StandsBy::Approval)
            .map(|stand| Stand {
                names: stand.names,
                by: StandsBy::Merge {
                    platform: name.to_owned(),
                },
            })
            .collect();
        Ok(match names.is_empty() {
            true => Err(MergeFault::SecondParent { parent: *second }),
            false => Ok(names),
        })
    }
}

fn refuse(judgement: &mut Judgement, refusal: Refusal) {
    match &mut judgement.outcome {
        Outcome::Refused(refusals) => refusals.push(refusal),
        outcome => *outcome = Outcome::Refused(vec![refusal]),
    }
}

fn judgement(object: &Object, in_force: &InForce) -> Judgement {
    let message = String::from_utf8_lossy(object.message());
    let subject = message.lines().next().unwrap_or_default();
    Judgement {
        id: object.id(),
        kind: object.kind(),
        committer: object.committer().map(|person| person.email.clone()),
        subject: subject.chars().take(MAX_SUBJECT).collect(),
        policy: in_force.policy().map(|policy| policy.source().clone()),
        stands: Vec::new(),
        people: 0,
        outcome: Outcome::Allowed,
        findings: Vec::new(),
    }
}

fn unreadable(id: &ObjectId, cause: String) -> Judgement {
    Judgement {
        id: *id,
        kind: ObjectKind::Commit,
        committer: None,
        subject: String::new(),
        policy: None,
        stands: Vec::new(),
        people: 0,
        outcome: Outcome::Refused(vec![Refusal::Unreadable { cause }]),
        findings: Vec::new(),
    }
}
