//! An issuer on loopback that is up, down, slow, huge, lying or new: what is asked of it, and who is believed.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;
use signhere_http::{HttpConfig, HttpError, TokioSleep};
use signhere_pki::jwt::{JwtError, mint_jwt};
use signhere_pki::key::{KeyKind, PrivateKey};
use signhere_pki::random::SystemRandom;
use signhere_pki::time::Time;
use signhere_testkit::clock::FakeClock;
use signhere_testkit::network::{refusing, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::rustls::{
    self,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::*;

const START: Time = Time::from_unix(1_795_000_000);
const HOUR: i64 = 3600;
const TLS_CERTIFICATE: &[u8] = include_bytes!("../../../../testdata/tls/localhost.crt");
const TLS_KEY: &[u8] = include_bytes!("../../../../testdata/tls/localhost.key");

/// What the issuer answers.
#[derive(Clone)]
enum Mood {
    Up,
    Down,
    /// Answers once it is let.
    Slow(Arc<Semaphore>),
    /// Sends whoever asks for the discovery document elsewhere.
    Redirects(&'static str),
    /// Says it is somebody else.
    Lies,
    /// Says its keys are elsewhere.
    KeysAt(&'static str),
    /// Has this key set.
    Keys(String),
    Document(&'static str),
}

struct Script {
    mood: Mood,
    keys: Jwks,
}

/// A server with an issuer at every path.
struct Provider {
    base: String,
    script: Arc<Mutex<Script>>,
    asked: Arc<AtomicUsize>,
    clock: Arc<FakeClock>,
    key: PrivateKey,
}

impl Provider {
    async fn start() -> Self {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let script = Arc::new(Mutex::new(Script {
            mood: Mood::Up,
            keys: Jwks::of("one", key.public_key()),
        }));
        let asked = Arc::new(AtomicUsize::new(0));
        let base = Arc::new(Mutex::new(String::new()));
        let (at, heard, says) = (Arc::clone(&base), Arc::clone(&asked), Arc::clone(&script));
        let handler = move |uri: Uri| {
            let at = at.lock().unwrap().clone();
            let (mood, keys) = {
                let script = says.lock().unwrap();
                (script.mood.clone(), script.keys.to_json())
            };
            let heard = Arc::clone(&heard);
            async move { answer(&at, uri.path(), mood, keys, &heard).await }
        };
        let url = serve(Router::new().fallback(get(handler))).await;
        let served = url.as_str().trim_end_matches('/').to_owned();
        base.lock().unwrap().clone_from(&served);
        Self {
            base: served,
            script,
            asked,
            clock: Arc::new(FakeClock::at(START)),
            key,
        }
    }

    /// One issuer called `/one`, and one for each name under `/many/`.
    fn issuers(&self) -> Arc<Issuers> {
        let yaml = format!(
            "oidc-issuers:\n  {0}/one: {{client-id: sigstore, type: uri, subject-domain: \"{0}\"}}\n\
             meta-issuers:\n  {0}/many/*: {{client-id: sigstore, type: uri, subject-domain: \"{0}\"}}\n",
            self.base
        );
        issuers(&yaml, &self.clock, HttpConfig::default())
    }

    fn mood(&self, mood: Mood) {
        self.script.lock().unwrap().mood = mood;
    }

    fn rotate(&mut self, key_id: &str) {
        self.key = PrivateKey::generate(KeyKind::P256).unwrap();
        self.script.lock().unwrap().keys = Jwks::of(key_id, self.key.public_key());
    }

    /// How often the discovery document was asked for.
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn claims(&self, path: &str) -> Value {
        let now = self.clock.now().unix();
        json!({
            "iss": format!("{}{path}", self.base), "aud": "sigstore", "sub": format!("{}/ada", self.base),
            "iat": now, "exp": now + 300,
        })
    }

    fn token(&self, path: &str, key_id: &str) -> String {
        mint_jwt(&self.key, key_id, &self.claims(path)).unwrap()
    }

    fn no_keys(&self, path: &str, reason: KeysError) -> Disbelief {
        Disbelief::NoKeys {
            issuer: format!("{}{path}", self.base),
            reason,
        }
    }

    fn status(&self, path: &str, status: u16) -> KeysError {
        KeysError::Status {
            url: format!("{}{path}/.well-known/openid-configuration", self.base),
            status,
        }
    }
}

async fn answer(base: &str, path: &str, mood: Mood, keys: String, asked: &AtomicUsize) -> Response {
    let Some(issuer) = path.strip_suffix("/.well-known/openid-configuration") else {
        return match mood {
            Mood::Keys(keys) => keys.into_response(),
            _ => keys.into_response(),
        };
    };
    asked.fetch_add(1, Ordering::SeqCst);
    let mut document =
        json!({ "issuer": format!("{base}{issuer}"), "jwks_uri": format!("{base}{issuer}/keys") });
    match mood {
        Mood::Up | Mood::Keys(_) => {}
        Mood::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mood::Slow(turns) => turns.acquire().await.unwrap().forget(),
        Mood::Redirects(to) => {
            return (StatusCode::FOUND, [(header::LOCATION, to)]).into_response();
        }
        Mood::Lies => document["issuer"] = "https://somebody.example".into(),
        Mood::KeysAt(elsewhere) => document["jwks_uri"] = elsewhere.into(),
        Mood::Document(text) => return text.into_response(),
    }
    document.to_string().into_response()
}

fn issuers(yaml: &str, clock: &Arc<FakeClock>, config: HttpConfig) -> Arc<Issuers> {
    let http = HttpClient::new(config, Arc::new(TokioSleep), Arc::new(SystemRandom));
    let config = FulcioConfig::parse(yaml).unwrap();
    Arc::new(Issuers::new(config, None, &http, clock.clone()).unwrap())
}

/// Waits until what happens in the background has happened.
async fn until(happened: impl Fn() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), waiting)
        .await
        .unwrap();
}

fn unknown_key(key_id: &str) -> Disbelief {
    Disbelief::Token(JwtError::UnknownKey {
        algorithm: "ES256",
        key_id: Some(key_id.to_owned()),
    })
}

#[tokio::test]
async fn keys_are_asked_for_once_and_kept() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    assert_eq!(provider.asked(), 0, "nobody is asked before a token comes");
    for _ in 0..10 {
        let principal = issuers.believe(&provider.token("/one", "one")).await;
        let principal = principal.unwrap();
        assert_eq!(principal.issuer, format!("{}/one", provider.base));
        assert_eq!(principal.challenge, format!("{}/ada", provider.base));
    }
    assert_eq!(provider.asked(), 1);
    let health = IssuerHealth {
        url: format!("{}/one", provider.base),
        keys_fetched: Some(START),
        failing_since: None,
    };
    assert_eq!(issuers.health(), [health]);
}

#[tokio::test]
async fn an_issuer_may_be_down_for_an_hour() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    issuers
        .believe(&provider.token("/one", "one"))
        .await
        .unwrap();

    provider.mood(Mood::Down);
    provider.clock.advance(HOUR + 1);
    // The keys are old: the issuer is asked first, and then they are used all the same.
    issuers
        .believe(&provider.token("/one", "one"))
        .await
        .unwrap();
    let down_since = provider.clock.now();
    assert_eq!(provider.asked(), 2);
    assert_eq!(issuers.health()[0].failing_since, Some(down_since));
    provider.clock.advance(HOUR - 1);
    issuers
        .believe(&provider.token("/one", "one"))
        .await
        .unwrap();
    until(|| provider.asked() == 3).await;
    until(|| issuers.issuers[0].is_idle()).await;

    provider.clock.advance(1);
    let refused = Err(provider.no_keys("/one", provider.status("/one", 503)));
    assert_eq!(
        issuers.believe(&provider.token("/one", "one")).await,
        refused
    );
    assert_eq!(provider.asked(), 3, "it was asked a moment ago");

    provider.mood(Mood::Up);
    assert_eq!(
        issuers.believe(&provider.token("/one", "one")).await,
        refused
    );
    provider.clock.advance(10);
    issuers
        .believe(&provider.token("/one", "one"))
        .await
        .unwrap();
    assert_eq!(issuers.health()[0].failing_since, None);
}

#[tokio::test]
async fn keys_of_a_day_ago_do_not_count() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    issuers
        .believe(&provider.token("/one", "one"))
        .await
        .unwrap();
    provider.mood(Mood::Down);
    provider.clock.advance(24 * HOUR);
    let refused = Err(provider.no_keys("/one", provider.status("/one", 503)));
    assert_eq!(
        issuers.believe(&provider.token("/one", "one")).await,
        refused
    );
}

