use std::{fs, io::ErrorKind, process::Command};

use der::asn1::ObjectIdentifier;
use signhere_pki::{
    cert::Certificate,
    chain::{Chain, ChainError},
    cms::CmsError,
    digest::HashAlgorithm,
    key::KeyKind,
    random::SystemRandom,
    tsp::{
        DEFAULT_POLICY, FailureInfo, RequestError, TimestampRequest, TimestampResponse,
        TimestampToken, TsaSigner, TspError, reject, respond,
    },
};

use crate::support::{NOW, tsa, years};

const MESSAGE: &[u8] = b"signed elsewhere";

fn request(hash: HashAlgorithm) -> TimestampRequest {
    TimestampRequest::new(hash.digest(MESSAGE), &SystemRandom).unwrap()
}

fn reply(request: &TimestampRequest, tsa: &TsaSigner) -> TimestampToken {
    let reply = respond(request, tsa, NOW, &SystemRandom).unwrap();
    TimestampToken::from_response(&reply).unwrap()
}

#[test]
fn a_timestamp_of_every_kind_of_key_verifies() {
    let kinds = [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Ed25519,
        KeyKind::Rsa2048,
    ];
    let hashes = [
        HashAlgorithm::Sha256,
        HashAlgorithm::Sha384,
        HashAlgorithm::Sha512,
    ];
    for (kind, hash) in kinds.into_iter().zip(hashes.into_iter().cycle()) {
        let (tsa, root) = tsa(kind);
        let request = request(hash);
        let token = reply(
            &TimestampRequest::parse(&request.to_der().unwrap()).unwrap(),
            &tsa,
        );
        assert_eq!(token.check_answers(&request), Ok(()));
        assert_eq!(token.policy(), DEFAULT_POLICY);

        // The root alone, as the certificate is embedded; and with the certificate listed.
        for chain in [
            vec![root.clone()],
            vec![tsa.certificate.clone(), root.clone()],
        ] {
            let verified = token.verify(MESSAGE, &Chain::new(&chain).unwrap()).unwrap();
            assert_eq!(verified.time, NOW);
            assert_eq!(verified.authority, tsa.certificate);
        }
    }
}

#[test]
fn without_the_certificate_the_chain_must_list_it() {
    let (tsa, root) = tsa(KeyKind::P256);
    let mut request = request(HashAlgorithm::Sha256);
    request.certificate_requested = false;
    request.nonce = None;
    let request = TimestampRequest::parse(&request.to_der().unwrap()).unwrap();
    let token = reply(&request, &tsa);
    assert_eq!(token.check_answers(&request), Ok(()));

    let unlisted = Chain::new(std::slice::from_ref(&root)).unwrap();
    assert_eq!(
        token.verify(MESSAGE, &unlisted),
        Err(TspError::SignerNotFound)
    );
    let listed = Chain::new(&[tsa.certificate.clone(), root]).unwrap();
    assert_eq!(
        token.verify(MESSAGE, &listed).map(|verified| verified.time),
        Ok(NOW)
    );
}

#[test]
fn a_timestamp_of_something_or_someone_else_is_refused() {
    let (tsa, root) = tsa(KeyKind::P256);
    let chain = Chain::new(&[root]).unwrap();
    let request = request(HashAlgorithm::Sha256);
    let token = reply(&request, &tsa);

    let expected = HashAlgorithm::Sha256.digest(b"else");
    assert_eq!(
        token.verify(b"else", &chain),
        Err(TspError::ImprintMismatch {
            expected: Box::new(expected),
            found: Box::new(request.imprint),
        })
    );
    let other_nonce = TimestampRequest::new(request.imprint, &SystemRandom).unwrap();
    assert_eq!(
        token.check_answers(&other_nonce),
        Err(TspError::NonceMismatch)
    );

    let (other, other_root) = super::support::tsa(KeyKind::P256);
    let other_chain = Chain::new(std::slice::from_ref(&other_root)).unwrap();
    // The other root has the same name, and another key.
    assert_eq!(
        token.verify(MESSAGE, &other_chain),
        Err(TspError::Chain(ChainError::SignatureInvalid {
            subject: "CN=tsa,O=example.test".to_owned()
        }))
    );
    let pinned = Chain::new(&[other.certificate.clone(), other_root]).unwrap();
    assert!(matches!(
        token.verify(MESSAGE, &pinned),
        Err(TspError::Chain(ChainError::NotListed { .. }))
    ));

    // A key that is not the certificate's.
    let liar = TsaSigner {
        certificate: tsa.certificate.clone(),
        signer: other.signer,
        policy: DEFAULT_POLICY,
    };
    let forged = reply(&request, &liar);
    assert_eq!(
        forged.verify(MESSAGE, &chain),
        Err(TspError::Cms(CmsError::SignatureInvalid))
    );
}

