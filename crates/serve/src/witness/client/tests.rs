use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use signhere_log::cosignature::Cosigner;
use signhere_log::note::NoteVerifier;
use signhere_log::witness::AddCheckpoint;
use signhere_pki::key::PrivateKey;
use signhere_pki::time::Time;
use signhere_testkit::clock::FakeClock;
use signhere_testkit::random::SeededRandom;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::*;
use crate::witness::server::{Places, Witness};
use crate::witness::support::{Log, NOW, consistency, key};

/// Longer than anything here takes, shorter than anybody waits for a test.
const LIMIT: Duration = Duration::from_secs(120);

/// What a witness does with a request.
#[derive(Clone)]
enum Act {
    /// What a witness does.
    Honest(Arc<Witness>),
    /// The same, once the test lets it.
    Slow(Arc<Witness>, Arc<Semaphore>),
    /// Cosigns whatever it is shown, at this time.
    Blind(Arc<Cosigner>, Time),
    /// Cosigns another text than it is shown.
    Other(Arc<Cosigner>),
    /// Answers so, always.
    Says(u16, String),
    /// Names another size each time.
    Restless(Arc<AtomicU64>),
}

/// Witnesses on loopback, and the log that asks them.
struct World {
    log: Log,
    lines: Vec<String>,
    keys: Vec<Vec<u8>>,
    folders: Vec<TempDir>,
    runtime: Runtime,
}

impl World {
    fn new() -> Self {
        Self {
            log: Log::new(),
            lines: Vec::new(),
            keys: Vec::new(),
            folders: Vec::new(),
            runtime: Runtime::new().unwrap(),
        }
    }

    /// A real witness of the log, not reachable yet.
    fn witness(&mut self) -> Arc<Witness> {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            memory: folder.path().join("seen.sqlite"),
            mark: folder.path().join("mark"),
        };
        let clock = Arc::new(FakeClock::at(NOW));
        let logs = vec![self.log.witnessed()];
        let witness = Witness::open(&places, self.cosigner(), logs, clock).unwrap();
        self.folders.push(folder);
        Arc::new(witness)
    }

    /// The key of the next witness.
    fn cosigner(&mut self) -> Cosigner {
        let key = key();
        let name = format!("witness.example/{}", self.lines.len());
        let signer = Box::new(PrivateKey::from_pkcs8_der(&key).unwrap());
        self.keys.push(key);
        Cosigner::new(&name, signer).unwrap()
    }

    fn honest(&mut self) -> Arc<Witness> {
        let witness = self.witness();
        self.reachable(&witness.vkey(), Act::Honest(Arc::clone(&witness)));
        witness
    }

    /// Puts a witness with this key and conduct on loopback and into the policy.
    fn reachable(&mut self, vkey: &str, act: Act) {
        let routes = Router::new()
            .route("/w/add-checkpoint", post(conduct))
            .with_state(act);
        let url = self.runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/w/", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
            url
        });
        self.at(vkey, &url);
    }

    fn at(&mut self, vkey: &str, url: &str) {
        let name = format!("w{}", self.lines.len());
        self.lines.push(format!("witness {name} {vkey} {url}\n"));
    }

    /// A witness that nobody listens for.
    fn down(&mut self) {
        let vkey = self.cosigner().verifier().to_vkey();
        self.at(&vkey, "http://127.0.0.1:1");
    }

    fn policy(&self, rest: &str) -> Policy {
        Policy::parse(format!("{}{rest}", self.lines.concat()).as_bytes()).unwrap()
    }

    fn witnesses(&self, rest: &str, fail_open: bool, time_limit: Duration) -> Witnesses {
        let witnessing = Witnessing {
            policy: self.policy(rest),
            fail_open,
            time_limit,
            roots: TlsRoots::default(),
        };
        let clock = Arc::new(FakeClock::at(NOW));
        Witnesses::new(witnessing, clock, Arc::new(SeededRandom::new(1))).unwrap()
    }

    /// Asks for the checkpoint of this size; the note that would be published.
    fn cosign(&self, witnesses: &mut Witnesses, size: u64) -> Result<String, CosignError> {
        let note = self.log.checkpoint("a", size);
        let proofs = |old| Ok(consistency("a", old, size));
        let lines = witnesses.cosign(&note, size, &proofs)?;
        Ok(format!("{note}{}", lines.concat()))
    }
}

