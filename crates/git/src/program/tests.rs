use std::ffi::OsString;
use std::path::PathBuf;

use proptest::prelude::*;
use signhere_pki::time::Time;

use super::*;

fn recognise(line: &str) -> Option<Result<Call, CallError>> {
    let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    Call::recognise(&args)
}

fn signs(fd: Option<u32>, key: Option<&str>) -> Option<Result<Call, CallError>> {
    Some(Ok(Call {
        status_fd: fd,
        action: Action::Sign {
            key: key.map(OsString::from),
        },
    }))
}

fn verifies(fd: Option<u32>, content: Content) -> Option<Result<Call, CallError>> {
    Some(Ok(Call {
        status_fd: fd,
        action: Action::Verify {
            signature: PathBuf::from("/tmp/.git_vtag_tmp1"),
            content,
        },
    }))
}

#[test]
fn the_forms_of_signing() {
    let git = signs(Some(2), Some("KEY"));
    for line in [
        "--status-fd=2 -bsau KEY",
        "--status-fd 2 -bsau KEY",
        "--status-fd=2 -b -s -a -u KEY",
        "--status-fd=2 -bsauKEY",
        "-bsau KEY --status-fd=2",
        "-bsau KEY --status-fd 2",
        "--status-fd=2 --detach-sign --sign --armor --local-user KEY",
        "--status-fd=2 --detach-sign --armor --local-user=KEY",
        "--detach-sign --include-certs=-1 --batch --no-tty --yes -u KEY --status-fd=2 -",
        "--include-certs 1 --keyid-format=long --status-fd=2 -bsau KEY",
    ] {
        assert_eq!(recognise(line), git, "{line}");
    }
    assert_eq!(recognise("-bsa"), signs(None, None));
    // git gives the committer where no key is configured, and that may be anything.
    let args = ["--status-fd=2", "-bsau", "-b <a@example.com>"].map(OsString::from);
    assert_eq!(
        Call::recognise(&args),
        signs(Some(2), Some("-b <a@example.com>"))
    );
    let args = ["--status-fd=2", "-bsau", ""].map(OsString::from);
    assert_eq!(Call::recognise(&args), signs(Some(2), Some("")));
}

#[test]
fn the_forms_of_verifying() {
    let git = verifies(Some(1), Content::StandardInput);
    for line in [
        "--status-fd=1 --verify /tmp/.git_vtag_tmp1 -",
        "--keyid-format=long --status-fd=1 --verify /tmp/.git_vtag_tmp1 -",
        "--status-fd 1 --keyid-format long --verify /tmp/.git_vtag_tmp1 -",
        "--verify --status-fd=1 -- /tmp/.git_vtag_tmp1 -",
        "-v --status-fd=1 /tmp/.git_vtag_tmp1 -",
    ] {
        assert_eq!(recognise(line), git, "{line}");
    }
    assert_eq!(
        recognise("--verify /tmp/.git_vtag_tmp1 file"),
        verifies(None, Content::File(PathBuf::from("file")))
    );
}

#[test]
fn the_programs_own_command_lines_are_not_gits() {
    for line in [
        "",
        "sign file",
        "verify file",
        "git verify -bsau",
        "--json verify --status-fd=1",
        "-v verify file",
        "-q verify file",
        "--help",
        "-h",
        "-V",
        "--instance local sign file",
        "bsau",
        "--",
        "-",
    ] {
        assert_eq!(recognise(line), None, "{line}");
    }
    assert_eq!(Call::recognise(&[]), None);
}

#[test]
fn what_is_not_understood_is_an_error() {
    let refused = |line: &str| recognise(line).unwrap().unwrap_err();
    let found = |text: &str| OsString::from(text);
    let option = |text: &str| CallError::Option { found: found(text) };
    assert_eq!(refused("--status-fd=2 -bsxu K"), option("-bsxu"));
    assert_eq!(refused("--status-fd=2 --clearsign"), option("--clearsign"));
    assert_eq!(refused("--status-fd=2 --sign=1 -b"), option("--sign=1"));
    assert_eq!(
        refused("--status-fd=two -bsau K"),
        CallError::StatusFd {
            found: found("two")
        }
    );
    assert_eq!(
        refused("--status-fd=-1 -bsau K"),
        CallError::StatusFd { found: found("-1") }
    );
    assert_eq!(refused("-bsau"), CallError::Value { option: "-u" });
    assert_eq!(
        refused("-bsa --status-fd"),
        CallError::Value {
            option: "--status-fd"
        }
    );
    assert_eq!(refused("--status-fd=2"), CallError::Action);
    assert_eq!(refused("--status-fd=2 -bs --verify a -"), CallError::Action);
    assert_eq!(refused("--status-fd=2 -sau K"), CallError::Attached);
    assert_eq!(refused("--verify a"), CallError::Attached);
    assert_eq!(refused("--verify"), CallError::Attached);
    assert_eq!(
        refused("--verify a - b"),
        CallError::Argument { found: found("b") }
    );
    assert_eq!(
        refused("-bsau K file"),
        CallError::Argument {
            found: found("file")
        }
    );
}

fn signer(identity: &str) -> Signer {
    Signer {
        fingerprint: [0xab; 32],
        identity: identity.to_owned(),
        issuer: "https://issuer.example.com".to_owned(),
    }
}

