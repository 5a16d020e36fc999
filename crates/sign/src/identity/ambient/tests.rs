//! Each provider in a made-up environment: absent, usable, and there but unusable.

use std::{
    collections::HashMap,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Query, RawQuery},
    http::{HeaderMap, StatusCode},
    response::IntoResponse as _,
    routing::get,
};
use serde_json::json;
use url::Url;

use super::*;
use crate::{
    identity::Challenge,
    service::{Problem, Service},
    testing::{NOW, client, serve, token},
};

/// An environment that is only what a test says.
#[derive(Default)]
pub(super) struct FakeEnv {
    variables: HashMap<String, String>,
    files: HashMap<PathBuf, String>,
    programs: HashMap<&'static str, Result<String, EnvError>>,
    ran: Mutex<Vec<String>>,
}

impl FakeEnv {
    pub(super) fn with(variables: &[(&str, &str)]) -> Self {
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            variables: variables.iter().map(own).collect(),
            ..Self::default()
        }
    }

    fn file(mut self, path: &str, contents: &str) -> Self {
        self.files.insert(path.into(), contents.to_owned());
        self
    }

    fn program(mut self, name: &'static str, outcome: Result<String, EnvError>) -> Self {
        self.programs.insert(name, outcome);
        self
    }

    async fn detect(&self) -> Result<Option<Ambient>, AmbientError> {
        super::detect(self, &client(&Arc::default()), "sigstore", NOW).await
    }

    async fn found(&self) -> (Provider, String) {
        let found = self.detect().await.unwrap().unwrap();
        let Challenge::Subject(subject) = found.token.challenge() else {
            panic!("{found:?}");
        };
        (found.provider, subject.clone())
    }

    async fn problem(&self, provider: Provider) -> AmbientProblem {
        let error = self.detect().await.unwrap_err();
        assert_eq!(error.provider, provider);
        assert!(error.to_string().ends_with(provider.remedy()));
        error.problem
    }
}

