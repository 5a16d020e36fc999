//! The listed signer that an unlisted one comes nearest to, and in which part it differs.

use serde::Serialize;

use super::file::{Signer, TrustFile, Who};
use super::identity::{Part, part_matches};
use super::judge::extension;
use crate::verdict::IdentityEvidence;

/// Longer differences than this are none of a typing error.
const MAX_MIDDLE: usize = 16;
/// A word of fewer characters is short.
const SHORT: usize = 6;

/// The nearest miss: a listed signer, and the part in which the found one differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Nearest {
    /// The signer's name in the file.
    pub signer: String,
    /// The file.
    pub file: String,
    /// What differs: `issuer`, `host`, `owner`, `repository`, `workflow`, `ref`, `name`, `domain`, ...
    pub part: &'static str,
    /// What is listed: the whole identity, or the whole issuer where `part` is that.
    pub expected: String,
    /// What was found instead.
    pub found: String,
    /// Where the part stands in `expected`: the first character, and one past the last.
    pub expected_span: [usize; 2],
    /// Where it stands in `found`.
    pub found_span: [usize; 2],
    /// Whether the two can be taken for each other at a glance.
    pub is_lookalike: bool,
}

/// Returns how far apart the two are, and the nearest miss if they are near; `claimed`: the signer is expected.
pub(super) fn compare(
    file: &TrustFile,
    signer: &Signer,
    found: &IdentityEvidence,
    claimed: bool,
) -> Option<(usize, Nearest)> {
    let Who::Identity {
        identity,
        issuer,
        repository,
        repository_id,
    } = &signer.who
    else {
        return None;
    };
    let miss = |part, expected: &str, expected_span, found: &str, found_span, alike| Nearest {
        signer: signer.name.clone(),
        file: file.label.clone(),
        part,
        expected: expected.to_owned(),
        found: found.to_owned(),
        expected_span,
        found_span,
        is_lookalike: alike,
    };
    let whole = |part, expected: &str, found: &str| {
        let (ours, theirs) = ([0, count(expected)], [0, count(found)]);
        let alike = is_lookalike(expected, found);
        miss(part, expected, ours, found, theirs, alike)
    };
    let same_issuer = issuer.as_str() == found.issuer;
    if identity.matches(&found.identity, found.kind) {
        if !same_issuer {
            return Some((1, whole("issuer", issuer.as_str(), &found.issuer)));
        }
        let conditions = [
            ("source repository", repository, 12),
            ("source repository id", repository_id, 15),
        ];
        return conditions.into_iter().find_map(|(part, expected, number)| {
            let expected = expected.as_deref()?;
            let found = extension(found, number).unwrap_or_default();
            (expected != found).then(|| (1, whole(part, expected, found)))
        });
    }

    let (expected, text) = (identity.as_str(), found.identity.as_str());
    let (ours, theirs) = (Part::of(expected), Part::of(text));
    let names = |parts: &[Part]| parts.iter().map(|part| part.name).collect::<Vec<_>>();
    let lookalike = is_lookalike(expected, text);
    if names(&ours) != names(&theirs) {
        let distance = names(&ours).len().saturating_add(2);
        let miss = whole("identity", expected, text);
        return (lookalike || claimed).then_some((distance, miss));
    }
    let pairs = ours.iter().zip(&theirs);
    let differing: Vec<(&Part, &Part)> = pairs
        .filter(|(our, their)| {
            let texts = (our.text(expected), their.text(text));
            !part_matches(our.name, texts.0, texts.1)
        })
        .collect();
    let differs = |name| differing.iter().any(|(part, _)| part.name == name);
    let is_slip = match differing.as_slice() {
        [(our, their)] => is_lookalike(our.text(expected), their.text(text)),
        _ => false,
    };
    let is_near = match () {
        () if lookalike || is_slip || claimed => true,
        () if differs("scheme") || differs("host") => {
            !differs("path") && !differs("repository") && differing.len() <= 2
        }
        () if names(&ours).contains(&"owner") => match (differs("owner"), differs("repository")) {
            (false, false) => true,
            (true, false) => !differs("workflow"),
            _ => false,
        },
        () if names(&ours).contains(&"project") => !differs("project"),
        () if names(&ours).contains(&"domain") => !differs("name"),
        () => !differs("path"),
    };
    let (our, their) = differing.first()?;
    let nearest = miss(
        our.name,
        expected,
        our.chars(expected),
        text,
        their.chars(text),
        is_lookalike(our.text(expected), their.text(text)),
    );
    let distance = differing.len().saturating_add(usize::from(!same_issuer));
    is_near.then_some((distance, nearest))
}

impl Part {
    fn text<'a>(&self, of: &'a str) -> &'a str {
        of.get(self.span.clone()).unwrap_or_default()
    }

    /// Its span in characters, at least one wide.
    fn chars(&self, of: &str) -> [usize; 2] {
        let start = count(of.get(..self.span.start).unwrap_or_default());
        let width = count(self.text(of)).max(1);
        [start, start.saturating_add(width)]
    }
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// Whether two texts are the same to a quick eye, or two slips of a finger apart.
pub(super) fn is_lookalike(a: &str, b: &str) -> bool {
    a != b && (skeleton(a) == skeleton(b) || are_slips_apart(a, b))
}

/// What is left when case, punctuation within words and characters that look alike are taken for one.
fn skeleton(text: &str) -> String {
    let folded = text.to_lowercase();
    let folded = folded
        .replace("rn", "m")
        .replace("vv", "w")
        .replace("cl", "d");
    let plain = folded.chars().filter_map(|c| match c {
        '0' => Some('o'),
        '1' | 'i' | '|' => Some('l'),
        '5' => Some('s'),
        '-' | '_' | '.' => None,
        c => Some(c),
    });
    plain.collect()
}

fn are_slips_apart(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let longest = a.len().max(b.len());
    let prefix = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (
        a.get(prefix..).unwrap_or_default(),
        b.get(prefix..).unwrap_or_default(),
    );
    let suffix = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let end = |text: &[char]| text.len().saturating_sub(suffix);
    let (a, b) = (
        a.get(..end(a)).unwrap_or_default(),
        b.get(..end(b)).unwrap_or_default(),
    );
    if a.len() > MAX_MIDDLE || b.len() > MAX_MIDDLE {
        return false;
    }
    // In a short word two slips leave little that is the same.
    let most = if longest < SHORT { 1 } else { 2 };
    // Levenshtein's distance, a row at a time.
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (above, x) in a.iter().enumerate() {
        let mut diagonal = above;
        let mut left = above.saturating_add(1);
        let mut next = vec![left];
        for (y, up) in b.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(x != y));
            left = replaced
                .min(up.saturating_add(1))
                .min(left.saturating_add(1));
            next.push(left);
            diagonal = *up;
        }
        row = next;
    }
    row.last().is_some_and(|distance| *distance <= most)
}
