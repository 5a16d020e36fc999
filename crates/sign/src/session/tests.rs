//! Signing against an instance that is honest, and against one that is not.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::json;
use signhere_http::{HttpConfig, HttpError};
use signhere_pki::{
    key::{KeyKind, PrivateKey},
    random::SystemRandom,
    tsp::TspError,
};
use signhere_verify::{
    bundle::{Content, KeyMaterial},
    trust::{Selector, SigningConfig},
    verdict::{Step, StepName},
    verifier::Policy,
};

use url::Url;

use super::*;
use crate::{
    service::Service,
    testing::{
        NOW, client_with, impatient,
        instance::{Lie, Running},
        token,
    },
};

fn identity() -> IdentityToken {
    let text = token(&json!({
        "iss": "https://issuer.example", "sub": "1", "aud": "sigstore",
        "exp": NOW.unix() + 900, "email": "jo@example.org", "email_verified": true,
    }));
    IdentityToken::parse(&text, "sigstore", NOW).unwrap()
}

fn tools(running: &Running, config: HttpConfig) -> Tools {
    let clock = &running.fake.clock;
    Tools {
        http: Arc::new(client_with(clock, config)),
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
    }
}

fn keyless(running: &Running, logs: &[u32], with_tsa: bool) -> Session {
    let instance = running.describe(logs, with_tsa);
    let tools = tools(running, HttpConfig::default());
    Session::keyless(&instance, identity(), tools).unwrap()
}

fn managed(running: &Running, kind: KeyKind) -> Session {
    let key = Arc::new(PrivateKey::generate(kind).unwrap());
    let tools = tools(running, HttpConfig::default());
    Session::with_key(&running.describe(&[2], true), key, tools).unwrap()
}

fn file() -> Payload<'static> {
    Payload::Artifact(HashAlgorithm::Sha256.digest(b"a file"))
}

fn statement() -> String {
    let digest = HashAlgorithm::Sha256.digest(b"a file").hex();
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "file", "digest": {"sha256": digest}}],
        "predicateType": "https://example.org/v1",
        "predicate": {},
    })
    .to_string()
}

/// Signs with an instance that tells `lie`.
async fn refusal(lie: Lie) -> (Running, SignError) {
    refusal_of(lie, &[2]).await
}

async fn refusal_of(lie: Lie, logs: &[u32]) -> (Running, SignError) {
    let running = Running::start().await;
    let session = keyless(&running, logs, true);
    running.tell(lie);
    let error = session.sign(file()).await.unwrap_err();
    (running, error)
}

/// The step and the code with which the session's own verification failed.
async fn self_check(lie: Lie, logs: &[u32]) -> (StepName, &'static str) {
    match refusal_of(lie, logs).await.1 {
        SignError::NotVerified(failure) => (failure.step, failure.reason.code()),
        other => panic!("{lie:?}: {other:?}"),
    }
}

fn service_error(service: Service, url: Url, problem: impl Into<Problem>) -> SignError {
    ServiceError {
        service,
        url: url.into(),
        problem: problem.into(),
    }
    .into()
}

#[tokio::test]
async fn a_file_is_signed_by_an_identity() {
    let running = Running::start().await;
    let signed = keyless(&running, &[2], true).sign(file()).await.unwrap();
    assert!(signed.verdict.is_verified());

    let written = Bundle::parse(&signed.bundle.to_json()).unwrap();
    let material = &written.material;
    assert_eq!(
        (material.tlog_entries.len(), material.timestamps.len()),
        (1, 1)
    );
    let certificate = written.certificate().unwrap();
    assert_eq!(certificate.san().unwrap().as_str(), "jo@example.org");

    let verifier = Verifier::new(running.describe(&[2], true).trusted_root).unwrap();
    let policy = Policy::Identity {
        identity: "jo@example.org".into(),
        issuer: "https://issuer.example".into(),
    };
    let verify = |bytes| verifier.verify(&written, &Artifact::Bytes(bytes), &policy);
    assert!(verify(b"a file").is_verified());
    assert!(!verify(b"b file").is_verified());
}

#[tokio::test]
async fn logs_of_both_generations_are_written_to() {
    let running = Running::start().await;
    for (logs, with_tsa) in [(&[1][..], false), (&[1], true), (&[1, 2], true)] {
        let session = keyless(&running, logs, with_tsa);
        let signed = session.sign(file()).await.unwrap();
        assert_eq!(signed.bundle.material.tlog_entries.len(), logs.len());

        let statement = statement();
        let payload = Payload::Statement(statement.as_bytes());
        let signed = session.sign(payload).await.unwrap();
        assert!(matches!(signed.bundle.content, Content::Dsse(_)));
    }
}

