//! Logins at an issuer of our own that can be told to misbehave, with a browser of our own.

use std::{
    collections::HashMap,
    sync::{Mutex, atomic::AtomicU32, atomic::Ordering},
};

use axum::{
    Form, Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use signhere_pki::digest::sha256;

use super::*;
use crate::testing::{CountingRandom, NOW, SleepyClock, client, serve, token};

type Fields = HashMap<String, String>;

/// An issuer and how it misbehaves.
struct Issuer {
    url: Url,
    state: Arc<IssuerState>,
}

#[derive(Default)]
struct IssuerState {
    /// Replaces members of the description.
    description: Mutex<Value>,
    /// Replaces claims of the token.
    claims: Mutex<Value>,
    /// What the page was asked with: the browser leaves it here.
    asked: Mutex<Fields>,
    /// What the token endpoint answers before it gives the token: status and error.
    stalls: Mutex<Vec<(u16, Value)>>,
    /// How often the description was fetched.
    described: AtomicU32,
    device: Mutex<Value>,
    /// Replaces members of the token answer.
    answer: Mutex<Value>,
    /// The refresh tokens that came.
    refreshed: Mutex<Vec<String>>,
    /// What was given back, as it was asked.
    revoked: Mutex<Option<Fields>>,
    url: Mutex<String>,
}

fn merge(base: &mut Value, over: &Value) {
    for (name, value) in over.as_object().into_iter().flatten() {
        match value {
            Value::Null => drop(base.as_object_mut().unwrap().remove(name)),
            value => base[name] = value.clone(),
        }
    }
}

async fn describe(State(state): State<Arc<IssuerState>>) -> Json<Value> {
    state.described.fetch_add(1, Ordering::SeqCst);
    let url = state.url.lock().unwrap().clone();
    let mut description = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/auth"),
        "token_endpoint": format!("{url}/token"),
        "device_authorization_endpoint": format!("{url}/device"),
        "code_challenge_methods_supported": ["S256", "plain"],
    });
    merge(&mut description, &state.description.lock().unwrap());
    Json(description)
}

