//! Commits verified on one core: ours out of a repository, cold and with the kept verdicts, beside git with a verifier that
//! does nothing, and beside the floor, which is the sum of the signature checks that each commit needs, by the same
//! primitives. Where the variable `GITSIGN` names a gitsign, git runs that as its verifier too, over fewer commits.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use signhere_git::cache::{Cache, Context, Key};
use signhere_git::object::{Object, ObjectId};
use signhere_git::repository::{Git, Repository};
use signhere_git::verdict::Outcome;
use signhere_git::verifier::GitVerifier;
use signhere_pki::key::{KeyKind, PrivateKey, PublicKey, Scheme, Signer as _};
use signhere_testkit::forge::{Forge, GitPlan, RootVersion, commit};
use signhere_testkit::git::GitRepository;
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verifier::Verifier;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many commits the repository has, each by a key and a certificate of its own.
const COMMITS: usize = 500;
/// How many of them gitsign is asked for.
const ASKED_OF_GITSIGN: usize = 50;
/// A verdict as it is kept, in bytes.
const VERDICT: usize = 1200;
/// The certificate by its authority, then the promise of its log, the signature, the log's promise and its checkpoint.
const CHECKS: [KeyKind; 5] = [
    KeyKind::P384,
    KeyKind::P256,
    KeyKind::P256,
    KeyKind::P256,
    KeyKind::P256,
];

/// Which of them is by the signer's own key.
const SIGNER: usize = 2;

fn benches(c: &mut Criterion) {
    let forge = Forge::new();
    let folder = GitRepository::new();
    let tip = history(&forge, &folder);
    let variables = std::env::vars_os().filter(|(name, _)| name == "PATH");
    let repository = Repository::open(Git::new("git", variables), folder.path()).unwrap();
    let ids = repository.history(&[tip], &[]).unwrap();
    assert_eq!(ids.len(), COMMITS);
    let root = forge.trusted_root(RootVersion::V0_1).to_string();
    let root = TrustedRoot::parse(root.as_bytes()).unwrap();

    let checks = checks();
    let floor = || {
        for check in &checks {
            let (message, signature) = (&check.message, &check.signature);
            check.key.verify(check.scheme, message, signature).unwrap();
        }
    };
    let cold = || {
        let verifier = GitVerifier::new(Verifier::new(root.clone()).unwrap());
        let ids = repository.history(&[tip], &[]).unwrap();
        repository
            .objects(&ids, &mut |_, raw| {
                let raw = raw.unwrap();
                let object = Object::parse(raw.kind, raw.bytes).unwrap();
                assert_eq!(verifier.verify(&object, None).outcome, Outcome::Proven);
            })
            .unwrap();
    };
    let context = Context::new("benchmark", &[1; 32], "");
    let kept = folder.beside("kept");
    let cache = Cache::open(&kept, context, &[]).unwrap();
    for id in &ids {
        cache.keep(Key::new(id, &[2; 32]), &[7; VERDICT]).unwrap();
    }
    cache.flush().unwrap();
    let found = || {
        // As a process of its own would: the file is read again.
        let cache = Cache::open(&kept, context, &[]).unwrap();
        for id in &ids {
            assert!(black_box(cache.find(&Key::new(id, &[2; 32]))).is_some());
        }
    };
    let looked_up = || {
        for id in &ids {
            assert!(black_box(cache.find(&Key::new(id, &[2; 32]))).is_some());
        }
    };
    folder.git(&["config", "gpg.x509.program", "true"]);
    let tip = tip.to_string();
    let git = || {
        let text = folder.git(&["log", "--format=%G?", &tip]);
        assert_eq!(text.lines().count(), COMMITS);
    };

    let mut contenders: Vec<(&str, usize, &dyn Fn())> = vec![
        ("floor", COMMITS, &floor),
        ("cold", COMMITS, &cold),
        ("kept, file opened", COMMITS, &found),
        ("kept, looked up", COMMITS, &looked_up),
        ("git log %G? with `true`", COMMITS, &git),
    ];
    #[expect(
        clippy::disallowed_methods,
        reason = "who runs the benchmark says where gitsign is"
    )]
    let gitsign = std::env::var("GITSIGN").ok();
    let gitsign = gitsign.map(|program| by_gitsign(&forge, &folder, &tip, &program));
    if let Some(gitsign) = &gitsign {
        contenders.push(("git log %G? with gitsign", ASKED_OF_GITSIGN, gitsign));
    }
    let mut group = c.benchmark_group("500 commits");
    group.sample_size(10);
    for (name, _, run) in &contenders {
        group.bench_function(*name, |b| b.iter(run));
    }
    group.finish();
    table(&contenders);
}