#[tokio::test]
async fn fresh_keys_are_asked_for_while_nobody_waits() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    issuers
        .believe(&provider.token("/one", "one"))
        .await
        .unwrap();
    provider.clock.advance(10 * 60 - 1);
    issuers
        .believe(&provider.token("/one", "one"))
        .await
        .unwrap();
    assert_eq!(provider.asked(), 1);
    provider.clock.advance(1);
    let turns = Arc::new(Semaphore::new(0));
    provider.mood(Mood::Slow(Arc::clone(&turns)));
    for _ in 0..10 {
        issuers
            .believe(&provider.token("/one", "one"))
            .await
            .unwrap();
    }
    until(|| provider.asked() == 2).await;
    turns.add_permits(1);
    let now = provider.clock.now();
    until(|| issuers.health()[0].keys_fetched == Some(now)).await;
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn a_new_key_is_believed_at_once_and_an_old_one_no_more() {
    let mut provider = Provider::start().await;
    let issuers = provider.issuers();
    let old = provider.token("/one", "one");
    issuers.believe(&old).await.unwrap();
    provider.clock.advance(30);
    provider.rotate("two");
    issuers
        .believe(&provider.token("/one", "two"))
        .await
        .unwrap();
    assert_eq!(provider.asked(), 2);
    assert_eq!(issuers.believe(&old).await, Err(unknown_key("one")));
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn made_up_keys_do_not_drive_a_flood() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    issuers
        .believe(&provider.token("/one", "one"))
        .await
        .unwrap();
    provider.clock.advance(30);
    for n in 0..200 {
        let key_id = format!("made-up-{n}");
        let token = provider.token("/one", &key_id);
        assert_eq!(issuers.believe(&token).await, Err(unknown_key(&key_id)));
    }
    assert_eq!(provider.asked(), 2, "once in 30 seconds");
    provider.clock.advance(29);
    let token = provider.token("/one", "made-up");
    assert_eq!(issuers.believe(&token).await, Err(unknown_key("made-up")));
    assert_eq!(provider.asked(), 2);
    provider.clock.advance(1);
    assert_eq!(
        issuers.believe(&provider.token("/one", "made-up")).await,
        Err(unknown_key("made-up"))
    );
    assert_eq!(provider.asked(), 3);
    // A clock that is set back stops nobody for longer than that.
    provider.clock.advance(-HOUR);
    issuers
        .believe(&provider.token("/one", "made-up"))
        .await
        .unwrap_err();
    assert_eq!(provider.asked(), 4);
    issuers
        .believe(&provider.token("/one", "made-up"))
        .await
        .unwrap_err();
    assert_eq!(provider.asked(), 4);
}

