//! A whole instance in the test's own process, honest but for the one lie it is told to tell.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use signhere_log::{
    memory::MemoryStorage,
    note::{NoteSigner, key_id_ed25519},
    sequencer::{Appended, Sequencer, SequencerConfig, Storage},
};
use signhere_pki::{
    build::{CertificateAuthority, LeafRequest, Subject},
    cert::{Certificate, San},
    digest::{HashAlgorithm, sha256},
    fulcio as extensions,
    jwt::Jwt,
    key::{KeyDetails, KeyKind, PrivateKey, PublicKey, Signer as _},
    random::SystemRandom,
    sct::{Sct, SctError},
    time::{Clock as _, Validity},
    tsp::{DEFAULT_POLICY, FailureInfo, TimestampRequest, TsaSigner, reject, respond},
};
use signhere_verify::{
    bundle::{InclusionProof, TlogEntry},
    entry::hashedrekord_v002::HashedRekord,
    trust::{
        CertificateAuthority as TrustedAuthority, Selector, Service, SigningConfig,
        TransparencyLog, TrustedRoot,
    },
};
use url::Url;

use super::{NOW, SleepyClock, serve};
use crate::instance::Instance;

pub(crate) const LOG_V1: &str = "log1.test";
pub(crate) const LOG_V2: &str = "log2.test";

/// How the instance misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    CaHangs,
    CaRefuses,
    CaFails,
    CaTalksForever,
    CaCertifiesAnotherKey,
    CaDetachesTheSct,
    CaForgesTheSct,
    CaAsksAnotherLog,
    CaIsAStranger,
    LogFails,
    LogHasItAlready,
    LogHadItOnce,
    LogProvesAnotherPlace,
    LogHoldsAnotherSignature,
    LogForgesThePromise,
    IndexIsAWebPage,
    IndexIsEndless,
    IndexFindsTooMuch,
    IndexNamesNoEntry,
    IndexIsBusyOnce,
    IndexFails,
    LogGivesMore,
    TsaStampsAnotherDigest,
    TsaForgetsTheNonce,
    TsaRefuses,
    TsaIsAStranger,
    TsaIsLate,
}

/// A certificate authority's or timestamp authority's keys, and the root above them.
struct Authority {
    root: Certificate,
    issuing: CertificateAuthority,
}

/// An instance that runs.
pub(crate) struct Running {
    pub(crate) url: Url,
    pub(crate) fake: Arc<Fake>,
}

/// What the instance consists of.
pub(crate) struct Fake {
    pub(crate) clock: Arc<SleepyClock>,
    /// How many certificates were issued.
    pub(crate) issued: AtomicU32,
    /// How many entries were proposed.
    pub(crate) proposed: AtomicU32,
    lie: Mutex<Option<Lie>>,
    ca: Authority,
    foreign_ca: Authority,
    ct_key: PrivateKey,
    tsa: TsaSigner,
    tsa_root: Certificate,
    foreign_tsa: TsaSigner,
    log_v1: Mutex<Sequencer>,
    log_v1_key: PrivateKey,
    v1_entries: Mutex<HashMap<String, Value>>,
    log_v2: Mutex<Sequencer>,
    log_v2_key: PublicKey,
}

impl Running {
    pub(crate) async fn start() -> Self {
        let fake = Arc::new(Fake::new());
        let router = Router::new()
            .route("/ca/api/v2/signingCert", post(certify))
            .route("/log1/api/v1/log/entries", post(log_v1))
            .route("/log1/api/v1/log/entries/retrieve", post(entries_v1))
            .route("/log1/api/v1/log/entries/{uuid}", get(entry_v1))
            .route("/log1/api/v1/index/retrieve", post(index_v1))
            .route("/log2/api/v2/log/entries", post(log_v2))
            .route("/tsa", post(stamp))
            .with_state(Arc::clone(&fake));
        let url = serve(router).await;
        Self { url, fake }
    }

    pub(crate) fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    pub(crate) fn tell(&self, lie: Lie) {
        *self.fake.lie.lock().unwrap() = Some(lie);
    }

