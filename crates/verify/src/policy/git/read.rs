//! The `[git]` part of a trust file from its text.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::error::TrustFileProblem;
use super::super::file::{TrustFile, is_name};
use super::super::read::{Step, generic, named};
use super::{
    GitPattern, GitPatternError, GitPlatform, GitPolicy, GitRule, MAX_EXEMPT, MAX_RULES, MAX_TEAM,
    People,
};
use crate::toml::{Field, Section};

/// The most patterns in a rule.
const MAX_PATTERNS: usize = 64;

const COMMIT: &str = "the whole id of a commit: 40 or 64 hexadecimal digits in lower case";
const COMMITS: &str = "an array of whole ids of commits";
const NAMES: &str = "an array of names of signers and teams such as [\"ada\", \"maintainers\"]";
const REFS: &str = "an array of refs such as [\"refs/heads/main\", \"refs/heads/release/*\"]";
const PATHS: &str = "an array of paths such as [\"src/**\"]";
const PATH: &str = "a path in the repository such as \".signhere/allowed_signers\"";
const THRESHOLD: &str = "a number of people";
const COMMITTER: &str = "\"strict\" or \"finding\"";
const YES_NO: &str = "true or false";
const PLATFORM_KEY: &str = "an OpenPGP public key in ASCII armor, as key or key_file";

/// Reads the part; `file` has the signers.
pub(in super::super) fn policy(
    mut section: Section<'_>,
    file: &TrustFile,
    key_file: &dyn Fn(&str) -> Result<String, String>,
) -> Step<GitPolicy> {
    let since = match section.take("since") {
        Some(field) => {
            let text = field.text(COMMIT).map_err(generic)?;
            Some(commit(&field, text, &field.span)?)
        }
        None => None,
    };
    let grandfathered = match section.take("grandfathered") {
        Some(field) => {
            let texts = texts("grandfathered", &field, COMMITS, MAX_EXEMPT)?;
            let ids = texts
                .into_iter()
                .map(|(text, span)| commit(&field, text, &span));
            ids.collect::<Result<_, _>>()?
        }
        None => Vec::new(),
    };
    let allowed_signers = match section.take("allowed_signers") {
        Some(field) => Some(path(&field)?),
        None => None,
    };
    let tables = limited(section.tables("platforms").map_err(generic)?, "platforms")?;
    let platforms = tables.into_iter().map(|table| platform(table, key_file));
    let platforms = platforms.collect::<Result<_, _>>()?;
    let teams = match section.table("teams").map_err(generic)? {
        Some(section) => teams(&section, file)?,
        None => BTreeMap::new(),
    };
    let people = file.people();
    let carriers = match section.take("carriers") {
        Some(field) => members("carriers", "carriers", &field, &people, &teams)?,
        None => BTreeSet::new(),
    };
    let tables = limited(section.tables("rules").map_err(generic)?, "rules")?;
    let rules = tables.into_iter().map(|table| rule(table, &people, &teams));
    let rules = rules.collect::<Result<_, _>>()?;
    section.finish().map_err(generic)?;
    Ok(GitPolicy {
        since,
        grandfathered,
        platforms,
        allowed_signers,
        carriers,
        teams,
        rules,
    })
}

fn commit(field: &Field<'_>, text: &str, span: &Range<usize>) -> Step<String> {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if matches!(text.len(), 40 | 64) && text.chars().all(is_hex) {
        return Ok(text.to_owned());
    }
    Err((span.clone(), generic(field.invalid(COMMIT)).1))
}

fn path(field: &Field<'_>) -> Step<String> {
    let text = field.text(PATH).map_err(generic)?;
    if text.contains('*') || GitPattern::of_paths(text).is_err() {
        return Err(generic(field.invalid(PATH)));
    }
    Ok(text.to_owned())
}

fn platform(
    mut section: Section<'_>,
    key_file: &dyn Fn(&str) -> Result<String, String>,
) -> Step<GitPlatform> {
    let name = named(&section, is_name)?;
    let (key, file) = (section.need("key", PLATFORM_KEY), section.take("key_file"));
    let key = match (key, file) {
        (Ok(_), Some(file)) => return Err(generic(file.invalid(PLATFORM_KEY))),
        (Err(_), Some(field)) => {
            let path = path(&field)?;
            let reason = |reason| (field.span.clone(), TrustFileProblem::Key { reason });
            key_file(&path).map_err(reason)?
        }
        (key, None) => {
            let field = key.map_err(generic)?;
            field.text(PLATFORM_KEY).map_err(generic)?.to_owned()
        }
    };
    section.finish().map_err(generic)?;
    Ok(GitPlatform { name, key })
}

