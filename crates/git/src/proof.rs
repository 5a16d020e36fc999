//! What a bundle in a note proves about an object whose own signature came without a log entry.
//!
//! Programs that signed online had the signature logged, and kept nothing of that in the object. What they logged is one
//! of a few things that can be computed from the object again; the entry is about that one, or about another object.

use signhere_pki::cert::Certificate;
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_verify::bundle::{Bundle, BundleBuilder, Content, TlogEntry};
use signhere_verify::entry::{EntryError, LoggedDigest, LoggedEntry, LoggedKey};
use signhere_verify::verdict::{Failure, Reason, Verdict};
use signhere_verify::verifier::{Artifact, Verifier};

use crate::object::{Object, ObjectFormat, ObjectId, ObjectKind};

/// Proves bundles of whichever instance they were made on: all but who may sign.
pub trait Prove {
    /// Returns what was proven of `bundle`; a bundle that holds ends with [`Reason::SignerUnchecked`].
    fn prove(&self, bundle: &Bundle, artifact: &Artifact<'_>) -> Proven;
}

/// What was proven of a bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct Proven {
    /// Every step.
    pub verdict: Verdict,
    /// The name of the instance, where there are several.
    pub instance: Option<String>,
}

impl Proven {
    /// Returns it if all held that can be told without a policy.
    ///
    /// # Errors
    /// The first thing that did not hold.
    pub fn held(self) -> Result<Self, Box<Failure>> {
        match self.verdict.failure {
            None => Ok(self),
            Some(ref failure) if failure.reason == Reason::SignerUnchecked => Ok(self),
            Some(failure) => Err(Box::new(failure)),
        }
    }
}

impl Prove for Verifier {
    fn prove(&self, bundle: &Bundle, artifact: &Artifact<'_>) -> Proven {
        Proven {
            verdict: Self::prove(self, bundle, artifact, None),
            instance: None,
        }
    }
}

/// What may have been logged for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoggedForm {
    /// The object's id, as hexadecimal text.
    Id,
    /// The id that the object would have as a SHA-1 object, whatever the repository uses.
    Sha1Id,
    /// The id that a tag would have with its signature in a header, as a commit has it.
    HeaderId,
    /// The signed attributes of the signature.
    Attributes,
}

/// An object for whose signature a log entry is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    id: ObjectId,
    certificate: Certificate,
    forms: Vec<(LoggedForm, Vec<u8>)>,
}

/// An object's signature that was found proven in a log.
#[derive(Clone, Debug)]
pub struct LogProof {
    /// What was logged.
    pub form: LoggedForm,
    /// What was proven of the entry.
    pub proven: Proven,
}

/// Why a bundle or a log entry proves nothing about an object's signature.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoProof {
    /// It is an attestation, which proves something else.
    #[error("it is an attestation")]
    Attestation,
    /// The entry cannot be read.
    #[error("the log entry cannot be read: {0}")]
    Entry(#[from] EntryError),
    /// What the log hands out as the entry cannot be read.
    #[error("what the log answers cannot be read: {detail}")]
    Unreadable {
        /// What is wrong with it.
        detail: String,
    },
    /// The entry is not of one signature over one thing.
    #[error("the log entry is of another kind")]
    Kind,
    /// It is of another certificate.
    #[error("it is of another certificate")]
    Certificate,
    /// It is about something else.
    #[error("it is about something else: {found}")]
    Subject {
        /// The digest of what it is about.
        found: String,
    },
    /// It does not hold.
    #[error("it does not hold: {0}")]
    Refused(Box<Failure>),
}

impl Wanted {
    /// What may have been logged for `object`, whose CMS signature names `certificate` and signs `attributes` (as SET OF).
    pub fn new(object: &Object, certificate: Certificate, attributes: Vec<u8>) -> Self {
        let id = object.id();
        let text = |id: ObjectId| id.to_string().into_bytes();
        let mut forms = vec![(LoggedForm::Id, text(id))];
        let mut push = |form, id: ObjectId| {
            let text = text(id);
            if forms.iter().all(|(_, known)| *known != text) {
                forms.push((form, text));
            }
        };
        let format = ObjectFormat::Sha1;
        push(
            LoggedForm::Sha1Id,
            ObjectId::of(format, object.kind(), object.bytes()),
        );
        if object.kind() == ObjectKind::Tag {
            let joined = with_header(object);
            for kind in [ObjectKind::Commit, ObjectKind::Tag] {
                push(LoggedForm::HeaderId, ObjectId::of(format, kind, &joined));
            }
        }
        forms.push((LoggedForm::Attributes, attributes));
        Self {
            id,
            certificate,
            forms,
        }
    }

