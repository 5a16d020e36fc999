//! Callers: honest ones, and those who stammer, shout, hang or are many.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use signhere_pki::time::Time;

use super::*;
use crate::agent::caller::Caller;
use crate::agent::protocol::{LogoutRequest, ProtocolError, REQUEST_LIMIT, decode};
use crate::agent::socket::{Place, SOCKET};
use crate::agent::{AgentError, Client, Limits, Server, Stranger};

/// An agent that listens.
struct Agent {
    world: World,
    place: Place,
    served: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    _folder: TempDir,
}

/// Few callers, and all the time they may need.
const FEW: Limits = Limits {
    callers: 3,
    line: Duration::from_secs(120),
    request: Duration::from_secs(120),
};
/// No patience.
const IMPATIENT: Limits = Limits {
    line: Duration::from_millis(100),
    ..FEW
};

impl Agent {
    async fn start(limits: Limits) -> Self {
        let world = World::start().await;
        // A socket's path is short, and the usual folder's may be long.
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let place = Place::new(&folder.path().join("agent").join(SOCKET)).unwrap();
        let bound = place.clone().bind().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = Arc::new(Server::new(Arc::clone(&world.keeper), limits));
        let served = tokio::spawn(server.run(bound, async {
            let _ = stopped.await;
        }));
        Self {
            world,
            place,
            served,
            stop,
            _folder: folder,
        }
    }