#[test]
fn a_timestamp_outside_the_validity_is_refused() {
    let (tsa, root) = tsa(KeyKind::P256);
    let chain = Chain::new(&[root]).unwrap();
    let at = years(5).end.unwrap().plus_seconds(1);
    let reply = respond(&request(HashAlgorithm::Sha256), &tsa, at, &SystemRandom).unwrap();
    let token = TimestampToken::from_response(&reply).unwrap();
    assert_eq!(
        token.verify(MESSAGE, &chain),
        Err(TspError::Chain(ChainError::Expired {
            subject: "CN=tsa,O=example.test".to_owned(),
            not_after: years(5).end.unwrap(),
            at,
        }))
    );
}

#[test]
fn requests_that_cannot_be_met_have_their_failure() {
    let (tsa, _) = tsa(KeyKind::P256);
    let mut other_policy = request(HashAlgorithm::Sha256);
    other_policy.policy = Some(ObjectIdentifier::new_unwrap("1.2.3"));
    let refusal = respond(&other_policy, &tsa, NOW, &SystemRandom).unwrap();
    assert_eq!(
        TimestampResponse::from_der(&refusal).map(drop),
        Err(TspError::Status {
            found: 2,
            failure: Some(FailureInfo::UnacceptedPolicy),
            text: Some("policy is not supported".to_owned()),
        })
    );

    let sha1 = hex::decode(
        "302f0201013021300906052b0e03021a0500041400000000000000000000000000000000000000000101ff",
    );
    let sha1 = {
        let mut der = sha1.unwrap();
        der[1] = u8::try_from(der.len() - 2).unwrap();
        der
    };
    let error = TimestampRequest::parse(&sha1).unwrap_err();
    assert_eq!(
        error,
        RequestError::DigestAlgorithm {
            found: ObjectIdentifier::new_unwrap("1.3.14.3.2.26")
        }
    );
    assert_eq!(error.failure(), FailureInfo::BadAlgorithm);

    let good = request(HashAlgorithm::Sha256).to_der().unwrap();
    for length in 0..good.len() {
        assert!(TimestampRequest::parse(&good[..length]).is_err());
    }
    assert_eq!(
        TimestampRequest::parse(&[0x30; 5000]),
        Err(RequestError::TooLong {
            found: 5000,
            max: 4096
        })
    );
}

#[test]
fn every_failure_is_written_and_read() {
    for failure in [
        FailureInfo::BadAlgorithm,
        FailureInfo::BadRequest,
        FailureInfo::BadDataFormat,
        FailureInfo::TimeNotAvailable,
        FailureInfo::UnacceptedPolicy,
        FailureInfo::UnacceptedExtension,
        FailureInfo::AdditionalInfoNotAvailable,
        FailureInfo::SystemFailure,
    ] {
        assert_eq!(
            TimestampResponse::from_der(&reject(failure, "no").unwrap()).map(drop),
            Err(TspError::Status {
                found: 2,
                failure: Some(failure),
                text: Some("no".to_owned()),
            })
        );
    }
}

#[test]
fn openssl_asks_and_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("message"), MESSAGE).unwrap();
    let openssl = |arguments: &[&str]| Command::new("openssl").args(arguments).output();

    for hash in ["-sha256", "-sha384", "-sha512"] {
        let query = openssl(&[
            "ts",
            "-query",
            "-data",
            &path("message"),
            hash,
            "-cert",
            "-out",
            &path("query"),
        ]);
        if matches!(&query, Err(error) if error.kind() == ErrorKind::NotFound) {
            println!("skipped: openssl is not installed");
            return;
        }
        assert!(query.unwrap().status.success());
        let request = TimestampRequest::parse(&fs::read(path("query")).unwrap()).unwrap();
        let (tsa, root) = tsa(KeyKind::P384);
        fs::write(path("root.pem"), root.to_pem()).unwrap();
        fs::write(
            path("reply"),
            respond(&request, &tsa, NOW, &SystemRandom).unwrap(),
        )
        .unwrap();

        let at = NOW.unix().to_string();
        let verify = |data: &str| {
            let (root, reply, data) = (path("root.pem"), path("reply"), path(data));
            openssl(&[
                "ts", "-verify", "-attime", &at, "-CAfile", &root, "-in", &reply, "-data", &data,
            ])
            .unwrap()
        };
        let output = verify("message");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!verify("query").status.success());

        let (root, reply, query) = (path("root.pem"), path("reply"), path("query"));
        let by_query = [
            "ts",
            "-verify",
            "-attime",
            &at,
            "-CAfile",
            &root,
            "-in",
            &reply,
            "-queryfile",
            &query,
        ];
        let output = openssl(&by_query).unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(Certificate::from_pem(&fs::read_to_string(root).unwrap()).is_ok());
    }
}
