//! Health, readiness and metrics through the router, and what a request leaves in the log.

use std::sync::Mutex;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::post;
use serde_json::Value;
use signhere_testkit::written::Written;
use tower_service::Service as _;

use super::*;
use crate::status::sample::{Change, Sample, source};

struct Watched {
    router: Router,
    change: Arc<Mutex<Change>>,
}

impl Watched {
    fn new() -> Self {
        let (_, change, source) = source(Sample::new_facts().0);
        let observer = Observer::new(source, 0xabcd);
        let refuse = async || Problem::unauthenticated("the token is not believed");
        let issue = async || {
            let outcome = Outcome::Certificate {
                identity: "ada@example.org".to_owned(),
                issuer: "https://issuer.example".to_owned(),
                serial: "0f".to_owned(),
            };
            (axum::Extension(outcome), "a certificate")
        };
        let routes = Router::new()
            .route("/api/v2/signingCert", post(refuse).put(issue))
            .merge(observer.routes())
            .merge(observer.pages())
            .fallback(async || Problem::not_found());
        Self {
            router: observer.layer(routes),
            change,
        }
    }

    async fn ask(&self, method: &str, path: &str) -> (u16, axum::http::HeaderMap, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", "Bearer SECRET.TOKEN");
        let response = self
            .router
            .clone()
            .call(request.body(Body::from("SECRET BODY")).unwrap())
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        (
            head.status.as_u16(),
            head.headers,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }
}

impl Watched {
    /// Asks until all `lines` of a request are written: a place in the code that another test meets for the first time
    /// in this moment may be noted as one that nobody listens to, until it is looked at again.
    async fn ask_until_heard(
        &self,
        method: &str,
        path: &str,
        written: &Written,
        lines: usize,
    ) -> axum::http::HeaderMap {
        for _ in 0..100 {
            tracing::callsite::rebuild_interest_cache();
            let before = written.text().len();
            let (_, headers, _) = self.ask(method, path).await;
            let text = written.text();
            if text[before..].lines().count() == lines {
                written.forget(before);
                return headers;
            }
        }
        panic!("nothing is written of {method} {path}");
    }
}

#[tokio::test]
async fn ready_says_why_it_is_not() {
    let watched = Watched::new();
    let (status, _, body) = watched.ask("GET", "/readyz").await;
    assert_eq!(
        (status, body.as_str()),
        (200, r#"{"ready":true,"reasons":[]}"#)
    );
    assert_eq!(watched.ask("GET", "/healthz").await.2, "ok\n");

    *watched.change.lock().unwrap() = |facts| {
        facts.services[2].problem = Some("it is away".to_owned());
    };
    assert_eq!(watched.ask("GET", "/readyz").await.0, 503);
    assert_eq!(watched.ask("GET", "/healthz").await.0, 200);
    *watched.change.lock().unwrap() = |facts| facts.clock = Some("it stands still".to_owned());
    let (status, _, body) = watched.ask("GET", "/readyz").await;
    let reasons =
        r#"[{"code":"clock","message":"it stands still","severity":"fault","what":"clock"}]"#;
    assert_eq!(
        (status, body),
        (503, format!(r#"{{"ready":false,"reasons":{reasons}}}"#))
    );
    assert_eq!(watched.ask("GET", "/healthz").await.0, 503);

    *watched.change.lock().unwrap() = |facts| facts.logs[0].failure = Some("disk full".to_owned());
    assert_eq!(watched.ask("GET", "/readyz").await.0, 503);
    assert_eq!(watched.ask("GET", "/healthz").await.0, 200);
    *watched.change.lock().unwrap() = |facts| facts.logs[0].has_ended = true;
    assert_eq!(watched.ask("GET", "/healthz").await.0, 503);
}

#[tokio::test]
async fn the_status_is_the_document_that_is_documented() {
    let watched = Watched::new();
    let (status, _, body) = watched.ask("GET", "/api/status").await;
    let report: Report = serde_json::from_str(&body).unwrap();
    assert_eq!((status, report.ready, report.entries.len()), (200, true, 1));
    let value: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(value["expiries"][0]["daysLeft"], 6);
    assert_eq!(value["logs"][0]["kind"], "signatures");
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_path() {
    let watched = Watched::new();
    for path in ["/logs/log-1/0", "/logs/log-1/1", "/nowhere/1", "/nowhere/2"] {
        watched.ask("GET", path).await;
    }
    watched.ask("BREW", "/nowhere").await;
    watched.ask("POST", "/api/v2/signingCert").await;
    watched.ask("PUT", "/api/v2/signingCert").await;
    let (_, headers, text) = watched.ask("GET", "/metrics").await;
    assert_eq!(
        headers["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    for line in [
        r#"signhere_http_requests_total{method="GET",route="/logs/{log}/{index}",status="200"} 1"#,
        r#"signhere_http_requests_total{method="GET",route="/logs/{log}/{index}",status="404"} 1"#,
        r#"signhere_http_requests_total{method="GET",route="unmatched",status="404"} 2"#,
        r#"signhere_http_requests_total{method="OTHER",route="unmatched",status="404"} 1"#,
        r#"signhere_http_request_duration_seconds_count{route="unmatched"} 3"#,
        "signhere_http_requests_in_flight 1",
        "signhere_certificates_issued_total 1",
        r#"signhere_certificates_refused_total{code="unauthenticated"} 1"#,
        r#"signhere_log_entries{log="log-1"} 1"#,
        r#"signhere_log_queue_length{log="log-1"} 0"#,
        r#"signhere_log_up{log="log-1"} 1"#,
        r#"signhere_service_up{service="ca"} 1"#,
        r#"signhere_tuf_expiry_timestamp_seconds{role="timestamp"} 1795518400"#,
        "# TYPE process_resident_memory_bytes gauge",
        "# TYPE process_cpu_seconds counter",
        "# UNIT signhere_http_request_duration_seconds seconds",
        "# EOF",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    for name in [
        "signhere_log_checkpoint_timestamp_seconds{log=\"log-1\"} ",
        "process_start_time_seconds ",
        "process_cpu_seconds_total ",
    ] {
        assert!(
            text.lines().any(|found| found.starts_with(name)),
            "{name}\n{text}"
        );
    }
    assert!(!text.contains("nowhere"), "{text}");
}

#[tokio::test]
async fn one_line_a_request_that_tells_no_secret() {
    let watched = Watched::new();
    let written = Written::default();
    let to = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(move || to.clone())
        .finish();
    let headers = {
        let _guard = tracing::subscriber::set_default(subscriber);
        let path = "/api/v2/signingCert?token=SECRET";
        watched.ask_until_heard("POST", path, &written, 1).await
    };
    let log = written.text();
    assert!(!log.contains("SECRET"), "{log}");
    let line = log.lines().next().unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let fields = &line["fields"];
    assert_eq!(line["target"], "signhere::request");
    assert_eq!(fields["id"], headers["x-request-id"].to_str().unwrap());
    assert!(fields["id"].as_str().unwrap().starts_with("0000abcd-"));
    assert_eq!(fields["method"], "POST");
    assert_eq!(fields["route"], "/api/v2/signingCert");
    assert_eq!(fields["status"], 401);
    assert_eq!(fields["code"], "unauthenticated");
    assert_eq!(fields["bytes"], 62);
    assert!(fields["milliseconds"].as_f64().unwrap() > 0.0, "{line}");
}

#[tokio::test]
async fn who_a_certificate_names_stands_in_a_line_of_its_own() {
    let watched = Watched::new();
    let written = Written::default();
    let to = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || to.clone())
        .finish();
    {
        let _guard = tracing::subscriber::set_default(subscriber);
        let path = "/api/v2/signingCert";
        watched.ask_until_heard("PUT", path, &written, 3).await;
    }
    let log = written.text();
    let naming: Vec<_> = log
        .lines()
        .filter(|line| line.contains("ada@example.org"))
        .collect();
    assert_eq!(naming.len(), 1, "{log}");
    assert!(naming[0].contains(crate::status::NAMES_PEOPLE), "{log}");
    assert!(log.contains("signhere::certificate"), "{log}");
}
