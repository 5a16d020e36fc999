//! The artifact is what the bundle is about.

use signhere_pki::digest::{Digest, HashAlgorithm};

use super::signer::Signer;
use super::{Artifact, Signed, Step, failed};
use crate::bundle::{Bundle, Content};
use crate::dsse::{Envelope, INTOTO_PAYLOAD_TYPE};
use crate::error::Reason;
use crate::excerpt::excerpt;
use crate::intoto::{Statement, Subject};
use crate::verdict::{ArtifactEvidence, StepName};

/// Returns what the signature is over, and the evidence that it is about the artifact.
///
/// For a message signature that evidence is the signature itself, which comes next; the digest
/// in the bundle is a claim, and only its contradiction counts.
pub(super) fn check<'a>(
    bundle: &'a Bundle,
    artifact: &Artifact<'a>,
    signer: &Signer<'_>,
) -> Step<(Signed<'a>, ArtifactEvidence)> {
    match &bundle.content {
        Content::MessageSignature { digest, .. } => message(artifact, digest.as_ref(), signer),
        Content::Dsse(envelope) => attestation(artifact, envelope),
    }
}

fn message<'a>(
    artifact: &Artifact<'a>,
    claimed: Option<&Digest>,
    signer: &Signer<'_>,
) -> Step<(Signed<'a>, ArtifactEvidence)> {
    let Some(algorithm) = signer.hash() else {
        let Artifact::Bytes(bytes) = artifact else {
            return Err(failed(StepName::Artifact, Reason::ArtifactBytesNeeded));
        };
        if let Some(claimed) = claimed {
            compare(claimed, &claimed.algorithm().digest(bytes))?;
        }
        return Ok((Signed::Bytes(bytes), evidence(None)));
    };
    if let Some(claimed) = claimed.filter(|claimed| claimed.algorithm() != algorithm) {
        return Err(failed(StepName::Artifact, Reason::ArtifactDigestAlgorithm)
            .expected(algorithm)
            .found(claimed.algorithm()));
    }
    let digest = digest(artifact, algorithm).ok_or_else(|| {
        failed(StepName::Artifact, Reason::ArtifactDigestMissing).expected(algorithm)
    })?;
    if let Some(claimed) = claimed {
        compare(claimed, &digest)?;
    }
    Ok((Signed::Digest(digest), evidence(Some(digest.to_string()))))
}

fn attestation<'a>(
    artifact: &Artifact<'_>,
    envelope: &'a Envelope,
) -> Step<(Signed<'a>, ArtifactEvidence)> {
    if envelope.payload_type != INTOTO_PAYLOAD_TYPE {
        return Err(failed(StepName::Artifact, Reason::PayloadType)
            .expected(INTOTO_PAYLOAD_TYPE)
            .found(excerpt(&envelope.payload_type)));
    }
    let statement =
        Statement::parse(&envelope.payload).map_err(|error| failed(StepName::Artifact, error))?;
    let found = |subject: &Subject, digest: String| {
        let evidence = ArtifactEvidence {
            digest: Some(digest),
            subject: Some(subject.name.clone()),
            predicate_type: Some(statement.predicate_type.clone()),
        };
        let signed = Signed::Envelope {
            pae: envelope.pae(),
            envelope,
        };
        Ok((signed, evidence))
    };
    let mut tried = Vec::new();
    if let Artifact::Subject { algorithm, value } = artifact {
        let named = format!("{algorithm}:{value}");
        match statement.subject_named(algorithm, value) {
            Some(subject) => return found(subject, named),
            None => tried.push(named),
        }
    }
    for algorithm in HashAlgorithm::ALL {
        if !statement.has_algorithm(algorithm) {
            continue;
        }
        let Some(digest) = digest(artifact, algorithm) else {
            continue;
        };
        if let Some(subject) = statement.subject_with(&digest) {
            return found(subject, digest.to_string());
        }
        tried.push(digest.to_string());
    }
    if tried.is_empty() {
        return Err(failed(StepName::Artifact, Reason::ArtifactDigestMissing)
            .expected("a digest of an algorithm that the statement's subjects have"));
    }
    Err(failed(StepName::Artifact, Reason::SubjectMismatch)
        .expected(subjects(&statement))
        .found(tried.join(", ")))
}

fn digest(artifact: &Artifact<'_>, algorithm: HashAlgorithm) -> Option<Digest> {
    match artifact {
        Artifact::Bytes(bytes) => Some(algorithm.digest(bytes)),
        Artifact::Digests(digests) => digests
            .iter()
            .find(|digest| digest.algorithm() == algorithm)
            .copied(),
        Artifact::Subject { .. } => None,
    }
}

fn compare(claimed: &Digest, found: &Digest) -> Step<()> {
    if claimed == found {
        return Ok(());
    }
    Err(failed(StepName::Artifact, Reason::ArtifactMismatch)
        .expected(claimed)
        .found(found))
}

/// The first few subjects, to show.
fn subjects(statement: &Statement) -> String {
    const SHOWN: usize = 3;
    let mut text: Vec<String> = statement
        .subjects
        .iter()
        .take(SHOWN)
        .flat_map(|subject| &subject.digests)
        .take(SHOWN)
        .map(|(name, value)| format!("{}:{}", excerpt(name), excerpt(value)))
        .collect();
    let more = statement.subjects.len().saturating_sub(SHOWN);
    if more > 0 {
        text.push(format!("and {more} more subjects"));
    }
    text.join(", ")
}

fn evidence(digest: Option<String>) -> ArtifactEvidence {
    ArtifactEvidence {
        digest,
        subject: None,
        predicate_type: None,
    }
}
