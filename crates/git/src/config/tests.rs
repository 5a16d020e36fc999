use proptest::prelude::*;

use super::*;

fn entry(scope: Scope, key: &str, value: Option<&str>) -> Entry {
    Entry {
        scope,
        origin: "file:x".to_owned(),
        key: key.to_owned(),
        value: value.map(ToOwned::to_owned),
    }
}

#[test]
fn what_comes_later_counts_and_values_may_hold_lines() {
    let list = b"system\0file:x\0gpg.format\nopenpgp\0\
        global\0file:x\0gpg.format\nx509\0\
        global\0file:x\0alias.x\n!f() {\ngpg.format=ssh\n}\0\
        local\0file:x\0commit.gpgsign\0\
        command\0file:x\0tag.gpgsign\nOff\0";
    let config = GitConfig::parse(list).unwrap();
    assert_eq!(
        config.find("gpg.format"),
        Some(&entry(Scope::Global, "gpg.format", Some("x509")))
    );
    assert_eq!(config.all("gpg.format").count(), 2);
    assert_eq!(config.value("alias.x"), Some("!f() {\ngpg.format=ssh\n}"));
    assert_eq!(config.truth("commit.gpgsign"), Some(true));
    assert_eq!(config.truth("tag.gpgsign"), Some(false));
    assert_eq!(config.truth("gpg.format"), None);
    assert_eq!(config.value("commit.gpgsign"), None);
    assert_eq!(config.find("user.name"), None);
}

#[test]
fn what_is_no_list_of_gits() {
    assert_eq!(GitConfig::parse(b""), Ok(GitConfig::default()));
    for cut in [
        &b"system"[..],
        b"system\0",
        b"system\0file:x\0",
        b"a\0b\0c\0d\0",
    ] {
        assert_eq!(
            GitConfig::parse(cut),
            Err(ConfigError::Truncated),
            "{cut:?}"
        );
    }
    let long = vec![b'x'; MAX_LIST_LEN + 1];
    assert_eq!(
        GitConfig::parse(&long),
        Err(ConfigError::TooLong { found: long.len() })
    );
    let many = b"a\0b\0c\0".repeat(MAX_ENTRIES + 1);
    assert_eq!(GitConfig::parse(&many), Err(ConfigError::TooMany));
}

#[test]
fn the_settings_of_gitsign_and_ours() {
    let list = b"global\0f\0gitsign.fulcio\nhttps://ca.example.com\0\
        global\0f\0gitsign.rekormode\nonline\0\
        global\0f\0gitsign.autoclose\ntrue\0\
        global\0f\0gitsign.matchcommitter\ntrue\0\
        global\0f\0gitsign.issuer\n\0\
        global\0f\0gitsign.logpath\n/tmp/from-key\0\
        local\0f\0signhere.instance\nwork\0";
    let config = GitConfig::parse(list).unwrap();
    let variable = |name: &str| match name {
        "GITSIGN_LOG" => Some("/tmp/from-variable".to_owned()),
        "SIGSTORE_REKOR_URL" => Some("https://log.example.com".to_owned()),
        "GITSIGN_CONNECTOR_ID" => Some("x".to_owned()),
        _ => None,
    };
    let source = |name: &str, value: &str| {
        Some(Source {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    };
    let settings = Settings::read(&config, &variable);
    assert_eq!(settings.instance, source("signhere.instance", "work"));
    assert_eq!(
        settings.authority,
        source("gitsign.fulcio", "https://ca.example.com")
    );
    assert_eq!(
        settings.log,
        source("SIGSTORE_REKOR_URL", "https://log.example.com")
    );
    assert_eq!(
        settings.log_path,
        source("GITSIGN_LOG", "/tmp/from-variable")
    );
    assert_eq!(settings.issuer, None);
    assert!(settings.match_committer);
    let unused: Vec<_> = settings
        .unused
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(
        unused,
        [
            "gitsign.rekormode",
            "GITSIGN_CONNECTOR_ID",
            "gitsign.autoclose"
        ]
    );
}

proptest! {
    #[test]
    fn any_list_is_read_or_refused(list in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(config) = GitConfig::parse(&list) {
            let _ = Settings::read(&config, &|_| None);
        }
    }
}
