use serde_json::{Value, json};

use super::*;
use crate::proto_json::JsonError;
use signhere_pki::time::Time;

fn public_good() -> Value {
    serde_json::from_str(PUBLIC_GOOD).unwrap()
}

fn parse(root: &Value) -> Result<TrustedRoot, TrustError> {
    TrustedRoot::parse(root.to_string().as_bytes())
}

#[test]
fn the_embedded_roots_are_whole() {
    for json in [PUBLIC_GOOD, STAGING] {
        let root = TrustedRoot::parse(json.as_bytes()).unwrap();
        assert_eq!(root.unsupported, []);
        assert_eq!(root.unknown_fields, [""; 0]);
        let verifier = crate::verifier::Verifier::new(root.clone()).unwrap();
        assert_eq!(verifier.check_authorities(), Ok(()));
        // What is written reads as what was written.
        let again = TrustedRoot::parse(&root.to_json()).unwrap();
        assert_eq!(again.to_json(), root.to_json());
        assert_eq!(again.tlogs.len(), root.tlogs.len());
    }
    let root = TrustedRoot::parse(PUBLIC_GOOD.as_bytes()).unwrap();
    let names: Vec<_> = root.tlogs.iter().map(TransparencyLog::name).collect();
    assert_eq!(
        names,
        ["rekor.sigstore.dev", "log2025-1.rekor.sigstore.dev"]
    );
}

#[test]
fn windows_have_a_start_and_an_order() {
    let mut root = public_good();
    root["tlogs"][0]["publicKey"]["validFor"] = json!({ "end": "2030-01-01T00:00:00Z" });
    let path = || "tlogs[0].publicKey.validFor".to_owned();
    assert_eq!(
        parse(&root).unwrap_err(),
        TrustError::NoStart { path: path() }
    );
    root["tlogs"][0]["publicKey"]["validFor"] = Value::Null;
    assert_eq!(
        parse(&root).unwrap_err(),
        TrustError::NoStart { path: path() }
    );
    root["tlogs"][0]["publicKey"]["validFor"] =
        json!({ "start": "2030-01-01T00:00:01Z", "end": "2030-01-01T00:00:00Z" });
    assert_eq!(
        parse(&root).unwrap_err(),
        TrustError::WindowReversed { path: path() }
    );

    let mut root = public_good();
    root["timestampAuthorities"][0]["validFor"] = json!({});
    let path = "timestampAuthorities[0].validFor".to_owned();
    assert_eq!(parse(&root).unwrap_err(), TrustError::NoStart { path });
}

#[test]
fn unknown_kinds_of_keys_are_left_out_and_broken_keys_refused() {
    let mut root = public_good();
    root["tlogs"][0]["publicKey"]["keyDetails"] = "ML_DSA_65".into();
    let read = parse(&root).unwrap();
    assert_eq!(read.tlogs.len(), 1);
    let [unsupported] = read.unsupported.as_slice() else {
        panic!("one log is not supported");
    };
    assert_eq!(unsupported.records, Records::Signatures);
    assert_eq!(unsupported.path, "tlogs[0].publicKey");
    root["tlogs"][0]["publicKey"]["keyDetails"] = "PKIX_ED25519".into();
    let error = parse(&root).unwrap_err();
    assert!(matches!(error, TrustError::Key { path, .. } if path == "tlogs[0].publicKey"));
}

#[test]
fn logs_are_told_apart_by_their_ids() {
    let refused = |root: &Value| {
        crate::verifier::Verifier::new(parse(root).unwrap())
            .err()
            .unwrap()
    };
    for kind in ["tlogs", "ctlogs"] {
        let mut root = public_good();
        root[kind][1]["logId"] = root[kind][0]["logId"].clone();
        let error = refused(&root);
        assert!(matches!(error, TrustError::SameLogId { .. }), "{kind}");
    }
    let mut root = public_good();
    root["tlogs"][1]["checkpointKeyId"] = root["tlogs"][0]["logId"].clone();
    let read = parse(&root).unwrap();
    assert_eq!(
        refused(&root),
        TrustError::SameLogId {
            id: hex::encode(&read.tlogs[0].log_id),
            first: "https://rekor.sigstore.dev".to_owned(),
            second: "https://log2025-1.rekor.sigstore.dev".to_owned(),
        }
    );
    // One log listed twice is no other log, unless it is said to have been valid at other times.
    let mut root = public_good();
    root["tlogs"][1] = root["tlogs"][0].clone();
    assert!(crate::verifier::Verifier::new(parse(&root).unwrap()).is_ok());
    root["tlogs"][1]["publicKey"]["validFor"]["start"] = "2030-01-01T00:00:00Z".into();
    assert!(matches!(refused(&root), TrustError::SameLogId { .. }));
    // A log may repeat its own id, and two may have none.
    let mut root = public_good();
    root["tlogs"][1]["checkpointKeyId"] = root["tlogs"][1]["logId"].clone();
    root["ctlogs"][0]["logId"] = Value::Null;
    root["ctlogs"][1]["logId"] = Value::Null;
    assert!(crate::verifier::Verifier::new(parse(&root).unwrap()).is_ok());
}

