//! URLs of issuers with wildcards.

use url::{Host, Url};

/// The URL of many issuers: `*` stands for one or more of `-`, `_`, letters and digits, and so for at most one
/// label of a host or one segment of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wildcard {
    pattern: String,
    /// Whether the host is spelled out, and so was chosen by who wrote the configuration.
    host_is_literal: bool,
}

/// Why a text is no [`Wildcard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAWildcard {
    NoUrl,
    /// It has no `*`.
    Exact,
    /// A `*` in the scheme, the port or in one of the last two labels of the host.
    TooWide,
}

/// Bytes of a pattern and of an issuer that is held against one.
const MAX_LEN: usize = 512;

impl Wildcard {
    pub(super) fn parse(pattern: &str) -> Result<Self, NotAWildcard> {
        if pattern.len() > MAX_LEN || !pattern.is_ascii() {
            return Err(NotAWildcard::NoUrl);
        }
        if !pattern.contains('*') {
            return Err(NotAWildcard::Exact);
        }
        let url = Url::parse(&pattern.replace('*', "x")).map_err(|_| NotAWildcard::NoUrl)?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let (scheme, rest) = pattern.split_once("://").ok_or(NotAWildcard::NoUrl)?;
        let authority = rest.split('/').next().unwrap_or_default();
        // What the URL parser would rewrite is not what tokens are held against.
        if !plain
            || !url
                .as_str()
                .starts_with(&format!("{scheme}://{}", authority.replace('*', "x")))
        {
            return Err(NotAWildcard::NoUrl);
        }
        let host_is_literal = !authority.contains('*');
        let labels: Vec<_> = authority.split('.').rev().take(2).collect();
        let is_wide = labels.len() < 2 || labels.iter().any(|label| label.contains('*'));
        if !host_is_literal && is_wide {
            return Err(NotAWildcard::TooWide);
        }
        if !host_is_literal && !matches!(url.host(), Some(Host::Domain(_))) {
            return Err(NotAWildcard::TooWide);
        }
        Ok(Self {
            pattern: pattern.to_owned(),
            host_is_literal,
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.pattern
    }

    pub(super) fn host_is_literal(&self) -> bool {
        self.host_is_literal
    }

    /// Whether `issuer`, all of it, is one of those that are meant. Takes time in proportion to both lengths.
    pub(super) fn matches(&self, issuer: &str) -> bool {
        if issuer.len() > MAX_LEN {
            return false;
        }
        let pattern = self.pattern.as_bytes();
        // The positions in the pattern that what was read so far may have led to.
        let mut reached = vec![false; pattern.len() + 1];
        if let Some(start) = reached.first_mut() {
            *start = true;
        }
        for byte in issuer.bytes() {
            let is_part = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            let mut next = vec![false; pattern.len() + 1];
            for (at, expected) in pattern.iter().enumerate() {
                if !reached.get(at).copied().unwrap_or(false) {
                    continue;
                }
                let fits = if *expected == b'*' {
                    is_part
                } else {
                    *expected == byte
                };
                if !fits {
                    continue;
                }
                // A star may be done with this byte, or take the next one too.
                let stays = *expected == b'*';
                for position in [Some(at + 1), stays.then_some(at)].into_iter().flatten() {
                    if let Some(position) = next.get_mut(position) {
                        *position = true;
                    }
                }
            }
            reached = next;
        }
        reached.last().copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wildcard(pattern: &str) -> Wildcard {
        Wildcard::parse(pattern).unwrap()
    }

    #[test]
    fn a_star_is_one_part() {
        let eks = wildcard("https://oidc.eks.*.amazonaws.com/id/*");
        assert!(!eks.host_is_literal());
        assert!(eks.matches(
            "https://oidc.eks.us-west-2.amazonaws.com/id/B02C93B6A2D30341AD01E1B6D48164CB"
        ));
        for other in [
            "https://oidc.eks.us-west-2.amazonaws.com/id/",
            "https://oidc.eks..amazonaws.com/id/X",
            "https://oidc.eks.us-west-2.amazonaws.com/id/a/b",
            "https://oidc.eks.us.west.amazonaws.com/id/a",
            "https://oidc.eks.evil.example/x.amazonaws.com/id/a",
            "https://oidc.eks.evil@x.amazonaws.com/id/a",
            "https://oidc.eks.us-west-2.amazonaws.com/id/a?x",
            "https://oidc.eks.us-west-2.amazonaws.com/id/a#",
            "https://oidc.eks.us-west-2.amazonaws.com/id/%61",
            "https://oidc.eks.us-west-2xamazonaws.com/id/a",
            "https://oidc.eks.us-west-2.amazonaws.com/id/ä",
            "xhttps://oidc.eks.us-west-2.amazonaws.com/id/a",
            "http://localhost:3000?https://oidc.eks.us-west-2.amazonaws.com/id/a",
            "http://oidc.eks.us-west-2.amazonaws.com/id/a",
            "https://oidc.eks.us-west-2.amazonaws.com/id/a\n",
            "",
        ] {
            assert!(!eks.matches(other), "{other}");
        }
        let gke = wildcard("https://container.googleapis.com/v1/projects/*/locations/*/clusters/*");
        assert!(gke.host_is_literal());
        assert!(gke.matches(
            "https://container.googleapis.com/v1/projects/a-b/locations/us-west1-b/clusters/c_1"
        ));
        assert!(!gke.matches(
            "https://container.googleapis.com/v1/projects/../locations/us-west1-b/clusters/c"
        ));
        let ending = wildcard("https://a.example/*-x-*/y");
        assert!(ending.matches("https://a.example/x-x-x-x/y"));
        assert!(!ending.matches("https://a.example/-x-/y"));
        assert!(wildcard("http://127.0.0.1:8080/*").matches("http://127.0.0.1:8080/a"));
        let long = format!(
            "https://a.example/{}-x-{}/y",
            "a".repeat(200),
            "b".repeat(200)
        );
        assert!(ending.matches(&long));
        assert!(!ending.matches(&long.repeat(2)));
    }

    /// The same question, answered by trying every length of every star.
    fn slowly(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (1..=text.len())
                .take_while(|n| text[n - 1].is_ascii_alphanumeric() || b"-_".contains(&text[n - 1]))
                .any(|n| slowly(rest, &text[n..])),
            Some((expected, rest)) => text.first() == Some(expected) && slowly(rest, &text[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn matching_is_what_trying_all_would_find(path in "[a*-]{0,6}[*][a/*-]{0,6}", other in "[a/.-]{0,12}") {
            let pattern = format!("https://x.example/{path}");
            let issuer = format!("https://x.example/{other}");
            let found = wildcard(&pattern).matches(&issuer);
            prop_assert_eq!(found, slowly(pattern.as_bytes(), issuer.as_bytes()));
        }
    }

    #[test]
    fn wildcards_are_not_too_wide() {
        for (pattern, problem) in [
            ("https://a.example/", NotAWildcard::Exact),
            ("https://*", NotAWildcard::TooWide),
            ("https://*/x", NotAWildcard::TooWide),
            ("https://*.example", NotAWildcard::TooWide),
            ("https://a.*.example", NotAWildcard::TooWide),
            ("https://a.example.*/x", NotAWildcard::TooWide),
            ("https://a.example:*/x", NotAWildcard::NoUrl),
            ("*://a.b.example/x", NotAWildcard::NoUrl),
            ("*", NotAWildcard::NoUrl),
            ("a.example/*", NotAWildcard::NoUrl),
            ("https://u:*@a.example/", NotAWildcard::NoUrl),
            ("https://A.example/*", NotAWildcard::NoUrl),
            ("https://a.example/?*", NotAWildcard::NoUrl),
            ("https://a.example/#*", NotAWildcard::NoUrl),
            ("https://ä.example/*", NotAWildcard::NoUrl),
        ] {
            assert_eq!(Wildcard::parse(pattern), Err(problem), "{pattern}");
        }
    }
}
