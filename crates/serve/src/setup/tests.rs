use std::fs;

use signhere_pki::digest::sha256;
use signhere_testkit::random::{BrokenRandom, SeededRandom};

use super::*;
use crate::config::ConfigProblem;
use crate::quiet::nothing_starts;
use crate::state::seal::{Seal, UnlockKind};

const NOW: Time = Time::from_unix(1_795_000_000);

fn make(setup: &Setup, dir: &Path) -> Result<NewInstance, ServeError> {
    setup.make(dir, NOW, &SeededRandom::new(1))
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn an_instance_is_made_once() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("instance");
    let made = make(&Setup::new(Unlock::File), &root).unwrap();
    assert_eq!(made.url, "http://127.0.0.1:3003");
    assert_eq!(made.issuer, None);
    assert_eq!(
        names(&root),
        [
            "instance.toml",
            "keys",
            "lock",
            "root.json",
            "signing_config.v0.2.json",
            "trust_config.json",
            "trusted_root.json",
            "tuf"
        ]
    );
    let pinned = fs::read(root.join("root.json")).unwrap();
    assert_eq!(made.root_sha256, hex::encode(sha256(&pinned)));
    assert_eq!(Seal::kind(&root.join("keys")), Ok(UnlockKind::File));
    let config = InstanceConfig::load(&root, None).unwrap();
    assert!(!config.services.oidc);

    let seal = fs::read(root.join("keys/seal.json")).unwrap();
    let expected = ServeError::AlreadyMade { path: root.clone() };
    let again = make(&Setup::new(Unlock::File), &root);
    assert_eq!(again, Err(expected));
    assert_eq!(fs::read(root.join("keys/seal.json")).unwrap(), seal);
}

#[test]
fn what_is_decided_is_what_is_written() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(Unlock::File);
    setup.organization = "Example".to_owned();
    setup.config.url = Some("https://sigstore.example.org".parse().unwrap());
    let root = dir.path().join("instance");
    let made = make(&setup, &root).unwrap();
    assert_eq!(made.url, "https://sigstore.example.org");
    let keys = Keyring::open(&root.join("keys"), &Unlock::File).unwrap();
    let root = keys.certificate("ca-root").unwrap();
    assert_eq!(root.subject_organization().as_deref(), Some("Example"));
    assert_eq!(
        keys.manifest().host.as_deref(),
        Some("sigstore.example.org")
    );
}

#[test]
fn what_cannot_be_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("instance");
    let mut setup = Setup::new(Unlock::File);
    setup.config.listen = "0.0.0.0:3003".parse().unwrap();
    let problem = ConfigProblem::PlainInPublic {
        address: setup.config.listen,
    };
    match make(&setup, &root) {
        Err(ServeError::Config(error)) => {
            assert_eq!((error.place, *error.problem), (None, problem));
        }
        other => panic!("{other:?}"),
    }
    assert!(!root.exists());
}

#[test]
fn what_failed_can_be_done_again() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("instance");
    let mut setup = Setup::new(Unlock::File);
    setup.config.development = true;
    let failed = setup.make(&root, NOW, &BrokenRandom);
    assert!(matches!(failed, Err(ServeError::Make { .. })), "{failed:?}");
    assert_eq!(names(&root), ["instance.toml", "keys.new", "lock"]);

    setup.config.development = false;
    make(&setup, &root).unwrap();
    let config = InstanceConfig::load(&root, None).unwrap();
    assert!(!config.services.oidc);
    assert!(!root.join("keys.new").exists());
}
