//! Every check on its own: what a signature is worth to whom part of the evidence is missing.

use signhere_pki::cert::Certificate;
use signhere_pki::time::Time;

use super::signer::Signer;
use super::{Artifact, Asked, Step as Taken, Verifier, artifact, failed, identity, log, signature};
use crate::bundle::Bundle;
use crate::error::Reason;
use crate::verdict::{
    ArtifactEvidence, BundleEvidence, CertificateEvidence, Failure, IdentityEvidence, LogEvidence,
    SctEvidence, SignatureEvidence, Step, StepName, TimeEvidence, Verdict,
};

/// How one check of a signature by a certificate ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Check<T> {
    /// It holds.
    Proven(T),
    /// There is nothing that could be checked: the evidence was never brought.
    Absent(Box<Failure>),
    /// It does not hold.
    Failed(Box<Failure>),
    /// It could not be taken, because another one did not hold: this one.
    Untaken(Box<Failure>),
}

impl<T> Check<T> {
    /// Returns the evidence of a check that holds.
    pub fn proven(&self) -> Option<&T> {
        match self {
            Self::Proven(evidence) => Some(evidence),
            _ => None,
        }
    }

    /// Returns why it does not hold, whether something is wrong or missing.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Absent(failure) | Self::Failed(failure) => Some(failure),
            Self::Proven(_) | Self::Untaken(_) => None,
        }
    }

    /// Returns its name in JSON: `proven`, `absent`, `failed` or `untaken`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Proven(_) => "proven",
            Self::Absent(_) => "absent",
            Self::Failed(_) => "failed",
            Self::Untaken(_) => "untaken",
        }
    }

    fn of(taken: Taken<T>) -> Self {
        match taken {
            Ok(evidence) => Self::Proven(evidence),
            Err(failure) => match failure.reason {
                Reason::LogEntryMissing | Reason::TimeMissing | Reason::SctMissing => {
                    Self::Absent(failure)
                }
                _ => Self::Failed(failure),
            },
        }
    }

    /// Goes on if it is proven, after adding the step where somebody collects them.
    fn pass(
        &self,
        steps: &mut Option<&mut Vec<Step>>,
        step: impl FnOnce(T) -> Step,
    ) -> Result<(), &Failure>
    where
        T: Clone,
    {
        match (self, steps) {
            (Self::Proven(evidence), Some(steps)) => steps.push(step(evidence.clone())),
            (Self::Proven(_), None) => {}
            (Self::Absent(failure) | Self::Failed(failure) | Self::Untaken(failure), _) => {
                return Err(failure);
            }
        }
        Ok(())
    }
}

/// What each check of a bundle with a certificate found, whatever the others did.
///
/// Of itself it is no verdict: a signature is verified only if [`Self::verdict`] says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Examination {
    /// The bundle is well formed and of the sort asked for.
    pub bundle: Check<BundleEvidence>,
    /// The artifact is what the bundle is about.
    pub artifact: Check<ArtifactEvidence>,
    /// The certificate's key made the signature.
    pub signature: Check<SignatureEvidence>,
    /// Transparency logs hold the signature.
    pub log: Check<LogEvidence>,
    /// When the signature was made.
    pub time: Check<TimeEvidence>,
    /// The certificate was issued by a trusted authority. Where no time is proven, this was looked at for
    /// [`Self::assumed_time`].
    pub certificate: Check<CertificateEvidence>,
    /// The first second of the certificate's validity, where it stands in for a time that is not proven.
    pub assumed_time: Option<Time>,
    /// A certificate log holds the certificate.
    pub sct: Check<SctEvidence>,
    /// Whom the certificate names.
    pub identity: Check<IdentityEvidence>,
    unknown_fields: Vec<String>,
}

impl Examination {
    /// Returns the verdict, the same that [`Verifier::prove`] comes to but for the question who may sign: it has no
    /// failure only when every check holds.
    pub fn verdict(&self) -> Verdict {
        let mut steps = Vec::with_capacity(8);
        let failure = self.walk(Some(&mut steps)).err().cloned();
        Verdict {
            steps,
            failure,
            unknown_fields: self.unknown_fields.clone(),
        }
    }

