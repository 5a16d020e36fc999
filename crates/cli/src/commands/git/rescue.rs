//! `signhere git rescue`: fetch the log entries that were never embedded, once.

mod search;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use signhere_git::cms::GitSignature;
use signhere_git::notes::Notes;
use signhere_git::object::{Object, ObjectId};
use signhere_git::proof::{LoggedForm, Wanted};
use signhere_git::repository::Repository;
use signhere_git::rescue::Rescued;
use signhere_git::verdict::{GitVerdict, Missing, Outcome};
use signhere_git::verifier::GitVerifier;
use signhere_verify::bundle::Bundle;
use url::Url;

use self::search::Search;
use super::noting::NotingArgs;
use super::{open, verify};
use crate::commands::{Context, block_on};
use crate::error::{CliError, ErrorFields};
use crate::exit::Exit;
use crate::login;
use crate::output::progress;
use crate::output::text::safe;
use crate::trust::{self, TrustArgs};

/// After so many entries they are noted: what was found is kept when the rest is interrupted.
const KEPT_AT_ONCE: usize = 32;
/// What takes less is not announced.
const WORTH_TELLING: Duration = Duration::from_secs(20);

/// Fetch the log entries of commits and tags that were signed without them
///
/// gitsign's online mode, its default, has each signature logged and keeps nothing of that. This asks the log for the
/// entries, verifies each as a stranger would, and keeps them in notes, from where `signhere git verify` takes them
/// offline. Interrupt it as you like, and run it again to go on where it stopped.
#[derive(Args, Debug)]
pub(crate) struct RescueArgs {
    /// The commits and tags: a range is what B has and A has not [default: HEAD]
    #[arg(value_name = "A..B|COMMIT|TAG")]
    revisions: Vec<String>,
    /// All commits and annotated tags that a branch, a tag or another ref leads to, but for notes
    #[arg(long, conflicts_with = "revisions")]
    all: bool,
    /// The log to ask [default: that of the first generation that the instance's signing config names]
    #[arg(long, value_name = "URL")]
    log: Option<Url>,
    /// How many requests a second the log is asked at most
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rate: u32,
    #[command(flatten)]
    noting: NotingArgs,
    #[command(flatten)]
    trust: TrustArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    version: u32,
    log: Option<String>,
    rescued: Vec<Found>,
    /// Objects that were proven already.
    already: usize,
    /// Objects without a signature that could be in a log.
    others: usize,
    missing: Vec<NotFound>,
    pushed: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    object: String,
    form: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NotFound {
    object: String,
    error: ErrorFields,
}

/// What is to be done.
struct Work {
    wanted: Vec<Wanted>,
    already: usize,
    others: usize,
}

pub(crate) fn run(context: &Context, args: &RescueArgs) -> Result<(), CliError> {
    context.need_network("asking a log")?;
    let repository = args.noting.open()?;
    let (verifier, _) = open::verifier(context, &args.trust)?;
    let ids = verify::objects(&repository, &args.revisions, args.all)?;
    let work = Work::of(&repository, &verifier, &ids)?;
    let (already, others) = (work.already, work.others);
    let mut log = None;
    let mut outcomes = Outcomes::default();
    if !work.wanted.is_empty() {
        let url = log_of(context, args)?;
        let shown = signhere_http::shown(&url);
        let search = Search::new(login::http_client(), url, verifier, args.rate);
        let count = work.wanted.len();
        let estimate = search.estimate(count);
        if estimate >= WORTH_TELLING {
            let (minutes, rate) = (estimate.as_secs().div_ceil(60), args.rate);
            let line = format_args!(
                "asking {shown} for {count} entries, {rate} requests a second: {minutes} minutes or more; what is found is kept when you interrupt it"
            );
            context.output.note(line);
        }
        let bar = progress::files(context.output, "asking the log for", count);
        let outcome = block_on(async {
            let interrupted = async {
                // Where there are no signals, nobody interrupts it.
                if tokio::signal::ctrl_c().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            let mut each = |id, outcome| {
                bar.inc(1);
                outcomes.take(args, &repository, id, outcome)
            };
            search.all(work.wanted, interrupted, &mut each).await;
            Ok(())
        });
        bar.finish_and_clear();
        outcome?;
        outcomes.keep(args, &repository);
        log = Some(shown);
    }
    if let Some(error) = outcomes.failed.take() {
        return Err(error);
    }
    let pushed = args.noting.share(context, &repository)?;
    outcomes.report(context, log, already, others, pushed)
}

impl Work {
    fn of(
        repository: &Repository,
        verifier: &GitVerifier,
        ids: &[ObjectId],
    ) -> Result<Self, CliError> {
        // Notes that cannot be opened cannot be written either.
        let notes = Notes::open(repository)?;
        let mut this = Self {
            wanted: Vec::new(),
            already: 0,
            others: 0,
        };
        repository.objects(ids, &mut |id, raw| {
            let object = raw
                .ok()
                .and_then(|raw| Object::parse(raw.kind, raw.bytes).ok());
            let Some(object) = object else {
                this.others = this.others.saturating_add(1);
                return;
            };
            let bundles = match notes.has(id) {
                true => notes.of(id).bundles,
                false => Vec::new(),
            };
            let verdict = verifier.verify_with(&object, &bundles, None);
            match wanted(&object, &verdict) {
                Some(wanted) => this.wanted.push(wanted),
                None if verdict.outcome == Outcome::Proven => {
                    this.already = this.already.saturating_add(1);
                }
                None => this.others = this.others.saturating_add(1),
            }
        })?;
        Ok(this)
    }
}

/// What to look for, where a good signature lacks its entry and nothing else.
fn wanted(object: &Object, verdict: &GitVerdict) -> Option<Wanted> {
    match &verdict.outcome {
        Outcome::Unproven(missing) if missing.contains(&Missing::Log) => {}
        _ => return None,
    }
    let signature = GitSignature::from_armor(object.own_signature()?).ok()?;
    let attributes = signature.attributes_set().to_vec();
    Some(Wanted::new(
        object,
        signature.certificate().clone(),
        attributes,
    ))
}

/// The log that was used when entries were not embedded.
fn log_of(context: &Context, args: &RescueArgs) -> Result<Url, CliError> {
    if let Some(log) = &args.log {
        return Ok(log.clone());
    }
    let http = login::http_client();
    let instance = block_on(trust::instance(context, &args.trust, None, &http))?;
    let logs = instance.signing_config.rekor_tlog_urls.iter();
    let mut logs = logs.filter(|log| log.major_api_version == 1);
    let url = logs.find_map(|log| Url::parse(&log.url).ok());
    url.ok_or_else(|| {
        let message =
            "the instance names no log that can be searched: logs of the second generation cannot";
        CliError::new(Exit::Trust, "SH-GIT-RESCUE-LOG", message)
    })
}

/// What came of it.
#[derive(Default)]
struct Outcomes {
    found: Vec<Found>,
    missing: BTreeMap<String, CliError>,
    unkept: Vec<(ObjectId, Vec<Bundle>)>,
    /// Why the rest is not kept.
    failed: Option<CliError>,
}

impl Outcomes {
    fn take(
        &mut self,
        args: &RescueArgs,
        repository: &Repository,
        id: ObjectId,
        outcome: Result<Rescued, CliError>,
    ) -> ControlFlow<()> {
        match outcome {
            Ok(rescued) => {
                self.found.push(Found {
                    object: id.to_string(),
                    form: form(rescued.proof.form),
                });
                self.unkept.push((id, vec![rescued.bundle]));
            }
            Err(error) => drop(self.missing.insert(id.to_string(), error)),
        }
        if self.unkept.len() >= KEPT_AT_ONCE {
            self.keep(args, repository);
        }
        match self.failed {
            // What cannot be kept is not asked for.
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }

    fn keep(&mut self, args: &RescueArgs, repository: &Repository) {
        let unkept = std::mem::take(&mut self.unkept);
        if !unkept.is_empty()
            && let Err(error) = args.noting.add(repository, &unkept)
        {
            self.failed.get_or_insert(error);
        }
    }

    fn report(
        self,
        context: &Context,
        log: Option<String>,
        already: usize,
        others: usize,
        pushed: Option<&str>,
    ) -> Result<(), CliError> {
        let exit = self.exit();
        let missing = self.missing.len();
        if context.output.is_json() {
            let missing = self.missing.into_iter();
            context.output.document(&Report {
                version: 1,
                log,
                rescued: self.found,
                already,
                others,
                missing: missing
                    .map(|(object, error)| NotFound {
                        object,
                        error: error.fields(),
                    })
                    .collect(),
                pushed,
            })?;
            return exit.map_or(Ok(()), |exit| Err(CliError::reported(exit)));
        }
        let mut unasked: BTreeMap<&str, usize> = BTreeMap::new();
        for (object, error) in &self.missing {
            if error.code() == "SH-GIT-RESCUE-NOT-ASKED" {
                let count = unasked.entry(error.message()).or_default();
                *count = count.saturating_add(1);
                continue;
            }
            let line = safe(&format!("{object}: {}", error.message())).to_string();
            context.output.line(line)?;
        }
        for (why, count) in unasked {
            context.output.line(format_args!("{count} more: {why}"))?;
        }
        let found = self.found.len();
        context.output.line(format_args!(
            "{found} rescued, {already} proven already, {missing} not found, {others} of other kinds"
        ))?;
        match exit {
            None => Ok(()),
            Some(exit) => {
                let message = format!("{missing} signatures have no log entry");
                Err(CliError::new(exit, "SH-GIT-RESCUE", message))
            }
        }
    }

    /// Findings where something is missing; to try again where that is for want of an answer.
    fn exit(&self) -> Option<Exit> {
        let mut exits = self.missing.values().map(CliError::exit);
        match self.missing.is_empty() {
            true => None,
            false if exits.any(|exit| exit == Exit::Retry) => Some(Exit::Retry),
            false => Some(Exit::Findings),
        }
    }
}

fn form(form: LoggedForm) -> &'static str {
    match form {
        LoggedForm::Id => "id",
        LoggedForm::Sha1Id => "sha1Id",
        LoggedForm::HeaderId => "headerId",
        LoggedForm::Attributes => "attributes",
        _ => "other",
    }
}
