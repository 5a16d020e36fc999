//! What was decided of a commit or tag, as facts.

use std::collections::BTreeSet;

use signhere_verify::verdict::Failure;

use super::force::{PolicyError, PolicySource};
use crate::object::{ObjectId, ObjectKind};
use crate::verdict::{GitFailure, Missing};

/// What was decided of a commit or tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The commit or tag.
    pub id: ObjectId,
    /// Which of the two.
    pub kind: ObjectKind,
    /// The address of the committer or tagger, as the object says; nothing of it is proven.
    pub committer: Option<String>,
    /// The first line of its message, as it is.
    pub subject: String,
    /// Where the policy came from; `None` where there was none.
    pub policy: Option<PolicySource>,
    /// Who stands for it, by their names in the trust file.
    pub stands: Vec<Stand>,
    /// How many different people stand for all of it, as far as was asked.
    pub people: usize,
    /// What was decided.
    pub outcome: Outcome,
    /// What is odd about it, and lets it through all the same.
    pub findings: Vec<Finding>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Every rule is met.
    Allowed,
    /// It is not judged: it is the cut-over commit or before it.
    BeforeCutOver,
    /// It is not judged: it is let through by name.
    Grandfathered,
    /// It must not be there, for these reasons: at least one.
    Refused(Vec<Refusal>),
}

/// Somebody who stands for a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    /// The names in the trust file that whoever it is goes by: at least one.
    pub names: Vec<String>,
    /// By what.
    pub by: StandsBy,
}

/// By what somebody stands for a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandsBy {
    /// The signature by a certificate.
    Signature,
    /// The signature by an ssh key.
    Ssh,
    /// The signature of a merge's second parent, merged by this forge.
    Merge {
        /// The forge.
        platform: String,
    },
    /// The signature of a commit that this one was made of.
    Carried,
    /// An approval in the notes.
    Approval,
}

/// Why a commit or tag must not be there.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no object that can be read in one way only.
    #[error("it cannot be read: {cause}")]
    Unreadable {
        /// Why.
        cause: String,
    },
    /// It is not signed.
    #[error("it is not signed")]
    Unsigned,
    /// It is signed by means that the policy knows nobody of.
    #[error("it has {kind} signature, and the trust file says nothing of such")]
    Foreign {
        /// `a PGP`, `an ssh`, `an unknown`.
        kind: &'static str,
    },
    /// Its signature is good, and this was never brought along.
    #[error("its signature is good, and not proven{}", lacks(.0))]
    Unproven(Vec<Missing>),
    /// Its signature, or the evidence for it, does not hold.
    #[error("its signature does not hold: {0}")]
    Forged(Box<GitFailure>),
    /// An ssh or OpenPGP signature does not hold.
    #[error("its {kind} signature does not hold: {cause}")]
    BadSignature {
        /// `ssh`, `PGP`.
        kind: &'static str,
        /// Why.
        cause: String,
    },
    /// Its signer is proven, and not listed, or not for this.
    #[error("its signer may not sign it: {}", .0.reason)]
    Signer(Box<Failure>),
    /// The ssh key is of nobody whom the trust file lists.
    #[error("its ssh key is that of {}, and the trust file lists nobody of this name or address", found.as_deref().unwrap_or("nobody"))]
    SshUnlisted {
        /// The name in the file of keys, if the key is there for this time.
        found: Option<String>,
    },
    /// A signer by ssh is not for now.
    #[error("its signer {signer} is {why}")]
    SshSigner {
        /// The signer.
        signer: String,
        /// Why.
        why: signhere_verify::policy::NotAllowed,
    },
    /// The signer may sign files or statements alone, and no rule for this ref names it.
    #[error(
        "its signer {signer} may sign files or statements alone, and no rule for this ref names it"
    )]
    Limited {
        /// The signer.
        signer: String,
    },
    /// A forge signed what is no plain merge of what somebody listed signed.
    #[error("{platform} signed it, and {fault}")]
    Platform {
        /// The forge.
        platform: String,
        /// What is wrong.
        fault: MergeFault,
    },
    /// Too few of a rule's people stand for it.
    #[error("rule {rule} asks for {threshold} of its signers, and {} {} for it", have.len(), if have.len() == 1 { "stands" } else { "stand" })]
    Rule {
        /// The rule.
        rule: String,
        /// How many people it asks for.
        threshold: usize,
        /// Of whom.
        of: Vec<String>,
        /// Who stands for it, of these: one name each person.
        have: Vec<String>,
        /// The first changed path that it is about, where it is about paths.
        path: Option<Vec<u8>>,
    },
    /// The committer's address is another listed signer's.
    #[error("its committer has the address of {owner}, and {signer} signed it")]
    Impersonation {
        /// The address.
        address: String,
        /// Whose it is.
        owner: String,
        /// Who signed.
        signer: String,
    },
    /// Nothing ties the committer's address to the signer, and a rule asks for that.
    #[error(
        "nothing ties its committer's address to {signer}, who signed it, and rule {rule} asks for that"
    )]
    Committer {
        /// The address.
        address: String,
        /// Who signed.
        signer: String,
        /// The rule.
        rule: String,
    },
    /// It would make the trust file one that cannot be used: nothing could be pushed any more.
    #[error("it breaks the trust file: {error}")]
    BreaksPolicy {
        /// Why the file cannot be used.
        error: Box<PolicyError>,
    },
    /// There is no trust file that says who may commit.
    #[error("no trust file says who may commit")]
    NoPolicy,
}

