//! Verification per kind of bundle: ours, beside `sigstore-verify`, beside the floor, which is
//! the sum of the signature checks that such a bundle needs, by the same primitives.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark"
)]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use signhere_pki::key::{KeyKind, PrivateKey, Signer as _};
use signhere_testkit::corpus::{BundleCase, bundle_cases, folder_or_skip};
use signhere_verify::bundle::Bundle;
use signhere_verify::trust::TrustedRoot;
use signhere_verify::verifier::{Artifact, Policy, Verifier};

/// A name for the kind, the corpus case, and whether its log is of the second generation.
const KINDS: [(&str, &str, bool); 4] = [
    ("rekor-v1", "happy-path-v0.3", false),
    ("rekor-v2", "rekor2-happy-path", true),
    ("dsse-rekor-v1", "happy-path-intoto-in-dsse-v3", false),
    ("dsse-rekor-v2", "rekor2-dsse-happy-path", true),
];

/// Something to time, by its name.
type Contender = (&'static str, Box<dyn Fn()>);

fn benches(c: &mut Criterion) {
    let Some(corpus) = folder_or_skip("the benchmark") else {
        return;
    };
    let cases = bundle_cases(&corpus);
    let mut table = String::from(
        "| bundle | floor, µs | first / floor | first / sigstore-verify | kept / kept floor | kept / sigstore-verify |\n|---|---|---|---|---|---|\n",
    );
    for (kind, name, second_generation) in KINDS {
        let case = cases.iter().find(|case| case.name == name).unwrap();
        let contenders = [
            floor(case, second_generation),
            kept_floor(case, second_generation),
            ours(case, Memory::Forgets),
            ours(case, Memory::Keeps),
            theirs(case),
            parsing(case),
        ];
        let mut group = c.benchmark_group(kind);
        for (name, run) in &contenders {
            group.bench_function(*name, |b| b.iter(run));
        }
        group.finish();
        let [floor, kept_floor, first, kept, theirs, _] = minima(&contenders);
        writeln!(
            table,
            "| {kind} | {floor:.0} | {:.2} | {:.2} | {:.2} | {:.2} |",
            first / floor,
            first / theirs,
            kept / kept_floor,
            kept / theirs
        )
        .unwrap();
    }
    println!("{table}");
}

/// The least time of each contender in µs, taken in turns so that a busy moment hits all of them.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn minima<const N: usize>(contenders: &[Contender; N]) -> [f64; N] {
    const ROUNDS: usize = 2_000;
    let mut least = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for ((_, run), least) in contenders.iter().zip(&mut least) {
            let began = std::time::Instant::now();
            run();
            *least = least.min(began.elapsed().as_secs_f64() * 1e6);
        }
    }
    least
}

/// Whether the verifier has met the bundle's certificate and checkpoint before.
#[derive(Clone, Copy, PartialEq)]
enum Memory {
    Keeps,
    Forgets,
}

fn ours(case: &BundleCase, memory: Memory) -> Contender {
    let verifier = Verifier::new(TrustedRoot::parse(&case.trusted_root).unwrap()).unwrap();
    let bundle = Bundle::parse(&case.bundle).unwrap();
    let artifact = case.artifact.clone();
    let policy = Policy::Identity {
        identity: case.identity.clone(),
        issuer: case.issuer.clone(),
    };
    let run = move || {
        if memory == Memory::Forgets {
            verifier.forget();
        }
        let verdict = verifier.verify(black_box(&bundle), &Artifact::Bytes(&artifact), &policy);
        assert!(verdict.is_verified());
    };
    let name = match memory {
        Memory::Keeps => "signhere, kept",
        Memory::Forgets => "signhere, first",
    };
    (name, Box::new(run))
}

fn parsing(case: &BundleCase) -> Contender {
    let json = case.bundle.clone();
    let run = move || drop(black_box(Bundle::parse(black_box(&json)).unwrap()));
    ("signhere, parsing", Box::new(run))
}

fn theirs(case: &BundleCase) -> Contender {
    use sigstore_verify::VerificationPolicy;
    use sigstore_verify::trust_root::TrustedRoot;
    use sigstore_verify::types::Bundle;

    let root = TrustedRoot::from_json(str::from_utf8(&case.trusted_root).unwrap()).unwrap();
    let verifier = sigstore_verify::Verifier::new(&root).unwrap();
    let bundle = Bundle::from_json(str::from_utf8(&case.bundle).unwrap()).unwrap();
    let artifact = case.artifact.clone();
    let policy = VerificationPolicy::any_identity()
        .require_identity(case.identity.as_str())
        .require_issuer(case.issuer.as_str());
    let run = move || {
        let verified = verifier.verify(artifact.as_slice(), black_box(&bundle), &policy);
        black_box(verified.unwrap());
    };
    ("sigstore-verify", Box::new(run))
}

/// One signature check.
struct Check {
    key: PrivateKey,
    signature: Vec<u8>,
}

impl Check {
    const MESSAGE: &[u8] = &[7; 256];

    fn new(kind: KeyKind) -> Self {
        let key = PrivateKey::generate(kind).unwrap();
        let signature = key.sign(Self::MESSAGE).unwrap();
        Self { key, signature }
    }

    fn run(&self) {
        self.key
            .public_key()
            .verify(self.key.scheme(), Self::MESSAGE, &self.signature)
            .unwrap();
    }
}

/// The certificate by its authority, its log's promise and the signature itself; then what the
/// transparency log signed, and in the second generation the timestamp.
fn floor(case: &BundleCase, second_generation: bool) -> Contender {
    let log = match second_generation {
        true => KeyKind::Ed25519,
        false => KeyKind::P256,
    };
    let kinds = [KeyKind::P384, KeyKind::P256, log];
    let own = own_checks(case, second_generation);
    checks("floor", kinds.into_iter().chain(own))
}

/// What is left when certificate and checkpoint were met before.
fn kept_floor(case: &BundleCase, second_generation: bool) -> Contender {
    checks("floor, kept", own_checks(case, second_generation))
}

/// What no two bundles share: the signature, and what proves its time.
fn own_checks(case: &BundleCase, second_generation: bool) -> [KeyKind; 2] {
    if !second_generation {
        return [KeyKind::P256, KeyKind::P256];
    }
    let root = TrustedRoot::parse(&case.trusted_root).unwrap();
    let authority = &root.timestamp_authorities[0].chain[0];
    [KeyKind::P256, authority.public_key().unwrap().kind()]
}

fn checks(name: &'static str, kinds: impl IntoIterator<Item = KeyKind>) -> Contender {
    let checks: Vec<_> = kinds.into_iter().map(Check::new).collect();
    (name, Box::new(move || checks.iter().for_each(Check::run)))
}

criterion_group!(verify, benches);
criterion_main!(verify);
