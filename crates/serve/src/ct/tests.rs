//! The CT log by its routes: whose certificates it takes, and what it answers to a repeat.

use axum::body::{Body as RequestBody, to_bytes};
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signhere_pki::build::{CertificateAuthority, LeafRequest, Subject};
use signhere_pki::cert::San;
use signhere_pki::fulcio;
use signhere_pki::key::{KeyKind, PublicKey};
use signhere_pki::random::SystemRandom;
use signhere_pki::time::{Time, Validity};
use signhere_testkit::clock::FakeClock;
use tempfile::TempDir;
use tower_service::Service as _;

use super::*;

const NOW: Time = Time::from_unix(1_795_000_000);

struct World {
    dir: TempDir,
    log: Arc<CtLog>,
    key: PrivateKey,
    root: CertificateAuthority,
    issuing: CertificateAuthority,
    clock: Arc<FakeClock>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let root = CertificateAuthority::create_root(
            subject("root"),
            Box::new(PrivateKey::generate(KeyKind::P384).unwrap()),
            validity(),
            &SystemRandom,
        )
        .unwrap();
        let issuing = intermediate(&root, "ca");
        let clock = Arc::new(FakeClock::at(NOW));
        let chain = [root.certificate().clone()];
        let log = open(&dir, &key, &chain, &clock);
        Self {
            dir,
            log,
            key,
            root,
            issuing,
            clock,
        }
    }

    /// Closes the log and opens it again.
    fn reopen(&mut self) {
        self.log.close();
        let chain = [self.root.certificate().clone()];
        self.log = open(&self.dir, &self.key, &chain, &self.clock);
    }

    async fn call(&self, request: Request<RequestBody>) -> (u16, Value) {
        let answer = self.log.router("/ct").call(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let body = serde_json::from_slice(&body);
        (status, body.unwrap_or(Value::Null))
    }

    async fn add(&self, method: &str, chain: &[&Certificate]) -> (u16, Value) {
        let chain: Vec<_> = chain.iter().map(|c| STANDARD.encode(c.der())).collect();
        let request = Request::post(format!("/ct/ct/v1/{method}"))
            .header("content-type", "application/json")
            .body(json!({ "chain": chain }).to_string().into());
        self.call(request.unwrap()).await
    }

    async fn refusal(&self, method: &str, chain: &[&Certificate]) -> String {
        let (status, body) = self.add(method, chain).await;
        assert_eq!(status, 400, "{body}");
        body["message"].as_str().unwrap().to_owned()
    }
}

fn open(
    dir: &TempDir,
    key: &PrivateKey,
    chain: &[Certificate],
    clock: &Arc<FakeClock>,
) -> Arc<CtLog> {
    let log = CtLog::open(
        &Place {
            folder: dir.path().join("ct-1"),
            high_water: dir.path().join("high-water/ct-1"),
        },
        "ct.example.org",
        key.clone(),
        chain,
        clock.clone(),
        Limits::default(),
    );
    Arc::new(log.unwrap())
}

fn subject(common_name: &str) -> Subject<'_> {
    Subject {
        organization: "example",
        common_name,
    }
}

fn validity() -> Validity {
    Validity {
        start: NOW,
        end: Some(NOW.plus_seconds(1_000_000)),
    }
}

fn intermediate(root: &CertificateAuthority, name: &str) -> CertificateAuthority {
    let key = Box::new(PrivateKey::generate(KeyKind::P384).unwrap());
    let made = root.create_intermediate(subject(name), key, validity(), &SystemRandom);
    made.unwrap()
}

fn precertificate(ca: &CertificateAuthority) -> Precertificate {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let request = LeafRequest {
        public_key: key.public_key(),
        san: San::Email("ada@example.org".to_owned()),
        extensions: fulcio::identity_extensions("https://issuer.example.org", "ada").unwrap(),
        validity: validity(),
    };
    ca.precertify(&request, &SystemRandom).unwrap()
}

fn sct(answer: &(u16, Value)) -> Sct {
    assert_eq!(answer.0, 200, "{}", answer.1);
    let wire: WireSct = serde_json::from_value(answer.1.clone()).unwrap();
    wire.to_sct().unwrap()
}

fn index(sct: &Sct) -> u64 {
    let index = signhere_log::static_ct::leaf_index(&sct.extensions);
    index.unwrap().unwrap()
}

fn verify(sct: &Sct, precertificate: &Precertificate, key: &PublicKey) {
    let entry = SignedEntry::Precertificate {
        tbs: precertificate.tbs(),
        issuer_key_hash: precertificate.issuer_key_hash(),
    };
    sct.verify_entry(entry, key).unwrap();
}