    /// The object.
    pub fn id(&self) -> &ObjectId {
        &self.id
    }

    /// The certificate of the key that signed it.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What may have been logged, the likeliest first.
    pub fn artifacts(&self) -> impl Iterator<Item = &[u8]> {
        self.forms.iter().map(|(_, bytes)| bytes.as_slice())
    }

    /// The digests that the entry may have been logged under, the likeliest first.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        self.artifacts()
            .map(|bytes| HashAlgorithm::Sha256.digest(bytes))
    }

    /// The bundle that `entry` makes with the object's certificate. Nothing is proven yet.
    ///
    /// # Errors
    /// [`NoProof`] when the entry is about another certificate or another thing.
    pub fn bundle(&self, entry: TlogEntry) -> Result<Bundle, NoProof> {
        let (logged, _) = LoggedEntry::parse(&entry.kind, &entry.version, &entry.body)?;
        let LoggedDigest::Signed(digest) = logged.digest else {
            return Err(NoProof::Kind);
        };
        let [logged] = logged.signatures.as_slice() else {
            return Err(NoProof::Kind);
        };
        let LoggedKey::Certificate(der) = &logged.key else {
            return Err(NoProof::Certificate);
        };
        if der != self.certificate.der() {
            return Err(NoProof::Certificate);
        }
        self.form(&digest)?;
        let signature = logged.signature.clone().ok_or(NoProof::Kind)?;
        let builder = BundleBuilder::certificate(self.certificate.clone()).log_entry(entry);
        Ok(builder.message_signature(digest, signature))
    }

    /// Proves that `bundle` is of this object's signer and about this object.
    ///
    /// # Errors
    /// [`NoProof`] for the first thing that is not so.
    pub fn prove(&self, prover: &dyn Prove, bundle: &Bundle) -> Result<LogProof, NoProof> {
        let Content::MessageSignature { digest, .. } = &bundle.content else {
            return Err(NoProof::Attestation);
        };
        let certificate = bundle.certificate().map(Certificate::der);
        if certificate != Some(self.certificate.der()) {
            return Err(NoProof::Certificate);
        }
        let digest = digest.as_ref().ok_or(NoProof::Kind)?;
        let (form, bytes) = self.form(digest)?;
        let proven = prover.prove(bundle, &Artifact::Bytes(bytes));
        let proven = proven.held().map_err(NoProof::Refused)?;
        Ok(LogProof { form, proven })
    }

    fn form(&self, digest: &Digest) -> Result<(LoggedForm, &[u8]), NoProof> {
        let mut forms = self.forms.iter();
        let found = forms.find(|(_, bytes)| digest.algorithm().digest(bytes) == *digest);
        match found {
            Some((form, bytes)) => Ok((*form, bytes)),
            None => Err(NoProof::Subject {
                found: digest.to_string(),
            }),
        }
    }
}

/// A tag with its signature in a header, as some versions of gitsign put it together before they named it.
fn with_header(tag: &Object) -> Vec<u8> {
    let payload = tag.payload();
    let armor = tag.own_signature().unwrap_or_default();
    let headers = payload.windows(2).position(|window| window == b"\n\n");
    let (headers, message) = match headers {
        Some(end) => payload.split_at(end.saturating_add(1)),
        None => (&payload[..], &[][..]),
    };
    let mut joined = headers.to_vec();
    let lines = armor.trim_ascii_end().split(|byte| *byte == b'\n');
    for (number, line) in lines.enumerate() {
        joined.extend_from_slice(if number == 0 { b"gpgsig " } else { b" " });
        joined.extend_from_slice(line);
        joined.push(b'\n');
    }
    joined.extend_from_slice(message);
    joined
}
