//! The whole instance: a signature from login to verdict, its folder, its listener, its switches.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use common::{EMAIL, Running, START, listener, listener_at, p256, refusal};
use reqwest::StatusCode;
use serde_json::{Value, json};
use signhere_pki::cert::Certificate;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::{KeyDetails, Signer};
use signhere_pki::random::SystemRandom;
use signhere_pki::tsp::TimestampRequest;
use signhere_serve::config::TlsFiles;
use signhere_serve::{Instance, InstanceConfig, ServeError, Services};
use signhere_testkit::clock::FakeClock;
use signhere_testkit::random::BrokenRandom;
use signhere_verify::bundle::{Bundle, BundleBuilder, TlogEntry};
use signhere_verify::entry::LoggedKey;
use signhere_verify::entry::hashedrekord_v002::HashedRekord;
use signhere_verify::trust::{ClientTrustConfig, TrustedRoot};
use signhere_verify::verifier::{Artifact, Policy, Verifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ARTIFACT: &[u8] = b"what is signed";
/// Longer than anything here takes: what is waited for has gone wrong by then.
const LONG: Duration = Duration::from_secs(120);

/// A bundle made as a client makes it: login, certificate, entry, timestamp.
async fn sign(instance: &Running) -> Bundle {
    let key = p256();
    let chain = instance.certificates(&key).await;
    let leaf = Certificate::from_pem(&chain[0]).unwrap();
    let digest = HashAlgorithm::Sha256.digest(ARTIFACT);
    let signature = key.sign(ARTIFACT).unwrap();

    let request = HashedRekord {
        digest,
        signature: signature.clone(),
        key: LoggedKey::Certificate(leaf.der().to_vec()),
        details: KeyDetails::from_name("PKIX_ECDSA_P256_SHA_256").unwrap(),
    };
    let url = format!("{}/api/v2/log/entries", instance.base);
    let post = instance
        .client
        .post(url)
        .header("content-type", "application/json")
        .body(request.to_request());
    let entry = TlogEntry::from_json(&post.send().await.unwrap().bytes().await.unwrap()).unwrap();

    let request =
        TimestampRequest::new(HashAlgorithm::Sha256.digest(&signature), &SystemRandom).unwrap();
    let post = instance
        .client
        .post(instance.endpoints.tsa())
        .header("content-type", "application/timestamp-query");
    let timestamp = post
        .body(request.to_der().unwrap())
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    BundleBuilder::certificate(leaf)
        .log_entry(entry)
        .timestamp(timestamp.to_vec())
        .message_signature(digest, signature)
}

fn identity(issuer: String) -> Policy {
    Policy::Identity {
        identity: EMAIL.to_owned(),
        issuer,
    }
}

#[tokio::test]
async fn what_is_signed_on_it_verifies_with_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let bundle = sign(&instance).await;
    let trusted =
        TrustedRoot::parse(&fs::read(dir.path().join("state/trusted_root.json")).unwrap()).unwrap();
    let verifier = Verifier::new(trusted).unwrap();
    let policy = identity(instance.endpoints.issuer());

    let verdict = verifier.verify_json(&bundle.to_json(), &Artifact::Bytes(ARTIFACT), &policy);
    assert!(verdict.is_verified(), "{:?}", verdict.failure);
    assert!(
        !verifier
            .verify(&bundle, &Artifact::Bytes(b"something else"), &policy)
            .is_verified()
    );
    let other = identity("http://127.0.0.1:1/oidc".to_owned());
    assert!(
        !verifier
            .verify(&bundle, &Artifact::Bytes(ARTIFACT), &other)
            .is_verified()
    );
    instance.stop().await;
}

#[tokio::test]
async fn old_signatures_verify_after_a_restart_on_another_port() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let first = Running::start(&state).await;
    let bundle = sign(&first).await;
    let policy = identity(first.endpoints.issuer());
    first.stop().await;

    let again = Running::start(&state).await;
    let trusted =
        TrustedRoot::parse(&again.get("/trusted_root.json").await.bytes().await.unwrap()).unwrap();
    let verdict =
        Verifier::new(trusted)
            .unwrap()
            .verify(&bundle, &Artifact::Bytes(ARTIFACT), &policy);
    assert!(verdict.is_verified(), "{:?}", verdict.failure);
    again.stop().await;
}

