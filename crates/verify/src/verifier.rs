//! From a bundle, an artifact and a policy to a verdict. One step a file, in the order taken.

mod artifact;
mod authority;
mod binding;
mod chain;
mod examine;
mod identity;
mod log;
mod memo;
mod sct;
mod signature;
mod signer;
mod time;

use signhere_log::note::{NoteError, NoteVerifier};
use signhere_pki::cert::Certificate;
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::key::PublicKey;

use crate::bundle::{Bundle, Content, KeyMaterial};
use crate::dsse::Envelope;
use crate::entry::{Generation, LoggedEntry};
use crate::error::Reason;
use crate::policy::{Question, Trusted};
use crate::trust::{Records, TransparencyLog, TrustError, TrustedRoot};
use crate::verdict::{self, BundleEvidence, Failure, KeyEvidence, StepName, Verdict};
use authority::Authority;
use memo::Memo;

pub use examine::{Check, Examination};
pub(crate) use signer::likely_hashes;

/// Verifies bundles against one trusted root, whose chains and keys are prepared once.
///
/// It may be kept, cloned and shared by threads: it remembers which certificates, timestamps of certificate logs and
/// checkpoints held (a bounded number of their digests), so that bundles that share them cost less. No verdict
/// depends on what it remembers.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// Whether the trusted root lists a log, even one that cannot be used.
    requires_log: bool,
    logs: Vec<Log>,
    certificate_authorities: Vec<Authority>,
    /// As `requires_log`, of certificate logs.
    requires_sct: bool,
    ctlogs: Vec<TransparencyLog>,
    timestamp_authorities: Vec<Authority>,
    memo: Memo,
}

