//! A commit that nobody signed counts as signed by the people who signed what it came from.

use signhere_verify::bundle::Bundle;
use signhere_verify::policy::{Question, Signer};

use super::carried;
use crate::object::Object;
use crate::verdict::{GitVerdict, Outcome};
use crate::verifier::GitVerifier;

/// A commit's signers by way of the commits that it came from.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The carrier's name in the trust file.
    pub carrier: String,
    /// The verdicts of the commits that it came from, the last one first: each is verified.
    pub sources: Vec<GitVerdict>,
}

/// Follows the first carry-over among `bundles` that counts: by somebody whom a trust file lists as a carrier, and of
/// commits each of which is verified by itself, signed by somebody listed. One commit of a stranger among them spoils it.
pub fn follow(
    verifier: &GitVerifier,
    question: &Question,
    merged: &Object,
    bundles: &[Bundle],
) -> Option<Followed> {
    // Two files may call two people the same.
    let is_carrier = |signer: &Signer| {
        question.trusted().signers().any(|(file, listed)| {
            let git = file.git.as_ref();
            std::ptr::eq(listed, signer)
                && git.is_some_and(|git| git.carriers.contains(&signer.name))
        })
    };
    carried(verifier, merged, bundles)
        .into_iter()
        .find_map(|found| {
            let question_there = match &found.proven.instance {
                Some(name) => &question.clone().on(name),
                None => question,
            };
            let listed = question_there.listed(&found.proven.verdict.steps).ok()?;
            let carrier = listed.into_iter().find(|signer| is_carrier(signer))?;
            let sources: Vec<GitVerdict> = found
                .sources
                .iter()
                .map(|source| verifier.verify_with(&source.object, &source.bundles, Some(question)))
                .collect();
            let is_verified =
                |verdict: &GitVerdict| matches!(verdict.outcome, Outcome::Verified(_));
            sources.iter().all(is_verified).then(|| Followed {
                carrier: carrier.name.clone(),
                sources,
            })
        })
}
