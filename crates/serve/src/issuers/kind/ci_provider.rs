//! `ci-provider`: a build, by the templates that the configuration has for its provider.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use signhere_pki::cert::San;

use super::uri::is_uri_character;
use crate::issuers::claims::Claims;
use crate::issuers::disbelief::Disbelief;
use crate::issuers::template::{Absent, Template, TemplateError, Values};

/// Bytes of all extensions of a certificate together.
pub(in crate::issuers) const MAX_EXTENSIONS: usize = 16 * 1024;

/// An extension that a template may give: its name in YAML, its name in JSON, its number.
type Extension = (&'static str, &'static str, u32);

/// All of them.
pub(in crate::issuers) const EXTENSIONS: [Extension; 20] = [
    ("github-workflow-trigger", "GithubWorkflowTrigger", 2),
    ("github-workflow-sha", "GithubWorkflowSHA", 3),
    ("github-workflow-name", "GithubWorkflowName", 4),
    ("github-workflow-repository", "GithubWorkflowRepository", 5),
    ("github-workflow-ref", "GithubWorkflowRef", 6),
    ("build-signer-uri", "BuildSignerURI", 9),
    ("build-signer-digest", "BuildSignerDigest", 10),
    ("runner-environment", "RunnerEnvironment", 11),
    ("source-repository-uri", "SourceRepositoryURI", 12),
    ("source-repository-digest", "SourceRepositoryDigest", 13),
    ("source-repository-ref", "SourceRepositoryRef", 14),
    (
        "source-repository-identifier",
        "SourceRepositoryIdentifier",
        15,
    ),
    (
        "source-repository-owner-uri",
        "SourceRepositoryOwnerURI",
        16,
    ),
    (
        "source-repository-owner-identifier",
        "SourceRepositoryOwnerIdentifier",
        17,
    ),
    ("build-config-uri", "BuildConfigURI", 18),
    ("build-config-digest", "BuildConfigDigest", 19),
    ("build-trigger", "BuildTrigger", 20),
    ("run-invocation-uri", "RunInvocationURI", 21),
    (
        "source-repository-visibility-at-signing",
        "SourceRepositoryVisibilityAtSigning",
        22,
    ),
    ("deployment-environment", "DeploymentEnvironment", 23),
];

/// What the configuration says of a CI provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::issuers) struct CiProvider {
    /// Claims that every token must have as a text, whether a template names them or not.
    pub(in crate::issuers) required: &'static [&'static str],
    /// Claims that must have one of two values.
    pub(in crate::issuers) one_of: &'static [(&'static str, [&'static str; 2])],
    /// What stands for a claim that a token does not have.
    pub(in crate::issuers) defaults: BTreeMap<String, String>,
    pub(in crate::issuers) san: Template,
    /// By the extension's number, in order.
    pub(in crate::issuers) extensions: Vec<(u32, Template)>,
}

impl CiProvider {
    /// A provider whose templates are part of this program.
    pub(super) fn built_in(
        required: &'static [&'static str],
        defaults: &[(&str, &str)],
        san: &str,
        extensions: &[(u32, &str)],
    ) -> Result<Self, TemplateError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parsed = |(number, text): &(u32, &str)| Ok((*number, text.parse()?));
        Ok(Self {
            required,
            one_of: &[],
            defaults: defaults.iter().map(owned).collect(),
            san: san.parse()?,
            extensions: extensions.iter().map(parsed).collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn subject(
        &self,
        claims: Claims<'_>,
    ) -> Result<(San, Vec<(u32, String)>), Disbelief> {
        for name in self.required {
            claims.text(name)?;
        }
        for (name, [one, other]) in self.one_of {
            let value = claims.text(name)?;
            if value != *one && value != *other {
                return Err(Disbelief::claim(name, format!("{one} or {other}")));
            }
        }
        let values = Merged {
            claims,
            defaults: &self.defaults,
        };
        let san = self.san.render(&values, Absent::Refused)?;
        let no_uri = || Disbelief::claim("sub", "of a build whose name is a URI");
        let san = normalized(&san).ok_or_else(no_uri)?;
        let mut total = 0_usize;
        let mut extensions = Vec::new();
        for (number, template) in &self.extensions {
            let text = template.render(&values, Absent::Empty)?;
            total = total.saturating_add(text.len());
            if total > MAX_EXTENSIONS {
                return Err(Disbelief::TooLong {
                    limit: MAX_EXTENSIONS,
                });
            }
            if !text.is_empty() {
                extensions.push((*number, text));
            }
        }
        Ok((San::Uri(san), extensions))
    }
}

/// Claims, and defaults for those that are not there.
struct Merged<'a> {
    claims: Claims<'a>,
    defaults: &'a BTreeMap<String, String>,
}