/// Why a merge by a forge is nobody's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeFault {
    /// It has not exactly two parents.
    #[error("it is no merge of two")]
    NoMerge,
    /// It changes something that neither side brought.
    #[error("it changes {} by itself", String::from_utf8_lossy(path))]
    NotPlain {
        /// The first such path.
        path: Vec<u8>,
    },
    /// Nobody listed signed the second parent.
    #[error("nobody who is listed signed its second parent {parent}")]
    SecondParent {
        /// That commit.
        parent: ObjectId,
    },
}

/// What is odd about a commit that is let through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// Nothing ties the committer's address to the signer.
    #[error("nothing ties its committer's address {address} to {signer}, who signed it")]
    Committer {
        /// The address.
        address: String,
        /// Who signed.
        signer: String,
    },
}

fn lacks(missing: &[Missing]) -> String {
    let words = missing.iter().map(|missing| match missing {
        Missing::Log => "no log entry",
        Missing::Time => "no proven time",
        Missing::Sct => "no timestamp of a certificate log",
    });
    let words: Vec<&str> = words.collect();
    match words.is_empty() {
        true => String::new(),
        false => format!(": {}", words.join(", ")),
    }
}

impl Judgement {
    /// Whether it may be there.
    pub fn is_allowed(&self) -> bool {
        !matches!(self.outcome, Outcome::Refused(_))
    }

    /// Why it must not be there.
    pub fn refusals(&self) -> &[Refusal] {
        match &self.outcome {
            Outcome::Refused(refusals) => refusals,
            _ => &[],
        }
    }
}

/// Who stands for the whole of a commit, each person by one name; `person` tells the names that count from others.
///
/// Of what it was carried over from each commit is looked at by itself, and the one with the fewest people decides: who
/// wrote one part does not stand for another.
pub(super) fn standing<P: Ord>(
    stands: &[Stand],
    person: &dyn Fn(&str) -> Option<P>,
) -> Vec<String> {
    // Who goes by several names is one person, whatever else goes by one of them.
    let distinct = |stands: &mut dyn Iterator<Item = &Stand>| -> Vec<String> {
        let mut found: Vec<(String, BTreeSet<P>)> = Vec::new();
        for stand in stands {
            let names = || stand.names.iter().filter(|name| person(name).is_some());
            let Some(name) = names().next() else {
                continue;
            };
            let mut persons: BTreeSet<P> = names().filter_map(|name| person(name)).collect();
            let is_other = |(_, known): &(String, BTreeSet<P>)| known.is_disjoint(&persons);
            let (others, same): (Vec<_>, Vec<_>) = found.into_iter().partition(is_other);
            let name = same.first().map_or(name, |(first, _)| first).clone();
            persons.extend(same.into_iter().flat_map(|(_, known)| known));
            found = others;
            found.push((name, persons));
        }
        found.into_iter().map(|(name, _)| name).collect()
    };
    let is_part = |stand: &&Stand| stand.by == StandsBy::Carried;
    let whole = || stands.iter().filter(|stand| !is_part(stand));
    let is_counted = |stand: &Stand| stand.names.iter().any(|name| person(name).is_some());
    let mut parts = stands.iter().filter(is_part);
    if !parts.clone().all(is_counted) {
        return distinct(&mut whole());
    }
    parts
        .by_ref()
        .map(|part| distinct(&mut whole().chain([part])))
        .min_by_key(Vec::len)
        .unwrap_or_else(|| distinct(&mut whole()))
}
