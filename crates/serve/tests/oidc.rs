//! The development issuer: logins as browsers and devices do them, and every refusal.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{EMAIL, REDIRECT, Running, VERIFIER, location, login_field, p256, parameter};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use signhere_pki::jwt::{Jwks, JwtExpect, verify_jwt};
use signhere_pki::time::Clock;

async fn json(response: Response) -> Value {
    response.json().await.unwrap()
}

/// The status and the OAuth error of an answer.
async fn oauth_error(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    (
        status,
        json(response).await["error"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

#[tokio::test]
async fn the_description_leads_to_every_endpoint() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let description = json(instance.get("/oidc/.well-known/openid-configuration").await).await;
    assert_eq!(description["issuer"], instance.endpoints.issuer());
    assert_eq!(
        description["authorization_endpoint"],
        format!("{}/oidc/auth", instance.base)
    );
    assert_eq!(
        description["token_endpoint"],
        format!("{}/oidc/token", instance.base)
    );
    assert_eq!(
        description["code_challenge_methods_supported"],
        serde_json::json!(["S256"])
    );
    instance.stop().await;
}

#[tokio::test]
async fn a_login_gives_a_token_that_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let code = instance.code(EMAIL).await;
    let answer = json(instance.exchange(&code, &[]).await).await;
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["access_token"], answer["id_token"]);

    let keys = Jwks::parse(&instance.get("/oidc/keys").await.bytes().await.unwrap()).unwrap();
    let issuer = instance.endpoints.issuer();
    let expect = JwtExpect {
        issuer: &issuer,
        audience: "sigstore",
        now: instance.clock.now(),
        leeway_seconds: 0,
    };
    let token = verify_jwt(answer["id_token"].as_str().unwrap(), &keys, &expect).unwrap();
    assert_eq!(token.algorithm(), "RS256");
    assert_eq!(token.claims()["email"], EMAIL);
    assert_eq!(token.claims()["email_verified"], true);
    assert_eq!(token.claims()["nonce"], "the nonce");
    assert_eq!(token.expiry(), Some(instance.clock.now().plus_seconds(600)));
    instance.stop().await;
}

#[tokio::test]
async fn a_client_may_name_itself_by_basic_authentication() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let code = instance.code(EMAIL).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let url = format!("{}/oidc/token", instance.base);
    let request = || instance.client.post(&url).form(&form);
    let wrong = request()
        .basic_auth("sigstore", Some("secret"))
        .send()
        .await
        .unwrap();
    assert_eq!(oauth_error(wrong).await, (401, "invalid_client".to_owned()));
    let right = request()
        .basic_auth("sigstore", Some(""))
        .send()
        .await
        .unwrap();
    assert_eq!(right.status(), StatusCode::OK);
    instance.stop().await;
}

#[tokio::test]
async fn the_login_page_is_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let page = instance.login_page(&[("state", "\"><script>")]).await;
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        policy,
        "default-src 'none'; style-src 'self'; form-action 'self' http://localhost:8123; base-uri 'none'; frame-ancestors 'none'"
    );
    assert_eq!(page.headers()["x-frame-options"], "DENY");
    assert_eq!(page.headers()["cache-control"], "no-store");
    assert!(!page.text().await.unwrap().contains("<script"));
    instance.stop().await;
}

#[tokio::test]
async fn what_was_typed_is_escaped_and_may_be_mended() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let login = login_field(&instance.login_page(&[]).await.text().await.unwrap());
    let again = instance
        .post_form("/oidc/auth", &[("login", &login), ("email", "\"><script>")])
        .await;
    assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let html = again.text().await.unwrap();
    assert!(html.contains("That is not an e-mail address."));
    assert!(!html.contains("<script"));

    let login = login_field(&html);
    let answer = instance
        .post_form("/oidc/auth", &[("login", &login), ("email", EMAIL)])
        .await;
    assert!(parameter(&location(&answer), "code").is_some());
    let used = instance
        .post_form("/oidc/auth", &[("login", &login), ("email", EMAIL)])
        .await;
    assert_eq!(used.status(), StatusCode::BAD_REQUEST);
    instance.stop().await;
}

#[tokio::test]
async fn requests_that_must_not_be_answered_elsewhere_are_refused_on_the_page() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    for replaced in [
        ("client_id", "other"),
        ("client_id", ""),
        ("redirect_uri", "https://example.org/auth/callback"),
        ("redirect_uri", "http://localhost:8123/elsewhere"),
        ("redirect_uri", ""),
    ] {
        let page = instance.login_page(&[replaced]).await;
        assert_eq!(page.status(), StatusCode::BAD_REQUEST, "{replaced:?}");
        assert!(page.headers().get("location").is_none());
    }
    instance.stop().await;
}

