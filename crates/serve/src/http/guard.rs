//! What every request passes: whom it is meant for and where it comes from.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use crate::endpoints::Endpoints;

/// Refuses requests whose `Host` is another's: a web page may have pointed its name at loopback.
pub(crate) async fn own_host(
    State(endpoints): State<Endpoints>,
    request: Request,
    next: Next,
) -> Response {
    if !names_own_host(request.headers(), &endpoints) {
        return Problem::misdirected().into_response();
    }
    next.run(request).await
}

/// Refuses a form that a page of another origin has posted (cross-site request forgery).
///
/// Browsers name the origin of every POST; programs need not.
pub(crate) fn refuse_foreign_form(
    headers: &HeaderMap,
    endpoints: &Endpoints,
) -> Result<(), Problem> {
    let foreign = || Problem::forbidden("the form was not posted from this instance's own page");
    if let Some(site) = headers.get("sec-fetch-site")
        && site != "same-origin"
    {
        return Err(foreign());
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    match origin.to_str() {
        Ok(origin) if endpoints.is_own_origin(origin) => Ok(()),
        _ => Err(foreign()),
    }
}

fn names_own_host(headers: &HeaderMap, endpoints: &Endpoints) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (
        hosts.next().and_then(|host| host.to_str().ok()),
        hosts.next(),
    ) {
        (Some(host), None) => endpoints.is_own_authority(host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
    use axum::response::IntoResponse;

    use super::*;
    use crate::config::InstanceConfig;

    fn endpoints() -> Endpoints {
        let config = InstanceConfig::new("127.0.0.1:4711".parse().unwrap());
        Endpoints::new(&config, "0a1b")
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn one_host_and_its_own() {
        assert!(names_own_host(
            &headers(&[("host", "localhost:4711")]),
            &endpoints()
        ));
        assert!(!names_own_host(&headers(&[]), &endpoints()));
        assert!(!names_own_host(
            &headers(&[("host", "rebound.example:4711")]),
            &endpoints()
        ));
        let two = headers(&[("host", "localhost:4711"), ("host", "localhost:4711")]);
        assert!(!names_own_host(&two, &endpoints()));
    }

    #[test]
    fn forms_of_other_pages_are_refused() {
        for fine in [
            headers(&[]),
            headers(&[(header::ORIGIN.as_str(), "http://127.0.0.1:4711")]),
            headers(&[("sec-fetch-site", "same-origin")]),
        ] {
            assert_eq!(refuse_foreign_form(&fine, &endpoints()), Ok(()));
        }
        for foreign in [
            headers(&[(header::ORIGIN.as_str(), "http://example.org")]),
            headers(&[(header::ORIGIN.as_str(), "https://127.0.0.1:4711")]),
            headers(&[(header::ORIGIN.as_str(), "null")]),
            headers(&[("sec-fetch-site", "cross-site")]),
            headers(&[("sec-fetch-site", "same-site")]),
        ] {
            let refusal = refuse_foreign_form(&foreign, &endpoints()).unwrap_err();
            assert_eq!(refusal.into_response().status(), StatusCode::FORBIDDEN);
        }
    }
}
