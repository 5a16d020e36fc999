use std::path::Path as FilePath;

use axum::body::Body;
use axum::http::Request;
use signhere_log::note::Note;
use signhere_pki::key::PrivateKey;
use signhere_testkit::clock::FakeClock;
use tower_service::Service as _;

use super::*;
use crate::witness::support::{Log, NOW, ORIGIN, key};

fn places(folder: &FilePath) -> Places {
    Places {
        memory: folder.join("seen.sqlite"),
        mark: folder.join("mark"),
    }
}

fn open(folder: &FilePath, key: &[u8], log: &Log) -> Result<Arc<Witness>, ServeError> {
    let key = Box::new(PrivateKey::from_pkcs8_der(key).unwrap());
    let cosigner = Cosigner::new("witness.example", key).unwrap();
    let clock = Arc::new(FakeClock::at(NOW));
    Witness::open(&places(folder), cosigner, vec![log.witnessed()], clock).map(Arc::new)
}

struct Answer {
    status: u16,
    media_type: String,
    body: String,
}

async fn send(witness: &Arc<Witness>, request: Request<Body>) -> Answer {
    let mut router = Arc::clone(witness).router();
    let response = router.call(request).await.unwrap();
    let media_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
    let media_type = media_type.to_owned();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Answer {
        status,
        media_type,
        body,
    }
}

async fn add(witness: &Arc<Witness>, body: Vec<u8>) -> Answer {
    let request = Request::post("/witness/add-checkpoint").body(Body::from(body));
    send(witness, request.unwrap()).await
}

#[tokio::test]
async fn a_growing_log_is_cosigned_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::new();
    let witness = open(folder.path(), &key(), &log).unwrap();
    assert_eq!(witness.sizes(), [(ORIGIN.to_owned(), None)]);
    let shown = format!(
        "/witness/{}/checkpoint",
        hex::encode(sha256(ORIGIN.as_bytes()))
    );
    let show = || Request::get(shown.as_str()).body(Body::empty()).unwrap();
    assert_eq!(send(&witness, show()).await.status, 404);

    let mut old = 0;
    for new in [0, 1, 1, 5, 300] {
        let answer = add(&witness, log.request("a", old, new)).await;
        assert_eq!(
            (answer.status, answer.media_type.as_str()),
            (200, PLAIN),
            "{}",
            answer.body
        );
        let request = AddCheckpoint::parse(&log.request("a", old, new)).unwrap();
        let note = format!("{}\n{}", request.signed.note.text(), answer.body);
        let note = Note::parse(note.as_bytes()).unwrap();
        let verifier = NoteVerifier::parse_vkey(&witness.vkey()).unwrap();
        assert_eq!(verifier.signed_only_at(&note), Ok(Some(1_800_000_000)));
        old = new;

        let answer = send(&witness, show()).await;
        assert_eq!(answer.status, 200);
        let note = Note::parse(answer.body.as_bytes()).unwrap();
        assert_eq!(note.text(), request.signed.note.text());
        assert_eq!(note.signatures().len(), 2);
        assert!(verifier.verify(&note).is_ok() && log.verifier().verify(&note).is_ok());
    }
    assert_eq!(witness.sizes(), [(ORIGIN.to_owned(), Some(300))]);
}

