//! A small Sigstore of our own: an authority, its logs and a timestamp authority, in memory.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "shared by several test binaries; a failure here is a failed test"
)]

use std::convert::Infallible;

use signhere_log::checkpoint::Checkpoint;
use signhere_log::merkle::{leaf_hash, node_hash};
use signhere_log::note::{NoteSigner, key_id_ed25519};
use signhere_pki::build::{CertificateAuthority, LeafRequest, Subject};
use signhere_pki::cert::{Certificate, San};
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::fulcio;
use signhere_pki::key::{KeyDetails, KeyKind, PrivateKey, Scheme, Signer};
use signhere_pki::sct::Sct;
use signhere_pki::time::{Time, Validity};
use signhere_pki::tsp::{DEFAULT_POLICY, TimestampRequest, TsaSigner, respond};
use signhere_testkit::random::SeededRandom;
use signhere_verify::bundle::{Bundle, BundleBuilder, InclusionProof, TlogEntry};
use signhere_verify::dsse::{Envelope, INTOTO_PAYLOAD_TYPE};
use signhere_verify::entry::LoggedKey;
use signhere_verify::entry::hashedrekord_v002::HashedRekord;
use signhere_verify::entry::{dsse_v001, hashedrekord_v001};
use signhere_verify::trust::{self, TransparencyLog, TrustedRoot};
use signhere_verify::verdict::Verdict;
use signhere_verify::verifier::{Artifact, Policy, Verifier};

pub(crate) const ARTIFACT: &[u8] = b"hello, world\n";
pub(crate) const IDENTITY: &str = "dev@example.com";
pub(crate) const ISSUER: &str = "https://issuer.example";
/// When everything is signed.
pub(crate) const NOW: i64 = 1_790_000_000;

/// The instance.
pub(crate) struct World {
    random: SeededRandom,
    authority: CertificateAuthority,
    authority_root: Certificate,
    ct: PrivateKey,
    log_v1: PrivateKey,
    log_v2: PrivateKey,
    tsa: TsaSigner,
    tsa_root: Certificate,
}

/// Somebody who signs.
pub(crate) struct Identity {
    pub(crate) key: PrivateKey,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) scheme: Scheme,
}

impl World {
    pub(crate) fn new() -> Self {
        let random = SeededRandom::new(1);
        let root = CertificateAuthority::create_root(
            subject("root"),
            key(KeyKind::P384),
            years(),
            &random,
        )
        .unwrap();
        let authority_root = root.certificate().clone();
        let authority = root
            .create_intermediate(subject("ca"), key(KeyKind::P384), years(), &random)
            .unwrap();
        let tsa_root = CertificateAuthority::create_root(
            subject("tsa root"),
            key(KeyKind::P384),
            years(),
            &random,
        )
        .unwrap();
        let tsa_key = PrivateKey::generate(KeyKind::P256).unwrap();
        let certificate = tsa_root
            .issue_tsa(subject("tsa"), tsa_key.public_key(), years(), &random)
            .unwrap();
        Self {
            random,
            authority,
            authority_root,
            ct: PrivateKey::generate(KeyKind::P256).unwrap(),
            log_v1: PrivateKey::generate(KeyKind::P256).unwrap(),
            log_v2: PrivateKey::generate(KeyKind::Ed25519).unwrap(),
            tsa: TsaSigner {
                certificate,
                signer: Box::new(tsa_key),
                policy: DEFAULT_POLICY,
            },
            tsa_root: tsa_root.certificate().clone(),
        }
    }

    pub(crate) fn root(&self) -> TrustedRoot {
        let authority = |uri: &str, chain| trust::CertificateAuthority {
            uri: uri.to_owned(),
            chain,
            validity: open(),
            operator: String::new(),
        };
        let log = |url: &str, key: &PrivateKey, log_id: Vec<u8>| TransparencyLog {
            base_url: url.to_owned(),
            key: key.public_key().clone(),
            details: KeyDetails::of(key.scheme(), key.kind()).unwrap(),
            validity: open(),
            log_id,
            checkpoint_key_id: None,
            operator: String::new(),
        };
        TrustedRoot {
            tlogs: vec![
                log("https://rekor.example", &self.log_v1, self.log_id_v1()),
                log("https://log.example", &self.log_v2, self.log_id_v2()),
            ],
            certificate_authorities: vec![authority(
                "https://ca.example",
                vec![
                    self.authority.certificate().clone(),
                    self.authority_root.clone(),
                ],
            )],
            ctlogs: vec![log(
                "https://ct.example",
                &self.ct,
                self.ct.public_key().key_id().to_vec(),
            )],
            timestamp_authorities: vec![authority(
                "https://tsa.example",
                vec![self.tsa.certificate.clone(), self.tsa_root.clone()],
            )],
            ..TrustedRoot::default()
        }
    }

    pub(crate) fn log_id_v1(&self) -> Vec<u8> {
        self.log_v1.public_key().key_id().to_vec()
    }