impl Env for FakeEnv {
    fn var(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, EnvError> {
        let contents = self.files.get(path).ok_or_else(|| missing(path))?;
        Ok(contents.clone().into_bytes())
    }

    fn run<'a>(&'a self, program: &'a str, arguments: &'a [&'a str]) -> Running<'a> {
        let line = format!("{program} {}", arguments.join(" "));
        self.ran.lock().unwrap().push(line);
        let outcome = self.programs[program].clone();
        Box::pin(async move { outcome.map(String::into_bytes) })
    }
}

fn missing(path: &Path) -> EnvError {
    EnvError::File {
        path: path.display().to_string(),
        kind: ErrorKind::NotFound,
    }
}

pub(super) fn subject(name: &str) -> String {
    token(&json!({
        "iss": "https://issuer.example", "sub": name, "aud": "sigstore", "exp": NOW.unix() + 60,
    }))
}

#[tokio::test]
async fn an_empty_environment_has_no_identity() {
    assert!(FakeEnv::default().detect().await.unwrap().is_none());
    let off = FakeEnv::with(&[("GITHUB_ACTIONS", "false"), ("BUILDKITE", "")]);
    assert!(off.detect().await.unwrap().is_none());
}

/// GitHub's token service: any path, with the bearer token and the audience that belong there.
async fn github_service() -> Url {
    let handler = |headers: HeaderMap, Query(query): Query<HashMap<String, String>>| async move {
        let authorized = headers["authorization"] == "Bearer runner-secret";
        match (authorized, query["api-version"].as_str()) {
            (true, "2.0") => Json(json!({"value": subject(&query["audience"])})).into_response(),
            _ => (StatusCode::UNAUTHORIZED, "who are you?").into_response(),
        }
    };
    serve(Router::new().route("/token", get(handler))).await
}

fn github(url: &Url, bearer: &str) -> FakeEnv {
    FakeEnv::with(&[
        ("GITHUB_ACTIONS", "true"),
        (
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            &format!("{url}token?api-version=2.0"),
        ),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", bearer),
    ])
}

#[tokio::test]
async fn github_is_asked_for_the_audience() {
    let url = github_service().await;
    let found = github(&url, "runner-secret").found().await;
    assert_eq!(found, (Provider::GitHub, "sigstore".into()));
}

#[tokio::test]
async fn github_without_permission_says_so() {
    let env = FakeEnv::with(&[("GITHUB_ACTIONS", "true")]);
    let missing = AmbientProblem::MissingVariable("ACTIONS_ID_TOKEN_REQUEST_URL".into());
    assert_eq!(env.problem(Provider::GitHub).await, missing);

    let url = github_service().await;
    let refused = ServiceError {
        service: Service::Oidc,
        url: format!("{url}token"),
        problem: Problem::Status {
            status: 401,
            excerpt: "who are you?".into(),
        },
    };
    let problem = github(&url, "stale").problem(Provider::GitHub).await;
    assert_eq!(problem, refused.into());
}

#[tokio::test]
async fn gitlab_gives_a_variable() {
    let found = FakeEnv::with(&[
        ("GITLAB_CI", "true"),
        ("SIGSTORE_ID_TOKEN", &subject("job")),
    ]);
    assert_eq!(found.found().await, (Provider::GitLab, "job".into()));

    let env = FakeEnv::with(&[("GITLAB_CI", "true")]);
    let missing = AmbientProblem::MissingVariable("SIGSTORE_ID_TOKEN".into());
    assert_eq!(env.problem(Provider::GitLab).await, missing);
}

#[tokio::test]
async fn buildkite_and_circleci_have_commands() {
    let env = FakeEnv::with(&[("BUILDKITE", "true")])
        .program("buildkite-agent", Ok(subject("build") + "\n"));
    assert_eq!(env.found().await, (Provider::Buildkite, "build".into()));
    let ran = ["buildkite-agent oidc request-token --audience sigstore"];
    assert_eq!(*env.ran.lock().unwrap(), ran);

    let env = FakeEnv::with(&[("CIRCLECI", "true")]).program("circleci", Ok(subject("job")));
    assert_eq!(env.found().await, (Provider::CircleCi, "job".into()));
    let ran = [r#"circleci run oidc get --claims {"aud":"sigstore"}"#];
    assert_eq!(*env.ran.lock().unwrap(), ran);
}

#[tokio::test]
async fn commands_that_fail_are_named() {
    let failed = EnvError::NotRun {
        program: "buildkite-agent".into(),
        kind: ErrorKind::NotFound,
    };
    let env =
        FakeEnv::with(&[("BUILDKITE", "true")]).program("buildkite-agent", Err(failed.clone()));
    assert_eq!(env.problem(Provider::Buildkite).await, failed.into());
}

#[tokio::test]
async fn google_is_asked_at_its_metadata_server() {
    let handler = |headers: HeaderMap, RawQuery(query): RawQuery| async move {
        assert_eq!(headers["metadata-flavor"], "Google");
        assert_eq!(query.as_deref(), Some("audience=sigstore&format=full"));
        ([("metadata-flavor", "Google")], subject("account"))
    };
    let path = "/computeMetadata/v1/instance/service-accounts/default/identity";
    let url = serve(Router::new().route(path, get(handler))).await;
    let host = url.authority().to_owned();
    let env = FakeEnv::with(&[("GCE_METADATA_HOST", &host)]);
    assert_eq!(env.found().await, (Provider::Google, "account".into()));
}

#[tokio::test]
async fn somebody_else_is_not_believed_to_be_google() {
    let handler = || async { subject("impostor") };
    let url = serve(Router::new().fallback(get(handler))).await;
    let env = FakeEnv::with(&[("GCE_METADATA_HOST", url.authority())]);
    let lie = ServiceError {
        service: Service::Oidc,
        url: format!("{url}computeMetadata/v1/instance/service-accounts/default/identity"),
        problem: Problem::Lie {
            what: "header Metadata-Flavor",
            detail: "not a metadata server".into(),
        },
    };
    assert_eq!(env.problem(Provider::Google).await, lie.into());
}

#[tokio::test]
async fn google_is_asked_only_where_it_is() {
    let path = "/sys/class/dmi/id/product_name";
    let other = FakeEnv::default().file(path, "Standard PC\n");
    assert!(other.detect().await.unwrap().is_none());
}

#[tokio::test]
async fn the_svid_in_a_file_goes_before_the_socket() {
    let path = "/run/svid.jwt";
    let env = FakeEnv::with(&[
        ("SIGNHERE_SPIFFE_JWT_SVID", path),
        ("SPIFFE_ENDPOINT_SOCKET", "unix:///run/agent.sock"),
    ]);
    let problem = env.problem(Provider::Spiffe).await;
    assert_eq!(problem, missing(Path::new(path)).into());
    let env = env.file(path, &subject("spiffe://example.org/app"));
    let expected = (Provider::Spiffe, "spiffe://example.org/app".into());
    assert_eq!(env.found().await, expected);
}

#[tokio::test]
async fn kubernetes_gives_a_projected_file() {
    let usual = "/var/run/sigstore/cosign/oidc-token";
    let env = FakeEnv::default().file(usual, &subject("pod"));
    assert_eq!(env.found().await, (Provider::Kubernetes, "pod".into()));

    let env = FakeEnv::with(&[("SIGNHERE_KUBERNETES_TOKEN_FILE", "/tok")]);
    let problem = env.problem(Provider::Kubernetes).await;
    assert_eq!(problem, missing(Path::new("/tok")).into());
    let found = env.file("/tok", &subject("pod")).found().await;
    assert_eq!(found, (Provider::Kubernetes, "pod".into()));
}

#[tokio::test]
async fn unusable_tokens_are_told_with_their_place() {
    let claims = json!({
        "iss": "https://issuer.example", "sub": "job", "aud": "vault", "exp": NOW.unix() + 60,
    });
    let env = FakeEnv::with(&[
        ("GITLAB_CI", "true"),
        ("SIGSTORE_ID_TOKEN", &token(&claims)),
    ]);
    let audience = TokenError::Audience {
        expected: "sigstore".into(),
        found: vec!["vault".into()],
    };
    assert_eq!(env.problem(Provider::GitLab).await, audience.into());
}

#[tokio::test]
async fn the_job_counts_more_than_the_machine() {
    let env = FakeEnv::with(&[
        ("GITLAB_CI", "true"),
        ("SIGSTORE_ID_TOKEN", &subject("job")),
        ("K_SERVICE", "service"),
    ]);
    let env = env.file("/var/run/sigstore/cosign/oidc-token", &subject("pod"));
    assert_eq!(env.found().await, (Provider::GitLab, "job".into()));
}

#[tokio::test]
async fn the_real_environment_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let env = SystemEnv::new([("A".to_owned(), "b".to_owned())]);
    assert_eq!(env.var("A").as_deref(), Some("b"));
    assert_eq!(env.var("PATH"), None);

    assert_eq!(env.read(&path), Err(missing(&path)));
    std::fs::write(&path, "x").unwrap();
    assert_eq!(env.read(&path), Ok(b"x".to_vec()));
    std::fs::write(&path, vec![b'x'; (128 << 10) + 1]).unwrap();
    let source_name = path.display().to_string();
    assert_eq!(env.read(&path), Err(EnvError::TooLong { source_name }));

    assert_eq!(env.run("echo", &["a", "b"]).await, Ok(b"a b\n".to_vec()));
    let endless = EnvError::TooLong {
        source_name: "yes".into(),
    };
    assert_eq!(env.run("yes", &[]).await, Err(endless));
    let failed = env.run("false", &[]).await.unwrap_err();
    assert!(matches!(failed, EnvError::Failed { .. }), "{failed:?}");
    let absent = EnvError::NotRun {
        program: "signhere-no-such-program".into(),
        kind: ErrorKind::NotFound,
    };
    assert_eq!(env.run("signhere-no-such-program", &[]).await, Err(absent));
}