async fn give(State(state): State<Arc<IssuerState>>, Form(form): Form<Fields>) -> Response {
    if let Some((status, body)) = state.stalls.lock().unwrap().pop() {
        return (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
    }
    let asked = state.asked.lock().unwrap().clone();
    if form["grant_type"] == "refresh_token" {
        state
            .refreshed
            .lock()
            .unwrap()
            .push(form["refresh_token"].clone());
        let claims = json!({
            "iss": *state.url.lock().unwrap(), "sub": "1", "aud": "sigstore",
            "exp": NOW.unix() + 7200, "email": "jo@example.org", "email_verified": true,
        });
        return answer(&state, claims);
    }
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(sha256(form["code_verifier"].as_bytes()));
    if challenge != asked["code_challenge"] || form["client_id"] != "sigstore" {
        return (
            StatusCode::BAD_REQUEST,
            Json(json!({"error": "invalid_grant"})),
        )
            .into_response();
    }
    let mut claims = json!({
        "iss": *state.url.lock().unwrap(), "sub": "1", "aud": "sigstore",
        "exp": NOW.unix() + 3600, "email": "jo@example.org", "email_verified": true,
    });
    if let Some(nonce) = asked.get("nonce") {
        claims["nonce"] = json!(nonce);
    }
    answer(&state, claims)
}

fn answer(state: &IssuerState, mut claims: Value) -> Response {
    merge(&mut claims, &state.claims.lock().unwrap());
    let mut answer = json!({
        "access_token": "a", "token_type": "Bearer", "expires_in": 3600,
        "id_token": token(&claims),
    });
    if claims.get("drop_token").is_some() {
        merge(&mut answer, &json!({"id_token": null}));
    }
    merge(&mut answer, &state.answer.lock().unwrap());
    Json(answer).into_response()
}

async fn revoke(State(state): State<Arc<IssuerState>>, Form(form): Form<Fields>) {
    *state.revoked.lock().unwrap() = Some(form);
}

async fn device(State(state): State<Arc<IssuerState>>, Form(form): Form<Fields>) -> Json<Value> {
    assert!(form["scope"].starts_with("openid email"));
    *state.asked.lock().unwrap() = form;
    let mut answer = json!({
        "device_code": "d1", "user_code": "ABCD\u{1b}-EFGH", "interval": 2, "expires_in": 120,
        "verification_uri": "https://issuer.example/device",
        "verification_uri_complete": "file:///etc/passwd",
    });
    merge(&mut answer, &state.device.lock().unwrap());
    Json(answer)
}

impl Issuer {
    async fn start() -> Self {
        let state = Arc::new(IssuerState::default());
        let router = Router::new()
            .route("/oidc/.well-known/openid-configuration", get(describe))
            .route("/oidc/token", post(give))
            .route("/oidc/device", post(device))
            .route("/oidc/revoke", post(revoke))
            .with_state(Arc::clone(&state));
        let url = serve(router).await.join("/oidc").unwrap();
        *state.url.lock().unwrap() = url.to_string();
        Self { url, state }
    }

    async fn describing(description: Value) -> Self {
        let issuer = Self::start().await;
        *issuer.state.description.lock().unwrap() = description;
        issuer
    }

    fn login(&self, clock: &Arc<SleepyClock>) -> Login {
        let mut config = LoginConfig::new(self.url.clone());
        config.patience = Duration::from_secs(20);
        self.login_with(clock, config)
    }

    fn login_with(&self, clock: &Arc<SleepyClock>, config: LoginConfig) -> Login {
        let http = Arc::new(client(clock));
        let random = Arc::new(CountingRandom::default());
        Login::new(config, http, clock.clone(), random)
    }

    /// A browser that logs in at once: it goes back to where it was told with `change` made to
    /// what the issuer sends along.
    fn browse(&self, page: &Url, change: impl FnOnce(&mut Fields)) {
        let asked: Fields = page.query_pairs().into_owned().collect();
        let mut back: Fields = [("code", "c1"), ("state", &asked["state"])]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        change(&mut back);
        let mut url = Url::parse(&asked["redirect_uri"]).unwrap();
        assert_eq!(url.host_str(), Some("localhost"));
        url.set_host(Some("127.0.0.1")).unwrap();
        url.query_pairs_mut().extend_pairs(&back);
        *self.state.asked.lock().unwrap() = asked;
        tokio::spawn(async move {
            let request = HttpRequest::get(url, Destination::Configured);
            client(&Arc::default()).send(&request).await
        });
    }

    async fn browser(&self) -> Result<IdentityToken, OidcError> {
        let login = self.login(&Arc::default());
        let granted = login.with_browser(|page| self.browse(page, |_| {})).await;
        granted.map(|granted| granted.token)
    }
}

#[tokio::test]
async fn a_person_logs_in_with_the_browser() {
    let issuer = Issuer::start().await;
    let token = issuer.browser().await.unwrap();
    assert_eq!(token.challenge().as_str(), "jo@example.org");
    let asked = issuer.state.asked.lock().unwrap().clone();
    let expected = [
        ("client_id", "sigstore"),
        ("code_challenge_method", "S256"),
        ("response_type", "code"),
        ("scope", "openid email"),
    ];
    for (name, value) in expected {
        assert_eq!(asked[name], value);
    }
    assert!(asked["redirect_uri"].ends_with("/auth/callback"));
    assert_ne!(asked["state"], asked["nonce"]);
}

#[tokio::test]
async fn the_description_is_fetched_once() {
    let issuer = Issuer::start().await;
    let login = issuer.login(&Arc::default());
    for _ in 0..2 {
        let open = |page: &Url| issuer.browse(page, |_| {});
        login.with_browser(open).await.unwrap();
    }
    assert_eq!(issuer.state.described.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn descriptions_of_others_are_refused() {
    let issuer = Issuer::describing(json!({"issuer": "https://evil.example"})).await;
    let refused = OidcError::Issuer {
        expected: issuer.url.to_string(),
        found: "https://evil.example".into(),
    };
    assert_eq!(issuer.browser().await.unwrap_err(), refused);
}

#[tokio::test]
async fn issuers_without_pkce_are_refused() {
    let plain = json!({"code_challenge_methods_supported": ["plain"]});
    let issuer = Issuer::describing(plain).await;
    let refused = OidcError::NotOffered {
        issuer: issuer.url.to_string(),
        what: "PKCE with S256",
    };
    assert_eq!(issuer.browser().await.unwrap_err(), refused);
}

#[tokio::test]
async fn endpoints_in_private_networks_are_refused() {
    let issuer = Issuer::describing(json!({"token_endpoint": "http://10.0.0.1/token"})).await;
    let private = HttpError::PrivateAddress {
        url: "http://10.0.0.1/token".into(),
    };
    let endpoint = Url::parse("http://10.0.0.1/token").unwrap();
    let refused = ServiceError::new(Service::Oidc, &endpoint, private);
    assert_eq!(issuer.browser().await.unwrap_err(), refused.into());
}

#[tokio::test]
async fn pages_that_are_no_web_pages_are_not_opened() {
    let issuer = Issuer::describing(json!({"authorization_endpoint": "file:///etc"})).await;
    let scheme = HttpError::SchemeChanged {
        url: "file:///etc".into(),
        expected: "http".into(),
    };
    let login = issuer.login(&Arc::default());
    let error = login.with_browser(|page| panic!("opened {page}")).await;
    let refused = ServiceError::new(Service::Oidc, &issuer.url, scheme);
    assert_eq!(error.unwrap_err(), refused.into());
}

#[tokio::test]
async fn refusals_come_back_with_the_browser() {
    let issuer = Issuer::start().await;
    let login = issuer.login(&Arc::default());
    let deny = |back: &mut Fields| drop(back.insert("error".into(), "access_denied".into()));
    let error = login.with_browser(|page| issuer.browse(page, deny)).await;
    let refused = OidcError::Refused {
        code: "access_denied".into(),
        description: None,
    };
    assert_eq!(error.unwrap_err(), refused);
}

#[tokio::test]
async fn a_foreign_state_does_not_end_the_login() {
    let issuer = Issuer::start().await;
    let login = issuer.login(&Arc::default());
    let forge = |back: &mut Fields| drop(back.insert("state".into(), "forged".into()));
    let open = |page: &Url| {
        issuer.browse(page, forge);
        issuer.browse(page, |_| {});
    };
    login.with_browser(open).await.unwrap();
}

#[tokio::test]
async fn nobody_is_waited_for_forever() {
    let issuer = Issuer::start().await;
    let mut config = LoginConfig::new(issuer.url.clone());
    config.patience = Duration::from_millis(50);
    let patience = config.patience;
    let login = issuer.login_with(&Arc::default(), config);
    let error = login.with_browser(|_| {}).await.unwrap_err();
    assert_eq!(error, OidcError::TimedOut { patience });
}

#[tokio::test]
async fn tokens_for_another_login_are_refused() {
    let issuer = Issuer::start().await;
    let claims = |claims| *issuer.state.claims.lock().unwrap() = claims;
    claims(json!({"nonce": "old"}));
    assert_eq!(issuer.browser().await.unwrap_err(), OidcError::Nonce);
    claims(json!({"nonce": null}));
    assert_eq!(issuer.browser().await.unwrap_err(), OidcError::Nonce);
    claims(json!({"iss": "https://evil.example"}));
    let refused = OidcError::Issuer {
        expected: issuer.url.to_string(),
        found: "https://evil.example".into(),
    };
    assert_eq!(issuer.browser().await.unwrap_err(), refused);
    claims(json!({"aud": "other"}));
    let audience = TokenError::Audience {
        expected: "sigstore".into(),
        found: vec!["other".into()],
    };
    assert_eq!(issuer.browser().await.unwrap_err(), audience.into());
    claims(json!({"drop_token": true}));
    assert_eq!(issuer.browser().await.unwrap_err(), OidcError::NoIdToken);
}

#[tokio::test]
async fn refusals_of_the_token_endpoint_are_told() {
    let issuer = Issuer::start().await;
    let answer = json!({"error": "invalid_grant", "error_description": "too\u{7} late"});
    issuer.state.stalls.lock().unwrap().push((400, answer));
    let refused = OidcError::Refused {
        code: "invalid_grant".into(),
        description: Some("too late".into()),
    };
    assert_eq!(issuer.browser().await.unwrap_err(), refused);
}

#[tokio::test]
async fn a_person_logs_in_on_another_device() {
    let issuer = Issuer::start().await;
    // Taken from the end: slow down, pending, then the token.
    issuer.state.stalls.lock().unwrap().extend([
        (400, json!({"error": "authorization_pending"})),
        (400, json!({"error": "slow_down"})),
    ]);
    let clock = Arc::default();
    let mut shown = None;
    let granted = issuer
        .login(&clock)
        .with_device(|prompt| shown = Some(prompt.clone()))
        .await
        .unwrap();
    assert_eq!(granted.token.challenge().as_str(), "jo@example.org");
    assert_eq!(clock.sleeps(), [7, 7].map(Duration::from_secs));
    let prompt = DevicePrompt {
        page: Url::parse("https://issuer.example/device").unwrap(),
        code: "ABCD-EFGH".into(),
        page_with_code: None,
        lifetime: Duration::from_secs(120),
    };
    assert_eq!(shown, Some(prompt));
}

#[tokio::test]
async fn device_codes_expire() {
    let issuer = Issuer::start().await;
    let pending = (400, json!({"error": "authorization_pending"}));
    issuer
        .state
        .stalls
        .lock()
        .unwrap()
        .extend(vec![pending; 100]);
    let clock = Arc::default();
    let error = issuer.login(&clock).with_device(|_| {}).await.unwrap_err();
    let patience = Duration::from_secs(20);
    assert_eq!(error, OidcError::TimedOut { patience });
    assert_eq!(clock.sleeps().len(), 11);

    let expired = (400, json!({"error": "expired_token"}));
    *issuer.state.stalls.lock().unwrap() = vec![expired];
    let error = issuer.login(&clock).with_device(|_| {}).await.unwrap_err();
    assert_eq!(error, OidcError::TimedOut { patience });
}

#[tokio::test]
async fn device_logins_can_be_denied() {
    let issuer = Issuer::start().await;
    let denied = (400, json!({"error": "access_denied"}));
    issuer.state.stalls.lock().unwrap().push(denied);
    let login = issuer.login(&Arc::default());
    let refused = OidcError::Refused {
        code: "access_denied".into(),
        description: None,
    };
    let error = login.with_device(|_| {}).await.unwrap_err();
    assert_eq!(error, refused);
}

#[tokio::test]
async fn absurd_intervals_are_refused() {
    let issuer = Issuer::start().await;
    *issuer.state.device.lock().unwrap() = json!({"interval": u64::MAX});
    let login = issuer.login(&Arc::default());
    let error = login.with_device(|prompt| panic!("{prompt:?}")).await;
    let refused = OidcError::Service(ServiceError {
        service: Service::Oidc,
        url: format!("{}/device", issuer.url),
        problem: Problem::Lie {
            what: "polling interval",
            detail: format!("{} seconds", u64::MAX),
        },
    });
    assert_eq!(error.unwrap_err(), refused);
}

#[tokio::test]
async fn issuers_without_device_flow_say_so() {
    let without = json!({"device_authorization_endpoint": null});
    let issuer = Issuer::describing(without).await;
    let login = issuer.login(&Arc::default());
    let refused = OidcError::NotOffered {
        issuer: issuer.url.to_string(),
        what: "device flow",
    };
    assert_eq!(login.with_device(|_| {}).await.unwrap_err(), refused);
}

/// An issuer with refresh tokens, and a login there.
async fn staying() -> (Issuer, Login, Granted) {
    let issuer = Issuer::start().await;
    let scopes = json!({
        "scopes_supported": ["openid", "offline_access"],
        "revocation_endpoint": format!("{}/revoke", issuer.url),
    });
    *issuer.state.description.lock().unwrap() = scopes;
    *issuer.state.answer.lock().unwrap() = json!({"refresh_token": "first"});
    let mut config = LoginConfig::new(issuer.url.clone());
    config.stay = true;
    let login = issuer.login_with(&Arc::default(), config);
    let granted = login.with_browser(|page| issuer.browse(page, |_| {}));
    let granted = granted.await.unwrap();
    (issuer, login, granted)
}

#[tokio::test]
async fn refresh_tokens_are_asked_for_where_the_issuer_has_them() {
    let (issuer, _, granted) = staying().await;
    let scope = || issuer.state.asked.lock().unwrap()["scope"].clone();
    assert_eq!(scope(), "openid email offline_access");
    assert_eq!(granted.refresh.unwrap().secret(), "first");

    *issuer.state.description.lock().unwrap() = json!({"scopes_supported": ["openid"]});
    let mut config = LoginConfig::new(issuer.url.clone());
    config.stay = true;
    let login = issuer.login_with(&Arc::default(), config);
    let prompt = login.with_device(|_| {}).await;
    assert_eq!(scope(), "openid email");
    prompt.unwrap();
}

#[tokio::test]
async fn a_login_is_refreshed() {
    let (issuer, login, first) = staying().await;
    let refresh = first.refresh.unwrap();
    *issuer.state.answer.lock().unwrap() = json!({"refresh_token": "second"});
    let second = login.refresh(&refresh, &first.token).await.unwrap();
    assert_eq!(second.token.expires_at(), NOW.plus_seconds(7200));
    let rotated = second.refresh.unwrap();
    assert_eq!(rotated.secret(), "second");

    // An issuer that does not rotate says nothing: the token stays good.
    *issuer.state.answer.lock().unwrap() = json!({});
    let third = login.refresh(&rotated, &second.token).await.unwrap();
    assert_eq!(third.refresh.unwrap().secret(), "second");
    let came = issuer.state.refreshed.lock().unwrap().clone();
    assert_eq!(came, ["first", "second"]);
}

#[tokio::test]
async fn a_refreshed_login_stays_with_its_person() {
    let (issuer, login, first) = staying().await;
    let refresh = first.refresh.unwrap();
    for other in [json!({"sub": "2"}), json!({"email": "al@example.org"})] {
        *issuer.state.claims.lock().unwrap() = other;
        let error = login.refresh(&refresh, &first.token).await.unwrap_err();
        assert_eq!(error, OidcError::OtherPerson);
    }
    let refusal = (400, json!({"error": "invalid_grant"}));
    issuer.state.stalls.lock().unwrap().push(refusal);
    let ended = OidcError::Refused {
        code: "invalid_grant".into(),
        description: None,
    };
    let error = login.refresh(&refresh, &first.token).await.unwrap_err();
    assert_eq!(error, ended);
}

#[tokio::test]
async fn refresh_tokens_are_given_back_and_never_shown() {
    let (issuer, login, granted) = staying().await;
    assert!(!format!("{granted:?}").contains("first"));
    assert_eq!(login.revoke(&granted.refresh.unwrap()).await, Ok(true));
    let revoked = issuer.state.revoked.lock().unwrap().clone().unwrap();
    assert_eq!(revoked["token"], "first");
    assert_eq!(revoked["client_id"], "sigstore");

    let issuer = Issuer::start().await;
    let secret = RefreshToken::from_secret(Zeroizing::new("a&b".to_owned()));
    let login = issuer.login(&Arc::default());
    assert_eq!(login.revoke(&secret).await, Ok(false));
}
