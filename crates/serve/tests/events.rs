//! What a whole signing leaves in the log of events: who asked for what, and no secret.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{EMAIL, Running, entry_request, p256};
use signhere_serve::status::NAMES_PEOPLE;
use signhere_testkit::written::Written;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

// One test, for the events of the whole process.
#[tokio::test]
async fn a_signing_leaves_lines_without_token_or_address() {
    let written = Written::default();
    let to = written.clone();
    // Everything that the services could ever say, not only what is shown.
    let ours = Targets::new()
        .with_target("signhere", LevelFilter::TRACE)
        .with_target("signhere_serve", LevelFilter::TRACE);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(move || to.clone());
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(ours));
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let key = p256();
    let token = instance.token().await;
    let answer = instance.certificate_answer(&token, &key).await;
    assert_eq!(answer.status(), 200);
    let answer = instance.certificate_answer("no.token.this", &key).await;
    assert_eq!(answer.status(), 401);
    let entry = entry_request(&key, b"an artifact");
    let answer = instance.post_json("/api/v2/log/entries", &entry).await;
    assert_eq!(answer.status(), 201);
    let answer = instance.get("/search?digest=sha256:00secretquery").await;
    assert_eq!(answer.status(), 200);
    let metrics = instance.get("/metrics").await.text().await.unwrap();
    instance.stop().await;

    let log = written.text();
    let (naming, others): (Vec<_>, Vec<_>) =
        log.lines().partition(|line| line.contains(NAMES_PEOPLE));
    assert_eq!(naming.len(), 1, "{log}");
    assert!(naming[0].contains(EMAIL), "{log}");
    let signature = token.rsplit('.').next().unwrap();
    let request = &entry["hashedRekordRequestV002"];
    let content = request["signature"]["content"].as_str().unwrap();
    let secrets = [
        EMAIL,
        &token,
        signature,
        "no.token.this",
        "00secretquery",
        content,
    ];
    for secret in secrets {
        let told = others.iter().any(|line| line.contains(secret));
        assert!(!told, "{secret}\n{log}");
    }
    for said in [
        "route=\"/api/v2/signingCert\" status=200",
        "route=\"/api/v2/signingCert\" status=401",
        "code=\"unauthenticated\"",
        "route=\"/api/v2/log/entries\" status=201",
        "signhere::certificate",
    ] {
        assert!(log.contains(said), "{said}\n{log}");
    }
    for line in [
        "signhere_certificates_issued_total 1",
        "signhere_certificates_refused_total{code=\"unauthenticated\"} 1",
        "signhere_log_entries{log=\"log-1\"} 1",
        "signhere_log_queue_length{log=\"log-1\"} 0",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    let tuf = "signhere_tuf_expiry_timestamp_seconds{role=\"timestamp\"}";
    assert!(metrics.contains(tuf), "{metrics}");
}