#[tokio::test]
async fn tokens_that_fail_cheaper_checks_ask_for_nothing() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    let now = provider.clock.now().unix();
    for (claim, value) in [
        ("iss", json!("https://nobody.example")),
        ("iss", json!(format!("{}/One", provider.base))),
        ("iss", json!(format!("{}/one/", provider.base))),
        ("iss", json!(format!("{}/many/a/b", provider.base))),
        ("iss", json!(7)),
        ("aud", json!("other")),
        ("aud", Value::Null),
        ("exp", json!(now - 60)),
        ("exp", Value::Null),
        ("nbf", json!(now + 61)),
        ("iat", json!(now + 61)),
        ("sub", json!("")),
    ] {
        let mut claims = provider.claims("/one");
        claims[claim] = value.clone();
        let token = mint_jwt(&provider.key, "one", &claims).unwrap();
        let error = issuers.believe(&token).await.unwrap_err();
        assert!(!error.is_transient(), "{claim} {value}: {error}");
    }
    for token in [
        "",
        "a.b.c",
        &"x".repeat(65 << 10),
        &format!("{}.", "e30.".repeat(3)),
    ] {
        assert!(matches!(
            issuers.believe(token).await,
            Err(Disbelief::Token(_))
        ));
    }
    assert_eq!(provider.asked(), 0);
}