#[test]
fn a_root_has_a_bounded_number_of_keys() {
    for kind in [
        "tlogs",
        "ctlogs",
        "certificateAuthorities",
        "timestampAuthorities",
    ] {
        let mut root = public_good();
        root[kind] = vec![root[kind][0].clone(); 65].into();
        assert_eq!(
            parse(&root).unwrap_err(),
            TrustError::Json(JsonError::TooMany {
                path: kind.to_owned(),
                limit: 64,
                found: 65,
            })
        );
    }
}

#[test]
fn media_types_are_the_known_ones() {
    let mut root = public_good();
    for known in [
        "application/vnd.dev.sigstore.trustedroot.v0.1+json",
        "application/vnd.dev.sigstore.trustedroot.v0.2+json",
    ] {
        root["mediaType"] = known.into();
        assert!(parse(&root).is_ok());
    }
    root["mediaType"] = "application/vnd.dev.sigstore.trustedroot.v0.3+json".into();
    assert_eq!(
        parse(&root).unwrap_err(),
        TrustError::MediaType {
            expected: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            found: "application/vnd.dev.sigstore.trustedroot.v0.3+json".to_owned(),
        }
    );
}

#[test]
fn a_chain_that_does_not_hold_is_no_trust() {
    let mut root = public_good();
    let chain = &mut root["certificateAuthorities"][1]["certChain"]["certificates"];
    let reversed: Vec<Value> = chain.as_array().unwrap().iter().rev().cloned().collect();
    *chain = reversed.into();
    let verifier = crate::verifier::Verifier::new(parse(&root).unwrap()).unwrap();
    let error = verifier.check_authorities().unwrap_err();
    assert!(matches!(error, TrustError::Chain { uri, .. } if uri == "https://fulcio.sigstore.dev"));
}

#[test]
fn newer_roots_name_operators_and_checkpoint_keys() {
    let mut root = public_good();
    root["mediaType"] = "application/vnd.dev.sigstore.trustedroot.v0.2+json".into();
    root["tlogs"][1]["operator"] = "example".into();
    root["tlogs"][1]["checkpointKeyId"] = json!({ "keyId": "AQID" });
    let read = parse(&root).unwrap();
    assert_eq!(read.tlogs[1].operator, "example");
    assert_eq!(
        read.tlogs[1].checkpoint_key_id.as_deref(),
        Some([1, 2, 3].as_slice())
    );
    assert_eq!(read.unknown_fields, [""; 0]);
}

#[test]
fn client_trust_configs_hold_both() {
    let config = ClientTrustConfig {
        trusted_root: TrustedRoot::parse(PUBLIC_GOOD.as_bytes()).unwrap(),
        signing_config: SigningConfig::parse(PUBLIC_GOOD_SIGNING_CONFIG.as_bytes()).unwrap(),
        unknown_fields: Vec::new(),
    };
    let read = ClientTrustConfig::parse(&config.to_json()).unwrap();
    assert_eq!(read.signing_config, config.signing_config);
    assert_eq!(read.trusted_root.to_json(), config.trusted_root.to_json());
}

fn service(url: &str, version: u32, start: i64, end: Option<i64>, operator: &str) -> Service {
    Service {
        url: url.to_owned(),
        major_api_version: version,
        valid_for: signhere_pki::time::Validity {
            start: Time::from_unix(start),
            end: end.map(Time::from_unix),
        },
        operator: operator.to_owned(),
    }
}

fn selected(config: &SigningConfig, now: i64) -> Result<Vec<String>, TrustError> {
    let selected = config.select(Time::from_unix(now))?;
    Ok(selected.logs.into_iter().map(|log| log.url).collect())
}

#[test]
fn services_are_selected_by_version_window_operator_and_count() {
    let mut config = SigningConfig {
        rekor_tlog_urls: vec![
            service("a1", 1, 0, None, "a"),
            service("a2-old", 2, 10, Some(20), "a"),
            service("a2-new", 2, 20, None, "a"),
            service("b1", 1, 30, None, "b"),
            service("c3", 3, 0, None, "c"),
        ],
        rekor_tlog_config: Selector::All,
        ..SigningConfig::default()
    };
    assert_eq!(selected(&config, 9).unwrap(), ["a1"]);
    assert_eq!(selected(&config, 10).unwrap(), ["a2-old"]);
    // Closed at both ends: at 20 both are valid, and the later start wins.
    assert_eq!(selected(&config, 20).unwrap(), ["a2-new"]);
    assert_eq!(selected(&config, 30).unwrap(), ["b1", "a2-new"]);

    config.rekor_tlog_config = Selector::Any;
    assert_eq!(selected(&config, 30).unwrap(), ["b1"]);
    config.rekor_tlog_config = Selector::Exact(2);
    assert_eq!(selected(&config, 30).unwrap(), ["b1", "a2-new"]);
    assert_eq!(
        selected(&config, 29),
        Err(TrustError::TooFewServices {
            kind: ServiceKind::Log,
            expected: 2,
            found: 1,
        })
    );
    assert_eq!(
        selected(&config, -1),
        Err(TrustError::NoUsableService {
            kind: ServiceKind::Log,
            listed: 5,
        })
    );
    let only_v1 = Supported {
        log: &[1],
        ..Supported::default()
    };
    let logs = config
        .select_supported(Time::from_unix(30), &only_v1)
        .unwrap()
        .logs;
    assert_eq!(
        logs.iter().map(|log| log.url.as_str()).collect::<Vec<_>>(),
        ["b1", "a1"]
    );
}

