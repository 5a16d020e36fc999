//! Transparency logs hold the signature: promises, proofs, checkpoints.

use signhere_log::checkpoint::{CheckpointError, SignedCheckpoint};
use signhere_log::merkle;
use signhere_pki::time::{Time, Validity};

use super::signer::Signer;
use super::{Log, ReadEntry, Signed, Step, Verifier, binding, failed};
use crate::bundle::{Bundle, BundleVersion, InclusionProof, TlogEntry};
use crate::entry::{Generation, LoggedEntry};
use crate::error::Reason;
use crate::excerpt::excerpt;
use crate::proto_json::base64;
use crate::verdict::{LogEntryEvidence, LogEvidence, ProofEvidence, StepName};

/// When an entry's log was to be trusted, and what the log itself proved about the time.
pub(super) struct LoggedAt {
    pub(super) log: String,
    pub(super) validity: Validity,
    pub(super) promised_at: Option<Time>,
}

/// Reads the bodies of all entries.
pub(super) fn read_entries(bundle: &Bundle) -> Step<Vec<ReadEntry>> {
    let entries = bundle.material.tlog_entries.iter().enumerate();
    entries
        .map(|(item, entry)| {
            let (logged, generation) = LoggedEntry::parse(&entry.kind, &entry.version, &entry.body)
                .map_err(|error| failed(StepName::Log, error).item(item))?;
            Ok(ReadEntry { logged, generation })
        })
        .collect()
}

impl Verifier {
    pub(super) fn check_log(
        &self,
        bundle: &Bundle,
        read: &[ReadEntry],
        signed: &Signed<'_>,
        signer: &Signer<'_>,
    ) -> Step<(LogEvidence, Vec<LoggedAt>)> {
        let entries = &bundle.material.tlog_entries;
        let required = self.requires_log;
        if required && entries.is_empty() {
            return Err(failed(StepName::Log, Reason::LogEntryMissing));
        }
        if let Some(item) = self.duplicate(entries) {
            return Err(failed(StepName::Log, Reason::LogEntryDuplicate).item(item));
        }
        let mut evidence = Vec::new();
        let mut times = Vec::new();
        for (item, (entry, read)) in entries.iter().zip(read).enumerate() {
            binding::check(bundle, &read.logged, signed, signer)
                .map_err(|failure| failure.item(item))?;
            let (entry, at) = self
                .check_entry(bundle.version, entry, read.generation)
                .map_err(|failure| failure.item(item))?;
            evidence.push(entry);
            times.push(at);
        }
        let evidence = LogEvidence {
            required,
            entries: evidence,
        };
        Ok((evidence, times))
    }

    /// Returns the entry that repeats an earlier one: its body, or its index in the same log,
    /// which may have two ids.
    fn duplicate(&self, entries: &[TlogEntry]) -> Option<usize> {
        let same_log = |a: &[u8], b: &[u8]| {
            a == b || self.logs.iter().any(|log| log.has_id(a) && log.has_id(b))
        };
        entries.iter().enumerate().position(|(item, entry)| {
            entries.iter().take(item).any(|earlier| {
                (earlier.body == entry.body || earlier.log_index == entry.log_index)
                    && same_log(&earlier.log_id, &entry.log_id)
            })
        })
    }

    fn check_entry(
        &self,
        version: BundleVersion,
        entry: &TlogEntry,
        generation: Generation,
    ) -> Step<(LogEntryEvidence, LoggedAt)> {
        let log = self.log(entry)?;
        if generation == Generation::V2 {
            check_v2(entry)?;
        }
        let promised_at = match &entry.promise {
            Some(promise) => Some(check_promise(log, entry, promise)?),
            None if version == BundleVersion::V0_1 => {
                return Err(failed(StepName::Log, Reason::PromiseMissing));
            }
            None => None,
        };
        let proof = match &entry.proof {
            Some(proof) => Some(self.check_proof(log, entry, proof, generation)?),
            None => None,
        };
        if version != BundleVersion::V0_1 {
            let missing = match &proof {
                None => Some(Reason::ProofMissing),
                Some(proof) if proof.checkpoint.is_none() => Some(Reason::CheckpointMissing),
                Some(_) => None,
            };
            if let Some(reason) = missing {
                return Err(failed(StepName::Log, reason));
            }
        }
        // Rekor v1 signs the outer index in its promise, Rekor v2 has but one index.
        let vouched = promised_at.is_some() || generation == Generation::V2;
        let evidence = LogEntryEvidence {
            log: log.trusted.base_url.clone(),
            log_id: hex::encode(&entry.log_id),
            kind: format!("{} {}", entry.kind, entry.version),
            index: vouched.then_some(entry.log_index),
            promised_at,
            proof,
        };
        let at = LoggedAt {
            log: log.trusted.base_url.clone(),
            validity: log.trusted.validity,
            promised_at,
        };
        Ok((evidence, at))
    }