    /// Whom to trust, and where to sign: one log of the generations named, the TSA if wanted.
    pub(crate) fn describe(&self, logs: &[u32], with_tsa: bool) -> Instance {
        let service = |path: &str, version| Service {
            url: self.at(path).into(),
            major_api_version: version,
            valid_for: validity(),
            operator: path.to_owned(),
        };
        let logs = logs
            .iter()
            .map(|&version| service(&format!("/log{version}"), version));
        Instance {
            trusted_root: self.fake.trusted_root(),
            signing_config: SigningConfig {
                ca_urls: vec![service("/ca", 1)],
                oidc_urls: Vec::new(),
                rekor_tlog_urls: logs.collect(),
                rekor_tlog_config: Selector::All,
                tsa_urls: Vec::from_iter(with_tsa.then(|| service("/tsa", 1))),
                tsa_config: Selector::Any,
                unknown_fields: Vec::new(),
            },
        }
    }
}

impl Fake {
    fn new() -> Self {
        let (tsa, tsa_root) = timestamp_authority("tsa");
        let log_v1_key = PrivateKey::generate(KeyKind::P256).unwrap();
        let log_v2_key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        Self {
            clock: Arc::default(),
            issued: AtomicU32::new(0),
            proposed: AtomicU32::new(0),
            lie: Mutex::new(None),
            ca: Authority::new("ca"),
            foreign_ca: Authority::new("ca"),
            ct_key: PrivateKey::generate(KeyKind::P256).unwrap(),
            tsa,
            tsa_root,
            foreign_tsa: timestamp_authority("tsa").0,
            log_v1: Mutex::new(sequencer(LOG_V1, log_v1_key.clone())),
            log_v1_key,
            v1_entries: Mutex::default(),
            log_v2_key: log_v2_key.public_key().clone(),
            log_v2: Mutex::new(sequencer(LOG_V2, log_v2_key)),
        }
    }

    fn lies(&self, lie: Lie) -> bool {
        *self.lie.lock().unwrap() == Some(lie)
    }

    /// Whether to tell `lie`, which is then told no more.
    fn lies_once(&self, lie: Lie) -> bool {
        let mut told = self.lie.lock().unwrap();
        told.take_if(|told| *told == lie).is_some()
    }

    fn trusted_root(&self) -> TrustedRoot {
        let log = |name: &str, key: &PublicKey, log_id: Vec<u8>| TransparencyLog {
            base_url: format!("https://{name}"),
            key: key.clone(),
            details: KeyDetails::of(key.default_scheme(), key.kind()).unwrap(),
            validity: validity(),
            log_id,
            checkpoint_key_id: None,
            operator: String::new(),
        };
        let authority = |chain: [&Certificate; 2]| TrustedAuthority {
            uri: "https://authority.test".into(),
            chain: chain.map(Clone::clone).into(),
            validity: validity(),
            operator: String::new(),
        };
        let v1 = self.log_v1_key.public_key();
        let v2_id = key_id_ed25519(LOG_V2, &self.log_v2_key).unwrap();
        let ct = self.ct_key.public_key();
        TrustedRoot {
            tlogs: vec![
                log(LOG_V1, v1, v1.key_id().into()),
                log(LOG_V2, &self.log_v2_key, v2_id.into()),
            ],
            certificate_authorities: vec![authority([
                self.ca.issuing.certificate(),
                &self.ca.root,
            ])],
            ctlogs: vec![log("ct.test", ct, ct.key_id().into())],
            timestamp_authorities: vec![authority([&self.tsa.certificate, &self.tsa_root])],
            unsupported: Vec::new(),
            unknown_fields: Vec::new(),
        }
    }
}

impl Authority {
    fn new(name: &str) -> Self {
        let subject = |common_name| Subject {
            organization: name,
            common_name,
        };
        let key = || Box::new(PrivateKey::generate(KeyKind::P256).unwrap());
        let root =
            CertificateAuthority::create_root(subject("root"), key(), validity(), &SystemRandom)
                .unwrap();
        let issuing =
            root.create_intermediate(subject("issuing"), key(), validity(), &SystemRandom);
        Self {
            issuing: issuing.unwrap(),
            root: root.certificate().clone(),
        }
    }
}