/// What a bundle should be about.
#[derive(Clone, Copy, Debug)]
pub enum Artifact<'a> {
    /// The artifact itself.
    Bytes(&'a [u8]),
    /// Digests of it, which [`Bundle::required_hashes`] names.
    Digests(&'a [Digest]),
    /// The name that attestations know it by, where it is no digest of bytes: commits are `gitCommit` and their hash.
    Subject {
        /// The name's kind, as in-toto's digest sets call it.
        algorithm: &'a str,
        /// The name.
        value: &'a str,
    },
}

/// Who should have signed.
#[derive(Clone, Debug)]
pub enum Policy {
    /// Somebody with a certificate: both are compared exactly.
    Identity {
        /// The subject alternative name.
        identity: String,
        /// Who vouches for it.
        issuer: String,
    },
    /// The holder of a key; its bundles have no certificate.
    Key(PublicKey),
    /// Whoever the trust files list.
    Trust(Question),
}

/// Whose signature it is taken for, until it is proven.
#[derive(Clone, Copy)]
enum Asked<'a> {
    /// The holder of a certificate for this identity by this issuer.
    Identity(&'a str, &'a str),
    /// The holder of a certificate, whoever that is.
    Anybody,
    /// The holder of this key.
    Key(&'a PublicKey),
}

impl Policy {
    /// The same policy for a bundle that belongs to the instance of this name.
    #[must_use]
    pub fn on(&self, instance: &str) -> Self {
        match self {
            Self::Trust(question) => Self::Trust(question.clone().on(instance)),
            other => other.clone(),
        }
    }
}

impl Verifier {
    /// Prepares a trusted root.
    ///
    /// # Errors
    /// [`TrustError::SameLogId`] when two logs cannot be told apart. An authority that cannot be used fails only what
    /// needs it; [`Self::check_authorities`] finds it at once.
    pub fn new(root: TrustedRoot) -> Result<Self, TrustError> {
        check_ids(&root.tlogs)?;
        check_ids(&root.ctlogs)?;
        Ok(Self {
            requires_log: root.lists_log_of(Records::Signatures),
            requires_sct: root.lists_log_of(Records::Certificates),
            logs: root.tlogs.into_iter().map(Log::new).collect(),
            certificate_authorities: Authority::all(root.certificate_authorities),
            ctlogs: root.ctlogs,
            timestamp_authorities: Authority::all(root.timestamp_authorities),
            memo: Memo::default(),
        })
    }

    /// Tells whether an authority of the trusted root has the name, and where both say so the key, of the certificate's
    /// issuer. Nothing is verified: this chooses among the roots of several instances.
    pub fn lists_issuer_of(&self, leaf: &Certificate) -> bool {
        let mut authorities = self.certificate_authorities.iter();
        authorities.any(|authority| authority.may_issue(leaf))
    }

    /// Checks the chains of all authorities, which is otherwise done when they are first needed.
    ///
    /// # Errors
    /// [`TrustError::Chain`] for the first authority whose chain does not hold together.
    pub fn check_authorities(&self) -> Result<(), TrustError> {
        let mut authorities = self
            .certificate_authorities
            .iter()
            .chain(&self.timestamp_authorities);
        authorities.try_for_each(|authority| match authority.chain() {
            Ok(_) => Ok(()),
            Err(error) => Err(TrustError::Chain {
                uri: authority.uri.clone(),
                error: error.clone(),
            }),
        })
    }

    /// Verifies a bundle.
    pub fn verify(&self, bundle: &Bundle, artifact: &Artifact<'_>, policy: &Policy) -> Verdict {
        let asked = match policy {
            Policy::Identity { identity, issuer } => Asked::Identity(identity, issuer),
            Policy::Key(key) => Asked::Key(key),
            Policy::Trust(question) => return self.verify_listed(bundle, artifact, question),
        };
        self.take(bundle, artifact, asked)
    }

    /// Proves all but who may sign: the verdict of a bundle that holds ends with [`Reason::SignerUnchecked`],
    /// after the evidence of who signed. `key` is the signer's where the bundle has no certificate; without
    /// one it is the key in the bundle's log entry, which is somebody's, and perhaps anybody's.
    pub fn prove(
        &self,
        bundle: &Bundle,
        artifact: &Artifact<'_>,
        key: Option<&PublicKey>,
    ) -> Verdict {
        let logged = bundle.logged_key();
        let asked = match (&bundle.material.key, key, &logged) {
            (_, Some(key), _) => Asked::Key(key),
            (KeyMaterial::PublicKeyHint(_), None, Some(key)) => Asked::Key(key),
            _ => Asked::Anybody,
        };
        let mut verdict = self.take(bundle, artifact, asked);
        if verdict.failure.is_none() {
            verdict.failure = Some(*failed(StepName::Policy, Reason::SignerUnchecked));
        }
        verdict
    }

    fn verify_listed(
        &self,
        bundle: &Bundle,
        artifact: &Artifact<'_>,
        question: &Question,
    ) -> Verdict {
        let mut verdict = match &bundle.material.key {
            KeyMaterial::Certificate(_) => self.take(bundle, artifact, Asked::Anybody),
            KeyMaterial::PublicKeyHint(_) => self.try_keys(bundle, artifact, question.trusted()),
        };
        if verdict.failure.is_none() {
            match question.judge(&verdict.steps) {
                Ok(evidence) => verdict.steps.push(verdict::Step::Policy(evidence)),
                Err(failure) => verdict.failure = Some(*failure),
            }
        }
        verdict
    }

    /// Tries the listed keys: the bundle's hint is no reason to choose one. A log entry must be about the
    /// signer's key, so that where there is one no other key can be meant.
    fn try_keys(&self, bundle: &Bundle, artifact: &Artifact<'_>, trusted: &Trusted) -> Verdict {
        if let Some(key) = bundle.logged_key() {
            return self.take(bundle, artifact, Asked::Key(&key));
        }
        let mut refused = None;
        for key in trusted.keys() {
            let verdict = self.take(bundle, artifact, Asked::Key(key));
            let is_other = |failure: &Failure| failure.step == StepName::Signature;
            if !verdict.failure.as_ref().is_some_and(is_other) {
                return verdict;
            }
            refused = Some(verdict);
        }
        // Nothing of a signature that no key at hand has made is proven, not even that it is one.
        let mut verdict = refused.unwrap_or_else(|| Verdict::unreadable(Reason::PolicyNeedsKey));
        verdict.steps.clear();
        verdict.failure = Some(*failed(StepName::Bundle, Reason::PolicyNeedsKey));
        verdict
    }

    fn take(&self, bundle: &Bundle, artifact: &Artifact<'_>, asked: Asked<'_>) -> Verdict {
        let mut steps = Vec::with_capacity(9);
        let outcome = self.steps(bundle, artifact, asked, &mut steps);
        Verdict {
            steps,
            failure: outcome.err().map(|failure| *failure),
            unknown_fields: bundle.unknown_fields.clone(),
        }
    }

    /// Forgets what it remembers, as if it were new.
    pub fn forget(&self) {
        self.memo.clear();
    }

    /// Reads a bundle and verifies it; one that cannot be read gets a verdict too.
    pub fn verify_json(&self, json: &[u8], artifact: &Artifact<'_>, policy: &Policy) -> Verdict {
        match Bundle::parse(json) {
            Ok(bundle) => self.verify(&bundle, artifact, policy),
            Err(error) => Verdict::unreadable(error),
        }
    }

    fn steps(
        &self,
        bundle: &Bundle,
        artifact: &Artifact<'_>,
        asked: Asked<'_>,
        steps: &mut Vec<verdict::Step>,
    ) -> Step<()> {
        let entries = log::read_entries(bundle)?;
        let signer = signer::Signer::new(bundle, asked, &entries)?;
        self.check_carried(bundle)?;
        steps.push(verdict::Step::Bundle(form(bundle)));

        let (signed, evidence) = artifact::check(bundle, artifact, &signer)?;
        steps.push(verdict::Step::Artifact(evidence));
        steps.push(verdict::Step::Signature(signature::check(
            bundle, &signed, &signer,
        )?));

        let (evidence, logged) = self.check_log(bundle, &entries, &signed, &signer)?;
        steps.push(verdict::Step::Log(evidence));
        let evidence = self.check_time(bundle, &logged, signer.certificate.is_some())?;
        let times: Vec<_> = evidence.times.iter().map(|source| source.time).collect();
        steps.push(verdict::Step::Time(evidence));

        match signer.certificate {
            Some(leaf) => {
                let (issuing, evidence) = self.check_chain(leaf, &times)?;
                let authority = evidence.authority.clone();
                steps.push(verdict::Step::Certificate(evidence));
                steps.push(verdict::Step::Sct(self.check_sct(leaf, issuing)?));
                let expected = match asked {
                    Asked::Identity(identity, issuer) => Some((identity, issuer)),
                    Asked::Anybody | Asked::Key(_) => None,
                };
                steps.push(verdict::Step::Identity(identity::check(
                    leaf, &authority, expected,
                )?));
            }
            None => steps.push(verdict::Step::Key(KeyEvidence {
                key_id: hex::encode(signer.key.key_id()),
                kind: signer.key.kind().to_string(),
            })),
        }
        Ok(())
    }
}

fn form(bundle: &Bundle) -> BundleEvidence {
    BundleEvidence {
        version: bundle.version.as_str(),
        content: match bundle.content {
            Content::MessageSignature { .. } => "messageSignature",
            Content::Dsse(_) => "dsseEnvelope",
        },
        log_entries: bundle.material.tlog_entries.len(),
        timestamps: bundle.material.timestamps.len(),
    }
}

/// A log with its ways to be named and to sign.
#[derive(Clone, Debug)]
struct Log {
    trusted: TransparencyLog,
    /// An error for a key that no checkpoint can be signed with: met only by entries that need one.
    checkpoints: Result<NoteVerifier, NoteError>,
}

impl Log {
    fn new(trusted: TransparencyLog) -> Self {
        let checkpoints = NoteVerifier::for_key(trusted.name(), &trusted.key);
        Self {
            trusted,
            checkpoints,
        }
    }

    fn has_id(&self, id: &[u8]) -> bool {
        ids(&self.trusted).any(|own| own == id)
    }
}

/// The ids by which entries may name a log; an absent one names none.
fn ids(log: &TransparencyLog) -> impl Iterator<Item = &[u8]> {
    [Some(&log.log_id), log.checkpoint_key_id.as_ref()]
        .into_iter()
        .flatten()
        .map(Vec::as_slice)
        .filter(|id| !id.is_empty())
}

/// The same log may be listed twice, as happens when roots are put together.
fn check_ids(logs: &[TransparencyLog]) -> Result<(), TrustError> {
    let is_same = |a: &TransparencyLog, b: &TransparencyLog| {
        (&a.key, a.details, a.name(), a.validity) == (&b.key, b.details, b.name(), b.validity)
    };
    for (position, second) in logs.iter().enumerate() {
        for first in logs.iter().take(position) {
            if is_same(first, second) {
                continue;
            }
            if let Some(id) = ids(second).find(|id| ids(first).any(|other| other == *id)) {
                return Err(TrustError::SameLogId {
                    id: hex::encode(id),
                    first: first.base_url.clone(),
                    second: second.base_url.clone(),
                });
            }
        }
    }
    Ok(())
}

/// A log entry of the bundle with its body read.
struct ReadEntry {
    logged: LoggedEntry,
    generation: Generation,
}

/// What the signature is over.
enum Signed<'a> {
    /// An artifact itself: pure Ed25519.
    Bytes(&'a [u8]),
    /// An artifact by its digest.
    Digest(Digest),
    /// An envelope: its encoding, and the payload in it.
    Envelope {
        pae: Vec<u8>,
        envelope: &'a Envelope,
    },
}

impl Signed<'_> {
    /// Returns the digest of the signed bytes, if it can be known.
    fn digest(&self, algorithm: HashAlgorithm) -> Option<Digest> {
        match self {
            Self::Bytes(bytes) => Some(algorithm.digest(bytes)),
            Self::Digest(digest) => Some(*digest).filter(|digest| digest.algorithm() == algorithm),
            Self::Envelope { pae, .. } => Some(algorithm.digest(pae)),
        }
    }
}

/// A failure is boxed on its way: it is large and rare.
type Step<T> = Result<T, Box<Failure>>;

fn failed(step: StepName, reason: impl Into<Reason>) -> Box<Failure> {
    Failure::new(step, reason)
}
