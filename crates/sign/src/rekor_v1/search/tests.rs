use std::{sync::Arc, time::Duration};

use signhere_http::HttpError;
use signhere_pki::{
    digest::HashAlgorithm,
    key::{KeyKind, PrivateKey},
};
use signhere_verify::{
    bundle::Bundle,
    verifier::{Artifact, Policy, Verifier},
};

use super::*;
use crate::{
    service::Problem,
    session::{Payload, Session, Tools},
    testing::{
        CountingRandom, client,
        instance::{Lie, Running},
    },
};

/// What two people have signed and logged: three texts, the first two by one key.
struct Logged {
    running: Running,
    key: PrivateKey,
    bundles: Vec<Bundle>,
}

impl Logged {
    async fn start() -> Self {
        let running = Running::start().await;
        let keys = [(); 2].map(|()| PrivateKey::generate(KeyKind::P256).unwrap());
        let mut bundles = Vec::new();
        for (key, text) in [(0, "one"), (0, "two"), (1, "three")] {
            let tools = Tools {
                http: Arc::new(client(&running.fake.clock)),
                clock: running.fake.clock.clone(),
                random: Arc::new(CountingRandom::default()),
            };
            let instance = running.describe(&[1], false);
            let session = Session::with_key(&instance, Arc::new(keys[key].clone()), tools).unwrap();
            let payload = Payload::Artifact(digest(text));
            bundles.push(session.sign(payload).await.unwrap().bundle);
        }
        let [key, _] = keys;
        Self {
            running,
            key,
            bundles,
        }
    }

    async fn search(&self, text: &str) -> Result<Vec<EntryId>, ServiceError> {
        let http = client(&self.running.fake.clock);
        search(
            &http,
            &self.running.at("/log1"),
            Query::Digest(&digest(text)),
        )
        .await
    }

    async fn entries(&self, ids: &[EntryId]) -> Result<Vec<TlogEntry>, ServiceError> {
        let http = client(&self.running.fake.clock);
        let entries = entries(&http, &self.running.at("/log1"), ids).await?;
        entries.into_iter().collect()
    }

    async fn failure(&self, lie: Lie) -> Problem {
        self.running.tell(lie);
        self.search("one").await.unwrap_err().problem
    }
}

fn digest(text: &str) -> Digest {
    HashAlgorithm::Sha256.digest(text.as_bytes())
}

#[tokio::test]
async fn what_was_logged_is_found_by_its_digest() {
    let logged = Logged::start().await;
    assert_eq!(logged.search("nothing").await, Ok(Vec::new()));

    let found = logged.search("two").await.unwrap();
    let entries = logged.entries(&found).await.unwrap();
    assert_eq!(entries, logged.bundles[1].material.tlog_entries);

    // What comes back is as good as what the log answered when it was logged.
    let mut bundle = logged.bundles[1].clone();
    bundle.material.tlog_entries = entries;
    let root = logged.running.describe(&[1], false).trusted_root;
    let policy = Policy::Key(logged.key.public_key().clone());
    let verdict = Verifier::new(root)
        .unwrap()
        .verify(&bundle, &Artifact::Bytes(b"two"), &policy);
    assert_eq!(verdict.failure, None);
}

#[tokio::test]
async fn entries_that_are_not_there_are_left_out() {
    let logged = Logged::start().await;
    let none: EntryId = "0".repeat(80).parse().unwrap();
    let mut ids = logged.search("three").await.unwrap();
    ids.push(none);
    let entries = logged.entries(&ids).await.unwrap();
    assert_eq!(entries, logged.bundles[2].material.tlog_entries);
}

#[tokio::test]
async fn an_index_that_answers_something_else_is_none() {
    let logged = Logged::start().await;
    let unreadable = |what, detail: &str| Problem::Unreadable {
        what,
        detail: detail.to_owned(),
    };
    assert_eq!(
        logged.failure(Lie::IndexIsAWebPage).await,
        unreadable("list of entries", "it is a web page, and not JSON")
    );
    assert_eq!(
        logged.failure(Lie::IndexNamesNoEntry).await,
        unreadable("entry name", &EntryIdError.to_string())
    );
    let endless = logged.failure(Lie::IndexIsEndless).await;
    let Problem::Http(HttpError::BodyTooLarge { cap, .. }) = endless else {
        panic!("{endless:?}");
    };
    assert_eq!(cap, SEARCH_CAP);
    let status = 500;
    let excerpt = "the index is gone".to_owned();
    assert_eq!(
        logged.failure(Lie::IndexFails).await,
        Problem::Status { status, excerpt }
    );
}

#[tokio::test]
async fn of_too_many_entries_the_first_are_named() {
    let logged = Logged::start().await;
    logged.running.tell(Lie::IndexFindsTooMuch);
    assert_eq!(logged.search("one").await.unwrap().len(), MAX_HITS);
}

#[tokio::test]
async fn a_busy_index_is_asked_again_when_it_says() {
    let logged = Logged::start().await;
    logged.running.tell(Lie::IndexIsBusyOnce);
    assert_eq!(logged.search("one").await.unwrap().len(), 1);
    let slept = logged.running.fake.clock.sleeps();
    assert_eq!(slept, [Duration::from_secs(7)]);
}

#[tokio::test]
async fn more_entries_than_were_asked_for_are_refused() {
    let logged = Logged::start().await;
    let ids = logged.search("one").await.unwrap();
    logged.running.tell(Lie::LogGivesMore);
    let error = logged.entries(&ids).await.unwrap_err();
    let detail = "2 entries where 1 were asked for".to_owned();
    let what = "entries";
    assert_eq!(error.problem, Problem::Lie { what, detail });
}

#[test]
fn names_of_entries_are_hexadecimal() {
    for text in ["", "0", &"A".repeat(64), &"g".repeat(80), &"0".repeat(72)] {
        assert_eq!(text.parse::<EntryId>(), Err(EntryIdError));
    }
    let id = "0123456789abcdef".repeat(5);
    let parsed: EntryId = id.parse().unwrap();
    assert_eq!((parsed.to_string(), parsed.leaf()), (id.clone(), &id[16..]));
}
