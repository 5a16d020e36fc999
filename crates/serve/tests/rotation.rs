//! New keys for every service: told to clients before they sign, and the old ones still believed.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use common::{Running, START, entry_request, listener, p256};
use reqwest::Client;
use serde_json::Value;
use signhere_pki::random::SystemRandom;
use signhere_serve::control::{Refused, Rotate, Rotated, SOCKET};
use signhere_serve::{Instance, InstanceConfig, Role};
use signhere_testkit::clock::FakeClock;
use signhere_verify::trust::TrustedRoot;
use tower_service::Service as _;

const LEAD: u32 = 3600;

/// An instance that is asked without a listener.
struct Quiet {
    instance: Instance,
    clock: Arc<FakeClock>,
    router: Router,
    host: String,
}

impl Quiet {
    async fn open(dir: &Path, clock: &Arc<FakeClock>) -> Self {
        let (_listener, address) = listener().await;
        let config = InstanceConfig::new(address);
        let random = Arc::new(SystemRandom);
        let instance = Instance::create_or_open(dir, config, clock.clone(), random).unwrap();
        Self {
            router: instance.router(),
            instance,
            clock: Arc::clone(clock),
            host: address.to_string(),
        }
    }

    async fn ask(&self, request: axum::http::request::Builder, body: Body) -> (u16, Vec<u8>) {
        let request = request.header("host", &self.host).body(body).unwrap();
        let response = self.router.clone().call(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, body.to_vec())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let (status, body) = self.ask(Request::get(path), Body::empty()).await;
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// The origin that an entry's checkpoint is signed under.
    async fn log_something(&self, what: &str) -> String {
        let request = entry_request(&p256(), what.as_bytes()).to_string();
        let post = Request::post("/api/v2/log/entries").header("content-type", "application/json");
        let (status, body) = self.ask(post, Body::from(request)).await;
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        let entry: Value = serde_json::from_slice(&body).unwrap();
        let checkpoint = entry["inclusionProof"]["checkpoint"]["envelope"]
            .as_str()
            .unwrap();
        checkpoint.lines().next().unwrap().to_owned()
    }

    fn trusted_root(&self) -> TrustedRoot {
        TrustedRoot::parse(&self.instance.trusted_root_json()).unwrap()
    }

    fn rotate(&self, role: Role) -> Rotated {
        let lead_seconds = Some(LEAD);
        self.instance.rotate(Rotate { role, lead_seconds }).unwrap()
    }

    fn pass(&self, seconds: u32) {
        self.clock.advance(i64::from(seconds));
        self.instance.look().unwrap();
    }
}

#[tokio::test]
async fn a_new_log_is_told_of_before_it_signs_and_the_old_one_stays_readable() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::at(START));
    let quiet = Quiet::open(&dir.path().join("instance"), &clock).await;
    let old = quiet.log_something("one").await;

    let rotated = quiet.rotate(Role::Log);
    let start = START.plus_seconds(i64::from(LEAD));
    let shard = "log-2".to_owned();
    assert_eq!(rotated, Rotated { shard, start });
    let told = quiet.trusted_root();
    assert_eq!(told.tlogs.len(), 2);
    assert_eq!(told.tlogs[1].validity.start, start);
    assert!(told.tlogs[0].validity.end > Some(start));

    quiet.pass(LEAD - 1);
    assert_eq!(quiet.log_something("two").await, old);
    quiet.pass(1);
    let new = quiet.log_something("three").await;
    assert!(new.starts_with("log-2-"), "{new}");

    let (status, checkpoint) = quiet.get("/log-1/checkpoint").await;
    assert_eq!((status, checkpoint.lines().nth(1)), (200, Some("2")));
    let (_, checkpoint) = quiet.get("/api/v2/checkpoint").await;
    assert!(checkpoint.starts_with(&new), "{checkpoint}");
}

#[tokio::test]
async fn the_old_log_takes_entries_until_the_new_one_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("instance");
    let clock = Arc::new(FakeClock::at(START));
    let quiet = Quiet::open(&folder, &clock).await;
    let old = quiet.log_something("one").await;
    quiet.rotate(Role::Log);
    let in_the_way = folder.join("log-2");
    std::fs::write(&in_the_way, b"").unwrap();

    clock.advance(i64::from(LEAD));
    assert!(quiet.instance.look().is_err());
    assert_eq!(quiet.log_something("two").await, old);

    std::fs::remove_file(&in_the_way).unwrap();
    quiet.instance.look().unwrap();
    assert!(quiet.log_something("three").await.starts_with("log-2-"));
}