    pub(crate) fn log_id_v2(&self) -> Vec<u8> {
        key_id_ed25519("log.example", self.log_v2.public_key())
            .unwrap()
            .to_vec()
    }

    /// Somebody with a certificate.
    pub(crate) fn keyless(&self, kind: KeyKind) -> Identity {
        let mut identity = self.managed(kind);
        let request = LeafRequest {
            public_key: identity.key.public_key(),
            san: San::Email(IDENTITY.to_owned()),
            extensions: vec![
                fulcio::extension(fulcio::ISSUER_V1, ISSUER).unwrap(),
                fulcio::extension(fulcio::ISSUER_V2, ISSUER).unwrap(),
            ],
            validity: Validity {
                start: Time::from_unix(NOW - 60),
                end: Some(Time::from_unix(NOW + 540)),
            },
        };
        let certificate = self
            .authority
            .issue(&request, &self.random, |precertificate| {
                Ok::<_, Infallible>(
                    Sct::sign(
                        &self.ct,
                        precertificate.tbs(),
                        precertificate.issuer_key_hash(),
                        u64::try_from(NOW).unwrap() * 1000,
                        vec![0, 0, 5, 0, 0, 0, 0, 7],
                    )
                    .unwrap(),
                )
            });
        identity.certificate = certificate.ok();
        assert!(identity.certificate.is_some());
        identity
    }

    /// Somebody with a bare key.
    pub(crate) fn managed(&self, kind: KeyKind) -> Identity {
        let key = PrivateKey::generate(kind).unwrap();
        Identity {
            scheme: key.scheme(),
            key,
            certificate: None,
        }
    }

    pub(crate) fn timestamp(&self, signature: &[u8], at: i64) -> Vec<u8> {
        let imprint = HashAlgorithm::Sha256.digest(signature);
        let mut request = TimestampRequest::new(imprint, &self.random).unwrap();
        request.certificate_requested = false;
        respond(&request, &self.tsa, Time::from_unix(at), &self.random).unwrap()
    }

    /// An artifact signed and logged in Rekor v2, with a timestamp.
    pub(crate) fn sign_v2(&self, who: &Identity) -> Bundle {
        let digest = who.scheme.hash().unwrap().digest(ARTIFACT);
        let signature = who.key.sign(ARTIFACT).unwrap();
        let entry = self.log_v2(&who.rekord(digest, &signature).canonical_body());
        who.bundle()
            .log_entry(entry)
            .timestamp(self.timestamp(&signature, NOW))
            .message_signature(digest, signature)
    }

    /// An attestation signed and logged in Rekor v2, with a timestamp.
    pub(crate) fn attest_v2(&self, who: &Identity) -> Bundle {
        let envelope = who.envelope();
        let digest = who.scheme.hash().unwrap().digest(&envelope.pae());
        let rekord = who.rekord(digest, envelope.signature());
        who.bundle()
            .log_entry(self.log_v2(&rekord.canonical_body()))
            .timestamp(self.timestamp(envelope.signature(), NOW))
            .envelope(envelope)
    }

    /// An artifact signed and logged in Rekor v1.
    pub(crate) fn sign_v1(&self, who: &Identity) -> Bundle {
        let digest = who.scheme.hash().unwrap().digest(ARTIFACT);
        let signature = who.key.sign(ARTIFACT).unwrap();
        let body = hashedrekord_v001::request(&digest, &signature, &who.pem());
        who.bundle()
            .log_entry(self.log_v1("hashedrekord", "0.0.1", &body))
            .message_signature(digest, signature)
    }

    /// An attestation signed and logged in Rekor v1 as `dsse`.
    pub(crate) fn attest_v1(&self, who: &Identity) -> Bundle {
        let envelope = who.envelope();
        let body = serde_json::json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": hex_digest(dsse_v001::request(&envelope, &who.pem()).as_slice()),
                "payloadHash": hex_digest(&envelope.payload),
                "signatures": [{
                    "signature": b64(envelope.signature()),
                    "verifier": b64(who.pem().as_bytes()),
                }],
            },
        });
        who.bundle()
            .log_entry(self.log_v1("dsse", "0.0.1", body.to_string().as_bytes()))
            .envelope(envelope)
    }

    /// An entry of Rekor v2: the second of two.
    pub(crate) fn log_v2(&self, body: &[u8]) -> TlogEntry {
        let signer = NoteSigner::new("log.example", Box::new(copy(&self.log_v2))).unwrap();
        TlogEntry {
            log_index: 1,
            log_id: self.log_id_v2(),
            kind: "hashedrekord".to_owned(),
            version: "0.0.2".to_owned(),
            integrated_time: 0,
            promise: None,
            proof: Some(proof(body, "log.example", &signer)),
            body: body.to_vec(),
        }
    }

    /// An entry of Rekor v1, promised now: the second of two in its shard, the 101st of all.
    pub(crate) fn log_v1(&self, kind: &str, version: &str, body: &[u8]) -> TlogEntry {
        let signer = NoteSigner::new("rekor.example", Box::new(copy(&self.log_v1))).unwrap();
        let mut entry = TlogEntry {
            log_index: 101,
            log_id: self.log_id_v1(),
            kind: kind.to_owned(),
            version: version.to_owned(),
            integrated_time: NOW,
            promise: None,
            proof: Some(proof(body, "rekor.example - 1234", &signer)),
            body: body.to_vec(),
        };
        self.promise(&mut entry);
        entry
    }

    /// Signs an entry's promise, whatever the entry says.
    pub(crate) fn promise(&self, entry: &mut TlogEntry) {
        let message = serde_json::json!({
            "body": b64(&entry.body),
            "integratedTime": entry.integrated_time,
            "logID": hex::encode(&entry.log_id),
            "logIndex": entry.log_index,
        });
        let message = serde_json_canonicalizer::to_vec(&message).unwrap();
        entry.promise = Some(self.log_v1.sign(&message).unwrap());
    }

    pub(crate) fn verify(&self, bundle: &Bundle) -> Verdict {
        verify_with(self.root(), bundle, &policy())
    }
}

