//! Logging in and signing at a private instance as it is served, over loopback.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{pin::Pin, sync::Arc, time::Duration};

use reqwest::{Client, header::ORIGIN, redirect::Policy as Redirects};
use serde_json::json;
use signhere_http::{HttpClient, HttpConfig, Sleep};
use signhere_pki::{
    digest::HashAlgorithm,
    key::{KeyKind, PrivateKey},
    random::SystemRandom,
    time::Time,
};
use signhere_serve::InstanceConfig;
use signhere_sign::{
    identity::{
        IdentityToken,
        oidc::{Login, LoginConfig},
    },
    instance::Instance,
    session::{Payload, Session, Signed, Tools},
};
use signhere_testkit::clock::FakeClock;
use signhere_verify::verifier::{Artifact, Policy, Verifier};
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::Url;

const NOW: Time = Time::from_unix(1_800_000_000);
const EMAIL: &str = "jo@example.org";

/// An instance that is served until the test ends, and what a client has.
struct World {
    url: Url,
    tools: Tools,
    _folder: TempDir,
}

/// Sleeping moves the clock.
struct ClockSleep(Arc<FakeClock>);

impl Sleep for ClockSleep {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.advance(i64::try_from(duration.as_secs()).unwrap());
        Box::pin(tokio::task::yield_now())
    }
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = Arc::new(FakeClock::at(NOW));
        let config = InstanceConfig::new(address);
        let (path, instance_clock) = (folder.path().join("state"), clock.clone());
        let instance = tokio::task::spawn_blocking(move || {
            let random = Arc::new(SystemRandom);
            signhere_serve::instance::Instance::create_or_open(
                &path,
                config,
                instance_clock,
                random,
            )
        });
        let instance = instance.await.unwrap().unwrap();
        tokio::spawn(instance.serve(listener, std::future::pending()));
        let random = Arc::new(SystemRandom);
        let sleep = Arc::new(ClockSleep(clock.clone()));
        let http = HttpClient::new(HttpConfig::default(), sleep, random.clone());
        Self {
            url: Url::parse(&format!("http://{address}")).unwrap(),
            tools: Tools {
                http: Arc::new(http),
                clock,
                random,
            },
            _folder: folder,
        }
    }

    async fn instance(&self) -> Instance {
        Instance::fetch(&self.tools.http, &self.url).await.unwrap()
    }

    /// A login at the issuer that the signing config names.
    fn login(&self, instance: &Instance) -> Login {
        let selected = instance
            .signing_config
            .select(self.tools.clock.now())
            .unwrap();
        let issuer = Url::parse(&selected.require_oidc().unwrap().url).unwrap();
        let Tools {
            http,
            clock,
            random,
        } = self.tools.clone();
        Login::new(LoginConfig::new(issuer), http, clock, random)
    }

    async fn token(&self, instance: &Instance) -> IdentityToken {
        let login = self.login(instance);
        let origin = self.url.origin().ascii_serialization();
        let browser = |page: &Url| drop(tokio::spawn(log_in(page.clone(), origin.clone())));
        login.with_browser(browser).await.unwrap().token
    }
}

/// What a person does in the browser: types an address, and goes where the answer leads.
async fn log_in(page: Url, origin: String) {
    let browser = Client::builder().redirect(Redirects::none()).no_proxy();
    let browser = browser.build().unwrap();
    let text = browser.get(page.clone()).send().await.unwrap();
    let text = text.text().await.unwrap();
    let (_, rest) = text.split_once("name=\"login\" value=\"").unwrap();
    let (login, _) = rest.split_once('"').unwrap();
    let mut action = page;
    action.set_query(None);
    let form = [("login", login), ("email", EMAIL)];
    let answer = browser.post(action).header(ORIGIN, origin).form(&form);
    let answer = answer.send().await.unwrap();
    let back = answer.headers()["location"].to_str().unwrap();
    // The callback listens on one address family; a browser tries both.
    let back = back.replace("//localhost:", "//127.0.0.1:");
    assert!(
        browser
            .get(back)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
}

async fn sign(session: &Session, contents: &[u8]) -> Signed {
    let digest = session.hash_algorithm().digest(contents);
    session.sign(Payload::Artifact(digest)).await.unwrap()
}

#[tokio::test]
async fn a_person_logs_in_and_signs() {
    let world = World::start().await;
    let instance = world.instance().await;
    let token = world.token(&instance).await;
    assert_eq!(token.challenge().as_str(), EMAIL);
    let issuer = token.issuer().to_owned();

    let session = Session::keyless(&instance, token, world.tools.clone()).unwrap();
    let digest = HashAlgorithm::Sha256.digest(b"a file").hex();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "file", "digest": {"sha256": digest}}],
        "predicateType": "https://example.org/v1",
        "predicate": {},
    });
    let statement = statement.to_string();
    let attested = session.sign(Payload::Statement(statement.as_bytes()));
    let verifier = Verifier::new(instance.trusted_root.clone()).unwrap();
    for signed in [sign(&session, b"a file").await, attested.await.unwrap()] {
        let policy = Policy::Identity {
            identity: EMAIL.into(),
            issuer: issuer.clone(),
        };
        let verify = |contents| {
            let artifact = Artifact::Bytes(contents);
            verifier.verify_json(&signed.bundle.to_json(), &artifact, &policy)
        };
        assert_eq!(verify(b"a file").failure, None);
        assert!(!verify(b"b file").is_verified());
    }
}

#[tokio::test]
async fn a_person_logs_in_on_another_device() {
    let world = World::start().await;
    let instance = world.instance().await;
    let origin = world.url.origin().ascii_serialization();
    let approve = |prompt: &signhere_sign::identity::oidc::DevicePrompt| {
        let (page, code) = (prompt.page.clone(), prompt.code.clone());
        tokio::spawn(async move {
            let browser = Client::builder().no_proxy().build().unwrap();
            let form = [("user_code", code.as_str()), ("email", EMAIL)];
            let answer = browser.post(page).header(ORIGIN, origin).form(&form);
            assert!(answer.send().await.unwrap().status().is_success());
        });
    };
    let token = world.login(&instance).with_device(approve).await.unwrap();
    let token = token.token;
    assert_eq!(token.challenge().as_str(), EMAIL);
}

#[tokio::test]
async fn a_key_signs_without_login() {
    let world = World::start().await;
    let instance = world.instance().await;
    for kind in [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Rsa3072,
    ] {
        let key = Arc::new(PrivateKey::generate(kind).unwrap());
        let session = Session::with_key(&instance, key, world.tools.clone()).unwrap();
        sign(&session, b"a file").await;
    }
}

#[tokio::test]
async fn many_files_are_signed_at_once() {
    let world = World::start().await;
    let instance = world.instance().await;
    let token = world.token(&instance).await;
    let session = Session::keyless(&instance, token, world.tools.clone()).unwrap();
    let session = Arc::new(session);
    let mut signing = tokio::task::JoinSet::new();
    for number in 0..20 {
        let session = Arc::clone(&session);
        signing.spawn(async move { sign(&session, &[number]).await });
    }
    let signed = signing.join_all().await;
    let certificates = signed
        .iter()
        .map(|signed| signed.bundle.certificate().unwrap().der());
    let certificates: std::collections::HashSet<_> = certificates.collect();
    assert_eq!((signed.len(), certificates.len()), (20, 1));
}
