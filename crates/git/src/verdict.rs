//! What is proven of a commit or a tag, check by check, and what follows from it.

use serde::Serialize;
use signhere_pki::cert::Certificate;
use signhere_pki::cms::CmsError;
use signhere_pki::time::{Time, Validity};
use signhere_verify::verdict::{Failure, PolicyEvidence, Step, StepName};
use signhere_verify::verifier::{Check, Examination};

use crate::armor::SignatureKind;
use crate::cms::{EmbeddedError, SignatureError};
use crate::object::{ObjectError, ObjectId, ObjectKind};

/// How far the time that a signer claims may lie outside of the certificate's validity, in seconds. Clocks differ, and
/// the claim may be made before the login that the certificate comes from.
pub const SIGNING_TIME_SKEW: i64 = 600;

/// What is known of a commit or a tag.
#[derive(Clone, Debug)]
pub struct GitVerdict {
    /// Its name, computed from its bytes.
    pub id: ObjectId,
    /// What it is.
    pub kind: ObjectKind,
    /// The kind of its signature; `None` when it is not signed.
    pub signature: Option<SignatureKind>,
    /// What each check of a CMS signature found; `None` for others, and for one that cannot be read.
    pub evidence: Option<Box<Evidence>>,
    /// What follows.
    pub outcome: Outcome,
}

/// What is known of a signature whose object is not at hand.
#[derive(Clone, Debug)]
pub struct SignatureVerdict {
    /// Its kind.
    pub signature: SignatureKind,
    /// As in [`GitVerdict`].
    pub evidence: Option<Box<Evidence>>,
    /// What follows.
    pub outcome: Outcome,
}

/// What follows from the checks of an object. Nothing but [`Self::Verified`] says that somebody who may has signed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Everything holds, and the signer is listed for this.
    Verified(PolicyEvidence),
    /// Everything holds; whether the signer may sign was not asked.
    Proven,
    /// Everything holds, and the signer may not sign this.
    NotAllowed(Box<Failure>),
    /// The signature is good and its certificate was issued by a trusted authority, but this was never brought along:
    /// a log entry, a proven time, a certificate log's timestamp.
    Unproven(Vec<Missing>),
    /// Something is wrong.
    Refused(Box<GitFailure>),
    /// There is no signature.
    Unsigned,
    /// A signature of another kind, which is not verified here.
    Foreign(SignatureKind),
    /// A signature that names a platform's own key: nobody's but the platform's, and not verified here.
    Platform {
        /// The platform.
        platform: &'static str,
    },
    /// The object is not of git's form.
    Unreadable(ObjectError),
}

/// A piece of evidence that was never brought along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Missing {
    /// The log entry.
    Log,
    /// A proven time.
    Time,
    /// The certificate log's timestamp, which the first certificates carried elsewhere.
    Sct,
}

/// What is wrong with an object's signature.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GitFailure {
    /// The signature cannot be read, or is not about this object.
    #[error(transparent)]
    Signature(SignatureError),
    /// What it embeds cannot be read.
    #[error(transparent)]
    Embedded(EmbeddedError),
    /// The signer claims a time at which the certificate was not valid.
    #[error("signed at {claimed} by its own account, with a certificate for {validity}")]
    SigningTime {
        /// The claimed time.
        claimed: Time,
        /// The certificate's validity.
        validity: Validity,
    },
    /// A check of the signature, its certificate or its log entry fails.
    #[error("{0}")]
    Check(Box<Failure>),
}

/// What each check of a CMS signature found.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The signer's certificate. What it says is proven where the checks are.
    pub certificate: Certificate,
    /// The time that the signer claims.
    pub signing_time: Option<Time>,
    /// Whether the signature is over this object's digest.
    pub content: Result<(), SignatureError>,
    /// Whether log entries and timestamps are embedded, and can be read.
    pub embedded: Embedded,
    /// The checks of signature, log, time, certificate, SCT and identity.
    pub examination: Examination,
    /// Whether log and time are proven by a bundle that came beside the object.
    pub from_note: bool,
    /// Why other bundles that came beside the object prove nothing.
    pub refused_notes: Vec<Failure>,
    /// The instance whose trusted root was used, where it has a name.
    pub instance: Option<String>,
    /// What the trust files say of the signer, where they were asked.
    pub policy: Option<Result<PolicyEvidence, Box<Failure>>>,
}

