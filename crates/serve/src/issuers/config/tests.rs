use proptest::prelude::*;

use super::*;

const CONFIG: &str = include_str!("../../../../../testdata/issuers/fulcio.yaml");

/// The mistake in `yaml`, as text.
fn mistake(yaml: &str) -> String {
    FulcioConfig::parse(yaml).unwrap_err().to_string()
}

/// An issuer with these lines.
fn issuer(lines: &[&str]) -> String {
    let mut yaml = "oidc-issuers:\n  https://a.example.com:\n    client-id: sigstore\n".to_owned();
    for line in lines {
        yaml.push_str(&format!("    {line}\n"));
    }
    yaml
}

#[test]
fn fulcios_own_form_is_read() {
    let config = FulcioConfig::parse(CONFIG).unwrap();
    assert_eq!(config.len(), 20);
    let names: Vec<_> = config.issuers.iter().map(|i| i.kind.name()).collect();
    assert_eq!(
        names[..8],
        [
            "email",
            "email",
            "email",
            "username",
            "uri",
            "spiffe",
            "kubernetes",
            "chainguard-identity"
        ]
    );
    assert_eq!(names[8..13], ["ci-provider"; 5]);
    assert_eq!(names[13..17], Kind::BUILT_IN);
    assert_eq!(config.issuers[2].audience, "desktop");
    assert!(FulcioConfig::parse("").unwrap().is_empty());
    assert!(FulcioConfig::parse("oidc-issuers:\n").unwrap().is_empty());
}

#[test]
fn json_is_read_too() {
    let config = r#"{
        "OIDCIssuers": { "https://a.example.com": { "IssuerURL": "https://a.example.com", "ClientID": "sigstore", "Type": "email", "IssuerClaim": "$.x" } },
        "MetaIssuers": { "https://b.example.com/*": { "ClientID": "sigstore", "Type": "ci-provider", "CIProvider": "p" } },
        "CIIssuerMetadata": { "p": { "DefaultTemplateValues": { "a": "b" }, "ExtensionTemplates": { "BuildSignerURI": "{{.a}}" }, "SubjectAlternativeNameTemplate": "https://{{.a}}" } }
    }"#;
    assert_eq!(FulcioConfig::parse(config).unwrap().len(), 2);
}

#[test]
fn merged_keys_and_hundreds_of_issuers_of_one_provider_are_read() {
    let mut yaml = "x-common: &common\n  client-id: sigstore\n  type: ci-provider\n  ci-provider: &p p\noidc-issuers:\n".to_owned();
    for n in 0..400 {
        yaml.push_str(&format!(
            "  https://a{n}.example.com:\n    <<: *common\n    description: {n}\n"
        ));
    }
    yaml.push_str(
        "ci-issuer-metadata:\n  *p:\n    subject-alternative-name-template: \"https://{{.a}}\"\n",
    );
    assert_eq!(FulcioConfig::parse(&yaml).unwrap().len(), 400);
}

