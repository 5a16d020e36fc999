//! For tests: a log with entries, and the facts of an instance around it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use signhere_log::note::NoteSigner;
use signhere_log::sequencer::{Sequencer, SequencerConfig};
use signhere_pki::build::{CertificateAuthority, LeafRequest, Subject};
use signhere_pki::cert::San;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::fulcio;
use signhere_pki::key::{KeyDetails, KeyKind, PrivateKey, Signer as _};
use signhere_pki::random::SystemRandom;
use signhere_pki::sct::Sct;
use signhere_pki::time::{Time, Validity};
use signhere_verify::entry::LoggedKey;
use signhere_verify::entry::hashedrekord_v002::HashedRekord;
use tempfile::TempDir;

use super::*;
use crate::store::{self, Place};

pub(crate) const NOW: Time = Time::from_unix(1_795_000_000);
pub(crate) const ISSUER: &str = "https://issuer.example";

/// A log in a folder of its own.
pub(crate) struct Sample {
    pub(crate) dir: TempDir,
    sequencer: Sequencer,
    objects: Arc<dyn Objects>,
    authority: CertificateAuthority,
}

impl Sample {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let storage = store::open(&Place {
            folder: dir.path().join("log-1"),
            high_water: dir.path().join("high-water/log-1"),
        })
        .unwrap();
        let objects = Arc::clone(&storage.objects);
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        let signer = NoteSigner::new("log-1.example", Box::new(key)).unwrap();
        let config = SequencerConfig::new("log-1.example", signer);
        let subject = Subject {
            organization: "sample",
            common_name: "root",
        };
        let validity = Validity {
            start: NOW.plus_seconds(-3_600),
            end: Some(NOW.plus_seconds(1 << 28)),
        };
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        Self {
            sequencer: Sequencer::open(config, storage).unwrap(),
            objects,
            authority: CertificateAuthority::create_root(
                subject,
                Box::new(key),
                validity,
                &SystemRandom,
            )
            .unwrap(),
            dir,
        }
    }

    /// Logs a signature over `artifact` by whoever has the name.
    pub(crate) fn log(&mut self, identity: &str, artifact: &[u8]) -> u64 {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let leaf = LeafRequest {
            public_key: key.public_key(),
            san: San::Uri(identity.to_owned()),
            extensions: fulcio::identity_extensions(ISSUER, identity).unwrap(),
            validity: Validity {
                start: NOW,
                end: Some(NOW.plus_seconds(600)),
            },
        };
        let leaf = self.authority.issue(&leaf, &SystemRandom, |pre| {
            Sct::sign(&key, pre.tbs(), pre.issuer_key_hash(), 1, Vec::new())
        });
        let der = leaf.unwrap().der().to_vec();
        self.append(&key, LoggedKey::Certificate(der), &[artifact])
    }

    /// Logs signatures by a bare key over artifacts, and returns the first index.
    pub(crate) fn log_all(&mut self, artifacts: &[&[u8]]) -> u64 {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let public = LoggedKey::PublicKey(key.public_key().clone());
        self.append(&key, public, artifacts)
    }

    fn append(&mut self, key: &PrivateKey, logged: LoggedKey, artifacts: &[&[u8]]) -> u64 {
        let bodies = artifacts.iter().map(|artifact| {
            HashedRekord {
                digest: HashAlgorithm::Sha256.digest(artifact),
                signature: key.sign(artifact).unwrap(),
                key: logged.clone(),
                details: KeyDetails::from_name("PKIX_ECDSA_P256_SHA_256").unwrap(),
            }
            .canonical_body()
        });
        let appended = self.sequencer.append_batch(bodies.collect()).unwrap();
        appended[0].index
    }

    /// A log with one entry, and the facts around it.
    pub(crate) fn new_facts() -> (Self, Facts) {
        let mut sample = Self::new();
        sample.log("https://ci.example/job", b"artifact");
        let facts = sample.facts();
        (sample, facts)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("log-1")
    }

    /// The facts of a healthy instance with this log.
    pub(crate) fn facts(&self) -> Facts {
        let service = |name| ServiceFacts {
            name,
            state: ServiceState::On,
            url: None,
            problem: None,
        };
        Facts {
            id: "0a1b".to_owned(),
            url: "http://127.0.0.1:3003".to_owned(),
            started: NOW.plus_seconds(-60),
            now: NOW,
            services: ["oidc", "ca", "ct", "log", "tsa"].map(service).into(),
            logs: vec![LogFacts {
                name: "log-1".to_owned(),
                kind: LogKind::Signatures,
                origin: "log-1.example".to_owned(),
                prefix: String::new(),
                active: true,
                end: None,
                failure: None,
                has_ended: false,
                waiting: Some(0),
                folder: self.folder(),
                objects: Arc::clone(&self.objects),
            }],
            expiries: vec![Expiry {
                kind: ExpiryKind::Tuf,
                what: "timestamp".to_owned(),
                at: NOW.plus_seconds(6 * 86_400),
            }],
            issuers: Vec::new(),
            witnesses: Vec::new(),
            quorum: None,
            clock: None,
            upkeep: None,
        }
    }
}

/// A source whose facts a test changes.
pub(crate) fn source(sample: Sample) -> (Arc<Mutex<Sample>>, Arc<Mutex<Change>>, Source) {
    let sample = Arc::new(Mutex::new(sample));
    let change: Arc<Mutex<Change>> = Arc::new(Mutex::new(|_| {}));
    let (of_source, changing) = (Arc::clone(&sample), Arc::clone(&change));
    let source: Source = Arc::new(move || {
        let mut facts = of_source.lock().unwrap().facts();
        changing.lock().unwrap()(&mut facts);
        facts
    });
    (sample, change, source)
}

/// What a test does to the facts.
pub(crate) type Change = fn(&mut Facts);
