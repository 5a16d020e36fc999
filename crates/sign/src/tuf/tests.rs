use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use signhere_http::{HttpError, RetryPolicy};
use signhere_pki::key::{KeyKind, PrivateKey, Signer as _};
use signhere_pki::time::Time;
use signhere_verify::tuf::client::UpdateError;
use signhere_verify::tuf::{
    Header, Key, Keys, MetaFile, Metadata, Role, RoleKeys, Root, Snapshot, TargetFile, Targets,
    Timestamp, TufError,
};

use super::*;
use crate::testing::{NOW, client, serve};

/// What a server has, by path, and what it was asked for.
#[derive(Clone, Default)]
struct Served {
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Served {
    fn put(&self, path: &str, bytes: &[u8]) {
        let mut files = self.files.lock().unwrap();
        files.insert(path.to_owned(), bytes.to_vec());
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    async fn start(&self) -> Url {
        let answer = async |State(served): State<Self>, uri: Uri| {
            let path = uri.path().to_owned();
            served.asked.lock().unwrap().push(path.clone());
            let files = served.files.lock().unwrap();
            match files.get(&path) {
                Some(bytes) if bytes == b"teapot" => Err(StatusCode::IM_A_TEAPOT),
                Some(bytes) => Ok(bytes.clone()),
                None => Err(StatusCode::NOT_FOUND),
            }
        };
        serve(Router::new().fallback(answer).with_state(self.clone())).await
    }
}

/// One key signs for everything.
struct Maker {
    key: PrivateKey,
    root: Root,
}

impl Maker {
    fn new() -> Self {
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        let mut keys = Keys::default();
        let described = Key::new(key.public_key(), key.scheme()).unwrap();
        let roles = RoleKeys::new(vec![keys.insert(described).unwrap()], 1).unwrap();
        let root = Root {
            header: header(1),
            consistent_snapshot: true,
            keys,
            root: roles.clone(),
            timestamp: roles.clone(),
            snapshot: roles.clone(),
            targets: roles,
        };
        Self { key, root }
    }

    fn sign<T: Role>(&self, signed: T) -> Vec<u8> {
        let mut document = Metadata::unsigned(signed).unwrap();
        document.sign(&self.key, &self.root.keys).unwrap();
        document.bytes().to_vec()
    }

    /// Publishes version `version` of everything but the root, with one target.
    fn publish(&self, served: &Served, version: u64, path: &str, content: &[u8]) {
        let file = TargetFile::of(content);
        let hash = file.hashes[0].hex();
        let (folder, name) = path.rsplit_once('/').unwrap();
        served.put(&format!("/targets/{folder}/{hash}.{name}"), content);
        let targets = self.sign(Targets {
            header: header(version),
            targets: BTreeMap::from([(path.to_owned(), file)]),
            delegations: None,
        });
        let described = MetaFile::of(version, &targets);
        let snapshot = self.sign(Snapshot {
            header: header(version),
            meta: BTreeMap::from([("targets.json".to_owned(), described)]),
        });
        let timestamp = self.sign(Timestamp {
            header: header(version),
            snapshot: MetaFile::of(version, &snapshot),
        });
        served.put(&format!("/{version}.targets.json"), &targets);
        served.put(&format!("/{version}.snapshot.json"), &snapshot);
        served.put("/timestamp.json", &timestamp);
    }
}

fn header(version: u64) -> Header {
    Header {
        version,
        expires: NOW.plus_seconds(3600),
    }
}

fn later(seconds: i64) -> Time {
    NOW.plus_seconds(seconds)
}

#[tokio::test]
async fn a_repository_is_followed_and_read_again_without_it() {
    let (served, maker) = (Served::default(), Maker::new());
    let url = served.start().await;
    let http = client(&Arc::default());
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::with_roots(&dir.path().join("cache"));
    cache.create().unwrap();
    let folder = dir.path();
    let root = maker.sign(maker.root.clone());
    maker.publish(&served, 1, "a/b c.txt", b"first");
    // What a server holds under an encoded name is asked for by it.
    let hash = TargetFile::of(b"first").hashes[0].hex();
    served.put(&format!("/targets/a/{hash}.b%20c.txt"), b"first");

    let none = read_cached(&cache, &root, NOW, &[], folder).unwrap_err();
    let not_cached = |file: &str| {
        ClientError::Update(UpdateError::NotCached {
            file: file.to_owned(),
        })
    };
    assert_eq!(none, not_cached("timestamp.json"));

    let update = || Session::update(&http, Repository::at(&url), cache.clone(), &root, NOW);
    let mut session = update().await.unwrap();
    let expected = [
        "/2.root.json",
        "/timestamp.json",
        "/1.snapshot.json",
        "/1.targets.json",
    ];
    assert_eq!(served.asked(), expected);
    for _ in 0..2 {
        assert_eq!(session.target("a/b c.txt", folder).await.unwrap(), b"first");
    }
    // The second one came from the folder.
    assert_eq!(served.asked(), [format!("/targets/a/{hash}.b%20c.txt")]);
    drop(session);
    assert!(folder.join("a%2Fb%20c.txt").exists());

    // Long after everything expired.
    let (updater, targets) =
        read_cached(&cache, &root, later(7200), &["a/b c.txt"], folder).unwrap();
    assert_eq!(targets, [b"first"]);
    assert_eq!(updater.root().version(), 1);
    assert_eq!(served.asked(), [""; 0]);

    // A root that was followed is followed again from the first one on.
    let mut next = maker.root.clone();
    next.header = header(2);
    served.put("/2.root.json", &maker.sign(next));
    maker.publish(&served, 2, "a/b c.txt", b"second");
    update().await.unwrap();
    assert_eq!(
        served.asked(),
        [
            "/2.root.json",
            "/3.root.json",
            "/timestamp.json",
            "/2.snapshot.json",
            "/2.targets.json"
        ]
    );
    let (updater, _) = read_cached(&cache, &root, NOW, &[], folder).unwrap();
    assert_eq!(updater.root().version(), 2);
    // The file is not the one that is described now.
    let old = read_cached(&cache, &root, NOW, &["a/b c.txt"], folder).unwrap_err();
    assert_eq!(old, not_cached("a%2Fb%20c.txt"));
    update().await.unwrap();
    assert_eq!(served.asked(), ["/3.root.json", "/timestamp.json"]);

    // Somebody wrote into the cache: what does not hold is not read.
    let spoiled = maker.sign(Targets {
        header: header(3),
        targets: BTreeMap::new(),
        delegations: None,
    });
    cache.store("targets.json", 3, &spoiled).unwrap();
    let error = read_cached(&cache, &root, NOW, &[], folder).unwrap_err();
    assert_eq!(error, not_cached("targets.json"));
    let names = std::fs::read_dir(cache.dir()).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "root.json",
            "roots",
            "snapshot.json",
            "targets.json",
            "timestamp.json"
        ]
    );
}