#[tokio::test]
async fn who_waits_at_the_same_time_waits_for_one_question() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    let turns = Arc::new(Semaphore::new(0));
    provider.mood(Mood::Slow(Arc::clone(&turns)));
    let believing: Vec<_> = (0..20)
        .map(|_| {
            let (issuers, token) = (Arc::clone(&issuers), provider.token("/one", "one"));
            tokio::spawn(async move { issuers.believe(&token).await })
        })
        .collect();
    until(|| provider.asked() == 1).await;
    // One who goes away does not take the answer along.
    believing[0].abort();
    turns.add_permits(1);
    for (n, believing) in believing.into_iter().enumerate() {
        match believing.await {
            Ok(believed) => assert!(believed.is_ok(), "{believed:?}"),
            Err(error) => assert!(n == 0 && error.is_cancelled()),
        }
    }
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn an_issuer_that_never_answers_is_left_alone_for_a_while() {
    let provider = Provider::start().await;
    let turns = Arc::new(Semaphore::new(0));
    provider.mood(Mood::Slow(turns));
    let yaml = format!(
        "oidc-issuers:\n  {0}/one: {{client-id: sigstore, type: email}}\n",
        provider.base
    );
    let issuers = issuers(&yaml, &provider.clock, HttpConfig::default());
    let timeout = KeysError::Http(HttpError::Timeout {
        url: format!("{}/one/.well-known/openid-configuration", provider.base),
    });
    let refused = provider.no_keys("/one", timeout);
    let first = tokio::spawn({
        let (issuers, token) = (Arc::clone(&issuers), provider.token("/one", "one"));
        async move { issuers.believe(&token).await }
    });
    until(|| provider.asked() == 1).await;
    // The question is there: from now on no time passes but while nothing else can be done.
    tokio::time::pause();
    assert_eq!(first.await.unwrap().unwrap_err(), refused);
    for _ in 0..20 {
        let error = issuers
            .believe(&provider.token("/one", "one"))
            .await
            .unwrap_err();
        assert!(error.is_transient());
        assert_eq!(error, refused);
    }
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn an_issuer_that_is_not_there_says_so() {
    let clock = Arc::new(FakeClock::at(START));
    let nobody = refusing();
    let base = nobody.url.as_str().trim_end_matches('/').to_owned();
    let yaml = format!("oidc-issuers:\n  {base}: {{client-id: sigstore, type: email}}\n");
    let issuers = issuers(&yaml, &clock, HttpConfig::default());
    let claims = json!({ "iss": base, "aud": "sigstore", "sub": "x", "exp": START.unix() + 60 });
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let error = issuers
        .believe(&mint_jwt(&key, "k", &claims).unwrap())
        .await;
    let Err(Disbelief::NoKeys {
        issuer,
        reason: KeysError::Http(HttpError::Connect { .. }),
    }) = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(issuer, base);
}

#[tokio::test]
async fn what_an_issuer_may_not_answer() {
    let url = |provider: &Provider, path: &str| format!("{}/one{path}", provider.base);
    let document = "/.well-known/openid-configuration";
    let many_small = format!("{{\"keys\":[{}{{}}]}}", "{\"kty\":\"EC\"},".repeat(9_999));
    let large = format!(
        "{{\"keys\":[{}{{}}]}}",
        format!("{{\"kty\":\"RSA\",\"n\":\"{}\"}},", "A".repeat(342)).repeat(9_999)
    );
    let provider = Provider::start().await;
    for (mood, expected) in [
        (
            Mood::Lies,
            KeysError::OtherIssuer {
                found: "https://somebody.example".to_owned(),
            },
        ),
        (
            Mood::Document("<html>"),
            KeysError::NoDocument {
                url: url(&provider, document),
            },
        ),
        (
            Mood::Document("{\"issuer\":7}"),
            KeysError::NoDocument {
                url: url(&provider, document),
            },
        ),
        (
            Mood::Keys("{}".to_owned()),
            KeysError::Keys(JwtError::MalformedKeySet),
        ),
        (
            Mood::Keys("{\"keys\":[]}".to_owned()),
            KeysError::Empty {
                url: url(&provider, "/keys"),
            },
        ),
        (
            Mood::Keys(many_small),
            KeysError::Keys(JwtError::TooManyKeys {
                limit: 64,
                found: 10_000,
            }),
        ),
        (
            Mood::Keys(large),
            KeysError::Http(HttpError::BodyTooLarge {
                url: url(&provider, "/keys"),
                cap: 256 << 10,
            }),
        ),
        (
            Mood::Redirects("http://10.0.0.1/"),
            KeysError::Http(HttpError::Redirect {
                url: url(&provider, document),
                location: "http://10.0.0.1/".to_owned(),
            }),
        ),
        (
            Mood::Redirects("http://169.254.169.254/latest"),
            KeysError::Http(HttpError::Redirect {
                url: url(&provider, document),
                location: "http://169.254.169.254/latest".to_owned(),
            }),
        ),
        (
            Mood::KeysAt("http://10.0.0.1/keys"),
            KeysError::Http(HttpError::PrivateAddress {
                url: "http://10.0.0.1/keys".to_owned(),
            }),
        ),
        (
            Mood::KeysAt("file:///etc/passwd"),
            KeysError::Http(HttpError::InsecureUrl {
                url: "file:///etc/passwd".to_owned(),
            }),
        ),
        (
            Mood::KeysAt("https://keys.example/"),
            KeysError::Http(HttpError::SchemeChanged {
                url: "https://keys.example/".to_owned(),
                expected: "http".to_owned(),
            }),
        ),
    ] {
        let issuers = provider.issuers();
        provider.mood(mood);
        let found = issuers.believe(&provider.token("/one", "one")).await;
        assert_eq!(found, Err(provider.no_keys("/one", expected)));
    }
}

#[tokio::test]
async fn issuers_by_a_wildcard_are_each_their_own() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    for path in ["/many/a", "/many/b-1", "/many/a"] {
        let principal = issuers.believe(&provider.token(path, "one")).await.unwrap();
        assert_eq!(principal.issuer, format!("{}{path}", provider.base));
    }
    assert_eq!(provider.asked(), 2);
    assert_eq!(issuers.health().len(), 3);
}

