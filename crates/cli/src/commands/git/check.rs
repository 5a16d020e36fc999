//! `signhere git check`: what a push to a ref would be told, for the range of a pull request.

mod annotate;

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use serde::Serialize;
use signhere_git::gate::Place;

use super::gate::{Document, GateArgs, Report, exit_of, with_gate};
use super::open;
use crate::commands::Context;
use crate::env;
use crate::error::CliError;
use crate::files;

/// Judge the commits of a pull request by the target's trust file
///
/// Commits that HEAD has and BASE has not are judged as if they were pushed to the ref: by the trust file at BASE, and by
/// each change of it on the way. Exit code 50 means findings alone.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  signhere git check --base origin/main --head HEAD\n  signhere git check --base \"$BASE\" --head \"$HEAD\" --ref refs/heads/main --annotate github"
)]
pub(super) struct CheckArgs {
    /// What the pull request is for: a commit or a branch
    #[arg(long, value_name = "COMMIT")]
    base: String,
    /// What it brings
    #[arg(long, value_name = "COMMIT", default_value = "HEAD")]
    head: String,
    /// The ref that it is for [default: the branch of origin/BRANCH that --base names]
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// Also say it in the form that a forge shows beside the lines [default: github on GitHub Actions]
    #[arg(long, value_name = "FORGE")]
    annotate: Option<Forge>,
    /// Write GitLab's code quality report
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    code_quality: Option<PathBuf>,
    /// Write a SARIF 2.1.0 log
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    sarif: Option<PathBuf>,
    /// The repository's folder [default: the one here]
    #[arg(long, short = 'C', value_name = "DIR", value_hint = ValueHint::DirPath)]
    repository: Option<PathBuf>,
    #[command(flatten)]
    gate: GateArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Forge {
    /// Workflow commands on standard output
    Github,
    /// None
    None,
}

#[derive(Serialize)]
struct Checked<'a> {
    version: u32,
    #[serde(flatten)]
    document: Document<'a>,
}

pub(super) fn run(context: &Context, args: &CheckArgs) -> Result<(), CliError> {
    let reference = args.reference()?;
    let repository = open::repository(args.repository.as_deref())?;
    let base = repository.commit_of(&repository.resolve(&args.base)?)?;
    let head = repository.commit_of(&repository.resolve(&args.head)?)?;
    // What is checked out here may be the pull request itself: its trust file judges nothing.
    let place = Place::Remote("origin");
    let decision = with_gate(context, &args.gate, &repository, place, |gate| {
        Ok(gate.propose(&reference, &base, &head))
    })?;
    let report = Report::of(&decision);
    let exit = exit_of(std::slice::from_ref(&decision));
    if let Some(path) = &args.code_quality {
        files::write_atomically(path, annotate::code_quality(&report).as_bytes())?;
    }
    if let Some(path) = &args.sarif {
        let status = exit.map_or(0, crate::exit::Exit::status);
        files::write_atomically(path, annotate::sarif(&report, status)?.as_bytes())?;
    }
    if context.output.is_json() {
        context.output.document(&Checked {
            version: 1,
            document: report.document(),
        })?;
    } else {
        for line in report.lines() {
            context.output.line(annotate::tame(&line))?;
        }
        let is_github = env::var("GITHUB_ACTIONS").as_deref() == Some("true");
        if args
            .annotate
            .map_or(is_github, |forge| forge == Forge::Github)
        {
            for line in annotate::github(&report) {
                context.output.raw(line)?;
            }
        }
    }
    match exit {
        Some(exit) => Err(CliError::reported(exit)),
        None => Ok(()),
    }
}

impl CheckArgs {
    fn reference(&self) -> Result<String, CliError> {
        match (&self.reference, self.base.split_once('/')) {
            (Some(name), _) if name.starts_with("refs/") => Ok(name.clone()),
            (Some(name), _) => Ok(format!("refs/heads/{name}")),
            (None, Some(("origin", branch))) => Ok(format!("refs/heads/{branch}")),
            (None, _) => Err(CliError::usage(
                "--ref is needed: which rules apply is a question of the ref",
            )
            .expected("--ref refs/heads/main")),
        }
    }
}
