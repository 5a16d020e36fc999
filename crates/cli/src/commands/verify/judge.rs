//! One artifact is judged by its bundle, or by the bundles of the document that goes with it.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_verify::bundle::Bundle;
use signhere_verify::formats::checksums::{Checksums, ChecksumsError, MAX_LIST_BYTES};
use signhere_verify::formats::{Attestation, Document, RegistryKeys};
use signhere_verify::verdict::{Failure, Reason, Verdict};
use signhere_verify::verifier::{Artifact, Policy};

use super::discover::{as_digest, bundle_of, missing_artifact};
use super::report::{Checked, Other};
use crate::error::CliError;
use crate::output::Output;
use crate::trust::{Chosen, Known};
use crate::{files, policy};

/// No bundle is larger.
pub(crate) const BUNDLE_LIMIT: u64 = 16 * 1024 * 1024;
/// No artifact is larger that has to be in memory.
const BYTES_LIMIT: u64 = 256 * 1024 * 1024;

/// What all artifacts are verified with.
pub(super) struct Verification<'a> {
    /// The one bundle that was named, if one was.
    pub(super) bundle: Option<&'a Path>,
    /// Who must have signed.
    pub(super) policy: Policy,
    /// Whose signature npm's own attestations need.
    pub(super) registry_keys: RegistryKeys,
    /// The instances that a bundle may be of.
    pub(super) known: Known,
    /// Whether what is verified is a list of checksums, whatever its name.
    pub(super) is_list: bool,
    /// Where progress is shown.
    pub(super) output: Output,
    /// Held by whoever has a whole artifact in memory: one at a time.
    pub(super) in_memory: Mutex<()>,
}

