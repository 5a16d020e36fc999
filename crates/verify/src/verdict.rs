//! What a verification proved, step by step, or the first thing that failed.
//!
//! The JSON form is documented in `docs/reference/verdict.md`.

mod evidence;

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

pub use crate::error::Reason;
use crate::policy::Nearest;
pub use evidence::{
    ArtifactEvidence, BundleEvidence, CertificateEvidence, ExtensionEvidence, IdentityEvidence,
    KeyEvidence, LogEntryEvidence, LogEvidence, PolicyEvidence, ProofEvidence, SctEvidence,
    SignatureEvidence, Step, TimeEvidence, TimeSource,
};

/// The version of the JSON form. A new field does not change it; another meaning does.
pub const VERDICT_VERSION: u32 = 1;

/// The outcome of a verification.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What was proven, in order, up to the failure if there is one.
    pub steps: Vec<Step>,
    /// The first thing that did not hold.
    pub failure: Option<Failure>,
    /// Fields of the bundle that were not known and therefore ignored.
    pub unknown_fields: Vec<String>,
}

/// The first thing that did not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The step that could not be taken.
    pub step: StepName,
    /// Why.
    pub reason: Reason,
    /// Which log entry or timestamp it was, counted from zero, where there may be several.
    pub item: Option<usize>,
    /// What would have been right.
    pub expected: Option<String>,
    /// What there was instead.
    pub found: Option<String>,
    /// The listed signer that comes nearest, and the part that differs.
    pub nearest: Option<Box<Nearest>>,
}

/// A step of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum StepName {
    /// The bundle is well formed and of the sort asked for.
    Bundle,
    /// The artifact is what the bundle is about.
    Artifact,
    /// The signer's key made the signature.
    Signature,
    /// A transparency log holds the signature.
    Log,
    /// When the signature was made.
    Time,
    /// The certificate was issued by a trusted authority and valid then.
    Certificate,
    /// A certificate log holds the certificate.
    Sct,
    /// The certificate is the expected identity's.
    Identity,
    /// The key is the one given.
    Key,
    /// The signer is listed in a trust file, for this.
    Policy,
}

impl Verdict {
    /// Tells whether every step was taken.
    pub fn is_verified(&self) -> bool {
        self.failure.is_none()
    }

    /// Returns the evidence of a step, if it was taken.
    pub fn step(&self, name: StepName) -> Option<&Step> {
        self.steps.iter().find(|step| step.name() == name)
    }

    /// Returns the verdict on a bundle that could not be read.
    pub fn unreadable(reason: impl Into<Reason>) -> Self {
        Self {
            steps: Vec::new(),
            failure: Some(*Failure::new(StepName::Bundle, reason)),
            unknown_fields: Vec::new(),
        }
    }
}

impl Failure {
    pub(crate) fn new(step: StepName, reason: impl Into<Reason>) -> Box<Self> {
        Box::new(Self {
            step,
            reason: reason.into(),
            item: None,
            expected: None,
            found: None,
            nearest: None,
        })
    }

    #[must_use]
    pub(crate) fn item(mut self: Box<Self>, item: usize) -> Box<Self> {
        self.item = Some(item);
        self
    }

    #[must_use]
    pub(crate) fn expected(mut self: Box<Self>, expected: impl ToString) -> Box<Self> {
        self.expected = Some(expected.to_string());
        self
    }

    #[must_use]
    pub(crate) fn found(mut self: Box<Self>, found: impl ToString) -> Box<Self> {
        self.found = Some(found.to_string());
        self
    }

    #[must_use]
    pub(crate) fn nearest(mut self: Box<Self>, nearest: Nearest) -> Box<Self> {
        self.nearest = Some(Box::new(nearest));
        self
    }
}

impl StepName {
    /// Returns the step's name in the JSON form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Artifact => "artifact",
            Self::Signature => "signature",
            Self::Log => "log",
            Self::Time => "time",
            Self::Certificate => "certificate",
            Self::Sct => "sct",
            Self::Identity => "identity",
            Self::Key => "key",
            Self::Policy => "policy",
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut verdict = serializer.serialize_struct("Verdict", 5)?;
        verdict.serialize_field("version", &VERDICT_VERSION)?;
        verdict.serialize_field("verified", &self.is_verified())?;
        verdict.serialize_field("steps", &self.steps)?;
        verdict.serialize_field("failure", &self.failure)?;
        verdict.serialize_field("unknownFields", &self.unknown_fields)?;
        verdict.end()
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut failure = serializer.serialize_struct("Failure", 7)?;
        failure.serialize_field("step", &self.step)?;
        failure.serialize_field("code", self.reason.code())?;
        failure.serialize_field("message", &self.reason.to_string())?;
        failure.serialize_field("item", &self.item)?;
        failure.serialize_field("expected", &self.expected)?;
        failure.serialize_field("found", &self.found)?;
        failure.serialize_field("nearest", &self.nearest)?;
        failure.end()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(found) = &self.found {
            write!(f, "; found {found}")?;
        }
        Ok(())
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
