//! Verification per kind of bundle: ours, beside `sigstore-verify`, beside the floor, which is
//! the sum of the signature checks that such a bundle needs, by the same primitives.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

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

fn benches(c: &mut Criterion) {
    let Some(corpus) = folder_or_skip("the benchmark") else {
        return;
    };
    let cases = bundle_cases(&corpus);
    for (kind, name, second_generation) in KINDS {
        let case = cases.iter().find(|case| case.name == name).unwrap();
        let mut group = c.benchmark_group(kind);

        let root = TrustedRoot::parse(&case.trusted_root).unwrap();
        let floor = floor(&root, second_generation);
        group.bench_function("floor", |b| b.iter(|| floor.iter().for_each(Check::run)));

        let verifier = Verifier::new(root).unwrap();
        let bundle = Bundle::parse(&case.bundle).unwrap();
        let artifact = Artifact::Bytes(&case.artifact);
        let policy = Policy::Identity {
            identity: case.identity.clone(),
            issuer: case.issuer.clone(),
        };
        group.bench_function("signhere", |b| {
            b.iter(|| {
                assert!(
                    verifier
                        .verify(black_box(&bundle), &artifact, &policy)
                        .is_verified()
                )
            });
        });
        group.bench_function("signhere, parsing", |b| {
            b.iter(|| Bundle::parse(black_box(&case.bundle)).unwrap());
        });
        opponent(&mut group, case);
        group.finish();
    }
}

fn opponent(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    case: &BundleCase,
) {
    use sigstore_verify::VerificationPolicy;
    use sigstore_verify::trust_root::TrustedRoot;
    use sigstore_verify::types::Bundle;

    let root = TrustedRoot::from_json(str::from_utf8(&case.trusted_root).unwrap()).unwrap();
    let verifier = sigstore_verify::Verifier::new(&root).unwrap();
    let json = str::from_utf8(&case.bundle).unwrap();
    let bundle = Bundle::from_json(json).unwrap();
    let policy = VerificationPolicy::any_identity()
        .require_identity(case.identity.as_str())
        .require_issuer(case.issuer.as_str());
    group.bench_function("sigstore-verify", |b| {
        b.iter(|| {
            verifier
                .verify(case.artifact.as_slice(), black_box(&bundle), &policy)
                .unwrap()
        });
    });
    group.bench_function("sigstore-verify, parsing", |b| {
        b.iter(|| Bundle::from_json(black_box(json)).unwrap());
    });
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
fn floor(root: &TrustedRoot, second_generation: bool) -> Vec<Check> {
    let mut kinds = vec![KeyKind::P384, KeyKind::P256, KeyKind::P256];
    if second_generation {
        let authority = &root.timestamp_authorities[0].chain[0];
        kinds.extend([KeyKind::Ed25519, authority.public_key().unwrap().kind()]);
    } else {
        kinds.extend([KeyKind::P256, KeyKind::P256]);
    }
    kinds.into_iter().map(Check::new).collect()
}

criterion_group!(verify, benches);
criterion_main!(verify);
