//! The certificate was issued by a trusted authority and valid at every proven time.

use signhere_pki::cert::Certificate;
use signhere_pki::chain::{Chain, ChainError, Purpose};
use signhere_pki::time::Time;

use super::{Authority, Step, Verifier, failed};
use crate::bundle::{Bundle, BundleError, KeyMaterial};
use crate::error::Reason;
use crate::verdict::{CertificateEvidence, Failure, StepName};

impl Verifier {
    /// Returns the certificate that issued the leaf, and the evidence.
    pub(super) fn check_chain(
        &self,
        leaf: &Certificate,
        times: &[Time],
    ) -> Step<(&Certificate, CertificateEvidence)> {
        let mut nearest: Option<Box<Failure>> = None;
        let named = |authority: &&Authority| authority.is_named_by(leaf);
        for authority in self.certificate_authorities.iter().filter(named) {
            match self.check_authority(authority, leaf, times) {
                Ok((chain, issuer)) => {
                    return Ok((issuer, evidence(authority, chain, issuer, leaf)));
                }
                // Authorities renew their keys under one name: another may still be the one.
                Err(failure) => {
                    nearest = nearest
                        .filter(|other| !is_nearer(&failure.reason, &other.reason))
                        .or(Some(failure));
                }
            }
        }
        Err(nearest.unwrap_or_else(|| {
            failed(StepName::Certificate, Reason::CertificateUntrusted)
                .found(format!("issued by {}", leaf.issuer()))
        }))
    }

    /// A root in a bundle is for nothing. One that is none of the verifier's own would have it trust another.
    pub(super) fn check_carried(&self, bundle: &Bundle) -> Step<()> {
        let KeyMaterial::Certificate(carried) = &bundle.material.key else {
            return Ok(());
        };
        let authorities = &self.certificate_authorities;
        let is_own = |root: &Certificate| authorities.iter().any(|one| one.has(root));
        let mut roots = carried.iter().filter(|one| one.is_self_issued());
        match roots.find(|root| !is_own(root)) {
            Some(_) => Err(failed(StepName::Bundle, BundleError::RootCertificate)),
            None => Ok(()),
        }
    }

    /// One signature check, or none for a leaf that was met before; each time only adds looking at validities.
    fn check_authority<'a>(
        &self,
        authority: &'a Authority,
        leaf: &Certificate,
        times: &[Time],
    ) -> Step<(&'a Chain, &'a Certificate)> {
        let refused = |error| failed(StepName::Certificate, Reason::Chain(error));
        let chain = authority.usable(StepName::Certificate)?;
        let (Some(first), Some(issuer)) = (times.first(), chain.issuer_of(leaf)) else {
            return Err(failed(StepName::Time, Reason::TimeMissing));
        };
        self.memo
            .once(&[b"issued", authority.id(), leaf.der()], || {
                let verified = chain.verify_leaf(leaf, *first, Purpose::CodeSigning);
                verified.map(|_| ()).map_err(refused)
            })?;
        for time in times {
            chain.verify_validity(leaf, *time).map_err(refused)?;
        }
        let outside = |time: &&Time| !authority.validity.contains(**time);
        match times.iter().find(outside) {
            Some(time) => Err(failed(StepName::Certificate, Reason::AuthorityWindow)
                .expected(authority.validity)
                .found(time)),
            None => Ok((chain, issuer)),
        }
    }
}

/// A failure says more the further the check came: signature, then times, then the window.
fn is_nearer(failure: &Reason, other: &Reason) -> bool {
    let rank = |reason: &Reason| match reason {
        Reason::Chain(ChainError::SignatureInvalid { .. }) => 0,
        Reason::AuthorityWindow => 2,
        Reason::AuthorityUnusable(_) => 3,
        _ => 1,
    };
    rank(failure) > rank(other)
}

fn evidence(
    authority: &Authority,
    chain: &Chain,
    issuer: &Certificate,
    leaf: &Certificate,
) -> CertificateEvidence {
    let root = chain.certificates().last();
    CertificateEvidence {
        authority: authority.uri.clone(),
        issuer: issuer.subject().to_owned(),
        root: root.map_or_else(String::new, |root| hex::encode(root.fingerprint())),
        serial: leaf.serial_hex(),
        fingerprint: hex::encode(leaf.fingerprint()),
        not_before: leaf.not_before(),
        not_after: leaf.not_after(),
    }
}
