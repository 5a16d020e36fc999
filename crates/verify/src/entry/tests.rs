use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::{KeyError, KeyKind, PrivateKey, Signer as _};

use super::hashedrekord_v002::HashedRekord;
use super::*;

fn rekord() -> HashedRekord {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let digest = HashAlgorithm::Sha256.digest(b"x");
    HashedRekord {
        signature: key.sign(b"x").unwrap(),
        digest,
        details: KeyDetails::of(key.scheme(), key.kind()).unwrap(),
        key: LoggedKey::PublicKey(key.public_key().clone()),
    }
}

#[test]
fn bodies_are_canonical_and_read_back() {
    let mut rekord = rekord();
    for key in [rekord.key.clone(), LoggedKey::Certificate(vec![1, 2, 3])] {
        rekord.key = key;
        let body = rekord.canonical_body();
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body, serde_json_canonicalizer::to_vec(&value).unwrap());
        let (entry, generation) = LoggedEntry::parse("hashedrekord", "0.0.2", &body).unwrap();
        assert_eq!(generation, Generation::V2);
        assert_eq!(entry.digest, LoggedDigest::Signed(rekord.digest));
        assert_eq!(
            entry.signatures,
            [LoggedSignature {
                signature: Some(rekord.signature.clone()),
                key: rekord.key.clone(),
                details: Some(rekord.details),
            }]
        );
    }
}

#[test]
fn requests_are_read_back_and_verified() {
    let good = rekord();
    assert_eq!(
        HashedRekord::parse_request(&good.to_request()),
        Ok(good.clone())
    );
    assert_eq!(good.verify_signature(), Ok(()));

    let mut other = good.clone();
    other.digest = HashAlgorithm::Sha256.digest(b"y");
    assert_eq!(
        other.verify_signature(),
        Err(EntryError::Key(KeyError::BadSignature))
    );

    let mut other = good;
    other.key = LoggedKey::PublicKey(
        PrivateKey::generate(KeyKind::P384)
            .unwrap()
            .public_key()
            .clone(),
    );
    assert_eq!(
        other.verify_signature(),
        Err(EntryError::Key(KeyError::KindMismatch {
            expected: other.details,
            found: KeyKind::P384,
        }))
    );
}

#[test]
fn requests_with_unknown_fields_or_no_digest_are_refused() {
    let text = String::from_utf8(rekord().to_request()).unwrap();
    let more = text.replacen('{', r#"{"new":1,"#, 1);
    assert_eq!(
        HashedRekord::parse_request(more.as_bytes()),
        Err(EntryError::UnknownField {
            path: "new".to_owned()
        })
    );
    let pure = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let request = serde_json::json!({
        "hashed_rekord_request_v002": {
            "digest": "AAAA",
            "signature": {
                "content": "AAAA",
                "verifier": {
                    "key_details": 7,
                    "public_key": { "raw_bytes": proto_json::base64(pure.public_key().spki_der()) },
                },
            },
        },
    });
    assert_eq!(
        HashedRekord::parse_request(request.to_string().as_bytes()),
        Err(EntryError::NoDigest {
            details: "PKIX_ED25519"
        })
    );
}

/// An envelope sent whole, as `@sigstore/sign` writes it.
fn dsse_request(key: &PrivateKey, signature: &[u8]) -> serde_json::Value {
    serde_json::json!({
        "dsseRequestV002": {
            "envelope": {
                "payload": proto_json::base64(b"{}"),
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{ "keyid": "", "sig": proto_json::base64(signature) }],
            },
            "verifiers": [{
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "publicKey": { "rawBytes": proto_json::base64(key.public_key().spki_der()) },
            }],
        },
    })
}

#[test]
fn a_whole_envelope_is_logged_by_the_digest_of_what_was_signed() {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let signed = crate::dsse::pae("application/vnd.in-toto+json", b"{}");
    let signature = key.sign(&signed).unwrap();
    let request = dsse_request(&key, &signature);
    let parse =
        |value: &serde_json::Value| HashedRekord::parse_request(value.to_string().as_bytes());
    let record = parse(&request).unwrap();
    let expected = HashedRekord {
        digest: HashAlgorithm::Sha256.digest(&signed),
        signature,
        key: LoggedKey::PublicKey(key.public_key().clone()),
        details: KeyDetails::of(key.scheme(), key.kind()).unwrap(),
    };
    assert_eq!(record, expected);
    assert_eq!(record.verify_signature(), Ok(()));

    let mut other = request.clone();
    other["dsseRequestV002"]["envelope"]["payload"] = "e30K".into();
    assert_eq!(
        parse(&other).unwrap().verify_signature(),
        Err(EntryError::Key(KeyError::BadSignature))
    );
}

