//! Identities as a trust file names them: exact, or with `*` for a whole segment.

use std::fmt;
use std::ops::Range;

/// The longest identity, in bytes.
pub const MAX_IDENTITY_BYTES: usize = 2048;

/// Characters beside letters and digits that the path of an identity may have.
const PATH: &str = "-._~!$&'()+,;=:@";
/// Characters beside letters and digits that a `*` stands for in a path segment.
const SEGMENT: &str = "-._~+";
/// Characters beside letters and digits that a `*` stands for in a ref (RFC 3986 would take more).
const REF: &str = "-._~!$&'()+,;=@/";
/// Characters beside letters and digits of a local part (RFC 5322 atext and the dot).
const LOCAL: &str = "!#$%&'+-/=?^_`{|}~.";
/// Under these a `*` may stand for a ref's whole name.
const REFS: [&str; 2] = ["refs/heads/", "refs/tags/"];

/// Who may sign, as a certificate names them: compared byte by byte, but for `*`.
///
/// In the path of a URI `*` stands for exactly one segment, at the end of a ref for its whole name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    text: String,
    kind: IdentityKind,
    /// Only where there is a `*`.
    pattern: Option<Pattern>,
}

/// The kinds of name that an identity can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityKind {
    /// An e-mail address.
    Email,
    /// A URI: a workflow, a service, a SPIFFE ID.
    Uri,
    /// `user!domain`, as Fulcio writes user names.
    Username,
}

/// A part of an identity: what it is called and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// `host`, `owner`, `repository`, `workflow`, `ref`, `path`, `name`, `domain`.
    pub name: &'static str,
    /// Where in the identity, in bytes.
    pub span: Range<usize>,
}

/// Why a text is no identity, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityError {
    /// Where in the text, in bytes.
    pub span: Range<usize>,
    /// What is wrong there.
    pub problem: IdentityProblem,
}

