//! The CA: the requests of every known client, and why others are refused.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::{EMAIL, Running, key_request, p256, refusal};
use reqwest::StatusCode;
use serde_json::{Value, json};
use signhere_log::static_ct::{TileLeaf, leaf_index};
use signhere_pki::cert::{Certificate, San};
use signhere_pki::chain::{Chain, Purpose};
use signhere_pki::fulcio;
use signhere_pki::jwt::mint_jwt;
use signhere_pki::key::{KeyKind, PrivateKey, PublicKey, Signer};
use signhere_pki::sct::SctList;
use signhere_pki::time::{Clock, Validity};
use signhere_serve::Unlock;
use signhere_verify::trust::TrustedRoot;

const PATH: &str = "/api/v2/signingCert";

/// The issuer's own key, read where it lies.
fn issuer_key(state: &std::path::Path) -> (PrivateKey, String) {
    let key = signhere_serve::keys::read(state, &Unlock::File, "oidc").unwrap();
    let key_id = URL_SAFE_NO_PAD.encode(key.public_key().key_id());
    (key, key_id)
}

/// The claims of a token that the CA believes.
fn good_claims(instance: &Running) -> Value {
    let now = instance.clock.now();
    json!({
        "iss": instance.endpoints.issuer(), "sub": "user-1", "aud": "sigstore", "email": EMAIL, "email_verified": true,
        "iat": now.unix(), "exp": now.plus_seconds(300).unix(),
    })
}

#[tokio::test]
async fn the_certificate_is_fulcios_and_logged() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    for kind in [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Ed25519,
        KeyKind::Rsa2048,
    ] {
        let key = PrivateKey::generate(kind).unwrap();
        let chain = instance.certificates(&key).await;
        let [leaf, intermediate, root] = chain.each_ref_checked();
        let now = instance.clock.now();
        assert_eq!(leaf.public_key().unwrap(), *key.public_key());
        assert_eq!(leaf.san(), Some(San::Email(EMAIL.to_owned())));
        assert_eq!(
            leaf.validity(),
            Validity {
                start: now,
                end: Some(now.plus_seconds(600))
            }
        );
        assert_eq!(
            fulcio::issuer(&leaf).as_deref(),
            Some(instance.endpoints.issuer().as_str())
        );
        assert_eq!(
            fulcio::value(&leaf, fulcio::ISSUER_V1),
            Some(instance.endpoints.issuer())
        );
        assert_eq!(
            fulcio::value(&leaf, fulcio::TOKEN_SUBJECT).as_deref(),
            Some(EMAIL)
        );
        let chain = Chain::new(&[intermediate.clone(), root]).unwrap();
        chain.verify_leaf(&leaf, now, Purpose::CodeSigning).unwrap();

        let trusted = instance
            .get("/trusted_root.json")
            .await
            .bytes()
            .await
            .unwrap();
        let trusted = TrustedRoot::parse(&trusted).unwrap();
        let sct = SctList::from_certificate(&leaf).unwrap();
        sct.as_slice()[0]
            .verify(&leaf, &intermediate, &trusted.ctlogs[0].key)
            .unwrap();
        assert_eq!(
            sct.as_slice()[0].log_id.as_slice(),
            trusted.ctlogs[0].log_id
        );
    }
    let checkpoint = instance.get("/ct/checkpoint").await.text().await.unwrap();
    assert_eq!(
        checkpoint.lines().next(),
        Some(instance.endpoints.ct_origin().as_str())
    );
    assert_eq!(checkpoint.lines().nth(1), Some("5"));
    instance.stop().await;
}

