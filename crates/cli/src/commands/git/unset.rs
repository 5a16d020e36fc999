//! `signhere git unset`: git signs as it did before.

use clap::Args;
use serde::Serialize;
use signhere_git::config::Scope;

use super::configured;
use super::setup::{self, Change, PlaceArgs};
use crate::commands::Context;
use crate::error::CliError;

/// Put back what git's configuration said before `signhere git setup`
///
/// Only keys that still say what setup wrote are touched.
#[derive(Args, Debug)]
pub(crate) struct UnsetArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Serialize)]
struct Report {
    version: u32,
    scope: &'static str,
    changes: Vec<Change>,
    kept: Vec<String>,
}

pub(crate) fn run(context: &Context, args: &UnsetArgs) -> Result<(), CliError> {
    let scope = args.place.scope()?;
    let (changes, kept) = put_back(scope)?;
    if context.output.is_json() {
        return context.output.document(&Report {
            version: 1,
            scope: scope.as_str(),
            changes,
            kept,
        });
    }
    setup::tell(context, scope, &changes)?;
    for key in kept {
        let note = format!("{key} was changed since, and is left as it is");
        context.output.note(note);
    }
    Ok(())
}

fn put_back(scope: Scope) -> Result<(Vec<Change>, Vec<String>), CliError> {
    let config = configured::config()?;
    let here = |key: &str| {
        let found = config.all(key).rfind(|entry| entry.scope == scope);
        found.map(|entry| entry.value.clone().unwrap_or_default())
    };
    let (mut changes, mut left) = (Vec::new(), Vec::new());
    for (key, written) in setup::wanted() {
        let kept = setup::kept_as(key);
        let Some(before) = here(&kept) else { continue };
        let now = here(key);
        let is_ours = match key {
            // The program may have moved since.
            "gpg.x509.program" => now.as_deref().is_some_and(setup::is_own),
            _ => now.as_deref() == Some(written.as_str()),
        };
        if !is_ours {
            left.push(key.to_owned());
        } else if before.is_empty() {
            setup::unset(scope, key)?;
        } else {
            setup::set(scope, key, &before)?;
        }
        setup::unset(scope, &kept)?;
        if is_ours {
            changes.push(Change {
                key: key.to_owned(),
                before: now,
                after: Some(before).filter(|value| !value.is_empty()),
            });
        }
    }
    Ok((changes, left))
}
