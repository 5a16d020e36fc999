//! Certificates for the tokens of issuers elsewhere: what stands in them, byte for byte, and who gets none.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse as _;
use axum::routing::get;
use common::{Running, key_request, p256, refusal};
use serde_json::{Value, json};
use signhere_pki::cert::{Certificate, San};
use signhere_pki::jwt::{Jwks, mint_jwt};
use signhere_pki::key::{PrivateKey, Signer};
use signhere_pki::time::Clock;
use signhere_serve::FulcioConfig;
use signhere_testkit::network::serve;

const CONFIG: &str = include_str!("../../../testdata/issuers/fulcio.yaml");

/// A server with an issuer at every path, all of one key.
struct Provider {
    base: String,
    key: PrivateKey,
    is_down: Arc<AtomicBool>,
}

impl Provider {
    async fn start() -> Self {
        let key = p256();
        let keys = Jwks::of("k", key.public_key()).to_json();
        let is_down = Arc::new(AtomicBool::new(false));
        let down = Arc::clone(&is_down);
        let handler = move |headers: axum::http::HeaderMap, uri: Uri| {
            let (down, keys) = (down.load(Ordering::SeqCst), keys.clone());
            let base = format!("http://{}", headers["host"].to_str().unwrap());
            async move {
                let path = uri.path();
                match path.strip_suffix("/.well-known/openid-configuration") {
                    _ if down => StatusCode::BAD_GATEWAY.into_response(),
                    Some(issuer) => {
                        let issuer = format!("{base}{issuer}");
                        let document =
                            json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") });
                        document.to_string().into_response()
                    }
                    None => keys.into_response(),
                }
            }
        };
        let url = serve(Router::new().fallback(get(handler))).await;
        let base = url.as_str().trim_end_matches('/').to_owned();
        Self { base, key, is_down }
    }

    /// The configuration with these of its issuers moved to this server, and always those that have a domain.
    fn config(&self, issuers: &[(&str, &str)]) -> FulcioConfig {
        let mut yaml = CONFIG.to_owned();
        let with_domain = [
            ("https://users.example.com", "/users"),
            ("https://services.example.com", "/services"),
        ];
        for (url, path) in issuers.iter().chain(&with_domain) {
            let entry = |url: &str| format!("\n  {url}:\n    issuer-url: {url}\n");
            let moved = entry(&format!("{}{path}", self.base));
            assert!(yaml.contains(&entry(url)), "{url}");
            yaml = yaml.replace(&entry(url), &moved);
        }
        let yaml = yaml
            .replace("subject-domain: example.com", "subject-domain: 127.0.0.1")
            .replace("https://people.example.com", &self.base);
        FulcioConfig::parse(&yaml).unwrap()
    }

    fn token(&self, instance: &Running, path: &str, claims: &Value) -> String {
        let now = instance.clock.now();
        let mut claims = claims.clone();
        claims["iss"] = format!("{}{path}", self.base).into();
        claims["aud"] = "sigstore".into();
        claims["iat"] = now.unix().into();
        claims["exp"] = now.plus_seconds(300).unix().into();
        mint_jwt(&self.key, "k", &claims).unwrap()
    }
}

/// An instance that believes these issuers, whose URLs are replaced by paths of the provider.
async fn start(dir: &tempfile::TempDir, provider: &Provider, issuers: &[(&str, &str)]) -> Running {
    let fulcio = provider.config(issuers);
    Running::start_with(&dir.path().join("state"), |config| {
        config.issuers.fulcio = fulcio;
    })
    .await
}

/// The answer of the CA to a request for a fresh key, proven over `challenge`.
async fn ask(instance: &Running, token: &str, challenge: &str) -> reqwest::Response {
    let key = p256();
    let proof = key.sign(challenge.as_bytes()).unwrap();
    instance
        .client
        .post(format!("{}/api/v2/signingCert", instance.base))
        .bearer_auth(token)
        .json(&key_request(&key, &proof))
        .send()
        .await
        .unwrap()
}

async fn leaf(instance: &Running, token: &str, challenge: &str) -> Certificate {
    let answer = ask(instance, token, challenge).await;
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    let leaf = &body["signedCertificateEmbeddedSct"]["chain"]["certificates"][0];
    Certificate::from_pem(leaf.as_str().unwrap()).unwrap()
}

