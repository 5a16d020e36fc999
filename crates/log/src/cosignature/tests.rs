use signhere_pki::key::{KeyKind, PrivateKey};

use super::*;
use crate::note::{Note, NoteSigner};

/// The example of C2SP tlog-cosignature, whose keys are not known: its form is what is compared.
const TEXT: &str =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const NOW: Time = Time::from_unix(1_679_315_147);

fn cosigner(name: &str) -> Cosigner {
    let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    Cosigner::new(name, Box::new(key)).unwrap()
}

#[test]
fn the_message_is_that_of_the_specification() {
    let expected = format!("cosignature/v1\ntime 1679315147\n{TEXT}");
    assert_eq!(message(1_679_315_147, TEXT), expected);
}

#[test]
fn a_cosignature_verifies_and_states_its_time() {
    let cosigner = cosigner("witness.example/w1");
    let line = cosigner.cosign(TEXT, NOW).unwrap();
    let note = Note::parse(format!("{TEXT}\n{line}").as_bytes()).unwrap();
    assert_eq!(
        cosigner.verifier().signed_at(&note),
        Ok(Some(1_679_315_147))
    );
    // Four bytes of id, eight of time, sixty-four of signature.
    assert_eq!(note.signatures()[0].signature.len(), 8 + 64);
    assert_eq!(note.signatures()[0].name, "witness.example/w1");
}

#[test]
fn time_and_text_are_signed() {
    let cosigner = cosigner("w");
    let line = cosigner.cosign(TEXT, NOW).unwrap();
    let other = TEXT.replace("20852163", "20852164");
    let invalid = Err(NoteError::SignatureInvalid {
        name: "w".to_owned(),
    });
    let note = Note::parse(format!("{other}\n{line}").as_bytes()).unwrap();
    assert_eq!(cosigner.verifier().signed_at(&note), invalid);

    let note = Note::parse(format!("{TEXT}\n{line}").as_bytes()).unwrap();
    let mut later = note.signatures()[0].clone();
    later.signature[7] ^= 1;
    let note = Note::parse(format!("{TEXT}\n{}", later.to_line()).as_bytes()).unwrap();
    assert_eq!(cosigner.verifier().signed_at(&note), invalid);
}

/// The key of a log is no key of a witness, nor the reverse, though both are Ed25519.
#[test]
fn a_cosignature_is_no_signature_of_a_log() {
    let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let der = key.to_pkcs8_der().unwrap();
    let again = || Box::new(PrivateKey::from_pkcs8_der(&der).unwrap());
    let log = NoteSigner::new("n", again()).unwrap();
    let witness = Cosigner::new("n", again()).unwrap();
    let cosigned = format!("{TEXT}\n{}", witness.cosign(TEXT, NOW).unwrap());
    let name = || "n".to_owned();
    assert_eq!(
        log.verifier()
            .verify(&Note::parse(cosigned.as_bytes()).unwrap()),
        Err(NoteError::NotSignedBy { name: name() })
    );
    let signed = log.sign(TEXT).unwrap();
    assert_eq!(
        witness
            .verifier()
            .verify(&Note::parse(signed.as_bytes()).unwrap()),
        Err(NoteError::NotSignedBy { name: name() })
    );
}

#[test]
fn what_cannot_be_cosigned_is_refused() {
    let cosigner = cosigner("w");
    for text in [
        "",
        "log\n",
        "log\n1\n",
        "log\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
    ] {
        assert_eq!(cosigner.cosign(text, NOW), Err(NoteError::NotACheckpoint));
    }
    for seconds in [0, -1, i64::MIN] {
        assert_eq!(
            cosigner.cosign(TEXT, Time::from_unix(seconds)),
            Err(NoteError::Clock)
        );
    }
    let p256 = PrivateKey::generate(KeyKind::P256).unwrap();
    let refused = Cosigner::new("w", Box::new(p256)).map(|_| ());
    assert_eq!(
        refused,
        Err(NoteError::KeyKind {
            name: "w".to_owned()
        })
    );
}