#[tokio::test]
async fn a_statement_is_signed_by_an_identity() {
    let running = Running::start().await;
    let statement = statement();
    let payload = Payload::Statement(statement.as_bytes());
    let signed = keyless(&running, &[2], true).sign(payload).await.unwrap();
    let Content::Dsse(envelope) = &signed.bundle.content else {
        panic!("{signed:?}");
    };
    assert_eq!(envelope.payload, statement.as_bytes());
    assert_eq!(envelope.payload_type, INTOTO_PAYLOAD_TYPE);
}

#[tokio::test]
async fn a_statement_about_a_commit_is_signed() {
    let running = Running::start().await;
    let session = keyless(&running, &[1], false);
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let statement = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"gitCommit":"{commit}"}}}}],"predicateType":"https://example.test/p","predicate":{{}}}}"#
    );
    let payload = Payload::Statement(statement.as_bytes());
    let signed = session.sign(payload).await.unwrap();
    let Some(Step::Artifact(evidence)) = signed.verdict.step(StepName::Artifact) else {
        panic!("{:?}", signed.verdict);
    };
    assert_eq!(evidence.digest, Some(format!("gitCommit:{commit}")));
}

#[tokio::test]
async fn what_is_no_statement_is_not_signed() {
    let running = Running::start().await;
    let session = keyless(&running, &[2], true);
    let error = session.sign(Payload::Statement(b"{}")).await.unwrap_err();
    assert!(matches!(error, SignError::Statement(_)), "{error:?}");

    let unknown = statement().replace("sha256", "sha1");
    let payload = Payload::Statement(unknown.as_bytes());
    let error = session.sign(payload).await.unwrap_err();
    assert_eq!(error, SignError::NoSubjectDigest);
    assert_eq!(running.fake.issued.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn managed_keys_sign_without_a_certificate() {
    let running = Running::start().await;
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048] {
        let session = managed(&running, kind);
        let digest = session.hash_algorithm().digest(b"a file");
        let signed = session.sign(Payload::Artifact(digest)).await.unwrap();
        let KeyMaterial::PublicKeyHint(hint) = &signed.bundle.material.key else {
            panic!("{signed:?}");
        };
        assert_eq!(hint.len(), 44);
    }
    assert_eq!(running.fake.issued.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn digests_of_another_algorithm_are_refused() {
    let running = Running::start().await;
    let error = managed(&running, KeyKind::P384).sign(file()).await;
    let refused = SignError::HashAlgorithm {
        expected: HashAlgorithm::Sha384,
        found: HashAlgorithm::Sha256,
    };
    assert_eq!(error.unwrap_err(), refused);
}

#[tokio::test]
async fn pure_ed25519_is_refused_and_prehashed_is_not() {
    let running = Running::start().await;
    let instance = running.describe(&[2], true);
    let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let with = |key| {
        let tools = tools(&running, HttpConfig::default());
        Session::with_key(&instance, Arc::new(key), tools)
    };
    let scheme = Scheme::Ed25519;
    let refused = with(key.clone()).unwrap_err();
    assert_eq!(refused, SignError::Scheme { scheme });

    let session = with(key.with_scheme(Scheme::Ed25519ph).unwrap()).unwrap();
    let digest = HashAlgorithm::Sha512.digest(b"a file");
    session.sign(Payload::Artifact(digest)).await.unwrap();
}

#[tokio::test]
async fn many_files_take_one_certificate() {
    let running = Running::start().await;
    let session = Arc::new(keyless(&running, &[2], true));
    let mut signing = tokio::task::JoinSet::new();
    for number in 0..8 {
        let session = Arc::clone(&session);
        signing.spawn(async move {
            let digest = HashAlgorithm::Sha256.digest(&[number]);
            session.sign(Payload::Artifact(digest)).await
        });
    }
    for signed in signing.join_all().await {
        signed.unwrap();
    }
    assert_eq!(running.fake.issued.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn certificates_are_renewed_as_long_as_the_login_lasts() {
    let running = Running::start().await;
    let session = keyless(&running, &[2], true);
    let issued = || running.fake.issued.load(Ordering::SeqCst);
    let pass = |seconds| running.fake.clock.pass(Duration::from_secs(seconds));
    session.sign(file()).await.unwrap();
    // A certificate of ten minutes with one to spare.
    pass(540);
    session.sign(file()).await.unwrap();
    assert_eq!(issued(), 1);
    pass(1);
    session.sign(file()).await.unwrap();
    assert_eq!(issued(), 2);
    pass(600);
    let expired_at = NOW.plus_seconds(900);
    let error = session.sign(file()).await.unwrap_err();
    assert_eq!(error, SignError::LoginNeeded { expired_at });
}

#[tokio::test]
async fn authorities_that_refuse_are_quoted_without_the_token() {
    let (running, error) = refusal(Lie::CaRefuses).await;
    let refused = Problem::Status {
        status: 400,
        excerpt: "cannot process the token (token)".into(),
    };
    let url = running.at("/ca/api/v2/signingCert");
    assert_eq!(error, service_error(Service::Ca, url, refused));
    assert_eq!(running.fake.proposed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn authorities_that_fail_are_asked_again() {
    let (running, error) = refusal(Lie::CaFails).await;
    let failed = Problem::Status {
        status: 500,
        excerpt: "out of order".into(),
    };
    let url = running.at("/ca/api/v2/signingCert");
    assert_eq!(error, service_error(Service::Ca, url, failed));
    assert_eq!(running.fake.clock.sleeps().len(), 3);
}

#[tokio::test]
async fn authorities_that_hang_are_left() {
    let running = Running::start().await;
    running.tell(Lie::CaHangs);
    let instance = running.describe(&[2], true);
    let tools = tools(&running, impatient(50));
    let session = Session::keyless(&instance, identity(), tools).unwrap();
    let error = session.sign(file()).await.unwrap_err();
    let url = running.at("/ca/api/v2/signingCert");
    let timeout = HttpError::Timeout {
        url: url.to_string(),
    };
    assert_eq!(error, service_error(Service::Ca, url, timeout));
}

#[tokio::test]
async fn authorities_that_talk_forever_are_cut_off() {
    let (running, error) = refusal(Lie::CaTalksForever).await;
    let url = running.at("/ca/api/v2/signingCert");
    let too_large = HttpError::BodyTooLarge {
        url: url.to_string(),
        cap: 1 << 20,
    };
    assert_eq!(error, service_error(Service::Ca, url, too_large));
}

#[tokio::test]
async fn certificates_for_another_key_are_refused() {
    let (running, error) = refusal(Lie::CaCertifiesAnotherKey).await;
    let lie = Problem::Lie {
        what: "certificate",
        detail: "it is for another key".into(),
    };
    let url = running.at("/ca/api/v2/signingCert");
    assert_eq!(error, service_error(Service::Ca, url, lie));
}

#[tokio::test]
async fn detached_scts_are_refused() {
    let (_, error) = refusal(Lie::CaDetachesTheSct).await;
    let SignError::Service(error) = error else {
        panic!("{error:?}");
    };
    assert!(
        matches!(error.problem, Problem::Unsupported(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn logs_that_refuse_are_quoted() {
    for (version, path) in [
        (1, "/log1/api/v1/log/entries"),
        (2, "/log2/api/v2/log/entries"),
    ] {
        let (running, error) = refusal_of(Lie::LogFails, &[version]).await;
        let refused = Problem::Status {
            status: 400,
            excerpt: "frozen".into(),
        };
        let url = running.at(path);
        assert_eq!(error, service_error(Service::Log, url, refused));
    }
}

#[tokio::test]
async fn entries_that_are_there_already_are_made_anew_or_fetched() {
    let running = Running::start().await;
    let session = keyless(&running, &[2], true);
    running.tell(Lie::LogHadItOnce);
    session.sign(file()).await.unwrap();
    assert_eq!(running.fake.proposed.load(Ordering::SeqCst), 2);

    running.tell(Lie::LogHasItAlready);
    let error = session.sign(file()).await.unwrap_err();
    let duplicate = Problem::Duplicate { index: Some(7) };
    let url = running.at("/log2/api/v2/log/entries");
    assert_eq!(error, service_error(Service::Log, url, duplicate));

    let session = keyless(&running, &[1], false);
    session.sign(file()).await.unwrap();
}

#[tokio::test]
async fn timestamps_that_answer_something_else_are_refused() {
    let cases = [(Lie::TsaForgetsTheNonce, TspError::NonceMismatch)];
    for (lie, reason) in cases {
        let (running, error) = refusal(lie).await;
        let lie = Problem::Lie {
            what: "timestamp",
            detail: reason.to_string(),
        };
        assert_eq!(error, service_error(Service::Tsa, running.at("/tsa"), lie));
    }
    let (_, error) = refusal(Lie::TsaStampsAnotherDigest).await;
    let SignError::Service(ServiceError { problem, .. }) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(
        problem,
        Problem::Lie {
            what: "timestamp",
            ..
        }
    ));
    let (_, error) = refusal(Lie::TsaRefuses).await;
    let SignError::Service(ServiceError { problem, .. }) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(
        problem,
        Problem::Unreadable {
            what: "timestamp",
            ..
        }
    ));
}

#[tokio::test]
async fn lies_that_only_verification_finds_are_found() {
    let cases: [(Lie, &[u32], StepName, &str); 9] = [
        (Lie::CaForgesTheSct, &[2], StepName::Sct, "SH-SCT"),
        (Lie::CaAsksAnotherLog, &[2], StepName::Sct, "SH-SCT-UNKNOWN"),
        (
            Lie::CaIsAStranger,
            &[2],
            StepName::Certificate,
            "SH-CERT-CHAIN",
        ),
        (
            Lie::LogProvesAnotherPlace,
            &[2],
            StepName::Log,
            "SH-LOG-PROOF",
        ),
        (
            Lie::LogHoldsAnotherSignature,
            &[2],
            StepName::Log,
            "SH-LOG-SIGNATURE",
        ),
        (
            Lie::LogForgesThePromise,
            &[1],
            StepName::Log,
            "SH-LOG-PROMISE",
        ),
        (
            Lie::TsaIsAStranger,
            &[2],
            StepName::Time,
            "SH-TIME-UNTRUSTED",
        ),
        (
            Lie::TsaIsLate,
            &[2],
            StepName::Certificate,
            "SH-CERT-EXPIRED",
        ),
        (
            Lie::TsaIsLate,
            &[1],
            StepName::Certificate,
            "SH-CERT-EXPIRED",
        ),
    ];
    for (lie, logs, step, code) in cases {
        assert_eq!(self_check(lie, logs).await, (step, code), "{lie:?}");
    }
}

/// Signs by `config`, the signing config of an instance with one of each service, changed.
async fn by_config(change: impl FnOnce(&mut SigningConfig)) -> Result<Signed, SignError> {
    by_config_of(&[2], change).await
}

async fn by_config_of(
    logs: &[u32],
    change: impl FnOnce(&mut SigningConfig),
) -> Result<Signed, SignError> {
    let running = Running::start().await;
    let mut instance = running.describe(logs, true);
    change(&mut instance.signing_config);
    let tools = tools(&running, HttpConfig::default());
    let session = Session::keyless(&instance, identity(), tools)?;
    session.sign(file()).await
}

#[tokio::test]
async fn as_many_services_are_used_as_the_config_wants() {
    for (selector, used) in [
        (Selector::Any, 1),
        (Selector::All, 2),
        (Selector::Exact(2), 2),
    ] {
        let signed = by_config_of(&[1, 2], |config| config.rekor_tlog_config = selector);
        let signed = signed.await.unwrap();
        assert_eq!(signed.bundle.material.tlog_entries.len(), used);
    }
    let kind = ServiceKind::Tsa;
    let too_few = by_config(|config| config.tsa_config = Selector::Exact(2)).await;
    let expected = 2;
    let refused = TrustError::TooFewServices {
        kind,
        expected,
        found: 1,
    };
    assert_eq!(too_few.unwrap_err(), refused.into());
}

#[tokio::test]
async fn services_count_in_their_time_only() {
    let retired = by_config(|config| {
        config.rekor_tlog_urls[0].valid_for.end = Some(NOW.plus_seconds(-1));
    });
    let refused = TrustError::NoUsableService {
        kind: ServiceKind::Log,
        listed: 1,
    };
    assert_eq!(retired.await.unwrap_err(), refused.into());
    let last_second = by_config(|config| config.rekor_tlog_urls[0].valid_for.end = Some(NOW));
    last_second.await.unwrap();
}

#[tokio::test]
async fn services_of_an_unknown_generation_are_not_used() {
    let newer = by_config(|config| config.rekor_tlog_urls[0].major_api_version = 3);
    let refused = TrustError::NoUsableService {
        kind: ServiceKind::Log,
        listed: 1,
    };
    assert_eq!(newer.await.unwrap_err(), refused.into());
}

#[tokio::test]
async fn services_have_web_addresses() {
    let strange = by_config(|config| config.tsa_urls[0].url = "file:///etc/passwd".into());
    let refused = SignError::ServiceUrl {
        kind: ServiceKind::Tsa,
        url: "file:///etc/passwd".into(),
    };
    assert_eq!(strange.await.unwrap_err(), refused);
}

#[tokio::test]
async fn without_an_authority_only_keys_sign() {
    let without = by_config(|config| config.ca_urls.clear()).await;
    let kind = ServiceKind::Ca;
    let refused = TrustError::NoService { kind };
    assert_eq!(without.unwrap_err(), refused.into());
}

#[tokio::test]
async fn without_a_time_there_is_no_keyless_signature() {
    let untimed = by_config(|config| config.tsa_urls.clear()).await;
    let SignError::NotVerified(failure) = untimed.unwrap_err() else {
        panic!("another failure");
    };
    assert_eq!(failure.reason.code(), "SH-TIME-MISSING");
}
