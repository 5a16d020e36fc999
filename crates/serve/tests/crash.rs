//! An instance killed in the middle of its work has lost nothing that it answered.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests; the child is told its folder by the test that starts it"
)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use common::{Running, START, entry_request, listener, p256};
use serde_json::Value;
use signhere_pki::random::SystemRandom;
use signhere_serve::{Instance, InstanceConfig};
use signhere_testkit::clock::FakeClock;

const FOLDER: &str = "SIGNHERE_TEST_INSTANCE";

/// Does nothing unless [`start_child`] has started it; then it serves until it is killed.
#[tokio::test]
async fn serves_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let (listener, address) = listener().await;
    let clock = Arc::new(FakeClock::at(START));
    let config = InstanceConfig::new(address);
    let instance =
        Instance::create_or_open(Path::new(&folder), config, clock, Arc::new(SystemRandom))
            .unwrap();
    println!("listening {}", instance.endpoints().base());
    std::io::stdout().flush().unwrap();
    instance
        .serve(listener, std::future::pending())
        .await
        .unwrap();
}

/// A process that ends with the test, whatever becomes of the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The instance in `folder` as a process of its own, and where it listens.
fn start_child(folder: &Path) -> (Killed, String) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "serves_until_it_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let output = BufReader::new(child.0.stdout.take().unwrap());
    let base = output.lines().map_while(Result::ok).find_map(|line| {
        let (_, base) = line.split_once("listening ")?;
        Some(base.to_owned())
    });
    (child, base.unwrap())
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let key = p256();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut answered = Vec::new();
    for round in 0..3u8 {
        let (child, base) = start_child(&state);
        let url = format!("{base}/api/v2/log/entries");
        let bodies: Vec<_> = (0..40u8)
            .map(|number| entry_request(&key, &[round, number]))
            .collect();
        let mut waiting: Vec<_> = bodies
            .into_iter()
            .map(|body| {
                let sent = client.post(&url).json(&body).send();
                tokio::spawn(async move {
                    let answer: Value = sent.await.ok()?.json().await.ok()?;
                    Some((answer["logIndex"].as_str()?.to_owned(), body))
                })
            })
            .collect();
        // The first few answers, then the end: the others are on their way.
        for answer in waiting.drain(..5) {
            answered.push(answer.await.unwrap().unwrap());
        }
        drop(child);
        for answer in waiting {
            answered.extend(answer.await.unwrap());
        }
    }

    let instance = Running::start(&state).await;
    for (index, body) in answered {
        let again = instance.post_json("/api/v2/log/entries", &body).await;
        assert_eq!(again.headers()["x-log-index"].to_str().unwrap(), index);
    }
    instance.stop().await;
}
