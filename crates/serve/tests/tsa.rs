//! The timestamp authority: DER and JSON, and the times it refuses to give.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Running, START, listener, refusal};
use reqwest::{Response, StatusCode};
use serde_json::json;
use signhere_pki::chain::Chain;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::random::SystemRandom;
use signhere_pki::time::Clock;
use signhere_pki::tsp::{DEFAULT_POLICY, TimestampRequest, TimestampToken, TspError};
use signhere_serve::{Instance, InstanceConfig, ServeError};
use signhere_testkit::clock::FakeClock;
use signhere_verify::trust::TrustedRoot;

const PATH: &str = "/api/v1/timestamp";

async fn chain(instance: &Running) -> Chain {
    let trusted = TrustedRoot::parse(
        &instance
            .get("/trusted_root.json")
            .await
            .bytes()
            .await
            .unwrap(),
    )
    .unwrap();
    Chain::new(&trusted.timestamp_authorities[0].chain).unwrap()
}

async fn ask(instance: &Running, request: Vec<u8>) -> Response {
    let url = format!("{}{PATH}", instance.base);
    instance
        .client
        .post(url)
        .header("content-type", "application/timestamp-query")
        .body(request)
        .send()
        .await
        .unwrap()
}

async fn token(answer: Response) -> Result<TimestampToken, TspError> {
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        answer.headers()["content-type"],
        "application/timestamp-reply"
    );
    TimestampToken::from_response(&answer.bytes().await.unwrap())
}

#[tokio::test]
async fn timestamps_verify_under_the_trusted_root() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let chain = chain(&instance).await;
    let mut serials = Vec::new();
    for algorithm in HashAlgorithm::ALL {
        for certificate_requested in [true, false] {
            let request =
                TimestampRequest::new(algorithm.digest(b"signature"), &SystemRandom).unwrap();
            let request = TimestampRequest {
                certificate_requested,
                ..request
            };
            let token = token(ask(&instance, request.to_der().unwrap()).await)
                .await
                .unwrap();
            token.check_answers(&request).unwrap();
            token.verify(b"signature", &chain).unwrap();
            assert_eq!(token.gen_time(), START);
            assert_eq!(token.policy(), DEFAULT_POLICY);
            serials.push(token.serial_hex());
        }
    }
    serials.sort();
    serials.dedup();
    assert_eq!(serials.len(), 6);
    instance.stop().await;
}

#[tokio::test]
async fn json_requests_are_answered_in_der() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let chain = chain(&instance).await;
    let body_of = |algorithm: HashAlgorithm| {
        let digest = STANDARD.encode(algorithm.digest(b"signature").as_bytes());
        json!({
            "artifactHash": digest, "hashAlgorithm": algorithm.name(), "certificates": true, "nonce": 300,
        })
    };
    for algorithm in HashAlgorithm::ALL {
        let body = body_of(algorithm);
        let token = token(instance.post_json(PATH, &body).await).await.unwrap();
        token.verify(b"signature", &chain).unwrap();
    }
    let body = body_of(HashAlgorithm::Sha256);

    for (field, value) in [
        ("hashAlgorithm", json!("sha1")),
        ("artifactHash", json!("AAAA")),
        ("nonce", json!(-1)),
        ("more", json!(1)),
    ] {
        let mut wrong = body.clone();
        wrong[field] = value;
        assert_eq!(
            refusal(instance.post_json(PATH, &wrong).await).await.0,
            400,
            "{field}"
        );
    }
    instance.stop().await;
}

#[tokio::test]
async fn wrong_requests_are_rejected_by_a_reply() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let request = TimestampRequest::new(HashAlgorithm::Sha256.digest(b"x"), &SystemRandom).unwrap();
    let mut trailing = request.to_der().unwrap();
    trailing.push(0);
    let other_policy = TimestampRequest {
        policy: Some("1.2.3.4".parse().unwrap()),
        ..request
    };
    for wrong in [
        Vec::new(),
        b"nonsense".to_vec(),
        trailing,
        other_policy.to_der().unwrap(),
    ] {
        let reply = token(ask(&instance, wrong).await).await;
        assert!(matches!(reply, Err(TspError::Status { .. })), "{reply:?}");
    }
    instance.stop().await;
}

#[tokio::test]
async fn other_media_types_and_sizes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let form = instance.post_form(PATH, &[("a", "b")]).await;
    assert_eq!(
        refusal(form).await,
        (
            415,
            "the media type must be application/timestamp-query".to_owned()
        )
    );
    let huge = ask(&instance, vec![0; 1 << 20 | 1]).await;
    assert_eq!(
        refusal(huge).await,
        (413, "the request is larger than 1048576 bytes".to_owned())
    );
    instance.stop().await;
}

#[tokio::test]
async fn no_time_is_given_once_the_clock_has_jumped() {
    let dir = tempfile::tempdir().unwrap();
    let request = TimestampRequest::new(HashAlgorithm::Sha256.digest(b"x"), &SystemRandom)
        .unwrap()
        .to_der()
        .unwrap();
    for (name, jump, said) in [
        ("back", -2, "the clock went backwards, from {was} to {is}"),
        ("forth", 11, "the clock jumped forwards, from {was} to {is}"),
    ] {
        let instance = Running::start(&dir.path().join(name)).await;
        instance.clock.advance(100);
        let was = instance.clock.now();
        let granted = token(ask(&instance, request.clone()).await).await.unwrap();
        assert_eq!(granted.gen_time(), was);

        let is = was.plus_seconds(jump);
        instance.clock.set(is);
        let said = said.replace("{was}", &was.to_string());
        let said = said.replace("{is}", &is.to_string());
        let expected = (
            503,
            format!("{said}: no timestamps are given until the service is started again"),
        );
        for back in [is, was] {
            instance.clock.set(back);
            let refused = refusal(ask(&instance, request.clone()).await).await;
            assert_eq!(refused, expected);
        }
        instance.stop().await;
    }
}

#[tokio::test]
async fn a_start_with_a_clock_from_before_the_last_timestamp_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let instance = Running::start(&state).await;
    let request = TimestampRequest::new(HashAlgorithm::Sha256.digest(b"x"), &SystemRandom).unwrap();
    let request = request.to_der().unwrap();
    instance.clock.advance(100);
    let given = instance.clock.now();
    token(ask(&instance, request.clone()).await).await.unwrap();
    // A step of the time service: the same second once more, never an earlier one.
    instance.clock.advance(-1);
    let again = token(ask(&instance, request).await).await.unwrap();
    assert_eq!(again.gen_time(), given);
    instance.stop().await;

    let start = async |now| {
        let config = InstanceConfig::new(listener().await.1);
        let clock = Arc::new(FakeClock::at(now));
        Instance::create_or_open(&state, config, clock, Arc::new(SystemRandom)).err()
    };
    let now = given.plus_seconds(-2);
    let mark = state.join("high-water/tsa");
    let refused = Some(ServeError::ClockSetBack { given, now, mark });
    assert_eq!(start(now).await, refused);
    assert_eq!(start(given.plus_seconds(-1)).await, None);
}

#[tokio::test]
async fn the_chain_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let pem = instance
        .get("/api/v1/timestamp/certchain")
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(pem.matches("-----BEGIN CERTIFICATE-----").count(), 2);
    instance.stop().await;
}
