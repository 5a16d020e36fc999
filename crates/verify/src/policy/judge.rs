//! What the trust files say of a signature that was proven.

use std::sync::Arc;

use signhere_pki::fulcio;
use signhere_pki::key::PublicKey;
use signhere_pki::time::Time;

use super::file::{Lifetime, Signer, TrustFile, Who};
use super::{learn, near};
use crate::error::Reason;
use crate::verdict::{
    Failure, IdentityEvidence, KeyEvidence, PolicyEvidence, Step, StepName, Verdict,
};

/// Fulcio's extensions "Source Repository URI" and "Source Repository Identifier".
const REPOSITORY: u32 = 12;
const REPOSITORY_ID: u32 = 15;

/// The trust files in force: who is listed in one of them is listed.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    files: Vec<TrustFile>,
}

/// Whether the signer of an artifact may sign it.
#[derive(Clone, Debug)]
pub struct Question {
    trusted: Arc<Trusted>,
    path: Option<String>,
    instance: Option<String>,
}

/// Why a listed signer's signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAllowed {
    /// The file is none that the signer may sign, or its name is not known.
    #[error("not for this file")]
    File,
    /// The signer may not attest this type of predicate.
    #[error("not for this kind of statement")]
    Attestation,
    /// The instance that it was signed on is none whose word counts for this signer.
    #[error("not as certified by this instance")]
    Instance,
    /// Signed before the signer's first day or after the last.
    #[error("not for this time")]
    Window,
    /// Signed when the signer was revoked.
    #[error("it was revoked by then")]
    Revoked,
    /// Nothing proves when it was signed, and the signer's time is limited.
    #[error("for a limited time, and nothing proves when this was signed")]
    Time,
}

impl Trusted {
    /// Trust files, the first to be asked first.
    pub fn new(files: Vec<TrustFile>) -> Self {
        Self { files }
    }

    /// The files.
    pub fn files(&self) -> &[TrustFile] {
        &self.files
    }

    /// Every signer with the file that lists it.
    pub fn signers(&self) -> impl Iterator<Item = (&TrustFile, &Signer)> {
        let signers = |file| TrustFile::signers_of(file);
        self.files.iter().flat_map(signers)
    }

    /// Every key, each once.
    pub fn keys(&self) -> Vec<&PublicKey> {
        let mut keys: Vec<&PublicKey> = Vec::new();
        for (_, signer) in self.signers() {
            if let Who::Key(key) = &signer.who
                && !keys.contains(&key)
            {
                keys.push(key);
            }
        }
        keys
    }
}

impl TrustFile {
    fn signers_of(&self) -> impl Iterator<Item = (&Self, &Signer)> {
        self.signers.iter().map(move |signer| (self, signer))
    }
}

impl Question {
    /// Whether somebody may sign something whose name is not known.
    pub fn new(trusted: Arc<Trusted>) -> Self {
        Self {
            trusted,
            path: None,
            instance: None,
        }
    }

