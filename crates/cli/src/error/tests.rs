use std::io;
use std::path::Path;

use signhere_http::HttpError;
use signhere_pki::cosign_key::CosignKeyError;
use signhere_pki::time::Time;
use signhere_serve::ServeError;
use signhere_sign::identity::TokenError;
use signhere_sign::identity::oidc::OidcError;
use signhere_sign::service::{Problem, Service, ServiceError};
use signhere_sign::session::SignError;
use signhere_verify::JsonError;
use signhere_verify::bundle::BundleError;
use signhere_verify::policy::NotAllowed;
use signhere_verify::trust::TrustError;
use signhere_verify::verdict::{Failure, Reason, StepName};

use super::*;

/// What a person reads, without the styles.
fn text(error: impl Into<CliError>) -> String {
    anstream::adapter::strip_str(&error.into().render()).to_string()
}

fn exit(error: impl Into<CliError>) -> Exit {
    error.into().exit()
}

fn failure(step: StepName, reason: Reason) -> Failure {
    Failure {
        step,
        reason,
        item: None,
        expected: None,
        found: None,
        nearest: None,
    }
}

fn not_allowed(why: NotAllowed) -> Reason {
    Reason::SignerNotAllowed {
        signer: "release".to_owned(),
        file: ".signhere/trust.toml".to_owned(),
        why,
    }
}

fn service(service: Service, problem: impl Into<Problem>) -> ServiceError {
    ServiceError {
        service,
        url: "http://127.0.0.1:3003/x".to_owned(),
        problem: problem.into(),
    }
}

#[test]
fn somebody_else() {
    let failure = Failure {
        expected: Some("alice@example.com".to_owned()),
        found: Some("mallory\u{1b}[2J@example.com".to_owned()),
        ..failure(StepName::Identity, Reason::IdentityMismatch)
    };
    assert_eq!(exit(&failure), Exit::OtherSigner);
    assert_eq!(
        text(&failure),
        "error: signed by somebody else [SH-IDENTITY]\n\
         \x20    check  identity: the expected signer signed\n\
         \x20 expected  alice@example.com\n\
         \x20    found  mallory\\u{1b}[2J@example.com\n\
         \x20     mend  compare what was expected with what was found; if the signer is right: signhere trust add\n"
    );
}

#[test]
fn each_way_of_not_verifying_has_its_exit_code() {
    for (step, reason, expected) in [
        (StepName::Bundle, Reason::PolicyNeedsKey, 13),
        (StepName::Bundle, Reason::PolicyNeedsCertificate, 12),
        (StepName::Bundle, Reason::Bundle(BundleError::NoContent), 12),
        (StepName::Artifact, Reason::ArtifactMismatch, 12),
        (StepName::Artifact, Reason::ArtifactDigestMissing, 1),
        (StepName::Signature, Reason::SignatureInvalid, 12),
        (StepName::Log, Reason::LogEntryMissing, 31),
        (StepName::Time, Reason::TimeMissing, 31),
        (StepName::Certificate, Reason::CertificateUntrusted, 12),
        (StepName::Sct, Reason::SctMissing, 31),
        (StepName::Identity, Reason::IssuerMismatch, 20),
        (StepName::Policy, Reason::IssuerMismatch, 20),
        (
            StepName::Policy,
            Reason::SignerUnlisted { proposal: None },
            21,
        ),
        (StepName::Policy, Reason::SignerUnchecked, 21),
        (StepName::Policy, not_allowed(NotAllowed::File), 22),
        (StepName::Policy, not_allowed(NotAllowed::Revoked), 22),
        (StepName::Policy, not_allowed(NotAllowed::Time), 31),
    ] {
        let failure = failure(step, reason);
        assert_eq!(exit(&failure).status(), expected, "{failure:?}");
        // A signature that is refused for signing is refused for the same reason.
        assert_eq!(
            exit(SignError::NotVerified(Box::new(failure))).status(),
            expected
        );
    }
}

#[test]
fn a_key_where_a_certificate_was_asked_for() {
    assert_eq!(
        text(&failure(StepName::Bundle, Reason::PolicyNeedsKey)),
        "error: the bundle is signed with a key, and no key was given to verify it with \
         [SH-POLICY-NEEDS-KEY]\n\
         \x20    check  bundle: it is well formed and of the sort asked for\n\
         \x20     mend  signhere verify --key PUBLIC_KEY FILE\n"
    );
}

#[test]
fn a_bundle_that_was_cut_off() {
    let cut = JsonError::Truncated {
        line: 1,
        column: 700,
    };
    assert_eq!(
        text(BundleError::Json(cut)),
        "error: the bundle cannot be read: the JSON ends too early, at line 1, column 700 [SH-BUNDLE-JSON]\n\
         \x20     mend  fetch the bundle again, byte for byte\n"
    );
}

#[test]
fn which_of_several_entries_it_was() {
    let failure = Failure {
        item: Some(1),
        ..failure(StepName::Log, Reason::ProofMissing)
    };
    assert_eq!(
        text(&failure),
        "error: the log entry has no inclusion proof (log 1) [SH-LOG-PROOF-MISSING]\n\
         \x20    check  log: a transparency log holds the signature\n\
         \x20     mend  signhere bundle upgrade BUNDLE --log-entry ENTRY\n"
    );
}

