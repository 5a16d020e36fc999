//! What is refused of signatures and files; what the real ssh-keygen makes is in `tests/ssh.rs`.

use base64::Engine as _;
use signhere_pki::time::Time;

use super::*;

/// An Ed25519 key of ssh-keygen's.
const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIGp6Vzf4b93feZPMEsoe0QIQo4TAgDp/7cehDCz+heCt";

fn blob() -> Vec<u8> {
    STANDARD.decode(KEY).unwrap()
}

fn signature(parts: &[&[u8]]) -> Vec<u8> {
    let mut blob = MAGIC.to_vec();
    blob.extend_from_slice(&1_u32.to_be_bytes());
    for part in parts {
        string(&mut blob, part);
    }
    blob
}

fn made(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut made = Vec::new();
    string(&mut made, name.as_bytes());
    string(&mut made, bytes);
    made
}

fn at(text: &str) -> Time {
    Time::parse_rfc3339(text).unwrap()
}

#[test]
fn malformed_signatures_are_refused() {
    let good = made("ssh-ed25519", &[7; 64]);
    let parts = |namespace: &'static [u8], hash: &'static [u8]| {
        signature(&[&blob(), namespace, b"", hash, &good])
    };
    assert!(SshSignature::from_blob(&parts(b"git", b"sha512")).is_ok());
    let malformed = |what| Err(SshError::Malformed { what });
    let algorithm = |found: &str| {
        let found = found.to_owned();
        Err(SshError::Algorithm { found })
    };
    let whole = parts(b"git", b"sha512");
    for end in 0..whole.len() {
        assert!(SshSignature::from_blob(&whole[..end]).is_err(), "{end}");
    }
    let longer = [&whole[..], b"x"].concat();
    assert_eq!(SshSignature::from_blob(&longer), malformed("signature"));
    assert_eq!(
        SshSignature::from_blob(&parts(b"g\x1bt", b"sha512")),
        malformed("namespace")
    );
    assert_eq!(
        SshSignature::from_blob(&parts(b"git", b"sha1")),
        algorithm("sha1")
    );
    let mut version = whole.clone();
    version[9] = 2;
    assert_eq!(
        SshSignature::from_blob(&version),
        Err(SshError::Version { found: 2 })
    );
    let mut huge = whole.clone();
    huge[10..14].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(SshSignature::from_blob(&huge), malformed("key"));

    let with = |made: Vec<u8>| {
        SshSignature::from_blob(&signature(&[&blob(), b"git", b"", b"sha512", &made]))
    };
    assert_eq!(
        with(made("rsa-sha2-512", &[7; 64])),
        algorithm("rsa-sha2-512")
    );
    assert_eq!(with(made("ssh-rsa", &[7; 64])), algorithm("ssh-rsa"));
    let certified = made("ssh-ed25519-cert-v01@openssh.com", &[7; 64]);
    let certified = signature(&[&certified, b"git", b"", b"sha512", &good]);
    assert_eq!(
        SshSignature::from_blob(&certified),
        Err(SshError::Certificate)
    );
    let old = made("ssh-dss", &[7; 64]);
    let old = signature(&[&old, b"git", b"", b"sha512", &good]);
    assert_eq!(SshSignature::from_blob(&old), algorithm("ssh-dss"));
}

#[test]
fn malformed_armor_is_refused() {
    let text = STANDARD.encode(signature(&[
        &blob(),
        b"git",
        b"",
        b"sha256",
        &made("ssh-ed25519", &[7; 64]),
    ]));
    let armor = format!("-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n");
    let signature = SshSignature::from_armor(armor.as_bytes()).unwrap();
    assert_eq!(signature.verify(b"anything"), Err(SshError::BadSignature));
    assert!(SshSignature::from_armor(armor.replace('\n', "\r\n").as_bytes()).is_ok());
    for wrong in [
        String::new(),
        format!("x{armor}"),
        format!("{armor}x"),
        armor.replace("END", "end"),
        armor.replace("-----BEGIN SSH SIGNATURE-----\n", ""),
        armor.replace(&text, &format!("{text}=")),
        armor.replace(&text, "AAAA BBBB"),
    ] {
        assert_eq!(
            SshSignature::from_armor(wrong.as_bytes()),
            Err(SshError::Armor),
            "{wrong}"
        );
    }
    let long = vec![b'A'; MAX_ARMOR + 1];
    let (found, limit) = (MAX_ARMOR + 1, MAX_ARMOR);
    let error = SshError::TooLong { found, limit };
    assert_eq!(SshSignature::from_armor(&long), Err(error));
}