#[tokio::test]
async fn what_clients_are_told_is_written_and_served_alike() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let instance = Running::start(&state).await;
    for name in [
        "trusted_root.json",
        "signing_config.v0.2.json",
        "trust_config.json",
    ] {
        let served = instance.get(&format!("/{name}")).await;
        assert_eq!(served.headers()["content-type"], "application/json");
        assert_eq!(
            served.bytes().await.unwrap(),
            fs::read(state.join(name)).unwrap(),
            "{name}"
        );
    }
    let both =
        ClientTrustConfig::parse(&fs::read(state.join("trust_config.json")).unwrap()).unwrap();
    let selected = both.signing_config.select(START).unwrap();
    assert_eq!(selected.require_ca().unwrap().url, instance.base);
    assert_eq!(
        selected.require_oidc().unwrap().url,
        instance.endpoints.issuer()
    );
    assert_eq!(
        (
            selected.logs[0].url.as_str(),
            selected.logs[0].major_api_version
        ),
        (instance.base.as_str(), 2)
    );
    assert_eq!(selected.tsas[0].url, instance.endpoints.tsa());

    let root: Value =
        serde_json::from_slice(&fs::read(state.join("trusted_root.json")).unwrap()).unwrap();
    assert_eq!(
        root["mediaType"],
        "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
    );
    // sigstore-python refuses a root whose authorities have no subject.
    for (authorities, name) in [
        ("certificateAuthorities", "ca-root"),
        ("timestampAuthorities", "tsa-root"),
    ] {
        let subject = &root[authorities][0]["subject"];
        assert_eq!(
            *subject,
            json!({ "organization": "signhere", "commonName": name })
        );
    }
    let config: Value =
        serde_json::from_slice(&fs::read(state.join("signing_config.v0.2.json")).unwrap()).unwrap();
    assert_eq!(
        config["mediaType"],
        "application/vnd.dev.sigstore.signingconfig.v0.2+json"
    );
    assert_eq!(config["rekorTlogConfig"]["selector"], "ANY");
    instance.stop().await;
}

#[tokio::test]
async fn two_instances_do_not_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let first = Running::start(&state).await;
    let (_listener, address) = listener().await;
    let open = || {
        let clock = Arc::new(FakeClock::at(START));
        Instance::create_or_open(
            &state,
            InstanceConfig::new(address),
            clock,
            Arc::new(SystemRandom),
        )
    };
    assert_eq!(
        open().err(),
        Some(ServeError::InUse {
            path: state.clone()
        })
    );
    first.stop().await;
    assert!(open().is_ok());
}

#[tokio::test]
async fn secrets_are_closed_to_others() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    Running::start(&state).await.stop().await;
    let mode = |path: &str| fs::metadata(state.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(""), mode("keys"), mode("log-1"), mode("ct-1")),
        (0o700, 0o700, 0o700, 0o700)
    );
    assert_eq!(mode("keys/ca-1.key"), 0o600);

    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    let (_listener, address) = listener().await;
    let clock = Arc::new(FakeClock::at(START));
    let opened = Instance::create_or_open(
        &state,
        InstanceConfig::new(address),
        clock,
        Arc::new(SystemRandom),
    );
    assert_eq!(
        opened.err(),
        Some(ServeError::Exposed {
            path: state,
            mode: 0o755
        })
    );
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let open = |config: InstanceConfig, at| {
        Instance::create_or_open(
            &state,
            config,
            Arc::new(FakeClock::at(at)),
            Arc::new(SystemRandom),
        )
        .err()
    };
    let everywhere = "0.0.0.0:4711".parse().unwrap();
    assert_eq!(
        open(InstanceConfig::new(everywhere), START),
        Some(ServeError::NotLoopback {
            address: everywhere
        })
    );
    let (_listener, address) = listener().await;
    let mut lonely = InstanceConfig::new(address);
    lonely.services = Services {
        ct: false,
        ..Services::default()
    };
    assert_eq!(
        open(lonely, START),
        Some(ServeError::ServiceNeeds {
            service: "ca",
            needs: "ct"
        })
    );
    assert!(!state.exists());

    assert_eq!(open(InstanceConfig::new(address), START), None);
    let now = START.plus_seconds(-1);
    assert_eq!(
        open(InstanceConfig::new(address), now),
        Some(ServeError::ClockBehind {
            created: START,
            now
        })
    );
}

