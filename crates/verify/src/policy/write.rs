//! Changes to a trust file that leave everything else in it as it is written.

use signhere_pki::time::Time;
use toml_edit::{Array, DocumentMut, Item, Table, Value};

use super::file::{Instance, Signer, Who};

/// Why a text cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// It is not TOML, or its `signers` are no tables.
    #[error("the trust file is not one that can be changed")]
    Form,
    /// The name is there already.
    #[error("there is a signer {name} already")]
    Exists {
        /// The name.
        name: String,
    },
    /// The name is not there.
    #[error("there is no signer {name}")]
    Absent {
        /// The name.
        name: String,
    },
    /// The `[git]` part names the signer.
    #[error("{name} is named by the {by} in [git]")]
    Named {
        /// The name.
        name: String,
        /// `team maintainers`, `rule main`.
        by: String,
    },
}

/// Returns `text` with one more signer at its end.
///
/// # Errors
/// [`WriteError`] when the name is taken, or the text is no trust file.
pub fn with_signer(text: &str, signer: &Signer) -> Result<String, WriteError> {
    let mut document = read(text)?;
    let signers = signers(&mut document)?;
    if signers.contains_key(&signer.name) {
        return Err(WriteError::Exists {
            name: signer.name.clone(),
        });
    }
    signers.insert(&signer.name, Item::Table(table(signer)));
    Ok(match text.is_empty() {
        true => as_first(&document),
        false => document.to_string(),
    })
}

/// Returns `text` without a signer.
///
/// # Errors
/// [`WriteError`] when there is none of this name, or a team or rule has it.
pub fn without_signer(text: &str, name: &str) -> Result<String, WriteError> {
    let mut document = read(text)?;
    if let Some(by) = named_by(&document, name) {
        let name = name.to_owned();
        return Err(WriteError::Named { name, by });
    }
    match signers(&mut document)?.remove(name) {
        Some(_) => Ok(document.to_string()),
        None => Err(absent(name)),
    }
}

/// Returns `text` in which nothing counts that a signer signs from a time on.
///
/// # Errors
/// [`WriteError`] when there is none of this name.
pub fn with_revocation(text: &str, name: &str, from: Time) -> Result<String, WriteError> {
    let mut document = read(text)?;
    let signer = signers(&mut document)?
        .get_mut(name)
        .and_then(Item::as_table_like_mut)
        .ok_or_else(|| absent(name))?;
    signer.insert("revoked", time(from));
    Ok(document.to_string())
}

/// Returns a signer as a trust file has it.
pub fn entry(signer: &Signer) -> String {
    let mut signers = Table::new();
    signers.set_implicit(true);
    signers.insert(&signer.name, Item::Table(table(signer)));
    let mut document = DocumentMut::new();
    document.insert("signers", Item::Table(signers));
    as_first(&document)
}

/// Returns an instance as a trust file has it.
pub fn instance_entry(name: &str, instance: &Instance) -> String {
    let mut table = Table::new();
    table.insert("url", text(&instance.url));
    table.insert("fingerprint", text(&instance.fingerprint));
    let mut instances = Table::new();
    instances.set_implicit(true);
    instances.insert(name, Item::Table(table));
    let mut document = DocumentMut::new();
    document.insert("instances", Item::Table(instances));
    document.to_string()
}

/// The empty line before an entry is between entries only.
fn as_first(document: &DocumentMut) -> String {
    document.to_string().trim_start().to_owned()
}

fn read(text: &str) -> Result<DocumentMut, WriteError> {
    text.parse().map_err(|_| WriteError::Form)
}

fn signers(document: &mut DocumentMut) -> Result<&mut Table, WriteError> {
    let mut empty = Table::new();
    empty.set_implicit(true);
    let item = document.entry("signers").or_insert(Item::Table(empty));
    item.as_table_mut().ok_or(WriteError::Form)
}

/// The team or rule that has a name among its signers.
fn named_by(document: &DocumentMut, name: &str) -> Option<String> {
    let git = document.get("git")?.as_table_like()?;
    let has = |item: &Item| {
        let values = item.as_array().into_iter().flatten();
        values.into_iter().any(|value| value.as_str() == Some(name))
    };
    let table = |key: &str| git.get(key).and_then(Item::as_table_like);
    let mut teams = table("teams").into_iter().flat_map(|teams| teams.iter());
    if let Some((team, _)) = teams.find(|(_, members)| has(members)) {
        return Some(format!("team {team}"));
    }
    if git.get("carriers").is_some_and(has) {
        return Some("list of carriers".to_owned());
    }
    let mut rules = table("rules").into_iter().flat_map(|rules| rules.iter());
    let (rule, _) = rules.find(|(_, rule)| {
        let signers = rule.as_table_like().and_then(|rule| rule.get("signers"));
        signers.is_some_and(has)
    })?;
    Some(format!("rule {rule}"))
}

fn table(signer: &Signer) -> Table {
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    match &signer.who {
        Who::Identity {
            identity,
            issuer,
            repository,
            repository_id,
        } => {
            table.insert("identity", text(identity.as_str()));
            table.insert("issuer", text(issuer.as_str()));
            for (key, value) in [("repository", repository), ("repository_id", repository_id)] {
                if let Some(value) = value {
                    table.insert(key, text(value));
                }
            }
        }
        Who::Key(key) => {
            table.insert("key", text(&key.to_pem()));
        }
    }
    if let Some(files) = &signer.files {
        table.insert("files", array(files.iter().map(super::FilePattern::as_str)));
    }
    for (key, values) in [
        ("attestations", &signer.attestations),
        ("instances", &signer.instances),
    ] {
        if let Some(values) = values {
            table.insert(key, array(values.iter().map(String::as_str)));
        }
    }
    if !signer.committers.is_empty() {
        let addresses = signer.committers.iter().map(String::as_str);
        table.insert("committers", array(addresses));
    }
    let lifetime = signer.lifetime;
    for (key, value) in [
        ("from", lifetime.from),
        ("until", lifetime.until),
        ("revoked", lifetime.revoked),
    ] {
        if let Some(value) = value {
            table.insert(key, time(value));
        }
    }
    table
}

fn text(text: &str) -> Item {
    toml_edit::value(text)
}

fn array<'a>(values: impl Iterator<Item = &'a str>) -> Item {
    Item::Value(Value::Array(values.collect::<Array>()))
}

/// TOML's own form of a time, or its text where TOML has none.
fn time(time: Time) -> Item {
    let text = time.to_string();
    match text.parse::<toml_edit::Datetime>() {
        Ok(datetime) => toml_edit::value(datetime),
        Err(_) => toml_edit::value(text),
    }
}

fn absent(name: &str) -> WriteError {
    WriteError::Absent {
        name: name.to_owned(),
    }
}