    fn log(&self, entry: &TlogEntry) -> Step<&Log> {
        self.logs
            .iter()
            .find(|log| log.has_id(&entry.log_id))
            .ok_or_else(|| {
                let known: Vec<_> = self.logs.iter().map(|log| log.trusted.name()).collect();
                failed(StepName::Log, Reason::LogUnknown)
                    .expected(format!("one of {}", known.join(", ")))
                    .found(format!(
                        "the log with the id {}",
                        excerpt(&hex::encode(&entry.log_id))
                    ))
            })
    }

    fn check_proof(
        &self,
        log: &Log,
        entry: &TlogEntry,
        proof: &InclusionProof,
        generation: Generation,
    ) -> Step<ProofEvidence> {
        merkle::verify_inclusion(
            proof.log_index,
            proof.tree_size,
            &merkle::leaf_hash(&entry.body),
            &proof.hashes,
            &proof.root_hash,
        )
        .map_err(|error| failed(StepName::Log, Reason::Proof(error)))?;
        let checkpoint = if proof.checkpoint.is_empty() {
            None
        } else {
            Some(self.check_checkpoint(log, proof, generation)?)
        };
        Ok(ProofEvidence {
            leaf_index: proof.log_index,
            tree_size: proof.tree_size,
            root: hex::encode(proof.root_hash),
            checkpoint,
        })
    }

    /// Checks that the log signed the tree that the proof leads to, and returns its origin.
    fn check_checkpoint(
        &self,
        log: &Log,
        proof: &InclusionProof,
        generation: Generation,
    ) -> Step<String> {
        let refused = |error: CheckpointError| failed(StepName::Log, Reason::Checkpoint(error));
        let signed = SignedCheckpoint::parse(proof.checkpoint.as_bytes()).map_err(refused)?;
        let found = (signed.checkpoint.size, signed.checkpoint.root);
        let expected = (proof.tree_size, proof.root_hash);
        if found != expected {
            let tree = |(size, root)| {
                format!("{size} entries with root {}", hex::encode::<[u8; 32]>(root))
            };
            return Err(failed(StepName::Log, Reason::CheckpointMismatch)
                .expected(tree(expected))
                .found(tree(found)));
        }
        let verifier = log
            .checkpoints
            .as_ref()
            .map_err(|error| refused(error.clone().into()))?;
        let (name, id) = (log.trusted.name(), log.trusted.key.key_id());
        let kind: &[u8] = match generation {
            Generation::V1 => b"checkpoint of Rekor v1",
            Generation::V2 => b"checkpoint",
        };
        let parts: [&[u8]; 4] = [kind, name.as_bytes(), &id, proof.checkpoint.as_bytes()];
        self.memo.once(&parts, || {
            match generation {
                Generation::V1 => signed.verify_rekor_v1(verifier),
                Generation::V2 => signed.verify(name, verifier),
            }
            .map(|_| ())
            .map_err(refused)
        })?;
        Ok(signed.checkpoint.origin)
    }
}

/// Rekor v2 neither promises nor tells the time, and has one index.
fn check_v2(entry: &TlogEntry) -> Step<()> {
    if entry.integrated_time != 0 {
        return Err(failed(StepName::Log, Reason::IntegratedTime)
            .expected(0)
            .found(entry.integrated_time));
    }
    if entry.promise.is_some() {
        return Err(failed(StepName::Log, Reason::PromiseUnexpected));
    }
    match &entry.proof {
        Some(proof) if proof.log_index != entry.log_index => {
            Err(failed(StepName::Log, Reason::IndexMismatch)
                .expected(proof.log_index)
                .found(entry.log_index))
        }
        _ => Ok(()),
    }
}

/// Checks the signed entry timestamp, and returns the time that it proves.
fn check_promise(log: &Log, entry: &TlogEntry, promise: &[u8]) -> Step<Time> {
    // RFC 8785 form of what Rekor v1 signs; no value holds anything to escape.
    let message = format!(
        r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
        base64(&entry.body),
        entry.integrated_time,
        hex::encode(&entry.log_id),
        entry.log_index,
    );
    let scheme = log.trusted.details.scheme();
    log.trusted
        .key
        .verify(scheme, message.as_bytes(), promise)
        .map_err(|_| {
            failed(StepName::Log, Reason::PromiseInvalid)
                .expected(format!("a signature of {}", log.trusted.name()))
        })?;
    let time = Time::from_unix(entry.integrated_time);
    if !log.trusted.validity.contains(time) {
        return Err(failed(StepName::Log, Reason::LogWindow)
            .expected(log.trusted.validity)
            .found(time));
    }
    Ok(time)
}
