//! From a commit or a tag to its verdict.

use signhere_pki::cert::Certificate;
use signhere_verify::bundle::{Bundle, Content};
use signhere_verify::policy::Question;
use signhere_verify::verdict::Failure;
use signhere_verify::verifier::{Artifact, Check, Examination, Verifier};

use crate::armor::{Armor, SignatureKind};
use crate::cms::GitSignature;
use crate::object::{Object, ObjectId, ObjectKind};
use crate::proof::{Prove, Proven, Wanted};
use crate::verdict::{Embedded, Evidence, GitFailure, GitVerdict, Outcome, SignatureVerdict};

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
        let (signature, evidence, outcome) = match object.own_signature() {
            None => (None, None, Outcome::Unsigned),
            Some(armor) => {
                let kind = Armor::classify(armor);
                let judged = self.judge(&kind, armor, &object.payload(), question, |evidence| {
                    self.consult(evidence, notes, object)
                });
                (Some(kind), judged.0, judged.1)
            }
        };
        GitVerdict {
            id: object.id(),
            kind: object.kind(),
            signature,
            evidence,
            outcome,
        }
    }

    /// Verifies a signature over a payload, as git hands both to the programs that verify for it.
    pub fn verify_signature(
        &self,
        armor: &[u8],
        payload: &[u8],
        question: Option<&Question>,
    ) -> SignatureVerdict {
        let kind = Armor::classify(armor);
        let (evidence, outcome) = self.judge(&kind, armor, payload, question, |_| {});
        SignatureVerdict {
            signature: kind,
            evidence,
            outcome,
        }
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

    fn judge(
        &self,
        kind: &SignatureKind,
        armor: &[u8],
        payload: &[u8],
        question: Option<&Question>,
        supplement: impl FnOnce(&mut Examined<'_>),
    ) -> (Option<Box<Evidence>>, Outcome) {
        match kind {
            SignatureKind::X509 => {}
            SignatureKind::Pgp {
                platform: Some(platform),
                ..
            } => return (None, Outcome::Platform { platform }),
            kind => return (None, Outcome::Foreign(kind.clone())),
        }
        let signature = match GitSignature::from_armor(armor) {
            Ok(signature) => signature,
            Err(error) => {
                let failure = GitFailure::Signature(error);
                return (None, Outcome::Refused(Box::new(failure)));
            }
        };
        let instance = self.instance_of(signature.certificate());
        let mut examined = Examined {
            evidence: examine(instance, &signature, payload),
            signature: &signature,
            instance,
        };
        if examined.may_be_supplemented() {
            supplement(&mut examined);
        }
        let mut evidence = examined.evidence;
        if let Some(question) = question.filter(|_| evidence.examination.failure().is_none()) {
            let verdict = evidence.examination.verdict();
            evidence.policy = Some(match &instance.name {
                Some(name) => question.clone().on(name).allows(&verdict),
                None => question.allows(&verdict),
            });
        }
        let outcome = evidence.outcome();
        (Some(Box::new(evidence)), outcome)
    }

    /// Takes log and time from a bundle that was found beside the object, if there is one of which all holds.
    ///
    /// It is of the same certificate, and over one of the things that are logged for an object. Anybody may have put anything there: what proves nothing is told and left out.
    fn consult(&self, examined: &mut Examined<'_>, notes: &[Bundle], object: &Object) {
        let signature = examined.signature;
        let attributes = signature.attributes_set().to_vec();
        let wanted = Wanted::new(object, signature.certificate().clone(), attributes);
        let leaf = signature.certificate().der();
        let is_about = |note: &&Bundle| {
            note.certificate().map(Certificate::der) == Some(leaf)
                && matches!(note.content, Content::MessageSignature { .. })
        };
        for note in notes.iter().filter(is_about).take(MAX_NOTES) {
            let mut refused: Option<Failure> = None;
            for artifact in wanted.artifacts() {
                let verifier = &examined.instance.verifier;
                let found = verifier.examine(note, &Artifact::Bytes(artifact));
                let is_over_this = found.signature.proven().is_some();
                match found.failure() {
                    None => return examined.supplement(found),
                    Some(failure) if is_over_this || refused.is_none() => {
                        refused = Some(failure.clone());
                    }
                    Some(_) => {}
                }
            }
            examined.evidence.refused_notes.extend(refused);
        }
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

/// A signature that is examined, and by whose trusted root.
struct Examined<'a> {
    evidence: Evidence,
    signature: &'a GitSignature,
    instance: &'a Instance,
}

impl Examined<'_> {
    /// What the object itself carries and does not hold stays refused, whatever is found beside it.
    fn may_be_supplemented(&self) -> bool {
        let own = &self.evidence.examination;
        matches!(self.evidence.embedded, Embedded::Read { .. })
            && matches!(own.log, Check::Absent(_))
            && !matches!(own.time, Check::Failed(_))
    }

    /// Takes over what another signature by the same certificate proves, beside the times that the object's own
    /// timestamps prove: the certificate has to be valid at all of them.
    fn supplement(&mut self, found: Examination) {
        self.evidence.from_note = true;
        let own = &mut self.evidence.examination;
        own.log = found.log;
        own.sct = found.sct;
        own.identity = found.identity;
        match (&mut own.time, found.time) {
            (Check::Proven(own_times), Check::Proven(times)) => {
                own_times.times.extend(times.times);
                // It was judged at the object's own times already.
                if own.certificate.proven().is_some() {
                    own.certificate = found.certificate;
                }
            }
            (own_time, time) => {
                *own_time = time;
                own.certificate = found.certificate;
                own.assumed_time = found.assumed_time;
            }
        }
    }
}

fn examine(instance: &Instance, signature: &GitSignature, payload: &[u8]) -> Evidence {
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
    Evidence {
        certificate: signature.certificate().clone(),
        signing_time: signature.signing_time(),
        content: signature.check(payload),
        embedded,
        examination: instance.verifier.examine(&bundle, &artifact),
        from_note: false,
        refused_notes: Vec::new(),
        instance: instance.name.clone(),
        policy: None,
    }
}

#[cfg(test)]
mod tests;
