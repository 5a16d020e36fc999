//! Who stands for a commit or tag: its signer, whom a forge merged, whom it was carried over from, who approved it.

use signhere_pki::time::Time;
use signhere_verify::policy::{GitRule, NotAllowed, Signer as Entry};

use super::force::Policy;
use super::report::{MergeFault, Refusal, Stand, StandsBy};
use super::{Evidence, Signed};
use crate::approve::APPROVAL;
use crate::object::Object;
use crate::proof::Proven;
use crate::repository::RepositoryError;
use crate::ssh::{NAMESPACE, SshSignature};

const SSH: &[u8] = b"-----BEGIN SSH SIGNATURE-----";
const PGP: [&[u8]; 2] = [
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
];
pub(super) const X509: &[u8] = b"-----BEGIN SIGNED MESSAGE-----";

/// Who signed an object.
#[derive(Debug)]
pub(super) enum Signer {
    /// Somebody who is listed.
    Listed(Stand),
    /// A forge.
    Platform {
        /// Its name.
        name: String,
    },
}

/// Whose word is asked for.
pub(super) struct Asked<'a> {
    pub(super) policy: &'a Policy,
    /// Another policy whose revocations count as well.
    pub(super) revoking: Option<&'a Policy>,
    pub(super) evidence: &'a dyn Evidence,
    /// The rules for the ref.
    pub(super) rules: &'a [&'a GitRule],
    pub(super) now: Time,
}

impl Asked<'_> {
    /// Who signed an object.
    pub(super) fn signer(&self, object: &Object) -> Result<Signer, Refusal> {
        let Some(armor) = object.own_signature() else {
            return Err(Refusal::Unsigned);
        };
        if armor.starts_with(X509) {
            return match self.evidence.signed(object) {
                Signed::Proven(proven) => {
                    let names = self.listed(&proven)?;
                    let by = StandsBy::Signature;
                    Ok(Signer::Listed(Stand { names, by }))
                }
                Signed::Unproven(missing) => Err(Refusal::Unproven(missing)),
                Signed::Refused(failure) => Err(Refusal::Forged(failure)),
            };
        }
        if armor.starts_with(SSH) {
            return self.by_ssh(object, armor);
        }
        if PGP.iter().any(|start| armor.starts_with(start)) {
            if !self.policy.has_platforms() {
                return Err(Refusal::Foreign { kind: "a PGP" });
            }
            let platform = self.policy.platform_of(&object.payload(), armor);
            let name = platform.map_err(|error| Refusal::BadSignature {
                kind: "PGP",
                cause: error.to_string(),
            })?;
            return Ok(Signer::Platform {
                name: name.to_owned(),
            });
        }
        Err(Refusal::Foreign { kind: "an unknown" })
    }

    /// The names of somebody proven.
    pub(super) fn listed(&self, proven: &Proven) -> Result<Vec<String>, Refusal> {
        let names = self.policy.names_of(proven, self.revoking);
        names.map_err(Refusal::Signer)
    }

    /// Who stands for a commit by what it was made of, where somebody whose word counts attests that.
    pub(super) fn carried(&self, commit: &Object) -> Result<Vec<Stand>, RepositoryError> {
        let carriers = match self.policy.git() {
            Some(git) if !git.carriers.is_empty() => &git.carriers,
            _ => return Ok(Vec::new()),
        };
        let believes = |by: &Proven| {
            let names = self.listed(by).unwrap_or_default();
            names.iter().any(|name| carriers.contains(name))
        };
        let mut stands = Vec::new();
        for carried in self.evidence.carried(commit, &believes)? {
            if !believes(&carried.by) {
                continue;
            }
            let stand = |source: &Signed| match source {
                Signed::Proven(proven) => {
                    self.stand(proven, StandsBy::Carried, &|entry| self.may_commit(entry))
                }
                _ => None,
            };
            // One commit of a stranger among them spoils it.
            let sources: Option<Vec<Stand>> = carried.sources.iter().map(stand).collect();
            stands.extend(sources.into_iter().flatten());
        }
        Ok(stands)
    }

    /// Who approved an object.
    pub(super) fn approvals(&self, object: &Object) -> Result<Vec<Stand>, RepositoryError> {
        let approvals = self.evidence.approvals(object)?;
        let may = |entry: &Entry| {
            let mut types = entry.attestations.iter().flatten();
            self.may_commit(entry) || types.any(|listed| listed == APPROVAL)
        };
        let stand = |approval: &super::Approval| self.stand(&approval.by, StandsBy::Approval, &may);
        Ok(approvals.iter().filter_map(stand).collect())
    }

    /// Whether an entry is for commits: one for files or statements alone is where a rule names it.
    pub(super) fn may_commit(&self, entry: &Entry) -> bool {
        !entry.is_limited()
            || self
                .rules
                .iter()
                .any(|rule| rule.signers.contains(&entry.name))
    }

    /// How somebody stands for an object by the entries that `may`; `None` where none of them may.
    fn stand(&self, proven: &Proven, by: StandsBy, may: &dyn Fn(&Entry) -> bool) -> Option<Stand> {
        let mut names = self.listed(proven).ok()?;
        names.retain(|name| self.policy.signer(name).is_some_and(may));
        (!names.is_empty()).then_some(Stand { names, by })
    }

    /// An ssh key is that of whom the file of keys names; its signature proves no time, so that now is what counts.
    fn by_ssh(&self, object: &Object, armor: &[u8]) -> Result<Signer, Refusal> {
        let Some(keys) = self.policy.allowed_signers() else {
            return Err(Refusal::Foreign { kind: "an ssh" });
        };
        let bad = |cause: String| Refusal::BadSignature { kind: "ssh", cause };
        let signature = SshSignature::from_armor(armor).map_err(|error| bad(error.to_string()))?;
        signature
            .verify(&object.payload())
            .map_err(|error| bad(error.to_string()))?;
        let lines: Vec<_> = keys.of(signature.key(), NAMESPACE, self.now).collect();
        let principals = || lines.iter().filter_map(|line| line.only_principal());
        let entries = self.policy.file().signers.iter().filter(|signer| {
            principals().any(|principal| {
                signer.name == principal || signer.addresses().any(|own| own == principal)
            })
        });
        let mut names = Vec::new();
        let mut refused = None;
        for signer in entries {
            let revoked = self
                .revoking
                .and_then(|policy| policy.signer(&signer.name))
                .map_or(Ok(()), |other| other.lifetime.check(&[self.now]));
            let why = match revoked {
                Err(NotAllowed::Revoked) => Err(NotAllowed::Revoked),
                _ => signer.lifetime.check(&[self.now]),
            };
            match why {
                Ok(()) => names.push(signer.name.clone()),
                Err(why) => {
                    let refusal = Refusal::SshSigner {
                        signer: signer.name.clone(),
                        why,
                    };
                    if why == NotAllowed::Revoked {
                        return Err(refusal);
                    }
                    refused.get_or_insert(refusal);
                }
            }
        }
        match (names.is_empty(), refused) {
            (false, _) => Ok(Signer::Listed(Stand {
                names,
                by: StandsBy::Ssh,
            })),
            (true, Some(refused)) => Err(refused),
            (true, None) => Err(Refusal::SshUnlisted {
                found: principals().next().map(ToOwned::to_owned),
            }),
        }
    }
}

/// Why a merge by a forge is nobody's, as a refusal.
pub(super) fn platform(name: &str, fault: MergeFault) -> Refusal {
    Refusal::Platform {
        platform: name.to_owned(),
        fault,
    }
}
