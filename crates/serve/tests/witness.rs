//! Two instances that witness each other.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use common::{Running, entry_request, listener, listener_at, p256};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use signhere_log::checkpoint::SignedCheckpoint;
use signhere_log::note::NoteVerifier;
use signhere_pki::key::PublicKey;
use signhere_verify::bundle::TlogEntry;
use tempfile::TempDir;
use tokio::net::TcpListener;

const ENTRIES: &str = "/api/v2/log/entries";

/// An instance's folder, its address and what others know of it.
struct Party {
    dir: TempDir,
    address: SocketAddr,
    log: NoteVerifier,
    witness: NoteVerifier,
}

impl Party {
    /// A new instance, made and stopped again.
    async fn found(address: SocketAddr) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        Running::start(&state).await.stop().await;
        let keys = state.join("keys");
        let manifest: Value =
            serde_json::from_slice(&fs::read(keys.join("keys.json")).unwrap()).unwrap();
        let key = |name: &str| {
            let pem = fs::read_to_string(keys.join(format!("{name}.pem"))).unwrap();
            PublicKey::from_pem(&pem).unwrap()
        };
        let origin = manifest["log"][0]["origin"].as_str().unwrap();
        let name = format!(
            "witness-{}.signhere.localhost",
            manifest["id"].as_str().unwrap()
        );
        Self {
            address,
            log: NoteVerifier::ed25519(origin, &key("log-1")).unwrap(),
            witness: NoteVerifier::cosignature_v1(&name, &key("witness")).unwrap(),
            dir,
        }
    }

    fn file(&self, name: &str, text: String) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Starts it with `other` as its witness, and as the witness of `other`.
    async fn start(&self, listener: TcpListener, other: &Self, fail_open: bool) -> Running {
        let vkey = other.witness.to_vkey();
        let policy = format!(
            "witness other {vkey} http://{}/witness\nquorum other\n",
            other.address
        );
        let policy = self.file("witnesses.policy", policy);
        let logs = self.file("witnessed.vkeys", format!("{}\n", other.log.to_vkey()));
        Running::start_on(listener, &self.dir.path().join("state"), |config| {
            config.log.witnesses = Some(policy);
            config.log.fail_open = fail_open;
            // However long the disk takes: who is not there is known at once.
            config.log.witness_time = Duration::from_secs(120);
            config.limits.request_time = Duration::from_secs(240);
            config.services.witness = true;
            config.witness.logs = Some(logs);
        })
        .await
    }

    /// Checks that a note is this log's checkpoint, cosigned by the other, and gives its size.
    fn check(&self, note: &str, other: &Self) -> u64 {
        let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
        let checkpoint = signed.verify(self.log.name(), &self.log).unwrap();
        assert_eq!(other.witness.verify(&signed.note), Ok(()));
        checkpoint.size
    }
}

async fn again(address: SocketAddr) -> TcpListener {
    TcpListener::bind(address).await.unwrap()
}

async fn checkpoint_of(answer: Response) -> String {
    assert_eq!(answer.status(), StatusCode::CREATED);
    let entry = TlogEntry::from_json(&answer.bytes().await.unwrap()).unwrap();
    entry.proof.unwrap().checkpoint
}

fn refused_for_now(answer: &Response) {
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_witness_each_other() {
    let (first, second) = (listener_at(21).await, listener_at(22).await);
    let (a, b) = (Party::found(first.1).await, Party::found(second.1).await);
    let running_a = a.start(first.0, &b, false).await;
    let running_b = b.start(second.0, &a, false).await;
    let key = p256();
    for n in 1..4_u8 {
        for (running, own, other) in [(&running_a, &a, &b), (&running_b, &b, &a)] {
            let answer = running.post_json(ENTRIES, &entry_request(&key, &[n])).await;
            let answered = checkpoint_of(answer).await;
            assert_eq!(own.check(&answered, other), u64::from(n));
            let published = running.get("/checkpoint").await.text().await.unwrap();
            assert_eq!(own.check(&published, other), u64::from(n));
        }
    }
    assert_eq!(running_a.get("/readyz").await.status(), StatusCode::OK);

    // Without its witness the log answers nothing new, and shows nothing new.
    running_b.stop().await;
    let waiting = entry_request(&key, b"waiting");
    refused_for_now(&running_a.post_json(ENTRIES, &waiting).await);
    refused_for_now(
        &running_a
            .post_json(ENTRIES, &entry_request(&key, b"after"))
            .await,
    );
    refused_for_now(&running_a.post_json(ENTRIES, &waiting).await);
    let published = running_a.get("/checkpoint").await.text().await.unwrap();
    assert_eq!(a.check(&published, &b), 3);
    let ready = running_a.get("/readyz").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text().await.unwrap().contains("quorum"));

    // Nor after it was started again.
    running_a.stop().await;
    let running_a = a.start(again(a.address).await, &b, false).await;
    let published = running_a.get("/checkpoint").await.text().await.unwrap();
    assert_eq!(a.check(&published, &b), 3);
    refused_for_now(&running_a.post_json(ENTRIES, &waiting).await);

    // The witness is back: what was logged before gets its proof, under the checkpoint it was logged with.
    let running_b = b.start(again(b.address).await, &a, false).await;
    let answer = running_a.post_json(ENTRIES, &waiting).await;
    assert_eq!(answer.headers()["x-log-index"], "3");
    assert_eq!(a.check(&checkpoint_of(answer).await, &b), 4);
    let answer = running_a
        .post_json(ENTRIES, &entry_request(&key, b"after"))
        .await;
    assert_eq!(a.check(&checkpoint_of(answer).await, &b), 5);
    running_a.stop().await;
    running_b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_log_that_fails_open_goes_on_and_says_so() {
    let (first, second) = (listener().await, listener_at(23).await);
    drop(second.0);
    let (a, b) = (Party::found(first.1).await, Party::found(second.1).await);
    let running = a.start(first.0, &b, true).await;
    let answer = running
        .post_json(ENTRIES, &entry_request(&p256(), b"x"))
        .await;
    let note = checkpoint_of(answer).await;
    let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
    assert!(signed.verify(a.log.name(), &a.log).is_ok());
    assert!(b.witness.verify(&signed.note).is_err());
    assert_eq!(running.get("/readyz").await.status(), StatusCode::OK);
    let status = running.get("/api/status").await.text().await.unwrap();
    assert!(status.contains("quorum-missing"), "{status}");
    running.stop().await;
}
