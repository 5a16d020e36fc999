//! Keys of git's configuration that are set, and put back as they were.
//!
//! What a key said stands beside it in the same file, under `signhere.before-…`: a line for each of its lines, with a `=` before it, or a
//! single `-` where there was none. An included file is neither read nor written: what stands there goes on to stand there.

use serde::Serialize;
use signhere_git::config::{GitConfig, Scope};

use super::{configured, setup};
use crate::error::CliError;

/// The name of what a key said begins so.
const BEFORE: &str = "signhere.before-";
/// Stands for no line.
const NONE: &str = "-";
/// Stands before each line.
const LINE: &str = "=";

/// A key that was set.
#[derive(Debug, Serialize)]
pub(super) struct Change {
    pub(super) key: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// Sets the keys in one configuration, and keeps what they said there; those that say it already are left alone.
pub(super) fn apply(
    scope: Scope,
    wanted: &[(&'static str, String)],
) -> Result<Vec<Change>, CliError> {
    let config = configured::own(scope)?;
    let mut changes = Vec::new();
    for (key, value) in wanted {
        let lines = lines(&config, key);
        if lines.last() == Some(value) {
            continue;
        }
        // Only what was there before the first time: not what this program wrote.
        let name = name_for(key);
        if config.find(&name).is_none() {
            let kept = lines.iter().map(|line| format!("{LINE}{line}"));
            let mut kept: Vec<_> = kept.collect();
            if kept.is_empty() {
                kept.push(NONE.to_owned());
            }
            write(scope, &name, &kept)?;
        }
        write(scope, key, std::slice::from_ref(value))?;
        changes.push(Change {
            key: (*key).to_owned(),
            before: lines.last().cloned(),
            after: Some(value.clone()),
        });
    }
    Ok(changes)
}

/// Puts back what the keys said in one configuration, but for those that somebody has changed since: which they are.
pub(super) fn put_back(scope: Scope) -> Result<(Vec<Change>, Vec<String>), CliError> {
    let config = configured::own(scope)?;
    let (mut changes, mut changed_since) = (Vec::new(), Vec::new());
    for (key, written) in setup::wanted().into_iter().chain(setup::of_the_doctor()) {
        let name = name_for(key);
        let kept = lines(&config, &name);
        if kept.is_empty() {
            continue;
        }
        let now = lines(&config, key).pop();
        let is_ours = match key {
            // The program may have moved since.
            "gpg.x509.program" => now.as_deref().is_some_and(setup::is_own),
            _ => now.as_deref() == Some(written.as_str()),
        };
        if is_ours {
            let lines = kept.iter().filter_map(|line| line.strip_prefix(LINE));
            let lines: Vec<_> = lines.map(str::to_owned).collect();
            write(scope, key, &lines)?;
            changes.push(Change {
                key: key.to_owned(),
                before: now,
                after: lines.last().cloned(),
            });
        } else {
            changed_since.push(key.to_owned());
        }
        write(scope, &name, &[])?;
    }
    Ok((changes, changed_since))
}

/// The name of what `key` said, as git writes names.
fn name_for(key: &str) -> String {
    format!("{BEFORE}{}", key.replace('.', "-").to_ascii_lowercase())
}

fn lines(config: &GitConfig, key: &str) -> Vec<String> {
    let key = key.to_ascii_lowercase();
    let lines = config.all(&key);
    lines
        .map(|entry| entry.value.clone().unwrap_or_else(|| "true".to_owned()))
        .collect()
}

/// Makes these the lines of a key.
fn write(scope: Scope, key: &str, lines: &[String]) -> Result<(), CliError> {
    let git = |act: &str, value: Option<&String>| {
        let args = ["config", configured::flag(scope), act, key];
        let value = value.map(String::as_str);
        configured::git(args.into_iter().chain(value)).map(drop)
    };
    let Some((first, more)) = lines.split_first() else {
        return git("--unset-all", None);
    };
    git("--replace-all", Some(first))?;
    more.iter().try_for_each(|line| git("--add", Some(line)))
}
