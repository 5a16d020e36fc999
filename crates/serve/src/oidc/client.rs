//! The one public client, and where it may be sent back to.

use url::Url;

/// Where native applications listen for the answer (RFC 8252 section 7.3): loopback, any port, one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RedirectUri {
    text: String,
    url: Url,
}

impl RedirectUri {
    /// The URI in `text`; `None` when the answer must not be sent there.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let fine = url.scheme() == "http"
            && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/auth/callback"
            && url.query().is_none()
            && url.fragment().is_none();
        fine.then(|| Self {
            text: text.to_owned(),
            url,
        })
    }

    /// The URI exactly as the client wrote it.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The URI with the answer in its query.
    pub(super) fn with_answer(&self, answer: &[(&str, &str)]) -> String {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(answer);
        url.into()
    }

    /// What a content security policy calls the place that the form's answer leads to.
    pub(super) fn form_action(&self) -> String {
        match self.url.host_str() {
            // The policy's grammar has no IPv6 addresses (CSP Level 3 section 2.3.1).
            Some("[::1]") | None => "http:".to_owned(),
            Some(_) => self.url.origin().ascii_serialization(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RedirectUri;

    #[test]
    fn loopback_only() {
        for fine in [
            "http://localhost:8123/auth/callback",
            "http://127.0.0.1:1/auth/callback",
            "http://[::1]:9/auth/callback",
        ] {
            assert_eq!(RedirectUri::parse(fine).unwrap().as_str(), fine);
        }
        for bad in [
            "https://localhost:8123/auth/callback",
            "http://localhost:8123/",
            "http://localhost:8123/auth/callback?x=1",
            "http://localhost:8123/auth/callback#x",
            "http://localhost.example.org:8123/auth/callback",
            "http://localhost@example.org/auth/callback",
            "http://user@localhost:8123/auth/callback",
            "http://127.0.0.2/auth/callback",
            "urn:ietf:wg:oauth:2.0:oob",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(RedirectUri::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn answers_are_escaped() {
        let uri = RedirectUri::parse("http://localhost:8123/auth/callback").unwrap();
        let answer = uri.with_answer(&[("code", "a b"), ("state", "&x=\r\n")]);
        assert_eq!(
            answer,
            "http://localhost:8123/auth/callback?code=a+b&state=%26x%3D%0D%0A"
        );
    }
}
