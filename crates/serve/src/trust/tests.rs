use signhere_pki::key::{KeyKind, PrivateKey};
use signhere_testkit::random::SeededRandom;
use tempfile::TempDir;

use super::*;
use crate::config::External;
use crate::state::keyring::sample;
use crate::state::manifest::OVERLAP;
use crate::state::seal::Unlock;

const NOW: Time = Time::from_unix(1_795_000_000);

fn keyring() -> (TempDir, Keyring) {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    let keyring = sample::keyring(&keys, NOW);
    (dir, keyring)
}

fn config() -> InstanceConfig {
    InstanceConfig::new("127.0.0.1:3003".parse().unwrap())
}

fn told(keyring: &Keyring, config: &InstanceConfig) -> ClientTrustConfig {
    let endpoints = Endpoints::new(config, &keyring.manifest().id);
    let told = client_trust_config(keyring, &endpoints, config).unwrap();
    // What clients read is what was meant.
    let read = ClientTrustConfig::parse(&told.to_json()).unwrap();
    assert!(read.unknown_fields.is_empty());
    read
}

fn span(start: i64, end: Option<i64>) -> Validity {
    Validity {
        start: NOW.plus_seconds(start),
        end: end.map(|end| NOW.plus_seconds(end)),
    }
}

#[test]
fn every_key_that_a_service_has_had_is_listed_with_its_span() {
    let (_dir, mut keyring) = keyring();
    let random = SeededRandom::new(2);
    for role in Role::ALL {
        for start in [1_000, 2_000] {
            keyring
                .add(role, NOW.plus_seconds(start), NOW, &random)
                .unwrap();
        }
    }
    let told = told(&keyring, &config());
    let root = &told.trusted_root;
    let spans = [
        span(0, Some(1_000 + OVERLAP)),
        span(1_000, Some(2_000 + OVERLAP)),
        span(2_000, None),
    ];
    for logs in [&root.tlogs, &root.ctlogs] {
        let found: Vec<_> = logs.iter().map(|log| log.validity).collect();
        assert_eq!(found, spans);
        let mut ids: Vec<_> = logs.iter().map(|log| &log.log_id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3);
    }
    for authorities in [&root.certificate_authorities, &root.timestamp_authorities] {
        let found: Vec<_> = authorities.iter().map(|ca| ca.validity).collect();
        assert_eq!(found, spans);
        assert!(authorities.iter().all(|ca| ca.chain.len() == 2));
    }
    for (log, shard) in root.tlogs.iter().zip(keyring.manifest().shards(Role::Log)) {
        assert_eq!(log.name(), shard.origin);
    }
    // One service of each kind, wherever its key comes from.
    let config = &told.signing_config;
    for services in [
        &config.ca_urls,
        &config.oidc_urls,
        &config.rekor_tlog_urls,
        &config.tsa_urls,
    ] {
        assert_eq!(services.len(), 1);
    }
}

#[test]
fn a_service_that_has_served_is_believed_when_it_is_off() {
    let (dir, mut keyring) = keyring();
    let mut config = config();
    let on = &mut config.services;
    (on.ca, on.ct, on.log, on.tsa) = (false, false, false, false);
    let lengths = |keyring: &Keyring| {
        let ClientTrustConfig {
            trusted_root: root,
            signing_config: to,
            ..
        } = told(keyring, &config);
        let listed = [
            to.ca_urls.len(),
            to.rekor_tlog_urls.len(),
            to.tsa_urls.len(),
        ];
        assert_eq!(listed, [0, 0, 0]);
        [
            root.certificate_authorities.len(),
            root.ctlogs.len(),
            root.tlogs.len(),
            root.timestamp_authorities.len(),
        ]
    };
    assert_eq!(lengths(&keyring), [0, 0, 0, 0]);
    keyring.note_served(&[Role::Log, Role::Ca]).unwrap();
    assert_eq!(lengths(&keyring), [1, 0, 1, 0]);
    // Once, and for good.
    let open = || Keyring::open(&dir.path().join("keys"), &Unlock::File).unwrap();
    open().note_served(&[Role::Ct]).unwrap();
    assert_eq!(lengths(&open()), [1, 1, 1, 0]);
}

#[test]
fn services_of_others_take_the_place_of_those_that_are_off() {
    let (_dir, keyring) = keyring();
    let start = NOW.plus_seconds(-1_000);
    let authority = |url: &str, name: &str| {
        Some(ExternalAuthority {
            url: Url::parse(url).unwrap(),
            chain: keyring.chain(name).unwrap(),
            start,
        })
    };
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let log = |url: &str, origin: &str, api_version| {
        Some(ExternalLog {
            url: Url::parse(url).unwrap(),
            key: key.public_key().clone(),
            start,
            origin: origin.to_owned(),
            api_version,
        })
    };
    let mut config = config();
    let on = &mut config.services;
    (on.ca, on.ct, on.log, on.tsa) = (false, false, false, false);
    config.external = External {
        ca: authority("https://fulcio.example.org/", "ca-1"),
        ct: log("https://ct.example.org/2026/", "ct.example.org/2026", 1),
        log: log("https://rekor.example.org", "log2026.example.org", 2),
        tsa: authority("https://tsa.example.org/api/v1/timestamp", "tsa-1"),
    };
    config.issuers.login = Some(Url::parse("https://login.example.org").unwrap());

    let told = told(&keyring, &config);
    let root = &told.trusted_root;
    let [log] = &root.tlogs[..] else {
        panic!("one log")
    };
    // Clients compare this name with the one in checkpoints.
    assert_eq!(log.base_url, "https://log2026.example.org");
    assert_eq!(log.operator, "rekor.example.org");
    assert_eq!(log.key, *key.public_key());
    assert_eq!(log.log_id, key.public_key().key_id());
    let [ct] = &root.ctlogs[..] else {
        panic!("one CT log")
    };
    assert_eq!(ct.base_url, "https://ct.example.org/2026");
    assert_eq!(ct.log_id, key.public_key().key_id());
    let since = span(-1_000, None);
    for (authorities, uri) in [
        (&root.certificate_authorities, "https://fulcio.example.org"),
        (
            &root.timestamp_authorities,
            "https://tsa.example.org/api/v1/timestamp",
        ),
    ] {
        let [authority] = &authorities[..] else {
            panic!("one authority")
        };
        assert_eq!((authority.uri.as_str(), authority.validity), (uri, since));
    }

    let config = &told.signing_config;
    let service = |url: &str, major_api_version, start| Service {
        url: url.to_owned(),
        major_api_version,
        valid_for: since_of(start),
        operator: Url::parse(url).unwrap().host_str().unwrap().to_owned(),
    };
    assert_eq!(
        config.ca_urls,
        [service("https://fulcio.example.org", 1, start)]
    );
    assert_eq!(
        config.rekor_tlog_urls,
        [service("https://rekor.example.org", 2, start)]
    );
    assert_eq!(
        config.tsa_urls,
        [service(
            "https://tsa.example.org/api/v1/timestamp",
            1,
            start
        )]
    );
    assert_eq!(
        config.oidc_urls,
        [service("https://login.example.org", 1, NOW)]
    );
}

fn since_of(start: Time) -> Validity {
    Validity { start, end: None }
}
