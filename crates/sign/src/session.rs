//! A signing session: one identity, one certificate, any number of signatures.
//!
//! What is to be signed is known before the session begins (its digest is computed, its statement
//! is written), so that nothing slow happens while a ten-minute certificate runs. Each signature
//! goes through the services that the instance's signing config selects, and is verified as a
//! stranger would verify it before it is handed out.

mod credential;
mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use signhere_http::HttpClient;
use signhere_pki::{
    digest::{Digest, HashAlgorithm},
    key::{KeyError, Scheme, Signer},
    random::Random,
    time::{Clock, Time},
};
use signhere_verify::{
    bundle::Bundle,
    dsse::{Envelope, INTOTO_PAYLOAD_TYPE, pae},
    entry::{dsse_v001, hashedrekord_v001, hashedrekord_v002::HashedRekord},
    intoto::{Statement, StatementError},
    trust::{ServiceKind, TrustError},
    verdict::{Failure, Verdict},
    verifier::{Artifact, Policy, Verifier},
};

use crate::{
    identity::IdentityToken,
    instance::Instance,
    rekor_v1, rekor_v2,
    service::{Problem, ServiceError},
    tsa,
};
pub use credential::Enrolled;
pub(crate) use credential::MARGIN;
use credential::{Credential, Signatory};
use plan::{LogVersion, Plan};

/// What a session does its work with.
#[derive(Clone)]
pub struct Tools {
    /// How services are asked.
    pub http: Arc<HttpClient>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where nonces come from.
    pub random: Arc<dyn Random>,
}

/// A signing session. It can be shared: many signatures at a time take one certificate.
pub struct Session {
    tools: Tools,
    plan: Plan,
    verifier: Verifier,
    signatory: Signatory,
}

/// What to sign.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Payload<'a> {
    /// An artifact, by its digest of the algorithm that [`Session::hash_algorithm`] says.
    Artifact(Digest),
    /// An in-toto statement (its JSON), in a DSSE envelope.
    Statement(&'a [u8]),
}

/// A signature that verifies.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The bundle to hand out.
    pub bundle: Bundle,
    /// How it verified.
    pub verdict: Verdict,
}

/// Why there is no signature.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// A service fails.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The instance's description is of no use.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The signing config names a service by what is no URL.
    #[error("the {kind} {url:?} of the signing config is no web address")]
    ServiceUrl {
        /// What kind of service.
        kind: ServiceKind,
        /// What it is named by.
        url: String,
    },
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key signs in a way that no log takes: its signatures do not verify from a digest, or
    /// the scheme is for verifying only.
    #[error("a log cannot hold signatures of {scheme:?}")]
    Scheme {
        /// How the key signs.
        scheme: Scheme,
    },
    /// The artifact's digest is of another algorithm than the key signs.
    #[error("the key signs {} digests, not {}", .expected.name(), .found.name())]
    HashAlgorithm {
        /// The algorithm that the key signs.
        expected: HashAlgorithm,
        /// The digest's algorithm.
        found: HashAlgorithm,
    },
    /// The statement is none.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// No subject of the statement has a digest that can be verified.
    #[error(
        "no subject of the statement has a SHA-256, SHA-384 or SHA-512 digest, or names an object of git"
    )]
    NoSubjectDigest,
    /// The certificate is about to expire, and the token that would get another one has expired.
    #[error("the login expired at {expired_at}")]
    LoginNeeded {
        /// When the token expired.
        expired_at: Time,
    },
    /// The certificate names nobody.
    #[error("the certificate names no {0}")]
    Nameless(&'static str),
    /// The signature was made, and does not verify: a service lies, or is not of this instance.
    #[error("the new signature does not verify: {0}")]
    NotVerified(Box<Failure>),
}

impl Session {
    /// A session for the identity that `token` vouches for. The certificate is asked for with the
    /// first signature.
    pub fn keyless(
        instance: &Instance,
        token: IdentityToken,
        tools: Tools,
    ) -> Result<Self, SignError> {
        let plan = Plan::new(&instance.signing_config, tools.clock.now())?;
        let authority = plan.certificate_authority()?;
        let signatory = Signatory::keyless(authority, token);
        Self::new(instance, plan, signatory, tools)
    }

    /// A session for a key that its owner manages.
    pub fn with_key(
        instance: &Instance,
        key: Arc<dyn Signer>,
        tools: Tools,
    ) -> Result<Self, SignError> {
        let plan = Plan::new(&instance.signing_config, tools.clock.now())?;
        let signatory = Signatory::managed(key)?;
        Self::new(instance, plan, signatory, tools)
    }

    fn new(
        instance: &Instance,
        plan: Plan,
        signatory: Signatory,
        tools: Tools,
    ) -> Result<Self, SignError> {
        Ok(Self {
            tools,
            plan,
            verifier: Verifier::new(instance.trusted_root.clone())?,
            signatory,
        })
    }

    /// The algorithm of the digests that this session signs.
    pub fn hash_algorithm(&self) -> HashAlgorithm {
        self.signatory.hash_algorithm()
    }

    /// Gets a certificate, unless one is at hand that is good for a signature: whom it names, and until when it is valid.
    ///
    /// # Errors
    /// [`SignError::Nameless`] for a key that its owner manages: it has no certificate.
    pub async fn enroll(&self) -> Result<Enrolled, SignError> {
        let credential = self.signatory.credential(&self.tools).await?;
        credential.enrolled()
    }

