//! The CA by its routes alone: what each client sends, and when no certificate is given.

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use signhere_http::{HttpClient, HttpConfig};
use signhere_log::memory::{Fault, MemoryStorage};
use signhere_log::sequencer::Storage;
use signhere_pki::build::Subject;
use signhere_pki::cert::San;
use signhere_pki::jwt::{Jwks, mint_jwt};
use signhere_pki::key::{KeyKind, PrivateKey, PublicKey, Scheme, Signer};
use signhere_pki::random::SystemRandom;
use signhere_pki::sct::SctList;
use signhere_pki::time::Time;
use signhere_testkit::clock::FakeClock;
use signhere_testkit::network::{self, SleepyClock};
use tempfile::TempDir;
use tower_service::Service as _;
use url::Url;

use super::*;
use crate::config::Limits;
use crate::ct::{CtLog, ExternalCt};
use crate::issuers::DevelopmentIssuer;
use crate::issuers::config::FulcioConfig;
use crate::store::Place;

const NOW: Time = Time::from_unix(1_795_000_000);
const EMAIL: &str = "ada@example.org";
const ISSUER: &str = "https://issuer.example.org";
const V1: &str = "/api/v1/signingCert";
const V2: &str = "/api/v2/signingCert";

/// A CA, its log in memory, and the key of the issuer that it believes.
struct World {
    router: Router,
    issuer: PrivateKey,
    storage: MemoryStorage,
    ct: Arc<CtLog>,
    ct_key: PublicKey,
    chain: Vec<Certificate>,
    _known: TempDir,
}

impl World {
    fn new() -> Self {
        Self::with(|ct| CtTarget::Own(Arc::clone(ct)))
    }

    /// A CA that logs to what `target` makes of its log.
    fn with(target: impl FnOnce(&Arc<CtLog>) -> CtTarget) -> Self {
        let (authority, chain) = authority();
        let clock: Arc<dyn Clock> = Arc::new(FakeClock::at(NOW));
        let (storage, known) = (MemoryStorage::new(), tempfile::tempdir().unwrap());
        let ct_key = PrivateKey::generate(KeyKind::P256).unwrap();
        let ct = CtLog::open_in(
            parts(&storage),
            &Place {
                folder: known.path().to_path_buf(),
                high_water: known.path().join("high-water"),
            },
            "ct.example.org",
            ct_key.clone(),
            &chain,
            Arc::clone(&clock),
            Limits::default(),
        );
        let ct = Arc::new(ct.unwrap());
        let issuer = PrivateKey::generate(KeyKind::P256).unwrap();
        let development = DevelopmentIssuer {
            url: ISSUER.to_owned(),
            audience: "sigstore".to_owned(),
            keys: Jwks::of("1", issuer.public_key()),
        };
        let (config, watch) = (FulcioConfig::default(), Arc::clone(&clock));
        let issuers = Issuers::new(config, Some(development), &http(), watch).unwrap();
        let (issuers, random) = (Arc::new(issuers), Arc::new(SystemRandom));
        let ca = Ca::new(authority, &chain, &[], issuers, target(&ct), clock, random).unwrap();
        Self {
            router: Arc::new(ca).router(),
            issuer,
            storage,
            ct,
            ct_key: ct_key.public_key().clone(),
            chain,
            _known: known,
        }
    }

    fn token(&self) -> String {
        let claims = json!({
            "iss": ISSUER, "sub": "user-1", "aud": "sigstore", "email": EMAIL, "email_verified": true,
            "iat": NOW.unix(), "exp": NOW.plus_seconds(300).unix(),
        });
        mint_jwt(&self.issuer, "1", &claims).unwrap()
    }

    async fn post(&self, path: &str, bearer: Option<&str>, body: &Value) -> Response<Body> {
        let mut request = Request::post(path).header("content-type", "application/json");
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        self.router.clone().call(request).await.unwrap()
    }