#[test]
fn a_service_that_is_down_is_tried_again() {
    let error = service(
        Service::Ca,
        HttpError::Connect {
            url: "http://127.0.0.1:3003/x".to_owned(),
            detail: "connection refused".to_owned(),
        },
    );
    assert_eq!(exit(error.clone()), Exit::Retry);
    assert_eq!(
        text(error),
        "error: the certificate authority gives no answer: http://127.0.0.1:3003/x: \
         cannot connect: connection refused [SH-SERVICE-DOWN]\n\
         \x20     mend  try again; to start a private instance: signhere serve\n"
    );
}

#[test]
fn a_service_that_refuses_or_lies_is_not() {
    let status = |status| Problem::Status {
        status,
        excerpt: "no".to_owned(),
    };
    let lie = || Problem::Lie {
        what: "certificate",
        detail: "of another key".to_owned(),
    };
    assert_eq!(exit(service(Service::Ca, status(401))), Exit::Login);
    assert_eq!(exit(service(Service::Ca, status(400))), Exit::Failed);
    assert_eq!(exit(service(Service::Ca, status(503))), Exit::Retry);
    assert_eq!(exit(service(Service::Ca, lie())), Exit::Trust);
    assert_eq!(exit(service(Service::Log, lie())), Exit::Unproven);
    assert_eq!(exit(service(Service::Tsa, lie())), Exit::Unproven);
}

#[test]
fn an_expired_token() {
    let error = TokenError::Expired {
        expired_at: Time::from_unix(0),
        now: Time::from_unix(60),
    };
    assert_eq!(exit(error.clone()), Exit::Login);
    assert_eq!(
        text(OidcError::Token(error)),
        "error: the identity token has expired [SH-TOKEN-EXPIRED]\n\
         \x20 expected  a token valid at 1970-01-01T00:01:00Z\n\
         \x20    found  valid until 1970-01-01T00:00:00Z\n\
         \x20     mend  log in again, or fetch a new token\n"
    );
}

#[test]
fn a_token_for_somebody_else() {
    let error = TokenError::Audience {
        expected: "sigstore".to_owned(),
        found: vec!["vault".to_owned(), "aws".to_owned()],
    };
    assert_eq!(
        text(error),
        "error: the identity token is for somebody else [SH-TOKEN-AUDIENCE]\n\
         \x20 expected  audience sigstore\n\
         \x20    found  vault, aws\n\
         \x20     mend  ask for one with the audience `sigstore`\n"
    );
}

#[test]
fn trust_material_that_cannot_be_used() {
    let error = TrustError::NoStart {
        path: "tlogs[0].publicKey.validFor".to_owned(),
    };
    assert_eq!(exit(error.clone()), Exit::Trust);
    assert_eq!(
        text(error),
        "error: the trust material cannot be used: `tlogs[0].publicKey.validFor` has no start \
         of validity [SH-TRUST]\n\
         \x20     mend  name the right file or instance: --trusted-root, --trust-config, --instance\n"
    );
}

#[test]
fn a_wrong_passphrase() {
    assert_eq!(
        text(CosignKeyError::WrongPassphrase),
        "error: the passphrase is wrong [SH-KEY-PASSPHRASE]\n\
         \x20     mend  set SIGNHERE_KEY_PASSWORD or COSIGN_PASSWORD to the right one\n"
    );
}

#[test]
fn a_folder_that_is_taken() {
    let error = ServeError::InUse { path: "x".into() };
    assert_eq!(exit(error), Exit::Retry);
    let error = ServeError::NotLoopback {
        address: ([192, 0, 2, 1], 3003).into(),
    };
    assert_eq!(exit(error), Exit::Usage);
}

#[test]
fn a_log_that_may_be_an_older_copy() {
    let error = ServeError::MarkMissing {
        log: "signature",
        size: 7,
        mark: "/srv/my marks/log-1".into(),
        checkpoint: "/srv/log-1/tiles/checkpoint".into(),
    };
    assert_eq!(
        text(error),
        "error: the signature log cannot be opened: it has 7 entries, but its high-water mark /srv/my marks/log-1 is missing [SH-INSTANCE-MARK-MISSING]\n\
         \x20 expected  the mark of a log of at least 7 entries\n\
         \x20     mend  put the mark back from the disk that had it; only if nothing was logged since this copy was made: cp /srv/log-1/tiles/checkpoint '/srv/my marks/log-1'\n"
    );
    let error = ServeError::RolledBack {
        log: "certificate",
        marked: 9,
        size: 7,
        folder: "/srv/ct-1".into(),
    };
    assert_eq!(
        text(error),
        "error: the certificate log cannot be opened: it has signed for 9 entries, but /srv/ct-1 holds 7 [SH-INSTANCE-ROLLED-BACK]\n\
         \x20 expected  9 entries\n\
         \x20    found  7 entries\n\
         \x20     mend  bring tiles, lock and journal of /srv/ct-1 from the newer copy; if there is none, keep it for reading and make a new instance: signhere serve init ANOTHER_FOLDER\n"
    );
}