#[tokio::test]
async fn refusals_have_the_statuses_of_the_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let (log, stranger) = (Log::new(), Log::new());
    let witness = open(folder.path(), &key(), &log).unwrap();
    assert_eq!(add(&witness, log.request("a", 0, 10)).await.status, 200);

    let conflict = add(&witness, log.request("a", 0, 20)).await;
    assert_eq!(
        (
            conflict.status,
            conflict.media_type.as_str(),
            conflict.body.as_str()
        ),
        (409, "text/x.tlog.size", "10\n")
    );
    let conflict = add(&witness, log.request("a", 20, 20)).await;
    assert_eq!((conflict.status, conflict.body.as_str()), (409, "10\n"));
    assert_eq!(add(&witness, log.request("b", 10, 20)).await.status, 422);
    assert_eq!(add(&witness, log.request("b", 10, 10)).await.status, 422);
    assert_eq!(
        add(&witness, stranger.request("a", 10, 20)).await.status,
        403
    );
    let elsewhere = String::from_utf8(log.request("a", 10, 20)).unwrap();
    let elsewhere = elsewhere.replace(ORIGIN, "log.example/2");
    assert_eq!(add(&witness, elsewhere.into_bytes()).await.status, 404);
    assert_eq!(add(&witness, b"old 10\n".to_vec()).await.status, 400);
    let larger = AddCheckpoint::body(11, &[], &log.note(9, [1; 32]));
    assert_eq!(add(&witness, larger).await.status, 400);
    assert_eq!(add(&witness, vec![b'a'; MAX_REQUEST + 1]).await.status, 413);
    // None of this has moved it.
    assert_eq!(witness.sizes(), [(ORIGIN.to_owned(), Some(10))]);
    assert_eq!(add(&witness, log.request("a", 10, 20)).await.status, 200);
}

/// Two histories of one log, submitted at once by many: only one is ever cosigned.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_split_view_never_gets_two_cosignatures() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(Log::new());
    let witness = open(folder.path(), &key(), &log).unwrap();
    assert_eq!(add(&witness, log.request("", 0, 0)).await.status, 200);
    let mut tasks = Vec::new();
    for n in 0..32 {
        let (witness, log) = (Arc::clone(&witness), Arc::clone(&log));
        let history = if n % 2 == 0 { "a" } else { "b" };
        tasks.push(tokio::spawn(async move {
            let answer = add(&witness, log.request(history, 0, 10 + n / 2)).await;
            (history, 10 + n / 2, answer.status)
        }));
    }
    let mut granted = Vec::new();
    for task in tasks {
        let (history, size, status) = task.await.unwrap();
        match status {
            200 => granted.push((history, size)),
            409 => {}
            status => panic!("status {status}"),
        }
    }
    let [(history, size)] = granted.as_slice() else {
        panic!("{granted:?}");
    };
    assert_eq!(witness.sizes(), [(ORIGIN.to_owned(), Some(*size))]);
    let other = if *history == "a" { "b" } else { "a" };
    assert_eq!(
        add(&witness, log.request(other, *size, 50)).await.status,
        422
    );
    assert_eq!(
        add(&witness, log.request(history, *size, 50)).await.status,
        200
    );
}

#[tokio::test]
async fn what_was_cosigned_is_remembered_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (log, key) = (Log::new(), key());
    let witness = open(folder.path(), &key, &log).unwrap();
    assert_eq!(add(&witness, log.request("a", 0, 10)).await.status, 200);
    drop(witness);
    let witness = open(folder.path(), &key, &log).unwrap();
    let fork = add(&witness, log.request("b", 0, 12)).await;
    assert_eq!((fork.status, fork.body.as_str()), (409, "10\n"));
    assert_eq!(add(&witness, log.request("a", 10, 12)).await.status, 200);
}

#[tokio::test]
async fn a_witness_that_has_forgotten_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let (log, key) = (Log::new(), key());
    let witness = open(folder.path(), &key, &log).unwrap();
    assert_eq!(add(&witness, log.request("a", 0, 10)).await.status, 200);

    // A second holder is refused as long as there is a first.
    assert!(matches!(
        open(folder.path(), &key, &log).map(|_| ()),
        Err(ServeError::WitnessMemory { .. })
    ));
    drop(witness);
    let path = places(folder.path()).memory;
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let missing = open(folder.path(), &key, &log).map(|_| ()).unwrap_err();
    assert!(missing.to_string().contains("it is missing"), "{missing}");
    assert!(!path.exists());

    let mut damaged = bytes.clone();
    damaged[..100].fill(0xff);
    std::fs::write(&path, &damaged).unwrap();
    assert!(matches!(
        open(folder.path(), &key, &log).map(|_| ()),
        Err(ServeError::WitnessMemory { .. })
    ));
    std::fs::write(&path, &bytes).unwrap();
    let witness = open(folder.path(), &key, &log).unwrap();
    assert_eq!(witness.sizes(), [(ORIGIN.to_owned(), Some(10))]);
}

