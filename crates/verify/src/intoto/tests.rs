use super::*;

fn statement(subjects: &str) -> String {
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":{subjects},"predicateType":"p","predicate":{{"a":[1]}}}}"#
    )
}

#[test]
fn subjects_match_by_algorithm_and_value() {
    let digest = HashAlgorithm::Sha256.digest(b"x");
    let json = statement(&format!(
        r#"[{{"uri":"u","digest":{{"sha1":"00"}}}},{{"name":"n","digest":{{"sha256":"{}"}}}}]"#,
        digest.hex()
    ));
    let statement = Statement::parse(json.as_bytes()).unwrap();
    assert_eq!(statement.subject_with(&digest).unwrap().name, "n");
    assert!(statement.has_algorithm(HashAlgorithm::Sha256));
    assert!(!statement.has_algorithm(HashAlgorithm::Sha512));
    assert_eq!(
        statement.subject_with(&HashAlgorithm::Sha256.digest(b"y")),
        None
    );
    assert_eq!(
        statement.subject_with(&HashAlgorithm::Sha512.digest(b"x")),
        None
    );
    assert_eq!(statement.predicate_type, "p");
}

#[test]
fn the_name_of_an_algorithm_has_one_spelling_and_its_value_one_length() {
    let digest = HashAlgorithm::Sha256.digest(b"x");
    let matches = |name: &str, value: &str| {
        let json = statement(&format!(r#"[{{"digest":{{"{name}":"{value}"}}}}]"#));
        let statement = Statement::parse(json.as_bytes()).unwrap();
        statement.subject_with(&digest).is_some()
    };
    let hex = digest.hex();
    assert!(matches("sha256", &hex));
    for name in ["SHA256", "sha-256", "sha2_256", "sha512", "gitBlob", ""] {
        assert!(!matches(name, &hex), "{name}");
    }
    for value in [
        &hex[..62],
        &format!("{hex}00"),
        &format!("sha256:{hex}"),
        &format!(" {hex}"),
        "",
    ] {
        assert!(!matches("sha256", value), "{value}");
    }
}

#[test]
fn malformed_statements_are_refused() {
    let parse = |json: &str| Statement::parse(json.as_bytes()).unwrap_err();
    assert_eq!(parse(&statement("[]")), StatementError::NoSubject);
    let other = statement("[{}]").replace("Statement/v1", "Statement/v2");
    assert_eq!(
        parse(&other),
        StatementError::Type {
            found: "https://in-toto.io/Statement/v2".to_owned()
        }
    );
    let deep = statement("[{}]").replace("[1]", &("[".repeat(64) + &"]".repeat(64)));
    let too_deep = JsonError::TooDeep { limit: 64 };
    assert_eq!(parse(&deep), StatementError::Json(too_deep));
    for subjects in [
        r#"[{"digest":{"sha256":"a","sha256":"b"}}]"#,
        r#"[{"name":"a","name":"b"}]"#,
        r#"[{"digest":{"sha256":1}}]"#,
        r#"{}"#,
        r#"[{}],"subject":[{}]"#,
        r#"[{}],"\u0073ubject":[{}]"#,
        r#"[{"digest":{"sha256":"a","sha\u003256":"b"}}]"#,
        r#"[{"name":"\ud800"}]"#,
        r#"[{}"#,
        r#"[["n",{"sha256":"a"}]]"#,
        r#"[{}],"other":"\ud800""#,
        r#"[{}],"other":{"a":1,"a":2}"#,
        r#"[{}],"other":1,"other":2"#,
    ] {
        let error = parse(&statement(subjects));
        assert!(matches!(error, StatementError::Json { .. }), "{subjects}");
    }
    // A reader of positions would take a list for the members in their order.
    let list = r#"["https://in-toto.io/Statement/v1",[{}],"p"]"#;
    assert!(matches!(parse(list), StatementError::Json { .. }));
    let not_utf8 = [
        b"{\"\xff\":1,".as_slice(),
        &statement("[{}]").as_bytes()[1..],
    ]
    .concat();
    let not_utf8 = Statement::parse(&not_utf8).unwrap_err();
    assert!(matches!(not_utf8, StatementError::Json { .. }));
    assert!(matches!(
        parse(&(statement("[{}]") + "{}")),
        StatementError::Json { .. }
    ));
    assert!(matches!(
        parse(&("\u{feff}".to_owned() + &statement("[{}]"))),
        StatementError::Json { .. }
    ));
}

#[test]
fn subjects_are_limited() {
    let of = |count: usize| statement(&format!("[{}]", vec!["{}"; count].join(",")));
    assert!(Statement::parse(of(MAX_SUBJECTS).as_bytes()).is_ok());
    assert_eq!(
        Statement::parse(of(MAX_SUBJECTS + 1).as_bytes()),
        Err(StatementError::TooManySubjects { limit: 1024 })
    );
    let digests = |count: usize| {
        let digests: Vec<_> = (0..count).map(|n| format!(r#""{n}":"a""#)).collect();
        statement(&format!(r#"[{{"digest":{{{}}}}}]"#, digests.join(",")))
    };
    assert!(Statement::parse(digests(MAX_DIGESTS).as_bytes()).is_ok());
    assert!(matches!(
        Statement::parse(digests(MAX_DIGESTS + 1).as_bytes()),
        Err(StatementError::Json { .. })
    ));
}