#[tokio::test]
async fn made_up_issuers_do_not_drive_a_flood() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    issuers
        .believe(&provider.token("/many/honest", "one"))
        .await
        .unwrap();
    provider.mood(Mood::Down);
    let busy = Disbelief::Busy {
        pattern: format!("{}/many/*", provider.base),
    };
    let mut outcomes = HashMap::new();
    for n in 0..100 {
        let path = format!("/many/made-up-{n}");
        let error = issuers
            .believe(&provider.token(&path, "one"))
            .await
            .unwrap_err();
        assert!(error.is_transient());
        *outcomes.entry(error == busy).or_insert(0) += 1;
    }
    assert_eq!(outcomes, HashMap::from([(false, 31), (true, 69)]));
    assert_eq!(provider.asked(), 32);
    // The honest one goes on, and a second later there is room for one more.
    issuers
        .believe(&provider.token("/many/honest", "one"))
        .await
        .unwrap();
    provider.clock.advance(1);
    for (path, expected) in [
        (
            "/many/x",
            provider.no_keys("/many/x", provider.status("/many/x", 503)),
        ),
        ("/many/y", busy.clone()),
        // Asked before: told again, at no cost.
        (
            "/many/made-up-0",
            provider.no_keys("/many/made-up-0", provider.status("/many/made-up-0", 503)),
        ),
    ] {
        assert_eq!(
            issuers.believe(&provider.token(path, "one")).await,
            Err(expected)
        );
    }
    assert_eq!(provider.asked(), 33);
}

