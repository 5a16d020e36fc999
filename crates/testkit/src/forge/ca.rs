//! The certificate authority and its certificate log.

use std::convert::Infallible;

use signhere_pki::build::{CertificateAuthority, LeafRequest, Subject};
use signhere_pki::cert::{Certificate, San};
use signhere_pki::fulcio;
use signhere_pki::key::{KeyKind, PrivateKey, PublicKey, Signer as _};
use signhere_pki::random::SystemRandom;
use signhere_pki::sct::{self, Sct};
use signhere_pki::time::{Time, Validity};

use super::{keys, years};

/// A root and an intermediate, each of which may issue leaves.
pub struct Ca {
    root: CertificateAuthority,
    intermediate: CertificateAuthority,
    intermediate_key: PrivateKey,
}

/// Which certificate issues a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Under {
    /// The intermediate.
    Intermediate,
    /// The root itself.
    Root,
    /// Another authority of the same names.
    Impostor,
    /// Another authority of another name.
    Stranger,
}

/// A leaf before it is issued.
#[derive(Clone, Debug)]
pub struct LeafPlan {
    /// Its subject alternative name.
    pub san: San,
    /// The issuer of the identity, in both of Fulcio's extensions; `None` for neither.
    pub issuer: Option<String>,
    /// Its key.
    pub key: PublicKey,
    /// Its validity.
    pub validity: Validity,
    /// Who issues it.
    pub under: Under,
    /// Its signed certificate timestamp.
    pub sct: SctPlan,
}

/// A signed certificate timestamp before it is signed.
#[derive(Clone, Debug)]
pub struct SctPlan {
    /// Whether there is one.
    pub embedded: bool,
    /// The log's key.
    pub signer: PrivateKey,
    /// The log's time.
    pub at: Time,
    /// The extensions, as TLS encodes them.
    pub extensions: Vec<u8>,
    /// Signs for another certificate.
    pub of_another: bool,
}

impl Ca {
    pub(super) fn new() -> Self {
        Self::named("forge")
    }

    fn named(name: &str) -> Self {
        let subject = |common_name| Subject {
            organization: name,
            common_name,
        };
        let root_key = keys::fresh(KeyKind::P384);
        let root = CertificateAuthority::create_root(
            subject("root"),
            Box::new(root_key),
            years(20),
            &SystemRandom,
        )
        .expect("a root");
        let intermediate_key = keys::fresh(KeyKind::P384);
        let intermediate = root
            .create_intermediate(
                subject("intermediate"),
                Box::new(intermediate_key.clone()),
                years(10),
                &SystemRandom,
            )
            .expect("an intermediate");
        Self {
            root,
            intermediate,
            intermediate_key,
        }
    }

    /// The intermediate, then the root.
    pub fn chain(&self) -> [Certificate; 2] {
        [
            self.intermediate.certificate().clone(),
            self.root.certificate().clone(),
        ]
    }

    pub(super) fn issue(&self, plan: &LeafPlan) -> Certificate {
        match plan.under {
            Under::Intermediate => self.issue_by(&self.intermediate, plan),
            Under::Root => self.issue_by(&self.root, plan),
            Under::Impostor => Self::new().issue_by_intermediate(plan),
            Under::Stranger => Self::named("stranger").issue_by_intermediate(plan),
        }
    }

    fn issue_by_intermediate(&self, plan: &LeafPlan) -> Certificate {
        self.issue_by(&self.intermediate, plan)
    }

    fn issue_by(&self, issuer: &CertificateAuthority, plan: &LeafPlan) -> Certificate {
        let extensions = plan.issuer.as_ref().map_or_else(Vec::new, |issuer| {
            fulcio::identity_extensions(issuer, plan.san.as_str()).expect("extensions")
        });
        let request = LeafRequest {
            public_key: &plan.key,
            san: plan.san.clone(),
            extensions,
            validity: plan.validity,
        };
        let leaf = issuer
            .issue(&request, &SystemRandom, |precertificate| {
                let mut tbs = precertificate.tbs().to_vec();
                if plan.sct.of_another {
                    tbs.reverse();
                }
                let sct = plan.sct.sign(&tbs, precertificate.issuer_key_hash());
                Ok::<_, Infallible>(sct)
            })
            .expect("a leaf");
        if plan.sct.embedded {
            leaf
        } else {
            self.without_sct(&leaf)
        }
    }

    /// The certificate of the intermediate as it would be without a timestamp.
    fn without_sct(&self, leaf: &Certificate) -> Certificate {
        // AlgorithmIdentifier of ecdsa-with-SHA384 (RFC 5758 section 3.2).
        const ECDSA_SHA384: [u8; 12] = [
            0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03,
        ];
        let tbs = sct::precert_tbs(leaf).expect("a TBSCertificate");
        let signature = self.intermediate_key.sign(&tbs).expect("a signature");
        let bits = tlv(0x03, &[&[0], &signature]);
        let der = tlv(0x30, &[&tbs, &ECDSA_SHA384, &bits]);
        Certificate::from_der(&der).expect("a certificate")
    }
}

impl SctPlan {
    fn sign(&self, tbs: &[u8], issuer_key_hash: &[u8; 32]) -> Sct {
        let milliseconds = u64::try_from(self.at.unix()).expect("a time after 1970") * 1000 + 250;
        Sct::sign(
            &self.signer,
            tbs,
            issuer_key_hash,
            milliseconds,
            self.extensions.clone(),
        )
        .expect("a timestamp")
    }
}

/// DER with lengths of up to 65,535 bytes.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [high, low] = u16::try_from(content.len())
        .expect("a short value")
        .to_be_bytes();
    let header = match (high, low) {
        (0, 0..128) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [header, content].concat()
}