#[test]
fn kinds_that_are_not_listed_are_left_empty() {
    let none = SigningConfig::default().select(Time::from_unix(0)).unwrap();
    assert_eq!((none.logs.len(), none.tsas.len()), (0, 0));
    assert_eq!(
        none.require_ca(),
        Err(TrustError::NoService {
            kind: ServiceKind::Ca
        })
    );
    assert_eq!(
        none.require_oidc(),
        Err(TrustError::NoService {
            kind: ServiceKind::Oidc
        })
    );
}

#[test]
fn an_exact_number_of_none_is_too_few() {
    let config = SigningConfig {
        tsa_config: Selector::Exact(1),
        ..SigningConfig::default()
    };
    assert_eq!(
        config.select(Time::from_unix(0)),
        Err(TrustError::TooFewServices {
            kind: ServiceKind::Tsa,
            expected: 1,
            found: 0,
        })
    );
}

#[test]
fn signing_configs_are_read_and_written() {
    for json in [PUBLIC_GOOD_SIGNING_CONFIG, STAGING_SIGNING_CONFIG] {
        let config = SigningConfig::parse(json.as_bytes()).unwrap();
        assert_eq!(config.unknown_fields, [""; 0]);
        assert_eq!(SigningConfig::parse(&config.to_json()).unwrap(), config);
        assert!(config.select(Time::from_unix(1_790_000_000)).is_ok());
    }
    let with = |config: Value| {
        let mut document: Value = serde_json::from_str(PUBLIC_GOOD_SIGNING_CONFIG).unwrap();
        document["tsaConfig"] = config;
        SigningConfig::parse(document.to_string().as_bytes()).map(|config| config.tsa_config)
    };
    assert_eq!(
        with(json!({ "selector": 3, "count": 2 })),
        Ok(Selector::Exact(2))
    );
    assert_eq!(with(json!({ "selector": "ALL" })), Ok(Selector::All));
    assert_eq!(with(Value::Null), Ok(Selector::Any));
    for (selector, found) in [
        (json!({ "selector": "EXACT" }), "EXACT"),
        (json!({ "selector": "SOME" }), "SOME"),
        (json!({}), ""),
    ] {
        assert_eq!(
            with(selector),
            Err(TrustError::Selector {
                path: "tsaConfig".to_owned(),
                found: found.to_owned(),
            })
        );
    }
    let negative = with(json!({ "selector": "EXACT", "count": -1 }));
    assert_eq!(
        negative,
        Err(TrustError::Json(JsonError::Value {
            path: "tsaConfig.count".to_owned(),
            expected: "an unsigned 32-bit integer",
        }))
    );
}

#[test]
fn the_instances_that_ship_with_the_program_are_usable() {
    use crate::tuf::{Metadata, Root};

    for json in [PUBLIC_GOOD, STAGING, GITHUB] {
        let root = TrustedRoot::parse(json.as_bytes()).unwrap();
        assert!(!root.certificate_authorities.is_empty());
        assert_eq!(root.unsupported, []);
    }
    for (root, version) in [(PUBLIC_GOOD_ROOT, 16), (STAGING_ROOT, 15), (GITHUB_ROOT, 9)] {
        let root = Metadata::<Root>::parse(root.as_bytes()).unwrap();
        root.verify_self().unwrap();
        assert_eq!(root.version(), version);
        // A program that was just released should be able to follow the repository.
        assert_eq!(root.check_expiry(KNOWN_ON), Ok(()));
    }
    // The public root continues the one that other clients shipped with.
    let before = include_bytes!("../../../../testdata/tuf/public-good.15.root.json");
    let before = Metadata::<Root>::parse(before).unwrap();
    let root = Metadata::<Root>::parse(PUBLIC_GOOD_ROOT.as_bytes()).unwrap();
    assert_eq!(before.verify_next(&root), Ok(()));
    assert_eq!(KNOWN_ON.to_string(), "2026-11-22T00:00:00Z");
}