/// A backup leaves the mark out: what is put back may lack what was cosigned after it.
#[tokio::test]
async fn a_memory_that_was_put_back_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let (log, key) = (Log::new(), key());
    drop(open(folder.path(), &key, &log).unwrap());
    let Places { memory, mark } = places(folder.path());
    let early = std::fs::read(&memory).unwrap();
    let witness = open(folder.path(), &key, &log).unwrap();
    assert_eq!(add(&witness, log.request("a", 0, 10)).await.status, 200);
    drop(witness);

    std::fs::write(&memory, early).unwrap();
    std::fs::remove_file(&mark).unwrap();
    let restored = open(folder.path(), &key, &log).map(|_| ()).unwrap_err();
    assert!(
        restored.to_string().contains("its mark is missing"),
        "{restored}"
    );
    assert!(!mark.exists());
}

#[tokio::test]
async fn a_start_that_broke_off_while_it_made_the_memory_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let (log, key) = (Log::new(), key());
    let Places { memory, mark } = places(folder.path());
    let in_making = memory.with_extension("making");
    std::fs::write(&in_making, b"").unwrap();
    drop(open(folder.path(), &key, &log).unwrap());
    for path in [&memory, &mark] {
        assert!(path.exists(), "{}", path.display());
    }

    std::fs::remove_file(&memory).unwrap();
    std::fs::write(&in_making, b"").unwrap();
    let witness = open(folder.path(), &key, &log).unwrap();
    assert_eq!(add(&witness, log.request("a", 0, 10)).await.status, 200);
    assert!(!in_making.exists());
}

/// When the memory cannot be written, there is no cosignature.
#[tokio::test]
async fn nothing_is_cosigned_that_cannot_be_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::new();
    let witness = open(folder.path(), &key(), &log).unwrap();
    assert_eq!(add(&witness, log.request("a", 0, 10)).await.status, 200);
    witness.memory.lock().unwrap().refuse_writes(true);
    let answer = add(&witness, log.request("a", 10, 20)).await;
    assert_eq!(answer.status, 503);
    assert!(!answer.body.contains('\u{2014}'));
    assert_eq!(witness.sizes(), [(ORIGIN.to_owned(), Some(10))]);
    witness.memory.lock().unwrap().refuse_writes(false);
    assert_eq!(add(&witness, log.request("a", 10, 20)).await.status, 200);
}

#[tokio::test]
async fn a_replaced_memory_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::new();
    let witness = open(folder.path(), &key(), &log).unwrap();
    let head = |size| TreeHead {
        size,
        root: [7; 32],
    };
    let remembered = |size| Remembered {
        head: head(size),
        note: String::new(),
    };
    let mut memory = witness.memory.lock().unwrap();
    assert_eq!(
        memory.replace(ORIGIN, Some(&head(1)), &remembered(2)),
        Ok(false)
    );
    assert_eq!(memory.replace(ORIGIN, None, &remembered(2)), Ok(true));
    assert_eq!(memory.replace(ORIGIN, None, &remembered(3)), Ok(false));
    assert_eq!(
        memory.replace(ORIGIN, Some(&head(1)), &remembered(3)),
        Ok(false)
    );
    assert_eq!(memory.find(ORIGIN), Ok(Some(remembered(2))));
    // Larger than the database can count: refused, not wrapped.
    assert!(
        memory
            .replace(ORIGIN, Some(&head(2)), &remembered(u64::MAX))
            .is_err()
    );
    assert_eq!(memory.find(ORIGIN), Ok(Some(remembered(2))));
}