    /// Does something that blocks with a client at `path`.
    async fn at<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce(&mut Client) -> T + Send + 'static,
    ) -> T {
        let (path, clock) = (path.to_owned(), self.world.running.fake.clock.clone());
        let done = tokio::task::spawn_blocking(move || {
            work(&mut Client::connect(&path, clock).unwrap().unwrap())
        });
        done.await.unwrap()
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Client) -> T + Send + 'static,
    ) -> T {
        self.at(self.place.socket(), work).await
    }

    async fn log_in(&self) {
        let request = self.world.login_of(ADA, true);
        self.with(|client| client.login(request)).await.unwrap();
    }

    /// What is answered to these bytes, after which the caller says nothing more.
    async fn answer_to(&self, bytes: &[u8]) -> Refusal {
        let mut stream = UnixStream::connect(self.place.socket()).await.unwrap();
        // Whoever is refused early is not heard to the end.
        let _ = stream.write_all(bytes).await;
        let mut line = Vec::new();
        BufReader::new(&mut stream)
            .read_until(b'\n', &mut line)
            .await
            .unwrap();
        match decode(&line).unwrap() {
            Answer::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_person_logs_in_signs_and_logs_out() {
    let agent = Agent::start(Limits::default()).await;
    agent.log_in().await;
    let bundle = agent.with(|client| {
        let mut wanted = request();
        wanted.identity = Some(ADA.to_owned());
        // One connection carries any number of requests.
        client.sign(&wanted).unwrap();
        client.sign(&wanted)
    });
    let certificate = bundle.await.unwrap().certificate().cloned().unwrap();
    assert_eq!(certificate.san().unwrap().as_str(), ADA);
    let status = agent.with(Client::status).await.unwrap();
    assert_eq!(status.logins[0].signatures, 2);
    let logout = |client: &mut Client| client.logout(LogoutRequest::default());
    assert_eq!(agent.with(logout).await, Ok(1));
    let refused = agent.with(|client| client.sign(&request())).await;
    assert_eq!(refused.unwrap_err(), login_needed(None).into());

    let lines = agent.world.lines.all();
    let me = format!("process {}", std::process::id());
    assert_eq!(lines[0], "started");
    assert!(lines[1].starts_with(&format!("kept the login of {ADA} on work for {me} (/")));
    let text = lines.join("\n");
    assert!(
        !text.contains("eyJ") && !text.contains("refresh-secret"),
        "{text}"
    );

    agent.with(Client::stop).await.unwrap();
    agent.served.await.unwrap();
    assert!(!agent.place.socket().exists());
}

#[tokio::test]
async fn another_machine_may_sign_what_is_of_git_and_no_more() {
    let agent = Agent::start(Limits::default()).await;
    agent.log_in().await;
    // What ssh does with `-R`: a socket there, each connection carried here.
    let there = agent.place.folder().join("there.sock");
    let (listener, here) = (
        UnixListener::bind(&there).unwrap(),
        agent.place.forward_socket().to_owned(),
    );
    tokio::spawn(async move {
        while let Ok((mut there, _)) = listener.accept().await {
            let mut here = UnixStream::connect(&here).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut there, &mut here).await });
        }
    });
    let statement = |names: &[&str]| {
        let digests: serde_json::Map<_, _> = names
            .iter()
            .map(|name| ((*name).to_owned(), "00".repeat(20).into()))
            .collect();
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "a", "digest": digests}],
            "predicateType": "https://example.org/v1",
            "predicate": {},
        });
        SignRequest::of_statement(&statement.to_string())
    };
    for of_git in [commit(), statement(&["gitCommit"])] {
        let signed = agent.at(&there, move |client| client.sign(&of_git)).await;
        assert!(signed.is_ok(), "{signed:?}");
    }
    let refused = AgentError::from(Refusal::GitOnly);
    let mixed = ["gitCommit", "sha256"];
    for other in [
        request(),
        statement(&mixed),
        statement(&["gitBlob"]),
        statement(&[]),
    ] {
        let signed = agent.at(&there, move |client| client.sign(&other)).await;
        assert_eq!(signed.unwrap_err(), refused);
    }
    // Which instances there are is none of its business, nor which folders.
    for name in ["work", "home", "nowhere", "/etc"] {
        let asked = SignRequest {
            instance: Some(name.to_owned()),
            ..commit()
        };
        let signed = agent.at(&there, move |client| client.sign(&asked)).await;
        let instance = name.to_owned();
        let nobody = Refusal::LoginNeeded {
            instance,
            because: None,
        };
        match name {
            "work" => assert!(signed.is_ok()),
            _ => assert_eq!(signed.unwrap_err(), nobody.into()),
        }
    }
    assert!(agent.at(&there, Client::status).await.is_ok());
    let login = agent.world.login_of(BOB, false);
    let refused = AgentError::from(Refusal::SignOnly);
    let outcomes = agent.at(&there, |client| {
        [
            client.login(login).map(drop).unwrap_err(),
            client
                .logout(LogoutRequest::default())
                .map(drop)
                .unwrap_err(),
            client.stop().unwrap_err(),
        ]
    });
    for outcome in outcomes.await {
        assert_eq!(outcome, refused);
    }
    assert_eq!(agent.world.keeper.status().logins.len(), 1);
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let agent = Agent::start(FEW).await;
    let unreadable = |message: &str| Refusal::Unreadable {
        message: message.into(),
    };
    let not_json = "it is not JSON, at column 1";
    assert_eq!(agent.answer_to(b"hello\n").await, unreadable(not_json));
    assert_eq!(agent.answer_to(b"\xff\xfe\n").await, unreadable(not_json));
    assert_eq!(
        agent.answer_to(b"{\"version\":1,\n").await,
        unreadable("it ends early, at column 13")
    );
    let unknown = agent
        .answer_to(b"{\"version\":1,\"message\":{\"key\":{}}}\n")
        .await;
    assert_eq!(
        unknown,
        unreadable("a member is missing, unknown or of another type, at column 29")
    );
    // A secret in the wrong place is not quoted.
    let secret = b"{\"version\":1,\"message\":{\"login\":{\"token\":7,\"s3cret\":\"s3cret\"}}}\n";
    assert!(!agent.answer_to(secret).await.to_string().contains("s3cret"));
    let deep = format!("{}\n", "[".repeat(60_000));
    assert!(matches!(
        agent.answer_to(deep.as_bytes()).await,
        Refusal::Unreadable { .. }
    ));
    assert_eq!(
        agent
            .answer_to(b"{\"version\":2,\"message\":{\"later\":{}}}\n")
            .await,
        Refusal::Version {
            expected: 1,
            found: 2
        }
    );
    let huge = vec![b' '; REQUEST_LIMIT];
    let limit = REQUEST_LIMIT;
    assert_eq!(agent.answer_to(&huge).await, Refusal::TooLong { limit });
}

#[tokio::test]
async fn callers_who_hang_stop_nobody() {
    let agent = Agent::start(FEW).await;
    agent.log_in().await;
    let mut hanging = Vec::new();
    for _ in 0..2 {
        hanging.push(UnixStream::connect(agent.place.socket()).await.unwrap());
    }
    let signed = agent.with(|client| client.sign(&request())).await;
    assert!(signed.is_ok(), "{signed:?}");
    drop(hanging);
}

