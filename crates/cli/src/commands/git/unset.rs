//! `signhere git unset`: git signs as it did before.

use clap::Args;
use serde::Serialize;

use super::kept::{self, Change};
use super::setup::{self, PlaceArgs};
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
    let (changes, kept) = kept::put_back(scope)?;
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