/// The least time of each, taken in turns so that a busy moment hits all of them.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn table(contenders: &[(&str, usize, &dyn Fn())]) {
    const ROUNDS: usize = 5;
    let mut least = vec![f64::INFINITY; contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, _, run), least) in contenders.iter().zip(&mut least) {
            let began = std::time::Instant::now();
            run();
            *least = least.min(began.elapsed().as_secs_f64());
        }
    }
    let each: Vec<f64> = contenders
        .iter()
        .zip(least)
        .map(|((_, count, _), least)| least / f64::from(u32::try_from(*count).unwrap()))
        .collect();
    let floor = each.first().copied().unwrap();
    println!("| 500 commits, one core | commits a second | time / floor |\n|---|---|---|");
    for ((name, ..), each) in contenders.iter().zip(each) {
        println!("| {name} | {:.0} | {:.3} |", each.recip(), each / floor);
    }
}

/// Has git ask gitsign about the newest commits: each is good, offline, by the instance's keys.
fn by_gitsign<'a>(
    forge: &Forge,
    folder: &'a GitRepository,
    tip: &str,
    program: &str,
) -> impl Fn() + use<'a> {
    let file = |name: &str, pem: &str| {
        let path = folder.beside(name);
        std::fs::write(&path, pem).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let chain: String = forge.ca.chain().iter().map(|ca| ca.to_pem()).collect();
    let variables = [
        ("SIGSTORE_ROOT_FILE", file("ca.pem", &chain)),
        (
            "SIGSTORE_REKOR_PUBLIC_KEY",
            file("rekor.pem", &forge.rekor_v1.key.public_key().to_pem()),
        ),
        (
            "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE",
            file("ct.pem", &forge.ct.public_key().to_pem()),
        ),
        ("GITSIGN_REKOR_MODE", "offline".to_owned()),
        ("HOME", folder.path().to_str().unwrap().to_owned()),
    ];
    let program = format!("gpg.x509.program={program}");
    let count = format!("-{ASKED_OF_GITSIGN}");
    let tip = tip.to_owned();
    move || {
        let variables: Vec<_> = variables.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let log = ["-c", &program, "log", "--format=%G?", &count, &tip];
        let text = folder.git_with(&log, &variables, b"");
        assert_eq!(text, ["G"; ASKED_OF_GITSIGN].join("\n"));
    }
}

/// A signature and what it takes to check it.
struct Check {
    key: PublicKey,
    scheme: Scheme,
    message: Vec<u8>,
    signature: Vec<u8>,
}

/// What all commits need: each has signatures and a key of its own, as no two are checked alike, and one key each is the
/// authority's and the logs'.
fn checks() -> Vec<Check> {
    let shared = CHECKS.map(|kind| PrivateKey::generate(kind).unwrap());
    let mut checks = Vec::new();
    for number in 0..COMMITS {
        for (position, key) in shared.iter().enumerate() {
            let own = PrivateKey::generate(KeyKind::P256).unwrap();
            let key = if position == SIGNER { &own } else { key };
            let message = format!("{number:0256}").into_bytes();
            checks.push(Check {
                signature: key.sign(&message).unwrap(),
                key: key.public_key().clone(),
                scheme: key.scheme(),
                message,
            });
        }
    }
    checks
}

/// Commits in a line, each signed as gitsign signs them with the log entry embedded, in a pack. The last one's id.
fn history(forge: &Forge, folder: &GitRepository) -> ObjectId {
    let tree = folder.store("tree", b"");
    let mut parent = String::new();
    let mut tip = None;
    for number in 0..COMMITS {
        let person = "Ada <ada@example.test> 1780315200 +0000";
        let payload = format!(
            "tree {tree}\n{parent}author {person}\ncommitter {person}\n\ncommit {number}\n"
        );
        let armor = forge.git_armor(payload.as_bytes(), &GitPlan::GITSIGN, |_| {});
        let id = folder.store("commit", &commit(payload.as_bytes(), &armor));
        parent = format!("parent {id}\n");
        tip = Some(id);
    }
    let tip = tip.unwrap();
    folder.git(&["update-ref", "refs/heads/main", &tip]);
    folder.git(&["gc", "-q"]);
    tip.parse().unwrap()
}

criterion_group!(all, benches);
criterion_main!(all);
