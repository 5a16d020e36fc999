use std::fs;

use signhere_pki::key::{KeyKind, PrivateKey};
use signhere_testkit::random::SeededRandom;

use super::*;
use crate::config::{Services, Written, template};
use crate::state::keyring::{Founding, Keyring};
use crate::state::seal::Unlock;

/// A folder with a public key and a chain of certificates.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let keys = tempfile::tempdir().unwrap();
    let founding = Founding {
        organization: "Example",
        host: None,
    };
    let (now, random) = (Time::from_unix(1_795_000_000), SeededRandom::new(1));
    let keyring = Keyring::create(keys.path(), founding, &Unlock::File, now, &random).unwrap();
    let chain: String = keyring
        .chain("ca-1")
        .unwrap()
        .iter()
        .map(Certificate::to_pem)
        .collect();
    fs::write(dir.path().join("chain.pem"), chain).unwrap();
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    fs::write(dir.path().join("key.pub"), key.public_key().to_pem()).unwrap();
    fs::write(dir.path().join("empty"), "").unwrap();
    dir
}

fn load(dir: &Path, text: &str) -> Result<InstanceConfig, ConfigError> {
    fs::write(dir.join(FILE), text).unwrap();
    InstanceConfig::load(dir, None)
}

/// All that a person is told, without the folder.
fn told(dir: &Path, text: &str) -> String {
    let error = load(dir, text).unwrap_err();
    let mut told = error.to_string();
    for line in error.place.iter().flat_map(|place| place.excerpt()) {
        told += &format!("\n  {line}");
    }
    for (name, fact) in [
        ("expected", error.problem.expected()),
        ("found", error.problem.found()),
    ] {
        if let Some(fact) = fact {
            told += &format!("\n{name}: {fact}");
        }
    }
    told.replace(&format!("{}/", dir.display()), "")
}

#[test]
fn the_file_of_a_new_instance_says_what_holds_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let same = |text: &str| {
        let config = load(dir.path(), text).unwrap();
        assert_eq!(config.address, LISTEN);
        assert_eq!((config.url, config.tls), (None, None));
        let services = Services {
            oidc: false,
            ..Services::default()
        };
        assert_eq!(config.services, services);
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.rates, RateLimits::default());
        assert_eq!(config.logging, Logging::default());
        assert_eq!(config.rotation_lead, Duration::ZERO);
        assert_eq!(config.metrics, None);
    };
    let written = template(&Written::default());
    same("");
    same(&written);
    // So does every line that is commented out and is not an example.
    let mut lines: Vec<&str> = Vec::new();
    for line in written.lines() {
        let is_example = lines.last().is_some_and(|last| last.ends_with("e.g."));
        let value = line.strip_prefix("# ").filter(|line| line.contains(" = "));
        lines.push(match value {
            Some(value) if !is_example && !value.contains("example") => value,
            _ => line,
        });
    }
    let without_comments = lines.join("\n").replace("logs = ", "# logs = ");
    let without_comments = without_comments.replace("high_water = ", "# high_water = ");
    let without_comments = without_comments.replace("\nkey = ", "\n# key = ");
    assert!(without_comments.contains("\nbatch = 256\n"));
    same(&without_comments);
}

#[test]
fn what_is_written_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut written = Written {
        listen: "127.0.0.1:4711".parse().unwrap(),
        url: None,
        development: true,
    };
    let config = load(dir.path(), &template(&written)).unwrap();
    assert_eq!(config.address, written.listen);
    assert!(config.services.oidc);
    assert_eq!(config.base(), "http://127.0.0.1:4711");
    assert_eq!(config.public_host(), None);

    written.development = false;
    written.url = Some("https://sigstore.example.org".parse().unwrap());
    let config = load(dir.path(), &template(&written)).unwrap();
    assert_eq!(config.base(), "https://sigstore.example.org");
    assert_eq!(config.public_host(), Some("sigstore.example.org"));
}