fn timestamp_authority(name: &str) -> (TsaSigner, Certificate) {
    let subject = |common_name| Subject {
        organization: name,
        common_name,
    };
    let key = || Box::new(PrivateKey::generate(KeyKind::P256).unwrap());
    let root = CertificateAuthority::create_root(subject("root"), key(), validity(), &SystemRandom)
        .unwrap();
    let signer = key();
    let certificate = root.issue_tsa(
        subject("leaf"),
        signer.public_key(),
        validity(),
        &SystemRandom,
    );
    let tsa = TsaSigner {
        certificate: certificate.unwrap(),
        signer,
        policy: DEFAULT_POLICY,
    };
    (tsa, root.certificate().clone())
}

fn sequencer(origin: &str, key: PrivateKey) -> Sequencer {
    let storage = MemoryStorage::new();
    let signer = NoteSigner::new(origin, Box::new(key)).unwrap();
    let storage = Storage {
        objects: Arc::new(storage.objects()),
        journal: Box::new(storage.journal()),
        lock: Box::new(storage.lock()),
        high_water: None,
    };
    Sequencer::open(SequencerConfig::new(origin, signer), storage).unwrap()
}

fn validity() -> Validity {
    Validity {
        start: NOW.plus_seconds(-86_400),
        end: Some(NOW.plus_seconds(365 * 86_400)),
    }
}

async fn hang() -> Response {
    std::future::pending().await
}

fn refuse(status: StatusCode, text: &str) -> Response {
    (status, text.to_owned()).into_response()
}

async fn certify(
    State(fake): State<Arc<Fake>>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    let bearer = headers["authorization"].to_str().unwrap();
    let token = bearer.strip_prefix("Bearer ").unwrap();
    if fake.lies(Lie::CaHangs) {
        return hang().await;
    }
    if fake.lies(Lie::CaFails) {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, "out of order");
    }
    if fake.lies(Lie::CaRefuses) {
        let text = format!("cannot process the token {token}");
        return refuse(StatusCode::BAD_REQUEST, &text);
    }
    if fake.lies(Lie::CaTalksForever) {
        return vec![b' '; 10 << 20].into_response();
    }
    let claims = Jwt::parse(token).unwrap();
    let email = claims.claim("email").unwrap();
    let request = &request["publicKeyRequest"];
    let key = PublicKey::from_pem(request["publicKey"]["content"].as_str().unwrap()).unwrap();
    let proof = BASE64_STANDARD
        .decode(request["proofOfPossession"].as_str().unwrap())
        .unwrap();
    key.verify(key.default_scheme(), email.as_bytes(), &proof)
        .unwrap();
    fake.issued.fetch_add(1, Ordering::SeqCst);
    let leaf = fake.issue(&key, email, claims.issuer().unwrap());
    let chain = [&leaf, fake.ca.issuing.certificate(), &fake.ca.root];
    let form = match fake.lies(Lie::CaDetachesTheSct) {
        true => "signedCertificateDetachedSct",
        false => "signedCertificateEmbeddedSct",
    };
    let certificates = chain.map(Certificate::to_pem);
    Json(json!({ form: { "chain": { "certificates": certificates } } })).into_response()
}

impl Fake {
    fn issue(&self, key: &PublicKey, email: &str, issuer: &str) -> Certificate {
        let other = PrivateKey::generate(KeyKind::P256).unwrap();
        let public_key = match self.lies(Lie::CaCertifiesAnotherKey) {
            true => other.public_key(),
            false => key,
        };
        let ct_key = match self.lies(Lie::CaAsksAnotherLog) {
            true => &other,
            false => &self.ct_key,
        };
        let ca = match self.lies(Lie::CaIsAStranger) {
            true => &self.foreign_ca,
            false => &self.ca,
        };
        let now = self.clock.now();
        let extension = |number, text| extensions::extension(number, text).unwrap();
        let request = LeafRequest {
            public_key,
            san: San::Email(email.to_owned()),
            extensions: vec![
                extension(extensions::ISSUER_V1, issuer),
                extension(extensions::ISSUER_V2, issuer),
            ],
            validity: Validity {
                start: now,
                end: Some(now.plus_seconds(600)),
            },
        };
        let timestamp = u64::try_from(now.unix()).unwrap() * 1000;
        let issued = ca
            .issuing
            .issue::<SctError>(&request, &SystemRandom, |certificate| {
                let key_hash = certificate.issuer_key_hash();
                let tbs = match self.lies(Lie::CaForgesTheSct) {
                    true => b"something else",
                    false => certificate.tbs(),
                };
                Sct::sign(ct_key, tbs, key_hash, timestamp, Vec::new())
            });
        issued.unwrap()
    }