#[tokio::test]
async fn wrong_requests_are_answered_to_the_client() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let long = "x".repeat(1025);
    for (replaced, error, description) in [
        (("state", ""), "invalid_request", "state is required"),
        (
            ("nonce", long.as_str()),
            "invalid_request",
            "state and nonce may have 1024 bytes",
        ),
        (
            ("response_type", "token"),
            "unsupported_response_type",
            "response_type must be code",
        ),
        (
            ("scope", "email"),
            "invalid_scope",
            "scope must include openid",
        ),
        (
            ("code_challenge_method", "plain"),
            "invalid_request",
            "code_challenge_method must be S256",
        ),
        (
            ("code_challenge_method", ""),
            "invalid_request",
            "code_challenge_method must be S256",
        ),
        (
            ("code_challenge", ""),
            "invalid_request",
            "code_challenge must be the base64url of a SHA-256",
        ),
        (
            ("code_challenge", "short"),
            "invalid_request",
            "code_challenge must be the base64url of a SHA-256",
        ),
    ] {
        let answer = location(&instance.login_page(&[replaced]).await);
        assert_eq!(
            parameter(&answer, "error").as_deref(),
            Some(error),
            "{replaced:?}"
        );
        assert_eq!(
            parameter(&answer, "error_description").as_deref(),
            Some(description)
        );
        assert_eq!(parameter(&answer, "code"), None);
    }
    instance.stop().await;
}

#[tokio::test]
async fn a_code_is_good_once_for_a_minute_and_for_its_client() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    for (replaced, error) in [
        (("client_id", "other"), (401, "invalid_client".to_owned())),
        (
            ("grant_type", "password"),
            (400, "unsupported_grant_type".to_owned()),
        ),
        (
            ("redirect_uri", "http://localhost:9999/auth/callback"),
            (400, "invalid_grant".to_owned()),
        ),
        (
            (
                "code_verifier",
                "wrong-verifier-wrong-verifier-wrong-verifier",
            ),
            (400, "invalid_grant".to_owned()),
        ),
        (("code", "guessed"), (400, "invalid_grant".to_owned())),
    ] {
        let code = instance.code(EMAIL).await;
        assert_eq!(
            oauth_error(instance.exchange(&code, &[replaced]).await).await,
            error,
            "{replaced:?}"
        );
    }

    let code = instance.code(EMAIL).await;
    instance.clock.advance(60);
    assert_eq!(instance.exchange(&code, &[]).await.status(), StatusCode::OK);
    assert_eq!(
        oauth_error(instance.exchange(&code, &[]).await).await.1,
        "invalid_grant"
    );

    let late = instance.code(EMAIL).await;
    instance.clock.advance(61);
    assert_eq!(
        oauth_error(instance.exchange(&late, &[]).await).await.1,
        "invalid_grant"
    );
    instance.stop().await;
}

#[tokio::test]
async fn a_wrong_verifier_spends_the_code() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let code = instance.code(EMAIL).await;
    let wrong = "wrong-verifier-wrong-verifier-wrong-verifier";
    instance.exchange(&code, &[("code_verifier", wrong)]).await;
    assert_eq!(
        oauth_error(instance.exchange(&code, &[]).await).await.1,
        "invalid_grant"
    );
    instance.stop().await;
}

#[tokio::test]
async fn a_device_gets_its_token_when_its_person_has_logged_in() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let started = json(
        instance
            .post_form(
                "/oidc/device/code",
                &[("client_id", "sigstore"), ("scope", "openid email")],
            )
            .await,
    )
    .await;
    let device_code = started["device_code"].as_str().unwrap().to_owned();
    let user_code = started["user_code"].as_str().unwrap().to_lowercase();
    let poll = async || {
        let grant_type = "urn:ietf:params:oauth:grant-type:device_code";
        let form = [
            ("grant_type", grant_type),
            ("client_id", "sigstore"),
            ("device_code", device_code.as_str()),
        ];
        instance.post_form("/oidc/token", &form).await
    };
    assert_eq!(oauth_error(poll().await).await.1, "authorization_pending");
    assert_eq!(oauth_error(poll().await).await.1, "slow_down");
    instance.clock.advance(1);
    assert_eq!(oauth_error(poll().await).await.1, "authorization_pending");

    let page = instance
        .get(&format!("/oidc/device?user_code={user_code}"))
        .await
        .text()
        .await
        .unwrap();
    assert!(page.contains(&format!("value=\"{user_code}\"")));
    let wrong = instance
        .post_form(
            "/oidc/device",
            &[("user_code", "BBBB-BBBB"), ("email", EMAIL)],
        )
        .await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let done = instance
        .post_form(
            "/oidc/device",
            &[("user_code", &user_code), ("email", EMAIL)],
        )
        .await;
    assert_eq!(done.status(), StatusCode::OK);

    let token = json(poll().await).await;
    assert_eq!(
        instance
            .certificate_answer(token["id_token"].as_str().unwrap(), &p256())
            .await
            .status(),
        StatusCode::OK
    );
    assert_eq!(oauth_error(poll().await).await.1, "expired_token");
    instance.stop().await;
}

