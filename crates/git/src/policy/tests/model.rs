//! A repository in memory, whose signatures are the names of their signers.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use signhere_pki::time::Time;
use signhere_verify::policy::TrustFile;
use signhere_verify::verdict::{
    Failure, IdentityEvidence, Reason, Step, StepName, TimeEvidence, TimeSource, Verdict,
};

use super::super::*;
use crate::object::{ObjectError, ObjectFormat, ObjectId, ObjectKind};

pub(super) const MAIN: &str = "refs/heads/main";
const ISSUER: &str = "https://accounts.google.com";

/// The entries of signers, each with the address NAME@example.org.
pub(super) fn signers(names: &[&str]) -> String {
    let entry = |name: &&str| {
        format!("[signers.{name}]\nidentity = \"{name}@example.org\"\nissuer = \"{ISSUER}\"\n")
    };
    names.iter().map(entry).collect()
}

#[derive(Default)]
pub(super) struct Model {
    objects: HashMap<ObjectId, Object>,
    trees: HashMap<ObjectId, BTreeMap<String, ObjectId>>,
    files: HashMap<ObjectId, String>,
    pub(super) approvals: HashMap<ObjectId, Vec<&'static str>>,
    /// The attester, and the signers of what the commit was made of.
    pub(super) carried: HashMap<ObjectId, (&'static str, Vec<&'static str>)>,
    /// The trees that merges of two commits give.
    pub(super) merged: HashMap<[ObjectId; 2], ObjectId>,
    count: usize,
}

/// A commit to be made.
pub(super) struct Draft<'m> {
    model: &'m mut Model,
    parents: Vec<ObjectId>,
    files: BTreeMap<String, ObjectId>,
    committer: Option<String>,
    at: i64,
}

impl Model {
    /// A commit after these, with the files of the first.
    pub(super) fn after(&mut self, parents: &[ObjectId]) -> Draft<'_> {
        let first = parents.first().and_then(|id| self.objects.get(id));
        let tree = first.and_then(|object| object.tree());
        let files = tree.map(|tree| self.trees[tree].clone());
        Draft {
            model: self,
            parents: parents.to_vec(),
            files: files.unwrap_or_default(),
            committer: None,
            at: 1000,
        }
    }

    /// A first commit with a trust file.
    pub(super) fn root(&mut self, trust: &str) -> ObjectId {
        self.after(&[]).file(TRUST_FILE, trust).by("root")
    }

    pub(super) fn tag(&mut self, target: &ObjectId, name: &str, signer: &str) -> Object {
        let text = format!(
            "object {target}\ntype commit\ntag {name}\ntagger T <{signer}@example.org> 1 +0000\n\nmessage\n\
             -----BEGIN SIGNED MESSAGE-----\n{signer} 1000\n-----END SIGNED MESSAGE-----\n"
        );
        Object::parse(ObjectKind::Tag, text).unwrap()
    }

    pub(super) fn tree(&self, commit: &ObjectId) -> &ObjectId {
        self.objects[commit].tree().unwrap()
    }

    pub(super) fn policy(&self, commit: &ObjectId) -> InForce {
        InForce::at(self, &self.objects[commit]).unwrap()
    }

    /// What is decided of each commit of `base..tip` on main.
    pub(super) fn judge(&self, base: &ObjectId, tip: &ObjectId) -> Vec<Judgement> {
        self.judge_at(MAIN, base, tip)
    }

    pub(super) fn judge_at(
        &self,
        reference: &str,
        base: &ObjectId,
        tip: &ObjectId,
    ) -> Vec<Judgement> {
        self.judge_by(&self.policy(base), None, reference, base, tip)
    }

    pub(super) fn judge_by(
        &self,
        base: &InForce,
        revoking: Option<&Policy>,
        reference: &str,
        from: &ObjectId,
        tip: &ObjectId,
    ) -> Vec<Judgement> {
        let mut all = Vec::new();
        let judge = Judge {
            history: self,
            evidence: self,
            reference: Some(reference),
            base,
            revoking,
            now: Time::from_unix(5000),
            limits: Limits {
                commits: 100,
                is_over: &|| false,
            },
        };
        judge
            .range(tip, &[*from], &mut |judgement| all.push(judgement))
            .unwrap();
        all
    }

    /// What is said of the commits that are refused.
    pub(super) fn refusals(&self, base: &ObjectId, tip: &ObjectId) -> Vec<String> {
        texts(&self.judge(base, tip))
    }

    fn signed(text: &str) -> Signed {
        let mut words = text.split(' ');
        let (name, at) = (words.next().unwrap(), words.next().unwrap_or("1000"));
        let failure = |reason| {
            Box::new(Failure {
                step: StepName::Signature,
                reason,
                item: None,
                expected: None,
                found: None,
                nearest: None,
            })
        };
        match name {
            "forged" => Signed::Refused(Box::new(GitFailure::Check(failure(
                Reason::SignatureInvalid,
            )))),
            "unproven" => Signed::Unproven(vec![Missing::Log]),
            name => Signed::Proven(Box::new(proven(name, at.parse().unwrap()))),
        }
    }
}

