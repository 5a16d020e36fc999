//! The agent with an instance and an issuer of the test's own, and a clock that only the test moves.

mod keeping;
mod serving;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, atomic::Ordering};
use std::time::Duration;

use axum::{
    Form, Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::json;
use signhere_pki::cms::{DATA, SignedAttributes};
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::random::SystemRandom;
use signhere_pki::time::Clock as _;
use zeroize::Zeroizing;

use super::harden::Hardening;
use super::protocol::{Answer, GitContent, LoginRequest, Refusal, SignRequest};
use super::{Event, Instances, Journal, Keeper, Lifetimes, Subject};
use crate::instance::Instance;
use crate::session::Tools;
use crate::testing::{NOW, SleepyClock, client, instance::Running, serve, token};

const ADA: &str = "ada@example.org";
const BOB: &str = "bob@example.org";
/// Seconds that an identity token is good.
const TOKEN_LIFE: i64 = 300;

/// An instance, an issuer, and a keeper that knows both.
struct World {
    running: Running,
    issuer: Arc<Issuer>,
    lines: Arc<Lines>,
    keeper: Arc<Keeper>,
}

/// An issuer with refresh tokens that change with each use.
struct Issuer {
    clock: Arc<SleepyClock>,
    url: Mutex<String>,
    email: Mutex<String>,
    /// The only refresh token that is good; none when the login was ended there.
    good: Mutex<Option<String>>,
    /// The refresh tokens that came, good or bad.
    came: Mutex<Vec<String>>,
    revoked: Mutex<Vec<String>>,
}

/// The journal.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

/// Knows the instance by the name `work`, which is the default too.
struct OneInstance(Instance);

impl Journal for Lines {
    fn note(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(event.to_string());
    }
}

impl Lines {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Instances for OneInstance {
    fn name(&self, asked: Option<&str>) -> Result<String, String> {
        match asked {
            None | Some("work") => Ok("work".to_owned()),
            Some("home") => Ok("home".to_owned()),
            Some(other) => Err(format!("there is no instance {other}")),
        }
    }

    fn load<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Instance, String>> + Send + 'a>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

type Fields = HashMap<String, String>;

async fn describe(State(issuer): State<Arc<Issuer>>) -> Response {
    let url = issuer.url.lock().unwrap().clone();
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/auth"),
        "token_endpoint": format!("{url}/token"),
        "revocation_endpoint": format!("{url}/revoke"),
        "scopes_supported": ["openid", "offline_access"],
    }))
    .into_response()
}

async fn refresh(State(issuer): State<Arc<Issuer>>, Form(form): Form<Fields>) -> Response {
    let given = form["refresh_token"].clone();
    issuer.came.lock().unwrap().push(given.clone());
    let mut good = issuer.good.lock().unwrap();
    if form["grant_type"] != "refresh_token" || good.as_deref() != Some(given.as_str()) {
        let refusal = json!({"error": "invalid_grant", "error_description": "ended"});
        return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
    }
    let next = format!("{given}+");
    *good = Some(next.clone());
    let email = issuer.email.lock().unwrap().clone();
    Json(json!({
        "access_token": "a", "token_type": "Bearer",
        "id_token": issuer.token(&email), "refresh_token": next,
    }))
    .into_response()
}

async fn revoke(State(issuer): State<Arc<Issuer>>, Form(form): Form<Fields>) {
    issuer.revoked.lock().unwrap().push(form["token"].clone());
}

impl Issuer {
    fn token(&self, email: &str) -> String {
        token(&json!({
            "iss": *self.url.lock().unwrap(), "sub": email, "aud": "sigstore",
            "exp": self.clock.now().plus_seconds(TOKEN_LIFE).unix(), "email": email,
        }))
    }
}

impl World {
    async fn start() -> Self {
        let running = Running::start().await;
        let clock = running.fake.clock.clone();
        let issuer = Arc::new(Issuer {
            clock: clock.clone(),
            url: Mutex::default(),
            email: Mutex::new(ADA.to_owned()),
            good: Mutex::new(Some("refresh-secret".to_owned())),
            came: Mutex::default(),
            revoked: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/token", post(refresh))
            .route("/revoke", post(revoke))
            .with_state(Arc::clone(&issuer));
        let issuer_url = serve(router).await;
        *issuer.url.lock().unwrap() = issuer_url.as_str().trim_end_matches('/').to_owned();
        let lines = Arc::<Lines>::default();
        let tools = Tools {
            http: Arc::new(client(&clock)),
            clock,
            random: Arc::new(SystemRandom),
        };
        let instances = Arc::new(OneInstance(running.describe(&[2], true)));
        let lifetimes = Lifetimes::default();
        let keeper = Keeper::new(instances, lines.clone(), lifetimes, Hardening::NONE, tools);
        Self {
            running,
            issuer,
            lines,
            keeper: Arc::new(keeper),
        }
    }

    fn login_of(&self, email: &str, with_refresh: bool) -> LoginRequest {
        let refresh = with_refresh.then(|| Zeroizing::new("refresh-secret".to_owned()));
        LoginRequest {
            instance: None,
            token: Zeroizing::new(self.issuer.token(email)),
            refresh_token: refresh,
        }
    }

    async fn log_in(&self, email: &str, with_refresh: bool) {
        let request = self.login_of(email, with_refresh);
        self.keeper.login(request).await.unwrap();
    }

    async fn sign(&self) -> Result<Answer, Refusal> {
        self.sign_as(&request()).await
    }

    async fn sign_as(&self, request: &SignRequest) -> Result<Answer, Refusal> {
        sign_with(&self.keeper, request).await
    }

    /// How many certificates the authority issued.
    fn issued(&self) -> u32 {
        self.running.fake.issued.load(Ordering::SeqCst)
    }

    fn pass(&self, seconds: u64) {
        self.running.fake.clock.pass(Duration::from_secs(seconds));
    }
}

async fn sign_with(keeper: &Arc<Keeper>, request: &SignRequest) -> Result<Answer, Refusal> {
    keeper.sign(request, &Subject::of(request)?).await
}

/// A commit, to be signed by whoever is there.
fn commit() -> SignRequest {
    let (content, signed_at) = (HashAlgorithm::Sha256.digest(b"tree ..."), NOW);
    let set = SignedAttributes::with_signing_time(DATA, &content, signed_at);
    let set = set.unwrap().to_set().unwrap();
    SignRequest {
        git: Some(GitContent {
            sha256: content.hex(),
            signed_at,
        }),
        ..SignRequest::of_artifact(&HashAlgorithm::Sha256.digest(&set))
    }
}

/// The digest of a file, to be signed by whoever is there.
fn request() -> SignRequest {
    SignRequest::of_artifact(&HashAlgorithm::Sha256.digest(b"a file"))
}

fn login_needed(because: Option<&str>) -> Refusal {
    Refusal::LoginNeeded {
        instance: "work".into(),
        because: because.map(str::to_owned),
    }
}
