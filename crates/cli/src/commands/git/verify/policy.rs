//! The rules for commits of the trust file as it was before them, where it has any.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use signhere_git::notes::Notes;
use signhere_git::object::{Object, ObjectId, ObjectKind};
use signhere_git::policy::{
    Approval, Carried, Evidence, InForce, Judge, Judgement, Limits, Outcome, Policy, Proofs,
    Refusal, Signed, Stand, StandsBy, revoking,
};
use signhere_git::proof;
use signhere_git::repository::{Repository, RepositoryError};
use signhere_git::verifier::GitVerifier;
use signhere_pki::time::Clock as _;

use super::args::GitVerifyArgs;
use super::open;
use super::record::{Record, Signer};
use super::revisions::{Asked, Line};
use crate::clock::SystemClock;
use crate::error::CliError;

/// More commits are not judged at once.
const MAX_COMMITS: usize = 2_000_000;

/// The rules, and what was proven for them to be held against.
#[derive(Debug)]
pub(super) struct Rules {
    /// The policy at the beginning of each line.
    bases: Vec<InForce>,
    /// The default branch's, whose revocations count as well.
    revoking: Option<Arc<Policy>>,
    signed: Mutex<HashMap<ObjectId, Signed>>,
    digest: Vec<u8>,
}

impl Rules {
    /// The rules for what is asked; `None` where no trust file has any for commits.
    pub(super) fn find(
        repository: &Repository,
        args: &GitVerifyArgs,
        asked: &Asked,
    ) -> Result<Option<Self>, CliError> {
        if args.certificate_identity.is_some() {
            return Ok(None);
        }
        let mut bases = Vec::new();
        let mut digest = Vec::new();
        let mut default = None;
        if let Some(path) = &args.trust_file {
            let policy = InForce::Policy(Arc::new(open::policy(path)?));
            bases.resize(asked.lines.len(), policy);
        } else {
            let head = match repository.resolve("HEAD") {
                Ok(head) => Some(head),
                Err(RepositoryError::Unborn { .. } | RepositoryError::UnknownRevision { .. }) => {
                    None
                }
                Err(error) => return Err(error.into()),
            };
            for line in &asked.lines {
                // What has no beginning is judged as of today.
                let today = || head.filter(|_| args.all);
                let at = line.bases.first().copied().or_else(today);
                bases.push(at_commit(repository, at)?);
            }
            default = revoking(repository).map_err(|error| CliError::from(&error))?;
        }
        let has_rules = |base: &InForce| match base {
            InForce::Policy(policy) => policy.git().is_some(),
            InForce::Absent { .. } => false,
        };
        if !bases.iter().any(has_rules) {
            return Ok(None);
        }
        let files = default.iter().flat_map(|policy| policy.files());
        for (path, id) in files {
            digest.extend_from_slice(path.as_bytes());
            digest.push(0);
            digest.extend_from_slice(id.as_bytes());
        }
        // Each verdict is one about where a line begins and ends.
        for line in &asked.lines {
            digest.extend_from_slice(line.tip.as_bytes());
            digest.push(u8::from(args.all));
            digest.extend(line.bases.iter().flat_map(|base| base.as_bytes()));
            digest.extend_from_slice(b"\n");
        }
        Ok(Some(Self {
            bases,
            revoking: default,
            signed: Mutex::default(),
            digest,
        }))
    }

    /// What the verdicts depend on besides the trust files.
    pub(super) fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// Takes what was proven of an object.
    pub(super) fn take(&self, id: ObjectId, signed: Signed) {
        let mut all = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(id, signed);
    }

    /// Holds what was proven against the rules.
    ///
    /// # Errors
    /// When nothing can be decided.
    pub(super) fn judge(
        &self,
        repository: &Repository,
        verifier: &GitVerifier,
        notes: Option<&Notes<'_>>,
        asked: &Asked,
        records: &mut [Record],
    ) -> Result<(), CliError> {
        let evidence = Proven {
            proofs: Proofs::new(verifier, notes),
            rules: self,
        };
        let mut judged: HashMap<String, Judgement> = HashMap::new();
        let mut tips: Vec<ObjectId> = Vec::new();
        for (line, base) in asked.lines.iter().zip(&self.bases) {
            if line.bases.is_empty() && judged.contains_key(&line.tip.to_string()) {
                continue;
            }
            let judge = self.judge_of(repository, &evidence, asked, base);
            let Line { tip, bases } = line;
            let bases = if bases.is_empty() { &tips } else { bases };
            judge
                .range(tip, bases, &mut |judgement| {
                    judged.insert(judgement.id.to_string(), judgement);
                })
                .map_err(|error| CliError::from(&error))?;
            if line.bases.is_empty() {
                tips.push(*tip);
            }
        }
        for record in records.iter_mut() {
            if let Some(judgement) = judged.get(&record.object) {
                decide(record, judgement);
            } else if record.kind.as_deref() == Some("tag")
                && let Some(base) = self.bases.first()
                && let Ok(id) = record.object.parse::<ObjectId>()
            {
                let raw = repository.expect(&id, ObjectKind::Tag)?;
                if let Ok(tag) = Object::parse(raw.kind, raw.bytes) {
                    let name = format!("refs/tags/{}", tag.tag_name().unwrap_or_default());
                    let mut judge = self.judge_of(repository, &evidence, asked, base);
                    judge.reference = Some(&name);
                    let judgement = judge.tag(&tag).map_err(|error| CliError::from(&error))?;
                    decide(record, &judgement);
                }
            }
        }
        Ok(())
    }