/// What is wrong with an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityProblem {
    /// Nothing is there.
    #[error("an identity is not empty")]
    Empty,
    /// More than [`MAX_IDENTITY_BYTES`].
    #[error("an identity has at most {MAX_IDENTITY_BYTES} bytes")]
    Length,
    /// No e-mail address, no URI, no `user!domain`.
    #[error("an identity is an e-mail address, a URI, or user!domain")]
    Kind,
    /// A character that is not visible ASCII: it may look like another one, or like none.
    #[error(
        "an identity is written in visible ASCII: anything else can look like something it is not"
    )]
    NotAscii,
    /// A character that has no place there.
    #[error("this character has no place in an identity")]
    Character,
    /// Percent-encoding: two ways to write one name.
    #[error("percent-encoding hides what a name says, and is never matched")]
    Percent,
    /// Another scheme than https and spiffe.
    #[error("an identity's URI begins with https:// or spiffe:// (http:// on this machine alone)")]
    Scheme,
    /// `user@` before the host.
    #[error("nothing stands before the host: user@host looks like another host")]
    UserInfo,
    /// A host in another form than the usual one.
    #[error("a host is written in lower case, with no empty label and no dot at its end")]
    Host,
    /// A port that is no number, or the scheme's own.
    #[error("a port is a number from 1 to 65535, and left out when it is the usual one")]
    Port,
    /// A query or a fragment.
    #[error("an identity has no query and no fragment")]
    Query,
    /// An empty segment.
    #[error("an empty path segment is understood once, between project and file")]
    EmptySegment,
    /// `.` or `..`.
    #[error("a path segment is not . or ..")]
    DotSegment,
    /// A `*` in the scheme or the host.
    #[error("* never stands in a host: whoever has the host has the identity")]
    WildcardHost,
    /// A `*` for the first segment of a path.
    #[error("* does not stand for the first segment: that is whose it is")]
    WildcardOwner,
    /// A `*` beside other characters.
    #[error("* stands for a whole segment or a whole ref name, never for a part of one")]
    WildcardPart,
    /// A `*` in a ref that is neither a branch nor a tag.
    #[error("in a ref, * stands under refs/heads/ or refs/tags/ alone")]
    WildcardRef,
    /// A `*` in a name without segments.
    #[error("* stands in a URI's path alone: an address or a name is exact")]
    WildcardName,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// Scheme, host and port.
    origin: Range<usize>,
    path: Vec<Piece>,
    reference: Option<RefPattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Exact(String),
    Any,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum RefPattern {
    Segments(Vec<Piece>),
    /// Any name under this.
    Under(&'static str),
}

impl Identity {
    /// Reads an identity.
    ///
    /// # Errors
    /// [`IdentityError`] with the place of the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let all = 0..text.len();
        if text.is_empty() {
            return Err(IdentityProblem::Empty.at(all));
        }
        if text.len() > MAX_IDENTITY_BYTES {
            return Err(IdentityProblem::Length.at(all));
        }
        if let Some((at, c)) = text.char_indices().find(|(_, c)| !c.is_ascii_graphic()) {
            return Err(IdentityProblem::NotAscii.at(at..at.saturating_add(c.len_utf8())));
        }
        let kind = IdentityKind::of(text).ok_or_else(|| IdentityProblem::Kind.at(all))?;
        let pattern = match kind {
            IdentityKind::Uri => uri(text)?,
            IdentityKind::Email => name(text, '@').map(|()| None)?,
            IdentityKind::Username => name(text, '!').map(|()| None)?,
        };
        Ok(Self {
            text: text.to_owned(),
            kind,
            pattern,
        })
    }

    /// Whether `found`, of the kind that the certificate says, is meant.
    pub fn matches(&self, found: &str, kind: &str) -> bool {
        if kind != self.kind.as_str() {
            return false;
        }
        let Some(pattern) = &self.pattern else {
            return self.text == found;
        };
        // What a `*` stands for has to be as plain as what a file may write out.
        let Ok(Self { pattern: None, .. }) = Self::parse(found) else {
            return false;
        };
        pattern.matches(
            self.text.get(pattern.origin.clone()).unwrap_or_default(),
            found,
        )
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What kind of name it is.
    pub fn kind(&self) -> IdentityKind {
        self.kind
    }

    /// Whether it has no `*`.
    pub fn is_exact(&self) -> bool {
        self.pattern.is_none()
    }

    /// Whether any branch's name fits.
    pub fn takes_any_branch(&self) -> bool {
        let reference = self
            .pattern
            .as_ref()
            .and_then(|pattern| pattern.reference.as_ref());
        matches!(reference, Some(RefPattern::Under("refs/heads/")))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl IdentityKind {
    /// The kind by the text's form alone.
    fn of(text: &str) -> Option<Self> {
        match text {
            text if text.contains("://") => Some(Self::Uri),
            text if text.contains('!') && !text.contains('@') => Some(Self::Username),
            text if text.contains('@') => Some(Self::Email),
            _ => None,
        }
    }

    /// The name of the kind in a verdict.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Uri => "uri",
            Self::Username => "otherName",
        }
    }
}

impl Part {
    /// The parts of any text, however wrong: for showing how two identities differ.
    pub fn of(text: &str) -> Vec<Self> {
        let part = |name, span| Self { name, span };
        let Some((scheme, rest)) = text.split_once("://") else {
            let Some(at) = text.rfind(['@', '!']) else {
                return vec![part("identity", 0..text.len())];
            };
            return vec![
                part("name", 0..at),
                part("domain", at.saturating_add(1)..text.len()),
            ];
        };
        let host = scheme.len().saturating_add(3);
        let path = rest
            .find('/')
            .map_or(text.len(), |at| host.saturating_add(at));
        let mut parts = vec![part("scheme", 0..scheme.len()), part("host", host..path)];
        let after = text.get(path..).unwrap_or_default();
        let reference = after.find("@refs/").map(|at| path.saturating_add(at));
        let end = reference.unwrap_or(text.len());
        let start = path.saturating_add(1).min(end);
        let inner = text.get(start..end).unwrap_or_default();
        let offset = |at: usize| start.saturating_add(at);
        let workflows = "/.github/workflows/";
        match (inner.find(workflows), inner.find("//")) {
            (Some(at), _) => {
                let owner = inner.find('/').unwrap_or(at).min(at);
                parts.push(part("owner", start..offset(owner)));
                let repository = owner.saturating_add(1).min(at);
                parts.push(part("repository", offset(repository)..offset(at)));
                parts.push(part(
                    "workflow",
                    offset(at.saturating_add(workflows.len()))..end,
                ));
            }
            (None, Some(at)) => {
                parts.push(part("project", start..offset(at)));
                parts.push(part("configuration", offset(at.saturating_add(2))..end));
            }
            (None, None) => parts.push(part("path", start..end)),
        }
        if let Some(at) = reference {
            parts.push(part("ref", at.saturating_add(1)..text.len()));
        }
        parts
    }
}

impl IdentityProblem {
    fn at(self, span: Range<usize>) -> IdentityError {
        IdentityError {
            span,
            problem: self,
        }
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for IdentityError {}

impl Pattern {
    /// Compares with an identity that was read and has no `*`.
    fn matches(&self, origin: &str, found: &str) -> bool {
        let Some(rest) = found.strip_prefix(origin) else {
            return false;
        };
        let (path, reference) = split_ref(rest);
        let is_path = match path.strip_prefix('/') {
            Some(path) => all_match(&self.path, path),
            None => path.is_empty() && self.path.is_empty(),
        };
        is_path
            && match (&self.reference, reference) {
                (None, None) => true,
                (Some(RefPattern::Segments(pieces)), Some(reference)) => {
                    all_match(pieces, reference)
                }
                (Some(RefPattern::Under(under)), Some(reference)) => {
                    reference.strip_prefix(under).is_some_and(is_ref_name)
                }
                _ => false,
            }
    }
}

fn all_match(pieces: &[Piece], text: &str) -> bool {
    text.split('/').count() == pieces.len()
        && text
            .split('/')
            .zip(pieces)
            .all(|(segment, piece)| match piece {
                Piece::Exact(exact) => exact == segment,
                Piece::Any => is_segment(segment),
            })
}

/// What a `*` stands for in a path.
fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && text.chars().all(|c| is_of(SEGMENT, c))
}

/// What a `*` stands for in a ref: a name that git takes (git-check-ref-format), in plain characters, in which
/// no other ref begins.
fn is_ref_name(text: &str) -> bool {
    !text.contains("@refs/")
        && !text.contains("..")
        && text.chars().all(|c| is_of(REF, c))
        && text.split('/').all(|segment| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && !segment.ends_with('.')
                && !segment.ends_with(".lock")
        })
}

/// Whether one part of an identity is what the same part of a listed one says.
pub(super) fn part_matches(name: &str, expected: &str, found: &str) -> bool {
    if expected == found {
        return true;
    }
    let under = REFS
        .into_iter()
        .find(|refs| expected.strip_prefix(refs) == Some("*"));
    match under {
        Some(refs) if name == "ref" => found.strip_prefix(refs).is_some_and(is_ref_name),
        _ => {
            expected.contains('*')
                && expected.split('/').count() == found.split('/').count()
                && expected
                    .split('/')
                    .zip(found.split('/'))
                    .all(|(expected, found)| {
                        expected == found || (expected == "*" && is_segment(found))
                    })
        }
    }
}

fn is_of(others: &str, c: char) -> bool {
    c.is_ascii_alphanumeric() || others.contains(c)
}

/// Splits what follows the host before the first `@refs/`.
fn split_ref(text: &str) -> (&str, Option<&str>) {
    match text.find("@refs/") {
        Some(at) => {
            let (path, reference) = text.split_at(at);
            (path, reference.strip_prefix('@'))
        }
        None => (text, None),
    }
}

/// `local@domain` and `user!domain`.
fn name(text: &str, separator: char) -> Result<(), IdentityError> {
    use IdentityProblem as P;
    if let Some(at) = text.find('*') {
        return Err(P::WildcardName.at(at..at.saturating_add(1)));
    }
    let Some((local, domain)) = text.split_once(separator) else {
        return Err(P::Kind.at(0..text.len()));
    };
    let is_local = |c: char| is_of(LOCAL, c) && c != separator;
    if let Some((at, c)) = local.char_indices().find(|(_, c)| !is_local(*c)) {
        return Err(P::Character.at(at..at.saturating_add(c.len_utf8())));
    }
    if local.is_empty() {
        return Err(P::Kind.at(0..text.len()));
    }
    if !is_host(domain) {
        return Err(P::Host.at(text.len().saturating_sub(domain.len())..text.len()));
    }
    Ok(())
}

/// Checks a URI, and returns what it takes to match where it has a `*`.
fn uri(text: &str) -> Result<Option<Pattern>, IdentityError> {
    use IdentityProblem as P;
    let scheme = text.find("://").unwrap_or_default();
    let host = scheme.saturating_add(3);
    let rest = text.get(host..).unwrap_or_default();
    let path = rest
        .find(['/', '?', '#'])
        .map_or(text.len(), |at| host.saturating_add(at));
    if let Some(at) = text.get(..path).and_then(|origin| origin.find('*')) {
        return Err(P::WildcardHost.at(at..at.saturating_add(1)));
    }
    authority(text, scheme, host..path)?;
    for (at, c) in text.char_indices().skip(path) {
        let problem = match c {
            '%' => P::Percent,
            '?' | '#' => P::Query,
            '/' | '*' => continue,
            c if is_of(PATH, c) => continue,
            _ => P::Character,
        };
        return Err(problem.at(at..at.saturating_add(1)));
    }

    let after = text.get(path..).unwrap_or_default();
    let (before, reference) = split_ref(after);
    let segments = match before.strip_prefix('/') {
        Some(segments) => pieces(segments, path.saturating_add(1))?,
        None => Vec::new(),
    };
    let https = text.starts_with("http");
    if https && matches!(segments.first(), Some(Piece::Any)) {
        let at = path.saturating_add(1);
        return Err(P::WildcardOwner.at(at..at.saturating_add(1)));
    }
    let reference = match reference {
        Some(reference) => {
            let start = text.len().saturating_sub(reference.len());
            Some(ref_pattern(reference, start)?)
        }
        None => None,
    };
    let is_pattern = text.contains('*');
    Ok(is_pattern.then_some(Pattern {
        origin: 0..path,
        path: segments,
        reference,
    }))
}

/// Checks scheme, host and port.
fn authority(text: &str, scheme: usize, span: Range<usize>) -> Result<(), IdentityError> {
    use IdentityProblem as P;
    let authority = text.get(span.clone()).unwrap_or_default();
    if let Some(at) = authority.find('@') {
        return Err(P::UserInfo.at(span.start..span.start.saturating_add(at).saturating_add(1)));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let usual = match text.get(..scheme) {
        Some("https") => Some("443"),
        Some("http") if matches!(host, "localhost" | "127.0.0.1") => Some("80"),
        Some("spiffe") => None,
        _ => return Err(P::Scheme.at(0..scheme.max(1))),
    };
    if !is_host(host) {
        return Err(P::Host.at(span.start..span.start.saturating_add(host.len().max(1))));
    }
    let Some(port) = port else { return Ok(()) };
    let is_number = port.chars().all(|c| c.is_ascii_digit())
        && !port.starts_with('0')
        && port.parse::<u16>().is_ok();
    if usual.is_none_or(|usual| usual == port) || !is_number {
        let start = span.start.saturating_add(host.len());
        return Err(P::Port.at(start..span.end));
    }
    Ok(())
}

/// Lower case, digits and hyphens, in labels of RFC 1123.
pub(super) fn is_host(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        })
}