async fn conduct(State(act): State<Act>, body: Bytes) -> Response {
    let text = || {
        let request = AddCheckpoint::parse(&body).unwrap();
        request.signed.note.text().to_owned()
    };
    match act {
        Act::Honest(witness) => forward(witness, body).await,
        Act::Slow(witness, gate) => {
            drop(gate.acquire().await.unwrap());
            forward(witness, body).await
        }
        Act::Blind(cosigner, time) => cosigner.cosign(&text(), time).unwrap().into_response(),
        Act::Other(cosigner) => {
            let other = text().replacen("log.example/1", "log.example/2", 1);
            cosigner.cosign(&other, NOW).unwrap().into_response()
        }
        Act::Says(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Act::Restless(next) => {
            let size = next.fetch_add(1, Ordering::SeqCst) % 2 + 1;
            (StatusCode::CONFLICT, format!("{size}\n")).into_response()
        }
    }
}

async fn forward(witness: Arc<Witness>, body: Bytes) -> Response {
    use tower_service::Service as _;
    let request = axum::http::Request::post("/witness/add-checkpoint")
        .header(header::CONTENT_TYPE, "text/plain")
        .body(axum::body::Body::from(body))
        .unwrap();
    witness.router().call(request).await.unwrap()
}

fn failure(witnesses: &Witnesses, witness: usize) -> Option<String> {
    let health = witnesses.board().health();
    health.witnesses[witness]
        .failing
        .as_ref()
        .map(|(_, reason)| reason.clone())
}

#[test]
fn honest_witnesses_cosign_each_checkpoint() {
    let mut world = World::new();
    let honest = [world.honest(), world.honest(), world.honest()];
    let mut witnesses = world.witnesses("group g all w0 w1 w2\nquorum g\n", false, LIMIT);
    for size in [0, 1, 3, 3, 260] {
        let note = world.cosign(&mut witnesses, size).unwrap();
        let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
        assert_eq!(signed.note.signatures().len(), 4);
        // In the policy's order, and the log's own first.
        let names: Vec<_> = signed.note.signatures()[1..]
            .iter()
            .map(|l| &l.name)
            .collect();
        assert_eq!(
            names,
            [
                "witness.example/0",
                "witness.example/1",
                "witness.example/2"
            ]
        );
        for witness in &honest {
            let verifier = NoteVerifier::parse_vkey(&witness.vkey()).unwrap();
            assert_eq!(verifier.verify(&signed.note), Ok(()));
        }
        assert!(witnesses.suffices(&note));
        assert!(!witnesses.suffices(&world.log.checkpoint("a", size)));
    }
    let health = witnesses.board().health();
    assert_eq!(health.quorum_missing_since, None);
    for witness in health.witnesses {
        assert_eq!(witness.cosigned, Some((260, NOW)));
        assert_eq!(
            witness.answers,
            Answers {
                cosigned: 5,
                failed: 0
            }
        );
        assert_eq!(witness.failing, None);
    }
}

/// The log was opened again: it does not know what its witnesses have seen, and they tell.
#[test]
fn a_witness_that_is_behind_or_was_seen_before_is_caught_up() {
    let mut world = World::new();
    let witness = world.honest();
    let policy = "quorum w0\n";
    world
        .cosign(&mut world.witnesses(policy, false, LIMIT), 5)
        .unwrap();
    let mut again = world.witnesses(policy, false, LIMIT);
    world.cosign(&mut again, 5).unwrap();
    world.cosign(&mut again, 9).unwrap();
    // Another one submits for the log in the meantime, as a monitor may.
    world
        .cosign(&mut world.witnesses(policy, false, LIMIT), 12)
        .unwrap();
    world.cosign(&mut again, 300).unwrap();
    assert_eq!(witness.sizes(), [("log.example/1".to_owned(), Some(300))]);
    assert_eq!(failure(&again, 0), None);
}

#[test]
fn those_that_do_not_cosign_do_not_count_and_their_reason_is_kept() {
    let mut world = World::new();
    world.honest();
    world.down();
    let says = [
        (404, String::new(), "it does not know this log (404)"),
        (
            403,
            String::new(),
            "it does not accept the log's signature (403)",
        ),
        (
            422,
            String::new(),
            "it says that the log is not consistent with what it has seen before (422)",
        ),
        (500, String::new(), "it answers with status 500"),
        (204, String::new(), "it answers with status 204"),
        (
            409,
            "7\n".to_owned(),
            "it has seen 7 entries of this log, which has 3",
        ),
        (409, "three\n".to_owned(), "its answer cannot be read"),
        (409, "+3\n".to_owned(), "its answer cannot be read"),
        (409, "03\n".to_owned(), "its answer cannot be read"),
        (200, String::new(), "its answer cannot be read"),
        (200, "no line\n".to_owned(), "its answer cannot be read"),
        (
            200,
            "\u{2014} other AAAAAAA=\n".to_owned(),
            "its answer is refused: no signature is by the key of witness.example/NUMBER",
        ),
    ];
    for (status, body, _) in &says {
        let vkey = world.cosigner().verifier().to_vkey();
        world.reachable(&vkey, Act::Says(*status, body.clone()));
    }
    let rest = "quorum w0\n";
    let mut witnesses = world.witnesses(rest, false, LIMIT);
    let note = world.cosign(&mut witnesses, 3).unwrap();
    let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
    assert_eq!(signed.note.signatures().len(), 2);

    // Whoever was not waited for has answered at the latest when nobody's cosignature is enough.
    let members: Vec<_> = (0..says.len() + 2).map(|n| format!("w{n}")).collect();
    let all = format!("group g all {}\nquorum g\n", members.join(" "));
    let mut witnesses = world.witnesses(&all, false, LIMIT);
    assert_eq!(
        world.cosign(&mut witnesses, 3),
        Err(CosignError::NoQuorum {
            cosigned: vec!["w0".to_owned()],
            asked: says.len() + 2
        })
    );
    assert_eq!(failure(&witnesses, 0), None);
    assert!(failure(&witnesses, 1).unwrap().contains("cannot connect"));
    for (number, (_, _, reason)) in (2..).zip(&says) {
        let reason = reason.replace("NUMBER", &number.to_string());
        assert_eq!(failure(&witnesses, number), Some(reason));
    }
    assert_eq!(witnesses.board().health().quorum_missing_since, Some(NOW));
}

#[test]
fn liars_are_found_out() {
    let mut world = World::new();
    let mut vkeys = Vec::new();
    let mut liar = |world: &mut World, act: &dyn Fn(Arc<Cosigner>) -> Act| {
        let cosigner = Arc::new(world.cosigner());
        let vkey = cosigner.verifier().to_vkey();
        world.reachable(&vkey, act(cosigner));
        vkeys.push(vkey);
    };
    liar(&mut world, &|cosigner| Act::Other(cosigner));
    liar(&mut world, &|cosigner| {
        Act::Blind(cosigner, NOW.plus_seconds(301))
    });
    liar(&mut world, &|cosigner| {
        Act::Blind(cosigner, NOW.plus_seconds(-301))
    });
    liar(&mut world, &|_| Act::Restless(Arc::default()));
    liar(&mut world, &|_| Act::Says(200, "x".repeat(MAX)));
    // Under a name in the policy, but with another key.
    let own = world.cosigner().verifier().to_vkey();
    let foreign = Arc::new(world.cosigner());
    world.reachable(&own, Act::Blind(foreign, NOW));
    // Right up to the tolerance.
    liar(&mut world, &|cosigner| {
        Act::Blind(cosigner, NOW.plus_seconds(300))
    });
    liar(&mut world, &|cosigner| {
        Act::Blind(cosigner, NOW.plus_seconds(-300))
    });

    let all = "group g all w0 w1 w2 w3 w4 w5 w6 w7\nquorum g\n";
    let mut witnesses = world.witnesses(all, false, LIMIT);
    assert_eq!(
        world.cosign(&mut witnesses, 3),
        Err(CosignError::NoQuorum {
            cosigned: vec!["w6".to_owned(), "w7".to_owned()],
            asked: 8
        })
    );
    let reason = |n| failure(&witnesses, n).unwrap();
    assert_eq!(
        reason(0),
        "its answer is refused: the signature of witness.example/0 does not verify"
    );
    assert_eq!(
        reason(1),
        "its cosignature is of 2027-01-15T08:05:01Z, when it is 2027-01-15T08:00:00Z"
    );
    assert_eq!(
        reason(2),
        "its cosignature is of 2027-01-15T07:54:59Z, when it is 2027-01-15T08:00:00Z"
    );
    assert_eq!(reason(3), "it keeps naming other sizes");
    assert!(
        reason(4).contains("answer longer than 32768 bytes"),
        "{}",
        reason(4)
    );
    assert_eq!(
        reason(5),
        "its answer is refused: no signature is by the key of witness.example/5"
    );
}

const MAX: usize = 40_000;

#[test]
fn a_slow_witness_delays_nobody_and_catches_up() {
    let mut world = World::new();
    world.honest();
    let slow = world.witness();
    let gate = Arc::new(Semaphore::new(0));
    let act = Act::Slow(Arc::clone(&slow), Arc::clone(&gate));
    world.reachable(&slow.vkey(), act);
    let mut witnesses = world.witnesses("group g any w0 w1\nquorum g\n", false, LIMIT);
    let started = now();
    for size in 1..=5 {
        let note = world.cosign(&mut witnesses, size).unwrap();
        let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
        assert_eq!(signed.note.signatures().len(), 2, "{note}");
    }
    assert!(started.elapsed() < LIMIT);
    // It is asked on its own pace, and from where it is.
    gate.add_permits(1);
    let mut both = world.witnesses("group g all w0 w1\nquorum g\n", false, LIMIT);
    world.cosign(&mut both, 9).unwrap();
    assert_eq!(slow.sizes(), [("log.example/1".to_owned(), Some(9))]);
}

#[test]
fn the_time_limit_holds_for_the_quorum() {
    let mut world = World::new();
    // One that answers long before, whatever the disk does.
    let quick = Arc::new(world.cosigner());
    world.reachable(&quick.verifier().to_vkey(), Act::Blind(quick.clone(), NOW));
    let slow = world.witness();
    world.reachable(
        &slow.vkey(),
        Act::Slow(Arc::clone(&slow), Arc::new(Semaphore::new(0))),
    );
    let limit = Duration::from_secs(3);
    let mut witnesses = world.witnesses("group g all w0 w1\nquorum g\n", false, limit);
    let started = now();
    assert_eq!(
        world.cosign(&mut witnesses, 4),
        Err(CosignError::NoQuorum {
            cosigned: vec!["w0".to_owned()],
            asked: 2
        })
    );
    // That it came back at all is the limit's doing: the slow one never answers.
    assert!(started.elapsed() >= limit);
    let note = world.log.checkpoint("a", 4);
    assert!(!witnesses.suffices(&note));
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long the code under test blocks"
)]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn failing_open_publishes_what_there_is_and_shows_it() {
    let mut world = World::new();
    world.honest();
    world.down();
    let all = "group g all w0 w1\nquorum g\n";
    let mut witnesses = world.witnesses(all, true, LIMIT);
    let note = world.cosign(&mut witnesses, 4).unwrap();
    let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
    assert_eq!(signed.note.signatures().len(), 2);
    assert!(witnesses.suffices(&world.log.checkpoint("a", 4)));
    let health = witnesses.board().health();
    assert!(health.fails_open);
    assert_eq!(health.quorum_missing_since, Some(NOW));
}