    fn judge_of<'a>(
        &'a self,
        repository: &'a Repository,
        evidence: &'a Proven<'a>,
        asked: &'a Asked,
        base: &'a InForce,
    ) -> Judge<'a> {
        Judge {
            history: repository,
            evidence,
            reference: asked.reference.as_deref(),
            base,
            revoking: self.revoking.as_deref(),
            now: SystemClock.now(),
            limits: Limits {
                commits: MAX_COMMITS,
                is_over: &|| false,
            },
        }
    }
}

/// What was proven before, and what else is.
struct Proven<'a> {
    proofs: Proofs<'a>,
    rules: &'a Rules,
}

impl Evidence for Proven<'_> {
    fn signed(&self, object: &Object) -> Signed {
        let known = {
            let all = self.rules.signed.lock();
            let all = all.unwrap_or_else(PoisonError::into_inner);
            all.get(&object.id()).cloned()
        };
        known.unwrap_or_else(|| self.proofs.signed(object))
    }

    fn approvals(&self, object: &Object) -> Result<Vec<Approval>, RepositoryError> {
        self.proofs.approvals(object)
    }

    fn carried(
        &self,
        commit: &Object,
        believes: &dyn Fn(&proof::Proven) -> bool,
    ) -> Result<Vec<Carried>, RepositoryError> {
        self.proofs.carried(commit, believes)
    }
}

/// What a judgement makes of what is known of an object.
fn decide(record: &mut Record, judgement: &Judgement) {
    match &judgement.outcome {
        Outcome::BeforeCutOver | Outcome::Grandfathered => {
            record.exempt();
        }
        Outcome::Allowed => {
            record.allow();
            if let Some(stand) = judgement.stands.first() {
                name(record, stand, judgement);
            }
        }
        Outcome::Refused(refusals) => {
            // What is not proven stays that: the mend is another one. Of other kinds of signatures the rules know more.
            let is_open = match record.outcome.as_str() {
                "notAllowed" => true,
                "foreign" | "platform" => {
                    !matches!(refusals.first(), Some(Refusal::Foreign { .. }))
                }
                _ => record.verified || record.error.is_none(),
            };
            if let Some(refusal) = refusals.first().filter(|_| is_open) {
                record.refuse(&CliError::from(refusal));
            }
        }
    }
}

fn name(record: &mut Record, stand: &Stand, judgement: &Judgement) {
    let file = judgement.policy.as_ref().map(|source| match source {
        signhere_git::policy::PolicySource::Named { path } => path.clone(),
        signhere_git::policy::PolicySource::Commit { id } => {
            let short: String = id.to_string().chars().take(12).collect();
            format!("{short}:{}", signhere_git::policy::TRUST_FILE)
        }
    });
    let listed = stand.names.first().cloned();
    match &mut record.signer {
        Some(signer) if stand.by == StandsBy::Signature => {
            signer.name = listed;
            signer.file = file;
        }
        signer => {
            *signer = Some(Signer {
                identity: listed.clone().unwrap_or_default(),
                issuer: by(&stand.by).to_owned(),
                name: listed,
                file,
            });
        }
    }
}

/// By what somebody stands for a commit who has not signed it with a certificate.
fn by(stands: &StandsBy) -> &'static str {
    match stands {
        StandsBy::Signature => "certificate",
        StandsBy::Ssh => "ssh key",
        StandsBy::Merge { .. } => "merge",
        StandsBy::Carried => "carry-over",
        StandsBy::Approval => "approval",
    }
}

/// The policy in the tree of a commit.
fn at_commit(repository: &Repository, at: Option<ObjectId>) -> Result<InForce, CliError> {
    let Some(id) = at else {
        return Ok(InForce::Absent { at: None });
    };
    let raw = repository.expect(&id, ObjectKind::Commit)?;
    match Object::parse(raw.kind, raw.bytes) {
        Ok(commit) => InForce::at(repository, &commit).map_err(|error| CliError::from(&error)),
        Err(_) => Ok(InForce::Absent { at: Some(id) }),
    }
}