    /// The certificates that a request of version 2 is answered with, leaf first.
    async fn certificates(&self, bearer: Option<&str>, body: &Value) -> Vec<Certificate> {
        let answer = self.post(V2, bearer, body).await;
        assert_eq!(answer.headers()["content-type"], "application/json");
        let (status, answer) = json_of(answer).await;
        assert_eq!(status, 200, "{answer}");
        let chain = &answer["signedCertificateEmbeddedSct"]["chain"]["certificates"];
        let pem = |pem: &Value| Certificate::from_pem(pem.as_str().unwrap()).unwrap();
        chain.as_array().unwrap().iter().map(pem).collect()
    }

    /// The same for version 1.
    async fn certificates_v1(&self, body: &Value) -> Vec<Certificate> {
        let answer = self.post(V1, Some(&self.token()), body).await;
        assert_eq!(answer.status(), 201);
        assert_eq!(answer.headers()["content-type"], PEM_CHAIN);
        Certificate::list_from_pem(&text(answer).await).unwrap()
    }

    /// That the certificates are for the key and the person, under the chain, with a timestamp that counts.
    fn check(&self, certificates: &[Certificate], key: &PublicKey) {
        let [leaf, above @ ..] = certificates else {
            panic!("no certificates");
        };
        assert_eq!(above, self.chain);
        assert_eq!(leaf.public_key().as_ref(), Ok(key));
        assert_eq!(leaf.san(), Some(San::Email(EMAIL.to_owned())));
        let scts = SctList::from_certificate(leaf).unwrap();
        let [sct] = scts.as_slice() else {
            panic!("{scts:?}");
        };
        sct.verify(leaf, &self.chain[0], &self.ct_key).unwrap();
    }

    fn logged(&self) -> u64 {
        let checkpoint = self.storage.object("checkpoint").unwrap();
        let checkpoint = String::from_utf8(checkpoint).unwrap();
        checkpoint.lines().nth(1).unwrap().parse().unwrap()
    }
}

fn authority() -> (CertificateAuthority, Vec<Certificate>) {
    let validity = Validity {
        start: NOW.plus_seconds(-1),
        end: Some(NOW.plus_seconds(1_000_000)),
    };
    let subject = |common_name| Subject {
        organization: "example",
        common_name,
    };
    let key = || Box::new(PrivateKey::generate(KeyKind::P384).unwrap());
    let root = CertificateAuthority::create_root(subject("root"), key(), validity, &SystemRandom);
    let root = root.unwrap();
    let issuing = root.create_intermediate(subject("ca"), key(), validity, &SystemRandom);
    let issuing = issuing.unwrap();
    let chain = vec![issuing.certificate().clone(), root.certificate().clone()];
    (issuing, chain)
}

fn parts(storage: &MemoryStorage) -> Storage {
    Storage {
        objects: Arc::new(storage.objects()),
        journal: Box::new(storage.journal()),
        lock: Box::new(storage.lock()),
        high_water: None,
    }
}

fn p256() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

/// The request of sigstore-go, without its token.
fn by_key(key: &PrivateKey) -> Value {
    json!({ "publicKeyRequest": {
        "publicKey": { "algorithm": "ECDSA", "content": key.public_key().to_pem() },
        "proofOfPossession": STANDARD.encode(key.sign(EMAIL.as_bytes()).unwrap()),
    } })
}

/// The request of gitsign.
fn by_key_v1(key: &PrivateKey) -> Value {
    json!({
        "publicKey": { "content": STANDARD.encode(key.public_key().spki_der()), "algorithm": "ecdsa" },
        "signedEmailAddress": STANDARD.encode(key.sign(EMAIL.as_bytes()).unwrap()),
        "certificateSigningRequest": null,
    })
}

async fn text(answer: Response<Body>) -> String {
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

async fn json_of(answer: Response<Body>) -> (u16, Value) {
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&text(answer).await).unwrap())
}

