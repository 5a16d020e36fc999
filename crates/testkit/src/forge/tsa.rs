//! The timestamp authority.

use signhere_pki::build::{CertificateAuthority, Subject};
use signhere_pki::cert::Certificate;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::KeyKind;
use signhere_pki::random::SystemRandom;
use signhere_pki::time::Time;
use signhere_pki::tsp::{DEFAULT_POLICY, TimestampRequest, TsaSigner, respond};

use super::{keys, years};

/// A timestamp authority, directly under a root of its own.
pub struct Tsa {
    root: Certificate,
    signer: TsaSigner,
}

/// A timestamp before it is signed.
#[derive(Clone, Debug)]
pub struct StampPlan {
    /// What it is over.
    pub message: Vec<u8>,
    /// Its time.
    pub at: Time,
    /// Whether it embeds the authority's certificate.
    pub embeds_certificate: bool,
    /// Whether another authority of another name makes it.
    pub by_stranger: bool,
    /// Whether another authority of the same names makes it.
    pub by_impostor: bool,
}

impl Tsa {
    pub(super) fn new() -> Self {
        Self::named("forge")
    }

    fn named(name: &str) -> Self {
        let subject = |common_name| Subject {
            organization: name,
            common_name,
        };
        let root_key = Box::new(keys::fresh(KeyKind::P384));
        let root = CertificateAuthority::create_root(
            subject("timestamp root"),
            root_key,
            years(20),
            &SystemRandom,
        )
        .expect("a root");
        let signer = Box::new(keys::fresh(KeyKind::P256));
        let certificate = root
            .issue_tsa(
                subject("timestamps"),
                signer_key(&signer),
                years(10),
                &SystemRandom,
            )
            .expect("a certificate");
        Self {
            root: root.certificate().clone(),
            signer: TsaSigner {
                certificate,
                signer,
                policy: DEFAULT_POLICY,
            },
        }
    }

    /// The signing certificate, then the root.
    pub fn chain(&self) -> [Certificate; 2] {
        [self.signer.certificate.clone(), self.root.clone()]
    }

    pub(super) fn stamp(&self, plan: &StampPlan) -> Vec<u8> {
        if plan.by_stranger {
            return Self::named("stranger").sign(plan);
        }
        if plan.by_impostor {
            return Self::new().sign(plan);
        }
        self.sign(plan)
    }

    fn sign(&self, plan: &StampPlan) -> Vec<u8> {
        let imprint = HashAlgorithm::Sha256.digest(&plan.message);
        let mut request = TimestampRequest::new(imprint, &SystemRandom).expect("a nonce");
        request.certificate_requested = plan.embeds_certificate;
        respond(&request, &self.signer, plan.at, &SystemRandom).expect("a timestamp")
    }
}

fn signer_key(key: &signhere_pki::key::PrivateKey) -> &signhere_pki::key::PublicKey {
    key.public_key()
}
