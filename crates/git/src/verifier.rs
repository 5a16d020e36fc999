//! From a commit or a tag to its verdict.

use signhere_pki::cert::Certificate;
use signhere_verify::bundle::{Bundle, Content};
use signhere_verify::policy::Question;
use signhere_verify::verdict::Failure;
use signhere_verify::verifier::{Artifact, Verifier};

use crate::armor::{Armor, SignatureKind};
use crate::cms::GitSignature;
use crate::object::{Object, ObjectId, ObjectKind};
use crate::proof::{Prove, Proven, Wanted};
use crate::verdict::{CertificateFacts, Embedded, Evidence, GitFailure, GitVerdict, Outcome};

/// The most bundles beside an object that are looked at.
pub const MAX_NOTES: usize = 64;

/// Verifies commits and tags against the trusted roots of one or more instances.
///
/// It may be kept, cloned and shared by threads, as [`Verifier`] may.
#[derive(Clone, Debug)]
pub struct GitVerifier {
    first: Instance,
    others: Vec<Instance>,
}

/// An instance whose signatures count.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its name, for trust files that say which instance a signer signs on.
    pub name: Option<String>,
    /// The verifier of its trusted root.
    pub verifier: Verifier,
}

impl GitVerifier {
    /// Verifies by one trusted root, chosen by the caller.
    pub fn new(verifier: Verifier) -> Self {
        let first = Instance {
            name: None,
            verifier,
        };
        Self::of_instances(first, [])
    }

    /// Verifies each signature by the instance whose trusted root lists its certificate's issuer, and by the first
    /// where none does.
    pub fn of_instances(first: Instance, others: impl IntoIterator<Item = Instance>) -> Self {
        Self {
            first,
            others: others.into_iter().collect(),
        }
    }

    /// Verifies an object. Without a `question` nobody is asked who may sign, and nothing comes out as verified.
    pub fn verify(&self, object: &Object, question: Option<&Question>) -> GitVerdict {
        self.verify_with(object, &[], question)
    }

    /// The same with the bundles that were found beside the object, which may prove what it does not carry itself.
    pub fn verify_with(
        &self,
        object: &Object,
        notes: &[Bundle],
        question: Option<&Question>,
    ) -> GitVerdict {
        let mut verdict = GitVerdict {
            id: object.id(),
            kind: object.kind(),
            signature: None,
            evidence: None,
            outcome: Outcome::Unsigned,
        };
        let Some(armor) = object.own_signature() else {
            return verdict;
        };
        let kind = Armor::classify(armor);
        verdict.signature = Some(kind.clone());
        verdict.outcome = match kind {
            SignatureKind::X509 => match GitSignature::from_armor(armor) {
                Ok(signature) => {
                    let evidence = self.examine(object, &signature, notes, question);
                    let outcome = evidence.outcome();
                    verdict.evidence = Some(Box::new(evidence));
                    outcome
                }
                Err(error) => Outcome::Refused(Box::new(GitFailure::Signature(error))),
            },
            SignatureKind::Pgp {
                platform: Some(platform),
                ..
            } => Outcome::Platform { platform },
            kind => Outcome::Foreign(kind),
        };
        verdict
    }

    /// Verifies the signed tags that a merge commit embeds, each as an object of its own.
    pub fn verify_embedded(&self, object: &Object, question: Option<&Question>) -> Vec<GitVerdict> {
        let tags = object.mergetags().iter();
        tags.map(
            |bytes| match Object::parse(ObjectKind::Tag, bytes.as_slice()) {
                Ok(tag) => self.verify(&tag, question),
                Err(error) => GitVerdict {
                    id: ObjectId::of(object.format(), ObjectKind::Tag, bytes),
                    kind: ObjectKind::Tag,
                    signature: None,
                    evidence: None,
                    outcome: Outcome::Unreadable(error),
                },
            },
        )
        .collect()
    }

    fn examine(
        &self,
        object: &Object,
        signature: &GitSignature,
        notes: &[Bundle],
        question: Option<&Question>,
    ) -> Evidence {
        let instance = self.instance_of(signature.certificate());
        let (bundle, embedded) = match signature.bundle() {
            Ok(bundle) => {
                let embedded = Embedded::Read {
                    entries: bundle.material.tlog_entries.len(),
                    timestamps: bundle.material.timestamps.len(),
                };
                (bundle, embedded)
            }
            Err(error) => (signature.bare_bundle(), Embedded::Unreadable(error)),
        };
        let artifact = Artifact::Bytes(signature.attributes_set());
        let mut evidence = Evidence {
            certificate: CertificateFacts::of(signature.certificate()),
            signing_time: signature.signing_time(),
            content: signature.check(&object.payload()),
            embedded,
            examination: instance.verifier.examine(&bundle, &artifact),
            from_note: false,
            refused_notes: Vec::new(),
            instance: instance.name.clone(),
            policy: None,
        };
        if evidence.examination.log.proven().is_none() {
            for note in notes.iter().take(MAX_NOTES) {
                if !evidence.from_note {
                    consult(&mut evidence, note, object, signature, &instance.verifier);
                }
            }
        }
        if let Some(question) = question {
            let verdict = evidence.examination.verdict();
            if verdict.is_verified() {
                let question = match &instance.name {
                    Some(name) => &question.clone().on(name),
                    None => question,
                };
                evidence.policy = Some(question.allows(&verdict));
            }
        }
        evidence
    }

    fn instance_of(&self, leaf: &Certificate) -> &Instance {
        let mut instances = std::iter::once(&self.first).chain(&self.others);
        let listed = instances.find(|instance| instance.verifier.lists_issuer_of(leaf));
        listed.unwrap_or(&self.first)
    }
}

/// By the instance whose trusted root lists the certificate's issuer, and by the first where none does.
impl Prove for GitVerifier {
    fn prove(&self, bundle: &Bundle, artifact: &Artifact<'_>) -> Proven {
        let instance = match bundle.certificate() {
            Some(leaf) => self.instance_of(leaf),
            None => &self.first,
        };
        Proven {
            verdict: instance.verifier.prove(bundle, artifact, None),
            instance: instance.name.clone(),
        }
    }
}

/// Takes log and time from a bundle that was found beside the object, if they hold.
///
/// It is of the same certificate, and over one of the things that are logged for an object. Others may have put anything there: what proves nothing is told and left out.
fn consult(
    evidence: &mut Evidence,
    note: &Bundle,
    object: &Object,
    signature: &GitSignature,
    verifier: &Verifier,
) {
    let is_same = note.certificate().map(Certificate::der) == Some(signature.certificate().der());
    if !is_same || !matches!(note.content, Content::MessageSignature { .. }) {
        return;
    }
    let attributes = signature.attributes_set().to_vec();
    let wanted = Wanted::new(object, signature.certificate().clone(), attributes);
    let mut refused: Option<Failure> = None;
    for artifact in wanted.artifacts() {
        let found = verifier.examine(note, &Artifact::Bytes(artifact));
        let is_about = found.signature.proven().is_some();
        match found.verdict().failure {
            None => {
                evidence.from_note = true;
                let own = &mut evidence.examination;
                own.log = found.log;
                own.time = found.time;
                own.certificate = found.certificate;
                own.assumed_time = found.assumed_time;
                own.sct = found.sct;
                own.identity = found.identity;
                return;
            }
            Some(failure) if is_about => refused = Some(failure),
            Some(failure) => {
                refused.get_or_insert(failure);
            }
        }
    }
    evidence.refused_notes.extend(refused);
}

#[cfg(test)]
mod tests;