/// What a signature embeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Embedded {
    /// So many log entries and timestamps.
    Read {
        /// Log entries.
        entries: usize,
        /// Timestamps.
        timestamps: usize,
    },
    /// Something that cannot be read.
    Unreadable(EmbeddedError),
}

/// One check in few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckSummary {
    /// `content`, `signature`, `log`, `time`, `certificate`, `sct`, `identity`, `signingTime`, `policy`.
    pub check: &'static str,
    /// `proven`, `absent`, `failed`, `untaken`; `plausible` of a signing time.
    pub status: &'static str,
    /// Why, as a stable code.
    pub code: Option<&'static str>,
    /// Why, in words.
    pub message: Option<String>,
}

impl GitVerdict {
    /// Returns the steps of the proof when everything but the policy holds: who signed, when, and where that is logged.
    pub fn steps(&self) -> Option<Vec<Step>> {
        steps(&self.outcome, self.evidence.as_deref())
    }
}

impl SignatureVerdict {
    /// As [`GitVerdict::steps`].
    pub fn steps(&self) -> Option<Vec<Step>> {
        steps(&self.outcome, self.evidence.as_deref())
    }
}

fn steps(outcome: &Outcome, evidence: Option<&Evidence>) -> Option<Vec<Step>> {
    match outcome {
        Outcome::Verified(_) | Outcome::Proven | Outcome::NotAllowed(_) => {
            let verdict = evidence?.examination.verdict();
            verdict.is_verified().then_some(verdict.steps)
        }
        _ => None,
    }
}

impl Outcome {
    /// Returns its name in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Verified(_) => "verified",
            Self::Proven => "proven",
            Self::NotAllowed(_) => "notAllowed",
            Self::Unproven(_) => "unproven",
            Self::Refused(_) => "refused",
            Self::Unsigned => "unsigned",
            Self::Foreign(_) => "foreign",
            Self::Platform { .. } => "platform",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Returns the stable code of what is wrong or missing, `None` when nothing is.
    pub fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Verified(_) | Self::Proven => return None,
            Self::NotAllowed(failure) => failure.reason.code(),
            Self::Unproven(_) => "SH-GIT-UNPROVEN",
            Self::Refused(failure) => failure.code(),
            Self::Unsigned => "SH-GIT-UNSIGNED",
            Self::Foreign(_) => "SH-GIT-FOREIGN",
            Self::Platform { .. } => "SH-GIT-PLATFORM",
            Self::Unreadable(_) => "SH-GIT-OBJECT",
        })
    }
}

impl Missing {
    /// Returns its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Time => "time",
            Self::Sct => "sct",
        }
    }
}

impl GitFailure {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Signature(SignatureError::Armor(_)) => "SH-GIT-ARMOR",
            Self::Signature(SignatureError::Cms(CmsError::MessageDigest { .. })) => {
                "SH-GIT-CONTENT"
            }
            Self::Signature(_) => "SH-GIT-CMS",
            Self::Embedded(_) => "SH-GIT-EMBEDDED",
            Self::SigningTime { .. } => "SH-GIT-SIGNING-TIME",
            Self::Check(failure) => failure.reason.code(),
        }
    }
}

impl Evidence {
    /// Whether the claimed time is near the certificate's validity; `None` when no time is claimed.
    pub fn is_signing_time_plausible(&self) -> Option<bool> {
        let validity = self.certificate.validity();
        let near = Validity {
            start: validity.start.plus_seconds(-SIGNING_TIME_SKEW),
            end: validity.end.map(|end| end.plus_seconds(SIGNING_TIME_SKEW)),
        };
        self.signing_time.map(|claimed| near.contains(claimed))
    }