#[test]
fn a_clock_that_was_set_back() {
    let now = Time::from_unix(1_795_000_000);
    let created = now.plus_seconds(1);
    assert_eq!(
        text(ServeError::ClockBehind { created, now }),
        "error: the clock says 2026-11-18T11:06:40Z, but the instance was made at 2026-11-18T11:06:41Z [SH-INSTANCE-CLOCK]\n\
         \x20 expected  2026-11-18T11:06:41Z or later\n\
         \x20    found  2026-11-18T11:06:40Z\n\
         \x20     mend  set the clock right: timedatectl status\n"
    );
    let error = ServeError::ClockSetBack {
        given: now.plus_seconds(60),
        now,
        mark: "my marks/tsa".into(),
    };
    assert_eq!(
        text(error),
        "error: the clock says 2026-11-18T11:06:40Z, but a timestamp was given at 2026-11-18T11:07:40Z [SH-INSTANCE-CLOCK]\n\
         \x20 expected  2026-11-18T11:07:40Z or later\n\
         \x20    found  2026-11-18T11:06:40Z\n\
         \x20     mend  set the clock right: timedatectl status; if it was wrong before and is right now, timestamps say a time to come: rm 'my marks/tsa', then signhere serve rotate tsa\n"
    );
}

#[test]
fn a_folder_that_others_can_read() {
    let error = |path: &str| ServeError::Exposed {
        path: path.into(),
        mode: 0o755,
    };
    assert!(text(error("my instance/keys")).contains("mend  chmod -R go= 'my instance/keys'\n"));
    // Never of a folder that others may need.
    assert!(text(error("/")).contains("mend  name a folder that is not there yet\n"));
}

#[test]
fn a_folder_of_another_user() {
    let error = ServeError::Owner {
        path: "/srv/sig".into(),
        owner: 994,
        user: 0,
    };
    assert_eq!(
        text(error),
        "error: /srv/sig belongs to user 994, and this process is user 0 [SH-INSTANCE-OWNER]\n\
         \x20     mend  runuser -u \"$(id -nu 994)\" -- signhere ...; if the folder is to be yours: chown -R \"$(id -u)\" /srv/sig\n"
    );
}

#[test]
fn a_disk_that_an_instance_cannot_write() {
    let error = |kind| ServeError::File {
        action: "write",
        path: "my disk/lock".into(),
        kind,
    };
    assert_eq!(
        text(error(io::ErrorKind::StorageFull)),
        "error: cannot write my disk/lock: no storage space [SH-FILE]\n\
         \x20     mend  make room on the disk of 'my disk': df -h 'my disk'\n"
    );
    assert_eq!(
        text(error(io::ErrorKind::ReadOnlyFilesystem)),
        "error: cannot write my disk/lock: read-only filesystem or storage medium [SH-FILE]\n\
         \x20     mend  mount -o remount,rw \"$(findmnt -no TARGET -T 'my disk')\"\n"
    );
}

#[test]
fn files() {
    let path = Path::new("a.txt");
    let error = |kind: io::ErrorKind| CliError::file("read", path, &kind.into());
    assert_eq!(
        text(error(io::ErrorKind::NotFound)),
        "error: cannot read a.txt: there is no such file [SH-FILE-MISSING]\n\
         \x20     mend  check the path: ls\n"
    );
    assert_eq!(
        text(error(io::ErrorKind::PermissionDenied)),
        "error: cannot read a.txt: permission denied [SH-FILE-DENIED]\n\
         \x20     mend  ls -ld a.txt\n"
    );
    assert_eq!(
        text(CliError::too_large(path, 4)),
        "error: a.txt is too large [SH-FILE-TOO-LARGE]\n\
         \x20 expected  at most 4 bytes\n\
         \x20     mend  check that it is the right file\n"
    );
}

#[test]
fn a_closed_pipe_is_no_news() {
    assert!(CliError::output(&io::ErrorKind::BrokenPipe.into()).is_silent());
    assert!(!CliError::output(&io::ErrorKind::StorageFull.into()).is_silent());
}

#[test]
fn one_word_of_a_shell() {
    assert_eq!(shell_word("a/b-c.txt"), "a/b-c.txt");
    assert_eq!(shell_word("a b"), "'a b'");
    assert_eq!(shell_word("it's"), "'it'\\''s'");
    assert_eq!(shell_word("$(rm -rf /)"), "'$(rm -rf /)'");
    assert_eq!(shell_word(""), "''");
}

#[test]
fn the_document() {
    let error = CliError::usage("no").expected("a").found("b").mend("c");
    assert_eq!(
        serde_json::to_value(error.document()).unwrap(),
        serde_json::json!({
            "version": 1,
            "error": {
                "code": "SH-USAGE",
                "message": "no",
                "check": null,
                "excerpt": null,
                "expected": "a",
                "found": "b",
                "mend": "c",
                "exitCode": 2,
            },
        })
    );
}