impl Identity {
    pub(crate) fn policy(&self) -> Policy {
        match self.certificate {
            Some(_) => policy(),
            None => Policy::Key(self.key.public_key().clone()),
        }
    }

    pub(crate) fn pem(&self) -> String {
        match &self.certificate {
            Some(certificate) => certificate.to_pem(),
            None => self.key.public_key().to_pem(),
        }
    }

    pub(crate) fn bundle(&self) -> BundleBuilder {
        match &self.certificate {
            Some(certificate) => BundleBuilder::certificate(certificate.clone()),
            None => BundleBuilder::public_key("mine"),
        }
    }

    pub(crate) fn rekord(&self, digest: Digest, signature: &[u8]) -> HashedRekord {
        HashedRekord {
            digest,
            signature: signature.to_vec(),
            key: match &self.certificate {
                Some(certificate) => LoggedKey::Certificate(certificate.der().to_vec()),
                None => LoggedKey::PublicKey(self.key.public_key().clone()),
            },
            details: KeyDetails::of(self.scheme, self.key.kind()).unwrap(),
        }
    }

    pub(crate) fn envelope(&self) -> Envelope {
        self.envelope_of(INTOTO_PAYLOAD_TYPE, &statement())
    }

    pub(crate) fn envelope_of(&self, payload_type: &str, payload: &[u8]) -> Envelope {
        let pae = signhere_verify::dsse::pae(payload_type, payload);
        Envelope::new(
            payload_type.to_owned(),
            payload.to_vec(),
            self.key.sign(&pae).unwrap(),
            String::new(),
        )
    }
}

pub(crate) fn verify_with(root: TrustedRoot, bundle: &Bundle, policy: &Policy) -> Verdict {
    let verifier = Verifier::new(root).unwrap();
    // By its JSON, so that what is written is what is read.
    verifier.verify_json(&bundle.to_json(), &Artifact::Bytes(ARTIFACT), policy)
}

pub(crate) fn policy() -> Policy {
    Policy::Identity {
        identity: IDENTITY.to_owned(),
        issuer: ISSUER.to_owned(),
    }
}

pub(crate) fn statement() -> Vec<u8> {
    serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{
            "name": "hello.txt",
            "digest": { "sha256": HashAlgorithm::Sha256.digest(ARTIFACT).hex() },
        }],
        "predicateType": "https://example.com/predicate/v1",
        "predicate": {},
    })
    .to_string()
    .into_bytes()
}

pub(crate) fn open() -> Validity {
    Validity {
        start: Time::from_unix(NOW - 86_400),
        end: None,
    }
}

fn proof(body: &[u8], origin: &str, signer: &NoteSigner) -> InclusionProof {
    let first = leaf_hash(b"the entry before");
    let root = node_hash(&first, &leaf_hash(body));
    let checkpoint = Checkpoint {
        origin: origin.to_owned(),
        size: 2,
        root,
        extensions: Vec::new(),
    };
    InclusionProof {
        log_index: 1,
        root_hash: root,
        tree_size: 2,
        hashes: vec![first],
        checkpoint: signer.sign(&checkpoint.to_text()).unwrap(),
    }
}

fn key(kind: KeyKind) -> Box<dyn Signer> {
    Box::new(PrivateKey::generate(kind).unwrap())
}

fn copy(key: &PrivateKey) -> PrivateKey {
    PrivateKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap()
}

fn subject(name: &str) -> Subject<'_> {
    Subject {
        organization: "example",
        common_name: name,
    }
}

fn years() -> Validity {
    Validity {
        start: Time::from_unix(NOW - 86_400),
        end: Some(Time::from_unix(NOW + 100_000_000)),
    }
}

fn hex_digest(bytes: &[u8]) -> serde_json::Value {
    serde_json::json!({ "algorithm": "sha256", "value": HashAlgorithm::Sha256.digest(bytes).hex() })
}

pub(crate) fn b64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
