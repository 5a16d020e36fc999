//! Valid requests spoiled at random, through the real routes and without a socket: every answer is a refusal with a
//! code or the service itself, never a failure; and afterwards everything still works.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::{EMAIL, REDIRECT, START, VERIFIER, entry_request, key_request, login_field, p256};
use serde_json::{Value, json};
use signhere_log::static_ct::{LogEntry, TileLeaf};
use signhere_pki::cert::Certificate;
use signhere_pki::digest::{HashAlgorithm, sha256};
use signhere_pki::key::{PrivateKey, Signer};
use signhere_pki::random::SystemRandom;
use signhere_pki::tsp::TimestampRequest;
use signhere_serve::{Instance, InstanceConfig};
use signhere_testkit::clock::FakeClock;
use tempfile::TempDir;
use tower_service::Service as _;
use url::Url;

const HOST: &str = "127.0.0.1:4711";
/// Spoiled requests of each kind.
const ROUNDS: u32 = 300;

const JSON: &str = "application/json";
const QUERY: &str = "application/timestamp-query";

/// A request that is answered with success.
#[derive(Clone)]
struct Valid {
    name: &'static str,
    path: &'static str,
    media_type: &'static str,
    bearer: Option<String>,
    body: Vec<u8>,
}

struct World {
    routes: Router,
    _instance: Instance,
    _dir: TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = InstanceConfig::new(HOST.parse().unwrap());
        let clock = Arc::new(FakeClock::at(START));
        let folder = dir.path().join("state");
        let random = Arc::new(SystemRandom);
        let instance = Instance::create_or_open(&folder, config, clock, random).unwrap();
        Self {
            routes: instance.router(),
            _instance: instance,
            _dir: dir,
        }
    }

    async fn call(&self, request: axum::http::request::Builder, body: Vec<u8>) -> Response<Body> {
        // This machine may ask as often as it likes.
        let peer = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1)));
        let request = request.header("host", HOST).extension(peer);
        let request = request.body(Body::from(body));
        self.routes.clone().call(request.unwrap()).await.unwrap()
    }

    async fn get(&self, path: &str) -> Vec<u8> {
        let answer = self.call(Request::get(path), Vec::new()).await;
        assert_eq!(answer.status(), 200, "{path}");
        bytes(answer).await
    }

    async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Response<Body> {
        let mut url = Url::parse("http://x/").unwrap();
        url.query_pairs_mut().extend_pairs(form);
        let request =
            Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.call(request, url.query().unwrap().into()).await
    }

    /// An identity token, come by as a browser and a client would.
    async fn token(&self) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(sha256(VERIFIER.as_bytes()));
        let query = [
            ("response_type", "code"),
            ("client_id", "sigstore"),
            ("redirect_uri", REDIRECT),
            ("scope", "openid email"),
            ("state", "s"),
            ("nonce", "n"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let url = Url::parse_with_params("http://x/oidc/auth", query).unwrap();
        let page = self
            .get(&format!("/oidc/auth?{}", url.query().unwrap()))
            .await;
        let login = login_field(&String::from_utf8(page).unwrap());
        let form = [("login", login.as_str()), ("email", EMAIL)];
        let answer = self.post_form("/oidc/auth", &form).await;
        let back = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let code = back.query_pairs().find(|(name, _)| name == "code").unwrap();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "sigstore"),
            ("code", &code.1),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let answer = self.post_form("/oidc/token", &form).await;
        let answer: Value = serde_json::from_slice(&bytes(answer).await).unwrap();
        answer["id_token"].as_str().unwrap().to_owned()
    }

    async fn send(&self, request: &Valid) -> Response<Body> {
        let mut builder = Request::post(request.path).header("content-type", request.media_type);
        if let Some(bearer) = &request.bearer {
            builder = builder.header("authorization", format!("Bearer {bearer}"));
        }
        self.call(builder, request.body.clone()).await
    }

    /// One valid request of each kind.
    async fn requests(&self) -> Vec<Valid> {
        let token = self.token().await;
        let of = |name, path, bearer: bool, body: &Value| Valid {
            name,
            path,
            media_type: JSON,
            bearer: bearer.then(|| token.clone()),
            body: body.to_string().into_bytes(),
        };
        let key = p256();
        let proof = key.sign(EMAIL.as_bytes()).unwrap();
        let by_key = key_request(&key, &proof);
        let mut in_body = by_key.clone();
        in_body["credentials"] = json!({ "oidcIdentityToken": token });
        let request = include_str!("../../../testdata/csr/p256.csr.pem");
        let request = signhere_pki::pem::decode_one(request, "CERTIFICATE REQUEST").unwrap();
        let by_request = json!({ "certificateSigningRequest": STANDARD.encode(&*request) });
        let spki = STANDARD.encode(key.public_key().spki_der());
        let first = json!({
            "publicKey": { "content": spki, "algorithm": "ecdsa" },
            "signedEmailAddress": STANDARD.encode(&proof),
        });
        let (v1, v2) = ("/api/v1/signingCert", "/api/v2/signingCert");
        let mut requests = vec![
            of("a key", v2, true, &by_key),
            of("a token in the body", v2, false, &in_body),
            of("a certification request", v2, true, &by_request),
            of("version 1", v1, true, &first),
            of("version 1, a certification request", v1, true, &by_request),
        ];

        let answer = self.send(&requests[0]).await;
        let answer: Value = serde_json::from_slice(&bytes(answer).await).unwrap();
        let chain = &answer["signedCertificateEmbeddedSct"]["chain"]["certificates"];
        let der = |pem: &Value| {
            let certificate = Certificate::from_pem(pem.as_str().unwrap()).unwrap();
            STANDARD.encode(certificate.der())
        };
        let chain: Vec<_> = chain.as_array().unwrap().iter().map(der).collect();
        let data = self.get("/ct/tile/data/000.p/1").await;
        let (leaf, _) = TileLeaf::decode(&data).unwrap();
        let LogEntry::Precertificate {
            pre_certificate, ..
        } = leaf.entry
        else {
            panic!("the CA logs precertificates");
        };
        let mut pre_chain = chain.clone();
        pre_chain[0] = STANDARD.encode(pre_certificate);
        let digest = HashAlgorithm::Sha256.digest(b"x");
        let stamp = TimestampRequest::new(digest, &SystemRandom).unwrap();
        let in_json = json!({
            "artifactHash": STANDARD.encode(digest.as_bytes()), "hashAlgorithm": "sha256", "certificates": true,
            "nonce": 1_123_343_434, "tsaPolicyOID": "1.3.6.1.4.1.57264.2",
        });
        let entry = entry_request(&p256(), b"message");
        let (add, add_pre) = ("/ct/ct/v1/add-chain", "/ct/ct/v1/add-pre-chain");
        requests.extend([
            of("add-chain", add, false, &json!({ "chain": chain })),
            of(
                "add-pre-chain",
                add_pre,
                false,
                &json!({ "chain": pre_chain }),
            ),
            of("an entry", "/api/v2/log/entries", false, &entry),
            of("a timestamp in JSON", "/api/v1/timestamp", false, &in_json),
            Valid {
                name: "a timestamp",
                path: "/api/v1/timestamp",
                media_type: QUERY,
                bearer: None,
                body: stamp.to_der().unwrap(),
            },
        ]);
        requests
    }
}

