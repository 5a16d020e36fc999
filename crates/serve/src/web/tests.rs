//! The pages through the router: what they show, and that nothing in them comes alive.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use serde_json::Value;
use signhere_pki::digest::HashAlgorithm;
use tower_service::Service as _;

use super::*;
use crate::status::sample::{ISSUER, Sample, source};

const EVIL: &str = "https://evil.example/<script>alert('1')</script>\"&";

async fn ask(router: &Router, path: &str) -> (u16, HeaderMap, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().call(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    (head.status.as_u16(), head.headers, body)
}

fn hex_of(artifact: &[u8]) -> String {
    HashAlgorithm::Sha256.digest(artifact).hex()
}

#[tokio::test]
async fn an_entry_is_shown_with_its_evidence_and_its_names_escaped() {
    let mut sample = Sample::new();
    sample.log(EVIL, b"artifact");
    let body = sample.facts().logs[0].reader().entry(0, 1).unwrap();
    let (_sample, _, source) = source(sample);
    let router = Observer::new(source, 1).pages();

    let (status, headers, html) = ask(&router, "/logs/log-1/0").await;
    assert_eq!(status, 200);
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(!html.contains("<script>"), "{html}");
    assert!(html.contains("&#60;script&#62;"), "{html}");
    for shown in [
        ISSUER,
        &hex_of(b"artifact"),
        "2026-11-18T",
        "BEGIN CERTIFICATE",
        "log-1.example",
    ] {
        assert!(html.contains(shown), "{shown}\n{html}");
    }
    let (_, headers, downloaded) = ask(&router, "/logs/log-1/0/body.json").await;
    assert_eq!(downloaded.as_bytes(), body);
    assert_eq!(
        headers["content-disposition"],
        "attachment; filename=\"log-1-0.json\""
    );

    let (status, _, html) = ask(&router, "/").await;
    assert_eq!(status, 200);
    assert!(
        html.contains("All is well") && !html.contains("<script>"),
        "{html}"
    );
    for path in [
        "/logs/log-1/1",
        "/logs/log-2/0",
        "/logs/log-1/x",
        "/logs/log-1/-1",
    ] {
        let (status, ..) = ask(&router, path).await;
        assert!([400, 404].contains(&status), "{path} {status}");
    }
}

#[tokio::test]
async fn entries_are_found_by_digest_and_newer_ones_too() {
    let artifacts: Vec<Vec<u8>> = (0..600_u32).map(|n| n.to_be_bytes().to_vec()).collect();
    let mut sample = Sample::new();
    sample.log_all(&artifacts.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let folder = sample.folder();
    let (sample, _, source) = source(sample);
    let router = Observer::new(source, 1).pages();
    let find = async |digest: &str| {
        let (status, _, body) = ask(&router, &format!("/api/entries?digest={digest}")).await;
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let entries = body["entries"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| entry["index"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };

    assert_eq!(find(&hex_of(&artifacts[599])).await, [599]);
    assert_eq!(
        find(&format!(
            "sha256:{}",
            hex_of(&artifacts[255]).to_uppercase()
        ))
        .await,
        [255]
    );
    assert_eq!(find(&hex_of(b"never signed")).await, Vec::<u64>::new());
    // Another signature over the same artifact, after the table was filled.
    sample
        .lock()
        .unwrap()
        .log("https://ci.example/job", &artifacts[255]);
    assert_eq!(find(&hex_of(&artifacts[255])).await, [255, 600]);

    // A table that lies is corrected by the log; one that is damaged is made anew.
    let database = rusqlite::Connection::open(folder.join("digests.sqlite")).unwrap();
    database
        .execute("UPDATE digest SET idx = idx + 1 WHERE idx = 255", [])
        .unwrap();
    assert_eq!(find(&hex_of(&artifacts[255])).await, [600]);
    drop(database);
    std::fs::write(
        folder.join("digests.sqlite"),
        b"no database at all, but long enough to look at".repeat(100),
    )
    .unwrap();
    let _ = std::fs::remove_file(folder.join("digests.sqlite-wal"));
    let fresh = Observer::new(
        {
            let sample = Arc::clone(&sample);
            Arc::new(move || sample.lock().unwrap().facts())
        },
        2,
    );
    let (_, _, html) = ask(
        &fresh.pages(),
        &format!("/search?digest={}", hex_of(&artifacts[255])),
    )
    .await;
    assert!(
        html.contains("Signed here") && html.contains("/logs/log-1/600"),
        "{html}"
    );
}

#[tokio::test(start_paused = true)]
async fn searches_wait_for_their_turn_while_pages_are_read() {
    let mut sample = Sample::new();
    sample.log("https://ci.example/job", b"artifact");
    let (_sample, _, source) = source(sample);
    let web = Web::new(Observer::new(source, 1));
    let router = Arc::clone(&web).router();
    let path = format!("/api/entries?digest={}", hex_of(b"artifact"));
    let turns = Arc::clone(&web.searching).acquire_many_owned(4).await;
    let waits = Duration::from_secs(60);
    assert!(
        tokio::time::timeout(waits, ask(&router, &path))
            .await
            .is_err()
    );
    assert_eq!(ask(&router, "/logs/log-1").await.0, 200);
    drop(turns);
    assert_eq!(ask(&router, &path).await.0, 200);

    let turns = Arc::clone(&web.reading).acquire_many_owned(8).await;
    for page in ["/logs/log-1", "/logs/log-1/0", "/logs/log-1/0/body.json"] {
        let asked = tokio::time::timeout(waits, ask(&router, page)).await;
        assert!(asked.is_err(), "{page}");
    }
    assert_eq!(ask(&router, &path).await.0, 200);
    drop(turns);
    assert_eq!(ask(&router, "/logs/log-1/0").await.0, 200);
}

#[tokio::test]
async fn what_is_no_digest_is_refused_and_shown_as_text() {
    let (_sample, _, source) = source(Sample::new());
    let router = Observer::new(source, 1).pages();
    for digest in ["", "sha256:", "sha1:00", "%3Cscript%3E", "zz", "sha256:00"] {
        let (status, _, body) = ask(&router, &format!("/api/entries?digest={digest}")).await;
        assert_eq!(status, 400, "{digest} {body}");
        let (status, _, html) = ask(&router, &format!("/search?digest={digest}")).await;
        assert_eq!(status, 200);
        assert!(
            html.contains("That is no digest") && !html.contains("<script>"),
            "{html}"
        );
    }
    assert!(
        ask(&router, &format!("/search?digest={}", hex_of(b"x")))
            .await
            .2
            .contains("Not signed here")
    );
}

#[tokio::test]
async fn pages_of_a_log_lead_from_the_newest_to_the_oldest() {
    let artifacts: Vec<Vec<u8>> = (0..60_u32).map(|n| n.to_be_bytes().to_vec()).collect();
    let mut sample = Sample::new();
    sample.log_all(&artifacts.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let (_sample, _, source) = source(sample);
    let router = Observer::new(source, 1).pages();
    let indices = |html: &str| {
        let links = html.split("<a href=\"/logs/log-1/").skip(1);
        links
            .filter_map(|link| link.split('"').next()?.parse::<u64>().ok())
            .collect::<Vec<_>>()
    };
    let (_, _, first) = ask(&router, "/logs/log-1").await;
    assert_eq!(indices(&first), (35..60).rev().collect::<Vec<_>>());
    assert!(
        first.contains("?before=35") && !first.contains("Newer"),
        "{first}"
    );
    let (_, _, last) = ask(&router, "/logs/log-1?before=10").await;
    assert_eq!(indices(&last), (0..10).rev().collect::<Vec<_>>());
    assert!(
        last.contains("?before=35") && !last.contains("Older"),
        "{last}"
    );
    let (status, headers, _) = ask(&router, "/logs/log-1?index=7").await;
    assert_eq!(
        (status, headers["location"].to_str().unwrap()),
        (303, "/logs/log-1/7")
    );
}
