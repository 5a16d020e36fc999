//! Evidence as it is: signatures in objects, and what is noted beside them.

use super::{Approval, Carried, Evidence, Signed, kept};
use crate::cache::Cache;
use crate::notes::Notes;
use crate::object::{Object, ObjectId};
use crate::proof::Proven;
use crate::repository::RepositoryError;
use crate::verdict::{GitVerdict, Outcome};
use crate::verifier::GitVerifier;
use crate::{approve, carry};

/// What is proven of signatures, by a verifier and the notes of a repository.
#[derive(Clone, Copy, Debug)]
pub struct Proofs<'a> {
    verifier: &'a GitVerifier,
    notes: Option<&'a Notes<'a>>,
    cache: Option<&'a Cache>,
}

impl<'a> Proofs<'a> {
    /// By this verifier; without `notes`, nobody approves and nothing is carried over.
    pub fn new(verifier: &'a GitVerifier, notes: Option<&'a Notes<'a>>) -> Self {
        Self {
            verifier,
            notes,
            cache: None,
        }
    }

    /// The same, but what was proven once of an object is kept, and not proven again. The cache has to be one for the
    /// trusted roots of the verifier.
    #[must_use]
    pub fn kept_in(mut self, cache: &'a Cache) -> Self {
        self.cache = Some(cache);
        self
    }

    fn noted(&self, id: &ObjectId) -> Vec<signhere_verify::bundle::Bundle> {
        let notes = self.notes.filter(|notes| notes.has(id));
        notes.map(|notes| notes.of(id).bundles).unwrap_or_default()
    }
}

impl Evidence for Proofs<'_> {
    fn signed(&self, object: &Object) -> Signed {
        let id = object.id();
        if let Some(known) = self.cache.and_then(|cache| kept::find(cache, &id)) {
            return Signed::Proven(Box::new(known));
        }
        let notes = self.noted(&id);
        let signed = Signed::of(self.verifier.verify_with(object, &notes, None));
        if let (Some(cache), Signed::Proven(proven)) = (self.cache, &signed) {
            kept::keep(cache, &id, proven);
        }
        signed
    }

    fn approvals(&self, object: &Object) -> Result<Vec<Approval>, RepositoryError> {
        let id = object.id();
        let found = approve::approvals(self.verifier, (object.kind(), &id), &self.noted(&id));
        let approval = |found: approve::Approval| {
            let by = found.proven.held().ok()?;
            Some(Approval { by })
        };
        Ok(found.into_iter().filter_map(approval).collect())
    }

    fn carried(
        &self,
        commit: &Object,
        believes: &dyn Fn(&Proven) -> bool,
    ) -> Result<Vec<Carried>, RepositoryError> {
        let found = carry::carried(self.verifier, commit, &self.noted(&commit.id()));
        let carried = |found: carry::Carried| {
            // Before hundreds of signatures are verified that it may name.
            let by = found.proven.held().ok().filter(believes)?;
            let prove = |source: &carry::Source| {
                let verdict = self
                    .verifier
                    .verify_with(&source.object, &source.bundles, None);
                Signed::of(verdict)
            };
            let sources = found.sources.iter().map(prove).collect();
            Some(Carried { by, sources })
        };
        Ok(found.into_iter().filter_map(carried).collect())
    }
}

impl Signed {
    /// Returns what a verdict says that nobody was asked for.
    pub fn of(verdict: GitVerdict) -> Self {
        match (verdict.outcome, verdict.evidence) {
            (Outcome::Proven, Some(evidence)) => Self::Proven(Box::new(Proven {
                verdict: evidence.examination.verdict(),
                instance: evidence.instance,
            })),
            (Outcome::Refused(failure), _) => Self::Refused(failure),
            (Outcome::Unproven(missing), _) => Self::Unproven(missing),
            // No other outcome is one of a signature by a certificate.
            _ => Self::Unproven(Vec::new()),
        }
    }
}