    /// Whether somebody may sign the file at `path`: absolute, with `/` between segments.
    #[must_use]
    pub fn about(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same question, of a bundle that belongs to the instance of this name. Without one the caller has
    /// chosen the trusted root, and any signer's instance will do.
    #[must_use]
    pub fn on(mut self, instance: impl Into<String>) -> Self {
        self.instance = Some(instance.into());
        self
    }

    /// The trust files.
    pub fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    /// Judges a verdict again, as if what was verified were the file of this question: a list of checksums speaks for
    /// the files that it names, and only for those that its signer may sign.
    ///
    /// # Errors
    /// The [`Failure`] of a signer that may not sign this file.
    pub fn allows(&self, verdict: &Verdict) -> Result<PolicyEvidence, Box<Failure>> {
        self.judge(&verdict.steps)
    }

    /// Returns the entries that whoever signed is listed as, each for the proven times and the instance. What they
    /// may sign is not looked at; see [`Signer::is_limited`].
    ///
    /// # Errors
    /// The [`Failure`] of one who is not listed, or not for these times or this instance, or is revoked.
    pub fn listed(&self, steps: &[Step]) -> Result<Vec<&Signer>, Box<Failure>> {
        let proven = Proven::of(steps);
        let mut refusal: Option<(NotAllowed, &TrustFile, &Signer)> = None;
        let mut listed = Vec::new();
        for (file, signer) in self.trusted.signers().filter(|(_, s)| proven.is_by(s)) {
            match self.check_who(signer, &proven) {
                Err(NotAllowed::Revoked) => {
                    return Err(self.refused(NotAllowed::Revoked, file, signer, &proven));
                }
                Err(why) => {
                    refusal.get_or_insert((why, file, signer));
                }
                Ok(()) => listed.push(signer),
            }
        }
        match (listed.is_empty(), refusal) {
            (false, _) => Ok(listed),
            (true, Some((why, file, signer))) => Err(self.refused(why, file, signer, &proven)),
            (true, None) => Err(self.unlisted(&proven)),
        }
    }

    /// Judges what was proven; `steps` end with who signed.
    pub(crate) fn judge(&self, steps: &[Step]) -> Result<PolicyEvidence, Box<Failure>> {
        let proven = Proven::of(steps);
        let mut refusal: Option<(NotAllowed, &TrustFile, &Signer)> = None;
        let mut accepted = None;
        for (file, signer) in self.trusted.signers().filter(|(_, s)| proven.is_by(s)) {
            match self.check(file, signer, &proven) {
                // A revocation counts whoever else lists the signer.
                Err(NotAllowed::Revoked) => {
                    return Err(self.refused(NotAllowed::Revoked, file, signer, &proven));
                }
                Err(why) => {
                    refusal.get_or_insert((why, file, signer));
                }
                Ok(()) => {
                    accepted.get_or_insert((file, signer));
                }
            }
        }
        match (accepted, refusal) {
            (Some((file, signer)), _) => Ok(PolicyEvidence {
                signer: signer.name.clone(),
                file: file.label.clone(),
            }),
            (None, Some((why, file, signer))) => Err(self.refused(why, file, signer, &proven)),
            (None, None) => Err(self.unlisted(&proven)),
        }
    }

    fn check(
        &self,
        file: &TrustFile,
        signer: &Signer,
        proven: &Proven<'_>,
    ) -> Result<(), NotAllowed> {
        self.check_who(signer, proven)?;
        if !signer.is_limited() {
            return Ok(());
        }
        if let Some(predicate) = proven.predicate {
            let types = signer.attestations.iter().flatten();
            if !types.into_iter().any(|listed| listed == predicate) {
                return Err(NotAllowed::Attestation);
            }
        }
        match (&signer.files, proven.predicate) {
            (Some(_), _) if self.is_file_of(file, signer) => Ok(()),
            // Attestations are limited by type alone where no files are named.
            (None, Some(_)) => Ok(()),
            _ => Err(NotAllowed::File),
        }
    }

    fn check_who(&self, signer: &Signer, proven: &Proven<'_>) -> Result<(), NotAllowed> {
        signer.lifetime.check(&proven.times)?;
        match &self.instance {
            Some(instance) if !signer.is_on(instance) => Err(NotAllowed::Instance),
            _ => Ok(()),
        }
    }

    /// Whether the file is among those that the signer's entry names.
    fn is_file_of(&self, file: &TrustFile, signer: &Signer) -> bool {
        let Some(path) = &self.path else { return false };
        let name = path.rsplit('/').next().unwrap_or_default();
        let base = file.base.as_deref().map(|base| base.trim_end_matches('/'));
        let inside = base
            .and_then(|base| path.strip_prefix(base))
            .and_then(|path| path.strip_prefix('/'));
        let patterns = signer.files.iter().flatten();
        patterns
            .into_iter()
            .any(|pattern| pattern.matches(name, inside))
    }

    fn refused(
        &self,
        why: NotAllowed,
        file: &TrustFile,
        signer: &Signer,
        proven: &Proven<'_>,
    ) -> Box<Failure> {
        let list = |items: Vec<&str>| match items.is_empty() {
            true => "nothing of the kind".to_owned(),
            false => items.join(", "),
        };
        let files = signer
            .files
            .iter()
            .flatten()
            .map(super::FilePattern::as_str);
        let types = signer.attestations.iter().flatten().map(String::as_str);
        let times: Vec<String> = proven.times.iter().map(Time::to_string).collect();
        let (expected, found) = match why {
            NotAllowed::File => (
                list(files.collect()),
                self.path
                    .clone()
                    .unwrap_or_else(|| "no file name".to_owned()),
            ),
            NotAllowed::Attestation => (
                list(types.collect()),
                proven.predicate.unwrap_or_default().to_owned(),
            ),
            NotAllowed::Instance => (
                list(signer.instances()),
                self.instance.clone().unwrap_or_default(),
            ),
            NotAllowed::Window | NotAllowed::Revoked => (
                signer.lifetime.to_string(),
                format!("signed at {}", times.join(", ")),
            ),
            NotAllowed::Time => (signer.lifetime.to_string(), "no proven time".to_owned()),
        };
        let reason = Reason::SignerNotAllowed {
            signer: signer.name.clone(),
            file: file.label.clone(),
            why,
        };
        Failure::new(StepName::Policy, reason)
            .expected(expected)
            .found(found)
    }

    fn unlisted(&self, proven: &Proven<'_>) -> Box<Failure> {
        let who = match proven.times.iter().min() {
            Some(first) => format!("{proven}, signed at {first}"),
            None => proven.to_string(),
        };
        let claims = |file: &TrustFile, signer: &Signer| {
            let is_named = signer
                .files
                .as_ref()
                .is_some_and(|files| !files.iter().all(super::FilePattern::takes_all));
            is_named && self.is_file_of(file, signer)
        };
        let nearest = proven.identity().and_then(|found| {
            let near = self.trusted.signers().filter_map(|(file, signer)| {
                near::compare(file, signer, found, claims(file, signer))
            });
            near.min_by_key(|(distance, _)| *distance)
        });
        if let Some((_, nearest)) = nearest {
            let reason = match nearest.part {
                "issuer" => Reason::IssuerMismatch,
                _ => Reason::IdentityMismatch,
            };
            return Failure::new(StepName::Policy, reason)
                .expected(&nearest.expected)
                .found(&nearest.found)
                .nearest(nearest);
        }
        let claimant = self
            .trusted
            .signers()
            .find(|(file, signer)| claims(file, signer));
        match claimant {
            Some((_, signer)) => Failure::new(StepName::Policy, Reason::IdentityMismatch)
                .expected(&signer.who)
                .found(who),
            None => {
                let instance = self.instance.as_deref();
                let proposal = proven
                    .identity
                    .map(|found| learn::by_identity(found, instance));
                let proposal = proposal.and_then(Result::ok).map(Box::new);
                let reason = Reason::SignerUnlisted { proposal };
                Failure::new(StepName::Policy, reason).found(who)
            }
        }
    }
}

/// What of the evidence is judged.
struct Proven<'a> {
    identity: Option<&'a IdentityEvidence>,
    key: Option<&'a KeyEvidence>,
    times: Vec<Time>,
    /// The statement's predicate type; `None` for a signature over the artifact itself.
    predicate: Option<&'a str>,
}