#[tokio::test]
async fn no_more_issuers_are_remembered_than_a_bound_and_the_made_up_go_first() {
    let provider = Provider::start().await;
    let issuers = provider.issuers();
    issuers
        .believe(&provider.token("/many/honest", "one"))
        .await
        .unwrap();
    provider.mood(Mood::Down);
    for n in 0..300 {
        provider.clock.advance(1);
        let path = format!("/many/made-up-{n}");
        issuers
            .believe(&provider.token(&path, "one"))
            .await
            .unwrap_err();
    }
    let Who::Many(meta) = &issuers.issuers[1].who else {
        panic!("the wildcard stands second");
    };
    assert_eq!(meta.remembered(), 256);
    assert_eq!(issuers.health().len(), 2, "the made-up ones are not shown");
    let asked = provider.asked();
    issuers
        .believe(&provider.token("/many/honest", "one"))
        .await
        .unwrap();
    assert_eq!(provider.asked(), asked);
}

#[tokio::test]
async fn a_token_cannot_lead_to_a_private_address() {
    let clock = Arc::new(FakeClock::at(START));
    let yaml =
        "meta-issuers:\n  https://*.cluster.localhost/x: {client-id: sigstore, type: kubernetes}\n";
    let issuers = issuers(yaml, &clock, HttpConfig::default());
    let iss = "https://a.cluster.localhost/x";
    let claims = json!({ "iss": iss, "aud": "sigstore", "sub": "x", "exp": START.unix() + 60 });
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let refused = Disbelief::NoKeys {
        issuer: iss.to_owned(),
        reason: KeysError::Http(HttpError::PrivateAddress {
            url: format!("{iss}/.well-known/openid-configuration"),
        }),
    };
    let token = mint_jwt(&key, "k", &claims).unwrap();
    assert_eq!(issuers.believe(&token).await, Err(refused));
}

/// An issuer behind TLS whose certificate no system knows.
async fn behind_tls(keys: String) -> String {
    behind_tls_with(keys, |base| format!("{base}/keys"), None).await
}