#[test]
fn an_envelope_is_logged_with_one_signature_and_one_key() {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let good = dsse_request(&key, &[1]);
    for list in [
        "/dsseRequestV002/envelope/signatures",
        "/dsseRequestV002/verifiers",
    ] {
        let path = list[1..].replace('/', ".");
        let mut two = good.clone();
        let elements = two.pointer_mut(list).unwrap().as_array_mut().unwrap();
        elements.push(elements[0].clone());
        let too_many = JsonError::TooMany {
            path: path.clone(),
            limit: 1,
            found: 2,
        };
        let mut none = good.clone();
        none.pointer_mut(list)
            .unwrap()
            .as_array_mut()
            .unwrap()
            .clear();
        for (request, error) in [(two, too_many), (none, JsonError::Missing { path })] {
            assert_eq!(
                HashedRekord::parse_request(request.to_string().as_bytes()),
                Err(EntryError::Json(error))
            );
        }
    }
    let mut both = good;
    let rekord: serde_json::Value = serde_json::from_slice(&rekord().to_request()).unwrap();
    both["hashedRekordRequestV002"] = rekord["hashedRekordRequestV002"].clone();
    assert_eq!(
        HashedRekord::parse_request(both.to_string().as_bytes()),
        Err(EntryError::Json(JsonError::OneOf {
            first: "hashedRekordRequestV002".to_owned(),
            second: "dsseRequestV002".to_owned(),
        }))
    );
    assert_eq!(
        HashedRekord::parse_request(b"{}"),
        Err(EntryError::Json(JsonError::Missing {
            path: "hashedRekordRequestV002".to_owned()
        }))
    );
}

#[test]
fn kinds_are_those_declared() {
    let body = rekord().canonical_body();
    assert_eq!(
        LoggedEntry::parse("dsse", "0.0.2", &body),
        Err(EntryError::KindMismatch {
            expected: "dsse 0.0.2".to_owned(),
            found: "hashedrekord 0.0.2".to_owned(),
        })
    );
    for (kind, version) in [
        ("rekord", "0.0.1"),
        ("hashedrekord", "0.0.3"),
        ("intoto", "0.0.3"),
    ] {
        assert_eq!(
            LoggedEntry::parse(kind, version, &body),
            Err(EntryError::Unsupported {
                kind: kind.to_owned(),
                version: version.to_owned(),
            })
        );
    }
}

#[test]
fn the_first_generation_is_read() {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let pem = key.public_key().to_pem();
    let digest = HashAlgorithm::Sha256.digest(b"x");
    let body = hashedrekord_v001::request(&digest, &[1, 2], &pem);
    let (entry, generation) = LoggedEntry::parse("hashedrekord", "0.0.1", &body).unwrap();
    assert_eq!(generation, Generation::V1);
    let expected = |digest, signature| LoggedEntry {
        digest,
        signatures: vec![LoggedSignature {
            signature,
            key: LoggedKey::PublicKey(key.public_key().clone()),
            details: None,
        }],
    };
    assert_eq!(
        entry,
        expected(LoggedDigest::Signed(digest), Some(vec![1, 2]))
    );

    let hash = serde_json::json!({ "algorithm": "sha256", "value": digest.hex() });
    let encoded = proto_json::base64(pem.as_bytes());
    let parse = |version: &str, spec: serde_json::Value| {
        let body = serde_json::json!({ "apiVersion": version, "kind": "intoto", "spec": spec });
        LoggedEntry::parse("intoto", version, body.to_string().as_bytes())
    };
    let (entry, _) = parse(
        "0.0.1",
        serde_json::json!({ "content": { "hash": hash }, "publicKey": encoded }),
    )
    .unwrap();
    assert_eq!(entry, expected(LoggedDigest::Envelope(digest), None));
    let twice = proto_json::base64(proto_json::base64(&[1, 2]).as_bytes());
    let (entry, generation) = parse(
        "0.0.2",
        serde_json::json!({ "content": {
            "payloadHash": hash,
            "envelope": { "signatures": [{ "sig": twice, "publicKey": encoded }] },
        }}),
    )
    .unwrap();
    // The second version of a kind of the first generation.
    assert_eq!(generation, Generation::V1);
    assert_eq!(
        entry,
        expected(LoggedDigest::Payload(digest), Some(vec![1, 2]))
    );
}
