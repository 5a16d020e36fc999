use signhere_log::checkpoint::CheckpointError;
use signhere_log::merkle::ProofError;
use signhere_log::note::NoteError;
use signhere_pki::chain::ChainError;
use signhere_pki::key::KeyError;
use signhere_pki::sct::SctError;
use signhere_pki::tsp::TspError;

use crate::bundle::BundleError;
use crate::entry::EntryError;
use crate::intoto::StatementError;
use crate::policy::{NotAllowed, Signer};

/// The first thing that did not hold.
///
/// What was expected and what was found stand in the [`Failure`](crate::verdict::Failure).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The bundle could not be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// An identity was asked for, the bundle is signed with a bare key.
    #[error("the bundle is signed with a key, and no key was given to verify it with")]
    PolicyNeedsKey,
    /// A key was given, the bundle is signed with a certificate.
    #[error("the bundle is signed with a certificate, not with the key that was given")]
    PolicyNeedsCertificate,
    /// The signer's key cannot be used.
    #[error("the signer's key: {0}")]
    SignerKey(KeyError),
    /// The log entry's key details or digest are not such that the signer's key could sign.
    #[error("no way of signing fits the signer's key and the log entry")]
    Scheme,

    /// The signature is over the artifact itself: a digest cannot stand for it.
    #[error("the signature is over the artifact itself, a digest is not enough")]
    ArtifactBytesNeeded,
    /// The digest that the signature is over was not given.
    #[error("the artifact's digest of the algorithm that was signed was not given")]
    ArtifactDigestMissing,
    /// The bundle states a digest of another algorithm than its signature is over.
    #[error("the bundle states a digest of another algorithm than was signed")]
    ArtifactDigestAlgorithm,
    /// The artifact is not the one that the bundle is for.
    #[error("the artifact has another digest than the bundle states")]
    ArtifactMismatch,
    /// The envelope holds something else than an in-toto statement.
    #[error("the envelope's payload is not an in-toto statement by its type")]
    PayloadType,
    /// The statement could not be read.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The artifact is not among the statement's subjects.
    #[error("the artifact is not among the statement's subjects")]
    SubjectMismatch,
    /// The statement has several subjects where its form allows one.
    #[error("the statement is about more than the one file that it may be about")]
    SubjectCount,
    /// The statement names another file, or another package, than the artifact is.
    #[error("the statement is about something of another name")]
    SubjectName,
    /// The document says that the statement is of another kind than it is.
    #[error("the document calls the statement something else than it is")]
    PredicateMismatch,

    /// The signature was not made by the signer's key over this artifact or envelope.
    #[error("the signature does not verify")]
    SignatureInvalid,

    /// There is no log entry.
    #[error("the bundle has no transparency log entry")]
    LogEntryMissing,
    /// A log entry is given twice.
    #[error("the same log entry is given twice")]
    LogEntryDuplicate,
    /// The body of a log entry could not be read.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The entry's kind does not go with what was signed.
    #[error("a log entry of this kind does not stand for this content")]
    EntryContent,
    /// The entry has not exactly one signature.
    #[error("the log entry has not exactly one signature")]
    EntrySignatures,
    /// The entry is about another signature.
    #[error("the log entry is about another signature")]
    EntrySignature,
    /// The entry is about another key or certificate.
    #[error("the log entry is about another key or certificate")]
    EntryKey,
    /// The entry is about other data.
    #[error("the log entry is about other data")]
    EntryDigest,
    /// The entry's log is not in the trusted root.
    #[error("the log is not in the trusted root")]
    LogUnknown,
    /// The entry is of a kind whose log proves no time, and yet has one.
    #[error("an entry of this log generation cannot state a time")]
    IntegratedTime,
    /// There is no promise in a v0.1 bundle, which has to have one.
    #[error("the log entry has no promise, which a v0.1 bundle has to have")]
    PromiseMissing,
    /// The entry is of a kind whose log makes no promises, and yet has one.
    #[error("an entry of this log generation cannot have a promise")]
    PromiseUnexpected,
    /// The signed entry timestamp does not verify.
    #[error("the log's signature on the entry's promise does not verify")]
    PromiseInvalid,
    /// The entry's index differs from its proof's.
    #[error("the entry's index is not that of its proof")]
    IndexMismatch,
    /// There is no inclusion proof where one is required.
    #[error("the log entry has no inclusion proof")]
    ProofMissing,
    /// The inclusion proof does not hold.
    #[error(transparent)]
    Proof(ProofError),
    /// There is no checkpoint where one is required.
    #[error("the inclusion proof has no checkpoint")]
    CheckpointMissing,
    /// The checkpoint is malformed or not signed by the log.
    #[error(transparent)]
    Checkpoint(CheckpointError),
    /// The checkpoint is of another tree than the proof.
    #[error("the checkpoint is of another tree than the inclusion proof")]
    CheckpointMismatch,
    /// A proven time is outside the validity of the log.
    #[error("the log was not valid at the proven time")]
    LogWindow,

    /// A timestamp is given twice.
    #[error("the same timestamp is given twice")]
    TimestampDuplicate,
    /// A timestamp does not verify.
    #[error(transparent)]
    Timestamp(TspError),
    /// A timestamp is by no authority of the trusted root.
    #[error("the timestamp is by no authority of the trusted root")]
    TimestampUntrusted,
    /// A timestamp is outside the validity of its authority.
    #[error("no timestamp authority of the trusted root was valid at the stated time")]
    TimestampWindow,
    /// Nothing proves when the signature was made.
    #[error("nothing proves when the signature was made")]
    TimeMissing,

    /// The certificate was issued by no authority of the trusted root.
    #[error("the certificate is by no authority of the trusted root")]
    CertificateUntrusted,
    /// The certificate's chain does not hold at a proven time.
    #[error(transparent)]
    Chain(ChainError),
    /// An authority of the trusted root cannot be used.
    #[error("an authority of the trusted root cannot be used: {0}")]
    AuthorityUnusable(ChainError),
    /// A proven time is outside the validity of the certificate authority.
    #[error("the certificate authority was not valid at the proven time")]
    AuthorityWindow,
    /// The certificate carries no proof of being logged.
    #[error("the certificate has no signed certificate timestamp")]
    SctMissing,
    /// No certificate log of the trusted root vouches for the certificate.
    #[error("no certificate log of the trusted root vouches for the certificate")]
    SctUnknownLog,
    /// A signed certificate timestamp does not verify.
    #[error(transparent)]
    Sct(SctError),
    /// A signed certificate timestamp is outside the validity of its log.
    #[error("the certificate log was not valid at its timestamp")]
    SctWindow,

    /// A proven time is outside the validity of the key.
    #[error("the key was not valid at the proven time")]
    KeyWindow,
    /// The certificate names nobody.
    #[error("the certificate has not exactly one subject alternative name")]
    IdentityMissing,
    /// The certificate is another identity's.
    #[error("signed by somebody else")]
    IdentityMismatch,
    /// The certificate does not say who vouched for the identity.
    #[error("the certificate names no identity issuer")]
    IssuerMissing,
    /// Another issuer vouched for the identity.
    #[error("the identity is vouched for by another issuer")]
    IssuerMismatch,

    /// Everything holds, and nobody has said that the signer may sign.
    #[error("the signature is good, but nobody has said that this signer may sign")]
    SignerUnlisted {
        /// The entry that would list the signer, where one safely can.
        proposal: Option<Box<Signer>>,
    },
    /// Everything holds, and whether the signer may sign was not asked.
    #[error("who signed was not compared with anybody")]
    SignerUnchecked,
    /// The signer is listed, but not for this.
    #[error("{signer} is listed in {file}, but {why}")]
    SignerNotAllowed {
        /// The signer's name in the trust file.
        signer: String,
        /// The trust file.
        file: String,
        /// Why it does not count.
        why: NotAllowed,
    },
}