/// The same, whose keys are where `jwks_uri` says, and which wants a token if there is one.
async fn behind_tls_with(
    keys: String,
    jwks_uri: impl FnOnce(&str) -> String,
    token: Option<&'static str>,
) -> String {
    let certificate = CertificateDer::from_pem_slice(TLS_CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(TLS_KEY).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let document = json!({ "issuer": base, "jwks_uri": jwks_uri(&base) }).to_string();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            let request = std::str::from_utf8(&request[..read]).unwrap();
            let body = match request.starts_with("GET /keys ") {
                true => keys.clone(),
                false => document.clone(),
            };
            let may = token.is_none_or(|token| {
                request.contains(&format!("\r\nauthorization: Bearer {token}\r\n"))
            });
            let status = if may { "200 OK" } else { "401 Unauthorized" };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    base
}

#[tokio::test]
async fn an_issuers_own_certificate_authority_counts_from_the_discovery_on() {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let base = behind_tls(Jwks::of("k", key.public_key()).to_json()).await;
    let clock = Arc::new(FakeClock::at(START));
    let pem = std::str::from_utf8(TLS_CERTIFICATE).unwrap();
    let pem = pem.trim().replace('\n', "\n      ");
    let yaml = format!(
        "oidc-issuers:\n  {base}:\n    client-id: sigstore\n    type: username\n    subject-domain: localhost\n"
    );
    let claims = json!({ "iss": base, "aud": "sigstore", "sub": "ada", "exp": START.unix() + 60 });
    let token = mint_jwt(&key, "k", &claims).unwrap();

    let believing = issuers(&yaml, &clock, HttpConfig::default());
    let error = believing.believe(&token).await;
    let Err(Disbelief::NoKeys {
        reason: KeysError::Http(HttpError::Connect { .. }),
        ..
    }) = error
    else {
        panic!("{error:?}");
    };
    let yaml = format!("{yaml}    ca-cert: |\n      {pem}\n");
    let believing = issuers(&yaml, &clock, HttpConfig::default());
    assert!(believing.believe(&token).await.is_ok());
}

/// An API server that wants the pod's token and names itself by an address that nobody reaches.
async fn api_server(key: &PrivateKey) -> String {
    let keys = Jwks::of("k", key.public_key()).to_json();
    let elsewhere = |_: &str| "https://192.0.2.1:6443/keys".to_owned();
    behind_tls_with(keys, elsewhere, Some("the-pods-token")).await
}

#[tokio::test]
async fn the_cluster_around_is_asked_with_what_the_pod_has() {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let base = api_server(&key).await;
    let clock = Arc::new(FakeClock::at(START));
    let dir = tempfile::tempdir().unwrap();
    let cluster = Cluster {
        issuer: base.clone(),
        authority: dir.path().join("ca.crt"),
        token: dir.path().join("token"),
    };
    let yaml = format!(
        "oidc-issuers:\n  {base}:\n    client-id: sigstore\n    type: username\n    subject-domain: localhost\n"
    );
    let claims = json!({ "iss": base, "aud": "sigstore", "sub": "ada", "exp": START.unix() + 60 });
    let token = mint_jwt(&key, "k", &claims).unwrap();
    let http = || {
        HttpClient::new(
            HttpConfig::default(),
            Arc::new(TokioSleep),
            Arc::new(SystemRandom),
        )
    };
    let with = |cluster: &Cluster| {
        let config = FulcioConfig::parse(&yaml).unwrap();
        Issuers::in_cluster(config, None, &http(), clock.clone(), cluster.clone()).unwrap()
    };
    let no_keys = |reason| {
        let issuer = base.clone();
        Err(Disbelief::NoKeys { issuer, reason })
    };

    let believing = with(&cluster);
    let absent = KeysError::ClusterFile {
        path: cluster.authority.clone(),
        reason: "there is no such file".to_owned(),
    };
    assert_eq!(believing.believe(&token).await, no_keys(absent));
    // The files are read each time: what comes later counts.
    std::fs::write(&cluster.authority, TLS_CERTIFICATE).unwrap();
    clock.advance(10);
    let without_token = KeysError::Status {
        url: format!("{base}/.well-known/openid-configuration"),
        status: 401,
    };
    assert_eq!(believing.believe(&token).await, no_keys(without_token));
    std::fs::write(&cluster.token, "the-pods-token\n").unwrap();
    clock.advance(10);
    assert!(believing.believe(&token).await.is_ok());

    std::fs::write(&cluster.token, vec![b'x'; 300_000]).unwrap();
    let large = with(&cluster).believe(&token).await;
    let Err(Disbelief::NoKeys {
        reason: KeysError::ClusterFile { path, .. },
        ..
    }) = large
    else {
        panic!("{large:?}");
    };
    assert_eq!(path, cluster.token);

    // Another issuer is asked with neither.
    std::fs::write(&cluster.token, "the-pods-token").unwrap();
    let other = Cluster {
        issuer: Cluster::default().issuer,
        ..cluster
    };
    let refused = with(&other).believe(&token).await;
    let Err(Disbelief::NoKeys {
        reason: KeysError::Http(HttpError::Connect { .. }),
        ..
    }) = refused
    else {
        panic!("{refused:?}");
    };
}

#[tokio::test]
async fn the_exact_issuer_goes_before_the_wildcard() {
    let provider = Provider::start().await;
    let yaml = format!(
        "meta-issuers:\n  {0}/*: {{client-id: many, type: kubernetes}}\n  {0}/o*: {{client-id: few, type: kubernetes}}\n\
         oidc-issuers:\n  {0}/one: {{client-id: sigstore, type: uri, subject-domain: \"{0}\"}}\n",
        provider.base
    );
    let issuers = issuers(&yaml, &provider.clock, HttpConfig::default());
    issuers
        .believe(&provider.token("/one", "one"))
        .await
        .unwrap();
    let other = issuers.believe(&provider.token("/other", "one")).await;
    let expected = JwtError::ClaimMismatch {
        claim: "aud",
        expected: "many".to_owned(),
        found: "sigstore".to_owned(),
    };
    assert_eq!(other, Err(Disbelief::Token(expected)));
}

#[tokio::test]
async fn the_issuer_for_development_needs_no_network() {
    let clock: Arc<dyn Clock> = Arc::new(FakeClock::at(START));
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let url = "http://127.0.0.1:1/oidc".to_owned();
    let own = DevelopmentIssuer {
        url: url.clone(),
        audience: "sigstore".to_owned(),
        keys: Jwks::of("k", key.public_key()),
    };
    let http = HttpClient::new(
        HttpConfig::default(),
        Arc::new(TokioSleep),
        Arc::new(SystemRandom),
    );
    let issuers = Issuers::new(FulcioConfig::default(), Some(own), &http, clock).unwrap();
    let mut claims = json!({
        "iss": url, "aud": "sigstore", "sub": "ada", "exp": START.unix() + 60,
        "email": "ada@example.org", "email_verified": true,
    });
    let token = mint_jwt(&key, "k", &claims).unwrap();
    let principal = issuers.believe(&token).await.unwrap();
    assert_eq!(principal.san, San::Email("ada@example.org".to_owned()));
    let token = mint_jwt(&key, "other", &claims).unwrap();
    assert_eq!(issuers.believe(&token).await, Err(unknown_key("other")));
    claims["email_verified"] = false.into();
    let token = mint_jwt(&key, "k", &claims).unwrap();
    let refused = issuers.believe(&token).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "the identity token is not believed: the claim email_verified is not true"
    );
    assert_eq!(issuers.health(), []);
}