fn proven(name: &str, at: i64) -> Proven {
    let time = TimeSource {
        time: Time::from_unix(at),
        kind: "log",
        authority: String::new(),
        serial: None,
    };
    let identity = IdentityEvidence {
        identity: match name.contains(':') {
            true => name.to_owned(),
            false => format!("{name}@example.org"),
        },
        kind: if name.contains(':') { "uri" } else { "email" },
        issuer: ISSUER.to_owned(),
        issuer_from: "certificate",
        extensions: Vec::new(),
    };
    Proven {
        verdict: Verdict {
            steps: vec![
                Step::Time(TimeEvidence { times: vec![time] }),
                Step::Identity(identity),
            ],
            failure: None,
            unknown_fields: Vec::new(),
        },
        instance: None,
    }
}

pub(super) fn texts(judgements: &[Judgement]) -> Vec<String> {
    let refusals = judgements.iter().flat_map(Judgement::refusals);
    refusals.map(ToString::to_string).collect()
}

impl Draft<'_> {
    pub(super) fn file(mut self, path: &str, content: &str) -> Self {
        let id = ObjectId::of(ObjectFormat::Sha1, ObjectKind::Blob, content.as_bytes());
        self.model.files.insert(id, content.to_owned());
        self.files.insert(path.to_owned(), id);
        self
    }

    pub(super) fn without(mut self, path: &str) -> Self {
        self.files.remove(path);
        self
    }

    /// With the files of another commit.
    pub(super) fn like(mut self, commit: &ObjectId) -> Self {
        let tree = self.model.objects[commit].tree().unwrap();
        self.files = self.model.trees[tree].clone();
        self
    }

    pub(super) fn committer(mut self, address: &str) -> Self {
        self.committer = Some(address.to_owned());
        self
    }

    pub(super) fn at(mut self, time: i64) -> Self {
        self.at = time;
        self
    }

    /// Signed by somebody.
    pub(super) fn by(self, signer: &str) -> ObjectId {
        let at = self.at;
        let armor = format!(
            "-----BEGIN SIGNED MESSAGE-----\n{signer} {at}\n-----END SIGNED MESSAGE-----\n"
        );
        let committer = format!("{signer}@example.org");
        self.signed(&committer, &|_| Some(armor.clone()))
    }

    pub(super) fn unsigned(self) -> ObjectId {
        self.signed("ada@example.org", &|_| None)
    }

    /// With the armor that is made of the payload.
    pub(super) fn signed(
        self,
        committer: &str,
        sign: &dyn Fn(&[u8]) -> Option<String>,
    ) -> ObjectId {
        let listed: String = self
            .files
            .iter()
            .map(|(p, id)| format!("{p} {id}\n"))
            .collect();
        let tree = ObjectId::of(ObjectFormat::Sha1, ObjectKind::Blob, listed.as_bytes());
        let parents: String = self
            .parents
            .iter()
            .map(|id| format!("parent {id}\n"))
            .collect();
        let committer = self.committer.as_deref().unwrap_or(committer);
        let number = self.model.count;
        self.model.count += 1;
        let head = format!(
            "tree {tree}\n{parents}author A <a@example.org> 1 +0000\ncommitter C <{committer}> 1 +0000\n"
        );
        let message = format!("\ncommit {number}\n");
        let armor = sign(format!("{head}{message}").as_bytes());
        let header =
            armor.map(|armor| format!("gpgsig {}\n", armor.trim_end().replace('\n', "\n ")));
        let text = format!("{head}{}{message}", header.unwrap_or_default());
        let object = Object::parse(ObjectKind::Commit, text).unwrap();
        let id = object.id();
        self.model.trees.insert(tree, self.files);
        self.model.objects.insert(id, object);
        id
    }
}