#[tokio::test]
async fn the_ct_log_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let chain = instance.certificates(&p256()).await;
    let intermediate = Certificate::from_pem(&chain[1]).unwrap();
    for path in ["/ct/tile/0/000.p/1", "/ct/tile/data/000.p/1"] {
        let tile = instance.get(path).await;
        assert_eq!(tile.status(), StatusCode::OK, "{path}");
        assert!(
            tile.headers()["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
    }
    let data = instance.get("/ct/tile/data/000.p/1").await;
    let data = data.bytes().await.unwrap();
    let (leaf, rest) = TileLeaf::decode(&data).unwrap();
    assert_eq!(rest, b"");
    let hash = instance.get("/ct/tile/0/000.p/1").await;
    assert_eq!(hash.bytes().await.unwrap(), leaf.hash().unwrap().as_slice());
    let certificate = Certificate::from_pem(&chain[0]).unwrap();
    let sct = &SctList::from_certificate(&certificate).unwrap();
    assert_eq!(leaf_index(&sct.as_slice()[0].extensions).unwrap(), Some(0));
    assert_eq!(leaf.chain[0], intermediate.fingerprint());

    let issuer = instance
        .get(&format!(
            "/ct/issuer/{}",
            hex::encode(intermediate.fingerprint())
        ))
        .await;
    assert_eq!(issuer.bytes().await.unwrap(), intermediate.der());
    for path in [
        "/ct/tile/entries/000.p/1",
        "/ct/tile/0/0",
        "/ct/tile/data/000.p/2",
        "/ct/tile/../../keys",
        "/ct/issuer/00",
    ] {
        assert_eq!(
            instance.get(path).await.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    instance.stop().await;
}

#[tokio::test]
async fn requests_of_every_known_client_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let key = p256();
    let proof = key.sign(EMAIL.as_bytes()).unwrap();
    let token = instance.token().await;

    // sigstore-js: no header, the token in the body.
    let mut in_body = key_request(&key, &proof);
    in_body["credentials"] = json!({ "oidcIdentityToken": token });
    assert_eq!(
        instance.post_json(PATH, &in_body).await.status(),
        StatusCode::OK
    );

    // Names as in the protobuf file, an enum by number, base64url, the key in DER.
    let snake = json!({
        "credentials": { "oidc_identity_token": token },
        "public_key_request": {
            "public_key": { "algorithm": 2, "content": STANDARD.encode(key.public_key().spki_der()) },
            "proof_of_possession": URL_SAFE_NO_PAD.encode(&proof),
        },
    });
    assert_eq!(
        instance.post_json(PATH, &snake).await.status(),
        StatusCode::OK
    );

    // sigstore-python: a certification request.
    let request = include_str!("../../../testdata/csr/p256.csr.pem");
    let url = format!("{}{PATH}", instance.base);
    let body = json!({ "certificateSigningRequest": STANDARD.encode(request) });
    let answer = instance
        .client
        .post(&url)
        .bearer_auth(&token)
        .header("accept", "application/pem-certificate-chain")
        .json(&body);
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let answer: Value = answer.json().await.unwrap();
    let leaf = answer["signedCertificateEmbeddedSct"]["chain"]["certificates"][0]
        .as_str()
        .unwrap();
    let certified = Certificate::from_pem(leaf).unwrap().public_key().unwrap();
    assert_eq!(
        certified,
        PublicKey::from_pem(include_str!("../../../testdata/csr/p256.pub.pem")).unwrap()
    );
    instance.stop().await;
}

#[tokio::test]
async fn certification_requests_must_be_signed_by_their_key() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let token = instance.token().await;
    let url = format!("{}{PATH}", instance.base);
    for (request, message) in [
        (
            include_str!("../../../testdata/csr/other-key.csr.pem"),
            "the certificate signing request's signature does not verify with its own key",
        ),
        (
            "-----BEGIN NONSENSE-----",
            "the certificate signing request is not a PEM or DER PKCS #10 request",
        ),
        (
            "",
            "the certificate signing request is not a PEM or DER PKCS #10 request",
        ),
    ] {
        let body = json!({ "certificateSigningRequest": STANDARD.encode(request) });
        let answer = instance
            .client
            .post(&url)
            .bearer_auth(&token)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(refusal(answer).await, (400, message.to_owned()));
    }
    instance.stop().await;
}

#[tokio::test]
async fn a_refused_token_names_its_claim() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let instance = Running::start(&state).await;
    let (issuer_key, key_id) = issuer_key(&state);
    let now = instance.clock.now().unix();
    let key = p256();
    let good = mint_jwt(&issuer_key, &key_id, &good_claims(&instance)).unwrap();
    assert_eq!(
        instance.certificate_answer(&good, &key).await.status(),
        StatusCode::OK
    );

    for (claim, value) in [
        ("aud", json!("other")),
        ("iss", json!("https://example.org")),
        ("exp", json!(now - 60)),
        ("email", json!(null)),
        ("email", json!("not an address")),
        ("email", json!(" ada@example.org")),
        ("email_verified", json!(false)),
        ("email_verified", json!("true")),
        ("sub", json!("")),
    ] {
        let mut claims = good_claims(&instance);
        claims[claim] = value.clone();
        let token = mint_jwt(&issuer_key, &key_id, &claims).unwrap();
        let (status, message) = refusal(instance.certificate_answer(&token, &key).await).await;
        assert_eq!(status, 401, "{claim} {value}: {message}");
        let says_which = format!("{message} ").contains(&format!("claim {claim} "))
            || (claim == "exp" && message.contains("expired"));
        assert!(says_which, "{claim} {value}: {message}");
    }
    let other = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
    let forged = mint_jwt(&other, &key_id, &good_claims(&instance)).unwrap();
    let (status, message) = refusal(instance.certificate_answer(&forged, &key).await).await;
    assert_eq!(
        (status, message.as_str()),
        (
            401,
            "the identity token is not believed: the token's signature does not verify"
        )
    );
    instance.stop().await;
}

