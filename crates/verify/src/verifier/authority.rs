//! A certificate or timestamp authority of the trusted root.

use std::sync::OnceLock;

use signhere_pki::cert::Certificate;
use signhere_pki::chain::{Chain, ChainError};
use signhere_pki::digest::sha256;
use signhere_pki::time::Validity;

use super::{Step, failed};
use crate::error::Reason;
use crate::trust::CertificateAuthority;
use crate::verdict::StepName;

/// Its chain is checked when it is first needed: most bundles need one authority of several, and one that cannot be
/// used, for a kind of key that is not known yet, has to fail alone.
#[derive(Clone, Debug)]
pub(super) struct Authority {
    pub(super) uri: String,
    pub(super) validity: Validity,
    certificates: Vec<Certificate>,
    chain: OnceLock<Result<Chain, ChainError>>,
    id: OnceLock<[u8; 32]>,
}

impl Authority {
    pub(super) fn all(trusted: Vec<CertificateAuthority>) -> Vec<Self> {
        trusted.into_iter().map(Self::new).collect()
    }

    fn new(trusted: CertificateAuthority) -> Self {
        Self {
            uri: trusted.uri,
            validity: trusted.validity,
            certificates: trusted.chain,
            chain: OnceLock::new(),
            id: OnceLock::new(),
        }
    }

    /// Tells whether one of its certificates has the name of the leaf's issuer; nothing is verified.
    pub(super) fn is_named_by(&self, leaf: &Certificate) -> bool {
        self.certificates
            .iter()
            .any(|certificate| certificate.subject_name_der() == leaf.issuer_name_der())
    }

    /// Tells whether one of its certificates has the name of the leaf's issuer, and the id of the issuer's key where both
    /// certificates have one; nothing is verified.
    pub(super) fn may_issue(&self, leaf: &Certificate) -> bool {
        let has_id = |own: &Certificate| match (leaf.authority_key_id(), own.subject_key_id()) {
            (Some(expected), Some(id)) => expected == id,
            _ => true,
        };
        self.certificates
            .iter()
            .any(|own| own.subject_name_der() == leaf.issuer_name_der() && has_id(own))
    }

    /// Tells whether this certificate, byte for byte, is one of its own.
    pub(super) fn has(&self, certificate: &Certificate) -> bool {
        self.certificates
            .iter()
            .any(|own| own.der() == certificate.der())
    }

    pub(super) fn chain(&self) -> Result<&Chain, &ChainError> {
        self.chain
            .get_or_init(|| Chain::new(&self.certificates))
            .as_ref()
    }

    /// As [`Self::chain`], for a step that fails without it.
    pub(super) fn usable(&self, step: StepName) -> Step<&Chain> {
        self.chain().map_err(|error| {
            failed(step, Reason::AuthorityUnusable(error.clone())).found(&self.uri)
        })
    }

    /// Returns a digest of what its chain consists of.
    pub(super) fn id(&self) -> &[u8; 32] {
        self.id.get_or_init(|| {
            let prints = self.certificates.iter().map(Certificate::fingerprint);
            sha256(prints.collect::<Vec<_>>().as_flattened())
        })
    }
}
