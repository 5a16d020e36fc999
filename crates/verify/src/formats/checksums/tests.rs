use super::*;

fn parse(text: &str) -> Result<Checksums, ChecksumsError> {
    Checksums::parse(text.as_bytes())
}

fn sha256(text: &str) -> String {
    HashAlgorithm::Sha256.digest(text.as_bytes()).hex()
}

#[test]
fn every_tool_s_lines() {
    let sha512 = HashAlgorithm::Sha512.digest(b"a");
    let (a, long) = (sha256("a"), sha512.hex());
    for (line, path) in [
        (format!("{a}  a.txt"), "a.txt"),
        (format!("{a} *a.txt"), "a.txt"),
        (format!("{}  a.txt", a.to_uppercase()), "a.txt"),
        (format!("{a}  ./dist/a.txt"), "dist/a.txt"),
        (format!("{a}  a b  c.txt"), "a b  c.txt"),
        (format!("SHA256 (a.txt) = {a}"), "a.txt"),
        (format!("SHA256 (a (1).txt) = {a}"), "a (1).txt"),
        (format!("SHA256(a.txt)= {a}"), "a.txt"),
        (format!("SHA2-256(a.txt)= {a}"), "a.txt"),
        (format!("SHA512 (a.txt) = {long}"), "a.txt"),
        (format!("{long}  a.txt"), "a.txt"),
        (format!("# a remark\n\n{a}  a.txt\r\n"), "a.txt"),
    ] {
        let list = parse(&line).unwrap();
        let [entry] = list.entries.as_slice() else {
            panic!("{line}: {list:?}");
        };
        assert_eq!(entry.path, path, "{line}");
        let expected = if line.contains(&long) {
            long.clone()
        } else {
            a.clone()
        };
        assert_eq!(entry.digest.hex(), expected, "{line}");
    }
}

#[test]
fn what_is_no_line() {
    let a = sha256("a");
    for text in [
        a.clone(),
        format!("{a} a.txt"),
        format!("{a}\ta.txt"),
        format!("x{a}  a.txt"),
        "a.txt".to_owned(),
        format!("SHA512 (a.txt) = {a}"),
        format!("SHA256 (a.txt) {a}"),
        format!("\\{a}  a\\x.txt"),
        format!("\\{a}  a\\"),
    ] {
        assert_eq!(
            parse(&text),
            Err(ChecksumsError::Line { line: 1 }),
            "{text}"
        );
    }
    assert_eq!(parse(""), Err(ChecksumsError::Empty));
    assert_eq!(parse("# nothing\n"), Err(ChecksumsError::Empty));
    assert_eq!(Checksums::parse(b"\xff"), Err(ChecksumsError::NotText));
}

/// Files can be made to fit an MD5 or a SHA-1.
#[test]
fn digests_that_protect_nothing() {
    for (text, found) in [
        (format!("{}  a", "0".repeat(32)), "32 hexadecimal digits"),
        (format!("{}  a", "0".repeat(40)), "40 hexadecimal digits"),
        (format!("MD5 (a) = {}", "0".repeat(32)), "MD5"),
        (format!("SHA1 (a) = {}", "0".repeat(40)), "SHA1"),
        (format!("BLAKE2b (a) = {}", "0".repeat(128)), "BLAKE2b"),
    ] {
        let found = found.to_owned();
        assert_eq!(
            parse(&text),
            Err(ChecksumsError::Algorithm { line: 1, found })
        );
    }
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let a = sha256("a");
    for name in [
        "/etc/passwd",
        "../a",
        "a/../../b",
        "a/..",
        "a//b",
        "a/",
        ".",
        "..\\a",
        "a\\b",
        "C:/a",
        "c:a",
        "a\u{1b}[2J",
        "a\u{7}",
        "a\u{202e}zip.exe",
        "a\u{200b}",
    ] {
        let text = format!("{a}  ok\n{a}  {name}\n");
        let found = name.to_owned();
        assert_eq!(parse(&text), Err(ChecksumsError::Path { line: 2, found }));
    }
    // An escape writes nothing that could not be written plainly.
    let found = "a\nb".to_owned();
    let text = format!("\\{a}  a\\nb");
    assert_eq!(parse(&text), Err(ChecksumsError::Path { line: 1, found }));
    let long = "a".repeat(MAX_PATH + 1);
    assert!(matches!(
        parse(&format!("{a}  {long}")),
        Err(ChecksumsError::Path { line: 1, .. })
    ));
}

#[test]
fn a_file_has_one_digest_of_each_algorithm() {
    let (a, b) = (sha256("a"), sha256("b"));
    for second in [
        format!("{b}  x"),
        format!("{a}  ./x"),
        format!("SHA256 (x) = {a}"),
    ] {
        let path = "x".to_owned();
        assert_eq!(
            parse(&format!("{a}  x\n{second}\n")),
            Err(ChecksumsError::Duplicate {
                path,
                first: 1,
                line: 2
            })
        );
    }
    let long = HashAlgorithm::Sha512.digest(b"a");
    let list = parse(&format!("{a}  x\n{b}  y\n{}  x\n", long.hex())).unwrap();
    let short = |text: &[u8]| HashAlgorithm::Sha256.digest(text);
    assert_eq!(
        list.files(),
        [("x", vec![short(b"a"), long]), ("y", vec![short(b"b")])]
    );
}

#[test]
fn a_list_is_bounded() {
    let a = sha256("a");
    let lines = |count: usize| {
        (0..count)
            .map(|n| format!("{a}  {n}\n"))
            .collect::<String>()
    };
    let limit = MAX_LIST_BYTES;
    let large = vec![b'\n'; limit + 1];
    assert_eq!(
        Checksums::parse(&large),
        Err(ChecksumsError::TooLarge { limit })
    );
    assert_eq!(parse(&lines(40_000)).unwrap().entries.len(), 40_000);
}

#[test]
fn names_of_lists() {
    for name in [
        "SHA256SUMS",
        "sha256sums.txt",
        "sha256sum.txt",
        "SHA512SUMS",
        "checksums.txt",
        "tool_1.2.3_checksums.txt",
        "tool.checksum",
        "tool.tar.gz.sha256",
        "tool.sha256sum",
        "tool-1.0.SHA512SUMS",
        "sha256.txt",
    ] {
        assert!(Checksums::is_name(name), "{name}");
    }
    for name in [
        "tool.tar.gz",
        "sums.txt",
        "notes.txt",
        "sha1sums.txt",
        "mysha256",
        "checksums.json",
    ] {
        assert!(!Checksums::is_name(name), "{name}");
    }
}