#[tokio::test]
async fn callers_who_take_too_long_are_sent_away() {
    let agent = Agent::start(IMPATIENT).await;
    let mut silent = UnixStream::connect(agent.place.socket()).await.unwrap();
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0);
    let slow = agent.answer_to(b"{\"version\":1").await;
    assert_eq!(slow, Refusal::TooSlow { seconds: 0 });
}

#[tokio::test]
async fn there_are_not_many_callers_at_a_time() {
    let agent = Agent::start(FEW).await;
    let mut hanging = Vec::new();
    for _ in 0..FEW.callers {
        let mut stream = UnixStream::connect(agent.place.socket()).await.unwrap();
        // Once it is answered, it is known to be served.
        let status = b"{\"version\":1,\"message\":{\"status\":{}}}\n";
        stream.write_all(status).await.unwrap();
        assert_ne!(stream.read(&mut [0; 16]).await.unwrap(), 0);
        hanging.push(stream);
    }
    let busy = Refusal::Busy { retry_after: 1 };
    assert_eq!(agent.answer_to(b"").await, busy);
    let refused = agent.with(Client::status).await.unwrap_err();
    assert_eq!(refused, busy.into());
    let limit = FEW.callers;
    let line = format!("refused a caller: {limit} are served already");
    assert!(agent.world.lines.all().contains(&line));
    // Those of another machine stand in each other's way only.
    let clock = agent.world.running.fake.clock.clone();
    let there = agent.place.forward_socket().to_owned();
    let status = tokio::task::spawn_blocking(move || {
        Client::connect(&there, clock).unwrap().unwrap().status()
    });
    assert!(status.await.unwrap().is_ok());
    drop(hanging);
}

#[tokio::test]
async fn what_is_shown_must_be_what_is_signed() {
    let agent = Agent::start(FEW).await;
    agent.log_in().await;
    let refused = |request: SignRequest| {
        let agent = &agent;
        async move {
            let asked = agent.with(move |client| client.sign(&request)).await;
            match asked.unwrap_err() {
                AgentError::Refused(Refusal::Unreadable { message }) => message,
                other => panic!("{other}"),
            }
        }
    };
    let other = "sha256: it is of something else than what is shown";
    let mut later = commit();
    later.git.as_mut().unwrap().signed_at = NOW.plus_seconds(1);
    assert_eq!(refused(later).await, other);
    let mut another = commit();
    another.git.as_mut().unwrap().sha256 = "00".repeat(32);
    assert_eq!(refused(another).await, other);
    let mut never = commit();
    // X.509 writes no year before 1950 as UTCTime and none after 9999.
    never.git.as_mut().unwrap().signed_at = Time::from_unix(-1_000_000_000);
    assert!(refused(never).await.starts_with("git: "));
    let both = SignRequest {
        git: commit().git,
        ..SignRequest::of_statement("{}")
    };
    assert_eq!(
        refused(both).await,
        "both a statement and something of git's"
    );
}

#[tokio::test]
async fn an_agent_whose_socket_was_taken_away_ends_and_leaves_the_next_one_alone() {
    let agent = Agent::start(FEW).await;
    std::fs::remove_dir_all(agent.place.folder()).unwrap();
    let next = agent.place.clone().bind().unwrap();
    tokio::time::pause();
    // The time to the next sweep passes at once.
    agent.served.await.unwrap();
    tokio::time::resume();
    assert!(next.is_there());
    let lines = agent.world.lines.all();
    assert!(lines.contains(&"the socket has gone, and nobody can ask any more".to_owned()));
}

#[tokio::test]
async fn nothing_is_kept_when_the_agent_ends() {
    let agent = Agent::start(Limits::default()).await;
    agent.log_in().await;
    agent.stop.send(()).unwrap();
    agent.served.await.unwrap();
    assert!(agent.world.keeper.status().logins.is_empty());
    let revoked = agent.world.issuer.revoked.lock().unwrap().clone();
    assert_eq!(revoked, ["refresh-secret"]);
    let clock = agent.world.running.fake.clock.clone();
    let nobody = Client::connect(agent.place.socket(), clock).unwrap();
    assert!(nobody.is_none());
}