#[test]
fn a_log_that_cannot_prove_itself_says_so() {
    let mut world = World::new();
    world.honest();
    let mut witnesses = world.witnesses("quorum w0\n", false, LIMIT);
    world.cosign(&mut witnesses, 3).unwrap();
    let note = world.log.checkpoint("a", 5);
    let lost = ReadError::Beyond { index: 3, size: 5 };
    assert_eq!(
        witnesses.cosign(&note, 5, &|_| Err(lost.clone())),
        Err(CosignError::Proof(lost.clone()))
    );
    // A history that contradicts what the witness has seen is refused by it.
    let fork = world.log.checkpoint("b", 5);
    let refused = witnesses.cosign(&fork, 5, &|old| Ok(consistency("b", old, 5)));
    assert!(matches!(refused, Err(CosignError::NoQuorum { .. })));
    assert!(failure(&witnesses, 0).unwrap().ends_with("(422)"));
    world.cosign(&mut witnesses, 5).unwrap();
}

#[test]
fn policies_that_cannot_work_are_refused() {
    let mut world = World::new();
    world.down();
    let vkey = world.cosigner().verifier().to_vkey();
    let open = |world: &World, rest: &str| {
        let witnessing = Witnessing {
            policy: world.policy(rest),
            fail_open: false,
            time_limit: LIMIT,
            roots: TlsRoots::default(),
        };
        let clock = Arc::new(FakeClock::at(NOW));
        Witnesses::new(witnessing, clock, Arc::new(SeededRandom::new(1))).map(|_| ())
    };
    let without = format!("witness x {vkey}\n");
    assert_eq!(open(&world, &format!("{without}quorum w0\n")), Ok(()));
    assert_eq!(
        open(&world, &format!("{without}quorum x\n")),
        Err(ServeError::QuorumOutOfReach)
    );
    for url in [
        "w.example",
        "ftp://w.example/",
        "http://",
        "https://w.example/?a",
        "http://w/#a",
    ] {
        let line = format!("witness x {vkey} {url}\nquorum w0\n");
        assert_eq!(
            open(&world, &line),
            Err(ServeError::WitnessUrl {
                witness: "x".to_owned(),
                found: url.to_owned()
            })
        );
    }
}
