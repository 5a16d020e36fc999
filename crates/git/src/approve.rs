//! Approvals: statements by which their signers agree to a commit or tag. A threshold counts the people who made them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use signhere_verify::bundle::Bundle;

use crate::object::{ObjectId, ObjectKind};
use crate::proof::{Prove, Proven};
use crate::statement::{NotAttested, attested_as, statement};

/// The type of the statement.
pub const APPROVAL: &str = "https://signhere.dev/git/approval/v1";

/// Somebody's agreement to a commit or tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// Who agrees, and what of that was proven; whether that counts for anything is for a policy to say.
    pub proven: Proven,
}

/// What an approval says beside its subject.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    decision: Decision,
}

/// A statement of this type may say nothing else: a later version that can gets another type.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum Decision {
    Approved,
}

/// The statement, to be signed, by which its signer approves a commit or tag.
pub fn approval(object: (ObjectKind, &ObjectId)) -> Vec<u8> {
    let predicate = json!({ "decision": Decision::Approved });
    statement(object, Map::new(), APPROVAL, &predicate)
}

/// The approvals of a commit or tag among `bundles`. What does not hold, or is about anything else, is left out.
pub fn approvals(
    prover: &dyn Prove,
    object: (ObjectKind, &ObjectId),
    bundles: &[Bundle],
) -> Vec<Approval> {
    let read = |bundle| approval_in(prover, object, bundle).ok();
    bundles.iter().filter_map(read).collect()
}

/// Reads one bundle as an approval of a commit or tag.
///
/// # Errors
/// [`NotAttested`] when it is none.
pub fn approval_in(
    prover: &dyn Prove,
    object: (ObjectKind, &ObjectId),
    bundle: &Bundle,
) -> Result<Approval, NotAttested> {
    let (predicate, attested) = attested_as::<Predicate>(prover, object, bundle, APPROVAL)?;
    let Decision::Approved = predicate.decision;
    let proven = attested.proven;
    Ok(Approval { proven })
}
