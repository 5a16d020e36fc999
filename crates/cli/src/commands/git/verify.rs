//! `signhere git verify`: who signed these commits and tags?

mod args;
mod cached;
mod judge;
mod policy;
mod record;
mod report;
mod revisions;

use indicatif::ProgressBar;
use signhere_git::object::ObjectId;
use signhere_git::repository::Repository;

pub(crate) use self::args::GitVerifyArgs;
use self::judge::Judge;
use self::record::Record;
use self::report::Report;
use self::revisions::Asked;
use super::open;
use crate::commands::{Context, batch};
use crate::error::CliError;
use crate::output::progress;

/// How many objects a thread takes at once.
const CHUNK: usize = 32;

pub(crate) fn run(context: &Context, args: &GitVerifyArgs) -> Result<(), CliError> {
    let inner = report::context(context, args)?;
    let repository = open::repository(args.repository.as_deref())?;
    let asked = Asked::resolve(&repository, args)?;
    let judge = Judge::new(context, args, &repository, &asked)?;
    let mut report = Report::new(&inner, args, &asked);
    let bar = progress::files(context.output, "verifying", asked.objects.len());
    let chunks: Vec<_> = asked.objects.chunks(CHUNK).collect();
    let mut undecided = Vec::new();
    let mut outcome = batch::in_order(
        &chunks,
        |chunk| judge.objects(chunk),
        |records: Result<Vec<Record>, CliError>| {
            if judge.has_rules() {
                undecided.extend(records?);
                bar.set_position(u64::try_from(undecided.len()).unwrap_or(u64::MAX));
                return Ok(());
            }
            take(records?, &mut report, &bar)
        },
    );
    if outcome.is_ok() {
        outcome = judge.decide(&asked, &mut undecided);
    }
    outcome = outcome.and_then(|()| take(undecided, &mut report, &bar));
    bar.finish_and_clear();
    // What was found out before an error is not found out again.
    judge.finish(context);
    outcome?;
    report.conclude(context, args)
}

/// The commits and tags that `revisions` name, or all there are.
pub(super) fn objects(
    repository: &Repository,
    revisions: &[String],
    all: bool,
) -> Result<Vec<ObjectId>, CliError> {
    Ok(Asked::of(repository, revisions, all, false)?.objects)
}

fn take(records: Vec<Record>, report: &mut Report<'_>, bar: &ProgressBar) -> Result<(), CliError> {
    for record in records {
        bar.suspend(|| report.show(&record))?;
        bar.inc(1);
        report.add(record);
    }
    Ok(())
}
