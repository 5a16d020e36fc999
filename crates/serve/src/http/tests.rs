use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use axum::routing::get;
use tower_service::Service as _;

use super::*;

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_refused_with_a_code_and_a_time_to_ask_again() {
    let slow = |seconds| {
        get(async move || {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            "done"
        })
    };
    let limit = Duration::from_secs(20);
    let mut router = Router::new()
        .route("/19", slow(19))
        .route("/21", slow(21))
        .layer(from_fn_with_state(limit, in_time));
    let mut ask = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.call(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, 1 << 10).await.unwrap();
        (head, String::from_utf8(body.to_vec()).unwrap())
    };
    let (head, body) = ask("/19").await;
    assert_eq!((head.status, body.as_str()), (StatusCode::OK, "done"));
    let (head, body) = ask("/21").await;
    assert_eq!(head.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(head.headers[header::RETRY_AFTER], "5");
    let said = r#"{"code":14,"details":[],"message":"the request took too long"}"#;
    assert_eq!(body, said);
}
