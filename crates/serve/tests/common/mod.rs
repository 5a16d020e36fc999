//! A running instance on an ephemeral loopback port, and a client that does what real ones do.

#![allow(dead_code, reason = "every test binary uses its own part of this")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests")]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use signhere_pki::digest::{HashAlgorithm, sha256};
use signhere_pki::key::{KeyKind, PrivateKey, Signer};
use signhere_pki::random::SystemRandom;
use signhere_pki::time::Time;
use signhere_serve::{Endpoints, Instance, InstanceConfig, ServeError};
use signhere_testkit::clock::FakeClock;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

pub(crate) const START: Time = Time::from_unix(1_795_000_000);
pub(crate) const EMAIL: &str = "ada@example.org";
pub(crate) const REDIRECT: &str = "http://localhost:8123/auth/callback";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// An instance that answers, and the means to stop it.
pub(crate) struct Running {
    pub(crate) base: String,
    pub(crate) endpoints: Endpoints,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) client: Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
}

/// A listener on a port of the system's choice.
pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A listener at an address of loopback, 127.0.0.`last`, that one test alone uses: the system gives its port to nobody
/// else, so that it can be let go and taken again.
pub(crate) async fn listener_at(last: u8) -> (TcpListener, SocketAddr) {
    let at = SocketAddr::from(([127, 0, 0, last], 0));
    let listener = TcpListener::bind(at).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

impl Running {
    /// The instance in `dir`, every service on, its clock at [`START`].
    pub(crate) async fn start(dir: &Path) -> Self {
        Self::start_with(dir, |_| {}).await
    }

    /// The instance in `dir`, configured by `adjust`.
    pub(crate) async fn start_with(dir: &Path, adjust: impl FnOnce(&mut InstanceConfig)) -> Self {
        let (listener, _) = listener().await;
        Self::start_on(listener, dir, adjust).await
    }

    /// The same, on a listener that is there already.
    pub(crate) async fn start_on(
        listener: TcpListener,
        dir: &Path,
        adjust: impl FnOnce(&mut InstanceConfig),
    ) -> Self {
        let mut config = InstanceConfig::new(listener.local_addr().unwrap());
        adjust(&mut config);
        let clock = Arc::new(FakeClock::at(START));
        let instance =
            Instance::create_or_open(dir, config, clock.clone(), Arc::new(SystemRandom)).unwrap();
        let endpoints = instance.endpoints().clone();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(instance.serve(listener, async {
            let _ = stopped.await;
        }));
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            base: endpoints.base(),
            endpoints,
            clock,
            client,
            stop,
            served,
        }
    }

    /// Stops the instance and waits until it has let its folder go.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Response {
        self.client
            .post(format!("{}{path}", self.base))
            .json(body)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.client
            .post(format!("{}{path}", self.base))
            .form(form)
            .send()
            .await
            .unwrap()
    }

    /// The login page for the usual request, with some of its parameters replaced; an empty value leaves one out.
    pub(crate) async fn login_page(&self, replaced: &[(&str, &str)]) -> Response {
        let challenge = URL_SAFE_NO_PAD.encode(sha256(VERIFIER.as_bytes()));
        let usual = [
            ("response_type", "code"),
            ("client_id", "sigstore"),
            ("redirect_uri", REDIRECT),
            ("scope", "openid email"),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let query = usual.into_iter().map(|(name, value)| {
            let replaced = replaced.iter().find(|(other, _)| *other == name);
            (name, replaced.map_or(value, |(_, value)| *value))
        });
        let query: Vec<_> = query.filter(|(_, value)| !value.is_empty()).collect();
        let url = Url::parse_with_params(&format!("{}/oidc/auth", self.base), query).unwrap();
        self.client.get(url).send().await.unwrap()
    }

    /// A code for `email`, as a browser would come by it.
    pub(crate) async fn code(&self, email: &str) -> String {
        let page = self.login_page(&[]).await;
        assert_eq!(page.status(), StatusCode::OK);
        let login = login_field(&page.text().await.unwrap());
        let answer = self
            .post_form("/oidc/auth", &[("login", &login), ("email", email)])
            .await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let answer = location(&answer);
        assert_eq!(answer.as_str().split('?').next(), Some(REDIRECT));
        assert_eq!(parameter(&answer, "state").as_deref(), Some("the state"));
        parameter(&answer, "code").unwrap()
    }

    /// The answer of the token endpoint for `code`, with some parameters replaced.
    pub(crate) async fn exchange(&self, code: &str, replaced: &[(&str, &str)]) -> Response {
        let usual = [
            ("grant_type", "authorization_code"),
            ("client_id", "sigstore"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let form = usual.map(|(name, value)| {
            let replaced = replaced.iter().find(|(other, _)| *other == name);
            (name, replaced.map_or(value, |(_, value)| *value))
        });
        self.post_form("/oidc/token", &form).await
    }

    /// An identity token for [`EMAIL`].
    pub(crate) async fn token(&self) -> String {
        let code = self.code(EMAIL).await;
        let answer: Value = self.exchange(&code, &[]).await.json().await.unwrap();
        answer["id_token"].as_str().unwrap().to_owned()
    }

    /// A certificate chain in PEM for `key`, leaf first.
    pub(crate) async fn certificates(&self, key: &PrivateKey) -> Vec<String> {
        let answer = self.certificate_answer(&self.token().await, key).await;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{body}");
        let certificates = &body["signedCertificateEmbeddedSct"]["chain"]["certificates"];
        certificates
            .as_array()
            .unwrap()
            .iter()
            .map(|pem| pem.as_str().unwrap().to_owned())
            .collect()
    }

    /// What the CA answers to a request as sigstore-go makes it.
    pub(crate) async fn certificate_answer(&self, token: &str, key: &PrivateKey) -> Response {
        let proof = key.sign(EMAIL.as_bytes()).unwrap();
        let url = format!("{}/api/v2/signingCert", self.base);
        self.client
            .post(url)
            .bearer_auth(token)
            .json(&key_request(key, &proof))
            .send()
            .await
            .unwrap()
    }
}

/// The body of a certificate request for a key with a proof of possession.
pub(crate) fn key_request(key: &PrivateKey, proof: &[u8]) -> Value {
    json!({ "publicKeyRequest": {
        "publicKey": { "algorithm": "ECDSA", "content": key.public_key().to_pem() },
        "proofOfPossession": STANDARD.encode(proof),
    } })
}

/// The body of a request to log `key`'s signature over `message`.
pub(crate) fn entry_request(key: &PrivateKey, message: &[u8]) -> Value {
    let signature = key.sign(message).unwrap();
    json!({ "hashedRekordRequestV002": {
        "digest": STANDARD.encode(HashAlgorithm::Sha256.digest(message).as_bytes()),
        "signature": {
            "content": STANDARD.encode(signature),
            "verifier": {
                "publicKey": { "rawBytes": STANDARD.encode(key.public_key().spki_der()) },
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            },
        },
    } })
}

pub(crate) fn p256() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

/// The one-time name of a login in its page.
pub(crate) fn login_field(html: &str) -> String {
    let (_, rest) = html.split_once("name=\"login\" value=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

pub(crate) fn location(response: &Response) -> Url {
    Url::parse(response.headers()["location"].to_str().unwrap()).unwrap()
}

pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(other, _)| other == name)
        .map(|(_, value)| value.into_owned())
}

/// The status and message of a refusal.
pub(crate) async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (
        status,
        body["message"].as_str().unwrap_or_default().to_owned(),
    )
}