fn teams(section: &Section<'_>, file: &TrustFile) -> Step<BTreeMap<String, Vec<String>>> {
    let fields = limited(section.fields(), "teams")?;
    let is_signer = |name: &str| file.signers.iter().any(|signer| signer.name == name);
    let team = |field: Field<'_>| {
        let name = field.key.clone();
        if !is_name(&name) {
            let found = crate::excerpt::excerpt(&name);
            return Err((field.span, TrustFileProblem::Name { found }));
        }
        if is_signer(&name) {
            return Err((field.span, TrustFileProblem::GitTeamName { name }));
        }
        let mut members = Vec::new();
        for (member, span) in texts("teams", &field, NAMES, MAX_TEAM)? {
            if !is_signer(member) {
                let problem = TrustFileProblem::GitUnknown {
                    place: format!("team {name}"),
                    name: crate::excerpt::excerpt(member),
                };
                return Err((span, problem));
            }
            members.push(member.to_owned());
        }
        Ok((name, members))
    };
    fields.into_iter().map(team).collect()
}

fn rule(
    mut section: Section<'_>,
    people: &People<'_>,
    teams: &BTreeMap<String, Vec<String>>,
) -> Step<GitRule> {
    let name = named(&section, is_name)?;
    let field = section.need("refs", REFS).map_err(generic)?;
    let refs = patterns("refs", &field, REFS, GitPattern::of_refs)?;
    let paths = match section.take("paths") {
        Some(field) => Some(patterns("paths", &field, PATHS, GitPattern::of_paths)?),
        None => None,
    };
    let field = section.need("signers", NAMES).map_err(generic)?;
    let signers = members(&format!("rule {name}"), "signers", &field, people, teams)?;
    let (threshold, span) = match section.take("threshold") {
        Some(field) => (field.integer(THRESHOLD).map_err(generic)?, field.span),
        None => (1, field.span),
    };
    let count = people.count(signers.iter().map(String::as_str));
    let threshold = usize::try_from(threshold)
        .ok()
        .filter(|asked| (1..=count).contains(asked))
        .ok_or_else(|| {
            let problem = TrustFileProblem::GitThreshold {
                rule: name.clone(),
                threshold,
                people: count,
            };
            (span, problem)
        })?;
    let is_strict = match section.take("committer") {
        Some(field) => match field.text(COMMITTER).map_err(generic)? {
            "strict" => true,
            "finding" => false,
            _ => return Err(generic(field.invalid(COMMITTER))),
        },
        None => false,
    };
    let mut yes = |key: &'static str| match section.take(key) {
        Some(field) => field.boolean(YES_NO).map_err(generic),
        None => Ok(false),
    };
    let (may_rewrite, may_delete, may_be_lightweight) =
        (yes("rewrite")?, yes("delete")?, yes("lightweight")?);
    section.finish().map_err(generic)?;
    Ok(GitRule {
        name,
        refs,
        paths,
        signers,
        threshold,
        is_strict,
        may_rewrite,
        may_delete,
        may_be_lightweight,
    })
}

/// The names of an array, with those of teams resolved.
fn members(
    place: &str,
    key: &'static str,
    field: &Field<'_>,
    people: &People<'_>,
    teams: &BTreeMap<String, Vec<String>>,
) -> Step<BTreeSet<String>> {
    let mut signers = BTreeSet::new();
    for (text, span) in texts(key, field, NAMES, MAX_TEAM)? {
        match (teams.get(text), people.of(text)) {
            (Some(members), _) => signers.extend(members.iter().cloned()),
            (None, Some(_)) => {
                signers.insert(text.to_owned());
            }
            (None, None) => {
                let problem = TrustFileProblem::GitUnknown {
                    place: place.to_owned(),
                    name: crate::excerpt::excerpt(text),
                };
                return Err((span, problem));
            }
        }
    }
    Ok(signers)
}

fn patterns(
    key: &'static str,
    field: &Field<'_>,
    expected: &'static str,
    parse: fn(&str) -> Result<GitPattern, GitPatternError>,
) -> Step<Vec<GitPattern>> {
    let texts = texts(key, field, expected, MAX_PATTERNS)?;
    // A rule for nothing asks for nothing, and looks as if it did.
    if texts.is_empty() {
        return Err(generic(field.invalid(expected)));
    }
    let pattern = |(text, span): (&str, Range<usize>)| {
        parse(text).map_err(|error| (span, TrustFileProblem::GitPattern(error)))
    };
    texts.into_iter().map(pattern).collect()
}

fn texts<'a>(
    key: &'static str,
    field: &Field<'a>,
    expected: &'static str,
    most: usize,
) -> Step<Vec<(&'a str, Range<usize>)>> {
    let texts = field.texts(expected).map_err(generic)?;
    if texts.len() > most {
        return Err((field.span.clone(), TrustFileProblem::Many { key, most }));
    }
    Ok(texts)
}

fn limited<T>(items: Vec<T>, part: &'static str) -> Step<Vec<T>> {
    if items.len() > MAX_RULES {
        let most = MAX_RULES;
        return Err((0..0, TrustFileProblem::GitMany { part, most }));
    }
    Ok(items)
}
