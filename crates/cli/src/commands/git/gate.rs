//! What the gates have in common: by what they judge, and how they say what they decided.

mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueHint};
use signhere_git::cache::{self, Cache};
use signhere_git::gate::{Decision, Gate, Place, RefRefusal};
use signhere_git::notes::{NOTES_REF, Notes};
use signhere_git::policy::{Limits, Proofs};
use signhere_git::repository::Repository;
use signhere_pki::time::Clock as _;

use super::open;
use crate::clock::SystemClock;
use crate::commands::Context;
use crate::env;
use crate::error::CliError;
use crate::error::repository::not_kept;
use crate::exit::Exit;
use crate::output::text::safe;
use crate::trust::TrustArgs;

pub(super) use report::{Document, Report};

/// The program by which these were proven, and the version of what is kept.
const PROGRAM: &str = concat!("signhere ", env!("CARGO_PKG_VERSION"), " proof 1");

/// By what is judged, and how much at most.
#[derive(Args, Clone, Debug)]
pub(super) struct GateArgs {
    /// The trust file that judges everything [default: each commit is judged by .signhere/trust.toml as it was before it]
    #[arg(long = "trust", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) trust_file: Option<PathBuf>,
    /// How many commits of a ref are judged at most; of a whole push ten times as many
    #[arg(long, value_name = "COUNT", default_value_t = 20_000)]
    max_commits: usize,
    /// How long judging may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    seconds: u64,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Judges with a gate for the refs at `place`.
pub(super) fn with_gate<T>(
    context: &Context,
    args: &GateArgs,
    repository: &Repository,
    place: Place<'_>,
    judge: impl FnOnce(&Gate<'_>) -> Result<T, RefRefusal>,
) -> Result<T, CliError> {
    let (verifier, trust) = open::verifier(context, &args.trust)?;
    let notes = Notes::open(repository)
        .map_err(|error| {
            let text = format!("note: {NOTES_REF} is left out: {error}");
            context.output.note(safe(&text));
        })
        .ok();
    let kept = env::cache_dir().and_then(|folder| {
        let cache = cache::Context::new(PROGRAM, &trust, "");
        let judged = open::folders(repository);
        let judged: Vec<&Path> = judged.iter().map(PathBuf::as_path).collect();
        let opened = Cache::open(&folder.join(open::VERDICTS), cache, &judged);
        opened
            .map_err(|error| context.output.note(safe(&not_kept(&error))))
            .ok()
    });
    let mut proofs = Proofs::new(&verifier, notes.as_ref());
    if let Some(cache) = &kept {
        proofs = proofs.kept_in(cache);
    }
    let named = args.trust_file.as_deref().map(open::policy).transpose()?;
    let clock = SystemClock;
    let end = clock
        .elapsed()
        .saturating_add(Duration::from_secs(args.seconds));
    let limits = Limits {
        commits: args.max_commits,
        is_over: &|| clock.elapsed() > end,
    };
    let gate = Gate::new(
        repository,
        place,
        &proofs,
        named.map(Arc::new),
        clock.now(),
        limits,
    );
    let judged = gate.and_then(|gate| judge(&gate));
    if let Some(Err(error)) = kept.as_ref().map(Cache::flush) {
        context.output.note(safe(&not_kept(&error)));
    }
    judged.map_err(|refusal| CliError::from(&refusal))
}

/// How the process ends that decided this: the worst of all.
pub(super) fn exit_of(decisions: &[Decision]) -> Option<Exit> {
    const ORDER: [Exit; 9] = [
        Exit::Failed,
        Exit::Trust,
        Exit::NoMatchingSignature,
        Exit::OtherSigner,
        Exit::Unlisted,
        Exit::NotAllowed,
        Exit::NoSignature,
        Exit::NoCertificate,
        Exit::Unproven,
    ];
    let reports = decisions.iter().map(Report::of);
    let exits: Vec<Exit> = reports.flat_map(|report| report.exits()).collect();
    let worst = ORDER.into_iter().find(|exit| exits.contains(exit));
    worst.or_else(|| exits.first().copied())
}
