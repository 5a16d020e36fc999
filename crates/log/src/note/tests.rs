use signhere_pki::key::PrivateKey;

use super::*;

const TEXT: &str = "a note\n\nwith a blank line\n";

fn signer(name: &str, kind: KeyKind) -> NoteSigner {
    NoteSigner::new(name, Box::new(PrivateKey::generate(kind).unwrap())).unwrap()
}

fn line_of(note: &str) -> &str {
    note.rsplit_once("\n\n").unwrap().1
}

#[test]
fn what_is_signed_verifies() {
    for kind in [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384] {
        let signer = signer("log.example", kind);
        let note = Note::parse(signer.sign(TEXT).unwrap().as_bytes()).unwrap();
        assert_eq!(note.text(), TEXT);
        assert_eq!(signer.verifier().verify(&note), Ok(()));
    }
}

#[test]
fn signatures_count_in_any_order_and_unknown_ones_not_at_all() {
    let (log, other) = (
        signer("log.example", KeyKind::Ed25519),
        signer("w", KeyKind::P256),
    );
    let (one, two) = (log.sign(TEXT).unwrap(), other.sign(TEXT).unwrap());
    for note in [
        format!("{one}{}", line_of(&two)),
        format!("{two}{}", line_of(&one)),
    ] {
        let note = Note::parse(note.as_bytes()).unwrap();
        assert_eq!(log.verifier().verify(&note), Ok(()));
        assert_eq!(other.verifier().verify(&note), Ok(()));
        let absent = signer("log.example", KeyKind::Ed25519);
        let name = "log.example".to_owned();
        assert_eq!(
            absent.verifier().verify(&note),
            Err(NoteError::NotSignedBy { name })
        );
    }
}

/// Two lines with the same name and hint, of which only the second is a signature.
#[test]
fn the_hint_is_no_authenticator() {
    let log = signer("log.example", KeyKind::Ed25519);
    let note = log.sign(TEXT).unwrap();
    let forged = NoteSignature {
        name: "log.example".to_owned(),
        key_hint: log.verifier.hint,
        signature: vec![7; 64],
    };
    let both = format!("{TEXT}\n{}{}", forged.to_line(), line_of(&note));
    assert_eq!(
        log.verifier()
            .verify(&Note::parse(both.as_bytes()).unwrap()),
        Ok(())
    );
    let alone = format!("{TEXT}\n{}", forged.to_line());
    let name = "log.example".to_owned();
    assert_eq!(
        log.verifier()
            .verify(&Note::parse(alone.as_bytes()).unwrap()),
        Err(NoteError::SignatureInvalid { name })
    );
}

#[test]
fn another_text_does_not_verify() {
    let log = signer("log.example", KeyKind::Ed25519);
    let note = log.sign(TEXT).unwrap().replace("a note", "b note");
    let name = "log.example".to_owned();
    assert_eq!(
        log.verifier()
            .verify(&Note::parse(note.as_bytes()).unwrap()),
        Err(NoteError::SignatureInvalid { name })
    );
}

/// The example key and note of the Go implementation's documentation.
#[test]
fn key_id_of_a_known_key() {
    let encoded = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key = STANDARD
        .decode(encoded.rsplit('+').next().unwrap())
        .unwrap();
    let spki = [
        b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00",
        &key[1..],
    ]
    .concat();
    let key = PublicKey::from_spki_der(&spki).unwrap();
    assert_eq!(
        hint(&key_id_ed25519("PeterNeumann", &key).unwrap()),
        [0xc7, 0x4f, 0x20, 0xa3]
    );
    let note = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\
        \n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let verifier = NoteVerifier::ed25519("PeterNeumann", &key).unwrap();
    assert_eq!(
        verifier.verify(&Note::parse(note.as_bytes()).unwrap()),
        Ok(())
    );
}

#[test]
fn malformed_notes_are_refused_each_for_its_reason() {
    let sig = "\u{2014} n AAAAAAA=\n";
    let many = format!("t\n\n{}", sig.repeat(MAX_SIGNATURES + 1));
    let cases: [(&[u8], NoteError); 17] = [
        (b"", NoteError::NoSignatures),
        (b"text\n", NoteError::NoSignatures),
        (b"text\n\n", NoteError::NoSignatures),
        (b"\xff\n\nx", NoteError::NotUtf8),
        (
            b"a\tb\n\nx\n",
            NoteError::ControlCharacter { character: '\t' },
        ),
        (
            b"a\r\n\r\n",
            NoteError::ControlCharacter { character: '\r' },
        ),
        (
            "t\n\n\u{2014} n AAAAAAA=".as_bytes(),
            NoteError::UnterminatedLine,
        ),
        (
            b"t\n\n- n AAAAAAA=\n",
            NoteError::MalformedSignature { line: 0 },
        ),
        (
            "t\n\n\u{2014} n\n".as_bytes(),
            NoteError::MalformedSignature { line: 0 },
        ),
        (
            "t\n\n\u{2014} n AAAAAA==\n".as_bytes(),
            NoteError::MalformedSignature { line: 0 },
        ),
        (
            "t\n\n\u{2014} n AAAAAAA\n".as_bytes(),
            NoteError::MalformedSignature { line: 0 },
        ),
        (
            "t\n\n\u{2014} n AAAA AAAA\n".as_bytes(),
            NoteError::MalformedSignature { line: 0 },
        ),
        (
            "t\n\n\u{2014} n+m AAAAAAA=\n".as_bytes(),
            NoteError::MalformedSignature { line: 0 },
        ),
        (
            "t\n\n\u{2014} n\u{a0}m AAAAAAA=\n".as_bytes(),
            NoteError::MalformedSignature { line: 0 },
        ),
        (
            "t\n\n\u{2014}  AAAAAAA=\n".as_bytes(),
            NoteError::MalformedSignature { line: 0 },
        ),
        (
            "t\n\n\u{2014} n AAAAAAA=\n\u{2014}\n".as_bytes(),
            NoteError::MalformedSignature { line: 1 },
        ),
        (
            many.as_bytes(),
            NoteError::TooManySignatures {
                limit: MAX_SIGNATURES,
            },
        ),
    ];
    for (note, expected) in cases {
        assert_eq!(
            Note::parse(note),
            Err(expected),
            "{:?}",
            String::from_utf8_lossy(note)
        );
    }
    let long = vec![b'a'; MAX_NOTE + 1];
    assert_eq!(
        Note::parse(&long),
        Err(NoteError::TooLong {
            limit: MAX_NOTE,
            found: MAX_NOTE + 1
        })
    );
}

#[test]
fn keys_and_names_that_do_not_fit_are_refused() {
    let ed25519 = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let p256 = PrivateKey::generate(KeyKind::P256).unwrap();
    let wrong_kind = Err(NoteError::KeyKind {
        name: "n".to_owned(),
    });
    assert_eq!(
        NoteVerifier::ecdsa("n", ed25519.public_key()).map(|_| ()),
        wrong_kind
    );
    assert_eq!(
        NoteVerifier::ed25519("n", p256.public_key()).map(|_| ()),
        wrong_kind
    );
    assert_eq!(
        NoteVerifier::cosignature_v1("n", p256.public_key()).map(|_| ()),
        wrong_kind
    );
    assert_eq!(
        NoteVerifier::rfc6962("n", ed25519.public_key()).map(|_| ()),
        wrong_kind
    );
    for name in ["", "a b", "a+b", "a\nb"] {
        assert_eq!(
            NoteVerifier::for_key(name, p256.public_key()).map(|_| ()),
            Err(NoteError::KeyName {
                name: name.to_owned()
            })
        );
    }
}