/// The encodings of the certificate's extensions under Fulcio's arc, in hexadecimal, by number and in order.
fn extensions(leaf: &Certificate) -> Vec<(u32, String)> {
    let of_fulcio = leaf.extensions().filter_map(|(oid, critical, value)| {
        let oid = oid.to_string();
        let number = oid.strip_prefix("1.3.6.1.4.1.57264.1.")?;
        assert!(!critical);
        Some((number.parse().unwrap(), hex::encode(value)))
    });
    of_fulcio.collect()
}

/// A DER UTF8String of up to 255 bytes, in hexadecimal.
fn utf8(text: &str) -> String {
    let length = match text.len() {
        short @ 0..128 => format!("{short:02x}"),
        long => format!("81{long:02x}"),
    };
    format!("0c{length}{}", hex::encode(text))
}

#[tokio::test]
async fn a_certificate_holds_every_extension_of_a_build() {
    let dir = tempfile::tempdir().unwrap();
    let provider = Provider::start().await;
    let github = ("https://token.actions.githubusercontent.com", "/github");
    let instance = start(&dir, &provider, &[github]).await;
    let subject = "repo:octo-org/octo-repo:ref:refs/heads/main";
    let claims = json!({
        "sub": subject, "event_name": "push", "sha": "3f2c", "workflow": "release & test",
        "repository": "octo-org/octo-repo", "ref": "refs/heads/main",
        "job_workflow_ref": "octo-org/ci/.github/workflows/a.yml@refs/tags/v1", "job_workflow_sha": "abcd",
        "runner_environment": "github-hosted", "repository_id": "74", "repository_owner": "octo-org",
        "repository_owner_id": "65", "workflow_ref": "octo-org/octo-repo/.github/workflows/r.yml@refs/heads/main",
        "workflow_sha": "ef01", "run_id": "30433642", "run_attempt": "1", "repository_visibility": "public",
        "environment": "production",
    });
    let token = provider.token(&instance, "/github", &claims);
    let leaf = leaf(&instance, &token, subject).await;

    let signer = "https://github.com/octo-org/ci/.github/workflows/a.yml@refs/tags/v1";
    assert_eq!(leaf.san(), Some(San::Uri(signer.to_owned())));
    let issuer = format!("{}/github", provider.base);
    let config = "https://github.com/octo-org/octo-repo/.github/workflows/r.yml@refs/heads/main";
    let run = "https://github.com/octo-org/octo-repo/actions/runs/30433642/attempts/1";
    let expected = vec![
        (1, hex::encode(&issuer)),
        (2, hex::encode("push")),
        (3, hex::encode("3f2c")),
        (4, hex::encode("release & test")),
        (5, hex::encode("octo-org/octo-repo")),
        (6, hex::encode("refs/heads/main")),
        (8, utf8(&issuer)),
        (9, utf8(signer)),
        (10, "0c0461626364".to_owned()),
        (11, utf8("github-hosted")),
        (12, utf8("https://github.com/octo-org/octo-repo")),
        (13, "0c0433663263".to_owned()),
        (14, utf8("refs/heads/main")),
        (15, "0c023734".to_owned()),
        (16, utf8("https://github.com/octo-org")),
        (17, "0c023635".to_owned()),
        (18, utf8(config)),
        (19, "0c0465663031".to_owned()),
        (20, "0c0470757368".to_owned()),
        (21, utf8(run)),
        (22, "0c067075626c6963".to_owned()),
        (23, "0c0a70726f64756374696f6e".to_owned()),
        (24, utf8(subject)),
    ];
    assert_eq!(extensions(&leaf), expected);

    let mut without = claims.clone();
    without["run_id"] = Value::Null;
    let token = provider.token(&instance, "/github", &without);
    let refused = "the identity token is not believed: the claim run_id is missing".to_owned();
    assert_eq!(
        refusal(ask(&instance, &token, subject).await).await,
        (401, refused)
    );
    instance.stop().await;
}