async fn bytes(answer: Response<Body>) -> Vec<u8> {
    to_bytes(answer.into_body(), 1 << 20)
        .await
        .unwrap()
        .to_vec()
}

/// SplitMix64: the same in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    fn range(&mut self, length: usize) -> Range<usize> {
        let start = self.below(length + 1);
        start..start + self.below(length - start + 1).min(40)
    }

    /// Bytes like those of DER or of a text, spoiled in one to three places.
    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let (at, length) = (self.below(bytes.len()), bytes.len());
            match self.below(8) {
                0 if length > 0 => bytes[at] ^= 1 << self.below(8),
                1 if length > 0 => bytes[at] = self.byte(),
                // As a length of DER: indefinite, longer than all, of four and of many bytes.
                2 if length > 0 => bytes[at] = [0x80, 0x7f, 0x84, 0xff][self.below(4)],
                3 => bytes.truncate(at),
                4 => bytes.insert(at, self.byte()),
                5 => drop(bytes.drain(self.range(length))),
                6 => {
                    let copied = bytes[self.range(length)].to_vec();
                    bytes.splice(at..at, copied);
                }
                _ => bytes.extend_from_slice(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
            }
        }
    }

    /// A value of JSON, spoiled in one place: what base64 holds, or the value itself.
    fn spoil_json(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) if !fields.is_empty() && self.below(8) > 0 => {
                let position = self.below(fields.len());
                let name = fields.keys().nth(position).unwrap().clone();
                match self.below(10) {
                    0 => drop(fields.remove(&name)),
                    1 => drop(fields.insert(format!("{name}x"), json!(1))),
                    _ => self.spoil_json(&mut fields[&name]),
                }
            }
            Value::Array(members) if !members.is_empty() && self.below(8) > 0 => {
                let position = self.below(members.len());
                match self.below(8) {
                    0 => drop(members.remove(position)),
                    1 => members.insert(position, members[position].clone()),
                    2 => members.reverse(),
                    _ => self.spoil_json(&mut members[position]),
                }
            }
            Value::String(text) if self.below(8) > 0 => *text = self.spoil_text(text),
            other => {
                *other = match self.below(9) {
                    0 => Value::Null,
                    1 => json!(true),
                    2 => json!(-1),
                    3 => json!(1e300),
                    4 => json!(u64::MAX),
                    5 => json!(""),
                    6 => json!([]),
                    7 => json!({ "chain": {} }),
                    _ => json!("\u{0}\u{fffd}ä".repeat(self.below(2000))),
                };
            }
        }
    }

    fn spoil_text(&mut self, text: &str) -> String {
        let mut bytes = match STANDARD.decode(text) {
            Ok(bytes) if self.below(8) > 0 => {
                let mut bytes = bytes;
                self.spoil(&mut bytes);
                return STANDARD.encode(bytes);
            }
            _ => text.as_bytes().to_vec(),
        };
        self.spoil(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn spoil_request(&mut self, request: &mut Valid) {
        if self.below(5) == 0
            && let Some(token) = &request.bearer
        {
            let token = self.spoil_text(token);
            // What no header can carry never reaches the routes.
            let printable = token.chars().filter(|c| ('!'..='~').contains(c));
            request.bearer = Some(printable.collect());
            return;
        }
        if request.media_type == JSON && self.below(6) > 0 {
            let mut value = serde_json::from_slice(&request.body).unwrap();
            self.spoil_json(&mut value);
            request.body = value.to_string().into_bytes();
        } else {
            self.spoil(&mut request.body);
        }
    }
}

/// A refusal with a code, or success; nothing that would say that the service has failed.
async fn check(name: &str, answer: Response<Body>, sent: &[u8]) -> bool {
    let status = answer.status().as_u16();
    let content_type = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let body = bytes(answer).await;
    let sent = || String::from_utf8_lossy(sent).into_owned();
    if (200..300).contains(&status) {
        return true;
    }
    assert!(
        matches!(status, 400 | 401 | 413 | 415 | 422),
        "{name}: {status} {} to {}",
        String::from_utf8_lossy(&body),
        sent()
    );
    assert_eq!(content_type, JSON, "{name}: {}", sent());
    let problem: Value = serde_json::from_slice(&body).unwrap();
    let has_code = problem["code"].is_u64() && problem["message"].is_string();
    assert!(has_code, "{name}: {problem} to {}", sent());
    false
}

#[tokio::test]
async fn spoiled_requests_are_refused_and_nothing_fails() {
    let world = World::new();
    let mut chance = Chance(0x5eed);
    let requests = world.requests().await;
    for valid in &requests {
        let mut refused = 0;
        for _ in 0..ROUNDS {
            let mut request = valid.clone();
            chance.spoil_request(&mut request);
            let answer = world.send(&request).await;
            let is_reply = answer.headers()["content-type"] == "application/timestamp-reply";
            let accepted = check(valid.name, answer, &request.body).await;
            refused += u32::from(!accepted || is_reply);
        }
        assert!(
            refused > ROUNDS / 2,
            "{}: {refused} of {ROUNDS}",
            valid.name
        );
    }
    for valid in &requests {
        assert!(check(valid.name, world.send(valid).await, &valid.body).await);
    }
}

#[tokio::test]
async fn bodies_that_are_no_request_at_all() {
    let world = World::new();
    let mut chance = Chance(1);
    let noise: Vec<u8> = (0..5000).map(|_| chance.byte()).collect();
    let bodies = [
        Vec::new(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"{\"chain\":[],\"chain\":[]}".to_vec(),
        "[".repeat(100_000).into_bytes(),
        "{\"a\":".repeat(10_000).into_bytes(),
        format!("{{\"nonce\":{}}}", "9".repeat(10_000)).into_bytes(),
        vec![0x30; 4096],
        [&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff][..], &[0x30; 4000]].concat(),
        noise,
    ];
    for valid in world.requests().await {
        for body in &bodies {
            let request = Valid {
                body: body.clone(),
                ..valid.clone()
            };
            let answer = world.send(&request).await;
            let is_reply = answer.headers()["content-type"] == "application/timestamp-reply";
            assert!(
                !check(valid.name, answer, body).await || is_reply,
                "{}",
                valid.name
            );
        }
    }
}

/// Keys of every kind, cut and lengthened at every byte.
#[tokio::test]
async fn keys_cut_at_every_byte() {
    let world = World::new();
    let token = world.token().await;
    let key: PrivateKey = p256();
    let (spki, proof) = (
        key.public_key().spki_der(),
        key.sign(EMAIL.as_bytes()).unwrap(),
    );
    for cut in 0..spki.len() {
        let mut body = key_request(&key, &proof);
        let mut longer = spki.to_vec();
        longer.insert(cut, 0);
        for spoiled in [&spki[..cut], &longer] {
            body["publicKeyRequest"]["publicKey"]["content"] = json!(STANDARD.encode(spoiled));
            let request = Valid {
                name: "a cut key",
                path: "/api/v2/signingCert",
                media_type: JSON,
                bearer: Some(token.clone()),
                body: body.to_string().into_bytes(),
            };
            assert!(!check("a cut key", world.send(&request).await, &request.body).await);
        }
    }
}
