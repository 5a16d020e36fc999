//! `signhere trust instances`: whose signatures can be verified here.

use clap::Args;
use serde::Serialize;

use crate::commands::Context;
use crate::error::CliError;
use crate::output::style::{BOLD, DIM, paint};
use crate::output::text::safe;
use crate::trust::Followed;

/// List the instances that are known, and of which day their trust is
#[derive(Args, Debug)]
pub(crate) struct InstancesArgs {}

pub(crate) fn run(context: &Context) -> Result<(), CliError> {
    let all = Followed::all()?;
    let entries: Vec<Entry> = all.iter().map(Entry::of).collect();
    if context.output.is_json() {
        return context.output.document(&Document {
            version: 1,
            instances: entries,
        });
    }
    for entry in &entries {
        let state = match (&entry.as_of, entry.is_updated) {
            (Some(as_of), true) => format!("updated {as_of}"),
            (Some(as_of), false) => format!("as shipped, {as_of}"),
            (None, _) => "not usable: signhere trust update".to_owned(),
        };
        context.output.line(format_args!(
            "{}  {}  {}",
            paint(BOLD, format_args!("{:<16}", safe(&entry.name))),
            safe(&entry.url),
            paint(DIM, state)
        ))?;
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    instances: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    url: String,
    fingerprint: String,
    as_of: Option<String>,
    is_updated: bool,
}

impl Entry {
    fn of(followed: &Followed) -> Self {
        let material = followed.material(false).ok();
        Self {
            name: followed.name.clone(),
            url: followed.url.to_string(),
            fingerprint: followed.fingerprint(),
            as_of: material.as_ref().map(|material| material.as_of.to_string()),
            is_updated: material.is_some_and(|material| material.is_updated),
        }
    }
}