impl<'a> Proven<'a> {
    fn of(steps: &'a [Step]) -> Self {
        let mut proven = Self {
            identity: None,
            key: None,
            times: Vec::new(),
            predicate: None,
        };
        for step in steps {
            match step {
                Step::Artifact(artifact) => proven.predicate = artifact.predicate_type.as_deref(),
                Step::Time(time) => proven.times.extend(time.times.iter().map(|t| t.time)),
                Step::Identity(identity) => proven.identity = Some(identity),
                Step::Key(key) => proven.key = Some(key),
                _ => {}
            }
        }
        proven
    }

    fn identity(&self) -> Option<&'a IdentityEvidence> {
        self.identity
    }

    fn is_by(&self, signer: &Signer) -> bool {
        match (&signer.who, self.identity, self.key) {
            (
                Who::Identity {
                    identity,
                    issuer,
                    repository,
                    repository_id,
                },
                Some(found),
                None,
            ) => {
                let says = |number, expected: &Option<String>| {
                    expected
                        .as_deref()
                        .is_none_or(|expected| extension(found, number) == Some(expected))
                };
                issuer.as_str() == found.issuer
                    && identity.matches(&found.identity, found.kind)
                    && says(REPOSITORY, repository)
                    && says(REPOSITORY_ID, repository_id)
            }
            (Who::Key(key), None, Some(found)) => hex::encode(key.key_id()) == found.key_id,
            _ => false,
        }
    }
}

impl std::fmt::Display for Proven<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.identity, self.key) {
            (Some(found), _) => write!(f, "{} ({})", found.identity, found.issuer),
            (None, Some(key)) => write!(f, "the {} key sha256:{}", key.kind, key.key_id),
            (None, None) => f.write_str("nobody"),
        }
    }
}

/// The text of one of Fulcio's extensions.
pub(super) fn extension(found: &IdentityEvidence, number: u32) -> Option<&str> {
    let oid = format!("{}.{number}", fulcio::ARC);
    let mut extensions = found.extensions.iter();
    let extension = extensions.find(|extension| extension.oid == oid)?;
    Some(&extension.value)
}

impl Lifetime {
    /// Whether signatures of these proven times count.
    ///
    /// # Errors
    /// [`NotAllowed`] for a time outside, and for no time where one is asked for.
    pub fn check(&self, times: &[Time]) -> Result<(), NotAllowed> {
        if self.is_unlimited() {
            return Ok(());
        }
        if let Some(revoked) = self.revoked
            && (times.is_empty() || times.iter().any(|time| *time >= revoked))
        {
            return Err(NotAllowed::Revoked);
        }
        if times.is_empty() {
            return Err(NotAllowed::Time);
        }
        let is_within = |time: &Time| {
            self.from.is_none_or(|from| from <= *time)
                && self.until.is_none_or(|until| *time <= until)
        };
        match times.iter().all(is_within) {
            true => Ok(()),
            false => Err(NotAllowed::Window),
        }
    }
}

impl std::fmt::Display for Lifetime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("from", self.from),
            ("until", self.until),
            ("revoked from", self.revoked),
        ];
        let parts = parts
            .into_iter()
            .filter_map(|(name, time)| Some(format!("{name} {}", time?)));
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Identity {
                identity, issuer, ..
            } => write!(f, "{identity} ({issuer})"),
            Self::Key(key) => {
                write!(
                    f,
                    "the {} key sha256:{}",
                    key.kind(),
                    hex::encode(key.key_id())
                )
            }
        }
    }
}

impl Verdict {
    /// Who signed, if it came to that: evidence that everything but the policy holds.
    pub fn signer(&self) -> Option<&IdentityEvidence> {
        match self.step(StepName::Identity) {
            Some(Step::Identity(identity)) => Some(identity),
            _ => None,
        }
    }
}
