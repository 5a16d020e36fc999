//! What the log signs: promises, proofs, checkpoints.

use signhere_log::checkpoint::CheckpointError;
use signhere_log::merkle::ProofError;
use signhere_log::note::NoteError;
use signhere_pki::key::KeyKind;
use signhere_testkit::forge::{
    self as made, Forge, Kind, LogEntry, MediaType, RootVersion, SIGNED_AT, Stage,
};
use signhere_verify::verdict::{Reason, StepName};

use crate::forge::{PROOF_ONLY, V2, Verifiers};

use crate::{check, proof, rows};

/// What the log signs.
#[test]
fn log_evidence() {
    use CheckpointError::Note as N;
    use Reason::{Checkpoint as C, Proof as P};
    check(rows![
        "a promise by another key",
        Kind::PLAIN,
        |Stage::Log(l)| l.signer = made::fresh(KeyKind::P256),
        Log,
        Reason::PromiseInvalid,
        "a promise for another time",
        Kind::PLAIN,
        |Stage::Logged(e)| e[0].integrated_time += 1,
        Log,
        Reason::PromiseInvalid,
        "a promise for another index",
        Kind::PLAIN,
        |Stage::Logged(e)| e[0].index += 1,
        Log,
        Reason::PromiseInvalid,
        "an empty promise",
        Kind::PLAIN,
        |Stage::Logged(e)| e[0].promise = Some(vec![]),
        Log,
        Reason::PromiseInvalid,
        "a time in v2",
        V2,
        |Stage::Log(l)| l.integrated_time = SIGNED_AT.unix(),
        Log,
        Reason::IntegratedTime,
        "a promise in v2",
        V2,
        |Stage::Log(l)| l.promises = true,
        Log,
        Reason::PromiseUnexpected,
        "two indexes in v2",
        V2,
        |Stage::Log(l)| l.index += 1,
        Log,
        Reason::IndexMismatch,
        "no proof",
        Kind::PLAIN,
        |Stage::Log(l)| l.proves = false,
        Log,
        Reason::ProofMissing,
        "no proof in v0.2",
        Kind {
            media_type: MediaType::V0_2,
            ..Kind::PLAIN
        },
        |Stage::Log(l)| l.proves = false,
        Log,
        Reason::ProofMissing,
        "no promise in v0.1",
        Kind {
            media_type: MediaType::V0_1,
            ..Kind::PLAIN
        },
        |Stage::Log(l)| l.promises = false,
        Log,
        Reason::PromiseMissing,
        "no checkpoint",
        V2,
        |Stage::Logged(e)| proof(e).checkpoint = None,
        Log,
        Reason::CheckpointMissing,
        "index outside the tree",
        PROOF_ONLY,
        |Stage::Logged(e)| proof(e).index = 11,
        Log,
        P(ProofError::IndexBeyondSize {
            index: 11,
            size: 11
        }),
        "empty tree",
        PROOF_ONLY,
        |Stage::Logged(e)| proof(e).size = 0,
        Log,
        P(ProofError::IndexBeyondSize { index: 5, size: 0 }),
        "a hash too few",
        V2,
        |Stage::Logged(e)| drop(proof(e).hashes.pop()),
        Log,
        P(ProofError::Length {
            expected: 4,
            found: 3
        }),
        "a hash too many",
        V2,
        |Stage::Logged(e)| proof(e).hashes.push(vec![7; 32]),
        Log,
        P(ProofError::Length {
            expected: 4,
            found: 5
        }),
        "hashes in another order",
        V2,
        |Stage::Logged(e)| proof(e).hashes.reverse(),
        Log,
        P(ProofError::RootMismatch { .. }),
        "another place in the tree",
        PROOF_ONLY,
        |Stage::Logged(e)| proof(e).index = 4,
        Log,
        P(ProofError::RootMismatch { .. }),
        "another body",
        PROOF_ONLY,
        |Stage::Logged(e)| e[0].body.push(b' '),
        Log,
        P(ProofError::RootMismatch { .. }),
        "checkpoint by another key",
        V2,
        |Stage::Log(l)| l.signer = made::ed25519("another"),
        Log,
        C(N(NoteError::NotSignedBy { .. })),
        "checkpoint by another key in v1",
        PROOF_ONLY,
        |Stage::Log(l)| l.signer = made::fresh(KeyKind::P256),
        Log,
        C(N(NoteError::NotSignedBy { .. })),
        "checkpoint under another name",
        V2,
        |Stage::Log(l)| l.name = "log.example".to_owned(),
        Log,
        C(N(NoteError::NotSignedBy { .. })),
        "checkpoint of another origin",
        V2,
        |Stage::Log(l)| l.origin = "log.example".to_owned(),
        Log,
        C(CheckpointError::Origin { .. }),
        "a shard in v2",
        V2,
        |Stage::Log(l)| l.origin += " - 7",
        Log,
        C(CheckpointError::Origin { .. }),
        "a shard that is no number",
        PROOF_ONLY,
        |Stage::Log(l)| l.origin += "x",
        Log,
        C(CheckpointError::Origin { .. }),
        "checkpoint text changed after signing",
        V2,
        |Stage::Logged(e)| checkpoint(e, |text| text.replacen("\n11\n", "\n12\n", 1)),
        Log,
        Reason::CheckpointMismatch,
        "extension line added after signing",
        V2,
        |Stage::Logged(e)| checkpoint(e, |text| text.replacen("\n\n", "\nmore\n\n", 1)),
        Log,
        C(N(NoteError::SignatureInvalid { .. })),
        "witnesses alone",
        V2,
        |Stage::Logged(e)| checkpoint(e, |text| {
            text.split_inclusive('\n')
                .filter(|line| !line.starts_with("\u{2014} log"))
                .collect()
        }),
        Log,
        C(N(NoteError::NotSignedBy { .. })),
        "no signatures at all",
        V2,
        |Stage::Logged(e)| checkpoint(e, |text| text.split("\n\n").next().unwrap_or("").to_owned()
            + "\n"),
        Log,
        C(N(NoteError::NoSignatures)),
        "a line that is no signature",
        V2,
        |Stage::Logged(e)| checkpoint(e, |text| text + "\u{2014} x\n"),
        Log,
        C(N(NoteError::MalformedSignature { line: 3 })),
    ]);
}

/// A checkpoint that the log did sign, of another tree than the proof's.
#[test]
fn a_true_checkpoint_of_another_tree_is_refused() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    for kind in [Kind::PLAIN, V2] {
        for another in [(12, None), (11, Some([7; 32]))] {
            let mut log = None;
            let spoiled = forge.spoiled(kind, |stage| match stage {
                Stage::Log(plan) => log = Some(plan.clone()),
                Stage::Logged(entries) => {
                    let proof = proof(entries);
                    let root = another.1.map_or_else(|| proof.root.clone(), Vec::from);
                    let log = log.as_ref().unwrap();
                    proof.checkpoint = Some(log.checkpoint(another.0, &root));
                }
                _ => {}
            });
            let failure = verifiers.verify(&spoiled).failure.unwrap();
            assert_eq!(failure.step, StepName::Log);
            assert_eq!(failure.reason, Reason::CheckpointMismatch);
        }
    }
}

fn checkpoint(entries: &mut [LogEntry], change: fn(String) -> String) {
    let proof = proof(entries);
    proof.checkpoint = proof.checkpoint.take().map(change);
}
