//! `signhere trust update`: what is trusted, asked for anew.

use clap::Args;
use serde::Serialize;

use crate::commands::{Context, block_on};
use crate::error::CliError;
use crate::login::http_client;
use crate::output::style::{BOLD, GOOD, paint};
use crate::output::text::safe;
use crate::trust::{Followed, Updated};

/// Ask instances for their current trust
///
/// The repository of each is followed by TUF from the root that is known. `signhere verify` does this by itself when
/// what it has is a week old; here a failure is one.
#[derive(Args, Debug)]
pub(crate) struct UpdateArgs {
    /// The instances [default: every one but staging]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

pub(crate) fn run(context: &Context, args: &UpdateArgs) -> Result<(), CliError> {
    context.need_network("asking for the current trust")?;
    let instances = chosen(&args.names)?;
    let http = http_client();
    let mut done = Vec::new();
    let mut first_failure = None;
    for followed in &instances {
        let outcome = block_on(followed.update(&http));
        match &outcome {
            Ok(updated) if !context.output.is_json() => {
                context.output.line(format_args!(
                    "{}  {}",
                    paint(GOOD, "ok"),
                    line(followed, updated)
                ))?;
            }
            Ok(_) => {}
            Err(error) => {
                if !context.output.is_json() {
                    context.output.error(error);
                }
                first_failure.get_or_insert_with(|| error.exit());
            }
        }
        done.push((followed, outcome));
    }
    if context.output.is_json() {
        context.output.document(&Document {
            version: 1,
            updated: first_failure.is_none(),
            instances: done
                .iter()
                .map(|(followed, outcome)| report(followed, outcome))
                .collect(),
        })?;
    }
    first_failure.map_or(Ok(()), |exit| Err(CliError::reported(exit)))
}

fn chosen(names: &[String]) -> Result<Vec<Followed>, CliError> {
    if names.is_empty() {
        let mut all = Followed::all()?;
        all.retain(|known| known.name != "staging");
        return Ok(all);
    }
    let find = |name: &String| {
        Followed::find(name)?.ok_or_else(|| {
            CliError::usage(format!("there is no instance {name}"))
                .expected("one that `signhere trust instances` lists")
        })
    };
    names.iter().map(find).collect()
}

/// What an update led to, in one line.
pub(super) fn line(followed: &Followed, updated: &Updated) -> String {
    let until = updated.expires.map(|time| format!(", good until {time}"));
    format!(
        "{} is up to date: root version {}{}",
        paint(BOLD, safe(&followed.name)),
        updated.root,
        until.unwrap_or_default()
    )
}

fn report<'a>(followed: &'a Followed, outcome: &Result<Updated, CliError>) -> Entry<'a> {
    let updated = outcome.as_ref().ok();
    Entry {
        name: &followed.name,
        url: followed.url.as_str(),
        root_version: updated.map(|updated| updated.root),
        expires: updated
            .and_then(|updated| updated.expires)
            .map(|time| time.to_string()),
        error: outcome.as_ref().err().map(CliError::fields),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    updated: bool,
    instances: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    name: &'a str,
    url: &'a str,
    root_version: Option<u64>,
    expires: Option<String>,
    error: Option<crate::error::ErrorFields>,
}