#[tokio::test]
async fn failures_leave_what_was_proven() {
    let (served, maker) = (Served::default(), Maker::new());
    let url = served.start().await;
    let http = client(&Arc::default()).reconfigured(|config| {
        config.retry = RetryPolicy {
            attempts: 1,
            ..RetryPolicy::default()
        };
    });
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(dir.path());
    let root = maker.sign(maker.root.clone());
    maker.publish(&served, 1, "a/b", b"content");
    let update = || Session::update(&http, Repository::at(&url), cache.clone(), &root, NOW);

    // A target of another content is not written.
    let hash = TargetFile::of(b"content").hashes[0].hex();
    served.put(&format!("/targets/a/{hash}.b"), b"CONTENT");
    let folder = tempfile::tempdir().unwrap();
    let mut session = update().await.unwrap();
    let error = session.target("a/b", folder.path()).await.unwrap_err();
    assert!(matches!(
        error,
        ClientError::Update(UpdateError::Document {
            error: TufError::Hash { .. },
            ..
        })
    ));
    // Nor one that goes on for longer than was signed for.
    served.put(&format!("/targets/a/{hash}.b"), b"content and more");
    let error = session.target("a/b", folder.path()).await.unwrap_err();
    let place = format!("{url}targets/a/{hash}.b");
    let too_large = HttpError::BodyTooLarge {
        url: place.clone(),
        cap: 7,
    };
    assert_eq!(
        error,
        ServiceError::new(Service::Tuf, &Url::parse(&place).unwrap(), too_large).into()
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    drop(session);

    // A server that fails is not one that has no newer root.
    served.put("/2.root.json", b"teapot");
    let error = update().await.unwrap_err();
    assert!(matches!(
        &error,
        ClientError::Service(ServiceError {
            problem: Problem::Status { status: 418, .. },
            ..
        })
    ));
    assert!(!error.is_transient());

    // The timestamp is proven and stored; the snapshot it names is not there.
    served.files.lock().unwrap().remove("/2.root.json");
    maker.publish(&served, 2, "a/b", b"content");
    served.files.lock().unwrap().remove("/2.snapshot.json");
    let error = update().await.unwrap_err();
    let missing = UpdateError::Missing {
        file: "2.snapshot.json".to_owned(),
    };
    assert_eq!(error, missing.into());
    let stored = |file: &str| std::fs::read(dir.path().join(file)).unwrap();
    let current = served.files.lock().unwrap()["/timestamp.json"].clone();
    assert_eq!(stored("timestamp.json"), current);
    let kept = Metadata::<Snapshot>::parse(&stored("snapshot.json")).unwrap();
    assert_eq!(kept.version(), 1);
}

#[tokio::test]
async fn updates_of_one_cache_wait_for_each_other() {
    let (served, maker) = (Served::default(), Maker::new());
    let url = served.start().await;
    let http = client(&Arc::default());
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(dir.path());
    let root = maker.sign(maker.root.clone());
    maker.publish(&served, 1, "a/b", b"content");
    let held = cache.lock().await.unwrap();
    let update = || Session::update(&http, Repository::at(&url), cache.clone(), &root, NOW);
    let waiting = tokio::time::timeout(std::time::Duration::from_millis(50), update()).await;
    assert!(waiting.is_err());
    assert_eq!(served.asked(), [""; 0]);
    drop(held);
    let (first, second) = tokio::join!(async { update().await.map(drop) }, async {
        update().await.map(drop)
    });
    first.unwrap();
    second.unwrap();
    // Who comes second finds everything but the timestamp.
    assert_eq!(served.asked().len(), 6);
}