#[tokio::test]
async fn what_chains_to_a_root_is_logged_and_a_repeat_gets_the_same_promise() {
    let mut world = World::new();
    let key = world.key.public_key().clone();
    let (root, issuer) = (
        world.root.certificate().clone(),
        world.issuing.certificate().clone(),
    );
    let first = precertificate(&world.issuing);
    let whole = [first.certificate(), &issuer, &root];
    let promise = sct(&world.add("add-pre-chain", &whole).await);
    verify(&promise, &first, &key);
    assert_eq!(index(&promise), 0);

    // The final certificate is another entry.
    let leaf = world
        .issuing
        .complete(&first, std::slice::from_ref(&promise))
        .unwrap();
    let of_leaf = sct(&world.add("add-chain", &[&leaf, &issuer]).await);
    of_leaf
        .verify_entry(SignedEntry::Certificate(leaf.der()), &key)
        .unwrap();
    assert_eq!(index(&of_leaf), 1);

    for reopened in [false, true] {
        if reopened {
            world.reopen();
            std::fs::remove_file(world.dir.path().join("ct-1/known.sqlite")).unwrap();
            world.reopen();
        }
        world.clock.advance(60);
        for (method, chain, before) in [
            ("add-pre-chain", &whole[..2], &promise),
            ("add-chain", &[&leaf, &issuer, &root][..], &of_leaf),
        ] {
            let again = sct(&world.add(method, chain).await);
            assert_eq!(again.timestamp_ms, before.timestamp_ms);
            assert_eq!(again.extensions, before.extensions);
            assert_eq!(again.log_id, before.log_id);
        }
    }
    let third = precertificate(&world.issuing);
    let again = sct(&world
        .add("add-pre-chain", &[third.certificate(), &issuer])
        .await);
    assert_eq!(index(&again), 2);
}

#[tokio::test]
async fn two_of_the_same_at_once_are_one_entry() {
    let world = World::new();
    let issuer = world.issuing.certificate();
    let precertificate = precertificate(&world.issuing);
    let chain = [precertificate.certificate(), issuer];
    let (one, two, three) = tokio::join!(
        world.add("add-pre-chain", &chain),
        world.add("add-pre-chain", &chain),
        world.add("add-pre-chain", &chain),
    );
    assert_eq!(
        [sct(&one), sct(&two), sct(&three)].map(|sct| index(&sct)),
        [0; 3]
    );
}

#[tokio::test]
async fn issuers_can_be_read_and_roots_are_listed() {
    let world = World::new();
    let precertificate = precertificate(&world.issuing);
    let issuer = world.issuing.certificate();
    let read = async |certificate: &Certificate| {
        let path = format!("/ct/issuer/{}", hex::encode(certificate.fingerprint()));
        let request = Request::get(path).body(RequestBody::empty()).unwrap();
        let answer = world.log.router("/ct").call(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status == 200).then(|| body.to_vec())
    };
    assert_eq!(read(issuer).await, None);
    sct(&world
        .add("add-pre-chain", &[precertificate.certificate(), issuer])
        .await);
    assert_eq!(read(issuer).await.as_deref(), Some(issuer.der()));
    let root = world.root.certificate();
    assert_eq!(read(root).await.as_deref(), Some(root.der()));

    let request = Request::get("/ct/ct/v1/get-roots").body(RequestBody::empty());
    let (status, roots) = world.call(request.unwrap()).await;
    let expected = json!({ "certificates": [STANDARD.encode(root.der())] });
    assert_eq!((status, roots), (200, expected));
}

#[tokio::test]
async fn chains_that_do_not_hold_are_refused_each_for_its_reason() {
    let world = World::new();
    let (root, issuer) = (world.root.certificate(), world.issuing.certificate());
    let sibling = intermediate(&world.root, "sibling");
    let pre = precertificate(&world.issuing);
    let pre = pre.certificate();
    let stranger = World::new();
    let strange = precertificate(&stranger.issuing);
    let leaf = precertificate(&world.issuing);
    let promise = Sct::sign(
        &world.key,
        leaf.tbs(),
        leaf.issuer_key_hash(),
        1,
        Vec::new(),
    );
    let leaf = world.issuing.complete(&leaf, &[promise.unwrap()]).unwrap();
    let unknown = "the chain does not end in a root that this log takes, see get-roots";
    let other = "the second certificate has not issued the first";
    let long = vec![pre; 11];
    for (method, chain, expected) in [
        ("add-pre-chain", &[][..], "the chain is empty"),
        (
            "add-pre-chain",
            &long,
            "the chain has 11 certificates, 10 are taken",
        ),
        ("add-pre-chain", &[pre], unknown),
        (
            "add-pre-chain",
            &[strange.certificate(), stranger.issuing.certificate()],
            unknown,
        ),
        (
            "add-chain",
            &[root],
            "there is no issuer above the certificate",
        ),
        ("add-pre-chain", &[pre, sibling.certificate(), root], other),
        ("add-pre-chain", &[pre, root], other),
        ("add-pre-chain", &[pre, pre, issuer], other),
        ("add-chain", &[&leaf, &leaf, issuer], other),
        (
            "add-chain",
            &[pre, issuer],
            "a precertificate is added by add-pre-chain",
        ),
        (
            "add-pre-chain",
            &[&leaf, issuer],
            "a precertificate has the critical poison extension 1.3.6.1.4.1.11129.2.4.3 with a NULL",
        ),
    ] {
        assert_eq!(world.refusal(method, chain).await, expected);
    }
    let (status, _) = world.add("add-chain", &[issuer]).await;
    assert_eq!(
        status, 200,
        "the certificate of a CA belongs into the log as well"
    );
}

#[tokio::test]
async fn a_log_that_is_only_read_takes_nothing() {
    let world = World::new();
    let mut reads = world.log.reads("/ct-1");
    for (method, path, expected) in [
        ("GET", "/ct-1/checkpoint", 200),
        ("POST", "/ct-1/ct/v1/add-chain", 404),
        ("GET", "/ct-1/issuer/00", 404),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(RequestBody::empty()).unwrap();
        let answer = reads.call(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{path}");
    }
}
