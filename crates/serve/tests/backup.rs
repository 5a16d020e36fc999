//! Copies of a running instance: each opens, and is whole.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Running, START, entry_request, listener, p256};
use reqwest::StatusCode;
use serde_json::Value;
use signhere_pki::random::SystemRandom;
use signhere_serve::{Instance, InstanceConfig, ServeError, backup};
use signhere_testkit::clock::FakeClock;

async fn log(instance: &Running, message: &[u8]) -> Value {
    let answer = instance
        .post_json("/api/v2/log/entries", &entry_request(&p256(), message))
        .await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_under_load_opens_with_everything_that_was_answered_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, to) = (folder.path().join("state"), folder.path().join("copy"));
    let instance = Arc::new(Running::start(&dir).await);
    instance.certificates(&p256()).await;
    let first = log(&instance, b"before the copy").await;

    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (instance, done) = (Arc::clone(&instance), Arc::clone(&done));
            tokio::spawn(async move {
                let mut count = 0_u32;
                while !done.load(Ordering::SeqCst) {
                    log(&instance, format!("{writer} {count}").as_bytes()).await;
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut sizes = Vec::new();
    for _ in 0..5 {
        let (dir, to) = (dir.clone(), to.clone());
        let copying = move || backup::run(&dir, &to, &FakeClock::at(START), &mut |_| {});
        let summary = tokio::task::spawn_blocking(copying).await.unwrap().unwrap();
        let log = summary.logs.iter().find(|log| log.name == "log-1").unwrap();
        sizes.push(log.size);
    }
    done.store(true, Ordering::SeqCst);
    let mut written = 1;
    for writer in writers {
        written += u64::from(writer.await.unwrap());
    }
    assert!(
        sizes.is_sorted() && sizes[0] >= 1 && sizes[4] <= written,
        "{sizes:?} {written}"
    );
    let Ok(instance) = Arc::try_unwrap(instance) else {
        panic!("a writer still runs")
    };
    // What was logged after the copy: the marks know of it.
    log(&instance, b"after the copy").await;
    instance.stop().await;

    // Without its marks a copy does not open, nor with those of the instance that went on.
    let size = sizes[4];
    let marks = to.join("high-water");
    let missing = ServeError::MarkMissing {
        log: "signature",
        size,
        mark: marks.join("log-1"),
        checkpoint: to.join("log-1/tiles/checkpoint"),
    };
    fs::DirBuilder::new().mode(0o700).create(&marks).unwrap();
    let mark = |log: &str| marks.join(log);
    fs::copy(to.join("ct-1/tiles/checkpoint"), mark("ct-1")).unwrap();
    assert_eq!(refusal(&to).await, missing);
    fs::copy(dir.join("high-water/log-1"), mark("log-1")).unwrap();
    let behind = refusal(&to).await;
    let marked = written + 1;
    let expected = ServeError::RolledBack {
        log: "signature",
        marked,
        size,
        folder: to.join("log-1"),
    };
    assert_eq!(behind, expected);
    // Who knows that nobody has seen more may say so.
    fs::copy(to.join("log-1/tiles/checkpoint"), mark("log-1")).unwrap();

    let restored = Running::start(&to).await;
    let status: Value = restored.get("/api/status").await.json().await.unwrap();
    assert_eq!(status["ready"], true, "{status}");
    let log = status["logs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|log| log["name"] == "log-1")
        .unwrap();
    assert_eq!(log["size"], sizes[4]);
    let body = restored
        .get("/logs/log-1/0/body.json")
        .await
        .bytes()
        .await
        .unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let logged = &first["canonicalizedBody"];
    assert_eq!(base64_of(&body), *logged);
    restored.certificates(&p256()).await;
    restored.stop().await;
}

/// Why the log of signatures in `dir` does not open.
async fn refusal(dir: &Path) -> ServeError {
    let (_listener, address) = listener().await;
    let config = InstanceConfig::new(address);
    let clock = Arc::new(FakeClock::at(START));
    let opened = Instance::create_or_open(dir, config, clock, Arc::new(SystemRandom));
    opened.err().unwrap()
}

fn base64_of(value: &Value) -> Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    STANDARD.encode(serde_json::to_vec(value).unwrap()).into()
}
