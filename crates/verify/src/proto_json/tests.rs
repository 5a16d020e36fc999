use super::*;

fn read<T>(
    json: &str,
    take: impl FnOnce(&mut Message<'_>) -> Result<T, JsonError>,
) -> Result<T, JsonError> {
    take(&mut document(json.as_bytes(), 1 << 20)?)
}

fn value(path: &str, expected: &'static str) -> JsonError {
    JsonError::Value {
        path: path.to_owned(),
        expected,
    }
}

#[test]
fn names_are_read_in_both_spellings_and_once() {
    for json in [r#"{"logIndex":1}"#, r#"{"log_index":1}"#] {
        assert_eq!(read(json, |m| m.count("logIndex")), Ok(1));
    }
    for json in [
        r#"{"logIndex":1,"log_index":1}"#,
        r#"{"log_index":1,"logIndex":null}"#,
        r#"{"logIndex":1,"logIndex":1}"#,
    ] {
        let error = read(json, |m| m.count("logIndex")).unwrap_err();
        assert!(matches!(error, JsonError::Duplicate { .. }), "{json}");
    }
    let json = r#"{"rfc3161_timestamps":[],"x509_certificate_chain":{}}"#;
    let mut message = document(json.as_bytes(), 1000).unwrap();
    assert!(message.messages("rfc3161Timestamps", 1).unwrap().is_empty());
    assert!(message.message("x509CertificateChain").unwrap().is_some());
    assert_eq!(message.finish_document(), [""; 0]);
}

#[test]
fn duplicates_are_refused_anywhere_even_in_unknown_fields() {
    let many: Vec<String> = (0..20).map(|n| format!(r#""{n}":0"#)).collect();
    let long = format!(r#"{{"x":{{{},"7":1}}}}"#, many.join(","));
    for (json, name) in [(r#"{"x":{"a":1,"b":2,"a":3}}"#, "a"), (long.as_str(), "7")] {
        assert_eq!(
            document(json.as_bytes(), 1000).unwrap_err(),
            JsonError::Duplicate {
                name: name.to_owned()
            }
        );
    }
    // An escape does not make another name.
    let error = document(br#"{"a":1,"\u0061":2}"#, 1000).unwrap_err();
    assert!(matches!(error, JsonError::Duplicate { .. }));
}

#[test]
fn integers_are_numbers_or_strings_and_exact() {
    for (text, expected) in [
        ("7", 7),
        ("\"7\"", 7),
        ("-7", -7),
        ("7.0", 7),
        ("\"7e2\"", 700),
        ("9223372036854775807", i64::MAX),
        ("\"-9223372036854775808\"", i64::MIN),
        ("null", 0),
    ] {
        let json = format!(r#"{{"n":{text}}}"#);
        assert_eq!(read(&json, |m| m.int64("n")), Ok(expected), "{text}");
    }
    for text in [
        "7.5",
        "\"\"",
        "\" 7\"",
        "\"0x7\"",
        "\"+7\"",
        "\"07\"",
        "9223372036854775808",
        "1e300",
        "9007199254740993.0",
        "true",
        "[7]",
    ] {
        let json = format!(r#"{{"n":{text}}}"#);
        let expected = value("n", "a 64-bit integer");
        assert_eq!(read(&json, |m| m.int64("n")), Err(expected), "{text}");
    }
    let negative = read(r#"{"n":-1}"#, |m| m.count("n"));
    assert_eq!(negative, Err(value("n", "an integer from zero up")));
}

#[test]
fn bytes_are_either_base64() {
    for text in ["+/8=", "+/8", "-_8=", "-_8"] {
        let json = format!(r#"{{"b":"{text}"}}"#);
        assert_eq!(
            read(&json, |m| m.bytes("b")),
            Ok(vec![0xfb, 0xff]),
            "{text}"
        );
    }
    for text in [
        "+_8=", "+/8=\\n", "+/ 8", "+/9=", "+/8==", "+", "=", "+/8=+/8=",
    ] {
        let json = format!(r#"{{"b":"{text}"}}"#);
        assert_eq!(
            read(&json, |m| m.bytes("b")),
            Err(value("b", "base64")),
            "{text}"
        );
    }
}

#[test]
fn enums_are_names_or_numbers() {
    let names = [(1, "ONE")];
    for (json, expected) in [
        (r#"{"e":1}"#, "ONE"),
        (r#"{"e":"ONE"}"#, "ONE"),
        (r#"{"e":2}"#, "2"),
        (r#"{"e":"TWO"}"#, "TWO"),
        (r#"{"e":null}"#, ""),
    ] {
        assert_eq!(
            read(json, |m| m.enumeration("e", &names)),
            Ok(expected.to_owned())
        );
    }
    assert!(read(r#"{"e":true}"#, |m| m.enumeration("e", &names)).is_err());
}

#[test]
fn one_member_of_a_oneof() {
    let names = ["a", "bC"];
    let taken = |json| {
        read(json, |m| {
            Ok(m.one_of(&names)?.map(|(name, _)| name.to_owned()))
        })
    };
    assert_eq!(taken(r#"{"bC":{},"a":null}"#), Ok(Some("bC".to_owned())));
    assert_eq!(taken("{}"), Ok(None));
    assert_eq!(
        taken(r#"{"b_c":{},"a":{}}"#),
        Err(JsonError::OneOf {
            first: "a".to_owned(),
            second: "bC".to_owned(),
        })
    );
}

#[test]
fn documents_are_bounded_and_exact() {
    let error = |json: &[u8]| document(json, 1 << 24).unwrap_err();
    assert_eq!(error(b"\xef\xbb\xbf{}"), JsonError::ByteOrderMark);
    assert!(matches!(error(b"{} {}"), JsonError::TrailingData { .. }));
    assert!(matches!(error(b"{}x"), JsonError::TrailingData { .. }));
    assert!(matches!(error(br#"{"a":"#), JsonError::Truncated { .. }));
    assert!(matches!(error(b""), JsonError::Truncated { .. }));
    assert!(matches!(error(b"{'a':1}"), JsonError::Syntax { .. }));
    assert!(matches!(
        error(b"{\"a\":\"\xff\"}"),
        JsonError::Syntax { .. }
    ));
    for not_text in [
        r#""\ud800""#,
        r#""\ud800\u0041""#,
        r#""\udc00\ud800""#,
        "1e400",
    ] {
        let json = format!(r#"{{"unknown":{not_text}}}"#);
        assert!(
            matches!(error(json.as_bytes()), JsonError::Syntax { .. }),
            "{not_text}"
        );
    }
    assert!(matches!(error(b"[]"), JsonError::Type { .. }));
    assert_eq!(
        document(b"{    }", 5).unwrap_err(),
        JsonError::TooLarge { limit: 5, found: 6 }
    );
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = |depth: usize| {
            let inner = open.repeat(depth - 1) + "0" + &close.repeat(depth - 1);
            format!(r#"{{"x":{inner}}}"#)
        };
        assert!(document(nested(MAX_DEPTH).as_bytes(), 1 << 20).is_ok());
        for depth in [MAX_DEPTH + 1, 100_000] {
            assert_eq!(
                error(nested(depth).as_bytes()),
                JsonError::TooDeep { limit: MAX_DEPTH }
            );
        }
    }
    let many = format!(r#"{{"x":[{}0]}}"#, "0,".repeat(MAX_NODES));
    assert_eq!(
        error(many.as_bytes()),
        JsonError::TooManyValues { limit: MAX_NODES }
    );
}

#[test]
fn lists_have_limits() {
    let error = read(r#"{"l":[{},{},{}]}"#, |m| m.messages("l", 2).map(|_| ())).unwrap_err();
    assert_eq!(
        error,
        JsonError::TooMany {
            path: "l".to_owned(),
            limit: 2,
            found: 3,
        }
    );
}

#[test]
fn unknown_fields_are_named_with_their_path() {
    let mut message = document(br#"{"a":{"new":1,"b":2},"more":null}"#, 1000).unwrap();
    let mut inner = message.required_message("a").unwrap();
    assert_eq!(inner.int64("b"), Ok(2));
    inner.finish();
    assert_eq!(message.finish_document(), ["a.new", "more"]);

    let many: Vec<String> = (0..100).map(|n| format!(r#""{n}":0"#)).collect();
    let json = format!("{{{}}}", many.join(","));
    let unknown = document(json.as_bytes(), 10_000).unwrap().finish_document();
    assert_eq!(unknown.len(), MAX_UNKNOWN_NAMES + 1);
    assert_eq!(unknown.last().unwrap(), "and more");
}
