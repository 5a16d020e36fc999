use proptest::prelude::*;

use super::*;

const HELLO: &str = "-----BEGIN TEXT-----\naGVsbG8=\n-----END TEXT-----\n";

#[test]
fn writes_what_it_reads() {
    assert_eq!(encode("TEXT", b"hello"), HELLO);
    for length in [0, 1, 47, 48, 49, 96, 1000] {
        let contents = vec![0xa5; length];
        let text = encode("SOME DATA", &contents);
        assert!(text.lines().all(|line| line.len() <= 64), "{text}");
        assert_eq!(*decode_one(&text, "SOME DATA").unwrap(), contents);
    }
}

#[test]
fn reads_the_lax_form() {
    let text =
        "Bag attributes: x\r\n-----BEGIN TEXT-----\r\naGV\r\n  sbG8=\r\n\r\n-----END TEXT-----";
    assert_eq!(**decode_one(text, "TEXT").unwrap(), *b"hello");
    let two = decode_all(&HELLO.repeat(2)).unwrap().len();
    assert_eq!(two, 2);
}

#[test]
fn names_what_is_wrong() {
    let label = || "TEXT".to_owned();
    for (text, expected) in [
        (String::new(), PemError::NoBlock),
        (HELLO.repeat(2), PemError::SeveralBlocks { found: 2 }),
        (HELLO.repeat(65), PemError::TooManyBlocks),
        (
            " ".repeat(MAX_TEXT_LEN + 1),
            PemError::TooLong {
                found: MAX_TEXT_LEN + 1,
            },
        ),
        (
            HELLO.replace("TEXT", "OTHER"),
            PemError::Label {
                expected: label(),
                found: "OTHER".to_owned(),
            },
        ),
        (
            HELLO.replace("END TEXT", "END OTHER"),
            PemError::Unended { label: label() },
        ),
        (
            HELLO.replace("-----END TEXT-----\n", ""),
            PemError::Unended { label: label() },
        ),
        (
            HELLO.replace("BEGIN TEXT-----", "BEGIN TEXT---"),
            PemError::Boundary,
        ),
        (
            HELLO.replace("aGVs", "-----BEGIN TEXT-----\naGVs"),
            PemError::Boundary,
        ),
        (
            HELLO.replace("aGVs", "Proc-Type: 4,ENCRYPTED\n\naGVs"),
            PemError::Headers { label: label() },
        ),
        (
            HELLO.replace("aGVs", "a GVs"),
            PemError::Base64 { label: label() },
        ),
        (
            HELLO.replace("8=", "8"),
            PemError::Base64 { label: label() },
        ),
        (
            HELLO.replace("8=", "9="),
            PemError::Base64 { label: label() },
        ),
    ] {
        assert_eq!(decode_one(&text, "TEXT"), Err(expected), "{text:.80}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_holds(lines in prop::collection::vec("-----BEGIN A-----|-----END A-----|-----|[A-Za-z0-9+/=]{0,9}|\\PC{0,9}", 0..9)) {
        let text = lines.join("\n");
        for block in decode_all(&text).unwrap_or_default() {
            let again = encode(block.label, &block.contents);
            prop_assert_eq!(decode_one(&again, block.label), Ok(block.contents));
        }
    }
}