    /// Answers that both generations of log give instead of an entry.
    fn log_trouble(&self) -> Option<Response> {
        self.proposed.fetch_add(1, Ordering::SeqCst);
        if self.lies(Lie::LogFails) {
            return Some(refuse(StatusCode::BAD_REQUEST, "frozen"));
        }
        None
    }

    fn append(log: &Mutex<Sequencer>, body: Vec<u8>) -> Appended {
        let mut log = log.lock().unwrap();
        // Something before and after, so that a proof is a proof.
        let entries = vec![b"before".to_vec(), body, b"after".to_vec()];
        log.append_batch(entries).unwrap().swap_remove(1)
    }
}

async fn log_v2(State(fake): State<Arc<Fake>>, body: Bytes) -> Response {
    if let Some(trouble) = fake.log_trouble() {
        return trouble;
    }
    if fake.lies(Lie::LogHasItAlready) || fake.lies_once(Lie::LogHadItOnce) {
        let conflict = StatusCode::CONFLICT;
        return (conflict, [("x-log-index", "7")], "exists").into_response();
    }
    let mut record = HashedRekord::parse_request(&body).unwrap();
    record.verify_signature().unwrap();
    if fake.lies(Lie::LogHoldsAnotherSignature) {
        record.signature.push(0);
    }
    let body = record.canonical_body();
    let mut appended = Fake::append(&fake.log_v2, body.clone());
    if fake.lies(Lie::LogProvesAnotherPlace) {
        appended.proof[0][0] ^= 1;
    }
    let entry = TlogEntry {
        log_index: appended.index,
        log_id: key_id_ed25519(LOG_V2, &fake.log_v2_key).unwrap().into(),
        kind: "hashedrekord".into(),
        version: "0.0.2".into(),
        integrated_time: 0,
        promise: None,
        proof: Some(InclusionProof {
            log_index: appended.index,
            root_hash: appended.root,
            tree_size: appended.tree_size,
            hashes: appended.proof,
            checkpoint: appended.checkpoint.to_string(),
        }),
        body,
    };
    (StatusCode::CREATED, entry.to_json()).into_response()
}

async fn log_v1(State(fake): State<Arc<Fake>>, Json(proposed): Json<Value>) -> Response {
    if let Some(trouble) = fake.log_trouble() {
        return trouble;
    }
    let body = canonical_v1(&proposed).to_string().into_bytes();
    let uuid = hex::encode(sha256(&body));
    let entry = fake.enter_v1(body);
    let answer = json!({ &uuid: entry });
    fake.v1_entries
        .lock()
        .unwrap()
        .insert(uuid.clone(), answer.clone());
    if fake.lies(Lie::LogHasItAlready) {
        let location = format!("/log1/api/v1/log/entries/{uuid}");
        return (StatusCode::CONFLICT, [("location", location)]).into_response();
    }
    (StatusCode::CREATED, Json(answer)).into_response()
}

async fn entry_v1(State(fake): State<Arc<Fake>>, Path(uuid): Path<String>) -> Json<Value> {
    Json(fake.v1_entries.lock().unwrap()[&uuid].clone())
}

/// As the index of Rekor v1 searches: for any of the things asked for.
async fn index_v1(State(fake): State<Arc<Fake>>, Json(asked): Json<Value>) -> Response {
    if fake.lies_once(Lie::IndexIsBusyOnce) {
        let busy = StatusCode::TOO_MANY_REQUESTS;
        return (busy, [("retry-after", "7")], "slow down").into_response();
    }
    if fake.lies(Lie::IndexFails) {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, "the index is gone");
    }
    if fake.lies(Lie::IndexIsAWebPage) {
        return ([("content-type", "text/html")], "<!doctype html><p>moved").into_response();
    }
    if fake.lies(Lie::IndexIsEndless) {
        return vec![b' '; 1 << 20].into_response();
    }
    if fake.lies(Lie::IndexFindsTooMuch) {
        let names: Vec<String> = (0..257).map(|number| format!("{number:064x}")).collect();
        return Json(names).into_response();
    }
    if fake.lies(Lie::IndexNamesNoEntry) {
        return Json(["../../etc/passwd"]).into_response();
    }
    let entries = fake.v1_entries.lock().unwrap();
    let is_asked_for = |(uuid, answer): (&String, &Value)| {
        let body = answer[uuid]["body"].as_str().unwrap();
        let body = BASE64_STANDARD.decode(body).unwrap();
        let spec = &serde_json::from_slice::<Value>(&body).unwrap()["spec"];
        let hash = spec["data"]["hash"]["value"].as_str().unwrap_or_default();
        let key = &spec["signature"]["publicKey"]["content"];
        let wanted = asked["hash"].as_str().unwrap_or_default();
        let found = wanted == format!("sha256:{hash}") || asked["publicKey"]["content"] == *key;
        found.then(|| uuid.clone())
    };
    let found: Vec<String> = entries.iter().filter_map(is_asked_for).collect();
    Json(found).into_response()
}