    /// Signs `payload`: timestamps and log entries as the signing config wants them, verified.
    pub async fn sign(&self, payload: Payload<'_>) -> Result<Signed, SignError> {
        let work = Work::new(payload, self.hash_algorithm())?;
        match self.attempt(&work).await {
            // The log has an entry of ours whose answer got lost. A new signature is a new entry,
            // for ECDSA never signs twice alike.
            Err(SignError::Service(ServiceError {
                problem: Problem::Duplicate { .. },
                ..
            })) => self.attempt(&work).await,
            outcome => outcome,
        }
    }

    async fn attempt(&self, work: &Work) -> Result<Signed, SignError> {
        let credential = self.signatory.credential(&self.tools).await?;
        let signature = credential.signer().sign_digest(&work.digest)?;

        let mut builder = credential.start_bundle();
        for url in &self.plan.timestamp_authorities {
            let Tools { http, random, .. } = &self.tools;
            let response = tsa::timestamp(http, url, &signature, &**random).await?;
            builder = builder.timestamp(response);
        }
        for (url, version) in &self.plan.logs {
            let entry = match version {
                LogVersion::V1 => {
                    let proposed = work.v1_entry(&credential, &signature);
                    rekor_v1::log(&self.tools.http, url, proposed).await?
                }
                LogVersion::V2 => {
                    let record = work.v2_entry(&credential, &signature);
                    rekor_v2::log(&self.tools.http, url, &record).await?
                }
            };
            builder = builder.log_entry(entry);
        }
        let bundle = match work.envelope(&signature) {
            Some(envelope) => builder.envelope(envelope),
            None => builder.message_signature(work.digest, signature),
        };
        work.verify(&self.verifier, bundle, &credential.policy()?)
    }
}

/// The bundle that another session made over `payload` for whom its certificate names, verified as one's own.
///
/// # Errors
/// [`SignError::NotVerified`] when it is not over the payload or does not verify, [`SignError::Nameless`] when it has no
/// certificate that names somebody.
pub fn accept(
    verifier: &Verifier,
    bundle: Bundle,
    payload: Payload<'_>,
) -> Result<Signed, SignError> {
    // Keyless sessions have keys of P-256.
    let work = Work::new(payload, HashAlgorithm::Sha256)?;
    let certificate = bundle.certificate();
    let enrolled = Enrolled::of(certificate.ok_or(SignError::Nameless("identity"))?)?;
    work.verify(verifier, bundle, &enrolled.policy())
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("plan", &self.plan)
            .field("signatory", &self.signatory)
            .finish_non_exhaustive()
    }
}

/// A payload made ready for the signer.
struct Work {
    /// What the signature is over.
    digest: Digest,
    /// Of a statement: a digest by which a subject of it is known.
    subject: Option<(String, String)>,
    statement: Option<Vec<u8>>,
}

impl Work {
    fn new(payload: Payload<'_>, algorithm: HashAlgorithm) -> Result<Self, SignError> {
        match payload {
            Payload::Artifact(digest) if digest.algorithm() != algorithm => {
                Err(SignError::HashAlgorithm {
                    expected: algorithm,
                    found: digest.algorithm(),
                })
            }
            Payload::Artifact(digest) => Ok(Self {
                digest,
                subject: None,
                statement: None,
            }),
            Payload::Statement(json) => Ok(Self {
                digest: algorithm.digest(&pae(INTOTO_PAYLOAD_TYPE, json)),
                subject: Some(
                    subject_digest(Statement::parse(json)?).ok_or(SignError::NoSubjectDigest)?,
                ),
                statement: Some(json.to_vec()),
            }),
        }
    }

    /// Verifies the bundle as it is written, not as it is in memory.
    fn verify(
        &self,
        verifier: &Verifier,
        bundle: Bundle,
        policy: &Policy,
    ) -> Result<Signed, SignError> {
        let digests = [self.digest];
        let artifact = match &self.subject {
            Some((algorithm, value)) => Artifact::Subject { algorithm, value },
            None => Artifact::Digests(&digests),
        };
        let verdict = verifier.verify_json(&bundle.to_json(), &artifact, policy);
        match verdict.failure {
            Some(failure) => Err(SignError::NotVerified(Box::new(failure))),
            None => Ok(Signed { bundle, verdict }),
        }
    }

    fn envelope(&self, signature: &[u8]) -> Option<Envelope> {
        let payload = self.statement.clone()?;
        let payload_type = INTOTO_PAYLOAD_TYPE.to_owned();
        Some(Envelope::new(
            payload_type,
            payload,
            signature.to_vec(),
            String::new(),
        ))
    }

    fn v1_entry(&self, credential: &Credential, signature: &[u8]) -> Vec<u8> {
        let verifier = credential.verifier_pem();
        match self.envelope(signature) {
            Some(envelope) => dsse_v001::request(&envelope, &verifier),
            None => hashedrekord_v001::request(&self.digest, signature, &verifier),
        }
    }

    fn v2_entry(&self, credential: &Credential, signature: &[u8]) -> HashedRekord {
        HashedRekord {
            digest: self.digest,
            signature: signature.to_vec(),
            key: credential.logged_key(),
            details: credential.details(),
        }
    }
}

/// The digests of in-toto that name an object of git.
const GIT_OBJECTS: [&str; 4] = ["gitCommit", "gitTag", "gitTree", "gitBlob"];

/// The first digest of a subject that verifiers know how to compare.
fn subject_digest(statement: Statement) -> Option<(String, String)> {
    let mut digests = statement
        .subjects
        .into_iter()
        .flat_map(|subject| subject.digests);
    digests.find(|(name, value)| match HashAlgorithm::from_name(name) {
        Some(algorithm) => Digest::from_hex(algorithm, value).is_ok(),
        None => GIT_OBJECTS.contains(&name.as_str()),
    })
}
