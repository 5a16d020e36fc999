//! Real signatures made by others. They are read where they lie and never copied into the project.

use std::path::{Path, PathBuf};

/// The corpus folder: `SIGNHERE_CORPUS`, else `../shared/corpus` beside the checkout. Without one, says on standard error
/// that `what` is skipped, and returns nothing.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests are an edge"
)]
pub fn folder_or_skip(what: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("SIGNHERE_CORPUS").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "SKIPPED {what}: no corpus at {}; set SIGNHERE_CORPUS",
        folder.display()
    );
    None
}

/// One case of `bundles/cases.tsv`, with everything its verification needs.
#[derive(Clone, Debug)]
pub struct BundleCase {
    /// The folder's name, which says what the case is about.
    pub name: String,
    /// Whether the bundle is to be accepted.
    pub accept: bool,
    /// The bundle as it lies on disk.
    pub bundle: Vec<u8>,
    /// What was signed.
    pub artifact: Vec<u8>,
    /// A trusted root of the case's own, else the public-good one.
    pub trusted_root: Vec<u8>,
    /// The public key to verify with, in PEM, instead of an identity.
    pub key: Option<String>,
    /// The expected subject alternative name.
    pub identity: String,
    /// The expected issuer.
    pub issuer: String,
}

/// All bundle cases below the corpus `folder`.
///
/// # Panics
/// When a file of the corpus is missing or unreadable.
#[expect(clippy::panic, reason = "a broken corpus must fail the test")]
pub fn bundle_cases(folder: &Path) -> Vec<BundleCase> {
    let bundles = folder.join("bundles");
    let read = |path: &Path| {
        std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let text = |path: &Path| String::from_utf8_lossy(&read(path)).trim_end().to_owned();
    let own_or = |case: &Path, name: &str, other: &Path| {
        let own = case.join(name);
        read(if own.exists() { &own } else { other })
    };
    let text_or = |path: PathBuf, default: &str| {
        if path.exists() {
            text(&path)
        } else {
            default.to_owned()
        }
    };

    text(&bundles.join("cases.tsv"))
        .lines()
        .skip(1)
        .map(|line| {
            let (name, expected) = line.split_once('\t').unwrap_or((line, ""));
            let case = bundles.join(name);
            let key = case.join("key.pub");
            BundleCase {
                name: name.to_owned(),
                accept: match expected {
                    "accept" => true,
                    "reject" => false,
                    other => panic!("{name}: neither accept nor reject: {other:?}"),
                },
                bundle: read(&case.join("bundle.sigstore.json")),
                artifact: own_or(&case, "artifact", &bundles.join("a.txt")),
                trusted_root: own_or(
                    &case,
                    "trusted_root.json",
                    &folder.join("trust/public-good.trusted_root.json"),
                ),
                key: key.exists().then(|| text(&key)),
                identity: text_or(case.join("identity"), BEACON),
                issuer: text_or(case.join("issuer"), ACTIONS),
            }
        })
        .collect()
}

const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ACTIONS: &str = "https://token.actions.githubusercontent.com";
