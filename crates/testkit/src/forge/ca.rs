//! The certificate authority and its certificate log.

use signhere_pki::build::{CertificateAuthority, LeafRequest, Subject};
use signhere_pki::cert::{Certificate, San};
use signhere_pki::digest::sha256;
use signhere_pki::fulcio;
use signhere_pki::key::{KeyKind, PrivateKey, PublicKey, Signer as _};
use signhere_pki::random::SystemRandom;
use signhere_pki::sct::Sct;
use signhere_pki::time::{Time, Validity};

use super::{keys, years};
use crate::der::Tlv;

/// A root and an intermediate, each of which may issue leaves.
pub struct Ca {
    root: CertificateAuthority,
    root_key: PrivateKey,
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
    /// Changes what is signed, the TBSCertificate, before log and authority sign it.
    pub edit: fn(&mut Tlv),
    /// Changes the certificate after that.
    pub finish: fn(&mut Tlv),
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
    /// The log's id, where it is not that of the key.
    pub log_id: Option<[u8; 32]>,
    /// Changes the list of timestamps: its two bytes of length, and each with two of its own.
    pub edit: fn(&mut Vec<u8>),
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
            Box::new(root_key.clone()),
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
            root_key,
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

    /// The DER of a certificate, which nobody may be able to read.
    pub(super) fn issue(&self, plan: &LeafPlan) -> Vec<u8> {
        match plan.under {
            Under::Intermediate => Self::issue_by(&self.intermediate, &self.intermediate_key, plan),
            Under::Root => Self::issue_by(&self.root, &self.root_key, plan),
            Under::Impostor => Self::new().issue_by_intermediate(plan),
            Under::Stranger => Self::named("stranger").issue_by_intermediate(plan),
        }
    }

    fn issue_by_intermediate(&self, plan: &LeafPlan) -> Vec<u8> {
        Self::issue_by(&self.intermediate, &self.intermediate_key, plan)
    }

    fn issue_by(issuer: &CertificateAuthority, key: &PrivateKey, plan: &LeafPlan) -> Vec<u8> {
        let extensions = plan.issuer.as_ref().map_or_else(Vec::new, |issuer| {
            fulcio::identity_extensions(issuer, plan.san.as_str()).expect("extensions")
        });
        let request = LeafRequest {
            public_key: &plan.key,
            san: plan.san.clone(),
            extensions,
            validity: plan.validity,
        };
        let precertificate = issuer
            .precertify(&request, &SystemRandom)
            .expect("a precertificate");
        let mut tbs = Tlv::parse(precertificate.tbs()).expect("a TBSCertificate");
        (plan.edit)(&mut tbs);
        if plan.sct.embedded {
            let list = plan
                .sct
                .list(&tbs.to_der(), &sha256(key.public_key().spki_der()));
            let list = Tlv::octets(Tlv::octets(list).to_der());
            // [3] holds the extensions, and comes last.
            let position = tbs.children().len() - 1;
            let extensions = tbs.at(&[position, 0]).children();
            extensions.push(Tlv::sequence(vec![Tlv::oid(&SCT_LIST), list]));
        }
        let signature = key.sign(&tbs.to_der()).expect("a signature");
        let algorithm = Tlv::sequence(vec![Tlv::oid(&ECDSA_SHA384)]);
        let bits = Tlv::new(3, [&[0], signature.as_slice()].concat());
        let mut certificate = Tlv::sequence(vec![tbs, algorithm, bits]);
        (plan.finish)(&mut certificate);
        certificate.to_der()
    }
}

/// 1.3.6.1.4.1.11129.2.4.2 (RFC 6962 section 3.3).
const SCT_LIST: [u8; 10] = [0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];
/// ecdsa-with-SHA384 (RFC 5758 section 3.2).
const ECDSA_SHA384: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];

impl SctPlan {
    /// The list of one timestamp, as TLS encodes it.
    fn list(&self, tbs: &[u8], issuer_key_hash: &[u8; 32]) -> Vec<u8> {
        let mut tbs = tbs.to_vec();
        if self.of_another {
            tbs.reverse();
        }
        let milliseconds = u64::try_from(self.at.unix()).expect("a time after 1970") * 1000 + 250;
        let mut sct = Sct::sign(
            &self.signer,
            &tbs,
            issuer_key_hash,
            milliseconds,
            self.extensions.clone(),
        )
        .expect("a timestamp");
        sct.log_id = self.log_id.unwrap_or(sct.log_id);
        let sct = vector(&sct.to_bytes().expect("a short timestamp"));
        let mut list = vector(&sct);
        (self.edit)(&mut list);
        list
    }
}

/// Bytes behind their length in two bytes.
fn vector(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a short vector");
    [&length.to_be_bytes(), bytes].concat()
}
