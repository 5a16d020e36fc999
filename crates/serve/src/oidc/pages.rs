//! The pages: no script, nothing from elsewhere.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::http::problem::Problem;

/// Where a person says who they are, for an application that waits for the answer.
#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct LoginPage<'a> {
    pub(super) login: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) email: &'a str,
    pub(super) stays: bool,
    pub(super) complaint: Option<&'a str>,
}

/// Where a person says who they are, for a device that shows a code.
#[derive(Template)]
#[template(path = "device.html")]
pub(super) struct DevicePage<'a> {
    pub(super) user_code: &'a str,
    pub(super) email: &'a str,
    pub(super) complaint: Option<&'a str>,
}

/// The end of a login that has nowhere to go back to.
#[derive(Template)]
#[template(path = "message.html")]
pub(super) struct MessagePage<'a> {
    pub(super) title: &'a str,
    pub(super) message: &'a str,
}

/// The page as an answer whose forms may lead to this instance and to `form_action`.
pub(super) fn answer(
    status: StatusCode,
    page: &impl Template,
    form_action: &str,
) -> Result<Response, Problem> {
    let html = page.render().map_err(|_| Problem::internal())?;
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {form_action}; base-uri 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::from_str(policy.trim()).map_err(|_| Problem::internal())?;
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    // Stricter, and browsers would hide from us that the form came from our own page.
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    Ok(response)
}

/// GET /oidc/style.css
pub(super) async fn style() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("../../templates/style.css"),
    )
}