impl Verification<'_> {
    /// What became of `artifact`.
    pub(super) fn check(&self, artifact: &Path) -> Checked {
        let mut checked = Checked::of(artifact);
        if let Err(error) = self.fill(artifact, &mut checked) {
            checked.error = Some(error);
        }
        checked
    }

    fn fill(&self, artifact: &Path, checked: &mut Checked) -> Result<(), CliError> {
        let bundle = bundle_of(artifact, self.bundle, self.output)?;
        let bytes = files::read(checked.bundle.insert(bundle), BUNDLE_LIMIT);
        let subject = Subject::open(artifact, self)?;
        checked.list.clone_from(&subject.list);
        let document = match Document::parse(&bytes?) {
            Ok(document) => document,
            Err(error) => {
                checked.take(Verdict::unreadable(error));
                return Ok(());
            }
        };
        let subject = subject.with_digests(&document, self)?;
        let policy = self.policy_for(artifact);
        checked.form = Some(document.form.as_str());
        let mut judged = Vec::new();
        let mut unknown = None;
        for attestation in &document.attestations {
            let chosen = attestation.bundle.as_ref().ok();
            match chosen.map(|bundle| self.known.choose(bundle)).transpose() {
                Ok(chosen) => {
                    judged.push(Judged::new(attestation, chosen, &subject, &policy, self)?);
                }
                // Where others speak for the artifact, that of a stranger is no word against it.
                Err(error) if !attestation.is_registrys() => {
                    unknown.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        if let (true, Some(error)) = (judged.is_empty(), unknown) {
            return Err(error.about(&checked.subject));
        }
        decide(judged, checked);
        Ok(())
    }

    /// The policy, asked about this file: where trust files decide, a signer may sign some and not others.
    fn policy_for(&self, artifact: &Path) -> Policy {
        let place = policy::place_of(artifact);
        let is_file = artifact != Path::new("-") && as_digest(artifact) == Ok(None);
        match (&self.policy, place.filter(|_| is_file)) {
            (Policy::Trust(question), Some(place)) => Policy::Trust(question.clone().about(place)),
            (policy, _) => policy.clone(),
        }
    }

    /// Whether who signed a list may sign this file, which the list names.
    pub(super) fn allows(
        &self,
        list: &Verdict,
        instance: Option<&str>,
        file: &Path,
    ) -> Result<(), CliError> {
        match on_instance(&self.policy_for(file), instance) {
            Policy::Trust(question) => match question.allows(list) {
                Ok(_) => Ok(()),
                Err(failure) => Err(CliError::from(&*failure).about(&file.display().to_string())),
            },
            _ => Ok(()),
        }
    }
}

/// The policy, asked about a bundle of this instance: trust files say whose word counts for whom.
fn on_instance(policy: &Policy, instance: Option<&str>) -> Policy {
    match (policy, instance) {
        (Policy::Trust(question), Some(instance)) => Policy::Trust(question.clone().on(instance)),
        (policy, _) => policy.clone(),
    }
}

/// Settles which of the attestations speaks for the artifact: one that has to hold and does not, else the first that
/// holds, else the one that came furthest.
fn decide(judged: Vec<Judged>, checked: &mut Checked) {
    let refused = |one: &Judged| one.has_to_hold && !one.verdict.is_verified();
    let holds = |one: &Judged| !one.has_to_hold && one.verdict.is_verified();
    let furthest = || {
        let steps = judged
            .iter()
            .map(|one| (!one.has_to_hold, one.verdict.steps.len()));
        let best = steps.clone().max()?;
        steps.into_iter().position(|rank| rank == best)
    };
    let chosen = judged
        .iter()
        .position(refused)
        .or_else(|| judged.iter().position(holds))
        .or_else(furthest);
    for (position, one) in judged.into_iter().enumerate() {
        if Some(position) == chosen {
            checked.place = one.place;
            checked.instance = one.chosen;
            checked.take(one.verdict);
        } else {
            checked.others.push(Other::new(one.place, &one.verdict));
        }
    }
}

/// One attestation of a document.
struct Judged {
    place: Option<String>,
    /// The instance that it is of; none for a bundle that cannot be read.
    chosen: Option<Chosen>,
    verdict: Verdict,
    /// Whether the artifact is refused when this one is, whatever the others say: the registry's own.
    has_to_hold: bool,
}

impl Judged {
    fn new(
        attestation: &Attestation,
        chosen: Option<Chosen>,
        subject: &Subject<'_>,
        policy: &Policy,
        verification: &Verification<'_>,
    ) -> Result<Self, CliError> {
        let instance = chosen
            .as_ref()
            .and_then(|chosen| chosen.instance.as_deref());
        let policy = &on_instance(policy, instance);
        let asks_for_key = matches!(policy, Policy::Key(_));
        let has_to_hold = attestation.is_registrys() && !asks_for_key;
        let verdict = match (&attestation.bundle, &chosen) {
            (Err(error), _) => Verdict::unreadable(error.clone()),
            (Ok(_), None) => return Err(CliError::internal(&"a bundle without an instance")),
            (Ok(bundle), Some(chosen)) => subject.verify(|artifact| {
                let ask = |policy: &Policy| chosen.verifier.verify(bundle, artifact, policy);
                if has_to_hold {
                    let keys = &verification.registry_keys;
                    keys.verify(bundle, |key| ask(&Policy::Key(key.clone())))
                } else {
                    ask(policy)
                }
            })?,
        };
        Ok(Self {
            place: attestation.place.clone(),
            chosen,
            verdict: attestation.hold_to_form(verdict, subject.name()),
            has_to_hold,
        })
    }
}

/// The artifact, as far as it has been read.
struct Subject<'a> {
    path: &'a Path,
    digests: Vec<Digest>,
    /// The digest is all there is.
    is_digest: bool,
    /// Its bytes, where they are in memory anyway.
    bytes: OnceCell<Vec<u8>>,
    list: Option<Result<Checksums, ChecksumsError>>,
    in_memory: &'a Mutex<()>,
    /// Held from when its bytes are in memory until nobody needs them.
    turn: OnceCell<MutexGuard<'a, ()>>,
}

impl<'a> Subject<'a> {
    /// A list of checksums is read at once, so that what is verified is what is read.
    fn open(path: &'a Path, verification: &'a Verification<'_>) -> Result<Self, CliError> {
        let digest = as_digest(path)?;
        let mut subject = Self {
            path,
            digests: digest.into_iter().collect(),
            is_digest: digest.is_some(),
            bytes: OnceCell::new(),
            list: None,
            in_memory: &verification.in_memory,
            turn: OnceCell::new(),
        };
        let is_list = verification.is_list || subject.name().is_some_and(Checksums::is_name);
        let limit = u64::try_from(MAX_LIST_BYTES).unwrap_or(u64::MAX);
        if is_list && path.metadata().is_ok_and(|file| file.len() <= limit) {
            let bytes = files::read(path, limit).map_err(|error| missing_artifact(path, error))?;
            subject.list = Some(Checksums::parse(&bytes));
            subject.bytes = OnceCell::from(bytes);
        }
        Ok(subject)
    }

    /// Reads the artifact once, through all digests that any of the bundles asks for.
    fn with_digests(
        mut self,
        document: &Document,
        verification: &Verification<'_>,
    ) -> Result<Self, CliError> {
        if self.is_digest {
            return Ok(self);
        }
        let asked: Vec<HashAlgorithm> = document
            .attestations
            .iter()
            .filter_map(|attestation| attestation.bundle.as_ref().ok())
            .flat_map(Bundle::required_hashes)
            .collect();
        let algorithms: Vec<HashAlgorithm> = HashAlgorithm::ALL
            .into_iter()
            .filter(|algorithm| asked.contains(algorithm))
            .collect();
        if algorithms.is_empty() {
            return Ok(self);
        }
        self.digests = match self.bytes.get() {
            Some(bytes) => algorithms.iter().map(|one| one.digest(bytes)).collect(),
            None => files::digests(self.path, &algorithms, verification.output)
                .map_err(|error| missing_artifact(self.path, error))?,
        };
        Ok(self)
    }

    /// Verifies by digests, and by the bytes where only those will do.
    fn verify(&self, verify: impl Fn(&Artifact<'_>) -> Verdict) -> Result<Verdict, CliError> {
        let verdict = verify(&Artifact::Digests(&self.digests));
        let needs_bytes = |failure: &Failure| failure.reason == Reason::ArtifactBytesNeeded;
        let is_file = !self.is_digest && self.path != Path::new("-");
        if !is_file || !verdict.failure.as_ref().is_some_and(needs_bytes) {
            return Ok(verdict);
        }
        // Pure Ed25519 (RFC 8032) reads the message twice: it has to be in memory. Once for all bundles of a document,
        // however many those are.
        let bytes = match self.bytes.get() {
            Some(bytes) => bytes,
            None => {
                let lock = || self.in_memory.lock();
                self.turn
                    .get_or_init(|| lock().unwrap_or_else(PoisonError::into_inner));
                let bytes = files::read(self.path, BYTES_LIMIT)?;
                self.bytes.get_or_init(|| bytes)
            }
        };
        Ok(verify(&Artifact::Bytes(bytes)))
    }

    /// The file's name, where there is a file.
    fn name(&self) -> Option<&str> {
        let is_file = !self.is_digest && self.path != Path::new("-");
        self.path.file_name()?.to_str().filter(|_| is_file)
    }
}
