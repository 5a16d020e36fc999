//! The timestamp authority.

use signhere_pki::build::{CertificateAuthority, Subject};
use signhere_pki::cert::Certificate;
use signhere_pki::digest::{HashAlgorithm, sha256};
use signhere_pki::key::{KeyKind, PrivateKey, Signer as _};
use signhere_pki::random::SystemRandom;
use signhere_pki::time::Time;
use signhere_pki::tsp::{DEFAULT_POLICY, TimestampRequest, TsaSigner, respond};

use super::{keys, years};
use crate::der::Tlv;

/// A timestamp authority, directly under a root of its own.
pub struct Tsa {
    root: Certificate,
    root_key: PrivateKey,
    certificate: Certificate,
    key: PrivateKey,
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
    /// Changes what the root signs of the authority's certificate, which is then another one.
    pub certificate: fn(&mut Tlv),
    /// Changes the TSTInfo before it is signed.
    pub info: fn(&mut Tlv),
    /// Changes the set of signed attributes before it is signed.
    pub attributes: fn(&mut Tlv),
    /// Changes the TimeStampResp after that.
    pub reply: fn(&mut Tlv),
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
        let root_key = keys::fresh(KeyKind::P384);
        let root = CertificateAuthority::create_root(
            subject("timestamp root"),
            Box::new(root_key.clone()),
            years(20),
            &SystemRandom,
        )
        .expect("a root");
        let key = keys::fresh(KeyKind::P256);
        let certificate = root
            .issue_tsa(
                subject("timestamps"),
                key.public_key(),
                years(10),
                &SystemRandom,
            )
            .expect("a certificate");
        Self {
            root: root.certificate().clone(),
            root_key,
            certificate,
            key,
        }
    }

    /// The signing certificate, then the root.
    pub fn chain(&self) -> [Certificate; 2] {
        [self.certificate.clone(), self.root.clone()]
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
        let signer = TsaSigner {
            certificate: self.certificate_for(plan),
            signer: Box::new(self.key.clone()),
            policy: DEFAULT_POLICY,
        };
        let reply = respond(&request, &signer, plan.at, &SystemRandom).expect("a timestamp");
        let mut reply = Tlv::parse(&reply).expect("a reply");
        self.sign_again(&mut reply, plan);
        (plan.reply)(&mut reply);
        reply.to_der()
    }

    fn certificate_for(&self, plan: &StampPlan) -> Certificate {
        let mut certificate = Tlv::parse(self.certificate.der()).expect("a certificate");
        (plan.certificate)(certificate.child(0));
        if certificate.to_der() == self.certificate.der() {
            return self.certificate.clone();
        }
        let signature = self.root_key.sign(&certificate.child(0).to_der());
        let bits = [&[0], signature.expect("a signature").as_slice()].concat();
        certificate.child(2).set_content(bits);
        Certificate::from_der(&certificate.to_der()).expect("a certificate")
    }

    /// Signs the changed TSTInfo under the changed attributes (RFC 5652 section 5.4).
    fn sign_again(&self, reply: &mut Tlv, plan: &StampPlan) {
        // TimeStampResp -> token -> [0] -> SignedData
        let signed_data = reply.at(&[1, 1, 0]);
        let octets = signed_data.at(&[2, 1, 0]);
        let mut info = Tlv::parse(&octets.content()).expect("a TSTInfo");
        (plan.info)(&mut info);
        octets.set_content(info.to_der());

        let signers = signed_data.children().len() - 1;
        let signer = signed_data.at(&[signers, 0]);
        let mut attributes = signer.child(3).clone();
        attributes.tag = 0x31;
        for attribute in attributes.children() {
            if attribute.child(0).content() == MESSAGE_DIGEST {
                let digest = sha256(&info.to_der());
                attribute.at(&[1, 0]).set_content(digest);
            }
        }
        (plan.attributes)(&mut attributes);
        let signature = self.key.sign(&attributes.to_der()).expect("a signature");
        attributes.tag = 0xa0;
        *signer.child(3) = attributes;
        signer.child(5).set_content(signature);
    }
}

/// id-messageDigest, 1.2.840.113549.1.9.4.
const MESSAGE_DIGEST: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