impl Reason {
    /// Returns the stable code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bundle(error) => error.code(),
            Self::PolicyNeedsKey => "SH-POLICY-NEEDS-KEY",
            Self::PolicyNeedsCertificate => "SH-POLICY-NEEDS-CERTIFICATE",
            Self::SignerKey(_) => "SH-SIGNATURE-KEY",
            Self::Scheme => "SH-SIGNATURE-SCHEME",
            Self::ArtifactBytesNeeded => "SH-ARTIFACT-BYTES",
            Self::ArtifactDigestMissing => "SH-ARTIFACT-DIGEST-MISSING",
            Self::ArtifactDigestAlgorithm => "SH-ARTIFACT-ALGORITHM",
            Self::ArtifactMismatch => "SH-ARTIFACT-DIGEST",
            Self::PayloadType => "SH-ARTIFACT-PAYLOAD-TYPE",
            Self::Statement(_) => "SH-ARTIFACT-STATEMENT",
            Self::SubjectMismatch => "SH-ARTIFACT-SUBJECT",
            Self::SubjectCount => "SH-ARTIFACT-SUBJECTS",
            Self::SubjectName => "SH-ARTIFACT-NAME",
            Self::PredicateMismatch => "SH-ARTIFACT-PREDICATE",
            Self::SignatureInvalid => "SH-SIGNATURE",
            Self::LogEntryMissing => "SH-LOG-MISSING",
            Self::LogEntryDuplicate => "SH-LOG-DUPLICATE",
            Self::Entry(EntryError::Unsupported { .. }) => "SH-LOG-KIND",
            Self::Entry(EntryError::KindMismatch { .. }) => "SH-LOG-KIND-MISMATCH",
            Self::Entry(_) => "SH-LOG-BODY",
            Self::EntryContent => "SH-LOG-CONTENT",
            Self::EntrySignatures => "SH-LOG-SIGNATURES",
            Self::EntrySignature => "SH-LOG-SIGNATURE",
            Self::EntryKey => "SH-LOG-KEY",
            Self::EntryDigest => "SH-LOG-DIGEST",
            Self::LogUnknown => "SH-LOG-UNKNOWN",
            Self::IntegratedTime => "SH-LOG-TIME",
            Self::PromiseUnexpected => "SH-LOG-PROMISE-UNEXPECTED",
            Self::PromiseMissing => "SH-LOG-PROMISE-MISSING",
            Self::PromiseInvalid => "SH-LOG-PROMISE",
            Self::IndexMismatch => "SH-LOG-INDEX",
            Self::ProofMissing => "SH-LOG-PROOF-MISSING",
            Self::Proof(_) => "SH-LOG-PROOF",
            Self::CheckpointMissing => "SH-LOG-CHECKPOINT-MISSING",
            Self::Checkpoint(CheckpointError::Origin { .. }) => "SH-LOG-CHECKPOINT-ORIGIN",
            Self::Checkpoint(CheckpointError::Note(
                NoteError::NoSignatures
                | NoteError::NotSignedBy { .. }
                | NoteError::SignatureInvalid { .. },
            )) => "SH-LOG-CHECKPOINT-SIGNATURE",
            Self::Checkpoint(_) => "SH-LOG-CHECKPOINT",
            Self::CheckpointMismatch => "SH-LOG-CHECKPOINT-TREE",
            Self::LogWindow => "SH-LOG-WINDOW",
            Self::TimestampDuplicate => "SH-TIME-DUPLICATE",
            Self::Timestamp(TspError::ImprintMismatch { .. }) => "SH-TIME-IMPRINT",
            Self::Timestamp(TspError::Chain(_)) => "SH-TIME-CHAIN",
            Self::Timestamp(_) => "SH-TIME-TIMESTAMP",
            Self::TimestampUntrusted => "SH-TIME-UNTRUSTED",
            Self::TimestampWindow => "SH-TIME-WINDOW",
            Self::TimeMissing => "SH-TIME-MISSING",
            Self::CertificateUntrusted => "SH-CERT-UNTRUSTED",
            Self::Chain(ChainError::Expired { .. }) => "SH-CERT-EXPIRED",
            Self::Chain(ChainError::NotYetValid { .. }) => "SH-CERT-NOT-YET-VALID",
            Self::Chain(_) => "SH-CERT-CHAIN",
            Self::AuthorityUnusable(_) => "SH-TRUST-AUTHORITY",
            Self::AuthorityWindow => "SH-CERT-WINDOW",
            Self::SctMissing => "SH-SCT-MISSING",
            Self::SctUnknownLog => "SH-SCT-UNKNOWN",
            Self::Sct(_) => "SH-SCT",
            Self::SctWindow => "SH-SCT-WINDOW",
            Self::KeyWindow => "SH-KEY-WINDOW",
            Self::IdentityMissing => "SH-IDENTITY-MISSING",
            Self::IdentityMismatch => "SH-IDENTITY",
            Self::IssuerMissing => "SH-IDENTITY-ISSUER-MISSING",
            Self::IssuerMismatch => "SH-IDENTITY-ISSUER",
            Self::SignerUnlisted { .. } => "SH-SIGNER-UNLISTED",
            Self::SignerUnchecked => "SH-SIGNER-UNCHECKED",
            Self::SignerNotAllowed { why, .. } => match why {
                NotAllowed::File => "SH-SIGNER-FILE",
                NotAllowed::Attestation => "SH-SIGNER-ATTESTATION",
                NotAllowed::Instance => "SH-SIGNER-INSTANCE",
                NotAllowed::Window => "SH-SIGNER-WINDOW",
                NotAllowed::Revoked => "SH-SIGNER-REVOKED",
                NotAllowed::Time => "SH-SIGNER-TIME",
            },
        }
    }
}