#[test]
fn the_configuration_is_what_clients_read() {
    let clock: Arc<dyn Clock> = Arc::new(FakeClock::at(START));
    let config = include_str!("../../../../testdata/issuers/fulcio.yaml");
    let config = FulcioConfig::parse(config).unwrap();
    let http = HttpClient::new(
        HttpConfig::default(),
        Arc::new(TokioSleep),
        Arc::new(SystemRandom),
    );
    let issuers = Issuers::new(config, None, &http, clock).unwrap();
    let configuration = issuers.configuration();
    let issuers = configuration["issuers"].as_array().unwrap();
    let find = |name: &str, url: &str| {
        let found = issuers.iter().find(|issuer| issuer[name] == url);
        found.unwrap().clone()
    };
    let expected = |name: &str,
                    url: &str,
                    [audience, claim, domain, kind, subject]: [&str; 5],
                    skip: bool| {
        json!({
            name: url, "audience": audience, "challengeClaim": claim, "spiffeTrustDomain": domain,
            "issuerType": kind, "subjectDomain": subject, "skipEmailVerification": skip,
        })
    };
    for (name, url, texts, skip) in [
        (
            "issuerUrl",
            "https://directory.example.com",
            ["desktop", "email", "", "email", ""],
            true,
        ),
        (
            "issuerUrl",
            "https://users.example.com",
            ["sigstore", "sub", "", "username", "example.com"],
            false,
        ),
        (
            "issuerUrl",
            "https://spire.example.com",
            ["sigstore", "sub", "prod.example.com", "spiffe", ""],
            false,
        ),
        (
            "issuerUrl",
            "https://gitlab.com",
            ["sigstore", "sub", "", "ci-provider", ""],
            false,
        ),
        (
            "issuerUrl",
            "https://old-gitlab.example.com",
            ["sigstore", "sub", "", "gitlab-pipeline", ""],
            false,
        ),
        (
            "wildcardIssuerUrl",
            "https://oidc.circleci.com/org/*",
            ["sigstore", "sub", "", "ci-provider", ""],
            false,
        ),
    ] {
        assert_eq!(find(name, url), expected(name, url, texts, skip));
    }
    assert_eq!(issuers.len(), 20);
}

impl Issuer {
    /// Whether nobody is being asked.
    fn is_idle(&self) -> bool {
        matches!(&self.who, Who::One { keys, .. } if keys.is_idle())
    }
}