fn good(identity: &str, trust: Trust) -> Standing {
    Standing::Good {
        signer: signer(identity),
        at: Time::from_unix(1_700_000_000),
        trust,
    }
}

#[test]
fn the_lines_of_a_new_signature() {
    let lines = sign_status(&signer("a@example.com"), Time::from_unix(1_700_000_000));
    let key = "ab".repeat(32);
    assert_eq!(
        lines,
        format!(
            "[GNUPG:] BEGIN_SIGNING H8\n\
             [GNUPG:] SIG_CREATED D 19 8 00 1700000000 {key}\n"
        )
    );
}

#[test]
fn the_lines_of_a_good_signature() {
    let key = "ab".repeat(32);
    for (trust, word) in [
        (Trust::Fully, "FULLY"),
        (Trust::Undefined, "UNDEFINED"),
        (Trust::Never, "NEVER"),
    ] {
        let standing = good("a@example.com", trust);
        assert_eq!(
            verify_status(&standing),
            format!(
                "[GNUPG:] NEWSIG\n\
                 [GNUPG:] GOODSIG {key} a@example.com (https://issuer.example.com)\n\
                 [GNUPG:] VALIDSIG {key} 2023-11-14 1700000000 0 0 0 19 8 00 {key}\n\
                 [GNUPG:] TRUST_{word} 0 sigstore\n"
            )
        );
        assert_eq!(standing.counts(), trust != Trust::Never);
    }
}

#[test]
fn the_lines_of_a_signature_that_does_not_count() {
    let key = "ab".repeat(32);
    let who = Some(signer("a@example.com"));
    let name = "a@example.com (https://issuer.example.com)";
    let expired = Standing::Expired {
        signer: signer("a@example.com"),
    };
    let revoked = Standing::Revoked {
        signer: signer("a@example.com"),
    };
    for (standing, line) in [
        (expired, format!("EXPKEYSIG {key} {name}")),
        (revoked, format!("REVKEYSIG {key} {name}")),
        (
            Standing::Unchecked {
                signer: who.clone(),
            },
            format!("ERRSIG {key} 19 8 00 0 1 {key}"),
        ),
        (
            Standing::Bad { signer: who },
            format!("BADSIG {key} {name}"),
        ),
        (
            Standing::Unchecked { signer: None },
            "ERRSIG 0000000000000000 19 8 00 0 1 0000000000000000".to_owned(),
        ),
        (
            Standing::Bad { signer: None },
            "BADSIG 0000000000000000 unknown".to_owned(),
        ),
    ] {
        let lines = verify_status(&standing);
        assert_eq!(lines, format!("[GNUPG:] NEWSIG\n[GNUPG:] {line}\n"));
        assert!(!standing.counts());
    }
}

#[test]
fn a_hostile_name_stays_in_its_line_and_its_word() {
    let shown = |identity: &str| {
        let lines = verify_status(&good(identity, Trust::Never));
        assert_eq!(lines.lines().count(), 4, "{lines}");
        let line = lines.lines().nth(1).unwrap();
        let name = line.splitn(4, ' ').nth(3).unwrap().to_owned();
        let (name, issuer) = name.split_once(' ').unwrap();
        assert_eq!(issuer, "(https://issuer.example.com)");
        name.to_owned()
    };
    assert_eq!(
        shown("a\n[GNUPG:] TRUST_FULLY 0 x\r\n"),
        "a%0A[GNUPG:]%20TRUST_FULLY%200%20x%0D%0A"
    );
    assert_eq!(
        shown("ada@example.com (https://accounts.google.com)"),
        "ada@example.com%20(https://accounts.google.com)"
    );
    assert_eq!(shown("\u{1b}[31ma%"), "%1B[31ma%25");
    assert_eq!(
        shown("a\u{202e}b\u{9b}c\u{200b}"),
        "a%E2%80%AEb%C2%9Bc%E2%80%8B"
    );
    assert_eq!(shown("jürgen@例え.example"), "jürgen@例え.example");
}

#[test]
fn several_signatures_are_told_as_one() {
    let fold = |standings: &[Standing]| Standing::fold(standings.iter().cloned());
    let bad = Standing::Bad { signer: None };
    let unchecked = Standing::Unchecked { signer: None };
    let listed = good("listed@example.com", Trust::Fully);
    let unlisted = good("unlisted@example.com", Trust::Never);
    assert_eq!(fold(&[]), bad);
    assert_eq!(fold(&[unlisted.clone(), listed.clone()]), listed);
    assert_eq!(fold(&[listed.clone(), unlisted.clone()]), listed);
    assert_eq!(fold(&[listed.clone(), unchecked.clone()]), unchecked);
    assert_eq!(fold(&[bad.clone(), unchecked, listed]), bad);
}

proptest! {
    #[test]
    fn any_name_gives_lines_of_one_form(identity in any::<String>(), issuer in any::<String>()) {
        let signer = Signer { fingerprint: [1; 32], identity, issuer };
        let standing = Standing::Bad { signer: Some(signer) };
        let lines = verify_status(&standing);
        prop_assert_eq!(lines.lines().count(), 2);
        prop_assert!(lines.lines().all(|line| line.starts_with("[GNUPG:] ")));
        prop_assert_eq!(lines.matches(' ').count(), 5);
        let is_obeyed = |c: char| c != '\n' && c.is_control();
        prop_assert!(!lines.contains(is_obeyed));
    }
}