#[test]
fn other_users_are_strangers_and_root_is_one_of_them() {
    assert_eq!(Caller::check(1000, 1000), Ok(()));
    for found in [0, 1001, u32::MAX] {
        let stranger = Stranger {
            expected: 1000,
            found,
        };
        assert_eq!(Caller::check(found, 1000), Err(stranger));
    }
    assert!(Caller::check(1000, 0).is_err());
}

/// A socket where every question gets the same answer.
async fn liar(folder: &Path, answer: Vec<u8>) -> PathBuf {
    let path = folder.join("liar.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = BufReader::new(&mut stream)
                    .read_until(b'\n', &mut Vec::new())
                    .await;
                let _ = stream.write_all(&answer).await;
            });
        }
    });
    path
}

#[tokio::test]
async fn answers_are_not_believed() {
    let agent = Agent::start(Limits::default()).await;
    agent.log_in().await;
    let bundle = agent.with(|client| client.sign(&request())).await.unwrap();
    let bundle = String::from_utf8(bundle.to_json()).unwrap();
    let line = format!("{{\"version\":1,\"message\":{{\"bundle\":{bundle}}}}}\n").into_bytes();
    let ask = async |answer: Vec<u8>, change: fn(&mut SignRequest)| {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let path = liar(folder.path(), answer).await;
        let mut request = request();
        change(&mut request);
        let asked = agent.at(&path, move |client| client.sign(&request)).await;
        asked.map(drop)
    };
    let other = |what| Err(AgentError::OtherBundle(what));
    assert_eq!(ask(line.clone(), |_| {}).await, Ok(()));
    assert_eq!(
        ask(line.clone(), |r| r.sha256 = "00".repeat(32)).await,
        other("it is not over this digest")
    );
    assert_eq!(
        ask(line.clone(), |r| r.identity = Some(BOB.into())).await,
        other("somebody else signed")
    );
    assert_eq!(
        ask(line, |r| r.issuer = Some("https://x".into())).await,
        other("another issuer vouches for the signer")
    );
    let something_else = b"{\"version\":1,\"message\":{\"stopping\":{}}}\n".to_vec();
    assert_eq!(
        ask(something_else, |_| {}).await,
        Err(AgentError::OtherAnswer)
    );
    let no_json = "it is not JSON, at column 1".to_owned();
    assert_eq!(
        ask(b"hello\n".to_vec(), |_| {}).await,
        Err(AgentError::Unreadable(ProtocolError::Malformed(no_json)))
    );
    assert_eq!(
        ask(vec![b' '; (1 << 20) + 1], |_| {}).await,
        Err(AgentError::TooLong { limit: 1 << 20 })
    );
    let gone = std::io::ErrorKind::UnexpectedEof;
    assert_eq!(ask(Vec::new(), |_| {}).await, Err(AgentError::Gone(gone)));
}

#[tokio::test]
async fn statements_are_signed_as_they_are() {
    let agent = Agent::start(FEW).await;
    agent.log_in().await;
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a", "digest": {"sha256": HashAlgorithm::Sha256.digest(b"a").hex()}}],
        "predicateType": "https://example.org/v1",
        "predicate": {},
    });
    let request = SignRequest::of_statement(&statement.to_string());
    let asked = request.clone();
    let bundle = agent.with(move |client| client.sign(&asked)).await.unwrap();
    let json = String::from_utf8(bundle.to_json()).unwrap();
    assert!(json.contains("dsseEnvelope"), "{json}");

    let mut other = request.clone();
    other.sha256 = "00".repeat(32);
    let refused = agent.with(move |client| client.sign(&other)).await;
    let message = "sha256: it is of something else than what is shown".to_owned();
    assert_eq!(refused.unwrap_err(), Refusal::Unreadable { message }.into());
    let mut long = request.clone();
    long.statement = Some(" ".repeat(REQUEST_LIMIT));
    let refused = agent.with(move |client| client.sign(&long)).await;
    let limit = REQUEST_LIMIT;
    assert_eq!(refused.unwrap_err(), Refusal::TooLong { limit }.into());

    let line = format!("{{\"version\":1,\"message\":{{\"bundle\":{json}}}}}\n").into_bytes();
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let path = liar(folder.path(), line).await;
    let mut other = request;
    other.statement = Some("{}".to_owned());
    let asked = agent.at(&path, move |client| client.sign(&other)).await;
    let what = "it is about another statement";
    assert_eq!(asked.unwrap_err(), AgentError::OtherBundle(what));
}