/// The segments of a path or a ref that begins at `start`.
fn pieces(text: &str, start: usize) -> Result<Vec<Piece>, IdentityError> {
    use IdentityProblem as P;
    let mut pieces = Vec::new();
    let mut at = start;
    let last = text.split('/').count().saturating_sub(1);
    let mut empty = 0_u32;
    for (index, segment) in text.split('/').enumerate() {
        let span = at..at.saturating_add(segment.len());
        at = span.end.saturating_add(1);
        let problem = match segment {
            "" if index == last || index == 0 || empty > 0 => P::EmptySegment,
            "" => {
                empty = empty.saturating_add(1);
                pieces.push(Piece::Exact(String::new()));
                continue;
            }
            "." | ".." => P::DotSegment,
            "*" => {
                pieces.push(Piece::Any);
                continue;
            }
            segment if segment.contains('*') => P::WildcardPart,
            segment => {
                pieces.push(Piece::Exact(segment.to_owned()));
                continue;
            }
        };
        // Nothing can be pointed at in an empty segment but the slash before it.
        let start = span.start.saturating_sub(usize::from(segment.is_empty()));
        return Err(problem.at(start..span.end));
    }
    Ok(pieces)
}

/// `refs/...`, of which `*` may be the whole name.
fn ref_pattern(text: &str, start: usize) -> Result<RefPattern, IdentityError> {
    if let Some(under) = REFS
        .into_iter()
        .find(|refs| text.strip_prefix(refs) == Some("*"))
    {
        return Ok(RefPattern::Under(under));
    }
    let is_named = REFS.iter().any(|refs| text.starts_with(refs));
    if let (Some(at), false) = (text.find('*'), is_named) {
        let at = start.saturating_add(at);
        return Err(IdentityProblem::WildcardRef.at(at..at.saturating_add(1)));
    }
    pieces(text, start).map(RefPattern::Segments)
}