#[tokio::test]
async fn a_certificate_names_whom_the_token_speaks_of() {
    let dir = tempfile::tempdir().unwrap();
    let provider = Provider::start().await;
    let issuers = [
        ("https://dex.example.com/auth", "/dex"),
        ("https://spire.example.com", "/spire"),
        ("https://kubernetes.example.com", "/cluster"),
        ("https://identity.example.com", "/identity"),
    ];
    let instance = start(&dir, &provider, &issuers).await;

    // The otherName in the bytes that other readers see: [0] { OID .1.7, [0] UTF8String }.
    let token = provider.token(&instance, "/users", &json!({ "sub": "ada" }));
    let user = leaf(&instance, &token, "ada").await;
    let mut san = user.extensions();
    let (_, critical, san) = san
        .find(|(oid, ..)| oid.to_string() == "2.5.29.17")
        .unwrap();
    assert!(critical);
    let expected = "301fa01d060a2b0601040183bf300107a00f0c0d616461213132372e302e302e31";
    assert_eq!(hex::encode(san), expected);
    let url = format!("{}/users", provider.base);
    let of_user = vec![
        (1, hex::encode(&url)),
        (8, utf8(&url)),
        (24, "0c03616461".to_owned()),
    ];
    assert_eq!(extensions(&user), of_user);

    let behind = "https://github.com/login/oauth";
    let claims = json!({
        "sub": "CgY", "email": "ada@example.org", "email_verified": true,
        "federated_claims": { "connector_id": behind },
    });
    let token = provider.token(&instance, "/dex", &claims);
    let person = leaf(&instance, &token, "ada@example.org").await;
    assert_eq!(person.san(), Some(San::Email("ada@example.org".to_owned())));
    let of_person = vec![
        (1, hex::encode(behind)),
        (8, utf8(behind)),
        (24, "0c03436759".to_owned()),
    ];
    assert_eq!(extensions(&person), of_person);

    let service = format!("{}/service", provider.base);
    for (path, claims, subject, san) in [
        (
            "/services",
            json!({ "sub": service }),
            service.as_str(),
            service.clone(),
        ),
        (
            "/spire",
            json!({ "sub": "spiffe://prod.example.com/web" }),
            "spiffe://prod.example.com/web",
            "spiffe://prod.example.com/web".to_owned(),
        ),
        (
            "/cluster",
            json!({ "sub": "system:serviceaccount:shop:web", "kubernetes.io": { "namespace": "shop", "serviceaccount": { "name": "web" } } }),
            "system:serviceaccount:shop:web",
            "https://kubernetes.io/namespaces/shop/serviceaccounts/web".to_owned(),
        ),
        (
            "/identity",
            json!({ "sub": "3b1f/9a2e" }),
            "3b1f/9a2e",
            format!("{}/identity/3b1f/9a2e", provider.base),
        ),
    ] {
        let token = provider.token(&instance, path, &claims);
        let found = leaf(&instance, &token, subject).await;
        assert_eq!(found.san(), Some(San::Uri(san)));
        let url = format!("{}{path}", provider.base);
        let expected = vec![(1, hex::encode(&url)), (8, utf8(&url)), (24, utf8(subject))];
        assert_eq!(extensions(&found), expected);

        let possession =
            "the proof of possession is no signature of the claim sub by the public key";
        let other = ask(&instance, &token, "somebody else").await;
        assert_eq!(refusal(other).await, (400, possession.to_owned()));
    }
    instance.stop().await;
}

#[tokio::test]
async fn an_issuer_that_is_down_is_no_fault_of_the_client() {
    let dir = tempfile::tempdir().unwrap();
    let provider = Provider::start().await;
    let instance = start(&dir, &provider, &[("https://spire.example.com", "/spire")]).await;
    provider.is_down.store(true, Ordering::SeqCst);
    let subject = "spiffe://prod.example.com/web";
    let token = provider.token(&instance, "/spire", &json!({ "sub": subject }));
    let answer = ask(&instance, &token, subject).await;
    assert!(answer.headers().contains_key("retry-after"));
    let url = format!("{}/spire", provider.base);
    let expected = format!(
        "the keys of the issuer {url} cannot be had at the moment: {url}/.well-known/openid-configuration: status 502"
    );
    assert_eq!(refusal(answer).await, (503, expected));
    provider.is_down.store(false, Ordering::SeqCst);
    instance.clock.advance(10);
    let token = provider.token(&instance, "/spire", &json!({ "sub": subject }));
    leaf(&instance, &token, subject).await;

    let configuration = instance.get("/api/v2/configuration").await;
    let configuration: Value = configuration.json().await.unwrap();
    let issuers = configuration["issuers"].as_array().unwrap();
    assert_eq!(issuers.len(), 21);
    assert_eq!(issuers[0]["issuerUrl"], instance.endpoints.issuer());
    instance.stop().await;
}