/// What a log of the past promises now is believed by nobody once its time is over.
#[tokio::test]
async fn a_ct_log_takes_nothing_once_the_next_one_signs() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::at(START));
    let quiet = Quiet::open(&dir.path().join("instance"), &clock).await;
    let submit = async |prefix: &str| {
        let paths = ["add-chain", "add-pre-chain"].map(|name| format!("{prefix}/ct/v1/{name}"));
        let mut statuses = Vec::new();
        for path in paths {
            let post = Request::post(path).header("content-type", "application/json");
            let (status, _) = quiet.ask(post, Body::from(r#"{"chain":[]}"#)).await;
            statuses.push(status);
        }
        let (status, _) = quiet.get(&format!("{prefix}/ct/v1/get-roots")).await;
        (statuses, status)
    };
    let (taken, gone) = ((vec![400, 400], 200), (vec![404, 404], 404));
    assert_eq!(submit("/ct-1").await, taken);

    quiet.rotate(Role::Ct);
    quiet.pass(LEAD);
    for prefix in ["/ct", "/ct-2"] {
        assert_eq!(submit(prefix).await, taken, "{prefix}");
    }
    assert_eq!(submit("/ct-1").await, gone);
    assert_eq!(quiet.get("/ct-1/checkpoint").await.0, 200);
}

#[tokio::test]
async fn every_service_has_its_new_key_when_the_time_has_come_even_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::at(START));
    let quiet = Quiet::open(&dir.path().join("instance"), &clock).await;
    let before = [
        quiet.get("/api/v2/trustBundle").await,
        quiet.get("/ct/checkpoint").await,
        quiet.get("/api/v1/timestamp/certchain").await,
    ];
    for role in [Role::Ca, Role::Ct, Role::Tsa] {
        quiet.rotate(role);
    }
    let told = quiet.trusted_root();
    assert_eq!(told.certificate_authorities.len(), 2);
    assert_eq!(told.ctlogs.len(), 2);
    assert_eq!(told.timestamp_authorities.len(), 2);
    drop(quiet);

    clock.advance(i64::from(LEAD));
    let quiet = Quiet::open(&dir.path().join("instance"), &clock).await;
    assert_ne!(quiet.get("/api/v2/trustBundle").await, before[0]);
    assert_ne!(quiet.get("/ct/checkpoint").await, before[1]);
    assert_eq!(quiet.get("/ct-1/checkpoint").await, before[1]);
    assert_ne!(quiet.get("/api/v1/timestamp/certchain").await, before[2]);
}

#[tokio::test]
async fn two_new_keys_do_not_begin_in_one_second() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(FakeClock::at(START));
    let quiet = Quiet::open(&dir.path().join("instance"), &clock).await;
    let lead_seconds = Some(0);
    let role = Role::Tsa;
    let rotated = quiet
        .instance
        .rotate(Rotate { role, lead_seconds })
        .unwrap();
    assert_eq!(rotated.start, START.plus_seconds(1));
    let again = quiet.instance.rotate(Rotate { role, lead_seconds });
    assert_eq!(
        again.unwrap_err().to_string(),
        "tsa-3 cannot start at 2026-11-18T11:06:41Z: the one before it starts at 2026-11-18T11:06:41Z"
    );
}

#[tokio::test]
async fn a_running_instance_is_told_over_its_socket() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(&dir.path().join("instance")).await;
    // What answers has its socket too.
    assert_eq!(running.get("/healthz").await.status().as_u16(), 200);
    let socket = dir.path().join("instance").join(SOCKET);
    let client = Client::builder()
        .unix_socket(socket.as_path())
        .build()
        .unwrap();
    let rotate = async |body: &str| {
        let post = client.post("http://localhost/rotate");
        let post = post.header("content-type", "application/json");
        post.body(body.to_owned()).send().await.unwrap()
    };
    let answer = rotate(r#"{"role":"log","lead_seconds":60}"#).await;
    assert_eq!(answer.status().as_u16(), 200);
    let rotated: Rotated = answer.json().await.unwrap();
    assert_eq!(rotated.shard, "log-2");
    let told = running
        .get("/trusted_root.json")
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!(TrustedRoot::parse(&told).unwrap().tlogs.len(), 2);

    let refused = rotate(r#"{"role":"log","lead_seconds":60}"#).await;
    assert_eq!(refused.status().as_u16(), 409);
    let refused: Refused = refused.json().await.unwrap();
    assert!(
        refused.message.starts_with("log-3 cannot start at"),
        "{}",
        refused.message
    );
    running.stop().await;
    assert!(!socket.exists());
}