async fn refusal(answer: Response<Body>) -> (u16, String) {
    let (status, body) = json_of(answer).await;
    (status, body["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn sigstore_go_and_cosign_send_a_header_and_a_key_in_pem() {
    let (world, key) = (World::new(), p256());
    let token = world.token();
    let certificates = world.certificates(Some(&token), &by_key(&key)).await;
    world.check(&certificates, key.public_key());
}

#[tokio::test]
async fn sigstore_js_sends_the_token_in_the_body() {
    let (world, key) = (World::new(), p256());
    let mut body = by_key(&key);
    body["credentials"] = json!({ "oidcIdentityToken": world.token() });
    world.check(&world.certificates(None, &body).await, key.public_key());
}

#[tokio::test]
async fn sigstore_python_sends_a_certification_request() {
    let world = World::new();
    let token = world.token();
    let pem = include_str!("../../../../testdata/csr/p256.csr.pem");
    let public = include_str!("../../../../testdata/csr/p256.pub.pem");
    let public = PublicKey::from_pem(public).unwrap();
    let der = signhere_pki::pem::decode_one(pem, "CERTIFICATE REQUEST").unwrap();
    for request in [pem.as_bytes(), &der] {
        let body = json!({ "certificateSigningRequest": STANDARD.encode(request) });
        world.check(&world.certificates(Some(&token), &body).await, &public);
        world.check(&world.certificates_v1(&body).await, &public);
    }
}

#[tokio::test]
async fn names_as_in_the_protobuf_file_and_keys_in_any_encoding() {
    let (world, key) = (World::new(), p256());
    let public = key.public_key();
    let proof = key.sign(EMAIL.as_bytes()).unwrap();
    for content in [
        public.to_pem(),
        STANDARD.encode(public.spki_der()),
        URL_SAFE_NO_PAD.encode(public.spki_der()),
        STANDARD.encode(public.to_pem()),
    ] {
        let body = json!({
            "credentials": { "oidc_identity_token": world.token() },
            "public_key_request": {
                "public_key": { "algorithm": 2, "content": content },
                "proof_of_possession": URL_SAFE_NO_PAD.encode(&proof),
            },
        });
        world.check(&world.certificates(None, &body).await, public);
    }
}

#[tokio::test]
async fn gitsign_and_cosign_2_ask_by_version_1() {
    let (world, key) = (World::new(), p256());
    let public = key.public_key();
    world.check(&world.certificates_v1(&by_key_v1(&key)).await, public);

    // cosign: PEM under the base64 of JSON's bytes; and the names of the protobuf file.
    let body = json!({
        "public_key": { "content": STANDARD.encode(public.to_pem()), "algorithm": "ecdsa" },
        "signed_email_address": STANDARD.encode(key.sign(EMAIL.as_bytes()).unwrap()),
    });
    world.check(&world.certificates_v1(&body).await, public);
}

#[tokio::test]
async fn go_writes_the_fields_it_does_not_use() {
    let world = World::new();
    let request = include_str!("../../../../testdata/csr/p256.csr.pem");
    let body = json!({
        "publicKey": { "content": null, "algorithm": "" }, "signedEmailAddress": null,
        "certificateSigningRequest": STANDARD.encode(request),
    });
    assert_eq!(world.certificates_v1(&body).await.len(), 3);

    let token = world.token();
    for body in [json!({}), json!({ "publicKey": { "content": "" } })] {
        let expected = "the request has neither a public key nor a certificate signing request";
        let answer = world.post(V1, Some(&token), &body).await;
        assert_eq!(refusal(answer).await, (400, expected.to_owned()));
    }
}

#[tokio::test]
async fn version_1_takes_its_token_from_the_header_alone() {
    let (world, key) = (World::new(), p256());
    let mut body = by_key_v1(&key);
    body["credentials"] = json!({ "oidcIdentityToken": world.token() });
    let (status, _) = refusal(world.post(V1, None, &body).await).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn the_proof_of_possession_is_by_the_hash_of_the_key() {
    let world = World::new();
    let token = world.token();
    for kind in [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Ed25519,
        KeyKind::Rsa2048,
    ] {
        let key = PrivateKey::generate(kind).unwrap();
        let certificates = world.certificates(Some(&token), &by_key(&key)).await;
        world.check(&certificates, key.public_key());
        world.check(
            &world.certificates_v1(&by_key_v1(&key)).await,
            key.public_key(),
        );
    }

    let ed25519 = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let prehashed = ed25519.with_scheme(Scheme::Ed25519ph).unwrap();
    let rsa = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
    let longer = rsa.with_scheme(Scheme::RsaPkcs1Sha512).unwrap();
    let salted = rsa.with_scheme(Scheme::RsaPssSha256).unwrap();
    let possession = "the proof of possession is no signature of the claim email by the public key";
    for other in [prehashed, longer, salted] {
        for (path, body) in [(V1, by_key_v1(&other)), (V2, by_key(&other))] {
            let answer = world.post(path, Some(&token), &body).await;
            assert_eq!(refusal(answer).await, (400, possession.to_owned()));
        }
    }
}

#[tokio::test]
async fn the_chains_are_published_in_both_versions() {
    let world = World::new();
    let fetch = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        world.router.clone().call(request).await.unwrap()
    };
    let answer = fetch("/api/v1/rootCert").await;
    assert_eq!(answer.headers()["content-type"], PEM_CHAIN);
    let chain = Certificate::list_from_pem(&text(answer).await).unwrap();
    assert_eq!(chain, world.chain);

    let (_, bundle) = json_of(fetch("/api/v2/trustBundle").await).await;
    let pem: Vec<_> = world.chain.iter().map(Certificate::to_pem).collect();
    assert_eq!(bundle, json!({ "chains": [{ "certificates": pem }] }));
}

/// Whatever operation of the log's storage fails, and whether or not it had its effect: no certificate.
#[tokio::test]
async fn no_certificate_without_a_durable_precertificate() {
    let mut failures = 0;
    for operation in 0.. {
        for applied in [false, true] {
            let world = World::new();
            let fault = Fault {
                operation: world.storage.operations() + operation,
                applied,
                crash: true,
            };
            world.storage.fail(fault);
            let answer = world.post(V2, Some(&world.token()), &by_key(&p256())).await;
            if world.storage.operations() <= fault.operation {
                // The fault was not reached: the log needs no more operations than these.
                assert_eq!(answer.status(), 200);
                assert!(failures >= 8, "{failures}");
                return;
            }
            failures += 1;
            let expected = (503, "the log could not be written".to_owned());
            assert_eq!(refusal(answer).await, expected, "{fault:?}");
            let again = world.post(V2, Some(&world.token()), &by_key(&p256())).await;
            assert_eq!(again.status(), 503);
        }
    }
}

fn http() -> Arc<HttpClient> {
    let clock = Arc::new(SleepyClock::default());
    Arc::new(network::client_with(&clock, HttpConfig::default()))
}

#[tokio::test]
async fn a_ct_log_elsewhere_is_asked_and_not_believed() {
    let elsewhere = World::new();
    let base = network::serve(elsewhere.ct.router("/logs/2026")).await;
    let base = base.join("logs/2026/").unwrap();
    let target = |base: &Url, key: &PublicKey| {
        CtTarget::External(ExternalCt::new(base, key.clone(), http()).unwrap())
    };

    // A log that does not take the CA's root.
    let mut world = World::with(|_| target(&base, &elsewhere.ct_key));
    let answer = world.post(V2, Some(&world.token()), &by_key(&p256())).await;
    let expected =
        format!("the certificate cannot be logged: {base}ct/v1/add-pre-chain answered 400");
    assert_eq!(refusal(answer).await, (503, expected));

    elsewhere.ct.accept(&world.chain).unwrap();
    let key = p256();
    let certificates = world
        .certificates(Some(&world.token()), &by_key(&key))
        .await;
    world.ct_key = elsewhere.ct_key.clone();
    world.check(&certificates, key.public_key());
    assert_eq!((elsewhere.logged(), world.logged()), (1, 0));

    // A log that signs with another key than the configured one.
    let world = World::with(|_| target(&base, p256().public_key()));
    elsewhere.ct.accept(&world.chain).unwrap();
    let answer = world.post(V2, Some(&world.token()), &by_key(&p256())).await;
    let (status, message) = refusal(answer).await;
    let expected = format!(
        "the certificate cannot be logged: the timestamp from {base}ct/v1/add-pre-chain does not count: "
    );
    assert_eq!(
        (status, message.starts_with(&expected)),
        (503, true),
        "{message}"
    );
}