    /// Returns what its verdict ends with, `None` when every check holds.
    pub fn failure(&self) -> Option<&Failure> {
        self.walk(None).err()
    }

    /// Takes the checks in the order in which they decide, up to one that is not proven.
    fn walk(&self, mut steps: Option<&mut Vec<Step>>) -> Result<(), &Failure> {
        let steps = &mut steps;
        self.bundle.pass(steps, Step::Bundle)?;
        self.artifact.pass(steps, Step::Artifact)?;
        self.signature.pass(steps, Step::Signature)?;
        self.log.pass(steps, Step::Log)?;
        self.time.pass(steps, Step::Time)?;
        self.certificate.pass(steps, Step::Certificate)?;
        self.sct.pass(steps, Step::Sct)?;
        self.identity.pass(steps, Step::Identity)
    }
}

impl Verifier {
    /// Takes every check of a bundle with a certificate on its own, and says of each what it found.
    ///
    /// This is for signatures of which part of the evidence was never kept, as those of most commits. It asks nobody who
    /// may sign.
    pub fn examine(&self, bundle: &Bundle, artifact: &Artifact<'_>) -> Examination {
        let entries = log::read_entries(bundle);
        let read = entries.as_deref().unwrap_or_default();
        let signer = Signer::new(bundle, Asked::Anybody, read);
        let form = match (&entries, &signer) {
            (Err(failure), _) | (Ok(_), Err(failure)) => Err(failure.clone()),
            _ => self.check_carried(bundle).map(|()| super::form(bundle)),
        };

        let mut logged = Vec::new();
        let signer = signer.as_ref();
        let checked = signer.map(|signer| (signer, artifact::check(bundle, artifact, signer)));
        let (artifact, signature, log) = match checked {
            Err(failure) => (
                Check::Untaken(failure.clone()),
                Check::Failed(failure.clone()),
                Check::Untaken(failure.clone()),
            ),
            Ok((_, Err(failure))) => (
                Check::Failed(failure.clone()),
                Check::Untaken(failure.clone()),
                Check::Untaken(failure),
            ),
            Ok((signer, Ok((signed, evidence)))) => {
                let log = entries.as_ref().map_err(Clone::clone).and_then(|entries| {
                    let (evidence, at) = self.check_log(bundle, entries, &signed, signer)?;
                    logged = at;
                    Ok(evidence)
                });
                let signature = signature::check(bundle, &signed, signer);
                (
                    Check::Proven(evidence),
                    Check::of(signature),
                    Check::of(log),
                )
            }
        };
        let time = self.check_time(bundle, &logged, bundle.certificate().is_some());
        let no_certificate = || failed(StepName::Bundle, Reason::PolicyNeedsKey);
        let mut found = Examination {
            bundle: Check::of(form),
            artifact,
            signature,
            log,
            time: Check::of(time),
            certificate: Check::Untaken(no_certificate()),
            assumed_time: None,
            sct: Check::Untaken(no_certificate()),
            identity: Check::Untaken(no_certificate()),
            unknown_fields: bundle.unknown_fields.clone(),
        };
        if let Some(leaf) = bundle.certificate() {
            self.examine_certificate(leaf, &mut found);
        }
        found
    }

    fn examine_certificate(&self, leaf: &Certificate, found: &mut Examination) {
        let proven = found.time.proven();
        let mut times: Vec<Time> = proven.map_or_else(Vec::new, |evidence| {
            evidence.times.iter().map(|source| source.time).collect()
        });
        if times.is_empty() {
            found.assumed_time = Some(leaf.not_before());
            times.push(leaf.not_before());
        }
        match self.check_chain(leaf, &times) {
            Err(failure) => {
                found.sct = Check::Untaken(failure.clone());
                found.identity = Check::Untaken(failure.clone());
                found.certificate = Check::Failed(failure);
            }
            Ok((issuing, evidence)) => {
                found.sct = Check::of(self.check_sct(leaf, issuing));
                found.identity = Check::of(identity::check(leaf, &evidence.authority, None));
                found.certificate = Check::Proven(evidence);
            }
        }
    }
}