#[tokio::test]
async fn no_randomness_makes_no_instance_and_the_next_start_mends_it() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let (_listener, address) = listener().await;
    let clock = Arc::new(FakeClock::at(START));
    let opened = Instance::create_or_open(
        &state,
        InstanceConfig::new(address),
        clock,
        Arc::new(BrokenRandom),
    );
    assert!(matches!(opened.err(), Some(ServeError::Make { .. })));
    assert!(!state.join("keys").exists());
    Running::start(&state).await.stop().await;
}

#[tokio::test]
async fn it_serves_only_the_listener_it_was_opened_for() {
    let dir = tempfile::tempdir().unwrap();
    let (_kept, address) = listener().await;
    let (other, found) = listener().await;
    let clock = Arc::new(FakeClock::at(START));
    let config = InstanceConfig::new(address);
    let instance = Instance::create_or_open(
        &dir.path().join("state"),
        config,
        clock,
        Arc::new(SystemRandom),
    )
    .unwrap();
    let served = instance.serve(other, async {}).await;
    assert_eq!(
        served,
        Err(ServeError::OtherListener {
            expected: address,
            found
        })
    );
}

#[tokio::test]
async fn services_can_be_switched_off_one_by_one() {
    let off = |name: &str| {
        let on = Services::default();
        match name {
            "oidc" => Services { oidc: false, ..on },
            "ca" => Services { ca: false, ..on },
            "log" => Services { log: false, ..on },
            _ => Services { tsa: false, ..on },
        }
    };
    for (name, path, urls) in [
        ("oidc", "/oidc/keys", "oidcUrls"),
        ("ca", "/api/v2/configuration", "caUrls"),
        ("log", "/checkpoint", "rekorTlogUrls"),
        ("tsa", "/api/v1/timestamp/certchain", "tsaUrls"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let instance = Running::start_with(&dir.path().join("state"), |config| {
            config.services = off(name)
        })
        .await;
        assert_eq!(
            instance.get(path).await.status(),
            StatusCode::NOT_FOUND,
            "{name}"
        );
        assert_eq!(instance.get("/healthz").await.status(), StatusCode::OK);
        let config: Value = instance
            .get("/signing_config.v0.2.json")
            .await
            .json()
            .await
            .unwrap();
        let listed = config[urls].as_array().map_or(0, Vec::len);
        assert_eq!(listed, 0, "{name}");
        instance.stop().await;
    }
}

#[tokio::test]
async fn what_a_service_signed_verifies_when_it_is_off() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let instance = Running::start(&state).await;
    let issuer = instance.endpoints.issuer();
    let bundle = sign(&instance).await;
    instance.stop().await;

    let instance = Running::start_with(&state, |config| {
        config.services = Services {
            ca: false,
            ct: false,
            log: false,
            tsa: false,
            ..Services::default()
        };
    })
    .await;
    let told = instance.get("/trust_config.json").await;
    let told = ClientTrustConfig::parse(&told.bytes().await.unwrap()).unwrap();
    let to = told.signing_config;
    let listed = [
        to.ca_urls.len(),
        to.rekor_tlog_urls.len(),
        to.tsa_urls.len(),
    ];
    assert_eq!(listed, [0, 0, 0]);
    let verifier = Verifier::new(told.trusted_root).unwrap();
    let verdict = verifier.verify(&bundle, &Artifact::Bytes(ARTIFACT), &identity(issuer));
    assert!(verdict.is_verified(), "{:?}", verdict.failure);
    instance.stop().await;
}