#[test]
fn mistakes_are_shown_with_their_line() {
    for (yaml, expected) in [
        ("oidc-issuer: {}".to_owned(), "line 1, column 1: unknown field `oidc-issuer`, expected one of oidc-issuers, meta-issuers, ci-issuer-metadata"),
        (issuer(&["type: email", "client-ids: x"]), "line 5, column 5: unknown field `client-ids`, expected one of issuer-url, client-id, type, ci-provider, issuer-claim, subject-domain, spiffe-trust-domain, challenge-claim, ca-cert, skip-email-verification, description, contact, environment"),
        (issuer(&["type: [email]"]), "line 4, column 11: expected string scalar"),
        (issuer(&["type: email", "type: uri"]), "line 5, column 5: duplicate mapping key: type, set DuplicateKeyPolicy in Options if acceptable"),
        (issuer(&["type: email", "skip-email-verification: perhaps"]), "line 5, column 30: invalid boolean"),
        (issuer(&[]), "line 2, column 3: type is missing"),
        ("oidc-issuers:\n  https://a.example.com:\n    type: email".to_owned(), "line 2, column 3: client-id is missing"),
        (issuer(&["type: mail"]), "line 4, column 11: unknown type \"mail\"; known are email, username, uri, spiffe, kubernetes, chainguard-identity, ci-provider, github-workflow, gitlab-pipeline, buildkite-job, codefresh-workflow"),
        (issuer(&["type: email", "issuer-url: https://b.example.com"]), "line 5, column 17: issuer-url is \"https://b.example.com\", the issuer stands under \"https://a.example.com\""),
        (issuer(&["type: email", "issuer-claim: federated"]), "line 5, column 19: issuer-claim is \"federated\" where a path like \"$.claim.claim\" is expected"),
        (issuer(&["type: email", "issuer-claim: $.a[0]"]), "line 5, column 19: issuer-claim is \"$.a[0]\" where a path like \"$.claim.claim\" is expected"),
        (issuer(&["type: kubernetes", "issuer-claim: $.a"]), "line 5, column 19: issuer-claim is for issuers of type email"),
        (issuer(&["type: username"]), "line 2, column 3: subject-domain is missing"),
        (issuer(&["type: username", "subject-domain: example.org"]), "line 5, column 21: the issuer \"https://a.example.com\" may not speak for the subject-domain \"example.org\""),
        (issuer(&["type: uri", "subject-domain: example.com"]), "line 5, column 21: subject-domain is \"example.com\" where a scheme and a host are expected"),
        (issuer(&["type: uri", "subject-domain: https://example.com/x"]), "line 5, column 21: subject-domain is \"https://example.com/x\" where a scheme and a host are expected"),
        (issuer(&["type: uri", "subject-domain: https://example.org"]), "line 5, column 21: the issuer \"https://a.example.com\" may not speak for the subject-domain \"https://example.org\""),
        (issuer(&["type: uri", "subject-domain: http://example.com"]), "line 5, column 21: the issuer \"https://a.example.com\" may not speak for the subject-domain \"http://example.com\""),
        (issuer(&["type: spiffe"]), "line 2, column 3: spiffe-trust-domain is missing"),
        (issuer(&["type: spiffe", "spiffe-trust-domain: Example/x"]), "line 5, column 26: spiffe-trust-domain is \"Example/x\" where a name of small letters, digits, `.`, `-` and `_` is expected"),
        (issuer(&["type: ci-provider"]), "line 2, column 3: ci-provider is missing"),
        (issuer(&["type: ci-provider", "ci-provider: p"]), "line 5, column 18: unknown ci-provider \"p\"; ci-issuer-metadata has none"),
        (issuer(&["type: email", "ca-cert: nonsense"]), "line 5, column 14: ca-cert holds no certificates in PEM"),
        ("oidc-issuers:\n  a.example.com:\n    type: email".to_owned(), "line 2, column 3: \"a.example.com\" is no URL of an issuer"),
        ("oidc-issuers:\n  https://u@a.example.com: {}".to_owned(), "line 2, column 3: \"https://u@a.example.com\" is no URL of an issuer"),
        ("oidc-issuers:\n  http://a.example.com: {}".to_owned(), "line 2, column 3: \"http://a.example.com\" must be https (http is for this machine only)"),
        ("meta-issuers:\n  https://a.example.com: {}".to_owned(), "line 2, column 3: \"https://a.example.com\" has no `*`: it belongs under oidc-issuers"),
        ("meta-issuers:\n  https://*.com/x: {}".to_owned(), "line 2, column 3: \"https://*.com/x\" is too wide: the last two labels of the host must be spelled out"),
        ("meta-issuers:\n  http://a.example.com/*: {}".to_owned(), "line 2, column 3: \"http://a.example.com/*\" must be https (http is for this machine only)"),
        ("meta-issuers:\n  https://a.example.com/*:\n    client-id: x\n    type: spiffe".to_owned(), "line 4, column 11: an issuer of type spiffe may not have a wildcard"),
        ("ci-issuer-metadata:\n  p: {}".to_owned(), "line 2, column 3: subject-alternative-name-template is missing"),
        ("ci-issuer-metadata:\n  p:\n    subject-alternative-name-template: \"{{.a\"".to_owned(), "line 3, column 40: the template's action has no end"),
        ("ci-issuer-metadata:\n  p:\n    subject-alternative-name-template: a\n    extension-templates:\n      build-signer-uri: \"{{len .a}}\"".to_owned(), "line 5, column 25: the template has \"len\"; known are .claim, index, eq, ne, not, and, or, if, else, end"),
        ("ci-issuer-metadata:\n  p:\n    subject-alternative-name-template: a\n    extension-templates:\n      build-signer-url: a".to_owned(), "line 5, column 7: unknown extension \"build-signer-url\"; docs/reference/issuers.md lists them"),
    ] {
        assert_eq!(mistake(&yaml), expected, "{yaml}");
    }
}