#[test]
fn lines_of_allowed_signers_are_read() {
    let text = format!(
        "# people\n\n\
         ada@example.com ssh-ed25519 {KEY} ada's laptop\n\
         *@example.org,!eve@example.org namespaces=\"git,file\",valid-before=\"20240101Z\" ssh-ed25519 {KEY}\n\
         \"b c\" Cert-Authority ssh-ed25519 {KEY}\n\
         old@example.com ssh-dss AAAAB3NzaC1kc3M=\n"
    );
    let signers = AllowedSigners::parse(&text).unwrap();
    let [ada, domain, authority] = signers.entries() else {
        panic!("{signers:?}");
    };
    assert_eq!(ada.only_principal(), Some("ada@example.com"));
    assert!(ada.is_of("ada@example.com") && !ada.is_of("eve@example.com"));
    assert_eq!(domain.only_principal(), None);
    assert!(domain.is_of("bob@example.org") && !domain.is_of("eve@example.org"));
    assert_eq!(domain.validity().before, Some(at("2024-01-01T00:00:00Z")));
    assert_eq!(authority.principals(), ["b c"]);

    let key = ada.key().clone();
    let found = |namespace: &str, time: &str| {
        let found = signers.of(&key, namespace, at(time));
        found
            .map(|entry| entry.principals()[0].clone())
            .collect::<Vec<_>>()
    };
    let (early, late) = ("2023-06-01T00:00:00Z", "2024-06-01T00:00:00Z");
    assert_eq!(found("git", early), ["ada@example.com", "*@example.org"]);
    assert_eq!(found("git", late), ["ada@example.com"]);
    assert_eq!(found("email", early), ["ada@example.com"]);
    assert!(signers.knows(&key));
    assert_eq!(key.fingerprint().len(), 50);
}

#[test]
fn times_without_a_zone_count_where_they_hold_everywhere() {
    let line = |options: &str| format!("a {options} ssh-ed25519 {KEY}");
    let validity = |options: &str| {
        let signers = AllowedSigners::parse(&line(options)).unwrap();
        signers.entries()[0].validity()
    };
    let Validity { after, before } = validity("valid-after=20240102,valid-before=202402030405");
    assert_eq!(after, Some(at("2024-01-02T12:00:00Z")));
    assert_eq!(before, Some(at("2024-02-02T14:05:00Z")));
    let Validity { after, before } = validity("valid-after=20240102Z,valid-before=20240203040506Z");
    assert_eq!(after, Some(at("2024-01-02T00:00:00Z")));
    assert_eq!(before, Some(at("2024-02-03T04:05:06Z")));
    assert!(validity("valid-after=20240102Z").contains(at("2024-01-02T00:00:00Z")));
    assert!(!validity("valid-after=20240102Z").contains(at("2024-01-01T23:59:59Z")));
}

#[test]
fn malformed_lines_are_refused() {
    let fault = |line: &str| match AllowedSigners::parse(&format!("\n{line}")) {
        Err(AllowedSignersError::Line { line: 2, fault }) => fault,
        other => panic!("{line}: {other:?}"),
    };
    let key = format!("ssh-ed25519 {KEY}");
    assert_eq!(fault("a"), LineFault::Missing("key"));
    assert_eq!(fault("a ssh-ed25519"), LineFault::Missing("key"));
    assert_eq!(fault(&format!(", {key}")), LineFault::Missing("principal"));
    assert_eq!(fault(&format!("\"a {key}")), LineFault::Quote);
    let option = |name: &str| LineFault::Option(name.to_owned());
    assert_eq!(fault(&format!("a no-touch {key}")), option("no-touch"));
    assert_eq!(fault(&format!("a namespaces {key}")), option("namespaces"));
    assert_eq!(
        fault(&format!("a namespaces=git,namespaces=file {key}")),
        LineFault::Twice("namespaces")
    );
    let time = |text: &str| LineFault::Time(text.to_owned());
    for text in ["2024", "20241301", "2024010x", "202401010", "-2024010"] {
        assert_eq!(fault(&format!("a valid-after={text} {key}")), time(text));
    }
    assert_eq!(
        fault(&format!(
            "a valid-after=20240101Z,valid-before=20240101Z {key}"
        )),
        LineFault::Never
    );
    let malformed = LineFault::Key(SshError::Malformed { what: "key" });
    assert_eq!(fault("a ssh-ed25519 AAAA"), malformed);
    assert_eq!(fault("a ssh-ed25519 %%%%"), malformed);
    assert_eq!(fault(&format!("a ssh-rsa {KEY}")), malformed);
    let many = "#\n".repeat(60_000);
    assert!(matches!(
        AllowedSigners::parse(&many),
        Err(AllowedSignersError::TooLarge { what: "lines", .. })
    ));
}