#[tokio::test]
async fn high_water_marks_may_be_kept_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let (state, marks) = (dir.path().join("state"), dir.path().join("disk/marks"));
    let start = || {
        Running::start_with(&state, |config| {
            config.log.high_water = Some(marks.clone());
        })
    };
    let instance = start().await;
    let body = common::entry_request(&p256(), b"message");
    let answer = instance.post_json("/api/v2/log/entries", &body).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    instance.stop().await;
    assert!(marks.join("log-1").is_file() && marks.join("ct-1").is_file());
    assert!(!state.join("high-water").exists());
    start().await.stop().await;

    // They are what is looked at.
    fs::remove_file(marks.join("log-1")).unwrap();
    let (_listener, address) = listener().await;
    let mut config = InstanceConfig::new(address);
    config.log.high_water = Some(marks.clone());
    let clock = Arc::new(FakeClock::at(START));
    let opened = Instance::create_or_open(&state, config, clock, Arc::new(SystemRandom));
    let missing = ServeError::MarkMissing {
        log: "signature",
        size: 1,
        mark: marks.join("log-1"),
        checkpoint: state.join("log-1/tiles/checkpoint"),
    };
    assert_eq!(opened.err(), Some(missing));
}

#[tokio::test]
async fn every_answer_has_its_headers_and_a_host_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let health = instance.get("/healthz").await;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        assert_eq!(health.headers()[name], value);
    }
    let rebound = instance
        .client
        .get(format!("{}/healthz", instance.base))
        .header("host", "rebound.example");
    let expected = (
        421,
        "the Host header does not name this instance".to_owned(),
    );
    assert_eq!(refusal(rebound.send().await.unwrap()).await, expected);
    instance.stop().await;
}

#[tokio::test]
async fn a_storage_failure_stops_the_log_is_told_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let instance = Running::start(&state).await;
    // No file can take the place of a folder that is not empty.
    let in_the_way = state.join("log-1/tiles/checkpoint");
    fs::remove_file(&in_the_way).unwrap();
    fs::create_dir_all(in_the_way.join("stone")).unwrap();
    let body = common::entry_request(&p256(), b"message");
    let answer = instance.post_json("/api/v2/log/entries", &body).await;
    assert_eq!(
        refusal(answer).await,
        (503, "the log could not be written".to_owned())
    );
    // A restart would not mend it, and the rest goes on.
    assert_eq!(instance.get("/readyz").await.status(), 503);
    assert_eq!(instance.get("/healthz").await.status(), StatusCode::OK);
    let again = refusal(instance.post_json("/api/v2/log/entries", &body).await).await;
    assert_eq!(again.0, 503);

    // Once the storage works the log goes on, with what it had committed before it failed.
    fs::remove_dir_all(&in_the_way).unwrap();
    instance.clock.advance(1);
    let mut answer = instance.post_json("/api/v2/log/entries", &body).await;
    if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
        // It was idle when the time came: after this refusal it has looked after itself.
        answer = instance.post_json("/api/v2/log/entries", &body).await;
    }
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.headers()["x-log-index"], "0");
    assert_eq!(instance.get("/readyz").await.status(), StatusCode::OK);
    instance.stop().await;
}

#[tokio::test]
async fn slow_headers_are_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start_with(&dir.path().join("state"), |config| {
        config.limits.header_time = Duration::from_millis(50);
        config.limits.connections = 1;
    })
    .await;
    let address = instance.base.strip_prefix("http://").unwrap().to_owned();
    let mut slow = TcpStream::connect(&address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: ")
        .await
        .unwrap();
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty(), "an answer to half a request");

    // The one connection is free again. All of this request is there before anybody looks at the time.
    let mut quick = std::net::TcpStream::connect(&address).unwrap();
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    quick.write_all(request.as_bytes()).unwrap();
    quick.set_nonblocking(true).unwrap();
    let mut quick = TcpStream::from_std(quick).unwrap();
    quick.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{answer:?}");
    instance.stop().await;
}

