//! Refusals as clients of the Sigstore services expect them: a status and `{code, message, details}`.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::observe::Outcome;

/// A refusal or failure, as the client is told of it. The message holds no secret and no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    code: u8,
    message: String,
    retry_after_seconds: Option<u16>,
    /// Whether what is left of the request is not waited for.
    closes: bool,
}

impl Problem {
    /// 400: the request itself is wrong.
    pub(crate) fn invalid(message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 3, message)
    }

    /// 401: the identity token is missing or not believed.
    pub(crate) fn unauthenticated(message: impl ToString) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 16, message)
    }

    /// 403: the request comes from where it must not.
    pub(crate) fn forbidden(message: impl ToString) -> Self {
        Self::new(StatusCode::FORBIDDEN, 7, message)
    }

    /// 404: there is no such thing.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, 5, "Not Found")
    }

    /// 405: there is such a thing, but not by this method.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, 12, "Method Not Allowed")
    }

    /// 405: the log takes no more entries, in the words that clients of Rekor know.
    pub(crate) fn frozen() -> Self {
        let message = "This log has been frozen, please switch to the latest log.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, 12, message)
    }

    /// 413: more bytes than the service takes.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("the request is larger than {limit} bytes");
        Self {
            closes: true,
            ..Self::new(StatusCode::PAYLOAD_TOO_LARGE, 3, message)
        }
    }

    /// 415: the body's media type is not one the service reads.
    pub(crate) fn media_type(expected: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            3,
            format!("the media type must be {expected}"),
        )
    }

    /// 421: the request was meant for another host.
    pub(crate) fn misdirected() -> Self {
        let message = "the Host header does not name this instance";
        Self::new(StatusCode::MISDIRECTED_REQUEST, 3, message)
    }

    /// 408: the body did not arrive in time.
    pub(crate) fn late() -> Self {
        Self {
            closes: true,
            ..Self::new(
                StatusCode::REQUEST_TIMEOUT,
                4,
                "the body did not arrive in time",
            )
        }
    }

    /// 429: the caller has asked too often, and may ask again after `wait`.
    pub(crate) fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1_000).max(1);
        Self {
            retry_after_seconds: Some(u16::try_from(seconds).unwrap_or(u16::MAX)),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                8,
                "too many requests from this address",
            )
        }
    }

    /// 429: the caller has as many connections as it may.
    pub(crate) fn crowded() -> Self {
        let message = "too many connections from this address";
        Self {
            retry_after_seconds: Some(1),
            closes: true,
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, 8, message)
        }
    }

    /// 503: try the same again later.
    pub(crate) fn busy(message: impl ToString) -> Self {
        Self::later(message, 1)
    }

    /// 503: try the same again after so many seconds.
    pub(crate) fn later(message: impl ToString, seconds: u16) -> Self {
        Self {
            retry_after_seconds: Some(seconds),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, 14, message)
        }
    }

    /// 503: the service has stopped and will not recover by itself.
    pub(crate) fn unavailable(message: impl ToString) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, 14, message)
    }

    /// 500: the service failed; what failed is no concern of the client.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 13, "internal error")
    }

    fn new(status: StatusCode, code: u8, message: impl ToString) -> Self {
        Self {
            status,
            code,
            message: message.to_string(),
            retry_after_seconds: None,
            closes: false,
        }
    }
}

impl Problem {
    /// The whole answer in HTTP/1.1, for a client whose request is not read.
    pub(crate) fn to_http1(&self) -> Vec<u8> {
        let body = self.body().to_string();
        let mut text = format!("HTTP/1.1 {}\r\n", self.status);
        let length = body.len().to_string();
        let retry_after = self.retry_after_seconds.map(|seconds| seconds.to_string());
        let headers = [
            (header::CONTENT_TYPE, Some("application/json")),
            (header::CONTENT_LENGTH, Some(&*length)),
            (header::CACHE_CONTROL, Some("no-store")),
            (header::RETRY_AFTER, retry_after.as_deref()),
            (header::CONNECTION, self.closes.then_some("close")),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                text += &format!("{name}: {value}\r\n");
            }
        }
        text += "\r\n";
        text += &body;
        text.into_bytes()
    }

    fn body(&self) -> Value {
        json!({ "code": self.code, "message": self.message, "details": [] })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        response
            .extensions_mut()
            .insert(Outcome::Refused(self.code));
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.closes {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_come_again_is_told_when() {
        let response = Problem::busy("too many").into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        let response = Problem::unavailable("stopped").into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().get(header::RETRY_AFTER).is_none());
    }

    #[test]
    fn who_needs_a_token_is_told_which() {
        let response = Problem::unauthenticated("no token").into_response();
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}