#[tokio::test]
async fn pages_of_others_cannot_log_anyone_in() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let login = login_field(&instance.login_page(&[]).await.text().await.unwrap());
    let form = [("login", login.as_str()), ("email", EMAIL)];
    let url = format!("{}/oidc/auth", instance.base);
    let foreign = instance
        .client
        .post(&url)
        .form(&form)
        .header("origin", "https://example.org")
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let own = instance
        .client
        .post(&url)
        .form(&form)
        .header("origin", &instance.base)
        .send()
        .await
        .unwrap();
    assert_eq!(own.status(), StatusCode::SEE_OTHER);
    instance.stop().await;
}

/// A login that is to last: the answer of the token endpoint.
async fn lasting(instance: &Running) -> Value {
    let page = instance
        .login_page(&[("scope", "openid email offline_access")])
        .await;
    let html = page.text().await.unwrap();
    assert!(html.contains("asks to stay logged in as you"));
    let login = login_field(&html);
    let answer = instance
        .post_form("/oidc/auth", &[("login", &login), ("email", EMAIL)])
        .await;
    let code = parameter(&location(&answer), "code").unwrap();
    json(instance.exchange(&code, &[]).await).await
}

async fn refresh(instance: &Running, token: &str) -> Response {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "sigstore"),
        ("refresh_token", token),
    ];
    instance.post_form("/oidc/token", &form).await
}

fn refresh_token(answer: &Value) -> &str {
    answer["refresh_token"].as_str().unwrap()
}

#[tokio::test]
async fn whoever_asks_for_it_stays_logged_in_for_a_working_day() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let once = instance.code(EMAIL).await;
    let once = json(instance.exchange(&once, &[]).await).await;
    assert_eq!(once.get("refresh_token"), None);

    let first = lasting(&instance).await;
    assert_eq!(first["scope"], "openid email offline_access");
    instance.clock.advance(3600);
    let second = json(refresh(&instance, refresh_token(&first)).await).await;
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let (token, key) = (second["id_token"].as_str().unwrap(), p256());
    let certificate = instance.certificate_answer(token, &key).await;
    assert_eq!(certificate.status(), StatusCode::OK);

    instance.clock.advance(11 * 3600);
    let third = refresh(&instance, refresh_token(&second)).await;
    assert_eq!(third.status(), StatusCode::OK);
    let third = json(third).await;
    instance.clock.advance(1);
    let ended = oauth_error(refresh(&instance, refresh_token(&third)).await).await;
    assert_eq!(ended, (400, "invalid_grant".to_owned()));
    instance.stop().await;
}

#[tokio::test]
async fn a_refresh_token_that_was_used_before_ends_the_login() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let first = lasting(&instance).await;
    let second = json(refresh(&instance, refresh_token(&first)).await).await;
    for token in [&first, &second] {
        let refused = oauth_error(refresh(&instance, refresh_token(token)).await).await;
        assert_eq!(refused, (400, "invalid_grant".to_owned()));
    }
    for guess in ["", ".", "a.b", "\u{0}"] {
        let refused = oauth_error(refresh(&instance, guess).await).await;
        assert_eq!(refused, (400, "invalid_grant".to_owned()));
    }
    instance.stop().await;
}

#[tokio::test]
async fn a_refresh_token_is_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Running::start(&dir.path().join("state")).await;
    let login = lasting(&instance).await;
    let revoke = async |client: &str, token: &str| {
        let form = [("client_id", client), ("token", token)];
        instance.post_form("/oidc/revoke", &form).await.status()
    };
    let token = refresh_token(&login);
    assert_eq!(revoke("other", token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(revoke("sigstore", "unknown").await, StatusCode::OK);
    let still_good = json(refresh(&instance, token).await).await;
    let token = refresh_token(&still_good);
    assert_eq!(revoke("sigstore", token).await, StatusCode::OK);
    let refused = oauth_error(refresh(&instance, token).await).await;
    assert_eq!(refused, (400, "invalid_grant".to_owned()));
    instance.stop().await;
}