#[tokio::test]
async fn huge_headers_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let token = "x".repeat(10_000_000);
    let url = format!("{}/api/v2/signingCert", instance.base);
    let answer = instance
        .client
        .post(url)
        .bearer_auth(token)
        .json(&json!({}))
        .send()
        .await;
    match answer {
        Ok(answer) => assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        // The connection may be closed while the client still writes.
        Err(error) => assert!(error.is_request(), "{error}"),
    }
    instance.stop().await;
}

#[tokio::test]
async fn a_crowd_of_silent_connections_keeps_nobody_out() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start_with(&dir.path().join("state"), |config| {
        config.limits.connections = 8;
        config.limits.header_time = 60 * LONG;
    })
    .await;
    let address = instance.base.strip_prefix("http://").unwrap().to_owned();
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    let answer = tokio::time::timeout(LONG, instance.get("/healthz"));
    assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
    // The first to come were the first to go.
    let mut nothing = Vec::new();
    silent[0].read_to_end(&mut nothing).await.unwrap();
    assert!(nothing.is_empty());
    instance.stop().await;
}

#[tokio::test]
async fn tls_with_the_certificate_of_the_files() {
    let given = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/tls");
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let tls = TlsFiles {
        certificate: format!("{given}/localhost.crt").into(),
        key: format!("{given}/localhost.key").into(),
    };
    let instance = Running::start_with(&state, |config| config.tls = Some(tls.clone())).await;
    let port = instance.base.rsplit_once(':').unwrap().1.to_owned();
    assert!(instance.base.starts_with("https://"));
    let certificate = fs::read(format!("{given}/localhost.crt")).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([reqwest::Certificate::from_pem(&certificate).unwrap()])
        .build()
        .unwrap();
    let url = format!("https://localhost:{port}/healthz");
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);

    // Plain HTTP gets no answer.
    let plain = client.get(url.replace("https:", "http:")).send().await;
    assert!(plain.is_err());
    instance.stop().await;

    // A client that never begins its handshake is not waited for.
    let instance = Running::start_with(&state, |config| {
        config.limits.handshake_time = Duration::from_millis(200);
        config.tls = Some(tls);
    })
    .await;
    let address = instance.base.strip_prefix("https://").unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    let mut nothing = Vec::new();
    let ended = tokio::time::timeout(LONG, slow.read_to_end(&mut nothing));
    ended.await.unwrap().unwrap();
    assert!(nothing.is_empty());
    instance.stop().await;
}

#[tokio::test]
async fn metrics_are_answered_at_an_address_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let (taken, address) = listener_at(24).await;
    let (listener, at) = listener().await;
    let mut config = InstanceConfig::new(at);
    config.metrics = Some(address);
    let clock = Arc::new(FakeClock::at(START));
    let instance = Instance::create_or_open(&state, config, clock, Arc::new(SystemRandom));
    let kind = std::io::ErrorKind::AddrInUse;
    assert_eq!(
        instance.unwrap().serve(listener, async {}).await,
        Err(ServeError::MetricsListener { address, kind })
    );

    drop(taken);
    let instance = Running::start_with(&state, |config| config.metrics = Some(address)).await;
    for (path, at_instance, at_metrics) in [
        ("/healthz", 200, 200),
        ("/metrics", 404, 200),
        ("/api/status", 200, 404),
    ] {
        assert_eq!(instance.get(path).await.status(), at_instance, "{path}");
        let answer = instance.client.get(format!("http://{address}{path}"));
        assert_eq!(answer.send().await.unwrap().status(), at_metrics, "{path}");
    }
    let text = instance.client.get(format!("http://{address}/metrics"));
    let text = text.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("signhere_build_info"), "{text}");
    instance.stop().await;
    let refused = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}