async fn entries_v1(State(fake): State<Arc<Fake>>, Json(asked): Json<Value>) -> Json<Vec<Value>> {
    let entries = fake.v1_entries.lock().unwrap();
    let ids = asked["entryUUIDs"].as_array().unwrap();
    let ids = ids.iter().map(|id| id.as_str().unwrap());
    let mut found: Vec<Value> = ids.filter_map(|id| entries.get(id).cloned()).collect();
    if fake.lies(Lie::LogGivesMore) {
        found.extend(found.clone());
    }
    Json(found)
}

impl Fake {
    fn enter_v1(&self, body: Vec<u8>) -> Value {
        let appended = Self::append(&self.log_v1, body.clone());
        let body = BASE64_STANDARD.encode(body);
        let log_id = hex::encode(self.log_v1_key.public_key().key_id());
        let time = self.clock.now().unix();
        let promised = json!({
            "body": body, "integratedTime": time, "logID": log_id, "logIndex": appended.index,
        });
        let mut promise = self
            .log_v1_key
            .sign(promised.to_string().as_bytes())
            .unwrap();
        if self.lies(Lie::LogForgesThePromise) {
            promise = self.log_v1_key.sign(b"something else").unwrap();
        }
        json!({
            "body": body, "integratedTime": time, "logID": log_id, "logIndex": appended.index,
            "verification": {
                "signedEntryTimestamp": BASE64_STANDARD.encode(promise),
                "inclusionProof": {
                    "logIndex": appended.index,
                    "treeSize": appended.tree_size,
                    "rootHash": hex::encode(appended.root),
                    "hashes": appended.proof.iter().map(hex::encode).collect::<Vec<_>>(),
                    "checkpoint": *appended.checkpoint,
                },
            },
        })
    }
}

/// What Rekor v1 keeps of a proposed entry.
fn canonical_v1(proposed: &Value) -> Value {
    if proposed["kind"] == "hashedrekord" {
        return proposed.clone();
    }
    assert_eq!(proposed["kind"], "dsse");
    let content = &proposed["spec"]["proposedContent"];
    let text = content["envelope"].as_str().unwrap();
    let envelope: Value = serde_json::from_str(text).unwrap();
    let payload = BASE64_STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap();
    let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": hex::encode(sha256(bytes))});
    json!({
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": hash(text.as_bytes()),
            "payloadHash": hash(&payload),
            "signatures": [{
                "signature": envelope["signatures"][0]["sig"],
                "verifier": content["verifiers"][0],
            }],
        },
    })
}

async fn stamp(State(fake): State<Arc<Fake>>, body: Bytes) -> Response {
    let mut request = TimestampRequest::parse(&body).unwrap();
    if fake.lies(Lie::TsaRefuses) {
        return reject(FailureInfo::SystemFailure, "no time")
            .unwrap()
            .into_response();
    }
    if fake.lies(Lie::TsaStampsAnotherDigest) {
        request.imprint = HashAlgorithm::Sha256.digest(b"something else");
    }
    if fake.lies(Lie::TsaForgetsTheNonce) {
        request.nonce = None;
    }
    let tsa = match fake.lies(Lie::TsaIsAStranger) {
        true => &fake.foreign_tsa,
        false => &fake.tsa,
    };
    let late = if fake.lies(Lie::TsaIsLate) { 3600 } else { 0 };
    let time = fake.clock.now().plus_seconds(late);
    respond(&request, tsa, time, &SystemRandom)
        .unwrap()
        .into_response()
}