#[tokio::test]
async fn wrong_requests_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let key = p256();
    let proof = key.sign(EMAIL.as_bytes()).unwrap();
    let token = instance.token().await;
    let good = key_request(&key, &proof);
    let changed = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let other_proof = STANDARD.encode(p256().sign(EMAIL.as_bytes()).unwrap());
    let other_challenge = STANDARD.encode(key.sign(b"eve@example.org").unwrap());
    let possession = "the proof of possession is no signature of the claim email by the public key";
    let mut both = good.clone();
    both["certificateSigningRequest"] = json!("AAAA");
    let mut two_tokens = good.clone();
    two_tokens["credentials"] = json!({ "oidcIdentityToken": "other" });
    for (body, expected) in [
        (
            json!({}),
            "the request has neither a public key nor a certificate signing request",
        ),
        (
            both,
            "the request has both a public key and a certificate signing request",
        ),
        (
            two_tokens,
            "the identity tokens in the Authorization header and in the body differ",
        ),
        (
            changed("/publicKeyRequest/proofOfPossession", json!(other_proof)),
            possession,
        ),
        (
            changed(
                "/publicKeyRequest/proofOfPossession",
                json!(other_challenge),
            ),
            possession,
        ),
        (
            changed("/publicKeyRequest/publicKey/content", json!("???")),
            "the public key is neither PEM nor the base64 of DER",
        ),
    ] {
        let url = format!("{}{PATH}", instance.base);
        let answer = instance
            .client
            .post(&url)
            .bearer_auth(&token)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(refusal(answer).await, (400, expected.to_owned()));
    }
    let misplaced = json!({ "credentials": "eyJ.a.token" });
    let (status, message) = refusal(instance.post_json(PATH, &misplaced).await).await;
    assert_eq!(status, 400);
    assert!(
        message.contains("a field is of the wrong type") && !message.contains("eyJ"),
        "{message}"
    );
    let none = "there is no identity token, neither as bearer nor in credentials.oidcIdentityToken";
    assert_eq!(
        refusal(instance.post_json(PATH, &good).await).await,
        (401, none.to_owned())
    );
    instance.stop().await;
}

#[tokio::test]
async fn huge_tokens_are_refused_by_their_size() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let mut body = key_request(&p256(), b"");
    body["credentials"] = json!({ "oidcIdentityToken": "x".repeat(64 * 1024 + 1) });
    let expected = "the identity token has 65537 bytes, 65536 are taken";
    assert_eq!(
        refusal(instance.post_json(PATH, &body).await).await,
        (400, expected.to_owned())
    );

    body["credentials"] = json!({ "oidcIdentityToken": "x".repeat(10_000_000) });
    let expected = "the request is larger than 131072 bytes";
    assert_eq!(
        refusal(instance.post_json(PATH, &body).await).await,
        (413, expected.to_owned())
    );
    instance.stop().await;
}

#[tokio::test]
async fn the_bundle_and_the_configuration_are_published() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let bundle: Value = instance
        .get("/api/v2/trustBundle")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        bundle["chains"][0]["certificates"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let configuration: Value = instance
        .get("/api/v2/configuration")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        configuration["issuers"][0]["issuerUrl"],
        instance.endpoints.issuer()
    );
    assert_eq!(configuration["issuers"][0]["challengeClaim"], "email");
    instance.stop().await;
}

/// A chain as it is answered: exactly three certificates.
trait Checked {
    fn each_ref_checked(&self) -> [Certificate; 3];
}

impl Checked for Vec<String> {
    fn each_ref_checked(&self) -> [Certificate; 3] {
        let parsed: Vec<_> = self
            .iter()
            .map(|pem| Certificate::from_pem(pem).unwrap())
            .collect();
        parsed.try_into().unwrap()
    }
}