impl Values for Merged<'_> {
    fn text(&self, name: &str) -> Result<Option<Cow<'_, str>>, Disbelief> {
        let default = || {
            self.defaults
                .get(name)
                .map(|text| Cow::Borrowed(text.as_str()))
        };
        Ok(self.claims.flat(name)?.or_else(default))
    }
}

/// The URI as Go writes it after it has read it, which is what Fulcio certifies: a path with a character that has
/// no place in one is decoded and encoded anew, any other stays as it is. `None` when it has no scheme and host.
fn normalized(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let (head, fragment) = rest
        .split_once('#')
        .map_or((rest, None), |(a, b)| (a, Some(b)));
    let (head, query) = head
        .split_once('?')
        .map_or((head, None), |(a, b)| (a, Some(b)));
    let (host, path) = head.split_at(head.find('/').unwrap_or(head.len()));
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    if !is_scheme || !is_host {
        return None;
    }
    let mut text = format!("{scheme}://{host}{}", encoded(path)?);
    for (mark, part) in [('?', query), ('#', fragment)] {
        if let Some(part) = part {
            text.push(mark);
            text.push_str(&encoded(part)?);
        }
    }
    Some(text)
}

fn encoded(part: &str) -> Option<Cow<'_, str>> {
    /// What Go leaves as it is in a path.
    const PATH: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b'$')
        .remove(b'&')
        .remove(b'+')
        .remove(b',')
        .remove(b'/')
        .remove(b':')
        .remove(b';')
        .remove(b'=')
        .remove(b'@');
    let mut escapes = part.split('%').skip(1);
    let is_escape = |text: &str| {
        text.get(..2)
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if !escapes.all(is_escape) {
        return None;
    }
    if part.bytes().all(is_uri_character) {
        return Some(Cow::Borrowed(part));
    }
    let bytes: Cow<'_, [u8]> = percent_decode_str(part).into();
    Some(Cow::Owned(percent_encode(&bytes, PATH).to_string()))
}

#[cfg(test)]
mod tests {
    use super::normalized;

    #[test]
    fn uris_are_written_as_go_writes_them() {
        for (uri, expected) in [
            (
                "https://github.com/o/r/.github/workflows/a.yml@refs/heads/main",
                None,
            ),
            (
                "https://gitlab.com/g/p//.gitlab-ci.yml@refs/heads/x+y!(z)",
                None,
            ),
            ("https://a.example/%41?q=1#f", None),
            ("https://a.example/a b", Some("https://a.example/a%20b")),
            (
                "https://a.example/ä@refs/heads/ü!",
                Some("https://a.example/%C3%A4@refs/heads/%C3%BC%21"),
            ),
            ("https://a.example/%41 %42", Some("https://a.example/A%20B")),
            (
                "https://a.example/\"<>\\^`{|}",
                Some("https://a.example/%22%3C%3E%5C%5E%60%7B%7C%7D"),
            ),
        ] {
            assert_eq!(
                normalized(uri).as_deref(),
                Some(expected.unwrap_or(uri)),
                "{uri}"
            );
        }
        for uri in [
            "",
            "a",
            "https:///x",
            "/x",
            "https://a@b/",
            "https://ä.example/",
            "https://a.example/%4",
            "HTTPS://a/",
            "://a/",
        ] {
            assert_eq!(normalized(uri), None, "{uri}");
        }
    }
}