    /// Returns every check in few words, in the order in which they decide.
    pub fn checks(&self) -> Vec<CheckSummary> {
        let examined = &self.examination;
        let content = match &self.content {
            Ok(()) => CheckSummary::new("content", "proven"),
            Err(error) => {
                CheckSummary::new("content", "failed").why(&GitFailure::Signature(error.clone()))
            }
        };
        let log = match &self.embedded {
            Embedded::Unreadable(error) if !self.from_note => {
                CheckSummary::new("log", "failed").why(&GitFailure::Embedded(error.clone()))
            }
            _ => CheckSummary::of("log", &examined.log),
        };
        let mut checks = vec![
            content,
            CheckSummary::of("signature", &examined.signature),
            log,
            CheckSummary::of("time", &examined.time),
            CheckSummary::of("certificate", &examined.certificate),
            CheckSummary::of("sct", &examined.sct),
            CheckSummary::of("identity", &examined.identity),
        ];
        checks.push(
            match (self.is_signing_time_plausible(), self.signing_time) {
                (Some(true), _) => CheckSummary::new("signingTime", "plausible"),
                (Some(false), Some(claimed)) => {
                    CheckSummary::new("signingTime", "failed").why(&self.implausible(claimed))
                }
                _ => CheckSummary::new("signingTime", "absent"),
            },
        );
        checks.extend(self.policy.as_ref().map(|policy| match policy {
            Ok(_) => CheckSummary::new("policy", "proven"),
            Err(failure) => {
                CheckSummary::new("policy", "failed").why(&GitFailure::Check(failure.clone()))
            }
        }));
        checks
    }

    /// What follows, always the same from the same evidence: what is wrong comes before what is missing, and both come
    /// before the question who may sign.
    pub(crate) fn outcome(&self) -> Outcome {
        let refused = |failure| Outcome::Refused(Box::new(failure));
        if let Err(error) = &self.content {
            return refused(GitFailure::Signature(error.clone()));
        }
        let failed = self.first_failed();
        // A signature that is none is worse than an entry that cannot be read.
        if let Some(failure) = failed.clone().filter(|one| one.step == StepName::Signature) {
            return refused(GitFailure::Check(failure));
        }
        if let Embedded::Unreadable(error) = &self.embedded
            && !self.from_note
        {
            return refused(GitFailure::Embedded(error.clone()));
        }
        if let Some(failure) = failed {
            return refused(GitFailure::Check(failure));
        }
        if let (Some(false), Some(claimed)) = (self.is_signing_time_plausible(), self.signing_time)
        {
            return refused(self.implausible(claimed));
        }
        let missing = self.missing();
        if !missing.is_empty() {
            return Outcome::Unproven(missing);
        }
        if let Some(failure) = self.examination.failure() {
            return refused(GitFailure::Check(Box::new(failure.clone())));
        }
        match &self.policy {
            None => Outcome::Proven,
            Some(Ok(evidence)) => Outcome::Verified(evidence.clone()),
            Some(Err(failure)) => Outcome::NotAllowed(failure.clone()),
        }
    }

    fn missing(&self) -> Vec<Missing> {
        let examined = &self.examination;
        let checks = [
            (matches!(examined.log, Check::Absent(_)), Missing::Log),
            (matches!(examined.time, Check::Absent(_)), Missing::Time),
            (matches!(examined.sct, Check::Absent(_)), Missing::Sct),
        ];
        let absent = checks.into_iter().filter(|(is_absent, _)| *is_absent);
        absent.map(|(_, missing)| missing).collect()
    }

    fn first_failed(&self) -> Option<Box<Failure>> {
        fn failed<T>(check: &Check<T>) -> Option<&Failure> {
            match check {
                Check::Failed(failure) => Some(failure),
                _ => None,
            }
        }
        let examined = &self.examination;
        failed(&examined.artifact)
            .or_else(|| failed(&examined.signature))
            .or_else(|| failed(&examined.bundle))
            .or_else(|| failed(&examined.log))
            .or_else(|| failed(&examined.time))
            .or_else(|| failed(&examined.certificate))
            .or_else(|| failed(&examined.sct))
            .or_else(|| failed(&examined.identity))
            .map(|failure| Box::new(failure.clone()))
    }

    fn implausible(&self, claimed: Time) -> GitFailure {
        GitFailure::SigningTime {
            claimed,
            validity: self.certificate.validity(),
        }
    }
}

impl CheckSummary {
    fn new(check: &'static str, status: &'static str) -> Self {
        Self {
            check,
            status,
            code: None,
            message: None,
        }
    }

    fn of<T>(name: &'static str, check: &Check<T>) -> Self {
        let summary = Self::new(name, check.as_str());
        match check.failure() {
            Some(failure) => summary.why(&GitFailure::Check(Box::new(failure.clone()))),
            None => summary,
        }
    }

    fn why(mut self, failure: &GitFailure) -> Self {
        self.code = Some(failure.code());
        self.message = Some(failure.to_string());
        self
    }
}
