//! `signhere git receive`: what the hook runs. It judges a push, and fails unless all of it may be let through.

use std::io;
use std::path::Path;

use clap::Args;
use signhere_git::gate::{Place, Update};
use signhere_git::object::ObjectFormat;
use signhere_git::policy::History;
use signhere_git::repository::{Quarantine, Repository};

use super::gate::{GateArgs, Report, exit_of, with_gate};
use super::open;
use crate::args::GlobalArgs;
use crate::commands::Context;
use crate::env;
use crate::error::CliError;
use crate::files;

/// What git says of a push, in bytes.
const MAX_INPUT: u64 = 8 << 20;

/// Judge a push, as the hook does
///
/// Reads `OLD NEW REF` lines, as git writes them to a pre-receive hook. Nothing is fetched; any failure refuses the push.
#[derive(Args, Debug)]
pub(super) struct ReceiveArgs {
    /// As an update hook: one ref, and what it is moved from and to
    #[arg(long, num_args = 3, value_names = ["REF", "OLD", "NEW"], conflicts_with = "pre_push")]
    update: Vec<String>,
    /// As a pre-push hook: the remote's name and address
    #[arg(long, num_args = 2, value_names = ["REMOTE", "URL"])]
    pre_push: Vec<String>,
    #[command(flatten)]
    gate: GateArgs,
}

pub(super) fn run(context: &Context, args: &ReceiveArgs) -> Result<(), CliError> {
    // A push is not kept waiting for the network, and nobody is there to be asked.
    let context = &Context::new(GlobalArgs {
        offline: true,
        no_input: true,
        ..context.global.clone()
    });
    let here = std::path::absolute(".").map_err(|error| CliError::internal(&error))?;
    if let [remote, _] = args.pre_push.as_slice() {
        return pre_push(context, args, remote, &here);
    }
    let repository = match Quarantine::from_variables(env::all_raw(), &here) {
        Some(quarantine) => Repository::receiving(open::git(), quarantine)?,
        None => open::repository(None)?,
    };
    let format = repository.format();
    let updates = match args.update.as_slice() {
        [name, old, new] => vec![Update::new(name, old, new, format)?],
        _ => Update::parse_all(&input()?, format)?,
    };
    decide(context, args, &repository, &updates)
}

fn decide(
    context: &Context,
    args: &ReceiveArgs,
    repository: &Repository,
    updates: &[Update],
) -> Result<(), CliError> {
    let decisions = with_gate(context, &args.gate, repository, Place::Here, |gate| {
        Ok(updates
            .iter()
            .map(|update| gate.decide(update))
            .collect::<Vec<_>>())
    })?;
    for decision in &decisions {
        for line in Report::of(decision).lines() {
            // Git shows it to whoever pushes, each line after `remote:`.
            context.output.note(line);
        }
    }
    match decisions.iter().all(|decision| decision.is_allowed()) {
        true => Ok(()),
        false => Err(CliError::reported(
            exit_of(&decisions).unwrap_or(crate::exit::Exit::NotAllowed),
        )),
    }
}

/// Says before a push what the server would say. It can be left out by whoever pushes: it is no gate.
fn pre_push(
    context: &Context,
    args: &ReceiveArgs,
    remote: &str,
    here: &Path,
) -> Result<(), CliError> {
    let repository = open::repository(Some(here))?;
    let mut updates = pushed(&input()?, repository.format())?;
    for update in &mut updates {
        // Where the remote is may not be known here: then the push is judged as a new ref.
        if let Some(old) = update.old
            && !History::has(&repository, &old)?
        {
            update.old = None;
        }
    }
    let place = Place::Remote(remote);
    let decisions = with_gate(context, &args.gate, &repository, place, |gate| {
        let decide = |update| gate.decide(update);
        let decisions = || updates.iter().map(decide).collect::<Vec<_>>();
        Ok(gate.has_default().then(decisions))
    })?;
    let Some(decisions) = decisions else {
        context.output.note(format_args!(
            "note: nothing is known of the default branch of {}, and the push is not judged here: git remote set-head {0} -a",
            crate::output::text::safe(remote)
        ));
        return Ok(());
    };
    let refused: Vec<_> = decisions
        .into_iter()
        .filter(|one| !one.is_allowed())
        .collect();
    for decision in &refused {
        for line in Report::of(decision).lines() {
            context.output.note(line);
        }
    }
    match exit_of(&refused) {
        Some(exit) if !refused.is_empty() => Err(CliError::reported(exit)),
        _ => Ok(()),
    }
}

/// The lines of a pre-push hook: `LOCAL-REF LOCAL-ID REMOTE-REF REMOTE-ID`.
fn pushed(text: &str, format: ObjectFormat) -> Result<Vec<Update>, CliError> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, new, name, old] = words.as_slice() else {
            return Err(signhere_git::gate::UpdateError::Form);
        };
        Update::new(name, old, new, format)
    };
    Ok(text.lines().map(line).collect::<Result<_, _>>()?)
}

fn input() -> Result<String, CliError> {
    let bytes = files::read_from(io::stdin().lock(), Path::new("standard input"), MAX_INPUT)?;
    String::from_utf8(bytes).map_err(|_| {
        CliError::new(
            crate::exit::Exit::Usage,
            "SH-GIT-PUSH",
            "what git tells of the push is not UTF-8",
        )
    })
}
