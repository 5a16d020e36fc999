//! `signhere key`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support;

use std::fs;

use support::Workplace;

const PASSPHRASE: (&str, &str) = ("COSIGN_PASSWORD", "correct horse");

#[test]
fn a_pair_is_made_in_cosigns_format() {
    let place = Workplace::new();
    place.run_with(PASSPHRASE, ["key", "generate"]).exits(0);
    let private = fs::read_to_string(place.path("cosign.key")).unwrap();
    let public = fs::read_to_string(place.path("cosign.pub")).unwrap();
    assert!(private.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(place.path("cosign.key"))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
    let ran = place.run_with(PASSPHRASE, ["key", "public", "--key", "cosign.key"]);
    assert_eq!(ran.exits(0).stdout, public);
}

#[test]
fn a_wrong_passphrase_is_told_and_not_shown() {
    let place = Workplace::new();
    place.run_with(PASSPHRASE, ["key", "generate"]).exits(0);
    let args = ["key", "public", "--key", "cosign.key"];
    let ran = place.run_with(("SIGNHERE_KEY_PASSWORD", "wrong staple"), args);
    let ran = ran.exits(1);
    assert!(ran.stderr.contains("SH-KEY-PASSPHRASE"), "{ran:?}");
    assert!(!ran.stderr.contains("wrong staple"), "{ran:?}");
}

#[test]
fn a_key_file_is_never_overwritten() {
    let place = Workplace::new();
    place.write("cosign.pub", "mine");
    let ran = place.run_with(PASSPHRASE, ["key", "generate"]).exits(1);
    assert!(ran.stderr.contains("SH-FILE-EXISTS"), "{ran:?}");
    assert!(!place.path("cosign.key").exists());
    assert_eq!(
        fs::read_to_string(place.path("cosign.pub")).unwrap(),
        "mine"
    );
}

#[test]
fn without_a_terminal_the_passphrase_must_be_given() {
    let place = Workplace::new();
    let ran = place.run(["key", "generate"]).exits(1);
    assert_eq!(
        ran.stderr,
        "error: the key file needs a passphrase, and there is no terminal to ask for it [SH-KEY-PASSPHRASE]\n\
         \x20     mend  set SIGNHERE_KEY_PASSWORD or COSIGN_PASSWORD\n"
    );
    assert!(!place.path("cosign.key").exists());
}