impl Evidence for Model {
    fn signed(&self, object: &Object) -> Signed {
        let armor = std::str::from_utf8(object.own_signature().unwrap()).unwrap();
        Self::signed(armor.lines().nth(1).unwrap())
    }

    fn approvals(&self, object: &Object) -> Result<Vec<Approval>, RepositoryError> {
        let names = self.approvals.get(&object.id()).into_iter().flatten();
        Ok(names
            .map(|name| Approval {
                by: proven(name, 1000),
            })
            .collect())
    }

    fn carried(
        &self,
        commit: &Object,
        _: &dyn Fn(&Proven) -> bool,
    ) -> Result<Vec<Carried>, RepositoryError> {
        let carried = self.carried.get(&commit.id()).into_iter();
        Ok(carried
            .map(|(by, sources)| Carried {
                by: proven(by, 1000),
                sources: sources.iter().map(|name| Self::signed(name)).collect(),
            })
            .collect())
    }
}

impl History for Model {
    fn object(&self, id: &ObjectId) -> Result<Result<Object, ObjectError>, RepositoryError> {
        let missing = || RepositoryError::Missing {
            id: *id,
            gap: crate::repository::Gap::None,
        };
        Ok(Ok(self.objects.get(id).cloned().ok_or_else(missing)?))
    }

    fn has(&self, id: &ObjectId) -> Result<bool, RepositoryError> {
        Ok(self.objects.contains_key(id))
    }

    fn history(
        &self,
        tips: &[ObjectId],
        bases: &[ObjectId],
    ) -> Result<Vec<ObjectId>, RepositoryError> {
        let mut left = HashSet::new();
        let mut order = Vec::new();
        for base in bases {
            self.visit(base, &mut left, &mut order);
        }
        order.clear();
        for tip in tips {
            self.visit(tip, &mut left, &mut order);
        }
        order.reverse();
        Ok(order)
    }

    fn merge_bases(
        &self,
        one: &ObjectId,
        other: &ObjectId,
    ) -> Result<Vec<ObjectId>, RepositoryError> {
        let all = |id: &ObjectId| -> BTreeSet<ObjectId> {
            self.history(&[*id], &[]).unwrap().into_iter().collect()
        };
        let both: Vec<ObjectId> = all(one).intersection(&all(other)).copied().collect();
        let is_best = |id: &&ObjectId| {
            !both
                .iter()
                .any(|better| better != *id && all(better).contains(*id))
        };
        Ok(both.iter().filter(is_best).copied().collect())
    }

    /// Files here are of one line: a change of the same is a conflict, unless a test says what comes of it.
    fn merged(
        &self,
        _: &ObjectId,
        commits: [&ObjectId; 2],
        _: &BTreeSet<Vec<u8>>,
    ) -> Result<Option<ObjectId>, RepositoryError> {
        let commits = commits.map(|id| *id);
        Ok(self.merged.get(&commits).copied())
    }

    fn changed(
        &self,
        old: Option<&ObjectId>,
        new: &ObjectId,
    ) -> Result<Vec<Vec<u8>>, RepositoryError> {
        let empty = BTreeMap::new();
        let old = old.map_or(&empty, |old| &self.trees[old]);
        let new = &self.trees[new];
        let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let changed = paths
            .into_iter()
            .filter(|path| old.get(*path) != new.get(*path));
        Ok(changed.map(|path| path.clone().into_bytes()).collect())
    }

    fn file_id(&self, tree: &ObjectId, path: &[u8]) -> Result<Option<ObjectId>, RepositoryError> {
        Ok(self.trees[tree]
            .get(std::str::from_utf8(path).unwrap())
            .copied())
    }

    fn content(&self, file: &ObjectId, _: u64) -> Result<Vec<u8>, RepositoryError> {
        Ok(self.files[file].clone().into_bytes())
    }
}

impl Model {
    fn visit(&self, id: &ObjectId, seen: &mut HashSet<ObjectId>, order: &mut Vec<ObjectId>) {
        if seen.insert(*id) {
            for parent in self.objects[id].parents() {
                self.visit(parent, seen, order);
            }
            order.push(*id);
        }
    }
}

/// A trust file that was named.
pub(super) fn named(trust: &str) -> InForce {
    let file = TrustFile::parse(trust, "named.toml", None, &|_| Err(String::new())).unwrap();
    InForce::Policy(Policy::of_file(file, &|_| None).unwrap().into())
}