#[test]
fn the_command_line_wins_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), template(&Written::default())).unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let config = InstanceConfig::load(dir.path(), Some(listen)).unwrap();
    assert_eq!(config.address, listen);
    let everywhere = "0.0.0.0:3003".parse().unwrap();
    let error = InstanceConfig::load(dir.path(), Some(everywhere)).unwrap_err();
    let problem = ConfigProblem::PlainInPublic {
        address: everywhere,
    };
    assert_eq!(*error.problem, problem);
}

#[test]
fn services_of_others_are_read_with_what_they_are_trusted_by() {
    let dir = folder();
    let config = load(
        dir.path(),
        r#"
        [ca]
        external = { url = "https://fulcio.example.org", chain = "chain.pem" }
        [ct]
        external = { url = "https://ct.example.org/2026", key = "key.pub", start = 2026-01-01T00:00:00Z }
        [log.external]
        url = "https://rekor.example.org"
        key = "key.pub"
        start = "2026-02-01T00:00:00Z"
        api_version = 1
        [tsa]
        enabled = false
        "#,
    )
    .unwrap();
    let on = config.services;
    assert!(!on.ca && !on.ct && !on.log && !on.tsa && on.tuf);
    let ca = config.external.ca.unwrap();
    assert_eq!(ca.chain.len(), 2);
    assert_eq!(ca.start, ca.chain[0].not_before());
    let ct = config.external.ct.unwrap();
    assert_eq!(ct.origin, "ct.example.org/2026");
    assert_eq!(ct.start.to_string(), "2026-01-01T00:00:00Z");
    let log = config.external.log.unwrap();
    assert_eq!(
        (log.origin.as_str(), log.api_version),
        ("rekor.example.org", 1)
    );
}

#[test]
fn every_mistake_is_shown_in_its_line() {
    let dir = folder();
    let mistakes = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/serve/instance.toml.mistakes"
    ))
    .unwrap();
    let mut cases = 0;
    for case in mistakes.split("\n=== ").skip(1) {
        let (name, rest) = case.split_once('\n').unwrap();
        let (text, expected) = rest.split_once("\n---\n").unwrap();
        assert_eq!(told(dir.path(), text), expected.trim_end(), "{name}");
        cases += 1;
    }
    assert!(cases >= 30, "{cases} cases");
}

#[test]
fn a_file_that_is_not_there_is_no_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let error = InstanceConfig::load(dir.path(), None).unwrap_err();
    assert_eq!(
        error,
        ConfigError::of_file(&dir.path().join(FILE), ConfigProblem::Absent)
    );
    let large = "#".repeat(300 * 1024);
    let error = load(dir.path(), &large).unwrap_err();
    assert!(matches!(*error.problem, ConfigProblem::Unreadable { .. }));
}

#[test]
fn a_mistake_in_the_issuers_is_shown_with_its_own_line() {
    let dir = folder();
    let yaml = "oidc-issuers:\n  https://a.example.com:\n    client-id: x\n    type: mail\n";
    fs::write(dir.path().join("issuers.yaml"), yaml).unwrap();
    let text = "[issuers]\nfile = \"issuers.yaml\"\n";
    let told = told(dir.path(), text);
    assert!(told.contains("\n  "), "{told}");
    let found = told.split("found: ").nth(1).unwrap();
    assert!(
        found.starts_with("line 4, column 11: unknown type \"mail\"; known are email, "),
        "{told}"
    );
    fs::write(
        dir.path().join("issuers.yaml"),
        yaml.replace("mail", "email"),
    )
    .unwrap();
    assert_eq!(load(dir.path(), text).unwrap().issuers.fulcio.len(), 1);
}

#[test]
fn metrics_may_have_an_address_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let config = load(dir.path(), "[metrics]\nlisten = \"10.0.0.7:9090\"\n").unwrap();
    assert_eq!(config.metrics, Some(([10, 0, 0, 7], 9090).into()));
    let error = load(dir.path(), "[metrics]\nlisten = 9090\n").unwrap_err();
    let line = error.place.as_ref().map(|place| place.line);
    assert_eq!(line, Some(2), "{error}");
}
