//! `signhere trust learn`: who signed these files, and the commands that would list them.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_verify::bundle::Bundle;
use signhere_verify::policy::{Signer, entry, propose};
use signhere_verify::verdict::{Step, StepName, Verdict};
use signhere_verify::verifier::Artifact;

use crate::commands::Context;
use crate::commands::verify::BUNDLE_LIMIT;
use crate::error::{CliError, ErrorFields};
use crate::output::style::{DIM, paint, tick};
use crate::output::text::safe;
use crate::trust::{self, Known, TrustArgs};
use crate::{files, policy};

/// No artifact is larger that has to be in memory.
const BYTES_LIMIT: u64 = 256 * 1024 * 1024;

/// Show who signed files, and the commands that would allow them: nothing is added
///
/// Each signature is verified first. Who signed is not who may sign: read the names before you run
/// a command.
#[derive(Args, Debug)]
pub(super) struct LearnArgs {
    /// The files, each with its bundle beside it
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
}

pub(super) fn run(context: &Context, args: &LearnArgs) -> Result<(), CliError> {
    let instance = policy::instance(context, &args.trust)?;
    let known = trust::known(context, &args.trust)?;
    let mut learned: Vec<Learned> = Vec::new();
    for file in &args.files {
        let outcome = learn(context, file, &known, instance.as_deref());
        let one = Learned::of(file, outcome);
        if !context.output.is_json() {
            one.show(context)?;
        }
        learned.push(one);
    }
    let failed = learned.iter().find_map(|one| one.failed.clone());
    if context.output.is_json() {
        context.output.document(&Report {
            version: 1,
            results: learned,
        })?;
    }
    match failed {
        Some(error) => Err(CliError::reported(error.exit())),
        None => Ok(()),
    }
}

fn learn(
    context: &Context,
    file: &Path,
    known: &Known,
    instance: Option<&str>,
) -> Result<(Verdict, Signer), CliError> {
    let path = files::bundle_path(file);
    let bundle = Bundle::parse(&files::read(&path, BUNDLE_LIMIT)?)?;
    let chosen = known.choose(&bundle)?;
    let (verifier, instance) = (&chosen.verifier, chosen.instance.as_deref().or(instance));
    let hashes = bundle.required_hashes();
    let verdict = if hashes.is_empty() {
        let bytes = files::read(file, BYTES_LIMIT)?;
        verifier.prove(&bundle, &Artifact::Bytes(&bytes), None)
    } else {
        let digests = files::digests(file, &hashes, context.output)?;
        verifier.prove(&bundle, &Artifact::Digests(&digests), None)
    };
    let key = bundle.logged_key();
    match propose(&verdict, key.as_ref(), instance) {
        Ok(signer) => Ok((verdict, signer)),
        Err(why) => Err(match &verdict.failure {
            Some(failure) if failure.step != StepName::Policy => failure.into(),
            _ => why.into(),
        }),
    }
}

#[derive(Serialize)]
struct Report {
    version: u32,
    results: Vec<Learned>,
}

/// What a file's signature says of who might be listed.
#[derive(Serialize)]
struct Learned {
    file: String,
    identity: Option<String>,
    issuer: Option<String>,
    time: Option<String>,
    entry: Option<String>,
    command: Option<String>,
    error: Option<ErrorFields>,
    #[serde(skip)]
    failed: Option<CliError>,
}

impl Learned {
    fn of(file: &Path, outcome: Result<(Verdict, Signer), CliError>) -> Self {
        let mut this = Self {
            file: file.display().to_string(),
            identity: None,
            issuer: None,
            time: None,
            entry: None,
            command: None,
            error: None,
            failed: None,
        };
        match outcome {
            Ok((verdict, signer)) => {
                this.identity = verdict.signer().map(|found| found.identity.clone());
                this.issuer = verdict.signer().map(|found| found.issuer.clone());
                if let Some(Step::Time(time)) = verdict.step(StepName::Time) {
                    let times = time.times.iter().map(|source| source.time);
                    this.time = times.min().map(|time| time.to_string());
                }
                this.entry = Some(entry(&signer));
                this.command = Some(policy::add_command(&signer));
            }
            Err(error) => {
                let error = error.about(&this.file);
                this.error = Some(error.fields());
                this.failed = Some(error);
            }
        }
        this
    }

    fn show(&self, context: &Context) -> Result<(), CliError> {
        let output = context.output;
        if let Some(error) = &self.failed {
            output.error(error);
            return Ok(());
        }
        output.line(format!("{} {}", tick(), safe(&self.file)))?;
        let facts = [
            ("signed by", &self.identity),
            ("through", &self.issuer),
            ("at", &self.time),
            ("to allow", &self.command),
        ];
        for (name, fact) in facts {
            if let Some(fact) = fact {
                let name = paint(DIM, format_args!("{name:<9}"));
                output.line(format!("   {name} {}", safe(fact)))?;
            }
        }
        Ok(())
    }
}