#[test]
fn an_alias_as_a_key_keeps_its_line() {
    let yaml = "define: [&p p]\nci-issuer-metadata:\n  *p:\n    subject-alternative-name-template: \"{{x}}\"\n";
    assert_eq!(
        mistake(yaml),
        "line 4, column 40: the template has \"x\"; known are .claim, index, eq, ne, not, and, or, if, else, end"
    );
    assert!(
        mistake("ci-issuer-metadata:\n  *nobody:\n    a: b\n").starts_with("line 2, column 3: ")
    );
}

#[test]
fn bombs_and_monsters_are_refused_quickly() {
    let mut bomb = "x-a: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let aliases = vec![format!("*a{}", n - 1); 9].join(", ");
        bomb.push_str(&format!("x-{n}: &a{n} [{aliases}]\n"));
    }
    bomb.push_str("oidc-issuers: *a11\n");
    assert!(FulcioConfig::parse(&bomb).is_err());
    let deep = format!("x-a: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(FulcioConfig::parse(&deep).is_err());
    let deep: String = (0..1000)
        .map(|n| format!("{}a:\n", " ".repeat(n)))
        .collect();
    assert!(FulcioConfig::parse(&format!("x-{deep}")).is_err());
    let documents = "---\n{}\n".repeat(10_000);
    assert!(FulcioConfig::parse(&documents).is_err());
    let long = ConfigError {
        line: 1,
        column: 1,
        problem: ConfigProblem::TooLarge {
            limit: 1 << 20,
            found: (1 << 20) + 1,
        },
    };
    let large = "#".repeat((1 << 20) + 1);
    assert_eq!(FulcioConfig::parse(&large).unwrap_err(), long);
    let mut many = "oidc-issuers:\n".to_owned();
    for n in 0..1025 {
        many.push_str(&format!(
            "  https://a{n}.example.com: {{client-id: x, type: email}}\n"
        ));
    }
    assert_eq!(
        mistake(&many),
        "line 1, column 1: the configuration has 1025 issuers, 1024 are taken"
    );
    for nonsense in [
        "\0",
        "- a",
        "a",
        "{",
        "%YAML 3\n",
        "\u{feff}",
        "oidc-issuers: 7",
        "oidc-issuers: [a]",
        "? {a: b}\n: c",
    ] {
        let _ = FulcioConfig::parse(nonsense);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    /// Whatever is changed in a good configuration, it is read or refused.
    #[test]
    fn reading_holds(at in any::<prop::sample::Index>(), length in 0..40_usize, with in "[-*&:{}\\[\\]|>!%\"'# \n\ta-z]{0,20}") {
        let start = at.index(CONFIG.len());
        let end = (start + length).min(CONFIG.len());
        let changed = format!("{}{with}{}", &CONFIG[..start], &CONFIG[end..]);
        if let Err(error) = FulcioConfig::parse(&changed) {
            let lines = u64::try_from(changed.lines().count()).unwrap();
            prop_assert!(error.line <= 1 + lines, "{error}");
        }
    }
}
